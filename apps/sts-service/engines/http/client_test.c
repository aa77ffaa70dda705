/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a provider's answers become errors of the protocol, and when it is asked again. Time is real; what is
 * asserted about it is what can only take longer on a loaded machine. */
#include "../contract_support.h"
#include "client.h"
#include "provider_stand.h"
#include <string.h>

#define SECRET "sk-secret-of-somebody"

/* The replies in their order; the last goes on. */
struct script {
    const struct stand_reply *replies;
    int count;
};

static void play(const struct stand_request *request, struct stand_reply *reply, void *user)
{
    const struct script *script = user;
    *reply = script->replies[MIN(request->number, script->count) - 1];
    reply->body = g_memdup2(reply->body, reply->size > 0 ? reply->size : strlen(reply->body) + 1);
}

struct outcome {
    char *body;
    struct dub_error error;
    int requests;
    int connections;
};

static struct http_client *client_for(enum dub_stage stage)
{
    struct http_client_config config = {.engine = "deepl",
                                        .stage = stage,
                                        .secret = SECRET,
                                        .secret_name = "DEEPL_AUTH_KEY",
                                        .max_connections = 4,
                                        .first_wait_ns = DUB_NS_PER_MS};
    return http_client_new(&config);
}

static char *ask(struct http_client *client, const char *url, int64_t in_ms, struct dub_error *error)
{
    struct http_request request = {.method = "POST",
                                   .url = url,
                                   .headers = {{"Authorization", "Bearer " SECRET}},
                                   .content_type = "application/json",
                                   .answer_type = "application/json",
                                   .max_bytes = 1000};
    struct engine_call call = {.deadline_ns = in_ms ? contract_deadline_ns(in_ms) : 0};
    g_autoptr(GBytes) sent = g_bytes_new_static("{}", 2);
    request.body = sent;
    g_autoptr(GBytes) body = http_client_ask(client, &request, &call, error);
    gsize size = 0;
    const char *data = body ? g_bytes_get_data(body, &size) : NULL;
    return data ? g_strndup(data, size) : NULL;
}

static struct outcome outcome_of(enum dub_stage stage, const struct stand_reply *replies, int count,
                                 int64_t in_ms)
{
    struct script script = {replies, count};
    struct outcome outcome = {.body = NULL};
    struct provider_stand *stand = provider_stand_new(play, &script);
    struct http_client *client = client_for(stage);
    outcome.body = ask(client, provider_stand_url(stand), in_ms, &outcome.error);
    http_client_free(client);
    outcome.requests = provider_stand_requests(stand);
    provider_stand_free(stand);
    g_assert_null(strstr(outcome.error.message, SECRET));
    return outcome;
}

static struct stand_reply reply(int status, const char *body)
{
    return (struct stand_reply){.status = status, .body = (char *)body};
}

static void test_refusals(void)
{
    static const struct {
        int status;
        enum dub_stage stage;
        const char *body;
        enum dub_error_code code;
        bool retryable;
        int requests;
        const char *says;
    } cases[] = {
        {400, DUB_STAGE_TRANSLATION, "{\"message\":\"bad pair\"}", DUB_ERROR_TRANSLATION_FAILED, false, 1,
         "deepl has answered 400: bad pair"},
        {401, DUB_STAGE_TRANSLATION, "{\"error\":{\"message\":\"sk-sec***\"}}", DUB_ERROR_TRANSLATION_FAILED,
         false, 1, "check DEEPL_AUTH_KEY"},
        {403, DUB_STAGE_ASR, "{}", DUB_ERROR_ASR_FAILED, false, 1, "check DEEPL_AUTH_KEY"},
        {404, DUB_STAGE_TTS, "<html>", DUB_ERROR_TTS_SYNTHESIS_FAILED, false, 1, "answered 404"},
        {413, DUB_STAGE_TRANSLATION, "{\"message\":\"too large " SECRET "\"}", DUB_ERROR_TRANSLATION_FAILED,
         false, 1, "413: too large ***"},
        {422, DUB_STAGE_TTS, "{\"detail\":{\"status\":\"bad\",\"message\":\"no voice\"}}",
         DUB_ERROR_TTS_SYNTHESIS_FAILED, false, 1, "422: no voice"},
        {429, DUB_STAGE_TRANSLATION, "{\"error\":\"Slowdown\"}", DUB_ERROR_RATE_LIMIT, true, 4,
         "429: Slowdown"},
        {429, DUB_STAGE_ASR, "{\"error\":{\"message\":\"m\",\"code\":\"insufficient_quota\"}}",
         DUB_ERROR_RATE_LIMIT_EXCEEDED, true, 1, "quota"},
        {456, DUB_STAGE_TRANSLATION, "{\"message\":\"Quota exceeded\"}", DUB_ERROR_RATE_LIMIT_EXCEEDED, true,
         1, "quota"},
        {402, DUB_STAGE_TTS, "", DUB_ERROR_RATE_LIMIT_EXCEEDED, true, 1, "quota"},
        {500, DUB_STAGE_TRANSLATION, "", DUB_ERROR_TRANSLATION_API_UNAVAILABLE, true, 4, "answered 500"},
        {503, DUB_STAGE_ASR, "busy", DUB_ERROR_MODEL_ERROR, true, 4, "answered 503"},
        {529, DUB_STAGE_TTS, "{}", DUB_ERROR_MODEL_ERROR, true, 4, "answered 529"},
        {302, DUB_STAGE_TTS, "", DUB_ERROR_TTS_SYNTHESIS_FAILED, false, 1, "answered 302"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        const struct stand_reply once = reply(cases[i].status, cases[i].body);
        struct outcome outcome = outcome_of(cases[i].stage, &once, 1, 30000);
        g_test_message("%d: %s", cases[i].status, outcome.error.message);
        g_assert_null(outcome.body);
        g_assert_cmpint(outcome.error.code, ==, cases[i].code);
        g_assert_cmpint(outcome.error.stage, ==, cases[i].stage);
        g_assert_cmpint(outcome.error.retryable, ==, cases[i].retryable);
        g_assert_cmpint(outcome.requests, ==, cases[i].requests);
        g_assert_nonnull(strstr(outcome.error.message, cases[i].says));
    }
}

static void test_a_second_try_succeeds(void)
{
    const struct stand_reply replies[] = {{.status = 503, .body = (char *)"{}"},
                                          {.body = (char *)"{\"cut\":\"here\"}", .cut = true},
                                          {.body = (char *)"{}"}};
    struct outcome outcome = outcome_of(DUB_STAGE_ASR, replies, 3, 30000);
    g_assert_cmpstr(outcome.body, ==, "{}");
    g_assert_cmpint(outcome.requests, ==, 3);
    g_free(outcome.body);
}

static void test_retry_after_is_kept(void)
{
    const struct stand_reply replies[] = {
        {.status = 429, .body = (char *)"{}", .headers = "Retry-After: 1\r\n"}, {.body = (char *)"{}"}};
    int64_t start_ms = contract_now_ms();
    struct outcome outcome = outcome_of(DUB_STAGE_ASR, replies, 2, 30000);
    g_assert_cmpint(contract_now_ms() - start_ms, >=, 990);
    g_assert_cmpstr(outcome.body, ==, "{}");
    g_free(outcome.body);
}

/* A wait that does not fit is not begun, and the next caller learns of it without a request. */
static void test_retry_after_beyond_the_deadline(void)
{
    const struct stand_reply replies[] = {
        {.status = 429, .body = (char *)"{}", .headers = "Retry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n"}};
    struct script script = {replies, 1};
    struct dub_error error = {0};
    struct provider_stand *stand = provider_stand_new(play, &script);
    struct http_client *client = client_for(DUB_STAGE_TRANSLATION);
    for (int i = 0; i < 3; i++) {
        g_assert_null(ask(client, provider_stand_url(stand), 30000, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_RATE_LIMIT);
        g_assert_cmpint(provider_stand_requests(stand), ==, 1);
    }
    http_client_free(client);
    provider_stand_free(stand);
}

static void test_answers_that_are_none(void)
{
    g_autofree char *huge = g_strnfill(5000, ' ');
    const struct {
        struct stand_reply reply;
        enum dub_error_code code;
        const char *says;
    } cases[] = {
        {{.body = huge}, DUB_ERROR_TRANSLATION_FAILED, "more than 1000 bytes"},
        {{.body = (char *)"<html>", .type = "text/html; charset=utf-8"},
         DUB_ERROR_TRANSLATION_API_UNAVAILABLE,
         "\"text/html\""},
        {{.body = (char *)"{\"a\":1}", .cut = true}, DUB_ERROR_TRANSLATION_API_UNAVAILABLE, "reached"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct outcome outcome = outcome_of(DUB_STAGE_TRANSLATION, &cases[i].reply, 1, 30000);
        g_test_message("%s", outcome.error.message);
        g_assert_null(outcome.body);
        g_assert_cmpint(outcome.error.code, ==, cases[i].code);
        g_assert_nonnull(strstr(outcome.error.message, cases[i].says));
    }
}

/* The key is for the address that it was given for. */
static void test_redirects_are_not_followed(void)
{
    const struct stand_reply away = {
        .status = 303, .body = (char *)"{}", .headers = "Location: /elsewhere\r\n"};
    struct outcome outcome = outcome_of(DUB_STAGE_ASR, &away, 1, 30000);
    g_assert_null(outcome.body);
    g_assert_cmpint(outcome.error.code, ==, DUB_ERROR_ASR_FAILED);
    g_assert_cmpint(outcome.requests, ==, 1);
}

static void test_nobody_listens(void)
{
    const struct stand_reply any = reply(200, "{}");
    struct script script = {&any, 1};
    struct dub_error error = {0};
    struct provider_stand *stand = provider_stand_new(play, &script);
    g_autofree char *url = g_strdup(provider_stand_url(stand));
    provider_stand_free(stand);
    struct http_client *client = client_for(DUB_STAGE_TTS);
    g_assert_null(ask(client, url, 30000, &error));
    g_test_message("%s", error.message);
    g_assert_cmpint(error.code, ==, DUB_ERROR_MODEL_ERROR);
    g_assert_true(error.retryable);
    http_client_free(client);
}

static void test_a_late_answer(void)
{
    const struct stand_reply late = {.body = (char *)"{}", .delay_ms = 60000};
    int64_t start_ms = contract_now_ms();
    struct outcome outcome = outcome_of(DUB_STAGE_TTS, &late, 1, 100);
    g_assert_null(outcome.body);
    g_assert_cmpint(outcome.error.code, ==, DUB_ERROR_TIMEOUT);
    g_assert_cmpint(contract_now_ms() - start_ms, <, 100 + CONTRACT_LATE_MS);
}

static void test_a_cancel(void)
{
    const struct stand_reply late = {.body = (char *)"{}", .delay_ms = 60000};
    struct script script = {&late, 1};
    struct provider_stand *stand = provider_stand_new(play, &script);
    struct http_client *client = client_for(DUB_STAGE_ASR);
    struct contract_canceller canceller;
    contract_canceller_start(&canceller, 50);
    struct http_request request = {.method = "GET",
                                   .url = provider_stand_url(stand),
                                   .answer_type = "application/json",
                                   .max_bytes = 1000};
    struct engine_call call = {.cancellable = canceller.cancellable};
    struct dub_error error = {0};
    g_assert_null(http_client_ask(client, &request, &call, &error));
    int64_t end_ms = contract_now_ms();
    contract_canceller_join(&canceller);
    g_assert_cmpint(error.code, ==, DUB_ERROR_CANCELLED);
    g_assert_cmpint(end_ms - canceller.cancelled_ms, <, CONTRACT_LATE_MS);
    http_client_free(client);
    provider_stand_free(stand);
}

static void test_connections_are_kept(void)
{
    const struct stand_reply any = reply(200, "{}");
    struct script script = {&any, 1};
    struct dub_error error = {0};
    struct provider_stand *stand = provider_stand_new(play, &script);
    struct http_client *client = client_for(DUB_STAGE_ASR);
    for (int i = 0; i < 20; i++) {
        g_autofree char *body = ask(client, provider_stand_url(stand), 0, &error);
        g_assert_cmpstr(body, ==, "{}");
    }
    g_assert_cmpint(provider_stand_requests(stand), ==, 20);
    g_assert_cmpint(provider_stand_connections(stand), ==, 1);
    http_client_free(client);
    provider_stand_free(stand);
}

static void test_addresses(void)
{
    static const char *const bad[] = {"",        "localhost:5000",       "ftp://host",
                                      "http://", "https://user:pw@host", "https://host?key=1"};
    struct dub_error error = {0};
    g_autofree char *good = http_base_url("https://host:5000/v1//", "X_URL", DUB_STAGE_TTS, &error);
    g_assert_cmpstr(good, ==, "https://host:5000/v1");
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(http_base_url(bad[i], "X_URL", DUB_STAGE_TTS, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
        g_assert_nonnull(strstr(error.message, "X_URL"));
        g_assert_null(strstr(error.message, "pw"));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/http-client/refusals", test_refusals);
    g_test_add_func("/http-client/a-second-try-succeeds", test_a_second_try_succeeds);
    g_test_add_func("/http-client/retry-after-is-kept", test_retry_after_is_kept);
    g_test_add_func("/http-client/retry-after-beyond-the-deadline", test_retry_after_beyond_the_deadline);
    g_test_add_func("/http-client/answers-that-are-none", test_answers_that_are_none);
    g_test_add_func("/http-client/redirects-are-not-followed", test_redirects_are_not_followed);
    g_test_add_func("/http-client/nobody-listens", test_nobody_listens);
    g_test_add_func("/http-client/a-late-answer", test_a_late_answer);
    g_test_add_func("/http-client/a-cancel", test_a_cancel);
    g_test_add_func("/http-client/connections-are-kept", test_connections_are_kept);
    g_test_add_func("/http-client/addresses", test_addresses);
    return g_test_run();
}
