/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RTSP: a publication (ANNOUNCE, RECORD) over TCP. */
#include "aac_encoder.h"
#include "sink_ops.h"

#include <gst/app/app.h>

#define TIMEOUT_US ((guint64)5000000)
#define LATENCY_MS 0u /* nothing is held back */

static void add_track(GstElement *last, GstElement *source, GstElement *payloader)
{
    g_autoptr(GstPad) pad = gst_element_request_pad_simple(last, "sink_%u");
    g_autoptr(GstPad) source_pad = gst_element_get_static_pad(source, "src");

    g_object_set(pad, "payloader", payloader, NULL);
    gst_pad_link(source_pad, pad);
}

static void rtsp_build(struct sink *sink, const char *location, struct written_meter *meter)
{
    GstElement *last = gst_element_factory_make("rtspclientsink", NULL);
    GstElement *video = gst_element_factory_make("rtph264pay", NULL);
    GstElement *audio = gst_element_factory_make("rtpmp4gpay", NULL);

    gst_util_set_object_arg(G_OBJECT(last), "protocols", "tcp");
    g_object_set(last, "location", location, "latency", LATENCY_MS, "rtx-time", 0u, "tcp-timeout", TIMEOUT_US,
                 "timeout", TIMEOUT_US, NULL);
    /* Who joins in mid-stream needs the parameter sets with each key frame. */
    g_object_set(video, "config-interval", -1, NULL);
    gst_util_set_object_arg(G_OBJECT(video), "aggregate-mode", "zero-latency");
    sink->video = sink_new_appsrc(sink, NULL);
    sink->audio = sink_new_appsrc(sink, AAC_ENCODER_CAPS);
    gst_bin_add(GST_BIN(sink->pipeline), last);
    /* The session description has the pads in the reverse order: the picture comes first. */
    add_track(last, sink->audio, audio);
    add_track(last, sink->video, video);
    sink->watched[0] = gst_element_get_static_pad(sink->video, "src");
    sink->watched[1] = gst_element_get_static_pad(sink->audio, "src");
}

/* EOS on the bus may never come: the element waits for RTCP to end too, and its RTCP thread misses the end of
 * a track when it sends its BYE before the track's own thread has come back from the event (GStreamer 1.22).
 * A pad is at EOS once all that is behind it has taken the event, its sender with the last packet included.
 */
static bool rtsp_has_ended(const struct sink *sink)
{
    bool has_ended = true;

    for (size_t i = 0; i < G_N_ELEMENTS(sink->watched); i++) {
        g_autoptr(GstPad) pad = gst_pad_get_peer(sink->watched[i]);
        has_ended = has_ended && pad && GST_PAD_IS_EOS(pad);
    }
    return has_ended;
}

const struct sink_ops sink_rtsp_ops = {
    .build = rtsp_build,
    .set_video_caps = sink_set_complete_caps,
    .push = sink_push_timed,
    .is_up = sink_is_up_by_count,
    .has_ended = rtsp_has_ended,
};
