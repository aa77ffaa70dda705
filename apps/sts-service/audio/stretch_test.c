/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audio_test_support.h"
#include "loudness.h"
#include "stretch.h"

static void check(double speed)
{
    pcm_auto in = test_tone(22050, 1000, 300.0, 0.3);
    pcm_auto out = {0};
    g_assert_true(pcm_stretch(&in, speed, &out, NULL));
    g_assert_cmpint(out.rate_hz, ==, 22050);
    assert_close((double)pcm_duration_ms(&out), 1000.0 / speed, 1.0);
    assert_close(test_pitch_hz(&out), 300.0, 6.0);
    assert_close(loudness_measure(&out, -50).speech_dbfs, loudness_measure(&in, -50).speech_dbfs, 1.5);
}

static void test_length_changes_and_pitch_does_not(void)
{
    check(1.05);
    check(1.25);
    check(1.5);
    check(2.0);
    check(0.85);
    check(0.5);
}

static void test_speed_one_copies(void)
{
    pcm_auto in = test_tone(22050, 50, 300.0, 0.3);
    pcm_auto out = {0};
    g_assert_true(pcm_stretch(&in, 1.0, &out, NULL));
    assert_same_samples(&out, &in);
}

static void test_tiny_and_empty(void)
{
    struct pcm empty = {.rate_hz = 22050};
    pcm_auto none = {0};
    g_assert_true(pcm_stretch(&empty, 1.5, &none, NULL));
    g_assert_cmpuint(none.count, ==, 0);
    pcm_auto tiny = test_tone(22050, 10, 300.0, 0.3);
    pcm_auto out = {0};
    g_assert_true(pcm_stretch(&tiny, 1.5, &out, NULL));
    g_assert_cmpuint(out.count, ==, 147);
}

static void test_absurd_speeds_are_refused(void)
{
    pcm_auto in = test_tone(22050, 50, 300.0, 0.3);
    const double speeds[] = {0.0, -1.0, 0.49, 2.1, (double)NAN, (double)INFINITY};
    for (size_t i = 0; i < G_N_ELEMENTS(speeds); i++) {
        struct pcm out = {0};
        struct dub_error error = {0};
        g_assert_false(pcm_stretch(&in, speeds[i], &out, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_ARGUMENT);
        g_assert_null(out.samples);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stretch/length-changes-and-pitch-does-not", test_length_changes_and_pitch_does_not);
    g_test_add_func("/stretch/speed-one-copies", test_speed_one_copies);
    g_test_add_func("/stretch/tiny-and-empty", test_tiny_and_empty);
    g_test_add_func("/stretch/absurd-speeds-are-refused", test_absurd_speeds_are_refused);
    return g_test_run();
}
