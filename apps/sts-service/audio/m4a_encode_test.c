/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "m4a.h"
#include "sound_test_support.h"

#include <string.h>

static const int rates_hz[] = {8000,  11025, 12000, 16000, 22050, 24000,
                               32000, 44100, 48000, 64000, 88200, 96000};

static void round_trip(const struct sound *sound, struct sound *back)
{
    g_autoptr(GBytes) bytes = NULL;
    struct dub_error error = {0};
    gsize size = 0;
    if (!m4a_encode(sound, &bytes, &error))
        g_error("%s", error.message);
    const void *data = g_bytes_get_data(bytes, &size);
    if (!m4a_decode(data, size, back, &error))
        g_error("%s", error.message);
}

static void test_every_rate_comes_back_in_place(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rates_hz); i++)
        for (int channels = 1; channels <= 2; channels++) {
            sound_auto sound = test_sweep(rates_hz[i], channels, (size_t)rates_hz[i] + 333);
            sound_auto back = {0};
            round_trip(&sound, &back);
            g_assert_cmpint(back.rate_hz, ==, sound.rate_hz);
            g_assert_cmpint(back.channels, ==, channels);
            g_assert_cmpuint(back.frames, ==, sound.frames);
            g_assert_cmpfloat(test_likeness_db(&sound, &back), >, rates_hz[i] < 16000 ? 18.0 : 25.0);
        }
}

static void test_every_length_is_exact(void)
{
    static const size_t lengths[] = {1, 2, 100, 1023, 1024, 1025, 2047, 2048, 2049, 4096, 10000};
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        sound_auto sound = test_sweep(24000, 1, lengths[i]);
        sound_auto back = {0};
        round_trip(&sound, &back);
        g_assert_cmpuint(back.frames, ==, lengths[i]);
    }
}

static void test_nothing_becomes_a_sample_of_silence(void)
{
    struct sound nothing = {.rate_hz = 16000, .channels = 2};
    sound_auto back = {0};
    round_trip(&nothing, &back);
    g_assert_cmpuint(back.frames, ==, 1);
    g_assert_cmpint(back.samples[0], ==, 0);
}

static void test_the_longest_fragment(void)
{
    sound_auto sound = test_sweep(48000, 2, (size_t)48000 * 60);
    sound_auto back = {0};
    round_trip(&sound, &back);
    g_assert_cmpuint(back.frames, ==, sound.frames);
    g_assert_cmpfloat(test_likeness_db(&sound, &back), >, 25.0);
}

static void test_the_same_sound_gives_the_same_bytes(void)
{
    sound_auto sound = test_sweep(24000, 1, 24000);
    g_autoptr(GBytes) first = NULL;
    g_autoptr(GBytes) second = NULL;
    g_assert_true(m4a_encode(&sound, &first, NULL) && m4a_encode(&sound, &second, NULL));
    g_assert_true(g_bytes_equal(first, second));
    /* 72 kbit/s and the directory. */
    g_assert_cmpuint(g_bytes_get_size(first), <, 11000);
}

static void test_rates_that_aac_lacks_go_up(void)
{
    static const int pairs[][2] = {{8000, 8000},   {8001, 11025},  {16000, 16000},
                                   {18000, 22050}, {23000, 24000}, {44101, 48000},
                                   {50000, 64000}, {95999, 96000}, {96000, 96000}};
    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++)
        g_assert_cmpint(m4a_rate_for(pairs[i][0]), ==, pairs[i][1]);
}

static void assert_refused(struct sound sound, const char *message)
{
    GBytes *bytes = NULL;
    struct dub_error error = {0};
    g_assert_false(m4a_encode(&sound, &bytes, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    g_assert_nonnull(strstr(error.message, message));
    g_assert_null(bytes);
}

static void test_what_cannot_be_encoded_is_refused(void)
{
    assert_refused((struct sound){.rate_hz = 23000, .channels = 1}, "23000 Hz");
    assert_refused((struct sound){.rate_hz = 7350, .channels = 1}, "7350 Hz");
    assert_refused((struct sound){.rate_hz = 16000, .channels = 3}, "3 channels");
    assert_refused((struct sound){.rate_hz = 8000, .channels = 1, .frames = 8000 * 121}, "120 s");
}

static gpointer encode_and_decode(gpointer data)
{
    for (int i = 0; i < 5; i++) {
        sound_auto sound = test_sweep(16000, 2, 8000 + (size_t)GPOINTER_TO_INT(data));
        sound_auto back = {0};
        round_trip(&sound, &back);
        g_assert_cmpuint(back.frames, ==, sound.frames);
        g_assert_cmpfloat(test_likeness_db(&sound, &back), >, 20.0);
    }
    return NULL;
}

static void test_many_threads_at_once(void)
{
    GThread *threads[6];
    for (int i = 0; i < 6; i++)
        threads[i] = g_thread_new("m4a", encode_and_decode, GINT_TO_POINTER(i * 100));
    for (int i = 0; i < 6; i++)
        g_thread_join(threads[i]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/m4a-encode/many-threads-at-once", test_many_threads_at_once);
    g_test_add_func("/m4a-encode/every-rate-comes-back-in-place", test_every_rate_comes_back_in_place);
    g_test_add_func("/m4a-encode/every-length-is-exact", test_every_length_is_exact);
    g_test_add_func("/m4a-encode/nothing-becomes-a-sample-of-silence",
                    test_nothing_becomes_a_sample_of_silence);
    g_test_add_func("/m4a-encode/the-longest-fragment", test_the_longest_fragment);
    g_test_add_func("/m4a-encode/the-same-sound-gives-the-same-bytes",
                    test_the_same_sound_gives_the_same_bytes);
    g_test_add_func("/m4a-encode/rates-that-aac-lacks-go-up", test_rates_that_aac_lacks_go_up);
    g_test_add_func("/m4a-encode/what-cannot-be-encoded-is-refused", test_what_cannot_be_encoded_is_refused);
    return g_test_run();
}
