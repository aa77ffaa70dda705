/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The core. A fragment is in one of two places: the queue (not sent yet) or the flight list (sent); handing
 * it back takes it out, which is why it happens once. Settled numbers are remembered for a while, to tell a
 * late answer from one that was never asked for. What the service's events mean stands in exchange_answers.c.
 */
#include "exchange_core.h"

#include "exchange_audio.h"
#include "exchange_core_private.h"

#include <dubbing_ids.h>
#include <dubbing_log.h>
#include <string.h>

#define RECONNECT_FIRST_NS (2 * DUB_NS_PER_S)
#define RECONNECT_MAX_NS (32 * DUB_NS_PER_S)
#define READY_TIMEOUT_NS (10 * DUB_NS_PER_S)
/* Between two moves without an answer in between; who is sent away sooner waits as after a loss. */
#define MOVE_INTERVAL_NS (10 * DUB_NS_PER_S)

static int64_t now_of(const struct exchange_core *core)
{
    return dub_clock_now_ns(core->config.clock);
}

void core_set_state(struct exchange_core *core, enum exchange_state state)
{
    static const char *const names[] = {
#define X(name, text) text,
        EXCHANGE_STATES(X)
#undef X
    };
    core_log(core, DUB_LOG_DEBUG, "exchange %s -> %s", names[core->state], names[state]);
    core->state = state;
}

static void copy_config(struct dub_exchange_config *to, const struct dub_exchange_config *from)
{
    *to = *from;
    to->url = g_strdup(from->url);
    to->api_key = g_strdup(from->api_key);
    to->stream_id = g_strdup(from->stream_id);
    to->worker_id = g_strdup(from->worker_id);
    to->source_language = g_strdup(from->source_language);
    to->target_language = g_strdup(from->target_language);
    to->voice_profile = g_strdup(from->voice_profile);
    to->max_inflight = CLAMP(from->max_inflight, DUB_MAX_INFLIGHT_MIN, DUB_MAX_INFLIGHT_MAX);
    to->timeout_ms = CLAMP(from->timeout_ms, DUB_TIMEOUT_MS_MIN, DUB_TIMEOUT_MS_MAX);
}

static void clear_config(struct dub_exchange_config *config)
{
    g_free((char *)config->url);
    g_free((char *)config->api_key);
    g_free((char *)config->stream_id);
    g_free((char *)config->worker_id);
    g_free((char *)config->source_language);
    g_free((char *)config->target_language);
    g_free((char *)config->voice_profile);
}

struct exchange_core *exchange_core_new(const struct dub_exchange_config *config,
                                        const struct exchange_ops *ops, void *user)
{
    struct exchange_core *core = g_new0(struct exchange_core, 1);
    copy_config(&core->config, config);
    core->ops = ops;
    core->user = user;
    core->state = EXCHANGE_WAITING;
    core->attempt_ns = core->may_move_ns = now_of(core);
    core->backoff = DUB_BACKOFF(RECONNECT_FIRST_NS, RECONNECT_MAX_NS);
    g_queue_init(&core->queue);
    g_queue_init(&core->flight);
    flow_init(&core->flow, core->config.max_inflight);
    return core;
}

void exchange_core_set_capture(struct exchange_core *core, struct dub_capture *capture)
{
    core->capture = capture;
}

void exchange_core_free(struct exchange_core *core)
{
    if (core == NULL)
        return;
    clear_config(&core->config);
    g_free(core);
}

void core_item_free(struct exchange_item *item)
{
    g_free(item->fragment.samples);
    g_free(item);
}

struct dub_exchange_result core_result_of(const struct exchange_item *item)
{
    return (struct dub_exchange_result){
        .id = item->fragment.id,
        .fragment_id = item->uuid,
        .transcript = "",
        .translated_text = "",
        .rate_hz = DUB_EXCHANGE_RATE_HZ,
    };
}

void core_remember(struct exchange_core *core, const struct exchange_item *item, bool is_answered)
{
    struct exchange_settled *settled = &core->settled[core->next_settled];
    core->next_settled = (core->next_settled + 1) % SETTLED_REMEMBERED;
    *settled = (struct exchange_settled){.sent_ns = item->sent_ns, .is_answered = is_answered};
    g_strlcpy(settled->uuid, item->uuid, sizeof settled->uuid);
}

/* Hands back an item that is in neither list any more, without a dub. */
static void fail_item(struct exchange_core *core, struct exchange_item *item, const struct dub_error *error)
{
    struct dub_exchange_result result = core_result_of(item);
    result.error = *error;
    core->ops->result(&result, core->user);
    core_item_free(item);
}

static void fail_queue(struct exchange_core *core, const struct dub_error *error)
{
    struct exchange_item *item = NULL;
    while ((item = g_queue_pop_head(&core->queue)) != NULL)
        fail_item(core, item, error);
}

/* Their answers could only come over a connection that is gone, so nothing is remembered; and the loss says
 * nothing about the next connection, so the breaker learns nothing: reconnecting has its own backoff. */
static void fail_flight(struct exchange_core *core, const struct dub_error *error)
{
    struct exchange_item *item = NULL;
    while ((item = g_queue_pop_head(&core->flight)) != NULL) {
        breaker_tell(&core->breaker, item->permit, BREAKER_INCONCLUSIVE, now_of(core));
        fail_item(core, item, error);
    }
}

void core_fail_sent(struct exchange_core *core, GList *link, const struct dub_error *error, bool is_answered)
{
    struct exchange_item *item = link->data;
    g_queue_delete_link(&core->flight, link);
    core_remember(core, item, is_answered);
    breaker_tell(&core->breaker, item->permit, error->retryable ? BREAKER_FAILURE : BREAKER_INCONCLUSIVE,
                 now_of(core));
    fail_item(core, item, error);
}

static void schedule_attempt(struct exchange_core *core)
{
    int64_t wait_ns = dub_backoff_next_ns(&core->backoff);
    core->attempt_ns = now_of(core) + wait_ns;
    core_set_state(core, EXCHANGE_WAITING);
    core_log(core, DUB_LOG_WARN, "no speech service: %s; next attempt in %d s", core->last_error.message,
             (int)(wait_ns / DUB_NS_PER_S));
}

/* The end of an attempt or of a connection, whoever noticed it. */
static void lose(struct exchange_core *core, const struct dub_error *error)
{
    const struct dub_error copy = *error;
    core->last_error = copy;
    core->is_moving = false;
    schedule_attempt(core);
    fail_flight(core, &copy);
    fail_queue(core, &copy);
}

void core_drop_connection(struct exchange_core *core, const struct dub_error *error)
{
    core->ops->disconnect(core->user);
    lose(core, error);
}

void core_move_on(struct exchange_core *core, const struct dub_error *error)
{
    const struct dub_error copy = *error;
    int64_t now_ns = now_of(core);
    bool at_once = now_ns >= core->may_move_ns;
    core->ops->disconnect(core->user);
    core->last_error = copy;
    core->is_moving = true;
    core->attempt_ns = at_once ? now_ns : now_ns + dub_backoff_next_ns(&core->backoff);
    core->may_move_ns = now_ns + MOVE_INTERVAL_NS;
    core_set_state(core, EXCHANGE_WAITING);
    core_log(core, DUB_LOG_INFO, "the speech service sends us on: %s", copy.message);
    fail_flight(core, &copy);
}

void exchange_core_lost(struct exchange_core *core, const struct dub_error *error)
{
    if (core->state != EXCHANGE_CLOSED && core->state != EXCHANGE_WAITING)
        lose(core, error);
}

static JsonNode *init_to_json(const struct exchange_core *core)
{
    struct dub_stream_init init;
    dub_stream_init_init(&init);
    init.stream_id = (char *)core->config.stream_id;
    init.worker_id = (char *)core->config.worker_id;
    init.config.source_language = (char *)core->config.source_language;
    init.config.target_language = (char *)core->config.target_language;
    init.config.voice_profile = (char *)core->config.voice_profile;
    init.config.sample_rate_hz = DUB_EXCHANGE_RATE_HZ;
    init.config.channels = 1;
    init.config.format = DUB_FORMAT_PCM_S16LE;
    init.max_inflight = (int)core->config.max_inflight;
    init.timeout_ms = (int)core->config.timeout_ms;
    return dub_stream_init_to_json(&init);
}

void exchange_core_connected(struct exchange_core *core)
{
    if (core->state != EXCHANGE_CONNECTING)
        return;
    core_set_state(core, EXCHANGE_INITIALISING);
    core->is_moving = false;
    core->ready_by_ns = now_of(core) + READY_TIMEOUT_NS;
    core->next_sequence = 0;
    core->sequence_errors = 0;
    memset(core->settled, 0, sizeof core->settled);
    flow_init(&core->flow, core->config.max_inflight);
    core->ops->emit(DUB_EVENT_STREAM_INIT, init_to_json(core), core->user);
}

void exchange_core_submit(struct exchange_core *core, struct dub_exchange_fragment *fragment)
{
    struct exchange_item *item = g_new0(struct exchange_item, 1);
    item->fragment = *fragment;
    fragment->samples = NULL;
    if (core->state == EXCHANGE_WAITING && !core->is_moving && core->attempt_ns > now_of(core)) {
        struct dub_error error = core->last_error;
        fail_item(core, item, &error);
        return;
    }
    g_queue_push_tail(&core->queue, item);
}

static JsonNode *fragment_to_json(struct exchange_core *core, struct exchange_item *item)
{
    struct dub_fragment_data data;
    dub_fragment_data_init(&data);
    data.fragment_id = item->uuid;
    data.stream_id = (char *)core->config.stream_id;
    data.sequence_number = item->sequence;
    data.timestamp_ms = dub_wall_time_ms();
    data.metadata.pts_ns = item->fragment.start_ns;
    data.metadata.source_pts_ns = item->fragment.start_ns;
    data.metadata.max_duration_ms = item->fragment.max_duration_ns / DUB_NS_PER_MS;
    exchange_audio_take(&data.audio, &item->fragment);
    dub_capture_sent(core->capture, item->uuid, &data.audio);
    JsonNode *node = dub_fragment_data_to_json(&data);
    dub_audio_clear(&data.audio);
    return node;
}

static void send_item(struct exchange_core *core, struct exchange_item *item, enum breaker_permit permit)
{
    int64_t now_ns = now_of(core);
    g_autofree char *uuid = dub_uuid_new();
    g_strlcpy(item->uuid, uuid, sizeof item->uuid);
    item->permit = permit;
    item->sequence = core->next_sequence++;
    item->sent_ns = now_ns;
    item->expires_ns = MIN(item->fragment.deadline_ns, now_ns + core->config.timeout_ms * DUB_NS_PER_MS);
    g_queue_push_tail(&core->flight, item);
    flow_note_sent(&core->flow, now_ns);
    core->n_sent++;
    core->ops->sent(item->fragment.id, item->uuid, core->user);
    core->ops->emit(DUB_EVENT_FRAGMENT_DATA, fragment_to_json(core, item), core->user);
}

/* After a refusal its sequence number is given out anew; what was sent behind it must be settled first, for
 * the service counts that as a gap. */
static bool is_sequence_unsettled(const struct exchange_core *core)
{
    const struct exchange_item *last = core->flight.tail != NULL ? core->flight.tail->data : NULL;
    return last != NULL && last->sequence >= core->next_sequence;
}

/* What the service may be at work on. *release_ns: when the first of those that were given up will not count
 * any more; INT64_MAX: there are none. */
static unsigned count_outstanding(const struct exchange_core *core, int64_t now_ns, int64_t *release_ns)
{
    unsigned n = core->flight.length;
    *release_ns = INT64_MAX;
    for (gsize i = 0; i < SETTLED_REMEMBERED; i++) {
        const struct exchange_settled *settled = &core->settled[i];
        int64_t until_ns = settled->sent_ns + core->config.timeout_ms * DUB_NS_PER_MS;
        if (settled->uuid[0] == '\0' || settled->is_answered || until_ns <= now_ns)
            continue;
        n++;
        *release_ns = MIN(*release_ns, until_ns);
    }
    return n;
}

static int64_t next_send_ns(const struct exchange_core *core, int64_t now_ns)
{
    if (core->state != EXCHANGE_READY || core->queue.length == 0 || is_sequence_unsettled(core))
        return INT64_MAX;
    int64_t release_ns = 0;
    unsigned n_outstanding = count_outstanding(core, now_ns, &release_ns);
    return MIN(flow_next_send_ns(&core->flow, n_outstanding, now_ns), release_ns);
}

static void send_next(struct exchange_core *core)
{
    struct exchange_item *item = g_queue_pop_head(&core->queue);
    enum breaker_permit permit = breaker_ask(&core->breaker, now_of(core));
    if (permit != BREAKER_DENIED) {
        send_item(core, item, permit);
        return;
    }
    struct dub_error error = {0};
    dub_error_set(&error, DUB_ERROR_BREAKER_OPEN, "the speech service failed repeatedly and is left alone");
    fail_item(core, item, &error);
}

static void send_what_may_go(struct exchange_core *core)
{
    while (next_send_ns(core, now_of(core)) <= now_of(core))
        send_next(core);
}

static void expire_flight(struct exchange_core *core, int64_t now_ns)
{
    GList *next = NULL;
    for (GList *link = core->flight.head; link != NULL; link = next) {
        const struct exchange_item *item = link->data;
        next = link->next;
        if (now_ns < item->expires_ns)
            continue;
        struct dub_error error = {0};
        dub_error_set(&error, DUB_ERROR_TIMEOUT, "no answer within %" G_GINT64_FORMAT " ms",
                      (now_ns - item->sent_ns) / DUB_NS_PER_MS);
        core_fail_sent(core, link, &error, false);
    }
}

static void explain_unsent(const struct exchange_core *core, int64_t now_ns, struct dub_error *error)
{
    if (core->state != EXCHANGE_READY)
        dub_error_set(error, DUB_ERROR_UNAVAILABLE, "the speech service was not connected in time");
    else if (flow_is_paused(&core->flow, now_ns))
        dub_error_set(error, DUB_ERROR_UNAVAILABLE, "the speech service asked for a pause");
    else
        dub_error_set(error, DUB_ERROR_TIMEOUT, "its turn to be sent did not come in time");
}

static void expire_queue(struct exchange_core *core, int64_t now_ns)
{
    GList *next = NULL;
    for (GList *link = core->queue.head; link != NULL; link = next) {
        struct exchange_item *item = link->data;
        next = link->next;
        if (now_ns < item->fragment.deadline_ns)
            continue;
        struct dub_error error = {0};
        explain_unsent(core, now_ns, &error);
        g_queue_delete_link(&core->queue, link);
        fail_item(core, item, &error);
    }
}

static void check_ready(struct exchange_core *core, int64_t now_ns)
{
    if (core->state != EXCHANGE_INITIALISING || now_ns < core->ready_by_ns)
        return;
    struct dub_error error = {0};
    dub_error_set(&error, DUB_ERROR_UNAVAILABLE, "the speech service did not answer stream:init");
    core_drop_connection(core, &error);
}

void exchange_core_run(struct exchange_core *core)
{
    int64_t now_ns = now_of(core);
    if (core->state == EXCHANGE_CLOSED)
        return;
    expire_flight(core, now_ns);
    expire_queue(core, now_ns);
    check_ready(core, now_ns);
    if (core->state == EXCHANGE_WAITING && now_ns >= core->attempt_ns) {
        core_set_state(core, EXCHANGE_CONNECTING);
        core->ops->connect(core->user);
    }
    send_what_may_go(core);
}

int64_t exchange_core_wake_ns(const struct exchange_core *core)
{
    if (core->state == EXCHANGE_CLOSED)
        return INT64_MAX;
    int64_t wake_ns = next_send_ns(core, now_of(core));
    if (core->state == EXCHANGE_WAITING)
        wake_ns = MIN(wake_ns, core->attempt_ns);
    if (core->state == EXCHANGE_INITIALISING)
        wake_ns = MIN(wake_ns, core->ready_by_ns);
    for (GList *link = core->flight.head; link != NULL; link = link->next)
        wake_ns = MIN(wake_ns, ((const struct exchange_item *)link->data)->expires_ns);
    for (GList *link = core->queue.head; link != NULL; link = link->next)
        wake_ns = MIN(wake_ns, ((const struct exchange_item *)link->data)->fragment.deadline_ns);
    return wake_ns;
}

void exchange_core_close(struct exchange_core *core)
{
    struct dub_error error = {0};
    dub_error_set(&error, DUB_ERROR_CANCELLED, "the stream ended");
    if (core->state == EXCHANGE_READY || core->state == EXCHANGE_INITIALISING) {
        struct dub_stream_control end = {.stream_id = (char *)core->config.stream_id,
                                         .reason = (char *)"stopped"};
        core->ops->emit(DUB_EVENT_STREAM_END, dub_stream_control_to_json(&end), core->user);
    }
    core_set_state(core, EXCHANGE_CLOSED);
    fail_flight(core, &error);
    fail_queue(core, &error);
}

void exchange_core_get_stats(const struct exchange_core *core, struct dub_exchange_stats *stats)
{
    int64_t now_ns = now_of(core), release_ns = 0;
    *stats = (struct dub_exchange_stats){
        .connected = core->state == EXCHANGE_READY,
        .reconnects = core->n_ready > 0 ? core->n_ready - 1 : 0,
        .fragments_sent = core->n_sent,
        .inflight = count_outstanding(core, now_ns, &release_ns),
        .breaker = breaker_state(&core->breaker, now_ns),
        .backpressure = core->flow.severity,
        .rtt_sum_ms = core->rtt.sum_ms,
        .late_answers = core->n_late,
        .ignored_answers = core->n_ignored,
        .engines = core->engines,
    };
    memcpy(stats->rtt_counts, core->rtt.counts, sizeof stats->rtt_counts);
}

const struct rtt *exchange_core_rtt(const struct exchange_core *core)
{
    return &core->rtt;
}
