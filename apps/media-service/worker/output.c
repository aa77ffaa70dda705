/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output.h"

#include "core.h"
#include "elements.h"
#include "location.h"
#include "reconnect.h"
#include "sink.h"

#include <dubbing_clock.h>
#include <dubbing_ids.h>
#include <dubbing_log.h>
#include <gst/app/app.h>
#include <pthread.h>
#include <stdlib.h>

/* A live peer that is this far behind does not read any more. */
#define BACKLOG_BYTES_MAX (INT64_C(64) << 20)
/* A file that is not live: pictures that wait for the dub of their sound. */
#define FILE_BACKLOG_BYTES_MAX (INT64_C(1) << 30)
#define FINISH_TIMEOUT_MS 5000
/* Sound comes ahead of its picture: what is kept of it until the first picture of a connection goes in. */
#define KEPT_PACKETS 32

struct output {
    const struct worker_settings *settings;
    struct output_events events;
    void *user;
    bool live, is_file;
    int64_t shift_ns, base_ns;
    struct reconnect reconnect; /* main thread, as the two below */
    guint retry_timer, finish_timer;

    pthread_mutex_t lock; /* guards what follows; the pushes only append to queues under it */
    struct sink sink;     /* zeroed while not connected */
    guint bus_watch;
    GstCaps *video_caps; /* the latest */
    bool gate_open;      /* the first key frame of this connection has gone in */
    int64_t gate_ns;     /* its output timestamp: sound before it is left out */
    GQueue kept;         /* GstBuffer: the latest sound while the gate is closed */
    bool finishing, failed;
    bool connected, stalled;
    struct output_facts facts;
    int64_t delay_sum_ns, delay_count;
    int64_t audio_origin_ns, audio_packets; /* audio_packets 0: the count begins anew */

    int buffers_through;   /* atomic: given to the last element on this connection */
    int64_t bytes_through; /* atomic */
};

static void connect_output(struct output *output);

struct output *output_new(const struct worker_settings *settings, bool live, int64_t shift_ns,
                          const struct output_events *events, void *user)
{
    struct output *output = g_new0(struct output, 1);

    output->settings = settings;
    output->events = *events;
    output->user = user;
    output->live = live;
    output->is_file = location_kind(settings->output_url) == LOCATION_FILE;
    output->shift_ns = shift_ns;
    reconnect_init(&output->reconnect, settings->output_grace_ns);
    g_queue_init(&output->kept);
    pthread_mutex_init(&output->lock, NULL);
    return output;
}

/* Main thread. */
static void disconnect(struct output *output)
{
    pthread_mutex_lock(&output->lock);
    struct sink sink = output->sink;
    output->sink = (struct sink){0};
    output->gate_open = output->connected = output->stalled = false;
    g_queue_clear_full(&output->kept, (GDestroyNotify)gst_buffer_unref);
    pthread_mutex_unlock(&output->lock);
    g_clear_handle_id(&output->bus_watch, g_source_remove);
    /* Outside the lock: this waits for the pipeline's threads. */
    sink_clear(&sink);
}

static void finished(struct output *output, bool complete)
{
    g_clear_handle_id(&output->finish_timer, g_source_remove);
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

    pthread_mutex_lock(&output->lock);
    output->failed = true;
    pthread_mutex_unlock(&output->lock);
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
    int64_t now_ns = dub_clock_now_ns(dub_clock_monotonic());
    int64_t wait_ns = output->is_file ? -1 : reconnect_lost(&output->reconnect, now_ns);
    if (wait_ns < 0) {
        give_up(output, reason);
        return;
    }
    dub_log_warn("output lost (%s): next attempt in %.1f s", reason, (double)wait_ns / DUB_NS_PER_S);
    output->retry_timer = g_timeout_add((guint)(wait_ns / DUB_NS_PER_MS), on_retry, output);
}

static void handle_error(struct output *output, GstMessage *message)
{
    g_autoptr(GError) error = NULL;
    gst_message_parse_error(message, &error, NULL);
    output->events.on_bus_error("output", output->user);
    lose(output, error->message);
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

static gboolean on_bus_message(GstBus *bus, GstMessage *message, gpointer data)
{
    struct output *output = data;

    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        handle_error(output, message);
    else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS)
        finished(output, true);
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

/* A second buffer at the last element means that the first was taken by the peer. */
static GstPadProbeReturn on_muxed_buffer(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    struct output *output = data;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);

    __atomic_add_fetch(&output->bytes_through, (int64_t)gst_buffer_get_size(buffer), __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&output->buffers_through, 1, __ATOMIC_RELAXED) == 2) {
        g_autoptr(GstElement) last = gst_pad_get_parent_element(pad);
        g_autoptr(GstObject) pipeline = gst_object_get_parent(GST_OBJECT(last));
        post(GST_ELEMENT(pipeline), gst_structure_new_empty("connected"));
    }
    return GST_PAD_PROBE_OK;
}

/* Under the lock. */
static void connect_output(struct output *output)
{
    sink_init(&output->sink, output->settings->output_url, output->live, CORE_AUDIO_CAPS);
    output->gate_open = !output->live;
    output->gate_ns = 0;
    output->audio_packets = 0;
    output->buffers_through = 0;
    gst_pad_add_probe(output->sink.last_pad, GST_PAD_PROBE_TYPE_BUFFER, on_muxed_buffer, output, NULL);
    elements_use_clock(output->sink.pipeline, (GstClockTime)output->base_ns);
    g_autoptr(GstBus) bus = gst_element_get_bus(output->sink.pipeline);
    output->bus_watch = gst_bus_add_watch(bus, on_bus_message, output);
    gst_element_set_state(output->sink.pipeline, GST_STATE_PLAYING);
}

void output_set_base(struct output *output, int64_t base_ns)
{
    pthread_mutex_lock(&output->lock);
    output->base_ns = base_ns;
    pthread_mutex_unlock(&output->lock);
}

void output_prepare(struct output *output, GstCaps *video_caps)
{
    pthread_mutex_lock(&output->lock);
    if (!output->video_caps && !output->finishing) {
        output->video_caps = gst_caps_ref(video_caps);
        connect_output(output);
    }
    pthread_mutex_unlock(&output->lock);
}

static void watch_backlog(struct output *output)
{
    int64_t bytes = (int64_t)gst_app_src_get_current_level_bytes(GST_APP_SRC(output->sink.video));
    int64_t most = output->live ? BACKLOG_BYTES_MAX : FILE_BACKLOG_BYTES_MAX;

    if (bytes <= most || output->stalled)
        return;
    output->stalled = true;
    post(output->sink.pipeline, gst_structure_new("stalled", "reason", G_TYPE_STRING,
                                                  output->live ? "the peer does not read any more"
                                                               : "too much video waits for its sound",
                                                  NULL));
}

static GstBuffer *placed(GstBuffer *take_buffer, int64_t pts_ns, int64_t dts_ns)
{
    GstBuffer *buffer = gst_buffer_make_writable(take_buffer);
    GST_BUFFER_PTS(buffer) = (GstClockTime)pts_ns;
    GST_BUFFER_DTS(buffer) = (GstClockTime)dts_ns;
    return buffer;
}

/* The muxers' templates ask for what an access unit of AVC always is; demuxers leave it unsaid. */
static GstCaps *complete_caps(GstCaps *caps)
{
    GstCaps *complete = gst_caps_copy(caps);
    int width = 0, height = 0;

    gst_caps_set_simple(complete, "alignment", G_TYPE_STRING, "au", NULL);
    if (elements_h264_size(caps, &width, &height))
        gst_caps_set_simple(complete, "width", G_TYPE_INT, width, "height", G_TYPE_INT, height, NULL);
    return complete;
}

/* Codec headers have changed, or this connection has not had any. */
static void set_video_caps(struct output *output, GstCaps *caps)
{
    g_autoptr(GstCaps) complete = complete_caps(caps);
    gst_caps_replace(&output->video_caps, caps);
    gst_app_src_set_caps(GST_APP_SRC(output->sink.video), complete);
}

static void measure_delay(struct output *output, const struct access_unit *unit)
{
    output->delay_sum_ns += dub_clock_now_ns(dub_clock_monotonic()) - unit->arrival_ns;
    output->delay_count++;
}

static void measure_audio(struct output *output, int64_t pts_ns)
{
    int64_t counted_ns =
        output->audio_origin_ns + output->audio_packets * CORE_FRAME_SAMPLES * DUB_NS_PER_S / 48000;

    if (output->audio_packets == 0)
        output->audio_origin_ns = counted_ns = pts_ns;
    output->audio_packets++;
    output->facts.audio_error_ns = pts_ns - counted_ns;
}

static void append_audio(struct output *output, GstBuffer *take_packet)
{
    int64_t pts_ns = (int64_t)GST_BUFFER_PTS(take_packet) + output->shift_ns;

    if (pts_ns < output->gate_ns) {
        gst_buffer_unref(take_packet);
        return;
    }
    measure_audio(output, pts_ns);
    gst_app_src_push_buffer(GST_APP_SRC(output->sink.audio), placed(take_packet, pts_ns, pts_ns));
}

static void keep_audio(struct output *output, GstBuffer *take_packet)
{
    g_queue_push_tail(&output->kept, take_packet);
    if (output->kept.length > KEPT_PACKETS)
        gst_buffer_unref(g_queue_pop_head(&output->kept));
}

static void append_video(struct output *output, const struct access_unit *unit)
{
    g_autoptr(GstCaps) set = gst_app_src_get_caps(GST_APP_SRC(output->sink.video));

    if (!set || output->video_caps != unit->caps)
        set_video_caps(output, unit->caps);
    gst_app_src_push_buffer(GST_APP_SRC(output->sink.video),
                            placed(gst_buffer_copy(unit->buffer), unit->pts_ns + output->shift_ns,
                                   unit->dts_ns + output->shift_ns));
    measure_delay(output, unit);
    watch_backlog(output);
}

static void open_gate(struct output *output, const struct access_unit *unit)
{
    GstBuffer *packet;

    output->gate_open = true;
    output->gate_ns = unit->dts_ns + output->shift_ns;
    while ((packet = g_queue_pop_head(&output->kept)) != NULL)
        append_audio(output, packet);
}

void output_push_video(struct output *output, const struct access_unit *unit)
{
    pthread_mutex_lock(&output->lock);
    if (output->sink.pipeline && !output->finishing) {
        if (!output->gate_open && unit->key)
            open_gate(output, unit);
        if (output->gate_open)
            append_video(output, unit);
    }
    pthread_mutex_unlock(&output->lock);
}

void output_push_audio(struct output *output, GstBuffer *take_packet)
{
    pthread_mutex_lock(&output->lock);
    if (!output->sink.pipeline || output->finishing)
        gst_buffer_unref(take_packet);
    else if (output->gate_open)
        append_audio(output, take_packet);
    else
        keep_audio(output, take_packet);
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
    bool has_data = output->sink.pipeline && output->audio_packets > 0;
    output->finishing = true;
    if (has_data) {
        gst_app_src_end_of_stream(GST_APP_SRC(output->sink.video));
        gst_app_src_end_of_stream(GST_APP_SRC(output->sink.audio));
    }
    pthread_mutex_unlock(&output->lock);
    output->finish_timer = has_data ? g_timeout_add(FINISH_TIMEOUT_MS, on_finish_timeout, output)
                                    : g_idle_add(on_nothing_to_finish, output);
}

void output_free(struct output *output)
{
    if (!output)
        return;
    g_clear_handle_id(&output->retry_timer, g_source_remove);
    g_clear_handle_id(&output->finish_timer, g_source_remove);
    disconnect(output);
    g_queue_clear_full(&output->kept, (GDestroyNotify)gst_buffer_unref);
    gst_clear_caps(&output->video_caps);
    pthread_mutex_destroy(&output->lock);
    g_free(output);
}

void output_get_facts(struct output *output, struct output_facts *facts)
{
    pthread_mutex_lock(&output->lock);
    output->facts.connected = output->connected;
    output->facts.bytes = __atomic_load_n(&output->bytes_through, __ATOMIC_RELAXED);
    if (output->delay_count > 0)
        output->facts.delay_ns = output->delay_sum_ns / output->delay_count;
    output->delay_sum_ns = output->delay_count = 0;
    *facts = output->facts;
    pthread_mutex_unlock(&output->lock);
}
