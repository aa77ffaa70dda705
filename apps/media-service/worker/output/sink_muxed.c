/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Outputs with a muxer: files, and MPEG-TS over SRT. The muxer sorts what comes by itself. */
#include "../../shared/location.h"
#include "../elements.h"
#include "aac_encoder.h"
#include "sink_ops.h"

#include <dubbing_clock.h>
#include <gst/app/app.h>

/* Live, pictures that do not come (a lost input) are not waited for longer. */
#define PATIENCE_NS (200 * DUB_NS_PER_MS)
#define SRT_LINGER_NS                                                                                        \
    (DUB_NS_PER_S)          /* the peer hands out what it has got its latency later, while we are there */
#define SRT_MODE_LISTENER 2 /* GstSRTConnectionMode */
#define TS_PACKETS_PER_MESSAGE 7 /* of SRT's live mode, 1316 bytes */

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

/* Returns the muxer, borrowed. */
static GstElement *build(struct sink *sink, enum container container, GstElement *last)
{
    GstElement *queue = gst_element_factory_make("queue", NULL);
    const struct muxing *muxing = &muxings[container];
    GstElement *mux = gst_element_factory_make(muxing->element, NULL);
    GstElement *parser = gst_element_factory_make(muxing->parser, NULL);

    sink->video = sink_new_appsrc(sink, NULL);
    sink->audio = sink_new_appsrc(sink, AAC_ENCODER_CAPS);
    gst_bin_add_many(GST_BIN(sink->pipeline), parser, queue, mux, NULL);
    sink_add_last(sink, last);
    /* Who joins in mid-stream needs the parameter sets with each key frame. */
    if (container == CONTAINER_TS)
        g_object_set(parser, "config-interval", -1, NULL);
    gst_element_link(sink->video, parser);
    gst_element_link_pads(parser, "src", mux, muxing->video_pad);
    /* Of any length, as the appsrc itself. */
    g_object_set(queue, "max-size-buffers", 0u, "max-size-bytes", 0u, "max-size-time", (guint64)0, NULL);
    gst_element_link(sink->audio, queue);
    gst_element_link_pads(queue, "src", mux, muxing->audio_pad);
    gst_element_link(mux, last);
    return mux;
}

static void file_build(struct sink *sink, const char *location, struct written_meter *meter)
{
    g_autofree char *path = location_file_path(location);
    GstElement *last = gst_element_factory_make("filesink", NULL);

    g_object_set(last, "location", path, NULL);
    build(sink, container_from_name(path), last);
}

const struct sink_ops sink_file_ops = {
    .build = file_build,
    .set_video_caps = sink_set_complete_caps,
    .push = sink_push_timed,
    .is_up = sink_is_up_by_count,
};

/* The muxer waits for a picture before it lets sound go that comes after it. When none comes it is told so.
 */
struct gap_filler {
    GstPad *video;         /* of the muxer, borrowed: the probes are on its pads */
    int64_t video_time_ns; /* atomic: of the picture or gap that went in last */
};

static GstPadProbeReturn on_muxed_video(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    struct gap_filler *filler = data;
    int64_t time_ns = (int64_t)elements_dts(GST_PAD_PROBE_INFO_BUFFER(info));

    __atomic_store_n(&filler->video_time_ns, time_ns, __ATOMIC_RELAXED);
    return GST_PAD_PROBE_OK;
}

/* On the sound's thread: nothing else is held up should the muxer not take it. */
static GstPadProbeReturn on_audio(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    struct gap_filler *filler = data;
    int64_t time_ns = (int64_t)elements_pts(GST_PAD_PROBE_INFO_BUFFER(info)) - PATIENCE_NS;
    int64_t video_time_ns = __atomic_load_n(&filler->video_time_ns, __ATOMIC_RELAXED);

    if (video_time_ns == 0 || time_ns <= video_time_ns)
        return GST_PAD_PROBE_OK;
    __atomic_store_n(&filler->video_time_ns, time_ns, __ATOMIC_RELAXED);
    gst_pad_send_event(filler->video, gst_event_new_gap((GstClockTime)video_time_ns,
                                                        (GstClockTime)(time_ns - video_time_ns)));
    return GST_PAD_PROBE_OK;
}

/* audio: where sound passes without having to wait. */
static void fill_gaps(GstElement *mux, GstPad *audio)
{
    struct gap_filler *filler = g_new0(struct gap_filler, 1);
    GstPad *video = mux->sinkpads->data; /* the one that was requested first */

    filler->video = video;
    g_object_set_data_full(G_OBJECT(mux), "gap-filler", filler, g_free);
    gst_pad_add_probe(video, GST_PAD_PROBE_TYPE_BUFFER, on_muxed_video, filler, NULL);
    gst_pad_add_probe(audio, GST_PAD_PROBE_TYPE_BUFFER, on_audio, filler, NULL);
}

/* A listener serves whoever comes and waits for nobody. */
static void srt_build(struct sink *sink, const char *location, struct written_meter *meter)
{
    GstElement *last = gst_element_factory_make("srtsink", NULL);

    /* When to connect again is for us to say (output.c). */
    g_object_set(last, "uri", location, "auto-reconnect", FALSE, "wait-for-connection", FALSE, NULL);
    GstElement *mux = build(sink, CONTAINER_TS, last);
    g_object_set(mux, "alignment", TS_PACKETS_PER_MESSAGE, NULL);
    g_autoptr(GstPad) audio = gst_element_get_static_pad(sink->audio, "src");
    fill_gaps(mux, audio);
}

/* What is sent before there is a connection is lost in silence: only an acknowledgement shows the peer. */
static bool srt_is_up(GstPad *pad, int n_buffers)
{
    g_autoptr(GstElement) last = gst_pad_get_parent_element(pad);
    GstStructure *stats = NULL;
    int mode = 0, n_acks = 0;

    g_object_get(last, "mode", &mode, "stats", &stats, NULL);
    if (stats)
        gst_structure_get_int(stats, "packet-ack-received", &n_acks);
    g_clear_pointer(&stats, gst_structure_free);
    return mode == SRT_MODE_LISTENER ? n_buffers >= 2 : n_acks > 0;
}

const struct sink_ops sink_srt_ops = {
    .build = srt_build,
    .set_video_caps = sink_set_complete_caps,
    .push = sink_push_timed,
    .is_up = srt_is_up,
    .linger_ns = SRT_LINGER_NS,
};
