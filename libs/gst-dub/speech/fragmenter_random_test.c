/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Thousands of random courses of speech and pauses against what must always hold: fragments are in order and
 * apart, as long as the limits say, none is lost, and the frontier keeps its promise. FRAGMENTER_TEST_ROUNDS
 * says how many; FRAGMENTER_TEST_SEED repeats the one that failed. */
#include "fragmenter.h"

#include "sound/samples.h"
#include <stdlib.h>

#define HOP DUB_BLOCK_SAMPLES
#define N_HOPS 4000
#define S(ms) DUB_MS_TO_SAMPLES(ms)

/* What becomes of a hop with speech. */
enum fate { OPEN, SENT, REJECTED };

struct world {
    guint32 seed;
    GRand *random;
    struct dub_fragmenter fragmenter;
    int64_t longest; /* by the limits so far, or the fixed length */
    int64_t frontier;
    int64_t closed;      /* end of the fragment closed last, sent or not */
    uint64_t n_rejected; /* seen so far */
    bool ended;          /* the fragment was closed by an end of the input */
    bool speaking;
    int hops_left;
    float likeness;
    bool speech[N_HOPS];
    enum fate fates[N_HOPS];
    unsigned n_sent;
};

#define CHECK(world, holds)                                                                                  \
    do {                                                                                                     \
        if (!(holds))                                                                                        \
            g_error("FRAGMENTER_TEST_SEED=%u, at %" G_GINT64_FORMAT " ms: %s", (world)->seed,                \
                    dub_samples_to_ms((world)->fragmenter.position), #holds);                                \
    } while (0)

static void change_limits(struct world *world)
{
    int64_t delay = S(g_rand_int_range(world->random, 2000, 9000));
    int64_t max_lag = S(g_rand_int_range(world->random, 0, 3000));
    int64_t rtt = S(g_rand_int_range(world->random, 100, 4000));
    dub_fragmenter_set_limits(&world->fragmenter, delay, max_lag, rtt);
    CHECK(world, world->fragmenter.soft_samples >= S(1000) && world->fragmenter.soft_samples <= S(6000));
    CHECK(world, world->fragmenter.hard_samples >= S(1000) && world->fragmenter.hard_samples <= S(6000));
    CHECK(world, world->fragmenter.hard_samples >= world->fragmenter.soft_samples);
    if (world->fragmenter.mode == DUB_FRAGMENTER_VAD)
        world->longest = MAX(world->longest, world->fragmenter.hard_samples);
}

/* Words and pauses; now and then something that is not like a voice. */
static struct dub_fragmenter_hop next_hop(struct world *world)
{
    if (world->hops_left-- <= 0) {
        world->speaking = !world->speaking;
        world->hops_left = g_rand_int_range(world->random, 1, world->speaking ? 250 : 60);
        if (!world->speaking && g_rand_int_range(world->random, 0, 5) == 0)
            world->hops_left = g_rand_int_range(world->random, 60, 400);
        world->likeness = g_rand_int_range(world->random, 0, 6) == 0 ? 0.1f : 0.9f;
    }
    return (struct dub_fragmenter_hop){.speech = world->speaking,
                                       .level_db = (float)g_rand_double_range(world->random, -60, -10),
                                       .speech_likeness = world->likeness};
}

/* Everything that is not settled and lies before `end`. */
static void settle(struct world *world, int64_t start, int64_t end, enum fate fate)
{
    for (int64_t at = start / HOP; at * HOP < end && at < N_HOPS; at++) {
        CHECK(world, !world->speech[at] || world->fates[at] == OPEN);
        world->fates[at] = fate;
    }
}

static void on_sent(struct world *world, const struct dub_fragment_span *span)
{
    const int64_t length = span->end - span->start;
    CHECK(world, span->start % HOP == 0 && span->end % HOP == 0);
    CHECK(world, span->start >= world->closed && span->start >= world->frontier);
    CHECK(world, span->end <= world->fragmenter.position);
    CHECK(world, length > 0 && length <= world->longest);
    /* Shorter only where nothing follows; a cut lies in the middle of 100 ms. */
    CHECK(world, length >= S(950) || world->ended || span->pause >= S(880));
    CHECK(world, span->pause >= 0 && span->end + span->pause <= world->fragmenter.position);
    settle(world, span->start, span->end, SENT);
    world->closed = span->end;
    world->n_sent++;
}

static void on_rejected(struct world *world, int64_t start)
{
    CHECK(world, world->fragmenter.n_rejected == world->n_rejected + 1);
    world->n_rejected = world->fragmenter.n_rejected;
    CHECK(world, start >= world->closed);
    settle(world, start, world->fragmenter.floor, REJECTED);
    world->closed = world->fragmenter.floor;
}

/* A fragment was closed, by a hop or by the end of the input. */
static void note(struct world *world, bool sent, const struct dub_fragment_span *span, int64_t start_before)
{
    if (sent)
        on_sent(world, span);
    else if (world->fragmenter.n_rejected > world->n_rejected)
        on_rejected(world, start_before >= 0 ? start_before : span->start);
}

/* No speech that is not settled lies before the frontier, and the frontier never goes back. */
static void check_frontier(struct world *world)
{
    int64_t frontier = dub_fragmenter_frontier(&world->fragmenter);
    CHECK(world, frontier >= world->frontier);
    for (int64_t at = world->frontier / HOP; at < frontier / HOP && at < N_HOPS; at++)
        CHECK(world, !world->speech[at] || world->fates[at] != OPEN);
    world->frontier = frontier;
}

static void end_input(struct world *world)
{
    struct dub_fragment_span span = {0};
    int64_t start = world->fragmenter.start;
    world->ended = true;
    note(world, dub_fragmenter_end(&world->fragmenter, &span), &span, start);
    world->ended = false;
    CHECK(world, world->fragmenter.start < 0);
    check_frontier(world);
}

static void run_hops(struct world *world)
{
    for (int i = 0; i < N_HOPS; i++) {
        struct dub_fragment_span span = {0};
        struct dub_fragmenter_hop hop = next_hop(world);
        world->speech[i] = hop.speech;
        int64_t start = world->fragmenter.start;
        bool sent = dub_fragmenter_hop(&world->fragmenter, &hop, &span);
        note(world, sent, &span, start);
        check_frontier(world);
        if (g_rand_int_range(world->random, 0, 700) == 0)
            end_input(world);
        if (g_rand_int_range(world->random, 0, 500) == 0)
            change_limits(world);
    }
}

static unsigned run(guint32 seed, enum dub_fragmenter_mode mode)
{
    g_autofree struct world *world = g_new0(struct world, 1);
    world->seed = seed;
    world->random = g_rand_new_with_seed(seed);
    const int64_t fixed = S(g_rand_int_range(world->random, 100, 600) * 10);
    dub_fragmenter_init(&world->fragmenter, mode, fixed);
    world->longest = mode == DUB_FRAGMENTER_FIXED ? fixed : 0;
    change_limits(world);
    run_hops(world);
    end_input(world);
    for (int i = 0; i < N_HOPS; i++)
        CHECK(world, !world->speech[i] || world->fates[i] != OPEN);
    g_rand_free(world->random);
    return world->n_sent;
}

static void test_random(gconstpointer data)
{
    const enum dub_fragmenter_mode mode = *(const enum dub_fragmenter_mode *)data;
    const char *rounds = g_getenv("FRAGMENTER_TEST_ROUNDS");
    const char *seed = g_getenv("FRAGMENTER_TEST_SEED");
    const guint32 first = seed != NULL ? (guint32)strtoul(seed, NULL, 10) : 1;
    const guint32 n = rounds != NULL ? (guint32)strtoul(rounds, NULL, 10) : 2000;
    unsigned sent = 0;
    for (guint32 i = 0; i < (seed != NULL ? 1 : n); i++)
        sent += run(first + i, mode);
    g_test_message("%u fragments", sent);
    g_assert_cmpuint(sent, >, 0);
}

int main(int argc, char **argv)
{
    static const enum dub_fragmenter_mode vad = DUB_FRAGMENTER_VAD;
    static const enum dub_fragmenter_mode fixed = DUB_FRAGMENTER_FIXED;
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/fragmenter/random-speech-keeps-the-rules", &vad, test_random);
    g_test_add_data_func("/fragmenter/random-speech-in-fixed-pieces-keeps-the-rules", &fixed, test_random);
    return g_test_run();
}
