/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "input.h"

#include "../../shared/location.h"
#include "../../shared/reconnect.h"
#include "../elements.h"

#include <dubbing_ids.h>
#include <dubbing_log.h>

#define WATCH_INTERVAL_MS 250
#define SILENCE_NS (10 * DUB_NS_PER_S)     /* a live connection without data for so long is lost */
#define SECOND_TRACK_NS (5 * DUB_NS_PER_S) /* after the first track's first buffer */

struct input {
    const struct worker_settings *settings;
    struct input_events events;
    void *user;
    enum feeder_pace pace;
    struct feeder *feeder;
    struct source *source; /* NULL while not connected */
    struct reconnect reconnect;
    struct source_facts last_tracks; /* of the connection before */
    guint bus_watch, retry_timer, watch_timer;
    bool is_listener; /* the peer connects to us */
    int64_t started_ns, connect_started_ns;
    bool flowing; /* data has come on the present connection */
    bool ever_flowed, stopped;
    int64_t reconnects;
};

static void connect_input(struct input *input);

enum feeder_pace input_pace(const struct worker_settings *settings)
{
    if (location_kind(settings->input_url) != LOCATION_FILE)
        return FEEDER_LIVE;
    return settings->realtime ? FEEDER_PACED : FEEDER_FILE;
}

struct input *input_new(const struct worker_settings *settings, const struct input_events *events, void *user)
{
    struct input *input = g_new0(struct input, 1);

    input->settings = settings;
    input->events = *events;
    input->user = user;
    input->pace = input_pace(settings);
    input->is_listener = location_is_listener(settings->input_url);
    input->feeder = feeder_new(input->pace, settings->latency_ns, dub_clock_monotonic(), &events->flow, user);
    reconnect_init(&input->reconnect, settings->input_grace_ns);
    return input;
}

static void disconnect(struct input *input)
{
    if (!input->source)
        return;
    g_clear_handle_id(&input->bus_watch, g_source_remove);
    source_facts_clear(&input->last_tracks);
    source_get_facts(input->source, &input->last_tracks);
    g_clear_pointer(&input->source, source_free);
    input->flowing = false;
}

/* In the middle of the flow: whoever waits on a streaming thread, for room or for the time to pass, is woken,
 * for the main thread waits for the thread's end. A connection that is not live is not made again. */
static void break_off(struct input *input)
{
    if (!input->source)
        return;
    if (input->pace != FEEDER_LIVE)
        feeder_interrupt(input->feeder);
    input->events.on_break_off(input->user);
    disconnect(input);
    input->events.on_let_go(input->user);
}

static void fail(struct input *input, int exit_code, const char *message)
{
    break_off(input);
    input->stopped = true;
    input->events.on_failed(exit_code, message, input->user);
}

static gboolean on_retry(gpointer data)
{
    struct input *input = data;
    input->retry_timer = 0;
    connect_input(input);
    return G_SOURCE_REMOVE;
}

static void give_up(struct input *input, const char *reason)
{
    g_autofree char *url = dub_url_mask(input->settings->input_url);
    g_autofree char *message = g_strdup_printf(
        "input %s %s (%s)", url, input->ever_flowed ? "did not come back" : "never came", reason);
    fail(input, WORKER_EXIT_INPUT_LOST, message);
}

static void lose(struct input *input, const char *reason)
{
    break_off(input);
    if (input->stopped)
        return;
    input->events.on_lost(input->user);
    int64_t wait_ns = input->pace == FEEDER_LIVE
                          ? reconnect_lost(&input->reconnect, dub_clock_now_ns(dub_clock_monotonic()))
                          : -1;
    if (wait_ns < 0) {
        give_up(input, reason);
        return;
    }
    dub_log_warn("input lost (%s): next attempt in %.1f s", reason, (double)wait_ns / DUB_NS_PER_S);
    input->retry_timer = g_timeout_add((guint)(wait_ns / DUB_NS_PER_MS), on_retry, input);
}

static void end(struct input *input)
{
    if (input->pace == FEEDER_LIVE) {
        lose(input, "the publisher ended the stream");
        return;
    }
    disconnect(input);
    feeder_end(input->feeder);
    input->stopped = true;
    input->events.on_ended(input->user);
}

static void handle_error(struct input *input, GstMessage *message)
{
    g_autofree char *text = elements_error_text(message);
    g_autofree char *reason = location_mask_in(input->settings->input_url, text);
    input->events.on_bus_error("input", input->user);
    lose(input, reason);
}

static void handle_unusable(struct input *input, const GstStructure *structure)
{
    int exit_code = WORKER_EXIT_TRACK_MISSING;
    gst_structure_get_int(structure, "exit-code", &exit_code);
    g_autofree char *text = g_strdup(gst_structure_get_string(structure, "message"));
    fail(input, exit_code, text);
}

static gboolean on_bus_message(GstBus *bus, GstMessage *message, gpointer data)
{
    struct input *input = data;

    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        handle_error(input, message);
    else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS)
        end(input);
    else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_APPLICATION)
        handle_unusable(input, gst_message_get_structure(message));
    return G_SOURCE_CONTINUE;
}

static bool on_video(GstSample *sample, void *user)
{
    struct input *input = user;
    return feeder_push_video(input->feeder, sample);
}

static bool on_audio(GstSample *sample, void *user)
{
    struct input *input = user;
    return feeder_push_audio(input->feeder, sample);
}

static const struct source_events source_events = {
    .on_video = on_video,
    .on_audio = on_audio,
};

static void connect_input(struct input *input)
{
    struct dub_error error = {0};

    feeder_begin(input->feeder);
    input->source = source_new(input->settings->input_url, &source_events, input, &error);
    if (!input->source) {
        int exit_code =
            error.code == DUB_ERROR_UNSUPPORTED ? WORKER_EXIT_UNSUPPORTED_VIDEO : WORKER_EXIT_INPUT_LOST;
        fail(input, exit_code, error.message);
        return;
    }
    input->connect_started_ns = dub_clock_now_ns(dub_clock_monotonic());
    g_autoptr(GstBus) bus = gst_element_get_bus(source_pipeline(input->source));
    input->bus_watch = gst_bus_add_watch(bus, on_bus_message, input);
    gst_element_set_state(source_pipeline(input->source), GST_STATE_PLAYING);
}

static void note_flow(struct input *input)
{
    g_autofree char *url = dub_url_mask(input->settings->input_url);

    reconnect_restored(&input->reconnect);
    input->flowing = true;
    if (input->ever_flowed)
        input->reconnects++;
    dub_log_info("input %s is %s", url, input->ever_flowed ? "back" : "flowing");
    input->ever_flowed = true;
}

static void check_second_track(struct input *input, const struct feeder_facts *facts, int64_t now_ns)
{
    if (facts->first_arrival_ns == 0 || (facts->has_video && facts->has_audio) ||
        now_ns - facts->first_arrival_ns < SECOND_TRACK_NS)
        return;
    g_autofree char *message = g_strdup_printf("the input has no %s track: publish H.264 and AAC",
                                               facts->has_video ? "audio" : "video");
    fail(input, WORKER_EXIT_TRACK_MISSING, message);
}

/* Who waits for its peer waits in one go until the grace is over: no refusals between attempts. */
static void watch_listener(struct input *input, int64_t now_ns)
{
    bool is_over = input->ever_flowed ? reconnect_is_over(&input->reconnect, now_ns)
                                      : now_ns - input->started_ns >= input->settings->input_grace_ns;
    if (is_over)
        give_up(input, "nobody connected");
}

static gboolean on_watch(gpointer data)
{
    struct input *input = data;
    int64_t now_ns = dub_clock_now_ns(dub_clock_monotonic());
    struct feeder_facts facts;

    if (!input->source)
        return G_SOURCE_CONTINUE;
    feeder_get_facts(input->feeder, &facts);
    if (facts.last_arrival_ns != 0 && !input->flowing)
        note_flow(input);
    if (input->pace != FEEDER_LIVE)
        return G_SOURCE_CONTINUE;
    if (input->is_listener && !input->flowing) {
        watch_listener(input, now_ns);
        return G_SOURCE_CONTINUE;
    }
    int64_t alive_ns = MAX(facts.last_arrival_ns, input->connect_started_ns);
    if (now_ns - alive_ns > SILENCE_NS)
        lose(input, "no data for 10 s");
    else
        check_second_track(input, &facts, now_ns);
    return G_SOURCE_CONTINUE;
}

void input_start(struct input *input)
{
    input->started_ns = dub_clock_now_ns(dub_clock_monotonic());
    input->watch_timer = g_timeout_add(WATCH_INTERVAL_MS, on_watch, input);
    connect_input(input);
}

void input_stop(struct input *input)
{
    input->stopped = true;
    feeder_interrupt(input->feeder);
    g_clear_handle_id(&input->retry_timer, g_source_remove);
    g_clear_handle_id(&input->watch_timer, g_source_remove);
    break_off(input);
}

void input_free(struct input *input)
{
    if (!input)
        return;
    input_stop(input);
    source_facts_clear(&input->last_tracks);
    feeder_free(input->feeder);
    g_free(input);
}

void input_get_facts(struct input *input, struct input_facts *facts)
{
    struct feeder_facts flow;

    *facts = (struct input_facts){
        .connected = input->flowing,
        .ever_connected = input->ever_flowed,
        .reconnects = input->reconnects,
    };
    feeder_get_facts(input->feeder, &flow);
    facts->bytes = flow.bytes;
    if (input->source) {
        source_get_facts(input->source, &facts->tracks);
    } else {
        facts->tracks = input->last_tracks;
        facts->tracks.video_codec = g_strdup(input->last_tracks.video_codec);
        facts->tracks.audio_codec = g_strdup(input->last_tracks.audio_codec);
    }
}
