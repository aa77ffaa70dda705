/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dest.h"

#include "../worker/elements.h"
#include "../worker/written_meter.h"

#include <dubbing_clock.h>
#include <gst/app/app.h>

#define RTMP_TIMEOUT_S 5
#define RTMP_CHUNK_BYTES 65536 /* larger than most frames: fewer chunk headers, fewer small writes */
#define WRITTEN (GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST)
/* The file header goes nowhere, and the next one waits until the server has said yes. */
#define BUFFERS_UNTIL_UP 3

struct dest {
    struct dest_events events;
    void *user;
    GstElement *pipeline, *source;
    guint bus_watch;
    bool up;
    int n_through; /* buffers given to the element that writes, until it is up; its thread's */
    struct written_meter written;
};

static void post_up(struct dest *dest)
{
    GstStructure *structure = gst_structure_new_empty("up");
    gst_element_post_message(dest->pipeline,
                             gst_message_new_application(GST_OBJECT(dest->pipeline), structure));
}

/* Until it is up. */
static GstPadProbeReturn on_written_first(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    struct dest *dest = data;
    if (++dest->n_through < BUFFERS_UNTIL_UP)
        return GST_PAD_PROBE_OK;
    post_up(dest);
    return GST_PAD_PROBE_REMOVE;
}

static void handle_error(struct dest *dest, GstMessage *message)
{
    g_autofree char *text = elements_error_text(message);
    dest->events.on_lost(text, dest->user);
}

/* The connection may be gone after each of the events. */
static gboolean on_bus_message(GstBus *bus, GstMessage *message, gpointer data)
{
    struct dest *dest = data;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        handle_error(dest, message);
    else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS)
        dest->events.on_finished(dest->user);
    else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_APPLICATION) {
        dest->up = true;
        dest->events.on_up(dest->user);
    }
    return G_SOURCE_CONTINUE;
}

/* Unbounded by itself: forwarder.c looks at the backlog before it gives more. */
static GstElement *new_source(void)
{
    g_autoptr(GstCaps) caps = gst_caps_new_empty_simple("video/x-flv");
    GstElement *source = gst_element_factory_make("appsrc", NULL);
    g_object_set(source, "caps", caps, "format", GST_FORMAT_TIME, "max-bytes", (guint64)0, "emit-signals",
                 FALSE, NULL);
    return source;
}

static GstElement *new_writer(struct dest *dest, const char *url)
{
    GstElement *writer = gst_element_factory_make("rtmp2sink", NULL);
    g_autoptr(GstPad) pad = gst_element_get_static_pad(writer, "sink");
    g_object_set(writer, "location", url, "timeout", RTMP_TIMEOUT_S, "chunk-size", RTMP_CHUNK_BYTES, "sync",
                 FALSE, "async", FALSE, "enable-last-sample", FALSE, NULL);
    written_meter_watch(&dest->written, pad);
    gst_pad_add_probe(pad, WRITTEN, on_written_first, dest, NULL);
    return writer;
}

struct dest *dest_new(const char *url, const struct dest_events *events, void *user)
{
    struct dest *dest = g_new0(struct dest, 1);
    GstElement *writer = new_writer(dest, url);
    dest->events = *events;
    dest->user = user;
    dest->pipeline = gst_pipeline_new("destination");
    dest->source = new_source();
    gst_bin_add_many(GST_BIN(dest->pipeline), dest->source, writer, NULL);
    gst_element_link(dest->source, writer);
    g_autoptr(GstBus) bus = gst_element_get_bus(dest->pipeline);
    dest->bus_watch = gst_bus_add_watch(bus, on_bus_message, dest);
    gst_element_set_state(dest->pipeline, GST_STATE_PLAYING);
    return dest;
}

void dest_free(struct dest *dest)
{
    if (!dest)
        return;
    g_clear_handle_id(&dest->bus_watch, g_source_remove);
    gst_element_set_state(dest->pipeline, GST_STATE_NULL);
    gst_object_unref(dest->pipeline);
    g_free(dest);
}

void dest_push(struct dest *dest, GstBuffer *take_buffer)
{
    if (dest_backlog_bytes(dest) == 0)
        written_meter_begin_waiting(&dest->written);
    gst_app_src_push_buffer(GST_APP_SRC(dest->source), take_buffer);
}

int64_t dest_backlog_bytes(const struct dest *dest)
{
    return (int64_t)gst_app_src_get_current_level_bytes(GST_APP_SRC(dest->source));
}

int64_t dest_bytes(const struct dest *dest)
{
    return dest->up ? written_meter_bytes(&dest->written) : 0;
}

void dest_watch(struct dest *dest)
{
    if (dest_backlog_bytes(dest) > 0 &&
        written_meter_idle_ns(&dest->written) > DEST_PATIENCE_S * DUB_NS_PER_S)
        dest->events.on_lost(dest->up ? "it does not read any more" : "it does not answer", dest->user);
}

void dest_finish(struct dest *dest)
{
    gst_app_src_end_of_stream(GST_APP_SRC(dest->source));
}
