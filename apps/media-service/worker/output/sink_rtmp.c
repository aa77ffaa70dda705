/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RTMP, in the order in which packets come and on the thread that brings them: GStreamer's elements would
 * wake three threads for each, and its FLV muxer would hold each packet back until it knows what follows on
 * the other track. */
#include "../elements.h"
#include "aac_encoder.h"
#include "flv_body.h"
#include "sink_ops.h"

#include <dubbing_clock.h>
#include <dubbing_rtmp_link.h>

/* The link's owner: its events become messages on the bus. */
struct rtmp_out {
    GstElement *pipeline; /* borrowed */
    struct written_meter *meter;
    bool is_ready;     /* atomic: the server takes media */
    bool is_connected; /* and has taken some, which was said; the link's lock */
};

static void on_ready(void *user)
{
    struct rtmp_out *out = user;
    __atomic_store_n(&out->is_ready, true, __ATOMIC_RELEASE);
}

static void on_written(size_t bytes, void *user)
{
    struct rtmp_out *out = user;

    /* What it takes to connect is no output, but shows that the server is there. */
    if (!__atomic_load_n(&out->is_ready, __ATOMIC_ACQUIRE)) {
        written_meter_begin_waiting(out->meter);
        return;
    }
    written_meter_add(out->meter, (int64_t)bytes);
    if (out->is_connected)
        return;
    out->is_connected = true;
    sink_post_connected(out->pipeline);
}

static void on_ended(void *user)
{
    struct rtmp_out *out = user;
    gst_element_post_message(out->pipeline, gst_message_new_eos(GST_OBJECT(out->pipeline)));
}

static void on_failed(const char *reason, void *user)
{
    struct rtmp_out *out = user;
    g_autoptr(GError) error = g_error_new_literal(GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE, reason);

    gst_element_post_message(out->pipeline, gst_message_new_error(GST_OBJECT(out->pipeline), error, NULL));
}

static void rtmp_build(struct sink *sink, const char *location, struct written_meter *meter)
{
    static const struct rtmp_link_events events = {
        .on_ready = on_ready, .on_written = on_written, .on_ended = on_ended, .on_failed = on_failed};
    struct rtmp_out *out = g_new0(struct rtmp_out, 1);

    out->pipeline = sink->pipeline;
    out->meter = meter;
    g_object_set_data_full(G_OBJECT(sink->pipeline), "rtmp-out", out, g_free);
    /* The handshake waits from the beginning: the time that nothing has been taken begins here. */
    written_meter_begin_waiting(meter);
    sink->link = rtmp_link_new(NULL, location, RTMP_CLIENT_PUBLISHER, &events, out, NULL);
}

static void send(struct sink *sink, uint8_t type, uint32_t time_ms, GBytes *take_body)
{
    rtmp_link_send(sink->link, type, time_ms, take_body);
    g_bytes_unref(take_body);
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
    send(sink, RTMP_DATA_AMF0, 0, flv_body_metadata(width, height));
    send(sink, RTMP_AUDIO, 0, flv_body_audio_header(codec_data_of(audio_caps)));
}

static void rtmp_set_video_caps(struct sink *sink, const struct packet *packet)
{
    GstBuffer *codec_data = codec_data_of(packet->caps);

    if (!sink->begun)
        rtmp_begin(sink, packet);
    if (codec_data)
        send(sink, RTMP_VIDEO, rtmp_time_ms(sink, packet->dts_ns), flv_body_video_header(codec_data));
}

/* A connection has a time of its own, which begins with its first picture. */
static bool rtmp_push(struct sink *sink, const struct packet *packet)
{
    uint32_t time_ms = rtmp_time_ms(sink, packet->dts_ns);

    if (gst_buffer_get_size(packet->buffer) > FLV_PAYLOAD_BYTES_MAX)
        return false;
    if (packet->track == TRACK_AUDIO) {
        send(sink, RTMP_AUDIO, time_ms, flv_body_audio(packet->buffer));
        return true;
    }
    int32_t offset_ms = (int32_t)(rtmp_time_ms(sink, packet->pts_ns) - time_ms);
    send(sink, RTMP_VIDEO, time_ms, flv_body_video(offset_ms, packet->key, packet->buffer));
    return true;
}

static void rtmp_flush(struct sink *sink)
{
    rtmp_link_flush(sink->link);
}

const struct sink_ops sink_rtmp_ops = {
    .build = rtmp_build,
    .set_video_caps = rtmp_set_video_caps,
    .push = rtmp_push,
    .flush = rtmp_flush,
};
