/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink.h"

#include "../../shared/location.h"
#include "../elements.h"
#include "sink_ops.h"

#include <dubbing_clock.h>
#include <dubbing_rtmp_link.h>
#include <gst/app/app.h>

/* A packet that is late at the start of a connection still gets a time after it. */
#define START_MARGIN_NS DUB_NS_PER_S

GstElement *sink_new_appsrc(struct sink *sink, const char *caps_text)
{
    g_autoptr(GstCaps) caps = caps_text ? gst_caps_from_string(caps_text) : NULL;
    GstElement *source = gst_element_factory_make("appsrc", NULL);

    g_object_set(source, "caps", caps, "format", GST_FORMAT_TIME, "max-bytes", (guint64)0, "emit-signals",
                 FALSE, "is-live", sink->base_ns != 0, NULL);
    gst_bin_add(GST_BIN(sink->pipeline), source);
    return source;
}

void sink_add_last(struct sink *sink, GstElement *last)
{
    g_object_set(last, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE, NULL);
    gst_bin_add(GST_BIN(sink->pipeline), last);
    sink->watched[0] = gst_element_get_static_pad(last, "sink");
}

/* The muxers' templates ask for what an access unit of AVC always is; demuxers leave it unsaid. */
void sink_set_complete_caps(struct sink *sink, const struct packet *packet)
{
    g_autoptr(GstCaps) complete = gst_caps_copy(packet->caps);
    int width = 0, height = 0;

    gst_caps_set_simple(complete, "alignment", G_TYPE_STRING, "au", NULL);
    if (elements_h264_size(packet->caps, &width, &height))
        gst_caps_set_simple(complete, "width", G_TYPE_INT, width, "height", G_TYPE_INT, height, NULL);
    gst_app_src_set_caps(GST_APP_SRC(sink->video), complete);
}

bool sink_push_timed(struct sink *sink, const struct packet *packet)
{
    GstBuffer *buffer = gst_buffer_copy(packet->buffer);
    GstElement *source = packet->track == TRACK_VIDEO ? sink->video : sink->audio;

    /* Live, the place on the timeline + D, which is the clock's time when the packet leaves: what waits for
     * the other track can tell when it does not come. */
    if (sink->base_ns != 0 && !sink->begun) {
        sink->begun = true;
        sink->origin_ns = sink->base_ns - (packet->due_ns - packet->dts_ns);
    }
    GST_BUFFER_PTS(buffer) = (GstClockTime)MAX(packet->pts_ns - sink->origin_ns, 0);
    GST_BUFFER_DTS(buffer) = (GstClockTime)MAX(packet->dts_ns - sink->origin_ns, 0);
    gst_app_src_push_buffer(GST_APP_SRC(source), buffer);
    return true;
}

bool sink_is_up_by_count(GstPad *pad, int n_buffers)
{
    return n_buffers >= 2;
}

static const struct sink_ops *const all_ops[] = {
    [LOCATION_RTMP] = &sink_rtmp_ops,
    [LOCATION_RTSP] = &sink_rtsp_ops,
    [LOCATION_SRT] = &sink_srt_ops,
    [LOCATION_FILE] = &sink_file_ops,
};

/* Until the peer is seen to take what is sent. */
struct up_watch {
    bool (*is_up)(GstPad *pad, int n_buffers);
    int n_buffers;
};

static GstPadProbeReturn on_written_first(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    struct up_watch *watch = data;

    if (!watch->is_up(pad, ++watch->n_buffers))
        return GST_PAD_PROBE_OK;
    g_autoptr(GstElement) element = gst_pad_get_parent_element(pad);
    g_autoptr(GstObject) pipeline = gst_object_get_parent(GST_OBJECT(element));
    sink_post_connected(GST_ELEMENT(pipeline));
    return GST_PAD_PROBE_REMOVE;
}

void sink_post_connected(GstElement *pipeline)
{
    GstStructure *structure = gst_structure_new_empty("connected");
    gst_element_post_message(pipeline, gst_message_new_application(GST_OBJECT(pipeline), structure));
}

static void watch_pads(struct sink *sink, struct written_meter *meter)
{
    if (sink->watched[0]) {
        struct up_watch *watch = g_new0(struct up_watch, 1);
        watch->is_up = sink->ops->is_up;
        gst_pad_add_probe(sink->watched[0], GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST,
                          on_written_first, watch, g_free);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(sink->watched); i++)
        if (sink->watched[i])
            written_meter_watch(meter, sink->watched[i]);
}

void sink_init(struct sink *sink, const char *location, struct written_meter *meter)
{
    enum location_kind kind = location_kind(location);

    *sink = (struct sink){
        .ops = all_ops[kind],
        .pipeline = gst_pipeline_new("output"),
    };
    if (kind == LOCATION_SRT || kind == LOCATION_RTSP) {
        sink->base_ns = dub_clock_now_ns(dub_clock_monotonic()) - START_MARGIN_NS;
        elements_use_clock(sink->pipeline, (GstClockTime)sink->base_ns);
    }
    sink->ops->build(sink, location, meter);
    watch_pads(sink, meter);
    gst_element_set_state(sink->pipeline, GST_STATE_PLAYING);
}

void sink_clear(struct sink *sink)
{
    if (!sink->ops)
        return;
    rtmp_link_free(sink->link);
    gst_element_set_state(sink->pipeline, GST_STATE_NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(sink->watched); i++)
        gst_clear_object(&sink->watched[i]);
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

void sink_flush(struct sink *sink)
{
    if (sink->ops->flush)
        sink->ops->flush(sink);
}

int64_t sink_linger_ns(const char *location)
{
    return all_ops[location_kind(location)]->linger_ns;
}

void sink_end(struct sink *sink)
{
    if (sink->link) {
        rtmp_link_finish(sink->link);
        return;
    }
    gst_app_src_end_of_stream(GST_APP_SRC(sink->video));
    gst_app_src_end_of_stream(GST_APP_SRC(sink->audio));
}

bool sink_has_ended(const struct sink *sink)
{
    return sink->ops->has_ended && sink->ops->has_ended(sink);
}

int64_t sink_backlog_bytes(const struct sink *sink)
{
    return sink->link ? (int64_t)rtmp_link_pending(sink->link)
                      : (int64_t)gst_app_src_get_current_level_bytes(GST_APP_SRC(sink->video));
}
