/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stream.h"

#include <dubbing_amf.h>
#include <dubbing_clock.h>
#include <string.h>

static void unref_message(gpointer message)
{
    media_message_unref(message);
}

void stream_init(struct stream *stream)
{
    memset(stream, 0, sizeof *stream);
    stream->gop = g_ptr_array_new_with_free_func(unref_message);
    stream->retired = g_ptr_array_new_with_free_func(unref_message);
    stream->gop_max_bytes = STREAM_GOP_MAX_BYTES;
}

void stream_clear(struct stream *stream)
{
    for (size_t i = 0; i < G_N_ELEMENTS(stream->config); i++)
        g_clear_pointer(&stream->config[i], media_message_unref);
    g_clear_pointer(&stream->gop, g_ptr_array_unref);
    g_clear_pointer(&stream->retired, g_ptr_array_unref);
}

bool stream_has_video(const struct stream *stream)
{
    return stream->video.codec != FLV_CODEC_NONE;
}

static bool announces(const struct amf_value *metadata, const char *name)
{
    const struct amf_value *value = amf_member(metadata, name);
    return amf_number_or(value, 0) > 0 || *amf_string_or(value, "") != '\0';
}

/* Metadata of any other name goes through untouched; broken metadata is dropped. */
static bool observe_data(struct stream *stream, struct media_message *message)
{
    struct dub_reader reader = dub_reader_on(message->data, message->size);
    g_autoptr(GPtrArray) values = amf_read_all(&reader, NULL);
    if (values == NULL || values->len == 0)
        return false;
    if (strcmp(amf_string_or(amf_at(values, 0), ""), "onMetaData") != 0)
        return true;
    message->is_config = true;
    stream->has_metadata = true;
    stream->video.announced = announces(amf_at(values, 1), "videocodecid");
    stream->audio.announced = announces(amf_at(values, 1), "audiocodecid");
    return true;
}

static bool observe_track(struct stream *stream, struct media_message *message)
{
    struct flv_tag tag;
    bool is_video = message->kind == MEDIA_VIDEO;
    if (is_video ? !flv_parse_video(message->data, message->size, &tag)
                 : !flv_parse_audio(message->data, message->size, &tag))
        return false;
    message->is_config = tag.is_config;
    message->is_key = tag.is_key;
    struct stream_track *track = is_video ? &stream->video : &stream->audio;
    if (tag.is_config || !flv_codec_needs_config(tag.codec))
        track->codec = tag.codec;
    if (!stream->has_first && !tag.is_config) {
        stream->has_first = true;
        stream->first_dts_ns = message->dts_ns;
    }
    return true;
}

static bool is_settled(const struct stream *stream, const struct stream_track *track)
{
    return track->codec != FLV_CODEC_NONE || (stream->has_metadata && !track->announced);
}

static bool tracks_are_known(const struct stream *stream, const struct media_message *message)
{
    if (stream->video.codec == FLV_CODEC_NONE && stream->audio.codec == FLV_CODEC_NONE)
        return false;
    if (is_settled(stream, &stream->video) && is_settled(stream, &stream->audio))
        return true;
    return stream->has_first && message->dts_ns - stream->first_dts_ns >= STREAM_ANALYZE_NS;
}

void stream_forget_gop(struct stream *stream)
{
    g_ptr_array_set_size(stream->gop, 0);
    g_ptr_array_set_size(stream->retired, 0);
    stream->gop_bytes = 0;
}

/* To let go of hundreds of messages takes a while, and readers wait for the key frame. */
static void retire_gop(struct stream *stream)
{
    GPtrArray *empty = stream->retired;
    stream->retired = stream->gop;
    stream->gop = empty;
    stream->gop_bytes = 0;
}

static void keep_in_gop(struct stream *stream, struct media_message *message)
{
    static uint64_t n_gops; /* one thread */
    gsize bytes = message->size;
    if (message->is_key) {
        retire_gop(stream);
        stream->gop_number = ++n_gops;
    } else if (stream->gop->len == 0) {
        return;
    }
    if (stream->gop_bytes + bytes > stream->gop_max_bytes || stream->gop->len >= STREAM_GOP_MAX_MESSAGES) {
        stream_forget_gop(stream);
        return;
    }
    g_ptr_array_add(stream->gop, media_message_ref(message));
    stream->gop_bytes += bytes;
}

static void drop_sound_from_gop(struct stream *stream)
{
    for (guint i = stream->gop->len; i-- > 0;) {
        struct media_message *message = stream->gop->pdata[i];
        if (message->kind != MEDIA_AUDIO)
            continue;
        stream->gop_bytes -= message->size;
        g_ptr_array_remove_index(stream->gop, i);
    }
}

static bool says_the_same(const struct media_message *one, const struct media_message *other)
{
    return one->size == other->size && memcmp(one->data, other->data, one->size) == 0;
}

/* A sequence header that repeats the last one changes nothing; another one makes what is kept of its track
 * undecodable for a reader who comes now and is told the new one. */
static void keep_config(struct stream *stream, struct media_message *message)
{
    struct media_message **slot = &stream->config[message->kind];
    bool is_other = *slot != NULL && !says_the_same(*slot, message);
    if (is_other && message->kind == MEDIA_VIDEO)
        stream_forget_gop(stream);
    if (is_other && message->kind == MEDIA_AUDIO)
        drop_sound_from_gop(stream);
    media_message_unref(*slot);
    *slot = media_message_ref(message);
}

bool stream_observe(struct stream *stream, struct media_message *message)
{
    g_ptr_array_set_size(stream->retired, 0);
    bool usable =
        message->kind == MEDIA_DATA ? observe_data(stream, message) : observe_track(stream, message);
    if (!usable)
        return false;
    if (message->is_config)
        keep_config(stream, message);
    else
        keep_in_gop(stream, message);
    stream->ready = stream->ready || tracks_are_known(stream, message);
    return true;
}

void stream_for_each_start(const struct stream *stream,
                           void (*each)(struct media_message *message, void *user), void *user)
{
    static const enum media_kind order[] = {MEDIA_DATA, MEDIA_VIDEO, MEDIA_AUDIO};
    for (size_t i = 0; i < G_N_ELEMENTS(order); i++)
        if (stream->config[order[i]] != NULL)
            each(stream->config[order[i]], user);
    for (guint i = 0; i < stream->gop->len; i++)
        each(stream->gop->pdata[i], user);
}
