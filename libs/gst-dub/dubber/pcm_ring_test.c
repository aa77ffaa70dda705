/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pcm_ring.h"

#include "sound/samples.h"
#include <string.h>

#define CAPACITY 4000
#define EDGE 120

static void fill(int16_t *samples, unsigned n, int16_t value)
{
    for (unsigned i = 0; i < 2 * n; i++)
        samples[i] = value;
}

static void test_reads_what_was_written_around_the_end(void)
{
    struct dub_pcm_ring ring;
    int16_t in[2 * 700];
    int16_t out[2 * 700];
    dub_pcm_ring_init(&ring, CAPACITY);
    for (int64_t at = 0; at < 100 * 700; at += 700) {
        for (unsigned i = 0; i < 700; i++) {
            in[2 * i] = (int16_t)((at + i) % 30000);
            in[2 * i + 1] = (int16_t)-in[2 * i];
        }
        g_assert_true(dub_pcm_ring_fits(&ring, at + 700));
        g_assert_cmpuint(dub_pcm_ring_write(&ring, at, in, 700), ==, 0);
        dub_pcm_ring_read(&ring, at, out, 700);
        g_assert_true(memcmp(in, out, sizeof(in)) == 0);
        dub_pcm_ring_release(&ring, at);
    }
    g_assert_false(dub_pcm_ring_fits(&ring, ring.begin + CAPACITY + 1));
    dub_pcm_ring_clear(&ring);
}

/* No sample may differ from the one before by more than the fade allows. */
static void assert_smooth(const int16_t *samples, unsigned n, int limit)
{
    for (unsigned i = 1; i < n; i++)
        g_assert_cmpint(ABS(samples[2 * i] - samples[2 * i - 2]), <=, limit);
}

static void test_hole_is_silence_with_soft_edges(void)
{
    struct dub_pcm_ring ring;
    int16_t in[2 * 500];
    int16_t out[2 * 2000];
    dub_pcm_ring_init(&ring, CAPACITY);
    fill(in, 500, 12000);
    dub_pcm_ring_write(&ring, 0, in, 500);
    dub_pcm_ring_write(&ring, 1500, in, 500);
    dub_pcm_ring_read(&ring, 0, out, 2000);
    assert_smooth(out, 2000, 12000 / EDGE + 1);
    g_assert_cmpint(out[2 * 499], ==, 12000);
    for (unsigned i = 500 + EDGE; i < 1500; i++)
        g_assert_cmpint(out[2 * i], ==, 0);
    g_assert_cmpint(out[2 * 1999], ==, 12000);
    dub_pcm_ring_clear(&ring);
}

static void test_end_fades_and_late_input_fades_in(void)
{
    struct dub_pcm_ring ring;
    int16_t in[2 * 500];
    int16_t out[2 * 1600];
    dub_pcm_ring_init(&ring, CAPACITY);
    fill(in, 500, -9000);
    dub_pcm_ring_write(&ring, 0, in, 500);
    dub_pcm_ring_read(&ring, 0, out, 800); /* overtakes the writer */
    assert_smooth(out, 800, 9000 / EDGE + 1);
    g_assert_cmpint(out[2 * 799], ==, 0);
    dub_pcm_ring_release(&ring, 800);
    g_assert_cmpuint(dub_pcm_ring_write(&ring, 500, in, 500), ==, 300);
    dub_pcm_ring_read(&ring, 800, out, 400);
    g_assert_cmpint(out[0], ==, 0);
    assert_smooth(out, 400, 9000 / EDGE + 1);
    g_assert_cmpint(out[2 * 190], ==, -9000);
    g_assert_cmpuint(dub_pcm_ring_write(&ring, 100, in, 500), ==, 500);
    dub_pcm_ring_clear(&ring);
}

static void test_nothing_written_is_silence(void)
{
    struct dub_pcm_ring ring;
    int16_t out[2 * 100];
    dub_pcm_ring_init(&ring, CAPACITY);
    fill(out, 100, 1);
    dub_pcm_ring_read(&ring, 0, out, 100);
    for (unsigned i = 0; i < 200; i++)
        g_assert_cmpint(out[i], ==, 0);
    dub_pcm_ring_clear(&ring);
}

static void test_mono_is_the_mean(void)
{
    struct dub_pcm_ring ring;
    int16_t in[2 * 1200];
    int16_t out[1200];
    dub_pcm_ring_init(&ring, CAPACITY);
    for (unsigned i = 0; i < 1200; i++) {
        in[2 * i] = 30000;
        in[2 * i + 1] = (int16_t)i;
    }
    dub_pcm_ring_write(&ring, 0, in, 1200);
    dub_pcm_ring_read_mono(&ring, 0, out, 1200);
    for (int i = 0; i < 1200; i++)
        g_assert_cmpint(out[i], ==, (30000 + i) / 2);
    dub_pcm_ring_reset(&ring);
    dub_pcm_ring_read_mono(&ring, 0, out, 10);
    g_assert_cmpint(out[0], ==, 0);
    dub_pcm_ring_clear(&ring);
}

/* A gap that is told sounds like one that is found. */
static void test_gap_has_soft_edges(void)
{
    struct dub_pcm_ring ring;
    int16_t samples[2 * 480];
    int16_t out[2 * 480];
    for (int i = 0; i < 960; i++)
        samples[i] = 12000;
    dub_pcm_ring_init(&ring, 4800);
    dub_pcm_ring_gap(&ring, 0, 480);
    dub_pcm_ring_write(&ring, 480, samples, 480);
    dub_pcm_ring_gap(&ring, 960, 480);
    dub_pcm_ring_gap(&ring, 1000, 100); /* covered already */
    g_assert_cmpint(ring.end, ==, 1440);
    dub_pcm_ring_write(&ring, 1440, samples, 480);
    int16_t before = 0;
    for (int at = 0; at < 1920; at += 480) {
        dub_pcm_ring_read(&ring, at, out, 480);
        for (int i = 0; i < 480; i++) {
            g_assert_cmpint(ABS(out[2 * i] - before), <=, 12000 / 120 + 1);
            before = out[2 * i];
        }
        /* The second half of each piece is far from its edges. */
        g_assert_cmpint(out[2 * 240], ==, at / 480 % 2 == 0 ? 0 : 12000);
    }
    dub_pcm_ring_clear(&ring);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcm-ring/reads-what-was-written-around-the-end",
                    test_reads_what_was_written_around_the_end);
    g_test_add_func("/pcm-ring/hole-is-silence-with-soft-edges", test_hole_is_silence_with_soft_edges);
    g_test_add_func("/pcm-ring/end-fades-and-late-input-fades-in", test_end_fades_and_late_input_fades_in);
    g_test_add_func("/pcm-ring/nothing-written-is-silence", test_nothing_written_is_silence);
    g_test_add_func("/pcm-ring/mono-is-the-mean", test_mono_is_the_mean);
    g_test_add_func("/pcm-ring/gap-has-soft-edges", test_gap_has_soft_edges);
    return g_test_run();
}
