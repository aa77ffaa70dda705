/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire.h"

#include "m4a.h"
#include "mp4_check.h"
#include "resample.h"

#include <string.h>

#define WAV_HEADER_BYTES 12

static bool wav_begins(const char *data, size_t size)
{
    return size >= WAV_HEADER_BYTES && memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WAVE", 4) == 0;
}

/* What bare samples begin with by chance once in 2^60 fragments. NULL: nothing of the kind. */
static const char *file_kind(const struct dub_audio *audio)
{
    gsize size = 0;
    const char *data = g_bytes_get_data(audio->data, &size);
    if (wav_begins(data, size))
        return "WAV";
    return mp4_begins(data, size) ? "MP4" : NULL;
}

static bool decode_pcm(const struct dub_audio *audio, struct sound *out, struct dub_error *error)
{
    gsize size = 0;
    const void *data = g_bytes_get_data(audio->data, &size);
    const char *kind = file_kind(audio);
    if (kind)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT,
                             "audio.data_base64 is a %s file, but audio.format says pcm_s16le: samples "
                             "without a header",
                             kind);
    return sound_from_s16le(data, size, audio->sample_rate_hz, audio->channels, out, error);
}

static bool decode_m4a(const struct dub_audio *audio, struct sound *out, struct dub_error *error)
{
    gsize size = 0;
    const void *data = g_bytes_get_data(audio->data, &size);
    if (!m4a_decode(data, size, out, error))
        return false;
    if (dub_audio_check_measured(audio, sound_duration_ms(out), error))
        return true;
    sound_clear(out);
    return false;
}

bool wire_decode(const struct dub_audio *audio, struct sound *out, struct dub_error *error)
{
    struct dub_error ignored = {0};
    error = error ? error : &ignored;
    bool good =
        audio->format == DUB_FORMAT_M4A ? decode_m4a(audio, out, error) : decode_pcm(audio, out, error);
    if (!good)
        error->stage = DUB_STAGE_INPUT;
    return good;
}

bool wire_decode_speech(const struct dub_audio *audio, struct pcm *out, struct dub_error *error)
{
    struct sound sound;
    if (!wire_decode(audio, &sound, error))
        return false;
    *out = sound_to_pcm(&sound);
    return true;
}

/* Two channels become one before the rate changes, one becomes two after: the less to do. */
static bool adapt(const struct sound *sound, int rate_hz, int channels, struct sound *out,
                  struct dub_error *error)
{
    sound_auto narrow = *sound;
    narrow.samples =
        g_memdup2(sound->samples, sound->frames * (size_t)sound->channels * sizeof(*sound->samples));
    sound_set_channels(&narrow, MIN(narrow.channels, channels));
    if (!sound_resample(&narrow, rate_hz, out, error))
        return false;
    sound_set_channels(out, channels);
    return true;
}

static bool encode(const struct sound *sound, enum dub_audio_format format, int rate_hz, int channels,
                   struct dub_audio *out, struct dub_error *error)
{
    sound_auto adapted = {0};
    GBytes *data = NULL;
    if (format == DUB_FORMAT_M4A)
        rate_hz = m4a_rate_for(rate_hz);
    if (!sound_check_format(rate_hz, channels, error) || !adapt(sound, rate_hz, channels, &adapted, error))
        return false;
    if (format != DUB_FORMAT_M4A)
        data = sound_to_s16le(&adapted);
    else if (!m4a_encode(&adapted, &data, error))
        return false;
    *out = (struct dub_audio){.format = format,
                              .sample_rate_hz = rate_hz,
                              .channels = channels,
                              .duration_ms = sound_duration_ms(&adapted),
                              .data = data};
    return true;
}

bool wire_encode(const struct sound *sound, enum dub_audio_format format, int rate_hz, int channels,
                 struct dub_audio *out, struct dub_error *error)
{
    struct dub_error ignored = {0};
    error = error ? error : &ignored;
    if (encode(sound, format, rate_hz, channels, out, error))
        return true;
    error->stage = DUB_STAGE_OUTPUT;
    return false;
}

bool wire_passes(const struct dub_audio *audio, enum dub_audio_format format, int rate_hz, int channels)
{
    return audio->format == DUB_FORMAT_PCM_S16LE && format == audio->format &&
           audio->sample_rate_hz == rate_hz && audio->channels == channels && !file_kind(audio);
}

static void pass(const struct dub_audio *audio, struct dub_audio *out)
{
    *out = *audio;
    out->data = g_bytes_ref(audio->data);
}

bool wire_convert(const struct dub_audio *audio, enum dub_audio_format format, int rate_hz, int channels,
                  struct dub_audio *out, struct dub_error *error)
{
    sound_auto sound = {0};
    if (wire_passes(audio, format, rate_hz, channels)) {
        pass(audio, out);
        return true;
    }
    if (!wire_decode(audio, &sound, error))
        return false;
    bool same = audio->format == format && sound.rate_hz == rate_hz && sound.channels == channels;
    if (!same)
        return wire_encode(&sound, format, rate_hz, channels, out, error);
    pass(audio, out);
    out->sample_rate_hz = sound.rate_hz;
    out->channels = sound.channels;
    out->duration_ms = sound_duration_ms(&sound);
    return true;
}
