/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Audio as a member of an event: base64 on the wire (RFC 4648 section 4), bytes in the struct. */
#include "fields.h"

#include <stdlib.h>
#include <string.h>

#define PCM_SAMPLE_BYTES 2
#define DURATION_TOLERANCE_PERCENT 20
#define DURATION_ROUNDING_MS 1

void dub_audio_clear(struct dub_audio *audio)
{
    g_clear_pointer(&audio->data, g_bytes_unref);
    *audio = (struct dub_audio){0};
}

int64_t dub_audio_frames(const struct dub_audio *audio)
{
    if (!audio->data || audio->format != DUB_FORMAT_PCM_S16LE || audio->channels < 1)
        return 0;
    return (int64_t)g_bytes_get_size(audio->data) / (PCM_SAMPLE_BYTES * audio->channels);
}

int64_t dub_audio_measured_ms(const struct dub_audio *audio)
{
    if (audio->sample_rate_hz < 1)
        return 0;
    return (dub_audio_frames(audio) * 1000 + audio->sample_rate_hz / 2) / audio->sample_rate_hz;
}

bool dub_audio_check_measured(const struct dub_audio *audio, int64_t measured_ms, struct dub_error *error)
{
    int64_t allowed = MAX(measured_ms * DURATION_TOLERANCE_PERCENT / 100, DURATION_ROUNDING_MS);
    if (llabs(measured_ms - audio->duration_ms) <= allowed)
        return true;
    return dub_error_set_stage(error, DUB_ERROR_INVALID_AUDIO_FORMAT, DUB_STAGE_INPUT,
                               "audio.duration_ms says %" G_GINT64_FORMAT
                               " ms, but the audio lasts %" G_GINT64_FORMAT " ms at %d Hz with %d channels",
                               audio->duration_ms, measured_ms, audio->sample_rate_hz, audio->channels);
}

bool dub_audio_check_duration(const struct dub_audio *audio, struct dub_error *error)
{
    if (audio->format != DUB_FORMAT_PCM_S16LE || !audio->data)
        return true;
    gsize size = g_bytes_get_size(audio->data);
    gsize frame = (gsize)(PCM_SAMPLE_BYTES * MAX(audio->channels, 1));
    if (size % frame != 0)
        return dub_error_set_stage(error, DUB_ERROR_INVALID_AUDIO_FORMAT, DUB_STAGE_INPUT,
                                   "audio.data_base64 holds %" G_GSIZE_FORMAT
                                   " bytes, which is not whole frames of %" G_GSIZE_FORMAT " bytes",
                                   size, frame);
    return dub_audio_check_measured(audio, dub_audio_measured_ms(audio), error);
}

/* g_base64_decode skips what it does not know; from outside, that is damage and must be said. */
static bool is_base64(const char *text, gsize size)
{
    if (size % 4 != 0)
        return false;
    gsize padding = size > 0 && text[size - 1] == '=' ? (text[size - 2] == '=' ? 2 : 1) : 0;
    for (gsize i = 0; i < size - padding; i++) {
        if (!g_ascii_isalnum(text[i]) && text[i] != '+' && text[i] != '/')
            return false;
    }
    return true;
}

static GBytes *read_data(struct dub_json_reader *reader)
{
    static const char name[] = "data_base64";
    const char *text = dub_json_read_string(reader, name, G_MAXSIZE / 2);
    if (*reader->failed || !text)
        return NULL;
    gsize size = strlen(text);
    if (size > DUB_AUDIO_BASE64_BYTES_MAX) {
        reader->code = DUB_ERROR_FRAGMENT_TOO_LARGE;
        contract_problem(reader, name, "is %" G_GSIZE_FORMAT " bytes long, at most %u are allowed", size,
                         DUB_AUDIO_BASE64_BYTES_MAX);
        return NULL;
    }
    if (!is_base64(text, size)) {
        contract_problem(reader, name, "is not base64 (RFC 4648 section 4, padded)");
        return NULL;
    }
    gsize decoded = 0;
    guchar *data = g_base64_decode(text, &decoded);
    return g_bytes_new_take(data, decoded);
}

void contract_read_audio(struct dub_json_reader *parent, const char *name, bool required,
                         struct dub_audio *audio)
{
    g_autofree char *path = g_strconcat(parent->path, name, ".", NULL);
    enum dub_error_code code = parent->code;
    parent->code = DUB_ERROR_INVALID_AUDIO_FORMAT;
    struct dub_json_reader reader = dub_json_read_object(parent, name, path, required);
    parent->code = code;
    if (*parent->failed || !contract_has(parent, name))
        return;

    reader.code = DUB_ERROR_INVALID_AUDIO_FORMAT;
    audio->format =
        (enum dub_audio_format)contract_read_choice(&reader, "format", &contract_dub_audio_format, -1);
    audio->sample_rate_hz =
        (int)dub_json_read_int(&reader, "sample_rate_hz", DUB_SAMPLE_RATE_HZ_MIN, DUB_SAMPLE_RATE_HZ_MAX);
    audio->channels = (int)dub_json_read_int(&reader, "channels", DUB_CHANNELS_MIN, DUB_CHANNELS_MAX);
    audio->duration_ms = contract_read_rounded(&reader, "duration_ms", DUB_FRAGMENT_DURATION_MS_MAX);
    audio->data = read_data(&reader);
}

JsonObject *contract_audio_to_object(const struct dub_audio *audio)
{
    gsize size = 0;
    const guchar *data = audio->data ? g_bytes_get_data(audio->data, &size) : NULL;
    g_autofree char *text = g_base64_encode(data, size);

    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "format", dub_audio_format_name(audio->format));
    json_object_set_int_member(object, "sample_rate_hz", audio->sample_rate_hz);
    json_object_set_int_member(object, "channels", audio->channels);
    json_object_set_int_member(object, "duration_ms", audio->duration_ms);
    json_object_set_string_member(object, "data_base64", text);
    return object;
}
