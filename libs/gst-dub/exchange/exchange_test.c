/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The exchange with its thread and real sockets, against a scripted service on loopback in this process. What
 * only time brings about (backoff, breaker, deadlines) is tested on the core; here a fake clock only jumps
 * over waits. */
#include "exchange.h"

#include <dubbing_events.h>
#include <dubbing_socketio.h>
#include <string.h>

#define S DUB_NS_PER_S

/* Iterates the service's context until the condition holds; fails the test after 10 s. */
#define WAIT_FOR(condition)                                                                                  \
    do {                                                                                                     \
        int64_t give_up_us = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;                                   \
        while (!(condition)) {                                                                               \
            g_assert_cmpint(g_get_monotonic_time(), <, give_up_us);                                          \
            iterate();                                                                                       \
        }                                                                                                    \
    } while (0)

enum script {
    ECHO,       /* gives the audio back */
    UNREADY,    /* never says stream:ready */
    MUTE,       /* takes fragments and says nothing more */
    HANG_UP,    /* drops the connection at the first fragment */
    LIE,        /* answers for another number, then with rubbish, then rightly and twice */
    REFUSE_KEY, /* AUTH_FAILED */
};

struct service {
    enum script script;
    SoupServer *soup;
    struct dub_sio_server *server;
    unsigned port;
    unsigned n_connects, n_fragments, n_applied, n_ends;
    int64_t next_sequence;
    int max_inflight;
};

struct caller {
    struct dub_fake_clock fake;
    struct dub_exchange *exchange;
    gint n_results; /* atomic; what follows is read after it */
    gint n_dubbed;  /* atomic */
    enum dub_error_code last_code;
    char last_message[256];
    char last_text[64];
    unsigned last_samples;
    bool taken;
};

static gboolean on_tick(void *data)
{
    return G_SOURCE_REMOVE;
}

static void iterate(void)
{
    guint id = g_timeout_add(5, on_tick, NULL);
    g_main_context_iteration(NULL, TRUE);
    if (g_main_context_find_source_by_id(NULL, id) != NULL)
        g_source_remove(id);
}

static bool authorize(const struct dub_eio_handshake *handshake, JsonNode *auth,
                      struct dub_sio_refusal *refusal, void *user)
{
    const struct service *service = user;
    g_assert_cmpstr(dub_eio_handshake_header(handshake, "X-Stream-ID"), ==, "stream-1");
    g_assert_cmpstr(dub_eio_handshake_header(handshake, "X-Worker-ID"), ==, "worker-1");
    if (service->script != REFUSE_KEY) {
        g_assert_cmpstr(dub_eio_handshake_header(handshake, "Authorization"), ==, "Bearer key");
        g_assert_cmpstr(json_object_get_string_member(json_node_get_object(auth), "token"), ==, "key");
        return true;
    }
    g_strlcpy(refusal->code, "AUTH_FAILED", sizeof refusal->code);
    g_strlcpy(refusal->message, "the key is wrong", sizeof refusal->message);
    return false;
}

static void on_connect(struct dub_sio_socket *socket, const struct dub_eio_handshake *handshake,
                       JsonNode *auth, void *user)
{
    struct service *service = user;
    service->n_connects++;
    service->next_sequence = 0;
}

static void say_ready(struct service *service, struct dub_sio_socket *socket, JsonNode *node)
{
    struct dub_stream_init init;
    g_assert_true(dub_stream_init_read(&init, node, NULL));
    struct dub_stream_ready ready = {
        .stream_id = init.stream_id, .session_id = (char *)"s", .max_inflight = service->max_inflight};
    if (service->script != UNREADY)
        dub_sio_socket_emit_take(socket, DUB_EVENT_STREAM_READY, dub_stream_ready_to_json(&ready));
    dub_stream_init_clear(&init);
}

static void send_echo(struct dub_sio_socket *socket, const struct dub_fragment_data *data, int64_t sequence)
{
    struct dub_fragment_processed processed = {
        .fragment_id = data->fragment_id,
        .stream_id = data->stream_id,
        .sequence_number = sequence,
        .status = DUB_FRAGMENT_SUCCESS,
        .dubbed_audio = data->audio,
        .translated_text = (char *)"buenos días",
    };
    dub_sio_socket_emit_take(socket, DUB_EVENT_FRAGMENT_PROCESSED,
                             dub_fragment_processed_to_json(&processed));
}

static void tell_lies(struct dub_sio_socket *socket, const struct dub_fragment_data *data)
{
    send_echo(socket, data, data->sequence_number + 1);
    dub_sio_socket_emit(socket, DUB_EVENT_FRAGMENT_PROCESSED, NULL, NULL);
    dub_sio_socket_emit_take(socket, DUB_EVENT_FRAGMENT_PROCESSED, json_node_init_int(json_node_alloc(), 1));
    send_echo(socket, data, data->sequence_number);
    send_echo(socket, data, data->sequence_number);
}

static void take_fragment(struct service *service, struct dub_sio_socket *socket, JsonNode *node)
{
    struct dub_fragment_data data;
    g_assert_true(dub_fragment_data_read(&data, node, NULL));
    g_assert_cmpint(data.sequence_number, ==, service->next_sequence++);
    service->n_fragments++;
    if (service->script == ECHO)
        send_echo(socket, &data, data.sequence_number);
    else if (service->script == LIE)
        tell_lies(socket, &data);
    else if (service->script == HANG_UP)
        dub_sio_socket_close_connection(socket);
    dub_fragment_data_clear(&data);
}

static void on_event(struct dub_sio_socket *socket, const struct dub_sio_event *event, void *user)
{
    struct service *service = user;
    JsonNode *node = json_array_get_element(event->args, 0);
    if (strcmp(event->name, DUB_EVENT_STREAM_INIT) == 0)
        say_ready(service, socket, node);
    else if (strcmp(event->name, DUB_EVENT_FRAGMENT_DATA) == 0)
        take_fragment(service, socket, node);
    else if (strcmp(event->name, DUB_EVENT_FRAGMENT_ACK) == 0)
        service->n_applied++;
    else if (strcmp(event->name, DUB_EVENT_STREAM_END) == 0)
        service->n_ends++;
}

/* libsoup warns about a peer that was gone before its connection was looked at; here peers are gone on
 * purpose. */
static gboolean is_fatal(const char *domain, GLogLevelFlags level, const char *message, void *user)
{
    return g_strcmp0(domain, "libsoup") != 0 || strstr(message, "could not get remote address") == NULL;
}

static void on_libsoup_warning(const char *domain, GLogLevelFlags level, const char *message, void *user)
{
    if (is_fatal(domain, level, message, user))
        g_log_default_handler(domain, level, message, user);
}

static void expect_lost_peers(void)
{
    g_test_log_set_fatal_handler(is_fatal, NULL);
    g_log_set_handler("libsoup", G_LOG_LEVEL_WARNING | G_LOG_FLAG_FATAL, on_libsoup_warning, NULL);
}

/* port 0: any. */
static void service_start(struct service *service, enum script script, unsigned port)
{
    *service = (struct service){.script = script, .max_inflight = 10, .soup = soup_server_new(NULL, NULL)};
    expect_lost_peers();
    g_autoptr(GError) error = NULL;
    soup_server_listen_local(service->soup, port, SOUP_SERVER_LISTEN_IPV4_ONLY, &error);
    g_assert_no_error(error);
    GSList *uris = soup_server_get_uris(service->soup);
    service->port = (unsigned)g_uri_get_port(uris->data);
    g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
    service->server = dub_sio_server_new(service->soup, NULL);
    const struct dub_sio_namespace space = {.name = "/",
                                            .on_authorize = authorize,
                                            .on_connect = on_connect,
                                            .on_event = on_event,
                                            .user = service};
    dub_sio_server_add_namespace(service->server, &space);
}

/* As abruptly as kill -9. */
static void service_stop(struct service *service)
{
    dub_sio_server_free(service->server);
    soup_server_disconnect(service->soup);
    g_object_unref(service->soup);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void on_result(struct dub_exchange_result *result, void *user)
{
    struct caller *caller = user;
    caller->last_code = result->error.code;
    caller->last_samples = result->n_samples;
    g_strlcpy(caller->last_message, result->error.message, sizeof caller->last_message);
    g_strlcpy(caller->last_text, result->translated_text, sizeof caller->last_text);
    if (result->dubbed && caller->taken)
        g_free(g_steal_pointer(&result->samples));
    if (result->dubbed)
        g_atomic_int_inc(&caller->n_dubbed);
    g_atomic_int_inc(&caller->n_results);
}

static void caller_start(struct caller *caller, const char *url, bool fake_time)
{
    static const struct dub_exchange_events events = {on_result};
    *caller = (struct caller){0};
    dub_fake_clock_init(&caller->fake, 5 * S);
    const struct dub_exchange_config config = {
        .url = url,
        .api_key = "key",
        .stream_id = "stream-1",
        .worker_id = "worker-1",
        .source_language = "en",
        .target_language = "es",
        .voice_profile = "default",
        .max_inflight = 3,
        .timeout_ms = 8000,
        .clock = fake_time ? &caller->fake.clock : dub_clock_monotonic(),
    };
    caller->exchange = dub_exchange_new(&config, &events, caller);
}

static void start_both(struct service *service, enum script script, struct caller *caller, bool fake_time)
{
    service_start(service, script, 0);
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u", service->port);
    caller_start(caller, url, fake_time);
}

static bool submit(struct caller *caller, int64_t deadline_ns)
{
    struct dub_exchange_fragment fragment = {
        .duration_ns = 2 * S,
        .max_duration_ns = 2 * S,
        .deadline_ns = deadline_ns,
        .n_samples = 2 * DUB_EXCHANGE_RATE_HZ,
        .samples = g_new(int16_t, 2 * DUB_EXCHANGE_RATE_HZ),
    };
    for (unsigned i = 0; i < fragment.n_samples; i++)
        fragment.samples[i] = (int16_t)(i % 100);
    bool accepted = dub_exchange_submit(caller->exchange, &fragment);
    g_free(fragment.samples);
    return accepted;
}

static struct dub_exchange_stats stats_of(struct caller *caller)
{
    struct dub_exchange_stats stats;
    dub_exchange_get_stats(caller->exchange, &stats);
    return stats;
}

static int results_of(struct caller *caller)
{
    return g_atomic_int_get(&caller->n_results);
}

static gint freed; /* atomic */

static void *free_and_tell(void *data)
{
    dub_exchange_free(data);
    g_atomic_int_set(&freed, 1);
    return NULL;
}

/* The exchange's farewell needs the service's context to go round, so it is freed on another thread. */

static void caller_stop(struct caller *caller)
{
    g_atomic_int_set(&freed, 0);
    GThread *thread = g_thread_new("free", free_and_tell, caller->exchange);
    WAIT_FOR(g_atomic_int_get(&freed) == 1);
    g_thread_join(thread);
}

static void test_fragments_are_dubbed(void)
{
    struct service service;
    struct caller caller;
    start_both(&service, ECHO, &caller, false);
    for (int i = 0; i < 20; i++)
        submit(&caller, INT64_MAX);
    WAIT_FOR(results_of(&caller) == 20 && service.n_applied == 20);
    g_assert_cmpint(g_atomic_int_get(&caller.n_dubbed), ==, 20);
    g_assert_cmpuint(caller.last_samples, ==, 2 * DUB_EXCHANGE_RATE_HZ);
    g_assert_cmpstr(caller.last_text, ==, "buenos días");
    WAIT_FOR(stats_of(&caller).inflight == 0);
    g_assert_true(stats_of(&caller).connected);
    g_assert_cmpuint(stats_of(&caller).fragments_sent, ==, 20);
    g_assert_cmpint(dub_exchange_rtt_p95_ns(caller.exchange, -1), >, 0);
    caller_stop(&caller);
    g_assert_cmpuint(service.n_ends, ==, 1);
    service_stop(&service);
}

static void test_result_samples_may_be_taken(void)
{
    struct service service;
    struct caller caller;
    start_both(&service, ECHO, &caller, false);
    caller.taken = true;
    submit(&caller, INT64_MAX);
    WAIT_FOR(results_of(&caller) == 1);
    caller_stop(&caller);
    service_stop(&service);
}

static void test_service_that_is_not_there(void)
{
    struct caller caller;
    caller_start(&caller, "http://127.0.0.1:1", true);
    submit(&caller, INT64_MAX);
    WAIT_FOR(results_of(&caller) == 1);
    g_assert_cmpint(caller.last_code, ==, DUB_ERROR_UNAVAILABLE);
    submit(&caller, INT64_MAX);
    WAIT_FOR(results_of(&caller) == 2);
    g_assert_false(stats_of(&caller).connected);
    caller_stop(&caller);
}

static void test_url_that_makes_no_sense(void)
{
    struct caller caller;
    caller_start(&caller, "ftp://nowhere", true);
    submit(&caller, INT64_MAX);
    WAIT_FOR(results_of(&caller) == 1);
    g_assert_cmpint(caller.last_code, ==, DUB_ERROR_UNAVAILABLE);
    caller_stop(&caller);
}

static void test_service_killed_and_found_again(void)
{
    struct service service;
    struct caller caller;
    start_both(&service, MUTE, &caller, true);
    unsigned port = service.port;
    for (int i = 0; i < 5; i++)
        submit(&caller, INT64_MAX);
    WAIT_FOR(service.n_fragments == 3);
    service_stop(&service);
    WAIT_FOR(results_of(&caller) == 5);
    g_assert_cmpint(caller.last_code, ==, DUB_ERROR_UNAVAILABLE);
    service_start(&service, ECHO, port);
    dub_fake_clock_advance(&caller.fake, 2 * S);
    WAIT_FOR(stats_of(&caller).connected);
    submit(&caller, INT64_MAX);
    WAIT_FOR(results_of(&caller) == 6);
    g_assert_cmpint(g_atomic_int_get(&caller.n_dubbed), ==, 1);
    g_assert_cmpuint(stats_of(&caller).reconnects, ==, 1);
    caller_stop(&caller);
    service_stop(&service);
}

static void test_service_that_hangs_up_midway(void)
{
    struct service service;
    struct caller caller;
    start_both(&service, HANG_UP, &caller, true);
    for (unsigned round = 1; round <= 3; round++) {
        WAIT_FOR(stats_of(&caller).connected && service.n_connects == round);
        submit(&caller, INT64_MAX);
        WAIT_FOR(results_of(&caller) == (int)round);
        g_assert_cmpint(caller.last_code, ==, DUB_ERROR_UNAVAILABLE);
        WAIT_FOR(!stats_of(&caller).connected);
        dub_fake_clock_advance(&caller.fake, (INT64_C(1) << round) * S);
    }
    caller_stop(&caller);
    service_stop(&service);
}

static void test_silent_service_times_out(void)
{
    struct service service;
    struct caller caller;
    start_both(&service, MUTE, &caller, true);
    submit(&caller, 5 * S + 3 * S);
    WAIT_FOR(service.n_fragments == 1);
    dub_fake_clock_advance(&caller.fake, 3 * S);
    WAIT_FOR(results_of(&caller) == 1);
    g_assert_cmpint(caller.last_code, ==, DUB_ERROR_TIMEOUT);
    caller_stop(&caller);
    service_stop(&service);
}

static void test_service_that_is_never_ready(void)
{
    struct service service;
    struct caller caller;
    start_both(&service, UNREADY, &caller, true);
    WAIT_FOR(service.n_connects == 1);
    submit(&caller, 5 * S + 1 * S);
    dub_fake_clock_advance(&caller.fake, 1 * S);
    WAIT_FOR(results_of(&caller) == 1);
    g_assert_cmpint(caller.last_code, ==, DUB_ERROR_UNAVAILABLE);
    caller_stop(&caller);
    service_stop(&service);
}

static void test_lying_service_changes_nothing(void)
{
    struct service service;
    struct caller caller;
    start_both(&service, LIE, &caller, false);
    for (int i = 0; i < 4; i++)
        submit(&caller, INT64_MAX);
    WAIT_FOR(results_of(&caller) == 4);
    g_assert_cmpint(g_atomic_int_get(&caller.n_dubbed), ==, 4);
    WAIT_FOR(stats_of(&caller).ignored_answers == 16);
    g_assert_true(stats_of(&caller).connected);
    caller_stop(&caller);
    service_stop(&service);
}

static void test_wrong_key_is_said_in_the_reason(void)
{
    struct service service;
    struct caller caller;
    start_both(&service, REFUSE_KEY, &caller, true);
    submit(&caller, INT64_MAX);
    WAIT_FOR(results_of(&caller) == 1);
    g_assert_cmpint(caller.last_code, ==, DUB_ERROR_AUTH_FAILED);
    caller_stop(&caller);
    service_stop(&service);
}

static void test_closing_hands_everything_back(void)
{
    struct service service;
    struct caller caller;
    start_both(&service, MUTE, &caller, false);
    for (int i = 0; i < 10; i++)
        submit(&caller, INT64_MAX);
    WAIT_FOR(service.n_fragments == 3);
    caller_stop(&caller);
    g_assert_cmpint(results_of(&caller), ==, 10);
    g_assert_cmpint(caller.last_code, ==, DUB_ERROR_CANCELLED);
    service_stop(&service);
}

static void test_queue_is_bounded(void)
{
    struct service service;
    struct caller caller;
    int accepted = 0;
    start_both(&service, MUTE, &caller, true);
    WAIT_FOR(stats_of(&caller).connected);
    for (int i = 0; i < 100; i++)
        accepted += submit(&caller, INT64_MAX);
    g_assert_cmpint(accepted, ==, 64);
    caller_stop(&caller);
    g_assert_cmpint(results_of(&caller), ==, 64);
    service_stop(&service);
}

static void test_may_be_freed_at_once(void)
{
    struct service service;
    struct caller caller;
    for (int i = 0; i < 10; i++) {
        start_both(&service, ECHO, &caller, false);
        submit(&caller, INT64_MAX);
        caller_stop(&caller);
        g_assert_cmpint(results_of(&caller), ==, 1);
        service_stop(&service);
    }
    dub_exchange_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/exchange/fragments-are-dubbed", test_fragments_are_dubbed);
    g_test_add_func("/exchange/result-samples-may-be-taken", test_result_samples_may_be_taken);
    g_test_add_func("/exchange/service-that-is-not-there", test_service_that_is_not_there);
    g_test_add_func("/exchange/url-that-makes-no-sense", test_url_that_makes_no_sense);
    g_test_add_func("/exchange/service-killed-and-found-again", test_service_killed_and_found_again);
    g_test_add_func("/exchange/service-that-hangs-up-midway", test_service_that_hangs_up_midway);
    g_test_add_func("/exchange/silent-service-times-out", test_silent_service_times_out);
    g_test_add_func("/exchange/service-that-is-never-ready", test_service_that_is_never_ready);
    g_test_add_func("/exchange/lying-service-changes-nothing", test_lying_service_changes_nothing);
    g_test_add_func("/exchange/wrong-key-is-said-in-the-reason", test_wrong_key_is_said_in_the_reason);
    g_test_add_func("/exchange/closing-hands-everything-back", test_closing_hands_everything_back);
    g_test_add_func("/exchange/queue-is-bounded", test_queue_is_bounded);
    g_test_add_func("/exchange/may-be-freed-at-once", test_may_be_freed_at_once);
    return g_test_run();
}
