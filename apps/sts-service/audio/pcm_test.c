/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audio_test_support.h"

static void test_mono_round_trip(void)
{
    const uint8_t bytes[] = {0x01, 0x00, 0xff, 0x7f, 0x00, 0x80};
    pcm_auto pcm = {0};
    g_assert_true(pcm_from_s16le(bytes, sizeof bytes, 16000, 1, &pcm, NULL));
    g_assert_cmpuint(pcm.count, ==, 3);
    g_assert_cmpint(pcm.samples[0], ==, 1);
    g_assert_cmpint(pcm.samples[1], ==, 32767);
    g_assert_cmpint(pcm.samples[2], ==, -32768);
    g_autoptr(GBytes) back = pcm_to_s16le(&pcm, 1);
    g_autoptr(GBytes) expected = g_bytes_new_static(bytes, sizeof bytes);
    g_assert_true(g_bytes_equal(back, expected));
}

static void test_stereo_is_averaged(void)
{
    const uint8_t bytes[] = {0x64, 0x00, 0xc8, 0x00, 0xff, 0x7f, 0xff, 0x7f};
    pcm_auto pcm = {0};
    g_assert_true(pcm_from_s16le(bytes, sizeof bytes, 48000, 2, &pcm, NULL));
    g_assert_cmpuint(pcm.count, ==, 2);
    g_assert_cmpint(pcm.samples[0], ==, 150);
    g_assert_cmpint(pcm.samples[1], ==, 32767);
    g_autoptr(GBytes) stereo = pcm_to_s16le(&pcm, 2);
    g_assert_cmpuint(g_bytes_get_size(stereo), ==, 8);
    const uint8_t *frame = g_bytes_get_data(stereo, NULL);
    g_assert_true(frame[0] == 150 && frame[1] == 0 && frame[2] == 150 && frame[3] == 0);
}

static void assert_refused(size_t size, int rate_hz, int channels, const char *message)
{
    static const uint8_t bytes[8000 * 2 * 121];
    struct pcm pcm = {0};
    struct dub_error error = {0};
    g_assert_false(pcm_from_s16le(bytes, size, rate_hz, channels, &pcm, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    g_assert_nonnull(strstr(error.message, message));
    g_assert_null(pcm.samples);
}

static void test_bad_formats_are_named(void)
{
    assert_refused(3, 16000, 1, "3 bytes");
    assert_refused(6, 16000, 2, "6 bytes");
    assert_refused(4, 7999, 1, "7999 Hz");
    assert_refused(4, 96001, 1, "96001 Hz");
    assert_refused(4, 16000, 0, "0 channels");
    assert_refused(4, 16000, 3, "3 channels");
    assert_refused(8000 * 2 * 121, 8000, 1, "longer than 120 s");
}

static void test_durations(void)
{
    pcm_auto second = pcm_silence(22050, 1000);
    g_assert_cmpuint(second.count, ==, 22050);
    g_assert_cmpint(pcm_duration_ms(&second), ==, 1000);
    second.count = 11036; /* 500.5 ms */
    g_assert_cmpint(pcm_duration_ms(&second), ==, 500);
    struct pcm nothing = {0};
    g_assert_cmpint(pcm_duration_ms(&nothing), ==, 0);
    pcm_clear(&nothing);
}

static void test_empty_is_fine(void)
{
    pcm_auto pcm = {0};
    g_assert_true(pcm_from_s16le("", 0, 16000, 1, &pcm, NULL));
    g_assert_cmpuint(pcm.count, ==, 0);
    pcm_auto copy = pcm_copy(&pcm);
    g_autoptr(GBytes) bytes = pcm_to_s16le(&copy, 2);
    g_assert_cmpuint(g_bytes_get_size(bytes), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcm/mono-round-trip", test_mono_round_trip);
    g_test_add_func("/pcm/stereo-is-averaged", test_stereo_is_averaged);
    g_test_add_func("/pcm/bad-formats-are-named", test_bad_formats_are_named);
    g_test_add_func("/pcm/durations", test_durations);
    g_test_add_func("/pcm/empty-is-fine", test_empty_is_fine);
    return g_test_run();
}
