/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The HTTP side in front of the echo, with libsoup's client. */
#include "http_api.h"

#include "../echo/echo.h"
#include "../tests/sts_peer.h"

#include <dubbing_json.h>
#include <dubbing_rest.h>
#include <string.h>

struct stand {
    struct sts_metrics metrics;
    struct processor *processor;
    struct http_api *api;
    SoupSession *session;
};

struct answer {
    bool done;
    guint status;
    JsonNode *body; /* NULL when it is not JSON */
};

static void open_stand_with(struct stand *stand, unsigned delay_ms, const char *key, unsigned per_second)
{
    struct dub_error error = {0};
    *stand = (struct stand){.processor = echo_new(delay_ms, NULL), .session = soup_session_new()};
    sts_metrics_init(&stand->metrics);
    stand->api = http_api_new(&(struct http_api_config){.address = "127.0.0.1:0",
                                                        .api_key = key,
                                                        .max_requests_per_second = per_second,
                                                        .processor = stand->processor,
                                                        .clock = dub_clock_monotonic(),
                                                        .metrics = &stand->metrics},
                              &error);
    g_assert_cmpstr(error.message, ==, "");
}

static void open_stand(struct stand *stand, unsigned delay_ms, const char *key)
{
    open_stand_with(stand, delay_ms, key, 0);
}

static void close_stand(struct stand *stand)
{
    soup_session_abort(stand->session);
    http_api_free(stand->api);
    g_assert_cmpfloat(dub_metric_get(stand->metrics.in_flight, NULL), ==, 0);
    g_object_unref(stand->session);
    echo_free(stand->processor);
    sts_metrics_clear(&stand->metrics);
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer user)
{
    struct answer *answer = user;
    g_autoptr(GBytes) body = soup_session_send_and_read_finish(SOUP_SESSION(source), result, NULL);
    SoupMessage *message = soup_session_get_async_result_message(SOUP_SESSION(source), result);
    answer->status = soup_message_get_status(message);
    answer->done = true;
    if (body)
        answer->body = dub_json_parse(g_bytes_get_data(body, NULL), g_bytes_get_size(body), NULL);
}

/* take_body NULL: a GET. */
static void start_request(struct stand *stand, const char *path, JsonNode *take_body, struct answer *answer)
{
    g_autofree char *uri =
        g_strdup_printf("http://127.0.0.1:%u%s", dub_http_server_port(http_api_server(stand->api)), path);
    g_autoptr(SoupMessage) message = soup_message_new(take_body ? "POST" : "GET", uri);
    *answer = (struct answer){0};
    if (take_body) {
        g_autofree char *text = dub_json_to_string(take_body);
        g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
        soup_message_set_request_body_from_bytes(message, "application/json", bytes);
        json_node_unref(take_body);
    }
    soup_session_send_and_read_async(stand->session, message, G_PRIORITY_DEFAULT, NULL, on_answer, answer);
}

static JsonNode *process_body(void)
{
    struct dub_process_request request = {.source_language = (char *)"en",
                                          .target_language = (char *)"es",
                                          .timeout_ms = DUB_TIMEOUT_MS_DEFAULT};
    dub_fragment_data_init(&request.fragment);
    request.fragment.fragment_id = (char *)STS_PEER_UUID(1);
    request.fragment.stream_id = (char *)"news";
    request.fragment.audio = (struct dub_audio){.sample_rate_hz = 24000, .channels = 1, .duration_ms = 2000};
    request.fragment.audio.data = sts_peer_audio();
    JsonNode *node = dub_process_request_to_json(&request);
    g_bytes_unref(request.fragment.audio.data);
    return node;
}

static void test_process(void)
{
    struct stand stand;
    struct answer answer;
    struct dub_fragment_processed processed;
    struct dub_error error = {0};
    open_stand(&stand, 0, NULL);
    start_request(&stand, "/api/v1/sts/process", process_body(), &answer);
    wait_until(answer.done);
    g_assert_cmpuint(answer.status, ==, 200);
    g_assert_true(dub_fragment_processed_read(&processed, answer.body, &error));
    g_autoptr(GBytes) sent = sts_peer_audio();
    g_assert_true(g_bytes_equal(processed.dubbed_audio.data, sent));
    dub_fragment_processed_clear(&processed);
    json_node_unref(answer.body);
    close_stand(&stand);
}

static void test_bad_body(void)
{
    struct stand stand;
    struct answer answer;
    open_stand(&stand, 0, NULL);
    JsonNode *body = process_body();
    json_object_remove_member(json_node_get_object(body), "config");
    start_request(&stand, "/api/v1/sts/process", body, &answer);
    wait_until(answer.done);
    g_assert_cmpuint(answer.status, ==, 400);
    g_autofree char *text = dub_json_to_string(answer.body);
    g_assert_nonnull(strstr(text, STS_PEER_UUID(1)));
    g_assert_nonnull(strstr(text, "config: is missing"));
    json_node_unref(answer.body);
    close_stand(&stand);
}

static void test_key(void)
{
    struct stand stand;
    struct answer answer;
    open_stand(&stand, 0, "secret");
    start_request(&stand, "/api/v1/sts/process", process_body(), &answer);
    wait_until(answer.done);
    g_assert_cmpuint(answer.status, ==, 401);
    g_autofree char *text = dub_json_to_string(answer.body);
    g_assert_nonnull(strstr(text, "AUTH_FAILED"));
    json_node_unref(answer.body);
    close_stand(&stand);
}

static void test_rate(void)
{
    struct stand stand;
    struct answer answer;
    open_stand_with(&stand, 0, NULL, 1);
    for (int i = 0; i < 3; i++) {
        start_request(&stand, "/api/v1/sts/process", process_body(), &answer);
        wait_until(answer.done);
        g_assert_cmpuint(answer.status, ==, i < 2 ? 200 : 429);
        if (i < 2)
            json_node_unref(answer.body);
    }
    g_autofree char *text = dub_json_to_string(answer.body);
    g_assert_nonnull(strstr(text, "RATE_LIMIT_EXCEEDED"));
    g_assert_nonnull(strstr(text, "\"retryable\":true"));
    json_node_unref(answer.body);
    close_stand(&stand);
}

/* Freed while a request waits: it is answered or cut off, and nothing is left. */
static void test_free_with_a_request(void)
{
    struct stand stand;
    struct answer answer;
    open_stand(&stand, 3600000, NULL);
    start_request(&stand, "/api/v1/sts/process", process_body(), &answer);
    wait_until(dub_metric_get(stand.metrics.in_flight, NULL) > 0);
    http_api_free(stand.api);
    stand.api = NULL;
    wait_until(answer.done);
    g_clear_pointer(&answer.body, json_node_unref);
    close_stand(&stand);
}

static void test_stop_waits_for_what_is_being_processed(void)
{
    struct stand stand;
    struct answer answer, refused, ready, health;
    open_stand(&stand, 100, NULL);
    start_request(&stand, "/api/v1/sts/process", process_body(), &answer);
    wait_until(dub_metric_get(stand.metrics.in_flight, NULL) > 0);
    start_request(&stand, "/api/v1/sts/process", process_body(), &refused);
    start_request(&stand, "/ready", NULL, &ready);
    start_request(&stand, "/health", NULL, &health);
    http_api_stop(stand.api, 20000);
    wait_until(answer.done && refused.done && ready.done && health.done);
    g_assert_cmpuint(answer.status, ==, 200);
    g_assert_cmpuint(refused.status, ==, 503);
    g_assert_cmpuint(ready.status, ==, 503);
    g_assert_cmpstr(json_object_get_string_member(json_node_get_object(ready.body), "status"), ==,
                    "stopping");
    g_assert_cmpuint(health.status, ==, 200);
    json_node_unref(ready.body);
    json_node_unref(health.body);
    json_node_unref(answer.body);
    json_node_unref(refused.body);
    http_api_stop(stand.api, 0);
    close_stand(&stand);
}

static void test_stop_does_not_wait_for_ever(void)
{
    struct stand stand;
    struct answer answer;
    open_stand(&stand, 3600000, NULL);
    start_request(&stand, "/api/v1/sts/process", process_body(), &answer);
    wait_until(dub_metric_get(stand.metrics.in_flight, NULL) > 0);
    http_api_stop(stand.api, 10);
    wait_until(answer.done);
    g_assert_cmpuint(answer.status, ==, 503);
    g_autofree char *text = dub_json_to_string(answer.body);
    g_assert_nonnull(strstr(text, "QUEUE_FULL"));
    g_assert_nonnull(strstr(text, STS_PEER_UUID(1)));
    json_node_unref(answer.body);
    close_stand(&stand);
}

static void test_gets(void)
{
    static const char *const paths[] = {"/health", "/ready", "/api/v1/engines", "/metrics"};
    struct stand stand;
    open_stand(&stand, 0, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        struct answer answer;
        start_request(&stand, paths[i], NULL, &answer);
        wait_until(answer.done);
        g_assert_cmpuint(answer.status, ==, 200);
        g_assert_cmpint(answer.body != NULL, ==, !g_str_equal(paths[i], "/metrics"));
        g_clear_pointer(&answer.body, json_node_unref);
    }
    close_stand(&stand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/http-api/process", test_process);
    g_test_add_func("/http-api/bad-body-names-the-field", test_bad_body);
    g_test_add_func("/http-api/key", test_key);
    g_test_add_func("/http-api/rate-is-limited", test_rate);
    g_test_add_func("/http-api/free-with-a-request", test_free_with_a_request);
    g_test_add_func("/http-api/stop-waits-for-what-is-being-processed",
                    test_stop_waits_for_what_is_being_processed);
    g_test_add_func("/http-api/stop-does-not-wait-for-ever", test_stop_does_not_wait_for_ever);
    g_test_add_func("/http-api/health-ready-engines-metrics", test_gets);
    return g_test_run();
}
