/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the service's events do to the core. A service may be late, confused or lying: whatever does not fit
 * is counted and ignored, and no fragment is lost over it, for each has its deadline. */
#include "exchange_audio.h"
#include "exchange_core_private.h"

#include <string.h>

/* After so many in a row the service and we do not count alike any more; a new stream:init begins from 0. */
#define MAX_SEQUENCE_ERRORS 3

static int64_t now_of(const struct exchange_core *core)
{
    return dub_clock_now_ns(core->config.clock);
}

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static struct exchange_settled *find_settled(struct exchange_core *core, const char *uuid)
{
    for (gsize i = 0; i < SETTLED_REMEMBERED; i++) {
        if (strcmp(core->settled[i].uuid, uuid) == 0)
            return &core->settled[i];
    }
    return NULL;
}

static GList *find_in_flight(struct exchange_core *core, const char *uuid)
{
    for (GList *link = core->flight.head; link != NULL; link = link->next) {
        if (strcmp(((const struct exchange_item *)link->data)->uuid, uuid) == 0)
            return link;
    }
    return NULL;
}

static void complain(struct exchange_core *core, const char *event, const struct dub_error *error)
{
    core->n_ignored++;
    core_log(core, DUB_LOG_WARN, "ignored %s from the speech service: %s", event, error->message);
}

static bool is_our_stream(const struct exchange_core *core, const char *stream_id)
{
    return stream_id != NULL && strcmp(stream_id, core->config.stream_id) == 0;
}

static bool check_ready(const struct exchange_core *core, const struct dub_stream_ready *ready,
                        struct dub_error *error)
{
    if (!is_our_stream(core, ready->stream_id))
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "it is for another stream");
    if (core->state != EXCHANGE_INITIALISING)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "it was not asked for");
    return true;
}

static void become_ready(struct exchange_core *core, const struct dub_stream_ready *ready)
{
    core_set_state(core, EXCHANGE_READY);
    core->n_ready++;
    flow_set_service_limit(&core->flow, (unsigned)ready->max_inflight);
    core_log(core, DUB_LOG_INFO, "speech service ready, session %s, %d in flight allowed",
             text_or_empty(ready->session_id), ready->max_inflight);
}

static void handle_ready(struct exchange_core *core, JsonNode *node)
{
    struct dub_stream_ready ready;
    struct dub_error error = {0};
    if (dub_stream_ready_read(&ready, node, &error) && check_ready(core, &ready, &error))
        become_ready(core, &ready);
    else
        complain(core, DUB_EVENT_STREAM_READY, &error);
    dub_stream_ready_clear(&ready);
}

static void acknowledge(struct exchange_core *core, const char *uuid, enum dub_ack_status status)
{
    struct dub_fragment_ack ack = {
        .fragment_id = (char *)uuid,
        .status = status,
        .timestamp_ms = dub_wall_time_ms(),
        .queue_position = -1,
        .estimated_completion_ms = -1,
    };
    core->ops->emit(DUB_EVENT_FRAGMENT_ACK, dub_fragment_ack_to_json(&ack), core->user);
}

/* An answer to nothing in flight: late when it was handed back unanswered, otherwise of no interest. */
static void handle_unexpected_answer(struct exchange_core *core, const char *uuid,
                                     const struct dub_fragment_processed *processed)
{
    struct exchange_settled *settled = find_settled(core, uuid);
    if (settled == NULL || settled->is_answered) {
        core->n_ignored++;
        return;
    }
    settled->is_answered = true;
    core->n_late++;
    dub_capture_received_late(core->capture, uuid, &processed->dubbed_audio);
    rtt_add(&core->rtt, now_of(core) - settled->sent_ns);
}

static void describe_answer(const struct dub_fragment_processed *processed, int64_t rtt_ns,
                            struct dub_exchange_result *result)
{
    result->transcript = text_or_empty(processed->transcript);
    result->translated_text = text_or_empty(processed->translated_text);
    result->speed_ratio = processed->metadata.speed_ratio;
    result->rtt_ms = rtt_ns / DUB_NS_PER_MS;
    result->asr_ms = processed->stage_timings.asr_ms;
    result->translation_ms = processed->stage_timings.translation_ms;
    result->tts_ms = processed->stage_timings.tts_ms;
}

static void note_engine(char *engine, const char *name)
{
    const char *end;
    if (name == NULL || *name == '\0')
        return;
    g_strlcpy(engine, name, DUB_EXCHANGE_ENGINE_BYTES);
    /* It may have been cut in the middle of a character. */
    if (!g_utf8_validate(engine, -1, &end))
        engine[end - engine] = '\0';
}

static void note_engines(struct dub_exchange_engines *engines, const struct dub_processing_metadata *metadata)
{
    note_engine(engines->asr, metadata->asr_model);
    note_engine(engines->translation, metadata->translation_model);
    note_engine(engines->tts, metadata->tts_model);
}

/* "No speech" is a success: no text, and silence in the place of a dub. */
static bool heard_no_speech(const struct dub_fragment_processed *processed)
{
    return processed->status == DUB_FRAGMENT_SUCCESS && text_or_empty(processed->transcript)[0] == '\0' &&
           text_or_empty(processed->translated_text)[0] == '\0' &&
           exchange_audio_is_silent(&processed->dubbed_audio);
}

/* The end of a fragment whose answer came in time; samples NULL and an error: that is why it cannot be used.
 * What was understood of it is reported either way. */
static void settle(struct exchange_core *core, GList *link, const struct dub_fragment_processed *processed,
                   int16_t *take_samples, unsigned n_samples, const struct dub_error *error)
{
    bool is_failed = error->code != DUB_ERROR_NONE;
    struct exchange_item *item = link->data;
    int64_t now_ns = now_of(core);
    g_queue_delete_link(&core->flight, link);
    core_remember(core, item, true);
    rtt_add(&core->rtt, now_ns - item->sent_ns);
    enum breaker_outcome failure = error->retryable ? BREAKER_FAILURE : BREAKER_INCONCLUSIVE;
    breaker_tell(&core->breaker, item->permit, is_failed ? failure : BREAKER_SUCCESS, now_ns);
    struct dub_exchange_result result = core_result_of(item);
    describe_answer(processed, now_ns - item->sent_ns, &result);
    note_engines(&core->engines, &processed->metadata);
    result.dubbed = take_samples != NULL;
    result.no_speech = !result.dubbed && !is_failed;
    result.samples = take_samples;
    result.n_samples = n_samples;
    result.error = *error;
    /* Not before: one that greets us and then hangs up, for it knows somebody else by our name, would be
     * called every 2 s for ever. */
    if (!is_failed) {
        dub_backoff_reset(&core->backoff);
        core->may_move_ns = now_ns;
    }
    acknowledge(core, item->uuid, result.dubbed ? DUB_ACK_APPLIED : DUB_ACK_RECEIVED);
    core->ops->result(&result, core->user);
    g_free(result.samples);
    core_item_free(item);
}

static void handle_answer(struct exchange_core *core, GList *link,
                          const struct dub_fragment_processed *processed, bool is_read,
                          struct dub_error *error)
{
    const struct exchange_item *item = link->data;
    unsigned n_samples = 0;
    int16_t *samples = NULL;
    dub_capture_received(core->capture, item->uuid, &processed->dubbed_audio);
    if (is_read && processed->status == DUB_FRAGMENT_FAILED)
        *error = processed->error;
    else if (is_read && !heard_no_speech(processed))
        samples =
            exchange_audio_check(&processed->dubbed_audio, item->fragment.max_duration_ns, &n_samples, error);
    core->sequence_errors = 0;
    if (samples != NULL)
        *error = (struct dub_error){0};
    settle(core, link, processed, samples, n_samples, error);
}

static void handle_processed(struct exchange_core *core, JsonNode *node)
{
    struct dub_fragment_processed processed;
    struct dub_error error = {0};
    bool is_read = dub_fragment_processed_read(&processed, node, &error);
    const char *uuid = text_or_empty(processed.fragment_id);
    GList *link = uuid[0] != '\0' ? find_in_flight(core, uuid) : NULL;
    const struct exchange_item *item = link != NULL ? link->data : NULL;
    if (uuid[0] == '\0')
        complain(core, DUB_EVENT_FRAGMENT_PROCESSED, &error);
    else if (item == NULL)
        handle_unexpected_answer(core, uuid, &processed);
    else if (!is_our_stream(core, processed.stream_id) || processed.sequence_number != item->sequence)
        core->n_ignored++;
    else
        handle_answer(core, link, &processed, is_read, &error);
    dub_fragment_processed_clear(&processed);
}

static void handle_backpressure(struct exchange_core *core, JsonNode *node)
{
    struct dub_backpressure pressure;
    struct dub_error error = {0};
    if (!dub_backpressure_read(&pressure, node, &error)) {
        complain(core, DUB_EVENT_BACKPRESSURE, &error);
    } else if (is_our_stream(core, pressure.stream_id)) {
        flow_on_backpressure(&core->flow, &pressure, now_of(core));
        core_log(core, DUB_LOG_INFO, "backpressure %s, %s, %d ms",
                 dub_pressure_severity_name(pressure.severity), dub_pressure_action_name(pressure.action),
                 pressure.recommended_delay_ms);
    }
    dub_backpressure_clear(&pressure);
}

/* A refused fragment has not used up its number. */
static void refuse_fragment(struct exchange_core *core, GList *link, const struct dub_error *error)
{
    int64_t sequence = ((const struct exchange_item *)link->data)->sequence;
    core_fail_sent(core, link, error, true);
    core->next_sequence = MIN(core->next_sequence, sequence);
    core->sequence_errors = error->code == DUB_ERROR_INVALID_SEQUENCE ? core->sequence_errors + 1 : 0;
    if (core->sequence_errors >= MAX_SEQUENCE_ERRORS)
        core_drop_connection(core, error);
}

static void refuse(struct exchange_core *core, const struct dub_error_event *event)
{
    GList *link = find_in_flight(core, event->fragment_id);
    struct exchange_settled *settled = find_settled(core, event->fragment_id);
    if (link != NULL)
        refuse_fragment(core, link, &event->error);
    else if (settled != NULL)
        settled->is_answered = true;
}

/* After these nothing that we send would be worked on. */
static bool ends_conversation(const struct exchange_core *core, const struct dub_error_event *event)
{
    if (event->severity == DUB_SEVERITY_FATAL || event->error.code == DUB_ERROR_STREAM_NOT_FOUND)
        return true;
    return core->state == EXCHANGE_INITIALISING && event->severity == DUB_SEVERITY_ERROR;
}

/* As a service says good-bye that is told to stop: another one in its place can go on. */
static bool sends_us_on(const struct dub_error_event *event)
{
    return event->severity == DUB_SEVERITY_FATAL && event->error.code == DUB_ERROR_QUEUE_FULL;
}

static void act_on_error(struct exchange_core *core, const struct dub_error_event *event)
{
    core_log(core, DUB_LOG_WARN, "speech service: %s: %s", dub_error_code_name(event->error.code),
             event->error.message);
    if (event->fragment_id != NULL && event->severity != DUB_SEVERITY_WARNING)
        refuse(core, event);
    if (core->state == EXCHANGE_WAITING || !ends_conversation(core, event))
        return;
    if (sends_us_on(event))
        core_move_on(core, &event->error);
    else
        core_drop_connection(core, &event->error);
}

static void handle_error(struct exchange_core *core, JsonNode *node)
{
    struct dub_error_event event;
    struct dub_error error = {0};
    if (dub_error_event_read(&event, node, &error))
        act_on_error(core, &event);
    else
        complain(core, DUB_EVENT_ERROR, &error);
    dub_error_event_clear(&event);
}

/* For the record only: it is the answer that counts. */
static void handle_nothing(struct exchange_core *core, JsonNode *node)
{
}

static const struct {
    const char *event;
    void (*handle)(struct exchange_core *core, JsonNode *node);
} handlers[] = {
    {DUB_EVENT_STREAM_READY, handle_ready},        {DUB_EVENT_FRAGMENT_PROCESSED, handle_processed},
    {DUB_EVENT_BACKPRESSURE, handle_backpressure}, {DUB_EVENT_ERROR, handle_error},
    {DUB_EVENT_FRAGMENT_ACK, handle_nothing},      {DUB_EVENT_STREAM_COMPLETE, handle_nothing},
};

void exchange_core_event(struct exchange_core *core, const char *event, JsonNode *node)
{
    if (core->state != EXCHANGE_INITIALISING && core->state != EXCHANGE_READY)
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(handlers); i++) {
        if (strcmp(handlers[i].event, event) == 0 && node != NULL) {
            handlers[i].handle(core, node);
            return;
        }
    }
    struct dub_error error = {0};
    dub_error_set(&error, DUB_ERROR_PROTOCOL, "%s", node != NULL ? "unknown event" : "it has no argument");
    complain(core, event, &error);
}
