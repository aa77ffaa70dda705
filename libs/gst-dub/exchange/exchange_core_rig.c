/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "exchange_core_rig.h"

#include <string.h>

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
    g_assert_cmpstr(rig->announced, ==, data.fragment_id);
    g_clear_pointer(&rig->announced, g_free);
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
        .no_speech = result->no_speech,
        .error = result->error,
        .fragment_id = g_strdup(result->fragment_id),
        .rtt_ms = result->rtt_ms,
    };
    g_assert_true((result->dubbed || result->no_speech) == (result->error.code == DUB_ERROR_NONE));
    g_assert_true(result->dubbed == (result->samples != NULL));
    g_ptr_array_add(rig->got, got);
}

static void on_sent(uint64_t id, const char *uuid, void *user)
{
    struct rig *rig = user;
    g_assert_null(rig->announced);
    g_assert_cmpuint(id, <, rig->next_id);
    rig->announced = g_strdup(uuid);
}

static const struct exchange_ops ops = {on_connect, on_disconnect, on_emit, on_result, on_sent};

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

void rig_start(struct rig *rig, unsigned max_inflight)
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

void rig_stop(struct rig *rig)
{
    exchange_core_close(rig->core);
    g_assert_cmpuint(rig->got->len, ==, rig->next_id);
    exchange_core_free(rig->core);
    g_array_unref(rig->sent);
    g_ptr_array_unref(rig->got);
}

void rig_pass(struct rig *rig, int64_t ns)
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

void rig_submit_until(struct rig *rig, int64_t deadline_ns)
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

void rig_submit(struct rig *rig, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        rig_submit_until(rig, INT64_MAX);
}

void rig_say(struct rig *rig, const char *event, JsonNode *take_node)
{
    exchange_core_event(rig->core, event, take_node);
    json_node_unref(take_node);
    exchange_core_run(rig->core);
}

void rig_say_ready(struct rig *rig, int max_inflight)
{
    struct dub_stream_ready ready = {.stream_id = (char *)STREAM, .session_id = (char *)"session-1"};
    ready.max_inflight = max_inflight;
    rig_say(rig, DUB_EVENT_STREAM_READY, dub_stream_ready_to_json(&ready));
}

void rig_connect_ready(struct rig *rig, int max_inflight)
{
    exchange_core_connected(rig->core);
    exchange_core_run(rig->core);
    rig_say_ready(rig, max_inflight);
}

const struct sent *rig_sent_at(const struct rig *rig, guint index)
{
    g_assert_cmpuint(index, <, rig->sent->len);
    return &g_array_index(rig->sent, struct sent, index);
}

const struct got *rig_got_at(const struct rig *rig, guint index)
{
    g_assert_cmpuint(index, <, rig->got->len);
    return rig->got->pdata[index];
}

GBytes *rig_noise(int16_t value)
{
    int16_t *samples = g_new(int16_t, DUB_EXCHANGE_RATE_HZ);
    for (unsigned i = 0; i < DUB_EXCHANGE_RATE_HZ; i++)
        samples[i] = (int16_t)GINT16_TO_LE(value);
    return g_bytes_new_take(samples, DUB_EXCHANGE_RATE_HZ * sizeof(int16_t));
}

struct dub_fragment_processed rig_success_for(const struct sent *sent)
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
                         .data = rig_noise(1000)},
        .transcript = (char *)"good morning",
        .translated_text = (char *)"buenos días",
        .metadata = {.speed_ratio = 1.1},
    };
}

void rig_say_processed(struct rig *rig, struct dub_fragment_processed *processed)
{
    rig_say(rig, DUB_EVENT_FRAGMENT_PROCESSED, dub_fragment_processed_to_json(processed));
    g_clear_pointer(&processed->dubbed_audio.data, g_bytes_unref);
}

void rig_answer(struct rig *rig, guint index)
{
    struct dub_fragment_processed processed = rig_success_for(rig_sent_at(rig, index));
    rig_say_processed(rig, &processed);
}

void rig_answer_failed(struct rig *rig, guint index, enum dub_error_code code)
{
    struct dub_fragment_processed processed = rig_success_for(rig_sent_at(rig, index));
    processed.status = DUB_FRAGMENT_FAILED;
    dub_error_set_stage(&processed.error, code, DUB_STAGE_ASR, "no luck");
    g_clear_pointer(&processed.dubbed_audio.data, g_bytes_unref);
    rig_say_processed(rig, &processed);
}

void rig_refuse(struct rig *rig, guint index, enum dub_error_code code, enum dub_error_severity severity)
{
    struct dub_error_event event = {
        .error_id = (char *)"0b7cf5d0-6f3b-4b6e-a6c8-2a9b5a6d7e01",
        .stream_id = (char *)STREAM,
        .severity = severity,
    };
    if (index < rig->sent->len)
        event.fragment_id = rig_sent_at(rig, index)->fragment_id;
    dub_error_set(&event.error, code, "refused");
    rig_say(rig, DUB_EVENT_ERROR, dub_error_event_to_json(&event));
}

struct dub_exchange_stats rig_stats(const struct rig *rig)
{
    struct dub_exchange_stats stats;
    exchange_core_get_stats(rig->core, &stats);
    return stats;
}
