/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output.h"

#include "../../shared/location.h"
#include "../../shared/reconnect.h"
#include "../elements.h"
#include "aac_encoder.h"
#include "sink.h"
#include "written_meter.h"

#include <dubbing_clock.h>
#include <dubbing_ids.h>
#include <dubbing_log.h>
#include <pthread.h>
#include <stdlib.h>

/* A peer that takes nothing for so long, or is this far behind, does not read any more. */
#define PEER_PATIENCE_NS (10 * DUB_NS_PER_S)
#define BACKLOG_BYTES_MAX (INT64_C(64) << 20)
/* A file that is not live: pictures that wait for the dub of their sound. */
#define FILE_BACKLOG_BYTES_MAX (INT64_C(1) << 30)
#define FINISH_TIMEOUT_MS 5000
#define END_INTERVAL_MS 50

struct output {
    const struct worker_settings *settings;
    struct output_events events;
    void *user;
    bool live, is_file;
    struct reconnect reconnect; /* main thread, as the two below */
    guint retry_timer, finish_timer, end_timer;

    pthread_mutex_t lock; /* guards what follows; the pushes only append to queues under it */
    struct sink sink;     /* zeroed while not connected */
    guint bus_watch;
    bool prepared;   /* the first connection has been made */
    bool gate_open;  /* the first key frame of this connection has gone in */
    int64_t gate_ns; /* its place on the timeline: sound before it is left out */
    bool finishing;
    bool connected, stalled;
    struct output_facts facts;
    int64_t longest_delay_ns; /* since the facts were asked for; 0: none yet */
    int64_t audio_packets;    /* of this connection */

    struct written_meter written; /* over all connections */
};

static void connect_output(struct output *output);

static int64_t now_ns(void)
{
    return dub_clock_now_ns(dub_clock_monotonic());
}

struct output *output_new(const struct worker_settings *settings, bool live,
                          const struct output_events *events, void *user)
{
    struct output *output = g_new0(struct output, 1);

    output->settings = settings;
    output->events = *events;
    output->user = user;
    output->live = live;
    output->is_file = location_kind(settings->output_url) == LOCATION_FILE;
    reconnect_init(&output->reconnect, settings->output_grace_ns);
    pthread_mutex_init(&output->lock, NULL);
    return output;
}

/* Main thread. */
static void disconnect(struct output *output)
{
    pthread_mutex_lock(&output->lock);
    struct sink sink = output->sink;
    guint bus_watch = output->bus_watch;
    output->sink = (struct sink){0};
    output->bus_watch = 0;
    output->gate_open = output->connected = output->stalled = false;
    pthread_mutex_unlock(&output->lock);
    if (bus_watch)
        g_source_remove(bus_watch);
    /* Outside the lock: this waits for the pipeline's threads. */
    sink_clear(&sink);
}

static void finished(struct output *output, bool complete)
{
    g_clear_handle_id(&output->finish_timer, g_source_remove);
    g_clear_handle_id(&output->end_timer, g_source_remove);
    disconnect(output);
    output->events.on_finished(complete, output->user);
}

static gboolean on_retry(gpointer data)
{
    struct output *output = data;
    output->retry_timer = 0;
    pthread_mutex_lock(&output->lock);
    connect_output(output);
    pthread_mutex_unlock(&output->lock);
    return G_SOURCE_REMOVE;
}

static void give_up(struct output *output, const char *reason)
{
    g_autofree char *url = dub_url_mask(output->settings->output_url);
    g_autofree char *message = g_strdup_printf("output %s lost (%s)", url, reason);

    output->events.on_failed(message, output->user);
}

/* A file is never begun again: that would overwrite what is in it. */
static void lose(struct output *output, const char *reason)
{
    disconnect(output);
    if (output->finishing) {
        finished(output, false);
        return;
    }
    int64_t wait_ns = output->is_file ? -1 : reconnect_lost(&output->reconnect, now_ns());
    if (wait_ns < 0) {
        give_up(output, reason);
        return;
    }
    dub_log_warn("output lost (%s): next attempt in %.1f s", reason, (double)wait_ns / DUB_NS_PER_S);
    output->retry_timer = g_timeout_add((guint)(wait_ns / DUB_NS_PER_MS), on_retry, output);
}

static void handle_error(struct output *output, GstMessage *message)
{
    g_autofree char *text = elements_error_text(message);
    g_autofree char *reason = location_mask_in(output->settings->output_url, text);
    output->events.on_bus_error("output", output->user);
    lose(output, reason);
}

/* rtspclientsink only warns of a connection that the server closed, and goes on into nothing. */
static void handle_warning(struct output *output, GstMessage *message)
{
    g_autoptr(GError) warning = NULL;

    gst_message_parse_warning(message, &warning, NULL);
    if (location_kind(output->settings->output_url) == LOCATION_RTSP && warning->domain == GST_RESOURCE_ERROR)
        handle_error(output, message);
}

static void note_connected(struct output *output)
{
    g_autofree char *url = dub_url_mask(output->settings->output_url);

    pthread_mutex_lock(&output->lock);
    output->connected = true;
    if (output->facts.bytes > 0)
        output->facts.reconnects += output->reconnect.lost ? 1 : 0;
    pthread_mutex_unlock(&output->lock);
    reconnect_restored(&output->reconnect);
    dub_log_info("output %s is being written", url);
}

static gboolean on_lingered(gpointer data)
{
    struct output *output = data;
    output->finish_timer = 0;
    finished(output, true);
    return G_SOURCE_REMOVE;
}

/* All of it is sent. */
static void linger(struct output *output)
{
    guint linger_ms = (guint)(sink_linger_ns(output->settings->output_url) / DUB_NS_PER_MS);

    g_clear_handle_id(&output->finish_timer, g_source_remove);
    g_clear_handle_id(&output->end_timer, g_source_remove);
    output->finish_timer = g_timeout_add(linger_ms, on_lingered, output);
}

static gboolean on_end_watch(gpointer data)
{
    struct output *output = data;

    if (!sink_has_ended(&output->sink))
        return G_SOURCE_CONTINUE;
    output->end_timer = 0;
    linger(output);
    return G_SOURCE_REMOVE;
}

static gboolean on_bus_message(GstBus *bus, GstMessage *message, gpointer data)
{
    struct output *output = data;

    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        handle_error(output, message);
    else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING)
        handle_warning(output, message);
    else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS)
        linger(output);
    else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_APPLICATION) {
        const GstStructure *structure = gst_message_get_structure(message);
        if (gst_structure_has_name(structure, "connected"))
            note_connected(output);
        else
            lose(output, gst_structure_get_string(structure, "reason"));
    }
    return G_SOURCE_CONTINUE;
}

static void post(GstElement *pipeline, GstStructure *take_structure)
{
    gst_element_post_message(pipeline, gst_message_new_application(GST_OBJECT(pipeline), take_structure));
}

/* On the main thread, whoever calls: gst_bus_add_watch would take the caller's own context. */
static guint watch_bus(GstElement *pipeline, GstBusFunc on_message, void *user)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
    g_autoptr(GSource) source = gst_bus_create_watch(bus);

    g_source_set_callback(source, G_SOURCE_FUNC(on_message), user, NULL);
    return g_source_attach(source, NULL);
}

/* Under the lock. */
static void connect_output(struct output *output)
{
    sink_init(&output->sink, output->settings->output_url, &output->written);
    output->gate_open = !output->live;
    output->gate_ns = 0;
    output->audio_packets = 0;
    output->bus_watch = watch_bus(output->sink.pipeline, on_bus_message, output);
}

void output_prepare(struct output *output)
{
    pthread_mutex_lock(&output->lock);
    if (!output->prepared && !output->finishing) {
        output->prepared = true;
        connect_output(output);
    }
    pthread_mutex_unlock(&output->lock);
}

static void report_stalled(struct output *output, const char *reason)
{
    if (output->stalled)
        return;
    output->stalled = true;
    post(output->sink.pipeline, gst_structure_new("stalled", "reason", G_TYPE_STRING, reason, NULL));
}

static void watch_backlog(struct output *output)
{
    int64_t backlog_bytes = sink_backlog_bytes(&output->sink);
    int64_t since_ns = written_meter_idle_ns(&output->written);

    if (output->is_file && backlog_bytes > FILE_BACKLOG_BYTES_MAX)
        report_stalled(output, "too much video waits for its sound");
    else if (!output->is_file &&
             (backlog_bytes > BACKLOG_BYTES_MAX || (backlog_bytes > 0 && since_ns > PEER_PATIENCE_NS)))
        report_stalled(output, "the peer does not read any more");
}

/* What comes late waits less: the picture that came soonest shows D. */
static void measure_delay(struct output *output, const struct packet *packet)
{
    int64_t delay_ns = now_ns() - packet->arrival_ns;
    output->longest_delay_ns = MAX(output->longest_delay_ns, delay_ns);
}

static void append(struct output *output, const struct packet *packet)
{
    if (sink_backlog_bytes(&output->sink) == 0)
        written_meter_begin_waiting(&output->written);
    if (!sink_push(&output->sink, packet)) {
        report_stalled(output, "a picture is too large for this kind of output");
        return;
    }
    if (packet->track == TRACK_AUDIO) {
        output->audio_packets++;
    } else {
        measure_delay(output, packet);
        watch_backlog(output);
    }
}

/* A connection begins at a key frame; sound from before it has no picture. */
static bool passes_gate(struct output *output, const struct packet *packet)
{
    if (!output->gate_open && packet->track == TRACK_VIDEO && packet->key) {
        output->gate_open = true;
        output->gate_ns = packet->dts_ns;
    }
    return output->gate_open && packet->dts_ns >= output->gate_ns;
}

void output_push(struct output *output, const struct packet *packet)
{
    pthread_mutex_lock(&output->lock);
    if (output->sink.ops && !output->finishing && passes_gate(output, packet))
        append(output, packet);
    pthread_mutex_unlock(&output->lock);
}

void output_flush(struct output *output)
{
    pthread_mutex_lock(&output->lock);
    if (output->sink.ops)
        sink_flush(&output->sink);
    pthread_mutex_unlock(&output->lock);
}

static gboolean on_finish_timeout(gpointer data)
{
    struct output *output = data;
    output->finish_timer = 0;
    dub_log_warn("the output did not take its end within %d s", FINISH_TIMEOUT_MS / 1000);
    finished(output, false);
    return G_SOURCE_REMOVE;
}

static gboolean on_nothing_to_finish(gpointer data)
{
    struct output *output = data;
    output->finish_timer = 0;
    finished(output, false);
    return G_SOURCE_REMOVE;
}

void output_finish(struct output *output)
{
    g_clear_handle_id(&output->retry_timer, g_source_remove);
    pthread_mutex_lock(&output->lock);
    bool has_data = output->sink.ops && output->gate_open && output->audio_packets > 0;
    output->finishing = true;
    if (has_data)
        sink_end(&output->sink);
    pthread_mutex_unlock(&output->lock);
    if (!has_data) {
        output->finish_timer = g_idle_add(on_nothing_to_finish, output);
        return;
    }
    output->finish_timer = g_timeout_add(FINISH_TIMEOUT_MS, on_finish_timeout, output);
    output->end_timer = g_timeout_add(END_INTERVAL_MS, on_end_watch, output);
}

void output_free(struct output *output)
{
    if (!output)
        return;
    g_clear_handle_id(&output->retry_timer, g_source_remove);
    g_clear_handle_id(&output->finish_timer, g_source_remove);
    g_clear_handle_id(&output->end_timer, g_source_remove);
    disconnect(output);
    pthread_mutex_destroy(&output->lock);
    g_free(output);
}

void output_get_facts(struct output *output, struct output_facts *facts)
{
    pthread_mutex_lock(&output->lock);
    output->facts.connected = output->connected;
    output->facts.bytes = written_meter_bytes(&output->written);
    if (output->longest_delay_ns > 0)
        output->facts.delay_ns = output->longest_delay_ns;
    output->longest_delay_ns = 0;
    *facts = output->facts;
    pthread_mutex_unlock(&output->lock);
}
