/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the machine does in one case after the other; dubber_schedules_test.c has the random ones. */
#include "dubber_rig.h"

static struct dub_dubber *new_live(int64_t delay_ns)
{
    struct dub_dubber_config config = {.live = true,
                                       .delay_ns = delay_ns,
                                       .max_lag_ns = 2 * S,
                                       .find_phrases = true,
                                       .detector = rig_detector};
    return dub_dubber_new(&config);
}

static void write_speech(struct dub_dubber *dubber, int64_t from_ms, int64_t to_ms, int16_t mark)
{
    int16_t samples[2 * DUB_BLOCK_SAMPLES];
    for (unsigned i = 0; i < DUB_BLOCK_SAMPLES; i++) {
        samples[2 * i] = LEVEL;
        samples[2 * i + 1] = mark;
    }
    for (int64_t ms = from_ms; ms < to_ms; ms += 10)
        dub_dubber_write(dubber, ms * MS, samples, DUB_BLOCK_SAMPLES, false);
}

static void test_reset_settles_and_starts_anew(void)
{
    struct dub_dubber *dubber = new_live(3 * S);
    static const struct dub_dubber_answer nothing = {0};
    struct dub_dubber_request request;
    int16_t block[2 * DUB_BLOCK_SAMPLES];
    write_speech(dubber, 0, 1500, SPEECH_MARK);
    write_speech(dubber, 1500, 2500, 0);
    g_assert_true(dub_dubber_take_request(dubber, &request));
    g_free(request.samples);
    dub_dubber_sent(dubber, request.id, "fragment");
    dub_dubber_mix(dubber, block);
    dub_dubber_reset(dubber);
    dub_dubber_sent(dubber, request.id, "nobody's");
    struct dub_phrase *phrase = dub_ledger_take(dub_dubber_ledger(dubber));
    g_assert_cmpint(phrase->state, ==, DUB_PHRASE_DROPPED);
    g_assert_cmpstr(phrase->fragment_id, ==, "fragment"); /* though no answer named it */
    g_assert_cmpstr(phrase->reason, ==, DUB_REASON_FLUSHED);
    dub_phrase_free(phrase);
    g_assert_false(dub_dubber_started(dubber));
    g_assert_cmpuint(dub_dubber_mix(dubber, block), ==, 0);
    /* An answer from before is counted and nothing else. */
    dub_dubber_clip(dubber, request.id, &nothing, g_new0(float, 100), 100);
    dub_dubber_failed(dubber, request.id, &nothing, "TIMEOUT");
    dub_dubber_skip(dubber, request.id, "TIMEOUT");
    struct dub_dubber_stats stats;
    dub_dubber_get_stats(dubber, &stats);
    g_assert_cmpuint(stats.late_answers, ==, 3);
    write_speech(dubber, 70000, 70100, 0);
    g_assert_cmpint(dub_dubber_next_ns(dubber), ==, 70 * S);
    g_assert_cmpuint(dub_dubber_mix(dubber, block), ==, DUB_BLOCK_SAMPLES);
    g_assert_cmpint(block[0], ==, LEVEL);
    dub_dubber_free(dubber);
}

static void test_clip_may_borrow_pause_and_lag(void)
{
    struct dub_dubber *dubber = new_live(3 * S);
    struct dub_dubber_request request;
    write_speech(dubber, 0, 500, 0);
    write_speech(dubber, 500, 2000, SPEECH_MARK);
    write_speech(dubber, 2000, 2500, 0);
    g_assert_true(dub_dubber_take_request(dubber, &request));
    g_assert_cmpint(request.start_ns, ==, 300 * MS);
    g_assert_cmpint(request.duration_ns, ==, 1820 * MS);
    /* Half of the 2 s of lag, and the rest of the pause of 300 ms. */
    g_assert_cmpint(request.max_duration_ns, ==, (1820 + 180 + 1000) * MS);
    g_free(request.samples);
    dub_dubber_free(dubber);
}

static void test_skip_leaves_the_original(void)
{
    struct dub_dubber *dubber = new_live(2 * S);
    struct dub_dubber_request request;
    int16_t block[2 * DUB_BLOCK_SAMPLES];
    rig_set_beds(dubber, DUB_BED_DUCKED, DUB_BED_SILENT);
    write_speech(dubber, 0, 1500, SPEECH_MARK);
    write_speech(dubber, 1500, 2000, 0);
    g_assert_true(dub_dubber_take_request(dubber, &request));
    g_free(request.samples);
    dub_dubber_skip(dubber, request.id, DUB_REASON_DISABLED);
    for (int i = 0; i < 150; i++) {
        dub_dubber_mix(dubber, block);
        g_assert_cmpint(block[0], ==, LEVEL);
    }
    dub_dubber_free(dubber);
}

/* Nothing is looked for; a publisher whose clock is fast is followed by the samples, which stay end to end.
 */
static void test_delay_alone_follows_the_clock(void)
{
    struct dub_dubber_config config = {.live = true, .delay_ns = 2 * S};
    struct dub_dubber *dubber = dub_dubber_new(&config);
    struct dub_dubber_stats stats;
    int16_t samples[2 * DUB_BLOCK_SAMPLES];
    for (unsigned i = 0; i < G_N_ELEMENTS(samples); i++)
        samples[i] = LEVEL;
    for (int64_t i = 0; i < 6000; i++) {
        dub_dubber_write(dubber, i * BLOCK_NS + i * 2000, samples, DUB_BLOCK_SAMPLES, false);
        if (i < 100)
            continue;
        int16_t block[2 * DUB_BLOCK_SAMPLES];
        g_assert_cmpuint(dub_dubber_mix(dubber, block), ==, DUB_BLOCK_SAMPLES);
        for (unsigned k = 0; k < G_N_ELEMENTS(block); k++)
            g_assert_cmpint(block[k], ==, LEVEL);
    }
    dub_dubber_get_stats(dubber, &stats);
    g_assert_cmpint(stats.slewed_samples, >, 400);
    g_assert_cmpuint(stats.silence_samples + stats.trimmed_samples + stats.late_samples, ==, 0);
    dub_dubber_end(dubber);
    dub_dubber_end(dubber);
    dub_dubber_free(dubber);
}

/* What is left of a phrase whose clip did not come in time gets the fallback. */
static void test_fallback_after_waiting_in_vain(void)
{
    struct dub_dubber *dubber = new_live(2 * S); /* and 2 s of lag */
    struct dub_dubber_request request;
    int16_t block[2 * DUB_BLOCK_SAMPLES];
    rig_set_beds(dubber, DUB_BED_DUCKED, DUB_BED_SILENT);
    write_speech(dubber, 0, 4000, SPEECH_MARK);
    write_speech(dubber, 4000, 4500, 0);
    g_assert_true(dub_dubber_take_request(dubber, &request));
    g_free(request.samples);
    for (int i = 0; i < 440; i++) {
        dub_dubber_mix(dubber, block);
        if (i < 195 || i > 435)
            g_assert_cmpint(block[0], ==, LEVEL);
        if (i > 210 && i < 410)
            g_assert_cmpint(block[0], ==, 0);
    }
    dub_dubber_free(dubber);
}

static void mix_blocks(struct dub_dubber *dubber, unsigned n)
{
    int16_t block[2 * DUB_BLOCK_SAMPLES];
    for (unsigned i = 0; i < n; i++)
        g_assert_cmpuint(dub_dubber_mix(dubber, block), ==, DUB_BLOCK_SAMPLES);
}

/* Sentences of 1.5 s at 0.5 s and at 2.5 s; bounds of 2 s. */
static void test_clip_is_hurried_where_that_saves_the_next_phrase(void)
{
    struct dub_dubber *dubber = new_live(5 * S);
    static const struct dub_dubber_answer nothing = {0};
    struct dub_dubber_request first;
    struct dub_dubber_request second;
    write_speech(dubber, 0, 500, 0);
    write_speech(dubber, 500, 2000, SPEECH_MARK);
    write_speech(dubber, 2000, 2500, 0);
    write_speech(dubber, 2500, 4000, SPEECH_MARK);
    g_assert_true(dub_dubber_take_request(dubber, &first));
    /* The second one is open, from 2.3 s on: the first may last until 4.3 s. */
    unsigned room = (unsigned)DUB_MS_TO_SAMPLES(4300 - 300);
    g_assert_true(dub_dubber_speed(dubber, first.id, room) == 1);
    double speed = dub_dubber_speed(dubber, first.id, (unsigned)(1.2 * room));
    g_assert_cmpfloat(speed, >, 1.2);
    g_assert_cmpfloat(speed, <=, DUB_DUBBER_MAX_SPEED);
    g_assert_true(dub_dubber_speed(dubber, first.id, (unsigned)(1.3 * room)) == 1);
    write_speech(dubber, 4000, 5000, 0);
    g_assert_true(dub_dubber_take_request(dubber, &second));
    unsigned n_samples = (unsigned)(1.2 * room);
    unsigned hurried = (unsigned)(n_samples / speed);
    dub_dubber_clip(dubber, first.id, &nothing, rig_new_clip(1, n_samples), n_samples);
    dub_dubber_await_faster(dubber, first.id);
    g_assert_true(dub_dubber_faster_clip(dubber, first.id, speed, rig_new_clip(1, hurried), hurried));
    dub_dubber_clip(dubber, second.id, &nothing, rig_new_clip(2, 48000), 48000);
    mix_blocks(dubber, 480);
    struct dub_phrase *phrase;
    for (int i = 0; i < 2; i++) {
        phrase = dub_ledger_take(dub_dubber_ledger(dubber));
        g_assert_cmpint(phrase->state, ==, DUB_PHRASE_DUBBED);
        g_assert_cmpint(phrase->lag_ns, <=, 2 * S);
        g_assert_true(phrase->speed_ratio == (i == 0 ? speed : 0));
        dub_phrase_free(phrase);
    }
    g_assert_false(dub_dubber_faster_clip(dubber, first.id, speed, g_new0(float, 100), 100));
    g_free(first.samples);
    g_free(second.samples);
    dub_dubber_free(dubber);
}

/* Its answer comes when it should be heard already: it begins no later than the time that was reckoned for
 * making it faster, whether that is done, takes too long, or is not to be. */
static void test_late_clip_waits_for_its_faster_version(void)
{
    enum { IN_TIME, TOO_SLOW, KEPT, N_CASES };
    static const struct dub_dubber_answer nothing = {0};
    for (int turn = 0; turn < N_CASES; turn++) {
        struct dub_dubber *dubber = new_live(3 * S);
        struct dub_dubber_request request;
        write_speech(dubber, 0, 500, 0);
        write_speech(dubber, 500, 2000, SPEECH_MARK);
        write_speech(dubber, 2000, 2500, 0);
        write_speech(dubber, 2500, 4000, SPEECH_MARK);
        g_assert_true(dub_dubber_take_request(dubber, &request));
        g_free(request.samples);
        mix_blocks(dubber, 100); /* until 1 s; its place is at 0.3 s */
        unsigned n_samples = (unsigned)DUB_MS_TO_SAMPLES(3600);
        double speed = dub_dubber_speed(dubber, request.id, n_samples);
        g_assert_cmpfloat(speed, >, 1);
        dub_dubber_clip(dubber, request.id, &nothing, rig_new_clip(1, n_samples), n_samples);
        dub_dubber_await_faster(dubber, request.id);
        mix_blocks(dubber, 20);
        g_assert_null(dub_ledger_take(dub_dubber_ledger(dubber)));
        unsigned hurried = (unsigned)(n_samples / speed);
        if (turn == IN_TIME)
            dub_dubber_faster_clip(dubber, request.id, speed, rig_new_clip(1, hurried), hurried);
        else if (turn == KEPT)
            dub_dubber_keep_clip(dubber, request.id);
        mix_blocks(dubber, turn == TOO_SLOW ? 40 : 1);
        struct dub_phrase *phrase = dub_ledger_take(dub_dubber_ledger(dubber));
        g_assert_nonnull(phrase);
        g_assert_cmpint(phrase->state, ==, DUB_PHRASE_DUBBED);
        g_assert_true((phrase->speed_ratio > 1) == (turn == IN_TIME));
        /* 100 ms and a sixteenth of 3.6 s, from 1 s on. */
        int64_t longest_ns = turn == TOO_SLOW ? 325 * MS : 210 * MS;
        g_assert_cmpint(phrase->lag_ns, <=, 700 * MS + longest_ns + 20 * MS);
        dub_phrase_free(phrase);
        dub_dubber_free(dubber);
    }
}

/* The sentence is 1.5 s long and not yet over when the input breaks off. */
static void test_break_completes_open_speech(void)
{
    struct dub_dubber *dubber = new_live(3 * S);
    struct dub_dubber_request request;
    write_speech(dubber, 0, 500, 0);
    write_speech(dubber, 500, 2000, SPEECH_MARK);
    g_assert_false(dub_dubber_take_request(dubber, &request));
    dub_dubber_break(dubber);
    g_assert_true(dub_dubber_take_request(dubber, &request));
    g_assert_cmpint(request.start_ns, ==, 300 * MS);
    g_assert_cmpint(request.start_ns + request.duration_ns, ==, 2 * S);
    g_free(request.samples);
    dub_dubber_break(dubber);
    g_assert_false(dub_dubber_take_request(dubber, &request));
    /* What comes back is a sentence of its own. */
    write_speech(dubber, 2500, 4000, SPEECH_MARK);
    write_speech(dubber, 4000, 4500, 0);
    g_assert_true(dub_dubber_take_request(dubber, &request));
    g_assert_cmpint(request.start_ns, ==, 2300 * MS);
    g_free(request.samples);
    dub_dubber_free(dubber);
}

static void test_starved_input_completes_open_speech(void)
{
    struct dub_dubber *dubber = new_live(3 * S);
    struct dub_dubber_request request;
    write_speech(dubber, 0, 1500, SPEECH_MARK);
    mix_blocks(dubber, 98);
    g_assert_false(dub_dubber_take_request(dubber, &request));
    mix_blocks(dubber, 2);
    g_assert_true(dub_dubber_take_request(dubber, &request));
    g_assert_cmpint(request.duration_ns, ==, 1500 * MS);
    g_free(request.samples);
    dub_dubber_free(dubber);
}

static void test_gap_is_silence(void)
{
    struct dub_dubber *dubber = new_live(2 * S);
    int16_t block[2 * DUB_BLOCK_SAMPLES];
    write_speech(dubber, 0, 100, 0);
    dub_dubber_gap(dubber, 100 * MS, 95 * MS);
    g_assert_cmpint(dub_dubber_input_ns(dubber), ==, 195 * MS);
    write_speech(dubber, 200, 300, 0);
    for (int i = 0; i < 30; i++) {
        dub_dubber_mix(dubber, block);
        if (i == 15)
            g_assert_cmpint(block[0], ==, 0);
    }
    g_assert_cmpint(block[0], ==, LEVEL);
    dub_dubber_free(dubber);
    dub_dubber_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dubber/reset-settles-and-starts-anew", test_reset_settles_and_starts_anew);
    g_test_add_func("/dubber/clip-may-borrow-pause-and-lag", test_clip_may_borrow_pause_and_lag);
    g_test_add_func("/dubber/skip-leaves-the-original", test_skip_leaves_the_original);
    g_test_add_func("/dubber/delay-alone-follows-the-clock", test_delay_alone_follows_the_clock);
    g_test_add_func("/dubber/fallback-after-waiting-in-vain", test_fallback_after_waiting_in_vain);
    g_test_add_func("/dubber/gap-is-silence", test_gap_is_silence);
    g_test_add_func("/dubber/clip-is-hurried-where-that-saves-the-next-phrase",
                    test_clip_is_hurried_where_that_saves_the_next_phrase);
    g_test_add_func("/dubber/late-clip-waits-for-its-faster-version",
                    test_late_clip_waits_for_its_faster_version);
    g_test_add_func("/dubber/break-completes-open-speech", test_break_completes_open_speech);
    g_test_add_func("/dubber/starved-input-completes-open-speech", test_starved_input_completes_open_speech);
    return g_test_run();
}
