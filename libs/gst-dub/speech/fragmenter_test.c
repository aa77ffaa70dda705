/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules of system.md section 4, on a made-up detector. */
#include "fragmenter.h"

#include "sound/samples.h"

#define HOPS(ms) ((ms) / 10)
#define SAMPLES(ms) DUB_MS_TO_SAMPLES(ms)
/* What is added before and behind the speech itself. */
#define LEAD_MS 200
#define TRAIL_MS 120

struct fixture {
    struct dub_fragmenter fragmenter;
    struct dub_fragment_span spans[32];
    int64_t sent_at[32]; /* position when it was found complete */
    unsigned n;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    dub_fragmenter_init(&f->fragmenter, DUB_FRAGMENTER_VAD, 0);
    f->n = 0;
}

static void tear_down(struct fixture *f, gconstpointer data)
{
}

static void hop(struct fixture *f, const struct dub_fragmenter_hop *hop)
{
    if (dub_fragmenter_hop(&f->fragmenter, hop, &f->spans[f->n]))
        f->sent_at[f->n++] = f->fragmenter.position;
}

static void speak(struct fixture *f, int ms)
{
    struct dub_fragmenter_hop voice = {.speech = true, .level_db = -20, .speech_likeness = 1};
    for (int i = 0; i < HOPS(ms); i++)
        hop(f, &voice);
}

static void pause_for(struct fixture *f, int ms)
{
    struct dub_fragmenter_hop nothing = {.level_db = -70};
    for (int i = 0; i < HOPS(ms); i++)
        hop(f, &nothing);
}

static void assert_span(const struct fixture *f, unsigned i, int start_ms, int end_ms)
{
    g_assert_cmpuint(f->n, >, i);
    g_assert_cmpint(f->spans[i].start, ==, SAMPLES(start_ms));
    g_assert_cmpint(f->spans[i].end, ==, SAMPLES(end_ms));
}

static void test_ends_at_300_ms(struct fixture *f, gconstpointer data)
{
    pause_for(f, 1000);
    speak(f, 2000);
    pause_for(f, 290);
    g_assert_cmpuint(f->n, ==, 0);
    pause_for(f, 10);
    assert_span(f, 0, 1000 - LEAD_MS, 3000 + TRAIL_MS);
    g_assert_cmpint(f->sent_at[0], ==, SAMPLES(3300));
    g_assert_cmpint(f->spans[0].pause, ==, SAMPLES(300 - TRAIL_MS));
}

static void test_shorter_pauses_stay_inside(struct fixture *f, gconstpointer data)
{
    pause_for(f, 500);
    speak(f, 1000);
    pause_for(f, 250);
    speak(f, 1000);
    pause_for(f, 400);
    g_assert_cmpuint(f->n, ==, 1);
    assert_span(f, 0, 500 - LEAD_MS, 2750 + TRAIL_MS);
}

static void test_next_does_not_reach_back(struct fixture *f, gconstpointer data)
{
    dub_fragmenter_set_limits(&f->fragmenter, SAMPLES(2000), SAMPLES(2000), SAMPLES(500));
    pause_for(f, 500);
    speak(f, 2000); /* beyond the soft limit of 1.5 s: 120 ms are enough */
    pause_for(f, 130);
    speak(f, 1500);
    pause_for(f, 400);
    g_assert_cmpuint(f->n, ==, 2);
    g_assert_cmpint(f->spans[0].end, ==, SAMPLES(2500 + 120));
    g_assert_cmpint(f->spans[1].start, ==, f->spans[0].end);
}

static void test_soft_limit_not_yet_reached(struct fixture *f, gconstpointer data)
{
    dub_fragmenter_set_limits(&f->fragmenter, SAMPLES(3000), SAMPLES(2000), SAMPLES(500));
    pause_for(f, 500);
    speak(f, 2000);
    pause_for(f, 200);
    g_assert_cmpuint(f->n, ==, 0);
    speak(f, 500);
    pause_for(f, 120);
    g_assert_cmpuint(f->n, ==, 1);
}

static void test_hard_limit_cuts_at_the_quietest(struct fixture *f, gconstpointer data)
{
    struct dub_fragmenter_hop soft = {.speech = true, .level_db = -35, .speech_likeness = 1};
    dub_fragmenter_set_limits(&f->fragmenter, SAMPLES(3000), SAMPLES(2000), SAMPLES(1000));
    pause_for(f, 1000);
    speak(f, 3300);
    for (int i = 0; i < 10; i++)
        hop(f, &soft); /* 4300..4400 ms */
    speak(f, 2000);
    g_assert_cmpuint(f->n, ==, 1);
    assert_span(f, 0, 1000 - LEAD_MS, 4350);
    g_assert_cmpint(f->sent_at[0] - f->spans[0].start, ==, SAMPLES(4000));
    pause_for(f, 400);
    assert_span(f, 1, 4350, 6400 + TRAIL_MS);
}

/* delay, lag bound and round trip -> soft and hard limit, all in ms. */
static void test_limits(struct fixture *f, gconstpointer data)
{
    static const struct {
        int delay_ms, max_lag_ms, rtt_ms, soft_ms, hard_ms;
    } rows[] = {
        {3000, 2000, 500, 2500, 4500},   {3000, 0, 500, 2500, 2500},     {5000, 2000, 1050, 3950, 5950},
        {2000, 2000, 1000, 1000, 3000},  {2000, 2000, 1010, 1000, 2990}, {2000, 0, 5000, 1000, 1000},
        {8000, 2000, 500, 6000, 6000},   {4000, 2000, 0, 4000, 6000},    {30000, 2000, 500, 6000, 6000},
        {6500, 10000, 1000, 5500, 6000},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        dub_fragmenter_set_limits(&f->fragmenter, SAMPLES(rows[i].delay_ms), SAMPLES(rows[i].max_lag_ms),
                                  SAMPLES(rows[i].rtt_ms));
        g_assert_cmpint(f->fragmenter.soft_samples, ==, SAMPLES(rows[i].soft_ms));
        g_assert_cmpint(f->fragmenter.hard_samples, ==, SAMPLES(rows[i].hard_ms));
    }
}

/* With a soft limit of 2.5 s and a hard one of 4.5 s: which pause ends speech of which length. The length is
 * the fragment's, with what is added at its ends. */
static void test_which_pause_ends_which_speech(struct fixture *f, gconstpointer data)
{
    static const struct {
        int speech_ms, enough_ms;
    } rows[] = {
        {400, 1000}, {670, 1000}, {680, 300},  {1000, 300}, {2000, 300},
        {2180, 300}, {2190, 120}, {3000, 120}, {4100, 120},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        set_up(f, NULL);
        dub_fragmenter_set_limits(&f->fragmenter, SAMPLES(3000), SAMPLES(2000), SAMPLES(500));
        pause_for(f, 500);
        speak(f, rows[i].speech_ms);
        pause_for(f, rows[i].enough_ms - 10);
        g_assert_cmpuint(f->n, ==, 0);
        pause_for(f, 10);
        g_assert_cmpuint(f->n, ==, 1);
        assert_span(f, 0, 500 - LEAD_MS, 500 + rows[i].speech_ms + TRAIL_MS);
    }
}

/* Under the shortest limits speech without a pause is cut into pieces of about a second. */
static void test_shortest_limits(struct fixture *f, gconstpointer data)
{
    dub_fragmenter_set_limits(&f->fragmenter, SAMPLES(2000), SAMPLES(0), SAMPLES(5000));
    speak(f, 20000);
    for (unsigned i = 0; i < f->n; i++)
        g_assert_cmpint(f->spans[i].end - f->spans[i].start, <=, SAMPLES(1000));
    g_assert_cmpuint(f->n, >=, 19);
}

/* Only the last second before the limit counts, and of it nothing that would leave less than a second. */
static void test_cut_is_within_the_last_second(struct fixture *f, gconstpointer data)
{
    struct dub_fragmenter_hop soft = {.speech = true, .level_db = -40, .speech_likeness = 1};
    struct dub_fragmenter_hop softer = {.speech = true, .level_db = -50, .speech_likeness = 1};
    dub_fragmenter_set_limits(&f->fragmenter, SAMPLES(3000), SAMPLES(2000), SAMPLES(1000)); /* hard: 4 s */
    pause_for(f, 500);
    speak(f, 2000);
    for (int i = 0; i < 12; i++)
        hop(f, &softer); /* 2500..2620 ms: too early */
    speak(f, 1000);
    for (int i = 0; i < 12; i++)
        hop(f, &soft); /* 3620..3740 ms */
    speak(f, 2000);
    g_assert_cmpuint(f->n, ==, 1);
    g_assert_cmpint(f->sent_at[0], ==, SAMPLES(500 - LEAD_MS + 4000));
    g_assert_cmpint(f->spans[0].end, >=, SAMPLES(3620 + 50));
    g_assert_cmpint(f->spans[0].end, <=, SAMPLES(3740 - 50));
    g_assert_cmpint(f->spans[0].pause, ==, 0);
}

static void test_cuts_lose_nothing(struct fixture *f, gconstpointer data)
{
    pause_for(f, 1000);
    speak(f, 29000);
    pause_for(f, 400);
    g_assert_cmpint(f->spans[0].start, ==, SAMPLES(1000 - LEAD_MS));
    for (unsigned i = 1; i < f->n; i++) {
        g_assert_cmpint(f->spans[i].start, ==, f->spans[i - 1].end);
        g_assert_cmpint(f->spans[i].end - f->spans[i].start, <=, SAMPLES(6000));
        g_assert_cmpint(f->spans[i - 1].end - f->spans[i - 1].start, >=, SAMPLES(1000));
    }
    g_assert_cmpint(f->spans[f->n - 1].end, ==, SAMPLES(30000 + TRAIL_MS));
}

static void test_short_speech_joins_its_neighbour(struct fixture *f, gconstpointer data)
{
    pause_for(f, 1000);
    speak(f, 400);
    pause_for(f, 600);
    speak(f, 2000);
    pause_for(f, 400);
    g_assert_cmpuint(f->n, ==, 1);
    assert_span(f, 0, 1000 - LEAD_MS, 4000 + TRAIL_MS);
}

static void test_short_speech_goes_alone_when_nothing_follows(struct fixture *f, gconstpointer data)
{
    pause_for(f, 1000);
    speak(f, 400);
    pause_for(f, 990);
    g_assert_cmpuint(f->n, ==, 0);
    pause_for(f, 10);
    assert_span(f, 0, 1000 - LEAD_MS, 1400 + TRAIL_MS);
}

static void test_clicks_are_not_sent(struct fixture *f, gconstpointer data)
{
    for (int i = 0; i < 10; i++) {
        speak(f, 50);
        pause_for(f, 1500);
    }
    g_assert_cmpuint(f->n, ==, 0);
}

static void test_what_is_no_voice_is_not_sent(struct fixture *f, gconstpointer data)
{
    struct dub_fragmenter_hop music = {.speech = true, .level_db = -20, .speech_likeness = 0.1f};
    struct dub_fragmenter_hop noise = {.speech = true, .level_db = -20, .speech_likeness = 0.5f};
    for (int i = 0; i < 2000; i++)
        hop(f, &music);
    pause_for(f, 1000);
    for (int i = 0; i < 2000; i++)
        hop(f, &noise);
    pause_for(f, 1000);
    g_assert_cmpuint(f->n, ==, 0);
    speak(f, 1500);
    pause_for(f, 500);
    g_assert_cmpuint(f->n, ==, 1);
}

/* A short answer that is less sure is believed behind speech, and not 5 s later. */
static void test_less_is_enough_behind_speech(struct fixture *f, gconstpointer data)
{
    struct dub_fragmenter_hop unsure = {.speech = true, .level_db = -20, .speech_likeness = 0.4f};
    for (int i = 0; i < 50; i++)
        hop(f, &unsure);
    pause_for(f, 1100);
    g_assert_cmpuint(f->n, ==, 0);
    g_assert_cmpuint(f->fragmenter.n_rejected, ==, 1);
    speak(f, 2000);
    pause_for(f, 1500);
    for (int i = 0; i < 50; i++)
        hop(f, &unsure);
    pause_for(f, 7000);
    g_assert_cmpuint(f->n, ==, 2);
    for (int i = 0; i < 50; i++)
        hop(f, &unsure);
    pause_for(f, 1100);
    g_assert_cmpuint(f->n, ==, 2);
    g_assert_cmpuint(f->fragmenter.n_rejected, ==, 2);
}

static void test_end_completes_what_is_open(struct fixture *f, gconstpointer data)
{
    struct dub_fragment_span span;
    pause_for(f, 1000);
    g_assert_false(dub_fragmenter_end(&f->fragmenter, &span));
    speak(f, 700);
    g_assert_true(dub_fragmenter_end(&f->fragmenter, &span));
    g_assert_cmpint(span.start, ==, SAMPLES(1000 - LEAD_MS));
    g_assert_cmpint(span.end, ==, SAMPLES(1700));
}

/* As when a live input is lost in the middle of a sentence and comes back within the next one. */
static void test_goes_on_after_the_end(struct fixture *f, gconstpointer data)
{
    struct dub_fragment_span span;
    pause_for(f, 1000);
    speak(f, 1500);
    g_assert_true(dub_fragmenter_end(&f->fragmenter, &span));
    g_assert_cmpint(span.end, ==, SAMPLES(2500));
    g_assert_false(dub_fragmenter_end(&f->fragmenter, &span));
    g_assert_cmpint(dub_fragmenter_frontier(&f->fragmenter), >=, SAMPLES(2500));
    speak(f, 1200);
    pause_for(f, 300);
    g_assert_cmpuint(f->n, ==, 1);
    assert_span(f, 0, 2500, 3700 + TRAIL_MS);
}

static void test_frontier_holds(struct fixture *f, gconstpointer data)
{
    int64_t frontier = 0;
    for (int round = 0; round < 8; round++) {
        unsigned before = f->n;
        pause_for(f, 700);
        frontier = dub_fragmenter_frontier(&f->fragmenter);
        speak(f, 300 + 700 * round);
        g_assert_cmpint(dub_fragmenter_frontier(&f->fragmenter), >=, frontier);
        pause_for(f, 1000);
        for (unsigned i = before; i < f->n; i++)
            g_assert_cmpint(f->spans[i].start, >=, frontier);
    }
    g_assert_cmpuint(f->n, >=, 8);
}

static void test_fixed_mode_sends_pieces_with_speech(struct fixture *f, gconstpointer data)
{
    dub_fragmenter_init(&f->fragmenter, DUB_FRAGMENTER_FIXED, SAMPLES(6000));
    speak(f, 7000);
    pause_for(f, 12000);
    speak(f, 2000);
    struct dub_fragment_span last;
    g_assert_true(dub_fragmenter_end(&f->fragmenter, &last));
    g_assert_cmpuint(f->n, ==, 2);
    assert_span(f, 0, 0, 6000);
    assert_span(f, 1, 6000, 12000);
    g_assert_cmpint(last.start, ==, SAMPLES(18000));
    g_assert_cmpint(last.end, ==, SAMPLES(21000));
}

/* A piece that is complete after its latest start could never be dubbed; where nothing can be late, pieces
 * are as asked for. */
static void test_fixed_pieces_are_short_enough_to_be_in_time(struct fixture *f, gconstpointer data)
{
    static const struct {
        int delay_ms, max_lag_ms, rtt_ms, piece_ms;
    } rows[] = {
        {3000, 2000, 1055, 3940}, {3000, 2000, 0, 6000},   {8000, 2000, 1050, 6000},
        {2000, 0, 1050, 1000},    {2000, 2000, 500, 3500},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        set_up(f, NULL);
        dub_fragmenter_init(&f->fragmenter, DUB_FRAGMENTER_FIXED, SAMPLES(6000));
        dub_fragmenter_set_limits(&f->fragmenter, SAMPLES(rows[i].delay_ms), SAMPLES(rows[i].max_lag_ms),
                                  SAMPLES(rows[i].rtt_ms));
        speak(f, 6000);
        assert_span(f, 0, 0, rows[i].piece_ms);
    }
}

/* After a seek the first sentence must be in time as any other. */
static void test_reset_keeps_the_limits(struct fixture *f, gconstpointer data)
{
    dub_fragmenter_set_limits(&f->fragmenter, SAMPLES(3000), SAMPLES(0), SAMPLES(1000));
    speak(f, 500);
    dub_fragmenter_reset(&f->fragmenter);
    speak(f, 2500);
    g_assert_cmpuint(f->n, ==, 1);
    g_assert_cmpint(f->spans[0].start, ==, 0);
    g_assert_cmpint(f->sent_at[0], ==, SAMPLES(2000));
    dub_fragmenter_init(&f->fragmenter, DUB_FRAGMENTER_FIXED, SAMPLES(6000));
    dub_fragmenter_set_limits(&f->fragmenter, SAMPLES(3000), SAMPLES(0), SAMPLES(1000));
    dub_fragmenter_reset(&f->fragmenter);
    speak(f, 2000);
    assert_span(f, 1, 0, 2000);
}

/* A sentence in the last third of a piece is a reason to send all of it. */
static void test_fixed_mode_sends_a_piece_with_little_speech(struct fixture *f, gconstpointer data)
{
    dub_fragmenter_init(&f->fragmenter, DUB_FRAGMENTER_FIXED, SAMPLES(6000));
    pause_for(f, 5000);
    speak(f, 800);
    pause_for(f, 200);
    g_assert_cmpuint(f->n, ==, 1);
    assert_span(f, 0, 0, 6000);
}

static void test_fixed_mode_sends_no_music(struct fixture *f, gconstpointer data)
{
    struct dub_fragmenter_hop music = {.speech = true, .level_db = -20, .speech_likeness = 0.1f};
    dub_fragmenter_init(&f->fragmenter, DUB_FRAGMENTER_FIXED, SAMPLES(6000));
    for (int i = 0; i < 1800; i++)
        hop(f, &music);
    g_assert_cmpuint(f->n, ==, 0);
    g_assert_cmpuint(f->fragmenter.n_rejected, ==, 3);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct fixture *f, gconstpointer data);
    } tests[] = {
        {"/fragmenter/ends-at-300-ms", test_ends_at_300_ms},
        {"/fragmenter/shorter-pauses-stay-inside", test_shorter_pauses_stay_inside},
        {"/fragmenter/next-does-not-reach-back", test_next_does_not_reach_back},
        {"/fragmenter/soft-limit-not-yet-reached", test_soft_limit_not_yet_reached},
        {"/fragmenter/hard-limit-cuts-at-the-quietest", test_hard_limit_cuts_at_the_quietest},
        {"/fragmenter/limits", test_limits},
        {"/fragmenter/which-pause-ends-which-speech", test_which_pause_ends_which_speech},
        {"/fragmenter/shortest-limits", test_shortest_limits},
        {"/fragmenter/cut-is-within-the-last-second", test_cut_is_within_the_last_second},
        {"/fragmenter/cuts-lose-nothing", test_cuts_lose_nothing},
        {"/fragmenter/short-speech-joins-its-neighbour", test_short_speech_joins_its_neighbour},
        {"/fragmenter/short-speech-goes-alone", test_short_speech_goes_alone_when_nothing_follows},
        {"/fragmenter/clicks-are-not-sent", test_clicks_are_not_sent},
        {"/fragmenter/what-is-no-voice-is-not-sent", test_what_is_no_voice_is_not_sent},
        {"/fragmenter/less-is-enough-behind-speech", test_less_is_enough_behind_speech},
        {"/fragmenter/end-completes-what-is-open", test_end_completes_what_is_open},
        {"/fragmenter/goes-on-after-the-end", test_goes_on_after_the_end},
        {"/fragmenter/frontier-holds", test_frontier_holds},
        {"/fragmenter/fixed-mode-sends-pieces-with-speech", test_fixed_mode_sends_pieces_with_speech},
        {"/fragmenter/fixed-mode-sends-a-piece-with-little-speech",
         test_fixed_mode_sends_a_piece_with_little_speech},
        {"/fragmenter/fixed-pieces-are-short-enough-to-be-in-time",
         test_fixed_pieces_are_short_enough_to_be_in_time},
        {"/fragmenter/reset-keeps-the-limits", test_reset_keeps_the_limits},
        {"/fragmenter/fixed-mode-sends-no-music", test_fixed_mode_sends_no_music},
    };
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, struct fixture, NULL, set_up, tests[i].run, tear_down);
    return g_test_run();
}
