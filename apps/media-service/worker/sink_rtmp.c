/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RTMP: FLV tags in the order in which packets come, written by us: a muxer would hold each packet back until
 * it knows what follows on the other track. */
#include "aac_encoder.h"
#include "elements.h"
#include "flv_writer.h"
#include "sink_ops.h"

#include <dubbing_clock.h>
#include <gst/app/app.h>

#define RTMP_TIMEOUT_S 5
#define RTMP_CHUNK_BYTES 65536 /* larger than most frames: fewer chunk headers, fewer small writes */

/* A picture and its sound go to the writing thread at once: waking it for each costs more than writing. */
static void append(struct sink *sink, GstBuffer *take_buffer)
{
    if (!sink->pending)
        sink->pending = gst_buffer_list_new();
    gst_buffer_list_add(sink->pending, take_buffer);
}

static void rtmp_flush(struct sink *sink)
{
    if (sink->pending)
        gst_app_src_push_buffer_list(GST_APP_SRC(sink->video), g_steal_pointer(&sink->pending));
}

static void rtmp_build(struct sink *sink, const char *location)
{
    GstElement *last = gst_element_factory_make("rtmp2sink", NULL);

    g_object_set(last, "location", location, "timeout", RTMP_TIMEOUT_S, "chunk-size", RTMP_CHUNK_BYTES, NULL);
    sink->video = sink->audio = sink_new_appsrc(sink, "video/x-flv");
    gst_bin_add(GST_BIN(sink->pipeline), sink->video);
    sink_add_last(sink, last);
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
    append(sink, flv_write_file_header());
    append(sink, flv_write_metadata(width, height));
    append(sink, flv_write_audio_header(0, codec_data_of(audio_caps)));
}

static void rtmp_set_video_caps(struct sink *sink, const struct packet *packet)
{
    GstBuffer *codec_data = codec_data_of(packet->caps);

    if (!sink->begun)
        rtmp_begin(sink, packet);
    if (codec_data)
        append(sink, flv_write_video_header(rtmp_time_ms(sink, packet->dts_ns), codec_data));
}

/* A connection has a time of its own, which begins with its first picture. */
static bool rtmp_push(struct sink *sink, const struct packet *packet)
{
    uint32_t time_ms = rtmp_time_ms(sink, packet->dts_ns);

    if (gst_buffer_get_size(packet->buffer) > FLV_PAYLOAD_BYTES_MAX)
        return false;
    if (packet->track == TRACK_AUDIO) {
        append(sink, flv_write_audio(time_ms, packet->buffer));
        return true;
    }
    int32_t offset_ms = (int32_t)(rtmp_time_ms(sink, packet->pts_ns) - time_ms);
    append(sink, flv_write_video(time_ms, offset_ms, packet->key, packet->buffer));
    return true;
}

const struct sink_ops sink_rtmp_ops = {
    .build = rtmp_build,
    .set_video_caps = rtmp_set_video_caps,
    .push = rtmp_push,
    .flush = rtmp_flush,
    .is_up = sink_is_up_by_count,
};
