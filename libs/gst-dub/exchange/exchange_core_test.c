/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The core against a service that is played by the test, on a fake clock: no sockets, no threads, no waiting.
 */
#include "breaker.h"
#include "exchange_core.h"

#include <dubbing_events.h>
#include <dubbing_ids.h>
#include <string.h>

#define MS DUB_NS_PER_MS
#define S DUB_NS_PER_S
#define STREAM "stream-1"

struct sent {
    char *fragment_id;
    int64_t sequence;
};

struct got {
    uint64_t id;
    bool dubbed;
    struct dub_error error;
    char *fragment_id;
    int64_t rtt_ms;
};

/* A worker's exchange and what it did. */
struct rig {
    struct dub_fake_clock fake;
    struct exchange_core *core;
    unsigned n_connects, n_disconnects, n_inits, n_ends, n_applied, n_received;
    GArray *sent;   /* struct sent */
    GPtrArray *got; /* struct got * */
    uint64_t next_id;
};

static void on_connect(void *user)
{
    ((struct rig *)user)->n_connects++;
}

static void on_disconnect(void *user)
{
    ((struct rig *)user)->n_disconnects++;
}

static void note_fragment(struct rig *rig, JsonNode *node)
{
    struct dub_fragment_data data;
    struct dub_error error = {0};
    bool ok = dub_fragment_data_read(&data, node, &error);
    g_assert_cmpstr(error.message, ==, "");
    g_assert_true(ok);
    g_assert_true(dub_audio_check_duration(&data.audio, &error));
    struct sent sent = {g_strdup(data.fragment_id), data.sequence_number};
    g_array_append_val(rig->sent, sent);
    dub_fragment_data_clear(&data);
}

static void note_ack(struct rig *rig, JsonNode *node)
{
    struct dub_fragment_ack ack;
    g_assert_true(dub_fragment_ack_read(&ack, node, NULL));
    rig->n_applied += ack.status == DUB_ACK_APPLIED;
    rig->n_received += ack.status == DUB_ACK_RECEIVED;
    dub_fragment_ack_clear(&ack);
}

static void note_init(struct rig *rig, JsonNode *node)
{
    struct dub_stream_init init;
    g_assert_true(dub_stream_init_read(&init, node, NULL));
    g_assert_cmpstr(init.stream_id, ==, STREAM);
    g_assert_cmpint(init.config.sample_rate_hz, ==, DUB_EXCHANGE_RATE_HZ);
    rig->n_inits++;
    dub_stream_init_clear(&init);
}

static void on_emit(const char *event, JsonNode *take_arg, void *user)
{
    struct rig *rig = user;
    if (strcmp(event, DUB_EVENT_FRAGMENT_DATA) == 0)
        note_fragment(rig, take_arg);
    else if (strcmp(event, DUB_EVENT_FRAGMENT_ACK) == 0)
        note_ack(rig, take_arg);
    else if (strcmp(event, DUB_EVENT_STREAM_INIT) == 0)
        note_init(rig, take_arg);
    else if (strcmp(event, DUB_EVENT_STREAM_END) == 0)
        rig->n_ends++;
    else
        g_error("%s was sent", event);
    json_node_unref(take_arg);
}

static void on_result(struct dub_exchange_result *result, void *user)
{
    struct rig *rig = user;
    struct got *got = g_new0(struct got, 1);
    *got = (struct got){
        .id = result->id,
        .dubbed = result->dubbed,
        .error = result->error,
        .fragment_id = g_strdup(result->fragment_id),
        .rtt_ms = result->rtt_ms,
    };
    g_assert_true(result->dubbed == (result->error.code == DUB_ERROR_NONE));
    g_assert_true(result->dubbed == (result->samples != NULL));
    g_ptr_array_add(rig->got, got);
}

static const struct exchange_ops ops = {on_connect, on_disconnect, on_emit, on_result};

static void got_free(void *data)
{
    struct got *got = data;
    g_free(got->fragment_id);
    g_free(got);
}

static void sent_clear(void *data)
{
    g_free(((struct sent *)data)->fragment_id);
}

static void rig_start(struct rig *rig, unsigned max_inflight)
{
    *rig = (struct rig){.sent = g_array_new(FALSE, FALSE, sizeof(struct sent))};
    g_array_set_clear_func(rig->sent, sent_clear);
    rig->got = g_ptr_array_new_with_free_func(got_free);
    dub_fake_clock_init(&rig->fake, 100 * S);
    const struct dub_exchange_config config = {
        .url = "http://127.0.0.1:1",
        .stream_id = STREAM,
        .worker_id = "worker-1",
        .source_language = "en",
        .target_language = "es",
        .voice_profile = "default",
        .max_inflight = max_inflight,
        .timeout_ms = 8000,
        .clock = &rig->fake.clock,
    };
    rig->core = exchange_core_new(&config, &ops, rig);
    exchange_core_run(rig->core);
}

static void rig_stop(struct rig *rig)
{
    exchange_core_close(rig->core);
    g_assert_cmpuint(rig->got->len, ==, rig->next_id);
    exchange_core_free(rig->core);
    g_array_unref(rig->sent);
    g_ptr_array_unref(rig->got);
}

/* Advances in the steps that the core asks for, as its thread does. */
static void pass(struct rig *rig, int64_t ns)
{
    int64_t until_ns = dub_clock_now_ns(&rig->fake.clock) + ns;
    for (;;) {
        int64_t now_ns = dub_clock_now_ns(&rig->fake.clock);
        int64_t wake_ns = MIN(exchange_core_wake_ns(rig->core), until_ns);
        dub_fake_clock_advance(&rig->fake, MAX(wake_ns - now_ns, 0));
        exchange_core_run(rig->core);
        if (wake_ns >= until_ns)
            return;
    }
}

static void submit_until(struct rig *rig, int64_t deadline_ns)
{
    struct dub_exchange_fragment fragment = {
        .id = rig->next_id++,
        .duration_ns = 1 * S,
        .max_duration_ns = 2 * S,
        .deadline_ns = deadline_ns,
        .samples = g_new0(int16_t, DUB_EXCHANGE_RATE_HZ),
        .n_samples = DUB_EXCHANGE_RATE_HZ,
    };
    exchange_core_submit(rig->core, &fragment);
    g_assert_null(fragment.samples);
    exchange_core_run(rig->core);
}

static void submit(struct rig *rig, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        submit_until(rig, INT64_MAX);
}

static void say(struct rig *rig, const char *event, JsonNode *take_node)
{
    exchange_core_event(rig->core, event, take_node);
    json_node_unref(take_node);
    exchange_core_run(rig->core);
}

static void say_ready(struct rig *rig, int max_inflight)
{
    struct dub_stream_ready ready = {.stream_id = (char *)STREAM, .session_id = (char *)"session-1"};
    ready.max_inflight = max_inflight;
    say(rig, DUB_EVENT_STREAM_READY, dub_stream_ready_to_json(&ready));
}

static void connect_ready(struct rig *rig, int max_inflight)
{
    exchange_core_connected(rig->core);
    exchange_core_run(rig->core);
    say_ready(rig, max_inflight);
}

static const struct sent *sent_at(const struct rig *rig, guint index)
{
    g_assert_cmpuint(index, <, rig->sent->len);
    return &g_array_index(rig->sent, struct sent, index);
}

static const struct got *got_at(const struct rig *rig, guint index)
{
    g_assert_cmpuint(index, <, rig->got->len);
    return rig->got->pdata[index];
}

static GBytes *noise(int16_t value)
{
    int16_t *samples = g_new(int16_t, DUB_EXCHANGE_RATE_HZ);
    for (unsigned i = 0; i < DUB_EXCHANGE_RATE_HZ; i++)
        samples[i] = (int16_t)GINT16_TO_LE(value);
    return g_bytes_new_take(samples, DUB_EXCHANGE_RATE_HZ * sizeof(int16_t));
}

static struct dub_fragment_processed success_for(const struct sent *sent)
{
    return (struct dub_fragment_processed){
        .fragment_id = sent->fragment_id,
        .stream_id = (char *)STREAM,
        .sequence_number = sent->sequence,
        .status = DUB_FRAGMENT_SUCCESS,
        .dubbed_audio = {.format = DUB_FORMAT_PCM_S16LE,
                         .sample_rate_hz = DUB_EXCHANGE_RATE_HZ,
                         .channels = 1,
                         .duration_ms = 1000,
                         .data = noise(1000)},
        .transcript = (char *)"good morning",
        .translated_text = (char *)"buenos días",
        .metadata = {.speed_ratio = 1.1},
    };
}

static void say_processed(struct rig *rig, struct dub_fragment_processed *processed)
{
    say(rig, DUB_EVENT_FRAGMENT_PROCESSED, dub_fragment_processed_to_json(processed));
    g_clear_pointer(&processed->dubbed_audio.data, g_bytes_unref);
}

static void answer(struct rig *rig, guint index)
{
    struct dub_fragment_processed processed = success_for(sent_at(rig, index));
    say_processed(rig, &processed);
}

static void answer_failed(struct rig *rig, guint index, enum dub_error_code code)
{
    struct dub_fragment_processed processed = success_for(sent_at(rig, index));
    processed.status = DUB_FRAGMENT_FAILED;
    dub_error_set_stage(&processed.error, code, DUB_STAGE_ASR, "no luck");
    g_clear_pointer(&processed.dubbed_audio.data, g_bytes_unref);
    say_processed(rig, &processed);
}

static void refuse(struct rig *rig, guint index, enum dub_error_code code, enum dub_error_severity severity)
{
    struct dub_error_event event = {
        .error_id = (char *)"0b7cf5d0-6f3b-4b6e-a6c8-2a9b5a6d7e01",
        .stream_id = (char *)STREAM,
        .severity = severity,
    };
    if (index < rig->sent->len)
        event.fragment_id = sent_at(rig, index)->fragment_id;
    dub_error_set(&event.error, code, "refused");
    say(rig, DUB_EVENT_ERROR, dub_error_event_to_json(&event));
}

static struct dub_exchange_stats stats_of(const struct rig *rig)
{
    struct dub_exchange_stats stats;
    exchange_core_get_stats(rig->core, &stats);
    return stats;
}

static void test_a_fragment_is_dubbed(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    connect_ready(&rig, 3);
    g_assert_cmpuint(rig.n_inits, ==, 1);
    g_assert_true(stats_of(&rig).connected);
    submit(&rig, 1);
    g_assert_cmpuint(stats_of(&rig).inflight, ==, 1);
    pass(&rig, 300 * MS);
    answer(&rig, 0);
    g_assert_true(got_at(&rig, 0)->dubbed);
    g_assert_cmpint(got_at(&rig, 0)->rtt_ms, ==, 300);
    g_assert_cmpstr(got_at(&rig, 0)->fragment_id, ==, sent_at(&rig, 0)->fragment_id);
    g_assert_true(dub_uuid_is_valid(got_at(&rig, 0)->fragment_id));
    g_assert_cmpuint(rig.n_applied, ==, 1);
    g_assert_cmpuint(stats_of(&rig).rtt_counts[3], ==, 1);
    g_assert_cmpuint(stats_of(&rig).inflight, ==, 0);
    rig_stop(&rig);
    g_assert_cmpuint(rig.n_ends, ==, 1);
}

static void test_sequence_counts_from_zero_on_each_connection(void)
{
    struct rig rig;
    const struct dub_error loss = {.code = DUB_ERROR_UNAVAILABLE, .retryable = true};
    rig_start(&rig, 5);
    connect_ready(&rig, 5);
    submit(&rig, 3);
    for (guint i = 0; i < 3; i++)
        g_assert_cmpint(sent_at(&rig, i)->sequence, ==, i);
    exchange_core_lost(rig.core, &loss);
    pass(&rig, 2 * S);
    connect_ready(&rig, 5);
    submit(&rig, 1);
    g_assert_cmpint(sent_at(&rig, 3)->sequence, ==, 0);
    g_assert_cmpuint(rig.n_inits, ==, 2);
    g_assert_cmpuint(stats_of(&rig).reconnects, ==, 1);
    rig_stop(&rig);
}

static void test_reconnects_after_2_4_8_16_32_s_and_every_32_s(void)
{
    static const int64_t waits_s[] = {2, 4, 8, 16, 32, 32, 32, 32};
    const struct dub_error loss = {.code = DUB_ERROR_UNAVAILABLE, .retryable = true};
    struct rig rig;
    rig_start(&rig, 3);
    for (guint i = 0; i < G_N_ELEMENTS(waits_s); i++) {
        g_assert_cmpuint(rig.n_connects, ==, i + 1);
        exchange_core_lost(rig.core, &loss);
        pass(&rig, waits_s[i] * S - 1);
        g_assert_cmpuint(rig.n_connects, ==, i + 1);
        pass(&rig, 1);
    }
    connect_ready(&rig, 3);
    submit(&rig, 1);
    answer(&rig, 0);
    exchange_core_lost(rig.core, &loss);
    pass(&rig, 2 * S);
    g_assert_cmpuint(rig.n_connects, ==, G_N_ELEMENTS(waits_s) + 2);
    rig_stop(&rig);
}

static void test_a_service_that_only_greets_is_called_less_and_less(void)
{
    static const int64_t waits_s[] = {2, 4, 8, 16, 32, 32};
    const struct dub_error eviction = {.code = DUB_ERROR_UNAVAILABLE, .retryable = true};
    struct rig rig;
    rig_start(&rig, 3);
    for (guint i = 0; i < G_N_ELEMENTS(waits_s); i++) {
        connect_ready(&rig, 3);
        submit(&rig, 1);
        exchange_core_lost(rig.core, &eviction);
        pass(&rig, waits_s[i] * S - 1);
        g_assert_cmpuint(rig.n_connects, ==, i + 1);
        pass(&rig, 1);
        g_assert_cmpuint(rig.n_connects, ==, i + 2);
    }
    rig_stop(&rig);
}

static void test_loss_hands_back_what_is_in_flight_and_queued(void)
{
    struct rig rig;
    struct dub_error loss = {0};
    dub_error_set(&loss, DUB_ERROR_UNAVAILABLE, "gone");
    rig_start(&rig, 2);
    connect_ready(&rig, 2);
    submit(&rig, 4);
    g_assert_cmpuint(rig.sent->len, ==, 2);
    exchange_core_lost(rig.core, &loss);
    exchange_core_lost(rig.core, &loss);
    g_assert_cmpuint(rig.got->len, ==, 4);
    for (guint i = 0; i < 4; i++)
        g_assert_cmpint(got_at(&rig, i)->error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_cmpstr(got_at(&rig, 3)->fragment_id, ==, "");
    submit(&rig, 1);
    g_assert_cmpstr(got_at(&rig, 4)->error.message, ==, "gone");
    g_assert_cmpint(stats_of(&rig).breaker, ==, DUB_BREAKER_CLOSED);
    rig_stop(&rig);
}

static void test_fragments_wait_for_an_attempt_under_way(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    submit(&rig, 1);
    submit_until(&rig, dub_clock_now_ns(&rig.fake.clock) + 1 * S);
    g_assert_cmpuint(rig.got->len, ==, 0);
    pass(&rig, 1 * S);
    g_assert_cmpuint(rig.got->len, ==, 1);
    g_assert_cmpint(got_at(&rig, 0)->error.code, ==, DUB_ERROR_UNAVAILABLE);
    connect_ready(&rig, 3);
    g_assert_cmpuint(rig.sent->len, ==, 1);
    rig_stop(&rig);
}

static void test_nothing_is_sent_before_ready(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    submit(&rig, 1);
    exchange_core_connected(rig.core);
    exchange_core_run(rig.core);
    g_assert_cmpuint(rig.sent->len, ==, 0);
    g_assert_false(stats_of(&rig).connected);
    say_ready(&rig, 3);
    g_assert_cmpuint(rig.sent->len, ==, 1);
    rig_stop(&rig);
}

static void test_service_that_never_says_ready_is_left(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    exchange_core_connected(rig.core);
    submit(&rig, 1);
    pass(&rig, 10 * S);
    g_assert_cmpuint(rig.n_disconnects, ==, 1);
    g_assert_cmpint(got_at(&rig, 0)->error.code, ==, DUB_ERROR_UNAVAILABLE);
    pass(&rig, 2 * S);
    g_assert_cmpuint(rig.n_connects, ==, 2);
    rig_stop(&rig);
}

static void test_limits_of_both_sides_hold(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    connect_ready(&rig, 2);
    submit(&rig, 5);
    g_assert_cmpuint(rig.sent->len, ==, 2);
    answer(&rig, 1);
    g_assert_cmpuint(rig.sent->len, ==, 3);
    rig_stop(&rig);
    rig_start(&rig, 3);
    connect_ready(&rig, 10);
    submit(&rig, 5);
    g_assert_cmpuint(rig.sent->len, ==, 3);
    rig_stop(&rig);
}

static void test_timeout_and_the_late_answer(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    connect_ready(&rig, 3);
    submit(&rig, 1);
    pass(&rig, 8 * S - 1);
    g_assert_cmpuint(rig.got->len, ==, 0);
    pass(&rig, 1);
    g_assert_cmpint(got_at(&rig, 0)->error.code, ==, DUB_ERROR_TIMEOUT);
    pass(&rig, 1 * S);
    answer(&rig, 0);
    answer(&rig, 0);
    g_assert_cmpuint(rig.got->len, ==, 1);
    g_assert_cmpuint(stats_of(&rig).late_answers, ==, 1);
    g_assert_cmpuint(stats_of(&rig).ignored_answers, ==, 1);
    g_assert_cmpuint(stats_of(&rig).rtt_counts[8], ==, 1);
    rig_stop(&rig);
}

static void test_deadline_comes_before_the_timeout(void)
{
    struct rig rig;
    rig_start(&rig, 1);
    connect_ready(&rig, 3);
    submit_until(&rig, dub_clock_now_ns(&rig.fake.clock) + 3 * S);
    submit_until(&rig, dub_clock_now_ns(&rig.fake.clock) + 2 * S);
    pass(&rig, 2 * S);
    g_assert_cmpuint(got_at(&rig, 0)->id, ==, 1);
    g_assert_cmpint(got_at(&rig, 0)->error.code, ==, DUB_ERROR_TIMEOUT);
    g_assert_cmpstr(got_at(&rig, 0)->fragment_id, ==, "");
    pass(&rig, 1 * S);
    g_assert_cmpuint(got_at(&rig, 1)->id, ==, 0);
    g_assert_cmpint(got_at(&rig, 1)->error.code, ==, DUB_ERROR_TIMEOUT);
    rig_stop(&rig);
}

/* The service was told of the timeout only: until then it may be at work on what we gave up earlier. */
static void test_given_up_stays_outstanding_until_answered(void)
{
    struct rig rig;
    rig_start(&rig, 2);
    connect_ready(&rig, 3);
    int64_t now_ns = dub_clock_now_ns(&rig.fake.clock);
    submit_until(&rig, now_ns + 3 * S);
    submit_until(&rig, now_ns + 3 * S);
    pass(&rig, 3 * S);
    g_assert_cmpuint(rig.got->len, ==, 2);
    g_assert_cmpuint(stats_of(&rig).inflight, ==, 2);
    submit(&rig, 2);
    g_assert_cmpuint(rig.sent->len, ==, 2);
    answer(&rig, 1);
    g_assert_cmpuint(rig.sent->len, ==, 3);
    pass(&rig, 5 * S - 1);
    g_assert_cmpuint(rig.sent->len, ==, 3);
    pass(&rig, 1);
    g_assert_cmpuint(rig.sent->len, ==, 4);
    g_assert_cmpuint(stats_of(&rig).inflight, ==, 2);
    rig_stop(&rig);
}

static void test_nothing_is_outstanding_on_a_new_connection(void)
{
    struct rig rig;
    rig_start(&rig, 1);
    connect_ready(&rig, 1);
    submit_until(&rig, dub_clock_now_ns(&rig.fake.clock) + 1 * S);
    pass(&rig, 1 * S);
    const struct dub_error loss = {.code = DUB_ERROR_UNAVAILABLE, .retryable = true};
    exchange_core_lost(rig.core, &loss);
    exchange_core_run(rig.core);
    pass(&rig, 2 * S);
    connect_ready(&rig, 1);
    g_assert_cmpuint(stats_of(&rig).inflight, ==, 0);
    submit(&rig, 1);
    g_assert_cmpuint(rig.sent->len, ==, 2);
    rig_stop(&rig);
}

static void test_breaker_opens_probes_and_closes(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    connect_ready(&rig, 3);
    for (guint i = 0; i < 5; i++) {
        submit(&rig, 1);
        answer_failed(&rig, i, DUB_ERROR_MODEL_ERROR);
    }
    g_assert_cmpint(stats_of(&rig).breaker, ==, DUB_BREAKER_OPEN);
    submit(&rig, 1);
    g_assert_cmpint(got_at(&rig, 5)->error.code, ==, DUB_ERROR_BREAKER_OPEN);
    g_assert_cmpuint(rig.sent->len, ==, 5);
    pass(&rig, BREAKER_OPEN_NS);
    g_assert_cmpint(stats_of(&rig).breaker, ==, DUB_BREAKER_HALF_OPEN);
    submit(&rig, 2);
    g_assert_cmpuint(rig.sent->len, ==, 6);
    g_assert_cmpuint(got_at(&rig, 6)->id, ==, 7);
    answer(&rig, 5);
    g_assert_cmpint(stats_of(&rig).breaker, ==, DUB_BREAKER_CLOSED);
    submit(&rig, 1);
    g_assert_cmpuint(rig.sent->len, ==, 7);
    rig_stop(&rig);
}

static void test_failures_that_do_not_open_the_breaker(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    connect_ready(&rig, 3);
    for (guint i = 0; i < 20; i++) {
        submit(&rig, 1);
        answer_failed(&rig, i, DUB_ERROR_ASR_FAILED);
        g_assert_cmpint(got_at(&rig, i)->error.code, ==, DUB_ERROR_ASR_FAILED);
        g_assert_cmpint(got_at(&rig, i)->error.stage, ==, DUB_STAGE_ASR);
    }
    g_assert_cmpint(stats_of(&rig).breaker, ==, DUB_BREAKER_CLOSED);
    g_assert_cmpuint(rig.n_received, ==, 20);
    rig_stop(&rig);
}

static void test_timeouts_open_the_breaker(void)
{
    struct rig rig;
    rig_start(&rig, 10);
    connect_ready(&rig, 10);
    submit(&rig, 5);
    pass(&rig, 8 * S);
    g_assert_cmpint(stats_of(&rig).breaker, ==, DUB_BREAKER_OPEN);
    rig_stop(&rig);
}

static void say_pressure(struct rig *rig, enum dub_pressure_severity severity,
                         enum dub_pressure_action action, int delay_ms)
{
    struct dub_backpressure pressure = {
        .stream_id = (char *)STREAM,
        .severity = severity,
        .action = action,
        .recommended_delay_ms = delay_ms,
        .max_inflight = 3,
    };
    say(rig, DUB_EVENT_BACKPRESSURE, dub_backpressure_to_json(&pressure));
}

static void test_slow_down_is_obeyed(void)
{
    struct rig rig;
    rig_start(&rig, 10);
    connect_ready(&rig, 10);
    submit(&rig, 1);
    say_pressure(&rig, DUB_PRESSURE_MEDIUM, DUB_ACTION_SLOW_DOWN, 700);
    g_assert_cmpuint(stats_of(&rig).backpressure, ==, 2);
    submit(&rig, 3);
    pass(&rig, 699 * MS);
    g_assert_cmpuint(rig.sent->len, ==, 1);
    pass(&rig, 1 * MS);
    g_assert_cmpuint(rig.sent->len, ==, 2);
    pass(&rig, 700 * MS);
    g_assert_cmpuint(rig.sent->len, ==, 3);
    say_pressure(&rig, DUB_PRESSURE_LOW, DUB_ACTION_NONE, 0);
    g_assert_cmpuint(rig.sent->len, ==, 4);
    g_assert_cmpuint(stats_of(&rig).backpressure, ==, 0);
    rig_stop(&rig);
}

static void test_pause_is_obeyed(void)
{
    struct rig rig;
    rig_start(&rig, 10);
    connect_ready(&rig, 10);
    say_pressure(&rig, DUB_PRESSURE_HIGH, DUB_ACTION_PAUSE, 0);
    g_assert_cmpuint(stats_of(&rig).backpressure, ==, 3);
    submit_until(&rig, dub_clock_now_ns(&rig.fake.clock) + 1 * S);
    submit(&rig, 1);
    pass(&rig, 5 * S);
    g_assert_cmpuint(rig.sent->len, ==, 0);
    g_assert_cmpint(got_at(&rig, 0)->error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(got_at(&rig, 0)->error.message, "pause"));
    say_pressure(&rig, DUB_PRESSURE_LOW, DUB_ACTION_NONE, 0);
    g_assert_cmpuint(rig.sent->len, ==, 1);
    rig_stop(&rig);
}

static void test_a_refused_number_is_given_out_again(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    connect_ready(&rig, 3);
    submit(&rig, 3);
    refuse(&rig, 1, DUB_ERROR_BACKPRESSURE_EXCEEDED, DUB_SEVERITY_WARNING);
    g_assert_cmpuint(rig.got->len, ==, 0);
    refuse(&rig, 1, DUB_ERROR_BACKPRESSURE_EXCEEDED, DUB_SEVERITY_ERROR);
    g_assert_cmpint(got_at(&rig, 0)->error.code, ==, DUB_ERROR_BACKPRESSURE_EXCEEDED);
    submit(&rig, 1);
    g_assert_cmpuint(rig.sent->len, ==, 3);
    refuse(&rig, 2, DUB_ERROR_INVALID_SEQUENCE, DUB_SEVERITY_ERROR);
    g_assert_cmpuint(rig.sent->len, ==, 4);
    g_assert_cmpint(sent_at(&rig, 3)->sequence, ==, 1);
    answer(&rig, 0);
    answer(&rig, 3);
    submit(&rig, 1);
    g_assert_cmpint(sent_at(&rig, 4)->sequence, ==, 2);
    g_assert_cmpuint(rig.n_disconnects, ==, 0);
    rig_stop(&rig);
}

static void test_a_service_that_counts_otherwise_is_left(void)
{
    struct rig rig;
    rig_start(&rig, 1);
    connect_ready(&rig, 3);
    submit(&rig, 3);
    for (guint i = 0; i < 3; i++)
        refuse(&rig, i, DUB_ERROR_INVALID_SEQUENCE, DUB_SEVERITY_ERROR);
    g_assert_cmpuint(rig.n_disconnects, ==, 1);
    pass(&rig, 2 * S);
    g_assert_cmpuint(rig.n_connects, ==, 2);
    rig_stop(&rig);
}

static void test_fatal_errors_end_the_conversation(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    exchange_core_connected(rig.core);
    refuse(&rig, 99, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR, DUB_SEVERITY_ERROR);
    g_assert_cmpuint(rig.n_disconnects, ==, 1);
    submit(&rig, 1);
    g_assert_cmpint(got_at(&rig, 0)->error.code, ==, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR);
    pass(&rig, 2 * S);
    connect_ready(&rig, 3);
    refuse(&rig, 99, DUB_ERROR_MODEL_ERROR, DUB_SEVERITY_ERROR);
    g_assert_cmpuint(rig.n_disconnects, ==, 1);
    submit(&rig, 1);
    refuse(&rig, 0, DUB_ERROR_STREAM_NOT_FOUND, DUB_SEVERITY_ERROR);
    g_assert_cmpuint(rig.n_disconnects, ==, 2);
    g_assert_cmpint(got_at(&rig, 1)->error.code, ==, DUB_ERROR_STREAM_NOT_FOUND);
    rig_stop(&rig);
}

static void test_lies_are_ignored_and_counted(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    connect_ready(&rig, 3);
    submit(&rig, 2);
    struct dub_fragment_processed processed = success_for(sent_at(&rig, 0));
    processed.sequence_number = 1;
    say_processed(&rig, &processed);
    processed = success_for(sent_at(&rig, 0));
    processed.stream_id = (char *)"another";
    say_processed(&rig, &processed);
    processed = success_for(sent_at(&rig, 0));
    processed.fragment_id = (char *)"0b7cf5d0-6f3b-4b6e-a6c8-2a9b5a6d7e01";
    say_processed(&rig, &processed);
    say_ready(&rig, 1);
    exchange_core_event(rig.core, "fragment:processed", NULL);
    exchange_core_event(rig.core, "no:such", NULL);
    say(&rig, DUB_EVENT_FRAGMENT_PROCESSED, json_node_init_int(json_node_alloc(), 7));
    JsonNode *empty = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(empty, json_object_new());
    say(&rig, DUB_EVENT_BACKPRESSURE, empty);
    say(&rig, DUB_EVENT_ERROR, json_node_init_boolean(json_node_alloc(), TRUE));
    g_assert_cmpuint(rig.got->len, ==, 0);
    g_assert_cmpuint(stats_of(&rig).ignored_answers, ==, 9);
    answer(&rig, 0);
    answer(&rig, 0);
    g_assert_cmpuint(rig.got->len, ==, 1);
    g_assert_true(got_at(&rig, 0)->dubbed);
    g_assert_cmpuint(stats_of(&rig).ignored_answers, ==, 10);
    g_assert_cmpuint(stats_of(&rig).late_answers, ==, 0);
    rig_stop(&rig);
}

static void test_bad_audio_is_a_failed_phrase(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    connect_ready(&rig, 3);
    submit(&rig, 2);
    struct dub_fragment_processed processed = success_for(sent_at(&rig, 0));
    g_bytes_unref(processed.dubbed_audio.data);
    processed.dubbed_audio.data = noise(0);
    say_processed(&rig, &processed);
    g_assert_cmpint(got_at(&rig, 0)->error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    processed = success_for(sent_at(&rig, 1));
    JsonNode *node = dub_fragment_processed_to_json(&processed);
    JsonObject *audio = json_object_get_object_member(json_node_get_object(node), "dubbed_audio");
    json_object_set_string_member(audio, "data_base64", "no base64!");
    say(&rig, DUB_EVENT_FRAGMENT_PROCESSED, node);
    g_bytes_unref(processed.dubbed_audio.data);
    g_assert_cmpint(got_at(&rig, 1)->error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    rig_stop(&rig);
}

static void test_close_cancels_everything_once(void)
{
    struct rig rig;
    rig_start(&rig, 1);
    connect_ready(&rig, 1);
    submit(&rig, 3);
    exchange_core_close(rig.core);
    g_assert_cmpuint(rig.got->len, ==, 3);
    for (guint i = 0; i < 3; i++)
        g_assert_cmpint(got_at(&rig, i)->error.code, ==, DUB_ERROR_CANCELLED);
    g_assert_cmpint(exchange_core_wake_ns(rig.core), ==, INT64_MAX);
    exchange_core_run(rig.core);
    rig_stop(&rig);
    g_assert_cmpuint(rig.n_ends, ==, 1);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        {"a-fragment-is-dubbed", test_a_fragment_is_dubbed},
        {"sequence-counts-from-zero-on-each-connection", test_sequence_counts_from_zero_on_each_connection},
        {"reconnects-after-2-4-8-16-32-s-and-every-32-s", test_reconnects_after_2_4_8_16_32_s_and_every_32_s},
        {"a-service-that-only-greets-is-called-less-and-less",
         test_a_service_that_only_greets_is_called_less_and_less},
        {"loss-hands-back-what-is-in-flight-and-queued", test_loss_hands_back_what_is_in_flight_and_queued},
        {"fragments-wait-for-an-attempt-under-way", test_fragments_wait_for_an_attempt_under_way},
        {"nothing-is-sent-before-ready", test_nothing_is_sent_before_ready},
        {"service-that-never-says-ready-is-left", test_service_that_never_says_ready_is_left},
        {"limits-of-both-sides-hold", test_limits_of_both_sides_hold},
        {"timeout-and-the-late-answer", test_timeout_and_the_late_answer},
        {"deadline-comes-before-the-timeout", test_deadline_comes_before_the_timeout},
        {"given-up-stays-outstanding-until-answered", test_given_up_stays_outstanding_until_answered},
        {"nothing-is-outstanding-on-a-new-connection", test_nothing_is_outstanding_on_a_new_connection},
        {"breaker-opens-probes-and-closes", test_breaker_opens_probes_and_closes},
        {"failures-that-do-not-open-the-breaker", test_failures_that_do_not_open_the_breaker},
        {"timeouts-open-the-breaker", test_timeouts_open_the_breaker},
        {"slow-down-is-obeyed", test_slow_down_is_obeyed},
        {"pause-is-obeyed", test_pause_is_obeyed},
        {"a-refused-number-is-given-out-again", test_a_refused_number_is_given_out_again},
        {"a-service-that-counts-otherwise-is-left", test_a_service_that_counts_otherwise_is_left},
        {"fatal-errors-end-the-conversation", test_fatal_errors_end_the_conversation},
        {"lies-are-ignored-and-counted", test_lies_are_ignored_and_counted},
        {"bad-audio-is-a-failed-phrase", test_bad_audio_is_a_failed_phrase},
        {"close-cancels-everything-once", test_close_cancels_everything_once},
    };
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/exchange-core/", tests[i].name, NULL);
        g_test_add_func(path, tests[i].run);
    }
    return g_test_run();
}
