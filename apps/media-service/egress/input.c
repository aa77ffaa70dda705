/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "input.h"

#include "../worker/elements.h"
#include "../worker/flv_times.h"
#include "../worker/location.h"
#include "../worker/reconnect.h"

#include <dubbing_clock.h>
#include <dubbing_ids.h>
#include <dubbing_log.h>
#include <gst/app/app.h>

#define RTMP_TIMEOUT_S 5
#define RTMP_IDLE_TIMEOUT_S 10 /* a publisher that is silent for so long is gone */

struct input {
    char *url;
    struct input_events events;
    void *user;
    struct reconnect reconnect;
    guint retry_timer, bus_watch;
    GstElement *pipeline; /* NULL: not connected, and not trying */
    bool came;            /* it was there once */
    bool up;
    bool said;     /* this outage has been logged */
    bool begun;    /* this connection has given its first tag; the streaming thread's */
    int64_t bytes; /* atomic */
    int64_t reconnects;
};

static void connect_input(struct input *input);

static int64_t now_ns(void)
{
    return dub_clock_now_ns(dub_clock_monotonic());
}

static void post_up(struct input *input)
{
    GstStructure *structure = gst_structure_new_empty("up");
    gst_element_post_message(input->pipeline,
                             gst_message_new_application(GST_OBJECT(input->pipeline), structure));
}

static GstFlowReturn on_sample(GstAppSink *sink, gpointer data)
{
    struct input *input = data;
    g_autoptr(GstSample) sample = gst_app_sink_pull_sample(sink);
    GstBuffer *buffer = sample ? gst_sample_get_buffer(sample) : NULL;
    if (!buffer)
        return GST_FLOW_EOS;
    if (!input->begun) {
        input->begun = true;
        input->events.on_begin(input->user);
        post_up(input);
    }
    __atomic_add_fetch(&input->bytes, (int64_t)gst_buffer_get_size(buffer), __ATOMIC_RELAXED);
    input->events.on_tag(buffer, input->user);
    return GST_FLOW_OK;
}

static void disconnect(struct input *input)
{
    g_clear_handle_id(&input->bus_watch, g_source_remove);
    if (!input->pipeline)
        return;
    /* Waits for the streaming thread. */
    gst_element_set_state(input->pipeline, GST_STATE_NULL);
    gst_clear_object(&input->pipeline);
    input->begun = false;
}

static gboolean on_retry(gpointer data)
{
    struct input *input = data;
    input->retry_timer = 0;
    connect_input(input);
    return G_SOURCE_REMOVE;
}

/* Once per outage: an attempt follows the other every few seconds. */
static void log_loss(struct input *input, const char *reason)
{
    g_autofree char *masked = location_mask_in(input->url, reason);
    dub_log(input->said ? DUB_LOG_DEBUG : DUB_LOG_WARN, NULL, "input %s (%s): trying again",
            input->came ? "lost" : "not there yet", masked);
    input->said = true;
}

static void lose(struct input *input, const char *reason)
{
    bool was_up = input->up;
    disconnect(input);
    log_loss(input, reason);
    input->up = false;
    int64_t wait_ns = reconnect_lost(&input->reconnect, now_ns());
    if (wait_ns >= 0)
        input->retry_timer = g_timeout_add((guint)(wait_ns / DUB_NS_PER_MS), on_retry, input);
    if (was_up)
        input->events.on_down(input->user);
    if (wait_ns < 0)
        input->events.on_given_up(input->came, input->user);
}

static void note_up(struct input *input)
{
    g_autofree char *url = dub_url_mask(input->url);
    dub_log_info("input %s is %s", url, input->came ? "back" : "there");
    input->reconnects += input->came ? 1 : 0;
    input->came = input->up = true;
    input->said = false;
    reconnect_restored(&input->reconnect);
    input->events.on_up(input->user);
}

static gboolean on_bus_message(GstBus *bus, GstMessage *message, gpointer data)
{
    struct input *input = data;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        g_autofree char *text = elements_error_text(message);
        lose(input, text);
    } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
        lose(input, "it ended");
    } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_APPLICATION) {
        note_up(input);
    }
    return G_SOURCE_CONTINUE;
}

static GstElement *new_reader(const char *url)
{
    GstElement *reader = gst_element_factory_make("rtmp2src", NULL);
    g_autoptr(GstPad) pad = gst_element_get_static_pad(reader, "src");
    g_object_set(reader, "location", url, "timeout", RTMP_TIMEOUT_S, "idle-timeout", RTMP_IDLE_TIMEOUT_S,
                 NULL);
    flv_times_attach(pad);
    return reader;
}

static GstElement *new_sink(struct input *input)
{
    GstElement *sink = gst_element_factory_make("appsink", NULL);
    g_object_set(sink, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE, "max-buffers", 1, NULL);
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &(GstAppSinkCallbacks){.new_sample = on_sample}, input,
                               NULL);
    return sink;
}

static void connect_input(struct input *input)
{
    GstElement *reader = new_reader(input->url), *sink = new_sink(input);
    input->pipeline = gst_pipeline_new("input");
    gst_bin_add_many(GST_BIN(input->pipeline), reader, sink, NULL);
    gst_element_link(reader, sink);
    g_autoptr(GstBus) bus = gst_element_get_bus(input->pipeline);
    input->bus_watch = gst_bus_add_watch(bus, on_bus_message, input);
    gst_element_set_state(input->pipeline, GST_STATE_PLAYING);
}

struct input *input_new(const char *url, int64_t grace_ns, const struct input_events *events, void *user)
{
    struct input *input = g_new0(struct input, 1);
    input->url = g_strdup(url);
    input->events = *events;
    input->user = user;
    reconnect_init(&input->reconnect, grace_ns);
    connect_input(input);
    return input;
}

void input_free(struct input *input)
{
    if (!input)
        return;
    g_clear_handle_id(&input->retry_timer, g_source_remove);
    disconnect(input);
    g_free(input->url);
    g_free(input);
}

void input_get_facts(const struct input *input, struct input_facts *facts)
{
    *facts = (struct input_facts){.connected = input->up,
                                  .bytes = __atomic_load_n(&input->bytes, __ATOMIC_RELAXED),
                                  .reconnects = input->reconnects};
}
