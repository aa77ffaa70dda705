/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_decode_times.h"

#include <glib.h>

#define PICTURE INT64_C(33333333)
#define START (100 * PICTURE)
#define PICTURES 3000

/* Checks a stream whose pictures are shown in this order, repeated; returns how many decoding times were off.
 */
static int run(const int *order, int n_order, int depth, int said_depth)
{
    struct dub_decode_times times;
    int64_t last_ns = INT64_MIN;
    int n_off = 0;

    dub_decode_times_init(&times, said_depth, PICTURE);
    for (int n = 0; n < PICTURES; n++) {
        int64_t pts_ns = START + (n / n_order * n_order + order[n % n_order]) * PICTURE;
        int64_t dts_ns = dub_decode_times_next(&times, pts_ns);
        g_assert_cmpint(dts_ns, >, last_ns);
        last_ns = dts_ns;
        n_off += dts_ns != START + (n - depth) * PICTURE;
        if (said_depth >= 0)
            g_assert_cmpint(dts_ns, <=, pts_ns);
    }
    return n_off;
}

static void test_no_reordering_is_the_same(void)
{
    const int order[] = {0};
    g_assert_cmpint(run(order, 1, 0, 0), ==, 0);
    g_assert_cmpint(run(order, 1, 0, -1), ==, 0);
}

/* I P b b: the shown order 0 3 1 2 with one picture of reordering, and a pyramid with two. */
static void test_b_frames_as_the_encoder_had_them(void)
{
    const int plain[] = {0, 3, 1, 2};
    const int pyramid[] = {0, 4, 2, 1, 3};

    g_assert_cmpint(run(plain, 4, 1, 1), ==, 0);
    g_assert_cmpint(run(pyramid, 5, 2, 2), ==, 0);
    /* Said to be more than it is: earlier, still in order. */
    g_assert_cmpint(run(plain, 4, 3, 3), ==, 0);
}

static void test_depth_is_learned(void)
{
    const int plain[] = {0, 3, 1, 2};
    const int pyramid[] = {0, 4, 2, 1, 3};

    g_assert_cmpint(run(plain, 4, 1, -1), <=, 6);
    g_assert_cmpint(run(pyramid, 5, 2, -1), <=, 12);
}

static void test_a_jump_begins_anew(void)
{
    struct dub_decode_times times;

    dub_decode_times_init(&times, 1, PICTURE);
    for (int n = 0; n < 10; n++)
        dub_decode_times_next(&times, 1000 * START + n * PICTURE);
    g_assert_cmpint(dub_decode_times_next(&times, START), ==, START - PICTURE);
    g_assert_cmpint(dub_decode_times_next(&times, START + PICTURE), ==, START);
}

static void test_any_order_stays_ascending(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(7);

    for (int round = 0; round < 200; round++) {
        struct dub_decode_times times;
        int64_t last_ns = INT64_MIN;

        dub_decode_times_init(&times, g_rand_int_range(random, -1, 40), PICTURE);
        for (int n = 0; n < 200; n++) {
            int64_t dts_ns =
                dub_decode_times_next(&times, START + (n + g_rand_int_range(random, -20, 20)) * PICTURE);
            g_assert_cmpint(dts_ns, >, last_ns);
            g_assert_cmpint(times.depth, <=, DUB_DECODE_TIMES_DEPTH_MAX);
            g_assert_cmpint(times.n_largest, <=, times.depth + 1);
            last_ns = dts_ns;
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/decode-times/no-reordering-is-the-same", test_no_reordering_is_the_same);
    g_test_add_func("/decode-times/b-frames-as-the-encoder-had-them", test_b_frames_as_the_encoder_had_them);
    g_test_add_func("/decode-times/depth-is-learned", test_depth_is_learned);
    g_test_add_func("/decode-times/a-jump-begins-anew", test_a_jump_begins_anew);
    g_test_add_func("/decode-times/any-order-stays-ascending", test_any_order_stays_ascending);
    return g_test_run();
}
