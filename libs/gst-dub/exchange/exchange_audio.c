/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nothing that a service sends is heard unchecked: wrong audio is worse on air than none. */
#include "exchange_audio.h"

#include <string.h>

static void swap_if_big_endian(int16_t *samples, gsize n)
{
#if G_BYTE_ORDER == G_BIG_ENDIAN
    for (gsize i = 0; i < n; i++)
        samples[i] = (int16_t)GUINT16_SWAP_LE_BE((uint16_t)samples[i]);
#else
    (void)samples;
    (void)n;
#endif
}

void exchange_audio_take(struct dub_audio *audio, struct dub_exchange_fragment *fragment)
{
    gsize size = fragment->n_samples * sizeof(int16_t);
    swap_if_big_endian(fragment->samples, fragment->n_samples);
    *audio = (struct dub_audio){
        .format = DUB_FORMAT_PCM_S16LE,
        .sample_rate_hz = DUB_EXCHANGE_RATE_HZ,
        .channels = 1,
        .data = g_bytes_new_take(g_steal_pointer(&fragment->samples), size),
    };
    audio->duration_ms = dub_audio_measured_ms(audio);
}

static bool check_format(const struct dub_audio *audio, struct dub_error *error)
{
    if (audio->data == NULL)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "the answer has no audio");
    if (audio->format == DUB_FORMAT_PCM_S16LE && audio->sample_rate_hz == DUB_EXCHANGE_RATE_HZ &&
        audio->channels == 1)
        return true;
    return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT,
                         "the dub is %s, %d Hz, %d channels; pcm_s16le, %d Hz, 1 channel was asked for",
                         dub_audio_format_name(audio->format), audio->sample_rate_hz, audio->channels,
                         DUB_EXCHANGE_RATE_HZ);
}

static bool check_slot(const struct dub_audio *audio, int64_t max_duration_ns, struct dub_error *error)
{
    int64_t measured_ms = dub_audio_measured_ms(audio);
    int64_t allowed_ms = max_duration_ns / DUB_NS_PER_MS * (100 + AUDIO_SLOT_TOLERANCE_PERCENT) / 100;
    if (measured_ms <= allowed_ms)
        return true;
    return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT,
                         "the dub lasts %" G_GINT64_FORMAT " ms, its slot allows %" G_GINT64_FORMAT " ms",
                         measured_ms, allowed_ms);
}

/* Speech is the louder the lower, so that neighbouring samples are alike: their correlation is 0.5 and more,
 * 0.1 in a lone "psst". It is about 0 for white noise and for what is not 16-bit samples at all: floats, NaN
 * among them, and most sound in the wrong byte order. */
static bool is_noise(const int16_t *samples, gsize n)
{
    double mean = 0;
    double power = 0;
    double alike = 0;
    for (gsize i = 0; i < n; i++)
        mean += samples[i];
    mean /= (double)n;
    for (gsize i = 1; i < n; i++) {
        power += (samples[i] - mean) * (samples[i] - mean);
        alike += (samples[i] - mean) * (samples[i - 1] - mean);
    }
    return alike < power * AUDIO_LEAST_CORRELATION;
}

static bool check_samples(const int16_t *samples, gsize n, struct dub_error *error)
{
    gsize n_zero = 0;
    gsize n_clipped = 0;
    for (gsize i = 0; i < n; i++) {
        n_zero += samples[i] == 0;
        n_clipped += samples[i] == INT16_MAX || samples[i] == INT16_MIN;
    }
    if (n_zero == n)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "the dub is silent");
    if (n_clipped * 100 > n * AUDIO_MAX_CLIPPED_PERCENT)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT,
                             "%zu of the dub's %zu samples are clipped", n_clipped, n);
    if (is_noise(samples, n))
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "the dub is noise");
    return true;
}

bool exchange_audio_is_silent(const struct dub_audio *audio)
{
    gsize size = 0;
    const uint8_t *data = audio->data != NULL ? g_bytes_get_data(audio->data, &size) : NULL;
    /* All are like the first. */
    return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

int16_t *exchange_audio_check(const struct dub_audio *audio, int64_t max_duration_ns, unsigned *n_samples,
                              struct dub_error *error)
{
    if (!check_format(audio, error) || !dub_audio_check_duration(audio, error) ||
        !check_slot(audio, max_duration_ns, error))
        return NULL;
    gsize size = 0;
    const void *data = g_bytes_get_data(audio->data, &size);
    gsize n = size / sizeof(int16_t);
    g_autofree int16_t *samples = g_memdup2(data, size);
    swap_if_big_endian(samples, n);
    if (!check_samples(samples, n, error))
        return NULL;
    *n_samples = (unsigned)n;
    return g_steal_pointer(&samples);
}
