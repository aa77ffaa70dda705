/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Wiring and life of the parts:  input -> feeder -> core (sound) and delay (picture) -> output.
 * Live, sound and picture leave D after their place on the timeline; a file goes as fast as it can. */
#include "worker.h"

#include "../shared/control.h"
#include "core.h"
#include "elements.h"
#include "input/input.h"
#include "output/delay_line.h"
#include "output/output.h"
#include "report/phrases.h"
#include "report/status.h"
#include "report/sync_meter.h"

#include <dubbing_ids.h>
#include <dubbing_log.h>
#include <dubbing_main.h>
#include <unistd.h>

#define STATUS_INTERVAL_MS 1000
#define SOUND_RATE_HZ 48000
#define SOUND_FRAME_BYTES 4
/* A client that reads has taken the last phrases long before. */
#define CONTROL_FLUSH_MS 1000
/* 30 s of 60 Mbit/s: far more than what any stream of ours needs, far less than what a machine has. */
#define DELAYED_BYTES_MAX (INT64_C(256) << 20)
/* Beyond D: a router's cache of old pictures may come at once, never so many. */
#define AHEAD_MAX_NS (30 * DUB_NS_PER_S)

struct worker {
    const struct worker_settings *settings;
    GMainLoop *loop;
    struct input *input;
    struct core *core;
    struct delay_line *delay; /* NULL when not live */
    struct output *output;
    struct control *control; /* NULL without a state folder */
    struct phrases *phrases;
    struct sync_meter meter;
    struct dub_counts bus_errors;
    guint status_timer;
    int64_t started_ns;
    bool live;
    bool drained; /* all of an ended input has come out */
    bool ending;  /* the output is being finished */
    int failing;  /* atomic: the delayed stream has come to a bound, the end is on its way */
    int exit_code;
    int64_t base_ns; /* written on the input's thread before the first flow, read on it only */
};

static int64_t now_ns(void)
{
    return dub_clock_now_ns(dub_clock_monotonic());
}

static bool is_disabled(const char *text)
{
    return !text || !*text;
}

/* Everything ends through here: stops the flow, lets the output finish what it has. */
static void end(struct worker *worker, int exit_code)
{
    if (worker->ending)
        return;
    worker->ending = true;
    worker->exit_code = exit_code;
    /* The core first: a full one may hold the input's thread. */
    core_stop(worker->core);
    input_stop(worker->input);
    g_clear_pointer(&worker->delay, delay_line_free);
    output_finish(worker->output);
}

/* ---- input ---- */

static void on_start(int64_t base_ns, void *user)
{
    struct worker *worker = user;
    worker->base_ns = base_ns;
    core_start(worker->core, base_ns);
}

static gboolean on_delay_failed(gpointer data)
{
    end(data, DUB_EXIT_FAILURE);
    return G_SOURCE_REMOVE;
}

static void release(struct worker *worker, const struct packet *packet)
{
    if (packet->track == TRACK_VIDEO)
        sync_meter_picture_out(&worker->meter, packet->pts_ns, packet->source_ns);
    else
        sync_meter_sound_out(&worker->meter, packet->pts_ns);
    output_push(worker->output, packet);
}

/* Live, a packet leaves D after its place on the timeline; otherwise at once. */
static bool send_packet(struct worker *worker, struct packet *take_packet)
{
    struct dub_error error = {0};

    if (!worker->live) {
        release(worker, take_packet);
        output_flush(worker->output);
        packet_free(take_packet);
        return true;
    }
    if (__atomic_load_n(&worker->failing, __ATOMIC_RELAXED)) {
        packet_free(take_packet);
        return false;
    }
    take_packet->due_ns = worker->base_ns + take_packet->dts_ns + worker->settings->latency_ns;
    if (delay_line_push(worker->delay, take_packet, &error))
        return true;
    /* Sound comes on another thread than pictures: the first of them says it. */
    if (!__atomic_exchange_n(&worker->failing, 1, __ATOMIC_RELAXED)) {
        dub_log_error("%s", error.message);
        g_idle_add(on_delay_failed, worker);
    }
    return false;
}

static bool on_video(struct packet *take_packet, void *user)
{
    struct worker *worker = user;

    output_prepare(worker->output);
    return send_packet(worker, take_packet);
}

static bool on_audio(GstBuffer *take_buffer, int64_t source_ns, void *user)
{
    struct worker *worker = user;
    int64_t n_frames = (int64_t)gst_buffer_get_size(take_buffer) / SOUND_FRAME_BYTES;

    sync_meter_sound_in(&worker->meter, (int64_t)GST_BUFFER_PTS(take_buffer), source_ns,
                        n_frames * DUB_NS_PER_S / SOUND_RATE_HZ);
    return core_push(worker->core, take_buffer);
}

static void on_break_off(void *user)
{
    struct worker *worker = user;
    core_refuse(worker->core);
}

static void on_let_go(void *user)
{
    struct worker *worker = user;
    core_accept(worker->core);
}

static void on_input_ended(void *user)
{
    struct worker *worker = user;

    core_end(worker->core);
}

static void on_input_lost(void *user)
{
    struct worker *worker = user;
    core_break(worker->core);
}

static void on_input_failed(int exit_code, const char *message, void *user)
{
    dub_log_error("%s", message);
    end(user, exit_code);
}

static void on_bus_error(const char *type, void *user)
{
    struct worker *worker = user;
    dub_counts_add(&worker->bus_errors, type, 1);
}

static const struct input_events input_events = {
    .flow = {.on_start = on_start, .on_video = on_video, .on_audio = on_audio},
    .on_break_off = on_break_off,
    .on_let_go = on_let_go,
    .on_ended = on_input_ended,
    .on_lost = on_input_lost,
    .on_failed = on_input_failed,
    .on_bus_error = on_bus_error,
};

/* ---- core and delay ---- */

static void on_packet(GstBuffer *take_packet, void *user)
{
    struct packet *packet = g_new0(struct packet, 1);

    packet->track = TRACK_AUDIO;
    packet->buffer = take_packet;
    packet->pts_ns = packet->dts_ns = (int64_t)GST_BUFFER_PTS(take_packet);
    packet->key = true;
    send_packet(user, packet);
}

static void on_phrase(const GstStructure *phrase, void *user)
{
    struct worker *worker = user;
    const struct dub_ledger_line *line = phrases_add(worker->phrases, phrase);

    dub_log_info("phrase %" G_GINT64_FORMAT " at %.1f s: %s%s%s, lag %" G_GINT64_FORMAT " ms", line->seq,
                 (double)line->start_ms / 1000, dub_phrase_state_name(line->state),
                 line->reason && *line->reason ? ", " : "", line->reason ? line->reason : "", line->lag_ms);
    if (worker->control)
        control_broadcast(worker->control, dub_worker_phrase_to_json(line));
}

static gboolean on_drained(gpointer data)
{
    struct worker *worker = data;
    worker->drained = true;
    end(worker, DUB_EXIT_OK);
    return G_SOURCE_REMOVE;
}

static void on_release(const struct packet *packet, void *user)
{
    release(user, packet);
}

static void on_pause(void *user)
{
    struct worker *worker = user;
    output_flush(worker->output);
}

static void on_delay_drained(void *user)
{
    g_idle_add(on_drained, user);
}

static const struct delay_line_events delay_events = {
    .on_release = on_release,
    .on_pause = on_pause,
    .on_drained = on_delay_drained,
};

/* All sound of an ended input is in the delay line, the picture was there before. */
static void on_core_drained(void *user)
{
    struct worker *worker = user;

    if (worker->delay)
        delay_line_end(worker->delay);
    else
        on_drained(worker);
}

static void on_core_failed(const char *message, void *user)
{
    dub_log_error("the sound cannot be processed: %s", message);
    on_bus_error("core", user);
    end(user, DUB_EXIT_FAILURE);
}

static const struct core_events core_events = {
    .on_packet = on_packet,
    .on_phrase = on_phrase,
    .on_drained = on_core_drained,
    .on_failed = on_core_failed,
};

/* ---- output ---- */

static void on_output_finished(bool complete, void *user)
{
    struct worker *worker = user;

    if (!complete && worker->exit_code == DUB_EXIT_OK && worker->drained)
        worker->exit_code = WORKER_EXIT_OUTPUT_LOST;
    g_main_loop_quit(worker->loop);
}

static void on_output_failed(const char *message, void *user)
{
    dub_log_error("%s", message);
    end(user, WORKER_EXIT_OUTPUT_LOST);
}

static const struct output_events output_events = {
    .on_finished = on_output_finished,
    .on_failed = on_output_failed,
    .on_bus_error = on_bus_error,
};

/* ---- control ---- */

static enum dub_worker_state current_state(const struct worker *worker, const struct input_facts *input,
                                           const struct output_facts *output)
{
    if (worker->ending)
        return DUB_WORKER_DRAINING;
    if (input->connected && output->connected)
        return DUB_WORKER_RUNNING;
    return input->ever_connected && output->bytes > 0 ? DUB_WORKER_RECONNECTING : DUB_WORKER_CONNECTING;
}

/* What is measured now of sound that goes in counts when it comes out. */
static void note_drift(struct worker *worker, const GstStructure *dub)
{
    gint64 drift_samples = 0;

    if (dub)
        gst_structure_get_int64(dub, "drift-samples", &drift_samples);
    sync_meter_set_drift(&worker->meter, drift_samples * DUB_NS_PER_S / SOUND_RATE_HZ);
}

static JsonNode *make_status(struct worker *worker)
{
    struct dub_worker_status status;
    struct input_facts input;
    struct output_facts output;
    g_autoptr(GstStructure) dub = core_get_stats(worker->core);

    note_drift(worker, dub);
    input_get_facts(worker->input, &input);
    output_get_facts(worker->output, &output);
    status_fill(&status, &(struct status_sources){
                             .settings = worker->settings,
                             .state = current_state(worker, &input, &output),
                             .uptime_ns = now_ns() - worker->started_ns,
                             .input = &input,
                             .output = &output,
                             .phrases = worker->phrases,
                             .dub = dub,
                             .av_sync_ns = sync_meter_take(&worker->meter),
                             .bus_errors = &worker->bus_errors,
                         });
    JsonNode *node = dub_worker_status_to_json(&status);
    dub_worker_status_clear(&status);
    source_facts_clear(&input.tracks);
    return node;
}

static gboolean on_status_timer(gpointer data)
{
    struct worker *worker = data;
    if (worker->control && control_n_clients(worker->control) > 0)
        control_broadcast(worker->control, make_status(worker));
    return G_SOURCE_CONTINUE;
}

static JsonNode *make_hello(void *user)
{
    struct worker *worker = user;
    g_autofree char *gstreamer = elements_gst_version();
    struct dub_worker_hello hello = {
        .stream_id = worker->settings->stream_id,
        .run_id = worker->settings->common.run_id,
        .instance_id = worker->settings->common.instance_id,
        .pid = getpid(),
        .version = (char *)DUB_VERSION,
        .gstreamer = gstreamer,
    };
    return dub_worker_hello_to_json(&hello);
}

static void send_phrase(const struct dub_ledger_line *line, void *client)
{
    control_send(client, dub_worker_phrase_to_json(line));
}

static void on_phrases(struct control_client *client, int64_t after, void *user)
{
    struct worker *worker = user;
    phrases_foreach(worker->phrases, after, send_phrase, client);
}

static void on_stop(void *user)
{
    worker_stop(user);
}

static const struct control_events control_events = {
    .make_hello = make_hello,
    .on_phrases = on_phrases,
    .on_stop = on_stop,
};

/* ---- life ---- */

static bool open_records(struct worker *worker, struct dub_error *error)
{
    const struct worker_settings *settings = worker->settings;

    worker->phrases = phrases_new(settings->ledger, error);
    if (!worker->phrases)
        return false;
    if (is_disabled(settings->state_dir))
        return true;
    worker->control =
        control_new(settings->state_dir, "workers", settings->stream_id, &control_events, worker, error);
    return worker->control != NULL;
}

struct worker *worker_new(const struct worker_settings *settings, struct dub_error *error)
{
    struct worker *worker = g_new0(struct worker, 1);

    worker->settings = settings;
    sync_meter_init(&worker->meter);
    worker->started_ns = now_ns();
    worker->live = input_pace(settings) != FEEDER_FILE;
    worker->loop = g_main_loop_new(NULL, FALSE);
    if (elements_check(settings->input_url, settings->output_url, error) && open_records(worker, error))
        worker->core = core_new(settings, worker->live, &core_events, worker, error);
    if (!worker->core) {
        worker_free(worker);
        return NULL;
    }
    worker->output = output_new(settings, worker->live, &output_events, worker);
    if (worker->live)
        worker->delay =
            delay_line_new(&delay_events, DELAYED_BYTES_MAX, settings->latency_ns + AHEAD_MAX_NS, worker);
    worker->input = input_new(settings, &input_events, worker);
    return worker;
}

static void log_start(const struct worker *worker)
{
    g_autofree char *input = dub_url_mask(worker->settings->input_url);
    g_autofree char *output = dub_url_mask(worker->settings->output_url);

    dub_log_info("dubbing %s from %s to %s into %s as stream %s, delay %.1f s", input,
                 worker->settings->source_lang, worker->settings->target_lang, output,
                 worker->settings->stream_id, (double)worker->settings->latency_ns / DUB_NS_PER_S);
}

static void log_end(const struct worker *worker)
{
    int64_t counts[DUB_PHRASE_STATE_COUNT];

    for (unsigned i = 0; i < DUB_PHRASE_STATE_COUNT; i++)
        counts[i] = phrases_count(worker->phrases, i);
    dub_log_info("finished: %" G_GINT64_FORMAT " phrases dubbed, %" G_GINT64_FORMAT
                 " passed through, %" G_GINT64_FORMAT " dropped%s%s",
                 counts[DUB_PHRASE_DUBBED], counts[DUB_PHRASE_PASSTHROUGH], counts[DUB_PHRASE_DROPPED],
                 is_disabled(worker->settings->ledger) ? "" : "; ledger in ",
                 is_disabled(worker->settings->ledger) ? "" : worker->settings->ledger);
}

static gboolean begin(gpointer data)
{
    struct worker *worker = data;
    input_start(worker->input);
    return G_SOURCE_REMOVE;
}

int worker_run(struct worker *worker)
{
    log_start(worker);
    worker->status_timer = g_timeout_add(STATUS_INTERVAL_MS, on_status_timer, worker);
    /* From inside the loop: starting may already end it. */
    g_idle_add(begin, worker);
    g_main_loop_run(worker->loop);
    if (worker->control)
        control_flush(worker->control, CONTROL_FLUSH_MS);
    log_end(worker);
    return worker->exit_code;
}

void worker_stop(struct worker *worker)
{
    dub_log_info("stopping");
    end(worker, DUB_EXIT_OK);
}

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    g_clear_handle_id(&worker->status_timer, g_source_remove);
    if (worker->core)
        core_stop(worker->core);
    input_free(worker->input);
    delay_line_free(worker->delay);
    core_free(worker->core);
    output_free(worker->output);
    control_free(worker->control);
    phrases_free(worker->phrases);
    dub_counts_clear(&worker->bus_errors);
    sync_meter_clear(&worker->meter);
    g_main_loop_unref(worker->loop);
    g_free(worker);
}
