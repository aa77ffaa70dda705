/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink.h"

#include "aac_encoder.h"
#include "elements.h"
#include "flv_writer.h"
#include "location.h"

#include <dubbing_clock.h>
#include <gst/app/app.h>

#define RTMP_TIMEOUT_S 5
#define RTMP_CHUNK_BYTES 65536 /* larger than most frames: fewer chunk headers, fewer small writes */

struct sink_ops {
    void (*build)(struct sink *sink, const char *location);
    void (*set_video_caps)(struct sink *sink, const struct packet *packet);
    bool (*push)(struct sink *sink, const struct packet *packet);
};

static GstElement *new_appsrc(const char *caps_text)
{
    g_autoptr(GstCaps) caps = caps_text ? gst_caps_from_string(caps_text) : NULL;
    GstElement *source = gst_element_factory_make("appsrc", NULL);

    /* Unbounded here: output.c watches the level and gives up a peer that does not read. */
    g_object_set(source, "caps", caps, "format", GST_FORMAT_TIME, "max-bytes", (guint64)0, "emit-signals",
                 FALSE, NULL);
    return source;
}

static void add_last(struct sink *sink, GstElement *last)
{
    g_object_set(last, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE, NULL);
    gst_bin_add(GST_BIN(sink->pipeline), last);
    sink->last_pad = gst_element_get_static_pad(last, "sink");
}

static void append(GstElement *source, GstBuffer *take_buffer)
{
    gst_app_src_push_buffer(GST_APP_SRC(source), take_buffer);
}

/* ---- RTMP ---- */

static void rtmp_build(struct sink *sink, const char *location)
{
    GstElement *last = gst_element_factory_make("rtmp2sink", NULL);

    g_object_set(last, "location", location, "timeout", RTMP_TIMEOUT_S, "chunk-size", RTMP_CHUNK_BYTES, NULL);
    sink->video = sink->audio = new_appsrc("video/x-flv");
    gst_bin_add(GST_BIN(sink->pipeline), sink->video);
    add_last(sink, last);
    gst_element_link(sink->video, last);
}

static uint32_t rtmp_time_ms(const struct sink *sink, int64_t timestamp_ns)
{
    return (uint32_t)((timestamp_ns - sink->origin_ns + DUB_NS_PER_MS / 2) / DUB_NS_PER_MS);
}

static GstBuffer *codec_data_of(const GstCaps *caps)
{
    const GValue *value = gst_structure_get_value(gst_caps_get_structure(caps, 0), "codec_data");
    return value ? gst_value_get_buffer(value) : NULL;
}

static void rtmp_begin(struct sink *sink, const struct packet *packet)
{
    g_autoptr(GstCaps) audio_caps = gst_caps_from_string(AAC_ENCODER_CAPS);
    int width = 0, height = 0;

    sink->begun = true;
    sink->origin_ns = packet->dts_ns;
    elements_h264_size(packet->caps, &width, &height);
    append(sink->video, flv_write_file_header());
    append(sink->video, flv_write_metadata(width, height));
    append(sink->video, flv_write_audio_header(0, codec_data_of(audio_caps)));
}

static void rtmp_set_video_caps(struct sink *sink, const struct packet *packet)
{
    GstBuffer *codec_data = codec_data_of(packet->caps);

    if (!sink->begun)
        rtmp_begin(sink, packet);
    if (codec_data)
        append(sink->video, flv_write_video_header(rtmp_time_ms(sink, packet->dts_ns), codec_data));
}

/* A connection has a time of its own, which begins with its first picture. */
static bool rtmp_push(struct sink *sink, const struct packet *packet)
{
    uint32_t time_ms = rtmp_time_ms(sink, packet->dts_ns);

    if (gst_buffer_get_size(packet->buffer) > FLV_PAYLOAD_BYTES_MAX)
        return false;
    if (packet->track == TRACK_AUDIO) {
        append(sink->audio, flv_write_audio(time_ms, packet->buffer));
        return true;
    }
    int32_t offset_ms = (int32_t)(rtmp_time_ms(sink, packet->pts_ns) - time_ms);
    append(sink->video, flv_write_video(time_ms, offset_ms, packet->key, packet->buffer));
    return true;
}

static const struct sink_ops rtmp_ops = {
    .build = rtmp_build,
    .set_video_caps = rtmp_set_video_caps,
    .push = rtmp_push,
};

/* ---- files ---- */

/* How a container is written. */
struct muxing {
    const char *element;
    const char *video_pad, *audio_pad; /* names of pads to request */
    const char *parser;                /* what the video needs before it */
};

static const struct muxing muxings[] = {
    [CONTAINER_MP4] = {"mp4mux", "video_%u", "audio_%u", "identity"},
    [CONTAINER_FLV] = {"flvmux", "video", "audio", "identity"},
    [CONTAINER_TS] = {"mpegtsmux", "sink_%d", "sink_%d", "h264parse"},
};

static void file_build(struct sink *sink, const char *location)
{
    g_autofree char *path = location_file_path(location);
    const struct muxing *muxing = &muxings[container_from_name(path)];
    GstElement *mux = gst_element_factory_make(muxing->element, NULL);
    GstElement *parser = gst_element_factory_make(muxing->parser, NULL);
    GstElement *last = gst_element_factory_make("filesink", NULL);

    g_object_set(last, "location", path, NULL);
    sink->video = new_appsrc(NULL);
    sink->audio = new_appsrc(AAC_ENCODER_CAPS);
    gst_bin_add_many(GST_BIN(sink->pipeline), sink->video, sink->audio, parser, mux, NULL);
    add_last(sink, last);
    gst_element_link(sink->video, parser);
    gst_element_link_pads(parser, "src", mux, muxing->video_pad);
    gst_element_link_pads(sink->audio, "src", mux, muxing->audio_pad);
    gst_element_link(mux, last);
}

/* The muxers' templates ask for what an access unit of AVC always is; demuxers leave it unsaid. */
static void file_set_video_caps(struct sink *sink, const struct packet *packet)
{
    g_autoptr(GstCaps) complete = gst_caps_copy(packet->caps);
    int width = 0, height = 0;

    gst_caps_set_simple(complete, "alignment", G_TYPE_STRING, "au", NULL);
    if (elements_h264_size(packet->caps, &width, &height))
        gst_caps_set_simple(complete, "width", G_TYPE_INT, width, "height", G_TYPE_INT, height, NULL);
    gst_app_src_set_caps(GST_APP_SRC(sink->video), complete);
}

static bool file_push(struct sink *sink, const struct packet *packet)
{
    GstBuffer *buffer = gst_buffer_copy(packet->buffer);

    GST_BUFFER_PTS(buffer) = (GstClockTime)packet->pts_ns;
    GST_BUFFER_DTS(buffer) = (GstClockTime)packet->dts_ns;
    append(packet->track == TRACK_VIDEO ? sink->video : sink->audio, buffer);
    return true;
}

static const struct sink_ops file_ops = {
    .build = file_build,
    .set_video_caps = file_set_video_caps,
    .push = file_push,
};

/* ---- both ---- */

void sink_init(struct sink *sink, const char *location)
{
    *sink = (struct sink){
        .ops = location_kind(location) == LOCATION_RTMP ? &rtmp_ops : &file_ops,
        .pipeline = gst_pipeline_new("output"),
    };
    sink->ops->build(sink, location);
}

void sink_clear(struct sink *sink)
{
    if (!sink->ops)
        return;
    gst_element_set_state(sink->pipeline, GST_STATE_NULL);
    gst_clear_object(&sink->last_pad);
    gst_clear_object(&sink->pipeline);
    gst_clear_caps(&sink->video_caps);
    *sink = (struct sink){0};
}

bool sink_push(struct sink *sink, const struct packet *packet)
{
    if (packet->track == TRACK_VIDEO && sink->video_caps != packet->caps) {
        gst_caps_replace(&sink->video_caps, packet->caps);
        sink->ops->set_video_caps(sink, packet);
    }
    return sink->ops->push(sink, packet);
}

void sink_end(struct sink *sink)
{
    gst_app_src_end_of_stream(GST_APP_SRC(sink->video));
    if (sink->audio != sink->video)
        gst_app_src_end_of_stream(GST_APP_SRC(sink->audio));
}

int64_t sink_backlog_bytes(const struct sink *sink)
{
    return (int64_t)gst_app_src_get_current_level_bytes(GST_APP_SRC(sink->video));
}
