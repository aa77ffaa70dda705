/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client.h"

#include "provider_error.h"
#include "transport.h"
#include <dubbing_log.h>
#include <dubbing_retry.h>
#include <dubbing_text.h>
#include <pthread.h>
#include <string.h>

#define MAX_TRIES 4
#define FIRST_WAIT_NS (200 * DUB_NS_PER_MS)
#define MAX_WAIT_NS (4 * DUB_NS_PER_S)
/* No answer comes in less: not worth asking again. */
#define LEAST_LEFT_NS (50 * DUB_NS_PER_MS)
/* For calls that have no deadline. */
#define LONGEST_NS (60 * DUB_NS_PER_S)
#define QUOTA_PAUSE_NS (60 * DUB_NS_PER_S)

struct http_client {
    struct http_transport *transport;
    const char *engine;
    enum dub_stage stage;
    char *secret;
    const char *secret_name;
    int64_t first_wait_ns;
    pthread_mutex_t lock;
    int64_t closed_until_ns;    /* guarded by lock: nobody asks before; 0: open */
    struct dub_error closed_by; /* guarded by lock */
};

/* What one try has come to. */
struct verdict {
    bool again;       /* may succeed when asked again */
    int64_t wait_ns;  /* at least so long; -1: not said */
    int64_t close_ns; /* nobody else should ask for so long; 0: anybody may */
};

char *http_base_url(const char *text, const char *variable, enum dub_stage stage, struct dub_error *error)
{
    g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
    const char *scheme = uri ? g_uri_get_scheme(uri) : "";
    bool web = strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
    if (!web || !g_uri_get_host(uri) || !*g_uri_get_host(uri) || g_uri_get_userinfo(uri) ||
        g_uri_get_query(uri) || g_uri_get_fragment(uri)) {
        dub_error_set_stage(error, DUB_ERROR_INVALID_CONFIG, stage,
                            "%s is no address of an HTTP server: \"https://host[:port][/path]\" is allowed, "
                            "without user, password or query",
                            variable);
        return NULL;
    }
    char *base = g_strdup(text);
    for (gsize length = strlen(base); length > 0 && base[length - 1] == '/'; length--)
        base[length - 1] = '\0';
    return base;
}

struct http_client *http_client_new(const struct http_client_config *config)
{
    struct http_client *client = g_new0(struct http_client, 1);
    client->transport = http_transport_new(MAX(config->max_connections, 1));
    client->engine = config->engine;
    client->stage = config->stage;
    client->secret = g_strdup(config->secret);
    client->secret_name = config->secret_name;
    client->first_wait_ns = config->first_wait_ns > 0 ? config->first_wait_ns : FIRST_WAIT_NS;
    pthread_mutex_init(&client->lock, NULL);
    return client;
}

void http_client_free(struct http_client *client)
{
    if (!client)
        return;
    http_transport_free(client->transport);
    pthread_mutex_destroy(&client->lock);
    g_free(client->secret);
    g_free(client);
}

static enum dub_error_code unavailable(const struct http_client *client)
{
    return client->stage == DUB_STAGE_TRANSLATION ? DUB_ERROR_TRANSLATION_API_UNAVAILABLE
                                                  : DUB_ERROR_MODEL_ERROR;
}

static enum dub_error_code failed(const struct http_client *client)
{
    if (client->stage == DUB_STAGE_ASR)
        return DUB_ERROR_ASR_FAILED;
    return client->stage == DUB_STAGE_TTS ? DUB_ERROR_TTS_SYNTHESIS_FAILED : DUB_ERROR_TRANSLATION_FAILED;
}

bool http_client_bad_answer(const struct http_client *client, const char *what, struct dub_error *error)
{
    return dub_error_set_stage(error, unavailable(client), client->stage, "%s has answered %s",
                               client->engine, what);
}

static struct verdict judge_refused_key(const struct http_client *client, unsigned status,
                                        struct dub_error *error)
{
    /* Nothing of what the provider says: some repeat a part of the key. */
    dub_error_set_stage(error, failed(client), client->stage, "%s refuses access (%u): check %s",
                        client->engine, status, client->secret_name ? client->secret_name : "its address");
    return (struct verdict){.wait_ns = -1};
}

static struct verdict judge_quota(const struct http_client *client, const struct http_answer *answer,
                                  struct dub_error *error)
{
    int64_t pause_ns = answer->retry_after_ms > 0 ? answer->retry_after_ms * DUB_NS_PER_MS : QUOTA_PAUSE_NS;
    dub_error_set_stage(error, DUB_ERROR_RATE_LIMIT_EXCEEDED, client->stage,
                        "the quota of %s is used up (%u): see the account", client->engine, answer->status);
    return (struct verdict){.wait_ns = -1, .close_ns = pause_ns};
}

static struct verdict judge_refusal(const struct http_client *client, const struct http_answer *answer,
                                    struct dub_error *error)
{
    struct provider_error said;
    gsize size = 0;
    const void *body = answer->body ? g_bytes_get_data(answer->body, &size) : NULL;
    int64_t after_ns = answer->retry_after_ms < 0 ? -1 : answer->retry_after_ms * DUB_NS_PER_MS;
    unsigned status = answer->status;
    provider_error_read(body, size, client->secret, &said);
    if (said.quota || status == 402 || status == 456)
        return judge_quota(client, answer, error);
    if (status == 401 || status == 403)
        return judge_refused_key(client, status, error);
    bool often = status == 429;
    bool again = often || status == 408 || status >= 500;
    enum dub_error_code code = often ? DUB_ERROR_RATE_LIMIT : again ? unavailable(client) : failed(client);
    dub_error_set_stage(error, code, client->stage, "%s has answered %u%s%s", client->engine, status,
                        *said.message ? ": " : "", said.message);
    return (struct verdict){
        .again = again, .wait_ns = after_ns, .close_ns = again && after_ns > 0 ? after_ns : 0};
}

static struct verdict judge_success(const struct http_client *client, const struct http_request *request,
                                    const struct http_answer *answer, struct dub_error *error)
{
    struct verdict verdict = {.wait_ns = -1};
    error->code = DUB_ERROR_NONE;
    if (!answer->body)
        dub_error_set_stage(error, failed(client), client->stage,
                            "%s has answered with more than %" G_GSIZE_FORMAT " bytes", client->engine,
                            request->max_bytes);
    else if (!g_str_has_prefix(answer->type, request->answer_type))
        dub_error_set_stage(error, unavailable(client), client->stage,
                            "%s has answered with \"%.*s\" instead of \"%s\": is its address right?",
                            client->engine, dub_text_cut(answer->type, 60), answer->type,
                            request->answer_type);
    return verdict;
}

/* One try; error->code is NONE when it has succeeded. */
static struct verdict try_once(struct http_client *client, const struct http_request *request,
                               const struct engine_call *call, struct http_answer *answer,
                               struct dub_error *error)
{
    g_autofree char *reason = NULL;
    enum http_fate fate = http_transport_send(client->transport, request, call, answer, &reason);
    if (fate == HTTP_GIVEN_UP) {
        engine_call_go_on(call, client->stage, error);
        return (struct verdict){.wait_ns = -1};
    }
    if (fate == HTTP_UNREACHABLE) {
        dub_error_set_stage(error, unavailable(client), client->stage, "%s cannot be reached: %s",
                            client->engine, reason);
        return (struct verdict){.again = true, .wait_ns = -1};
    }
    if (answer->status >= 200 && answer->status < 300)
        return judge_success(client, request, answer, error);
    return judge_refusal(client, answer, error);
}

static void close_for(struct http_client *client, int64_t close_ns, const struct dub_error *error)
{
    pthread_mutex_lock(&client->lock);
    client->closed_until_ns =
        MAX(client->closed_until_ns, dub_clock_now_ns(dub_clock_monotonic()) + close_ns);
    client->closed_by = *error;
    pthread_mutex_unlock(&client->lock);
}

static bool worth_waiting(const struct engine_call *call, int64_t wait_ns)
{
    return dub_clock_now_ns(dub_clock_monotonic()) + wait_ns + LEAST_LEFT_NS < call->deadline_ns;
}

/* Waits while the provider has told others to come later; false at once where that is beyond the deadline. */
static bool wait_until_open(struct http_client *client, const struct engine_call *call,
                            struct dub_error *error)
{
    pthread_mutex_lock(&client->lock);
    int64_t left_ns = client->closed_until_ns - dub_clock_now_ns(dub_clock_monotonic());
    struct dub_error closed_by = client->closed_by;
    pthread_mutex_unlock(&client->lock);
    if (left_ns <= 0)
        return true;
    if (worth_waiting(call, left_ns))
        return engine_call_sleep(call, left_ns, client->stage, error);
    if (error)
        *error = closed_by;
    return false;
}

/* Half of it for certain, the rest by chance: those who failed together do not come back together. */
static int64_t jitter(int64_t wait_ns)
{
    return wait_ns / 2 + (int64_t)((double)wait_ns / 2.0 * g_random_double());
}

static GBytes *ask(struct http_client *client, const struct http_request *request,
                   const struct engine_call *call, struct dub_error *error)
{
    struct dub_backoff backoff = DUB_BACKOFF(client->first_wait_ns, MAX_WAIT_NS);
    for (int tries = 1;; tries++) {
        struct http_answer answer;
        if (!wait_until_open(client, call, error))
            return NULL;
        struct verdict verdict = try_once(client, request, call, &answer, error);
        GBytes *body = error->code == DUB_ERROR_NONE ? g_steal_pointer(&answer.body) : NULL;
        http_answer_clear(&answer);
        if (verdict.close_ns > 0)
            close_for(client, verdict.close_ns, error);
        if (body || !verdict.again || tries == MAX_TRIES)
            return body;
        int64_t wait_ns = MAX(jitter(dub_backoff_next_ns(&backoff)), verdict.wait_ns);
        if (!worth_waiting(call, wait_ns) || !engine_call_sleep(call, wait_ns, client->stage, error))
            return NULL;
    }
}

GBytes *http_client_ask(struct http_client *client, const struct http_request *request,
                        const struct engine_call *call, struct dub_error *error)
{
    struct engine_call bounded = *call;
    struct dub_error problem = {0};
    int64_t longest_ns = dub_clock_now_ns(dub_clock_monotonic()) + LONGEST_NS;
    if (bounded.deadline_ns <= 0 || bounded.deadline_ns > longest_ns)
        bounded.deadline_ns = longest_ns;
    GBytes *body = engine_call_go_on(&bounded, client->stage, &problem)
                       ? ask(client, request, &bounded, &problem)
                       : NULL;
    if (!body && error)
        *error = problem;
    return body;
}

void http_client_greet(struct http_client *client, const char *url, struct http_header header,
                       const struct engine_call *call)
{
    struct dub_error problem = {0};
    struct http_request request = {.method = "GET",
                                   .url = url,
                                   .headers = {header},
                                   .answer_type = "",
                                   .max_bytes = HTTP_TEXT_MAX_BYTES};
    g_autoptr(GBytes) body = http_client_ask(client, &request, call, &problem);
    if (!body && problem.code != DUB_ERROR_CANCELLED)
        dub_log_info("%s", problem.message);
}
