/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pcm.h"

#include <string.h>

void pcm_clear(struct pcm *pcm)
{
    g_free(pcm->samples);
    *pcm = (struct pcm){0};
}

struct pcm pcm_silence(int rate_hz, int64_t duration_ms)
{
    size_t count = duration_ms > 0 ? (size_t)(duration_ms * rate_hz / 1000) : 0;
    return (struct pcm){.samples = g_new0(int16_t, count), .count = count, .rate_hz = rate_hz};
}

struct pcm pcm_copy(const struct pcm *from)
{
    struct pcm copy = *from;
    copy.samples = g_memdup2(from->samples, from->count * sizeof(int16_t));
    return copy;
}

int64_t pcm_duration_ms(const struct pcm *pcm)
{
    if (pcm->rate_hz <= 0)
        return 0;
    return ((int64_t)pcm->count * 1000 + pcm->rate_hz / 2) / pcm->rate_hz;
}

static bool check_format(size_t size_bytes, int rate_hz, int channels, struct dub_error *error)
{
    if (rate_hz < PCM_MIN_RATE_HZ || rate_hz > PCM_MAX_RATE_HZ)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "sample rate %d Hz is outside %d..%d",
                             rate_hz, PCM_MIN_RATE_HZ, PCM_MAX_RATE_HZ);
    if (channels != 1 && channels != 2)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "%d channels, only 1 or 2 are possible",
                             channels);
    size_t frame_bytes = sizeof(int16_t) * (size_t)channels;
    if (size_bytes % frame_bytes != 0)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT,
                             "%zu bytes are no whole number of 16-bit frames of %d channels", size_bytes,
                             channels);
    if (size_bytes / frame_bytes > (size_t)rate_hz * (PCM_MAX_MS / 1000))
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "audio is longer than %d s",
                             PCM_MAX_MS / 1000);
    return true;
}

static int16_t sample_at(const uint8_t *bytes)
{
    return (int16_t)(uint16_t)(bytes[0] | bytes[1] << 8);
}

bool pcm_from_s16le(const void *data, size_t size_bytes, int rate_hz, int channels, struct pcm *out,
                    struct dub_error *error)
{
    if (!check_format(size_bytes, rate_hz, channels, error))
        return false;
    const uint8_t *bytes = data;
    size_t count = size_bytes / sizeof(int16_t) / (size_t)channels;
    int16_t *samples = g_new(int16_t, count);
    for (size_t i = 0; i < count; i++) {
        if (channels == 1)
            samples[i] = sample_at(bytes + 2 * i);
        else
            samples[i] = (int16_t)((sample_at(bytes + 4 * i) + sample_at(bytes + 4 * i + 2)) / 2);
    }
    *out = (struct pcm){.samples = samples, .count = count, .rate_hz = rate_hz};
    return true;
}

GBytes *pcm_to_s16le(const struct pcm *pcm, int channels)
{
    size_t size = pcm->count * (size_t)channels * sizeof(int16_t);
    uint8_t *bytes = g_malloc(size);
    uint8_t *at = bytes;
    for (size_t i = 0; i < pcm->count; i++) {
        uint16_t value = (uint16_t)pcm->samples[i];
        for (int channel = 0; channel < channels; channel++) {
            *at++ = (uint8_t)(value & 0xff);
            *at++ = (uint8_t)(value >> 8);
        }
    }
    return g_bytes_new_take(bytes, size);
}
