/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session.h"

#include "delivery.h"
#include "retries.h"
#include "statistics.h"

#include <dubbing_ids.h>
#include <dubbing_log.h>

#define SESSION_STATES(X)                                                                                    \
    X(ACTIVE, "active")                                                                                      \
    X(PAUSED, "paused")                                                                                      \
    X(ENDING, "ending")                                                                                      \
    X(COMPLETE, "complete")

#define X(name, text) SESSION_##name,
enum session_state { SESSION_STATES(X) };
#undef X

struct session {
    struct session_config config;
    const struct session_events *events;
    void *user;
    enum session_state state;
    char *id;
    uint64_t owner;
    int max_inflight;
    int64_t timeout_ns;
    struct job_settings *settings;
    GCancellable *cancellable;
    int64_t next_sequence;
    int64_t n_accepted;
    struct retries retries;
    struct delivery delivery; /* of struct job */
    bool is_draining;
    bool under_pressure; /* a message other than "none" stands */
    struct dub_backpressure pressure;
    struct statistics statistics;
    struct work_time work_time;
};

static const char *state_name(enum session_state state)
{
#define X(name, text) text,
    static const char *const names[] = {SESSION_STATES(X)};
#undef X
    return names[state];
}

static struct dub_log_context log_context(const struct session *session, const char *fragment_id)
{
    return (struct dub_log_context){
        .stream_id = session->settings->stream_id,
        .fragment_id = fragment_id,
        .session_id = session->id,
        .worker_id = session->settings->worker_id,
    };
}

static void set_state(struct session *session, enum session_state state)
{
    struct dub_log_context context = log_context(session, NULL);
    dub_log(DUB_LOG_DEBUG, &context, "session %s: %s -> %s", session->id, state_name(session->state),
            state_name(state));
    session->state = state;
}

static void emit(struct session *session, const char *event, JsonNode *take_payload)
{
    session->events->emit(event, take_payload, session->user);
}

/* Whether it may be sent again is said by `retryable`; a refused fragment is an error either way, not a
 * warning that a worker could pass over. */
static void emit_error(struct session *session, const char *fragment_id, const struct dub_error *error)
{
    g_autofree char *error_id = dub_uuid_new();
    struct dub_error_event event = {
        .error_id = error_id,
        .stream_id = session->settings->stream_id,
        .fragment_id = (char *)fragment_id,
        .severity = DUB_SEVERITY_ERROR,
        .error = *error,
    };
    struct dub_log_context context = log_context(session, fragment_id);
    refusal_log_write(session->config.refusals, dub_clock_now_ns(session->config.clock), &context, "%s: %s",
                      dub_error_code_name(error->code), error->message);
    sts_metrics_error(session->config.metrics, error);
    emit(session, DUB_EVENT_ERROR, dub_error_event_to_json(&event));
}

/* ids of owners: one per session for the life of the process. */
static uint64_t next_owner(void)
{
    static uint64_t last;
    return ++last;
}

static void emit_ready(struct session *session)
{
    struct dub_stream_ready ready = {
        .stream_id = session->settings->stream_id,
        .session_id = session->id,
        .max_inflight = session->max_inflight,
        .async_delivery = true,
    };
    emit(session, DUB_EVENT_STREAM_READY, dub_stream_ready_to_json(&ready));
}

struct session *session_new(const struct session_config *config, const struct dub_stream_init *init,
                            const struct session_events *events, void *user)
{
    struct session *session = g_new0(struct session, 1);
    session->config = *config;
    session->events = events;
    session->user = user;
    session->id = dub_uuid_new();
    session->owner = next_owner();
    /* No more is promised than is taken. */
    session->max_inflight = MIN(init->max_inflight, config->limits.refuse_above);
    session->timeout_ns = init->timeout_ms * DUB_NS_PER_MS;
    session->settings = job_settings_new(init->stream_id, &init->config);
    job_settings_set_origin(session->settings, session->id, init->worker_id);
    session->cancellable = g_cancellable_new();
    dub_metric_inc(config->metrics->sessions, 1, NULL);
    emit_ready(session);
    if (config->processor->ops->prepare)
        config->processor->ops->prepare(config->processor, session->settings);
    return session;
}

/* The gauge of sessions counts streams that are not yet ended, so it falls at the first of completion and
 * loss. */
static void leave_gauges(struct session *session)
{
    if (session->state != SESSION_COMPLETE)
        dub_metric_inc(session->config.metrics->sessions, -1, NULL);
    dub_metric_inc(session->config.metrics->in_flight, -(double)session_inflight(session), NULL);
}

void session_free(struct session *session)
{
    if (!session)
        return;
    leave_gauges(session);
    /* What is finished but not delivered is ours; the rest comes back from the processor to nobody. */
    for (unsigned i = 0; i < delivery_count(&session->delivery); i++) {
        struct job *job = delivery_at(&session->delivery, i);
        if (delivery_is_finished_at(&session->delivery, i))
            job_free(job);
        else
            job->done = NULL;
    }
    g_cancellable_cancel(session->cancellable);
    session->config.processor->ops->cancel(session->config.processor, session->owner);
    retries_clear(&session->retries);
    g_object_unref(session->cancellable);
    job_settings_unref(session->settings);
    dub_backpressure_clear(&session->pressure);
    g_free(session->id);
    g_free(session);
}

const char *session_stream_id(const struct session *session)
{
    return session->settings->stream_id;
}

const char *session_id(const struct session *session)
{
    return session->id;
}

unsigned session_inflight(const struct session *session)
{
    return delivery_count(&session->delivery);
}

bool session_is_complete(const struct session *session)
{
    return session->state == SESSION_COMPLETE;
}

/* What the worker should be told now. */
static struct dub_backpressure wanted_pressure(const struct session *session)
{
    int inflight = (int)session_inflight(session);
    const struct simulation *simulation = session->config.simulation;
    if (session->is_draining)
        return (struct dub_backpressure){.severity = DUB_PRESSURE_HIGH,
                                         .action = DUB_ACTION_PAUSE,
                                         .threshold_exceeded = g_strdup("stopping")};
    if (!simulation || !simulation->pressure.enabled)
        return flow_message(flow_level(&session->config.limits, session->max_inflight, inflight));
    if (inflight < simulation->pressure.threshold)
        return flow_message(FLOW_FINE);
    return (struct dub_backpressure){
        .severity = simulation->pressure.severity,
        .action = simulation->pressure.action,
        .threshold_exceeded = g_strdup("simulated"),
        .recommended_delay_ms = simulation->pressure.recommended_delay_ms,
    };
}

static bool says_the_same(const struct dub_backpressure *a, const struct dub_backpressure *b)
{
    return a->severity == b->severity && a->action == b->action &&
           a->recommended_delay_ms == b->recommended_delay_ms;
}

/* Says the level when it has changed, and only then. */
static void update_pressure(struct session *session)
{
    struct dub_backpressure wanted = wanted_pressure(session);
    bool standing = wanted.threshold_exceeded != NULL;
    if (standing == session->under_pressure && (!standing || says_the_same(&wanted, &session->pressure))) {
        dub_backpressure_clear(&wanted);
        return;
    }
    wanted.stream_id = g_strdup(session->settings->stream_id);
    wanted.current_inflight = (int)session_inflight(session);
    wanted.max_inflight = session->max_inflight;
    wanted.queue_depth = (int)session->config.processor->ops->depth(session->config.processor);
    dub_backpressure_clear(&session->pressure);
    session->pressure = wanted;
    session->under_pressure = standing;
    emit(session, DUB_EVENT_BACKPRESSURE, dub_backpressure_to_json(&wanted));
}

void session_simulation_changed(struct session *session)
{
    update_pressure(session);
}

static void complete_if_drained(struct session *session)
{
    if (session->state != SESSION_ENDING || session_inflight(session) > 0)
        return;
    struct dub_stream_complete complete =
        statistics_complete(&session->statistics, session->settings->stream_id);
    struct dub_log_context context = log_context(session, NULL);
    dub_log(DUB_LOG_INFO, &context,
            "stream complete: %d fragments, %d partial, %d failed, %.0f ms on average",
            (int)complete.total_fragments, (int)complete.partial_count, (int)complete.failed_count,
            complete.avg_processing_time_ms);
    emit(session, DUB_EVENT_STREAM_COMPLETE, dub_stream_complete_to_json(&complete));
    dub_stream_complete_clear(&complete);
    dub_metric_inc(session->config.metrics->sessions, -1, NULL);
    set_state(session, SESSION_COMPLETE);
    session->events->completed(session->user);
}

static void tell_if_drained(struct session *session)
{
    if (session->is_draining && session_inflight(session) == 0 && session->state != SESSION_COMPLETE)
        session->events->drained(session->user);
}

static void deliver(struct session *session, struct job *job)
{
    struct dub_fragment_processed *processed = &job->result;
    struct sts_metrics *metrics = session->config.metrics;
    const char *status = dub_fragment_status_name(processed->status);

    processed->processing_time_ms =
        (dub_clock_now_ns(session->config.clock) - job->arrived_ns) / DUB_NS_PER_MS;
    emit(session, DUB_EVENT_FRAGMENT_PROCESSED, dub_fragment_processed_to_json(processed));
    statistics_add(&session->statistics, processed);
    retries_note(&session->retries, processed);
    job_log_result(job);
    dub_metric_observe(metrics->processing, (double)processed->processing_time_ms / 1000, &status);
    dub_metric_inc(metrics->in_flight, -1, NULL);
    if (processed->error.code != DUB_ERROR_NONE)
        sts_metrics_error(metrics, &processed->error);
    job_free(job);
}

static void deliver_what_is_due(struct session *session)
{
    struct job *job;
    while ((job = delivery_take(&session->delivery)))
        deliver(session, job);
    update_pressure(session);
    complete_if_drained(session);
    tell_if_drained(session);
}

/* A fragment whose audio is bad needs no processor, but its turn. */
static bool fails_at_once(const struct job *job)
{
    return job->forced.code == DUB_ERROR_INVALID_AUDIO_FORMAT ||
           job->forced.code == DUB_ERROR_FRAGMENT_TOO_LARGE;
}

/* Of those that were worked on to an end, good or bad. */
static void note_work_time(struct session *session, const struct job *job)
{
    int64_t busy_ns = dub_clock_now_ns(session->config.clock) - job->arrived_ns;
    if (fails_at_once(job) || job->result.error.code == DUB_ERROR_TIMEOUT)
        return;
    for (int i = 0; i < JOB_N_STAGES; i++)
        busy_ns -= job->waited_ns[i];
    double busy_ms = (double)MAX(busy_ns, 0) / (double)DUB_NS_PER_MS;
    work_time_add(&session->work_time, busy_ms);
    work_time_add(session->config.work_time, busy_ms);
}

static void on_job_done(struct job *job, void *user)
{
    struct session *session = user;
    note_work_time(session, job);
    delivery_finish(&session->delivery, job);
    deliver_what_is_due(session);
}

static bool is_in_flight(const struct session *session, const char *fragment_id)
{
    for (unsigned i = 0; i < session_inflight(session); i++) {
        const struct job *job = delivery_at(&session->delivery, i);
        if (g_ascii_strcasecmp(job->result.fragment_id, fragment_id) == 0)
            return true;
    }
    return false;
}

/* The rules by which a fragment is refused without using up its sequence number. */
static bool may_enter(const struct session *session, const struct dub_fragment_data *fragment,
                      struct dub_error *error)
{
    int inflight = (int)session_inflight(session);

    if (g_strcmp0(fragment->stream_id, session->settings->stream_id) != 0)
        return dub_error_set(error, DUB_ERROR_STREAM_NOT_FOUND,
                             "this connection carries the stream %s, the fragment is for %s",
                             session->settings->stream_id, fragment->stream_id);
    if (session->state == SESSION_ENDING || session->state == SESSION_COMPLETE)
        return dub_error_set(error, DUB_ERROR_STREAM_NOT_FOUND,
                             "the stream %s has ended; send stream:init to start again",
                             session->settings->stream_id);
    if (session->state == SESSION_PAUSED)
        return dub_error_set(error, DUB_ERROR_STREAM_PAUSED,
                             "the stream is paused; send stream:resume first");
    if (is_in_flight(session, fragment->fragment_id))
        return dub_error_set(error, DUB_ERROR_INVALID_SEQUENCE, "duplicate: fragment %s is already in flight",
                             fragment->fragment_id);
    if (flow_refuses(&session->config.limits, inflight))
        return dub_error_set(
            error, DUB_ERROR_BACKPRESSURE_EXCEEDED,
            "%d fragments are in flight, at most %d are taken; send it again when one has come back",
            inflight, session->config.limits.refuse_above);
    if (fragment->sequence_number != session->next_sequence &&
        !retries_match(&session->retries, fragment->fragment_id, fragment->sequence_number))
        return dub_error_set(error, DUB_ERROR_INVALID_SEQUENCE,
                             "sequence_number: expected %" G_GINT64_FORMAT ", got %" G_GINT64_FORMAT,
                             session->next_sequence, fragment->sequence_number);
    return true;
}

static int64_t estimate(const struct session *session, const struct job *job, unsigned ahead)
{
    struct processor *processor = session->config.processor;
    if (fails_at_once(job) && session_inflight(session) == 1)
        return 0;
    const struct estimate_load load = {
        .n_ahead = ahead,
        .parallelism = processor->ops->parallelism ? processor->ops->parallelism(processor) : 0,
        .duration_ms = job->result.metadata.original_duration_ms,
        .timeout_ms = session->timeout_ns / DUB_NS_PER_MS,
    };
    return estimate_completion_ms(&session->work_time, session->config.work_time, &load);
}

static void emit_ack(struct session *session, const struct job *job, unsigned ahead)
{
    struct dub_fragment_ack ack = {
        .fragment_id = job->result.fragment_id,
        .status = DUB_ACK_QUEUED,
        .timestamp_ms = dub_wall_time_ms(),
        .queue_position = (int)ahead,
        .estimated_completion_ms = estimate(session, job, ahead),
    };
    emit(session, DUB_EVENT_FRAGMENT_ACK, dub_fragment_ack_to_json(&ack));
}

static struct job *new_job(struct session *session, struct dub_fragment_data *take_fragment,
                           const struct dub_error *read_error)
{
    const struct dub_error *forced = read_error;
    if (!forced && session->config.simulation)
        forced = simulation_error(session->config.simulation, take_fragment, session->n_accepted + 1);

    struct job *job = job_new(session->owner, session->settings, take_fragment, session->cancellable);
    job->arrived_ns = dub_clock_now_ns(session->config.clock);
    job->deadline_ns = job->arrived_ns + session->timeout_ns;
    job->done = on_job_done;
    job->user = session;
    if (forced)
        job->forced = *forced;
    else
        dub_audio_check_duration(&job->fragment.audio, &job->forced);
    return job;
}

/* A fragment that is tried again stands before those of a higher number that are still under way. */
static unsigned place_of(const struct session *session, int64_t sequence)
{
    unsigned place = session_inflight(session);
    while (place > 0) {
        const struct job *before = delivery_at(&session->delivery, place - 1);
        if (before->result.sequence_number < sequence)
            break;
        place--;
    }
    return place;
}

/* From here on its answer is owed. */
static void admit(struct session *session, struct job *job)
{
    int64_t sequence = job->result.sequence_number;
    session->next_sequence = MAX(session->next_sequence, sequence + 1);
    session->n_accepted++;
    retries_forget(&session->retries, job->result.fragment_id);
    delivery_announce_at(&session->delivery, job, place_of(session, sequence));
    dub_metric_inc(session->config.metrics->in_flight, 1, NULL);
}

static void enter(struct session *session, struct job *job)
{
    struct processor *processor = session->config.processor;
    unsigned ahead = processor->ops->depth(processor);
    struct dub_error error;

    if (fails_at_once(job)) {
        job_fail(job, &job->forced);
    } else if (!processor->ops->submit(processor, job, &error)) {
        emit_error(session, job->result.fragment_id, &error);
        job_free(job);
        return;
    }
    admit(session, job);
    emit_ack(session, job, ahead);
    update_pressure(session);
    if (fails_at_once(job))
        on_job_done(job, session);
}

bool session_admits(struct session *session, const struct dub_fragment_data *fragment)
{
    struct dub_error error;
    if (may_enter(session, fragment, &error))
        return true;
    emit_error(session, fragment->fragment_id, &error);
    return false;
}

void session_fragment(struct session *session, struct dub_fragment_data *take_fragment,
                      const struct dub_error *read_error)
{
    if (session_admits(session, take_fragment))
        enter(session, new_job(session, take_fragment, read_error));
    else
        dub_fragment_data_clear(take_fragment);
}

void session_pause(struct session *session)
{
    if (session->state == SESSION_ACTIVE)
        set_state(session, SESSION_PAUSED);
}

void session_resume(struct session *session)
{
    if (session->state == SESSION_PAUSED)
        set_state(session, SESSION_ACTIVE);
}

void session_drain(struct session *session)
{
    session->is_draining = true;
    if (session_inflight(session) > 0)
        update_pressure(session);
    tell_if_drained(session);
}

void session_end(struct session *session, const char *reason)
{
    if (session->state == SESSION_ENDING || session->state == SESSION_COMPLETE)
        return;
    struct dub_log_context context = log_context(session, NULL);
    dub_log(DUB_LOG_INFO, &context, "stream ends%s%s", reason ? ": " : "", reason ? reason : "");
    set_state(session, SESSION_ENDING);
    complete_if_drained(session);
}
