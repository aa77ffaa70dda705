/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drives an exchange from a test: commands on stdin, results as lines of JSON on stdout.
 *
 *   exchange_probe URL KEY STREAM
 *   send N MS DEADLINE_MS    N fragments of a tone, MS long each; DEADLINE_MS from now, 0 for none
 *   stats                    one line {"stats": ...}
 *
 * The end of stdin ends the stream. */
#include "exchange/exchange.h"

#include <dubbing_json.h>
#include <stdio.h>
#include <string.h>

static void print_object(JsonObject *take_object)
{
    g_autofree char *text = dub_json_object_to_string_take(take_object);
    flockfile(stdout);
    printf("%s\n", text);
    fflush(stdout);
    funlockfile(stdout);
}

static void on_result(struct dub_exchange_result *result, void *user)
{
    JsonObject *object = json_object_new();
    json_object_set_int_member(object, "id", (int64_t)result->id);
    json_object_set_boolean_member(object, "dubbed", result->dubbed);
    json_object_set_boolean_member(object, "noSpeech", result->no_speech);
    json_object_set_string_member(object, "code", dub_error_code_name(result->error.code));
    json_object_set_string_member(object, "message", result->error.message);
    json_object_set_int_member(object, "rttMs", result->rtt_ms);
    json_object_set_int_member(object, "samples", result->n_samples);
    print_object(object);
}

static void send_fragments(struct dub_exchange *exchange, unsigned n, unsigned ms, int64_t deadline_ms)
{
    static uint64_t next_id;
    for (unsigned i = 0; i < n; i++) {
        int64_t now_ns = dub_clock_now_ns(dub_clock_monotonic());
        struct dub_exchange_fragment fragment = {
            .id = next_id++,
            .duration_ns = ms * DUB_NS_PER_MS,
            .max_duration_ns = ms * DUB_NS_PER_MS,
            .deadline_ns = deadline_ms > 0 ? now_ns + deadline_ms * DUB_NS_PER_MS : INT64_MAX,
            .n_samples = ms * (DUB_EXCHANGE_RATE_HZ / 1000),
        };
        fragment.samples = g_new(int16_t, fragment.n_samples);
        for (unsigned at = 0; at < fragment.n_samples; at++)
            fragment.samples[at] = (int16_t)(at % 96 * 100);
        if (!dub_exchange_submit(exchange, &fragment))
            fprintf(stderr, "fragment %u was not taken\n", (unsigned)fragment.id);
        g_free(fragment.samples);
    }
}

static void print_stats(struct dub_exchange *exchange)
{
    static const char *const breaker_names[] = {"closed", "half_open", "open"};
    struct dub_exchange_stats stats;
    dub_exchange_get_stats(exchange, &stats);
    JsonObject *inner = json_object_new();
    json_object_set_boolean_member(inner, "connected", stats.connected);
    json_object_set_int_member(inner, "reconnects", (int64_t)stats.reconnects);
    json_object_set_int_member(inner, "sent", (int64_t)stats.fragments_sent);
    json_object_set_int_member(inner, "inflight", stats.inflight);
    json_object_set_int_member(inner, "backpressure", stats.backpressure);
    json_object_set_int_member(inner, "late", (int64_t)stats.late_answers);
    json_object_set_int_member(inner, "ignored", (int64_t)stats.ignored_answers);
    json_object_set_string_member(inner, "breaker", breaker_names[stats.breaker]);
    json_object_set_int_member(inner, "p95Us", dub_exchange_rtt_p95_ns(exchange, -1) / DUB_NS_PER_US);
    JsonObject *object = json_object_new();
    json_object_set_object_member(object, "stats", inner);
    print_object(object);
}

static void obey(struct dub_exchange *exchange, const char *line)
{
    unsigned n = 0;
    unsigned ms = 0;
    long deadline_ms = 0;
    if (sscanf(line, "send %u %u %ld", &n, &ms, &deadline_ms) == 3)
        send_fragments(exchange, n, ms, deadline_ms);
    else if (strncmp(line, "stats", 5) == 0)
        print_stats(exchange);
}

int main(int argc, char **argv)
{
    static const struct dub_exchange_events events = {on_result};
    char line[128];
    if (argc != 4) {
        fprintf(stderr, "usage: %s URL KEY STREAM\n", argv[0]);
        return 2;
    }
    const struct dub_exchange_config config = {
        .url = argv[1],
        .api_key = argv[2],
        .stream_id = argv[3],
        .worker_id = "probe",
        .source_language = "en",
        .target_language = "es",
        .voice_profile = "default",
        .max_inflight = 3,
        .timeout_ms = 8000,
        .clock = dub_clock_monotonic(),
    };
    struct dub_exchange *exchange = dub_exchange_new(&config, &events, NULL);
    while (fgets(line, sizeof line, stdin) != NULL)
        obey(exchange, line);
    dub_exchange_free(exchange);
    return 0;
}
