/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "exchange_audio.h"

#include <math.h>
#include <string.h>

#define S DUB_NS_PER_S

/* A second of a tone-like sawtooth, said as it is; the tests then spoil one thing each. */
static struct dub_audio good_audio(unsigned n)
{
    int16_t *samples = g_new(int16_t, n);
    for (unsigned i = 0; i < n; i++)
        samples[i] = (int16_t)GINT16_TO_LE((int16_t)(i % 200 * 100));
    struct dub_audio audio = {
        .format = DUB_FORMAT_PCM_S16LE, .sample_rate_hz = DUB_EXCHANGE_RATE_HZ, .channels = 1};
    audio.data = g_bytes_new_take(samples, n * sizeof(int16_t));
    audio.duration_ms = dub_audio_measured_ms(&audio);
    return audio;
}

static void assert_bad(struct dub_audio *audio, const char *says)
{
    struct dub_error error = {0};
    unsigned n = 0;
    g_assert_null(exchange_audio_check(audio, 1 * S, &n, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    g_assert_false(error.retryable);
    if (strstr(error.message, says) == NULL)
        g_error("\"%s\" does not say \"%s\"", error.message, says);
    dub_audio_clear(audio);
}

static void test_audio_that_is_good(void)
{
    struct dub_audio audio = good_audio(DUB_EXCHANGE_RATE_HZ);
    struct dub_error error = {0};
    unsigned n = 0;
    g_autofree int16_t *samples = exchange_audio_check(&audio, 1 * S, &n, &error);
    g_assert_nonnull(samples);
    g_assert_cmpuint(n, ==, DUB_EXCHANGE_RATE_HZ);
    g_assert_cmpint(samples[199], ==, 19900);
    g_assert_cmpint(error.code, ==, DUB_ERROR_NONE);
    dub_audio_clear(&audio);
}

static void test_audio_that_is_not_what_was_asked_for(void)
{
    struct dub_audio audio = good_audio(24000);
    audio.sample_rate_hz = 16000;
    audio.duration_ms = 1500;
    assert_bad(&audio, "16000 Hz");
    audio = good_audio(24000);
    audio.channels = 2;
    assert_bad(&audio, "2 channels");
    audio = good_audio(24000);
    audio.format = DUB_FORMAT_M4A;
    assert_bad(&audio, "m4a");
    audio = (struct dub_audio){.format = DUB_FORMAT_PCM_S16LE, .sample_rate_hz = 24000, .channels = 1};
    assert_bad(&audio, "no audio");
}

static void test_audio_of_a_wrong_duration(void)
{
    struct dub_audio audio = good_audio(24000);
    audio.duration_ms = 3000;
    assert_bad(&audio, "3000 ms");
    audio = good_audio(24000 * 13 / 10);
    assert_bad(&audio, "its slot allows 1200 ms");
    audio = good_audio(24000);
    g_bytes_unref(audio.data);
    audio.data = g_bytes_new_static("abc", 3);
    assert_bad(&audio, "whole frames");
    audio = good_audio(0);
    assert_bad(&audio, "silent");
}

static void fill(struct dub_audio *audio, int16_t value, unsigned n)
{
    gsize size = 0;
    int16_t *samples = (int16_t *)(void *)g_bytes_unref_to_data(audio->data, &size);
    for (unsigned i = 0; i < n; i++)
        samples[i] = (int16_t)GINT16_TO_LE(value);
    audio->data = g_bytes_new_take(samples, size);
}

static void test_audio_that_is_silent_or_clipped(void)
{
    struct dub_audio audio = good_audio(24000);
    g_assert_false(exchange_audio_is_silent(&audio));
    fill(&audio, 0, 23999);
    g_assert_false(exchange_audio_is_silent(&audio));
    fill(&audio, 0, 24000);
    g_assert_true(exchange_audio_is_silent(&audio));
    assert_bad(&audio, "silent");
    audio = good_audio(24000);
    fill(&audio, INT16_MAX, 241);
    assert_bad(&audio, "clipped");
    audio = good_audio(24000);
    fill(&audio, INT16_MIN, 241);
    assert_bad(&audio, "clipped");
    audio = good_audio(24000);
    fill(&audio, INT16_MAX, 240);
    unsigned n = 0;
    g_autofree int16_t *samples = exchange_audio_check(&audio, 1 * S, &n, NULL);
    g_assert_nonnull(samples);
    dub_audio_clear(&audio);
}

static void fill_with(struct dub_audio *audio, uint16_t (*make)(unsigned i))
{
    gsize size = 0;
    uint16_t *samples = (uint16_t *)(void *)g_bytes_unref_to_data(audio->data, &size);
    for (unsigned i = 0; i < size / 2; i++)
        samples[i] = GUINT16_TO_LE(make(i));
    audio->data = g_bytes_new_take(samples, size);
}

static uint16_t white_noise(unsigned i)
{
    return (uint16_t)((i * UINT32_C(2654435761) ^ i * i * UINT32_C(40503)) >> 16) / 2;
}

static uint16_t wave_as_floats(unsigned i)
{
    unsigned at = i / 2;
    float value = 0.3f * sinf((float)at * 0.05f);
    uint16_t halves[2];
    memcpy(halves, &value, sizeof halves);
    return halves[i % 2];
}

static uint16_t not_a_number(unsigned i)
{
    return i % 2 == 0 ? 0 : 0x7fc0;
}

static uint16_t wave_in_the_wrong_order(unsigned i)
{
    return GUINT16_SWAP_LE_BE((uint16_t)(int16_t)lrintf(9000 * sinf((float)i * 0.05f)));
}

static void test_audio_that_is_noise(void)
{
    uint16_t (*const makers[])(unsigned i) = {white_noise, wave_as_floats, not_a_number,
                                              wave_in_the_wrong_order};
    for (gsize i = 0; i < G_N_ELEMENTS(makers); i++) {
        struct dub_audio audio = good_audio(24000);
        fill_with(&audio, makers[i]);
        assert_bad(&audio, "noise");
    }
}

static void test_audio_of_a_fragment(void)
{
    struct dub_exchange_fragment fragment = {.samples = g_new0(int16_t, 2400), .n_samples = 2400};
    struct dub_audio audio;
    fragment.samples[1] = 258;
    exchange_audio_take(&audio, &fragment);
    g_assert_null(fragment.samples);
    g_assert_cmpint(audio.duration_ms, ==, 100);
    g_assert_cmpint(dub_audio_frames(&audio), ==, 2400);
    g_assert_cmpint(memcmp((const char *)g_bytes_get_data(audio.data, NULL) + 2, "\x02\x01", 2), ==, 0);
    dub_audio_clear(&audio);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/exchange-audio/good", test_audio_that_is_good);
    g_test_add_func("/exchange-audio/not-what-was-asked-for", test_audio_that_is_not_what_was_asked_for);
    g_test_add_func("/exchange-audio/wrong-duration", test_audio_of_a_wrong_duration);
    g_test_add_func("/exchange-audio/silent-or-clipped", test_audio_that_is_silent_or_clipped);
    g_test_add_func("/exchange-audio/noise", test_audio_that_is_noise);
    g_test_add_func("/exchange-audio/of-a-fragment", test_audio_of_a_fragment);
    return g_test_run();
}
