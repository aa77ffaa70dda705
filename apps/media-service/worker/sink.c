/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink.h"

#include "location.h"

#define RTMP_TIMEOUT_S 5
#define RTMP_CHUNK_BYTES 65536 /* larger than most frames: fewer chunk headers, fewer small writes */
/* How long the muxer lets one track be ahead when the other one is silent. */
#define MUX_PATIENCE_NS (20 * GST_MSECOND)

static GstElement *build_rtmp_sink(const char *location)
{
    GstElement *sink = gst_element_factory_make("rtmp2sink", NULL);
    g_object_set(sink, "location", location, "timeout", RTMP_TIMEOUT_S, "chunk-size", RTMP_CHUNK_BYTES, NULL);
    return sink;
}

static GstElement *build_file_sink(const char *location)
{
    g_autofree char *path = location_file_path(location);
    GstElement *sink = gst_element_factory_make("filesink", NULL);
    g_object_set(sink, "location", path, NULL);
    return sink;
}

/* How a container is written. */
struct muxing {
    const char *element;
    const char *video_pad, *audio_pad; /* names of pads to request */
    const char *parser;                /* what the video needs before it; NULL: nothing */
};

static const struct muxing muxings[] = {
    [CONTAINER_MP4] = {"mp4mux", "video_%u", "audio_%u"},
    [CONTAINER_FLV] = {"flvmux", "video", "audio"},
    [CONTAINER_TS] = {"mpegtsmux", "sink_%d", "sink_%d", "h264parse"},
};

static const struct muxing *find_muxing(const char *location)
{
    if (location_kind(location) == LOCATION_RTMP)
        return &muxings[CONTAINER_FLV];
    return &muxings[container_from_name(location)];
}

static GstElement *new_appsrc(bool live)
{
    GstElement *source = gst_element_factory_make("appsrc", NULL);
    /* Unbounded here: output.c watches the level and gives up a peer that does not read. */
    g_object_set(source, "format", GST_FORMAT_TIME, "is-live", live, "max-bytes", (guint64)0, "emit-signals",
                 FALSE, NULL);
    return source;
}

void sink_init(struct sink *sink, const char *location, bool live, const char *audio_caps)
{
    bool is_rtmp = location_kind(location) == LOCATION_RTMP;
    const struct muxing *muxing = find_muxing(location);
    GstElement *mux = gst_element_factory_make(muxing->element, NULL);
    GstElement *parser = gst_element_factory_make(muxing->parser ? muxing->parser : "identity", NULL);
    GstElement *last = is_rtmp ? build_rtmp_sink(location) : build_file_sink(location);
    g_autoptr(GstCaps) caps = gst_caps_from_string(audio_caps);

    sink->pipeline = gst_pipeline_new("output");
    sink->video = new_appsrc(live);
    sink->audio = new_appsrc(live);
    g_object_set(sink->audio, "caps", caps, NULL);
    g_object_set(last, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE, NULL);
    if (is_rtmp)
        g_object_set(mux, "streamable", TRUE, NULL);
    if (live)
        g_object_set(mux, "latency", (guint64)MUX_PATIENCE_NS, NULL);
    gst_bin_add_many(GST_BIN(sink->pipeline), sink->video, sink->audio, parser, mux, last, NULL);
    gst_element_link(sink->video, parser);
    gst_element_link_pads(parser, "src", mux, muxing->video_pad);
    gst_element_link_pads(sink->audio, "src", mux, muxing->audio_pad);
    gst_element_link(mux, last);
    sink->last_pad = gst_element_get_static_pad(last, "sink");
}

void sink_clear(struct sink *sink)
{
    if (!sink->pipeline)
        return;
    gst_element_set_state(sink->pipeline, GST_STATE_NULL);
    gst_clear_object(&sink->last_pad);
    gst_clear_object(&sink->pipeline);
    sink->video = sink->audio = NULL;
}
