/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sound.h"

#include <string.h>

static const uint8_t stereo_bytes[] = {0x64, 0x00, 0xc8, 0x00, 0xff, 0x7f, 0x00, 0x80};

static void test_bytes_come_back(void)
{
    for (int channels = 1; channels <= 2; channels++) {
        sound_auto sound = {0};
        g_assert_true(sound_from_s16le(stereo_bytes, sizeof stereo_bytes, 96000, channels, &sound, NULL));
        g_assert_cmpuint(sound.frames, ==, channels == 1 ? 4 : 2);
        g_assert_cmpint(sound.samples[3], ==, -32768);
        g_autoptr(GBytes) back = sound_to_s16le(&sound);
        g_autoptr(GBytes) expected = g_bytes_new_static(stereo_bytes, sizeof stereo_bytes);
        g_assert_true(g_bytes_equal(back, expected));
    }
}

static void test_two_channels_become_one_and_one_becomes_two(void)
{
    sound_auto sound = {0};
    g_assert_true(sound_from_s16le(stereo_bytes, sizeof stereo_bytes, 8000, 2, &sound, NULL));
    sound_set_channels(&sound, 1);
    g_assert_cmpint(sound.samples[0], ==, 150);
    g_assert_cmpint(sound.samples[1], ==, 0);
    sound_set_channels(&sound, 2);
    g_assert_true(sound.samples[0] == 150 && sound.samples[1] == 150 && sound.samples[3] == 0);
    g_assert_cmpuint(sound.frames, ==, 2);
    pcm_auto speech = sound_to_pcm(&sound);
    g_assert_cmpuint(speech.count, ==, 2);
    g_assert_null(sound.samples);
    g_assert_cmpint(sound_of_pcm(&speech).samples[0], ==, 150);
}

static void assert_refused(size_t size, int rate_hz, int channels, const char *message)
{
    static const uint8_t bytes[8000 * 4 * 120 + 4];
    struct sound sound = {0};
    struct dub_error error = {0};
    g_assert_false(sound_from_s16le(bytes, size, rate_hz, channels, &sound, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    g_assert_nonnull(strstr(error.message, message));
    g_assert_null(sound.samples);
}

static void test_bad_formats_are_named(void)
{
    assert_refused(7, 8000, 1, "7 bytes");
    assert_refused(6, 8000, 2, "6 bytes");
    assert_refused(4, 7999, 1, "7999 Hz");
    assert_refused(4, 96001, 1, "96001 Hz");
    assert_refused(4, 8000, 3, "3 channels");
    assert_refused((size_t)8000 * 4 * 120 + 4, 8000, 2, "longer than 120 s");
}

static void test_durations_are_rounded(void)
{
    struct sound sound = {.frames = 11025, .rate_hz = 44100, .channels = 2};
    g_assert_cmpint(sound_duration_ms(&sound), ==, 250);
    sound.frames = 23; /* 0.52 ms */
    g_assert_cmpint(sound_duration_ms(&sound), ==, 1);
    sound.rate_hz = 0;
    g_assert_cmpint(sound_duration_ms(&sound), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sound/bytes-come-back", test_bytes_come_back);
    g_test_add_func("/sound/two-channels-become-one-and-one-becomes-two",
                    test_two_channels_become_one_and_one_becomes_two);
    g_test_add_func("/sound/bad-formats-are-named", test_bad_formats_are_named);
    g_test_add_func("/sound/durations-are-rounded", test_durations_are_rounded);
    return g_test_run();
}
