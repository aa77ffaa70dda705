/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forwarder.h"

#include "../shared/control.h"
#include "dest.h"
#include "dest_url.h"
#include "feed.h"
#include "input.h"
#include "retry.h"

#include <dubbing_clock.h>
#include <dubbing_ids.h>
#include <dubbing_log.h>
#include <dubbing_main.h>
#include <dubbing_worker_control.h>
#include <unistd.h>

#define TICK_MS 1000
#define FINISH_TIMEOUT_MS 2500
#define CONTROL_FLUSH_MS 500

struct forwarder {
    const struct egress_settings *settings;
    GMainLoop *loop;
    int exit_code;
    int64_t started_ns;
    struct control *control; /* NULL: none */
    struct input *input;
    struct retry retry;
    guint tick, retry_timer, finish_timer, begin_source;
    bool input_up, dest_up, finishing;
    bool outage_said; /* this outage of the destination has been logged */
    bool was_up;      /* the destination has been reached once */
    char *masked_url;
    char *last_error; /* of the destination; NULL: none */
    int64_t bytes;    /* given to connections that are gone */
    int64_t reconnects;
    struct feed feed;
    struct dest *dest; /* NULL: not connected, and not trying */
    int64_t n_times_behind;
};

static void connect_dest(struct forwarder *forwarder);

static int64_t now_ns(void)
{
    return dub_clock_now_ns(dub_clock_monotonic());
}

/* ---- between input and destination ---- */

static void on_fed(const struct rtmp_message *message, void *user)
{
    struct forwarder *forwarder = user;
    dest_push(forwarder->dest, message);
}

static void watch_backlog(struct forwarder *forwarder)
{
    if (!feed_set_backlog(&forwarder->feed, dest_backlog_bytes(forwarder->dest)))
        return;
    forwarder->n_times_behind++;
    dub_log_warn("the destination is slower than the stream: pictures are left out until it has caught up");
}

static void on_message(const struct rtmp_message *message, void *user)
{
    struct forwarder *forwarder = user;
    if (forwarder->dest)
        watch_backlog(forwarder);
    feed_take(&forwarder->feed, message, now_ns() / DUB_NS_PER_MS);
}

/* ---- the destination ---- */

static void end(struct forwarder *forwarder, int exit_code)
{
    forwarder->exit_code = exit_code;
    g_main_loop_quit(forwarder->loop);
}

static void disconnect_dest(struct forwarder *forwarder)
{
    feed_output_ends(&forwarder->feed);
    if (forwarder->dest)
        forwarder->bytes += dest_bytes(forwarder->dest);
    forwarder->dest_up = false;
    g_clear_pointer(&forwarder->dest, dest_free);
}

static gboolean on_retry(gpointer data)
{
    struct forwarder *forwarder = data;
    forwarder->retry_timer = 0;
    connect_dest(forwarder);
    return G_SOURCE_REMOVE;
}

/* One line for an outage, not for each of its attempts; a new reason is news. */
static void note_loss(struct forwarder *forwarder, const char *reason, int64_t wait_ns)
{
    g_autofree char *clean = egress_dest_mask_in(forwarder->settings->dest_url, reason);
    bool is_news = !forwarder->outage_said || g_strcmp0(clean, forwarder->last_error) != 0;
    dub_log(is_news ? DUB_LOG_WARN : DUB_LOG_DEBUG, NULL, "destination %s lost (%s): next attempt in %.1f s",
            forwarder->masked_url, clean, (double)wait_ns / DUB_NS_PER_S);
    forwarder->outage_said = true;
    g_free(forwarder->last_error);
    forwarder->last_error = g_steal_pointer(&clean);
}

static void on_dest_lost(const char *reason, void *user)
{
    struct forwarder *forwarder = user;
    if (forwarder->finishing) {
        end(forwarder, forwarder->exit_code);
        return;
    }
    int64_t wait_ns = retry_lost(&forwarder->retry, now_ns(), g_random_double());
    note_loss(forwarder, reason, wait_ns);
    disconnect_dest(forwarder);
    forwarder->retry_timer = g_timeout_add((guint)(wait_ns / DUB_NS_PER_MS), on_retry, forwarder);
}

static void on_dest_up(void *user)
{
    struct forwarder *forwarder = user;
    dub_log_info("destination %s is being written", forwarder->masked_url);
    retry_up(&forwarder->retry, now_ns());
    forwarder->reconnects += forwarder->was_up ? 1 : 0;
    forwarder->dest_up = forwarder->was_up = true;
    forwarder->outage_said = false;
}

static void on_dest_finished(void *user)
{
    struct forwarder *forwarder = user;
    end(forwarder, forwarder->exit_code);
}

/* Only while there is something to give: a server closes a publisher that is silent. */
static void connect_dest(struct forwarder *forwarder)
{
    static const struct dest_events events = {on_dest_up, on_dest_lost, on_dest_finished};
    if (!forwarder->input_up || forwarder->dest || forwarder->retry_timer || forwarder->finishing)
        return;
    forwarder->dest = dest_new(forwarder->settings->dest_url, &events, forwarder);
    feed_output_begins(&forwarder->feed);
}

/* ---- the end ---- */

static gboolean on_finish_timeout(gpointer data)
{
    struct forwarder *forwarder = data;
    forwarder->finish_timer = 0;
    dub_log_warn("the destination did not take the end of the stream within %d ms", FINISH_TIMEOUT_MS);
    end(forwarder, forwarder->exit_code);
    return G_SOURCE_REMOVE;
}

/* Nothing new goes in; what is on its way to the destination gets there. */
static void finish(struct forwarder *forwarder, int exit_code)
{
    if (forwarder->finishing)
        return;
    forwarder->finishing = true;
    forwarder->exit_code = exit_code;
    g_clear_pointer(&forwarder->input, input_free);
    if (!forwarder->dest_up) {
        end(forwarder, exit_code);
        return;
    }
    dest_finish(forwarder->dest);
    forwarder->finish_timer = g_timeout_add(FINISH_TIMEOUT_MS, on_finish_timeout, forwarder);
}

/* ---- the input ---- */

static void on_input_up(void *user)
{
    struct forwarder *forwarder = user;
    forwarder->input_up = true;
    feed_input_begins(&forwarder->feed);
    connect_dest(forwarder);
}

static void on_input_down(void *user)
{
    ((struct forwarder *)user)->input_up = false;
}

static void on_input_given_up(bool came, void *user)
{
    struct forwarder *forwarder = user;
    dub_log_error("the input %s within %.1f s (EGRESS_INPUT_GRACE)",
                  came ? "did not come back" : "never came",
                  (double)forwarder->settings->input_grace_ns / DUB_NS_PER_S);
    finish(forwarder, EGRESS_EXIT_INPUT_LOST);
}

/* ---- what is told of it ---- */

static enum dub_worker_state state_of(const struct forwarder *forwarder)
{
    if (forwarder->finishing)
        return DUB_WORKER_DRAINING;
    if (forwarder->input_up && forwarder->dest_up)
        return DUB_WORKER_RUNNING;
    return forwarder->was_up ? DUB_WORKER_RECONNECTING : DUB_WORKER_CONNECTING;
}

/* A worker's status, of which a forwarder has the two ends only. */
static void send_status(struct forwarder *forwarder)
{
    struct input_facts facts = {0};
    g_autofree char *input_url = dub_url_mask(forwarder->settings->input_url);
    if (forwarder->input)
        input_get_facts(forwarder->input, &facts);
    struct dub_worker_status status = {
        .state = state_of(forwarder),
        .uptime_ms = (now_ns() - forwarder->started_ns) / DUB_NS_PER_MS,
        .input = {.url = input_url,
                  .connected = facts.connected,
                  .bytes = facts.bytes,
                  .reconnects = facts.reconnects},
        .output = {.url = forwarder->masked_url,
                   .connected = forwarder->dest_up,
                   .bytes = forwarder->bytes + (forwarder->dest ? dest_bytes(forwarder->dest) : 0),
                   .reconnects = forwarder->reconnects,
                   .last_error = forwarder->last_error},
        .sts = {.mode = (char *)"disabled"},
    };
    control_broadcast(forwarder->control, dub_worker_status_to_json(&status));
}

static gboolean on_tick(gpointer data)
{
    struct forwarder *forwarder = data;
    if (forwarder->control)
        send_status(forwarder);
    if (forwarder->dest && !forwarder->finishing)
        dest_watch(forwarder->dest, now_ns());
    if (forwarder->input)
        input_watch(forwarder->input, now_ns());
    return G_SOURCE_CONTINUE;
}

static JsonNode *make_hello(void *user)
{
    const struct forwarder *forwarder = user;
    struct dub_worker_hello hello = {
        .stream_id = forwarder->settings->stream_id,
        .run_id = forwarder->settings->common.run_id,
        .instance_id = (char *)dub_log_instance_id(),
        .pid = getpid(),
        .version = (char *)DUB_VERSION,
    };
    return dub_worker_hello_to_json(&hello);
}

static void on_phrases(struct control_client *client, int64_t after, void *user)
{
    /* A forwarder has none. */
}

static void on_stop(void *user)
{
    forwarder_stop(user);
}

static bool serve_control(struct forwarder *forwarder, struct dub_error *error)
{
    static const struct control_events events = {make_hello, on_phrases, on_stop};
    const struct egress_settings *settings = forwarder->settings;
    if (settings->state_dir == NULL || *settings->state_dir == '\0')
        return true;
    forwarder->control =
        control_new(settings->state_dir, "egress", settings->stream_id, &events, forwarder, error);
    return forwarder->control != NULL;
}

/* ---- life ---- */

struct forwarder *forwarder_new(const struct egress_settings *settings, struct dub_error *error)
{
    struct forwarder *forwarder = g_new0(struct forwarder, 1);
    forwarder->settings = settings;
    forwarder->loop = g_main_loop_new(NULL, FALSE);
    forwarder->started_ns = now_ns();
    forwarder->masked_url = egress_dest_mask(settings->dest_url);
    retry_init(&forwarder->retry, settings->retry_base_ns, settings->retry_max_ns);
    feed_init(&forwarder->feed, on_fed, forwarder);
    if (serve_control(forwarder, error))
        return forwarder;
    forwarder_free(forwarder);
    return NULL;
}

static gboolean begin(gpointer data)
{
    static const struct input_events events = {on_input_up, on_message, on_input_down, on_input_given_up};
    struct forwarder *forwarder = data;
    const struct egress_settings *settings = forwarder->settings;
    forwarder->begin_source = 0;
    forwarder->input = input_new(settings->input_url, settings->input_grace_ns, &events, forwarder);
    return G_SOURCE_REMOVE;
}

int forwarder_run(struct forwarder *forwarder)
{
    g_autofree char *input_url = dub_url_mask(forwarder->settings->input_url);
    dub_log_info("forwarding %s to %s", input_url, forwarder->masked_url);
    forwarder->tick = g_timeout_add(TICK_MS, on_tick, forwarder);
    /* From inside the loop: starting may already end it. */
    forwarder->begin_source = g_idle_add(begin, forwarder);
    g_main_loop_run(forwarder->loop);
    if (forwarder->control) {
        send_status(forwarder);
        control_flush(forwarder->control, CONTROL_FLUSH_MS);
    }
    disconnect_dest(forwarder);
    dub_log_info("finished: %" G_GINT64_FORMAT " bytes sent, %" G_GINT64_FORMAT
                 " reconnections, left out %" G_GINT64_FORMAT " times",
                 forwarder->bytes, forwarder->reconnects, forwarder->n_times_behind);
    return forwarder->exit_code;
}

void forwarder_stop(struct forwarder *forwarder)
{
    dub_log_info("stopping");
    finish(forwarder, DUB_EXIT_OK);
}

void forwarder_free(struct forwarder *forwarder)
{
    if (!forwarder)
        return;
    g_clear_handle_id(&forwarder->tick, g_source_remove);
    g_clear_handle_id(&forwarder->retry_timer, g_source_remove);
    g_clear_handle_id(&forwarder->finish_timer, g_source_remove);
    g_clear_handle_id(&forwarder->begin_source, g_source_remove);
    input_free(forwarder->input);
    disconnect_dest(forwarder);
    feed_clear(&forwarder->feed);
    control_free(forwarder->control);
    g_main_loop_unref(forwarder->loop);
    g_free(forwarder->masked_url);
    g_free(forwarder->last_error);
    g_free(forwarder);
}
