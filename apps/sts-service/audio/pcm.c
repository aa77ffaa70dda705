/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pcm.h"

#include "sound.h"

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

bool pcm_from_s16le(const void *data, size_t size_bytes, int rate_hz, int channels, struct pcm *out,
                    struct dub_error *error)
{
    struct sound sound;
    if (!sound_from_s16le(data, size_bytes, rate_hz, channels, &sound, error))
        return false;
    *out = sound_to_pcm(&sound);
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
