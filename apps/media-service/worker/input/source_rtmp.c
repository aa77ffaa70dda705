/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "source_rtmp.h"

#include "../../shared/flv_times.h"

#include <dubbing_clock.h>
#include <dubbing_flv.h>
#include <dubbing_rtmp_link.h>
#include <gst/pbutils/pbutils.h>
#include <pthread.h>

/* Where a connection's time begins: sound may be a little older than the picture that came first. One turn of
 * the 32 bits. */
#define EPOCH_MS (INT64_C(1) << 32)

struct source_rtmp {
    struct source_rtmp_events events;
    void *user;
    GMainContext *context;
    pthread_t thread;
    bool has_thread;
    bool stops; /* atomic */

    /* The thread's. */
    struct rtmp_link *link;
    struct flv_times times;
    int64_t last_ms; /* unwrapped; 0: none yet */
    GstSegment segment;
    struct {
        GBytes *codec_data; /* NULL: not known yet */
        GstCaps *caps;
        bool is_refused;
    } tracks[TRACK_COUNT];
};

static int64_t unwrap(struct source_rtmp *source, uint32_t time_ms)
{
    if (source->last_ms == 0)
        source->last_ms = EPOCH_MS + time_ms;
    else
        source->last_ms += (int32_t)(time_ms - (uint32_t)source->last_ms);
    return source->last_ms;
}

static GstCaps *new_video_caps(GstBuffer *codec_data)
{
    return gst_caps_new_simple("video/x-h264", "stream-format", G_TYPE_STRING, "avc", "codec_data",
                               GST_TYPE_BUFFER, codec_data, NULL);
}

static GstCaps *new_audio_caps(GstBuffer *codec_data)
{
    GstMapInfo map;

    gst_buffer_map(codec_data, &map, GST_MAP_READ);
    int rate_hz = (int)gst_codec_utils_aac_get_sample_rate(map.data, (guint)map.size);
    int channels = (int)gst_codec_utils_aac_get_channels(map.data, (guint)map.size);
    gst_buffer_unmap(codec_data, &map);
    return gst_caps_new_simple("audio/mpeg", "mpegversion", G_TYPE_INT, 4, "stream-format", G_TYPE_STRING,
                               "raw", "framed", G_TYPE_BOOLEAN, TRUE, "rate", G_TYPE_INT, rate_hz, "channels",
                               G_TYPE_INT, channels, "codec_data", GST_TYPE_BUFFER, codec_data, NULL);
}

/* Encoders say it again now and then: only what changed is news. */
static void take_codec_data(struct source_rtmp *source, enum track track, GBytes *take_data)
{
    g_autoptr(GBytes) data = take_data;

    if (source->tracks[track].codec_data && g_bytes_equal(source->tracks[track].codec_data, data))
        return;
    g_clear_pointer(&source->tracks[track].codec_data, g_bytes_unref);
    gst_clear_caps(&source->tracks[track].caps);
    g_autoptr(GstBuffer) buffer = gst_buffer_new_wrapped_bytes(data);
    source->tracks[track].codec_data = g_bytes_ref(data);
    source->tracks[track].caps = (track == TRACK_VIDEO ? new_video_caps : new_audio_caps)(buffer);
    source->events.on_caps(track, source->tracks[track].caps, source->user);
}

static GstBuffer *new_buffer(struct source_rtmp *source, enum track track, const struct flv_tag *tag,
                             uint32_t timestamp_ms, GBytes *data)
{
    GstBuffer *buffer = gst_buffer_new_wrapped_bytes(data);
    uint32_t placed_ms = flv_times_place(&source->times, track, timestamp_ms,
                                         dub_clock_now_ns(dub_clock_monotonic()) / DUB_NS_PER_MS);
    int64_t dts_ms = unwrap(source, placed_ms);

    GST_BUFFER_DTS(buffer) = (GstClockTime)(dts_ms * DUB_NS_PER_MS);
    GST_BUFFER_PTS(buffer) = (GstClockTime)((dts_ms + tag->composition_ms) * DUB_NS_PER_MS);
    if (track == TRACK_VIDEO && !tag->is_key)
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    return buffer;
}

static void take_frame(struct source_rtmp *source, enum track track, const struct flv_tag *tag,
                       uint32_t timestamp_ms, GBytes *data)
{
    GstBuffer *buffer = new_buffer(source, track, tag, timestamp_ms, data);
    g_autoptr(GstSample) sample = gst_sample_new(buffer, source->tracks[track].caps, &source->segment, NULL);

    gst_buffer_unref(buffer);
    source->events.on_packet(track, sample, source->user);
}

/* As the messages to publishers name them. */
static const char *name_of(enum flv_codec codec)
{
    switch (codec) {
    case FLV_CODEC_H265:
        return "H.265 (HEVC)";
    case FLV_CODEC_OTHER:
        return "a codec that we do not know";
    default:
        return flv_codec_name(codec);
    }
}

static void refuse(struct source_rtmp *source, enum track track, enum flv_codec codec)
{
    if (source->tracks[track].is_refused)
        return;
    source->tracks[track].is_refused = true;
    source->events.on_unusable(track, name_of(codec), source->user);
}

static void on_media(const struct rtmp_message *message, void *user)
{
    static const enum flv_codec wanted[] = {[TRACK_VIDEO] = FLV_CODEC_H264, [TRACK_AUDIO] = FLV_CODEC_AAC};
    struct source_rtmp *source = user;
    enum track track = message->type == RTMP_VIDEO ? TRACK_VIDEO : TRACK_AUDIO;
    struct flv_tag tag;
    gsize size;
    const uint8_t *body = g_bytes_get_data(message->payload, &size);

    bool is_tag =
        track == TRACK_VIDEO ? flv_parse_video(body, size, &tag) : flv_parse_audio(body, size, &tag);
    if (!is_tag)
        return;
    if (tag.codec != wanted[track]) {
        refuse(source, track, tag.codec);
        return;
    }
    if (size == tag.data_at || !(tag.is_config || tag.is_frame))
        return;
    g_autoptr(GBytes) data = g_bytes_new_from_bytes(message->payload, tag.data_at, size - tag.data_at);
    if (tag.is_config)
        take_codec_data(source, track, g_steal_pointer(&data));
    else if (source->tracks[track].caps)
        take_frame(source, track, &tag, message->timestamp_ms, data);
}

static void on_ended(void *user)
{
    struct source_rtmp *source = user;
    source->events.on_over(NULL, source->user);
}

static void on_failed(const char *reason, void *user)
{
    struct source_rtmp *source = user;
    source->events.on_over(reason, source->user);
}

static void *run(void *data)
{
    struct source_rtmp *source = data;

    g_main_context_push_thread_default(source->context);
    while (!__atomic_load_n(&source->stops, __ATOMIC_ACQUIRE))
        g_main_context_iteration(source->context, TRUE);
    while (!rtmp_link_stop(source->link))
        g_main_context_iteration(source->context, TRUE);
    g_clear_pointer(&source->link, rtmp_link_free);
    g_main_context_pop_thread_default(source->context);
    return NULL;
}

struct source_rtmp *source_rtmp_new(const char *url, const struct source_rtmp_events *events, void *user,
                                    struct dub_error *error)
{
    static const struct rtmp_link_events link_events = {
        .on_media = on_media, .on_ended = on_ended, .on_failed = on_failed};
    struct source_rtmp *source = g_new0(struct source_rtmp, 1);

    source->events = *events;
    source->user = user;
    source->context = g_main_context_new();
    gst_segment_init(&source->segment, GST_FORMAT_TIME);
    source->link = rtmp_link_new(source->context, url, RTMP_CLIENT_PLAYER, &link_events, source, error);
    if (source->link) {
        int result = pthread_create(&source->thread, NULL, run, source);
        source->has_thread = result == 0;
        if (result != 0)
            dub_error_set_errno(error, DUB_ERROR_UNAVAILABLE, result, "no thread for the input");
    }
    if (!source->has_thread) {
        rtmp_link_free(source->link);
        source_rtmp_free(source);
        return NULL;
    }
    pthread_setname_np(source->thread, "rtmp-input");
    return source;
}

void source_rtmp_free(struct source_rtmp *source)
{
    if (!source)
        return;
    if (source->has_thread) {
        __atomic_store_n(&source->stops, true, __ATOMIC_RELEASE);
        g_main_context_wakeup(source->context);
        pthread_join(source->thread, NULL);
    }
    for (int track = 0; track < TRACK_COUNT; track++) {
        g_clear_pointer(&source->tracks[track].codec_data, g_bytes_unref);
        gst_clear_caps(&source->tracks[track].caps);
    }
    g_main_context_unref(source->context);
    g_free(source);
}
