/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sound.h"

void sound_clear(struct sound *sound)
{
    g_free(sound->samples);
    *sound = (struct sound){0};
}

int64_t sound_duration_ms(const struct sound *sound)
{
    if (sound->rate_hz <= 0)
        return 0;
    return ((int64_t)sound->frames * 1000 + sound->rate_hz / 2) / sound->rate_hz;
}

bool sound_check_format(int rate_hz, int channels, struct dub_error *error)
{
    if (rate_hz < PCM_MIN_RATE_HZ || rate_hz > PCM_MAX_RATE_HZ)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "sample rate %d Hz is outside %d..%d",
                             rate_hz, PCM_MIN_RATE_HZ, PCM_MAX_RATE_HZ);
    if (channels != 1 && channels != 2)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "%d channels, only 1 or 2 are possible",
                             channels);
    return true;
}

bool sound_check_length(size_t frames, int rate_hz, struct dub_error *error)
{
    if (frames > (size_t)rate_hz * (PCM_MAX_MS / 1000))
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "audio is longer than %d s",
                             PCM_MAX_MS / 1000);
    return true;
}

bool sound_from_s16le(const void *data, size_t size_bytes, int rate_hz, int channels, struct sound *out,
                      struct dub_error *error)
{
    if (!sound_check_format(rate_hz, channels, error))
        return false;
    size_t frame_bytes = sizeof(int16_t) * (size_t)channels;
    size_t frames = size_bytes / frame_bytes;
    if (size_bytes % frame_bytes != 0)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT,
                             "%zu bytes are no whole number of 16-bit frames of %d channels", size_bytes,
                             channels);
    if (!sound_check_length(frames, rate_hz, error))
        return false;
    const uint8_t *bytes = data;
    int16_t *samples = g_new(int16_t, frames * (size_t)channels);
    for (size_t i = 0; i < frames * (size_t)channels; i++)
        samples[i] = (int16_t)(uint16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
    *out = (struct sound){.samples = samples, .frames = frames, .rate_hz = rate_hz, .channels = channels};
    return true;
}

GBytes *sound_to_s16le(const struct sound *sound)
{
    size_t count = sound->frames * (size_t)sound->channels;
    uint8_t *bytes = g_malloc(count * sizeof(int16_t));
    for (size_t i = 0; i < count; i++) {
        uint16_t value = (uint16_t)sound->samples[i];
        bytes[2 * i] = (uint8_t)(value & 0xff);
        bytes[2 * i + 1] = (uint8_t)(value >> 8);
    }
    return g_bytes_new_take(bytes, count * sizeof(int16_t));
}

static void average(struct sound *sound)
{
    int16_t *samples = sound->samples;
    for (size_t i = 0; i < sound->frames; i++)
        samples[i] = (int16_t)((samples[2 * i] + samples[2 * i + 1]) / 2);
}

static void repeat(struct sound *sound)
{
    int16_t *both = g_new(int16_t, sound->frames * 2);
    for (size_t i = 0; i < sound->frames; i++)
        both[2 * i] = both[2 * i + 1] = sound->samples[i];
    g_free(sound->samples);
    sound->samples = both;
}

void sound_set_channels(struct sound *sound, int channels)
{
    if (sound->channels == channels)
        return;
    if (channels == 1)
        average(sound);
    else
        repeat(sound);
    sound->channels = channels;
}

struct pcm sound_to_pcm(struct sound *take)
{
    sound_set_channels(take, 1);
    struct pcm pcm = {.samples = take->samples, .count = take->frames, .rate_hz = take->rate_hz};
    *take = (struct sound){0};
    return pcm;
}

struct sound sound_of_pcm(const struct pcm *pcm)
{
    return (struct sound){
        .samples = pcm->samples, .frames = pcm->count, .rate_hz = pcm->rate_hz, .channels = 1};
}
