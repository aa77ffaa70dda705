/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session_stand.h"

#include <dubbing_json.h>
#include <string.h>

static bool submit(struct processor *processor, struct job *job, struct dub_error *error)
{
    struct stand *stand = (struct stand *)processor;
    if (stand->full)
        return dub_error_set(error, DUB_ERROR_QUEUE_FULL, "full");
    g_set_object(&stand->cancellable, job->cancellable);
    g_ptr_array_add(stand->jobs, job);
    return true;
}

static void cancel(struct processor *processor, uint64_t owner)
{
    struct stand *stand = (struct stand *)processor;
    for (guint i = stand->jobs->len; i > 0; i--) {
        struct job *job = stand->jobs->pdata[i - 1];
        g_assert_null(job->done);
        g_assert_cmpuint(job->owner, ==, owner);
        g_ptr_array_remove_index(stand->jobs, i - 1);
        job_free(job);
    }
}

static unsigned depth(struct processor *processor)
{
    return ((struct stand *)processor)->jobs->len;
}

static unsigned parallelism(struct processor *processor)
{
    return ((struct stand *)processor)->parallelism;
}

static const struct processor_ops processor_ops = {
    .submit = submit, .cancel = cancel, .depth = depth, .parallelism = parallelism};

static void on_emit(const char *event, JsonNode *take_payload, void *user)
{
    struct stand *stand = user;
    g_autofree char *text = dub_json_to_string(take_payload);
    g_ptr_array_add(stand->events, g_strdup_printf("%s %s", event, text));
    json_node_unref(take_payload);
}

static void on_completed(void *user)
{
    struct stand *stand = user;
    stand->completed = true;
}

static void on_drained(void *user)
{
    struct stand *stand = user;
    stand->n_drained++;
}

static const struct session_events events = {
    .emit = on_emit, .completed = on_completed, .drained = on_drained};

void stand_open_with(struct stand *stand, int max_inflight, struct flow_limits limits)
{
    struct dub_stream_init init;
    *stand = (struct stand){.processor.ops = &processor_ops};
    stand->jobs = g_ptr_array_new();
    stand->events = g_ptr_array_new_with_free_func(g_free);
    sts_metrics_init(&stand->metrics);
    dub_fake_clock_init(&stand->clock, 0);
    dub_stream_init_init(&init);
    init.stream_id = g_strdup("news");
    init.worker_id = g_strdup("w");
    init.max_inflight = max_inflight;
    struct session_config config = {.processor = &stand->processor,
                                    .clock = &stand->clock.clock,
                                    .metrics = &stand->metrics,
                                    .limits = limits,
                                    .work_time = &stand->work_time,
                                    .refusals = &stand->refusals,
                                    .simulation = &stand->simulation};
    stand->session = session_new(&config, &init, &events, stand);
    dub_stream_init_clear(&init);
}

void stand_open(struct stand *stand, int max_inflight)
{
    stand_open_with(stand, max_inflight, FLOW_DEFAULT_LIMITS);
}

void stand_close(struct stand *stand)
{
    session_free(stand->session);
    g_assert_cmpuint(stand->jobs->len, ==, 0);
    g_assert_cmpfloat(dub_metric_get(stand->metrics.in_flight, NULL), ==, 0);
    g_assert_cmpfloat(dub_metric_get(stand->metrics.sessions, NULL), ==, 0);
    g_ptr_array_unref(stand->jobs);
    g_ptr_array_unref(stand->events);
    sts_metrics_clear(&stand->metrics);
    simulation_clear(&stand->simulation);
    g_clear_object(&stand->cancellable);
}

/* The nth fragment id that differs from all others. */
char *stand_id_of(int nth)
{
    return g_strdup_printf("00000000-0000-4000-8000-%012d", nth);
}

void stand_send_as(struct stand *stand, int nth, int64_t sequence, const struct dub_error *read_error)
{
    struct dub_fragment_data fragment;
    dub_fragment_data_init(&fragment);
    fragment.fragment_id = stand_id_of(nth);
    fragment.stream_id = g_strdup("news");
    fragment.sequence_number = sequence;
    fragment.addressed = true;
    fragment.audio = (struct dub_audio){.sample_rate_hz = 24000, .channels = 1, .duration_ms = 10};
    fragment.audio.data = g_bytes_new_take(g_malloc0(480), 480);
    session_fragment(stand->session, &fragment, read_error);
    dub_fragment_data_clear(&fragment);
}

void stand_send(struct stand *stand, int sequence)
{
    stand_send_as(stand, sequence, sequence, NULL);
}

/* The processor answers the job that holds this sequence number. */
void stand_answer(struct stand *stand, int64_t sequence)
{
    for (guint i = 0; i < stand->jobs->len; i++) {
        struct job *job = stand->jobs->pdata[i];
        if (job->result.sequence_number != sequence)
            continue;
        g_ptr_array_remove_index(stand->jobs, i);
        job->result.dubbed_audio = job->fragment.audio;
        job->result.dubbed_audio.data = g_bytes_ref(job->fragment.audio.data);
        if (job->forced.code != DUB_ERROR_NONE)
            job_fail(job, &job->forced);
        job_finish(job);
        return;
    }
    g_assert_not_reached();
}

unsigned stand_count(const struct stand *stand, const char *event)
{
    unsigned n = 0;
    g_autofree char *prefix = g_strconcat(event, " ", NULL);
    for (guint i = 0; i < stand->events->len; i++)
        n += g_str_has_prefix(stand->events->pdata[i], prefix) ? 1 : 0;
    return n;
}

const char *stand_last(const struct stand *stand, const char *event)
{
    g_autofree char *prefix = g_strconcat(event, " ", NULL);
    for (guint i = stand->events->len; i > 0; i--) {
        if (g_str_has_prefix(stand->events->pdata[i - 1], prefix))
            return stand->events->pdata[i - 1];
    }
    return "";
}

void stand_expect_last(const struct stand *stand, const char *event, const char *says)
{
    const char *text = stand_last(stand, event);
    if (!strstr(text, says))
        g_error("expected %s in the last %s: %s", says, event, text);
}
