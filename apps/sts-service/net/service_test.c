/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole service in one process, over a real socket, with our own Socket.IO client: what media-worker
 * sees. */
#include "../app.h"

#include <dubbing_events.h>
#include <dubbing_socketio.h>
#include <string.h>

#define DEADLINE_S 20
#define UUID(n) "0b7d1c52-6f3e-4a4b-9d2f-8f0f5a3c1e0" #n

struct peer {
    struct dub_sio_client *client;
    struct dub_sio_socket *socket;
    bool ready, complete, closed, refused;
    struct dub_fragment_processed processed[8];
    unsigned n_processed, n_acks, n_errors;
    enum dub_error_code last_error;
    enum dub_error_severity last_severity;
    char refusal[64];
};

static JsonNode *payload_of(const struct dub_sio_event *event)
{
    return json_array_get_element(event->args, 0);
}

static void on_processed(struct peer *peer, const struct dub_sio_event *event)
{
    struct dub_error error = {0};
    g_assert_cmpuint(peer->n_processed, <, G_N_ELEMENTS(peer->processed));
    bool read = dub_fragment_processed_read(&peer->processed[peer->n_processed++], payload_of(event), &error);
    g_assert_cmpstr(error.message, ==, "");
    g_assert_true(read);
}

static void on_error(struct peer *peer, const struct dub_sio_event *event)
{
    struct dub_error_event said;
    struct dub_error error = {0};
    g_assert_true(dub_error_event_read(&said, payload_of(event), &error));
    peer->n_errors++;
    peer->last_error = said.error.code;
    peer->last_severity = said.severity;
    dub_error_event_clear(&said);
}

static void on_event(struct dub_sio_socket *socket, const struct dub_sio_event *event, void *user)
{
    struct peer *peer = user;
    g_assert_cmpuint(json_array_get_length(event->args), ==, 1);
    if (g_str_equal(event->name, DUB_EVENT_STREAM_READY))
        peer->ready = true;
    else if (g_str_equal(event->name, DUB_EVENT_STREAM_COMPLETE))
        peer->complete = true;
    else if (g_str_equal(event->name, DUB_EVENT_FRAGMENT_ACK))
        peer->n_acks++;
    else if (g_str_equal(event->name, DUB_EVENT_FRAGMENT_PROCESSED))
        on_processed(peer, event);
    else if (g_str_equal(event->name, DUB_EVENT_ERROR))
        on_error(peer, event);
}

static void on_connect(struct dub_sio_socket *socket, const struct dub_eio_handshake *handshake,
                       JsonNode *auth, void *user)
{
    struct peer *peer = user;
    peer->socket = socket;
}

static void on_disconnect(struct dub_sio_socket *socket, enum dub_eio_reason reason, void *user)
{
    struct peer *peer = user;
    peer->socket = NULL;
}

static void on_connect_error(struct dub_sio_client *client, const char *space, const char *code,
                             const char *message, void *user)
{
    struct peer *peer = user;
    peer->refused = true;
    g_strlcpy(peer->refusal, code, sizeof(peer->refusal));
}

static void on_closed(struct dub_sio_client *client, const struct dub_error *error, void *user)
{
    struct peer *peer = user;
    peer->closed = true;
}

static gboolean on_late(gpointer user)
{
    g_error("waited too long for %s", (const char *)user);
    return G_SOURCE_REMOVE;
}

/* Iterates the main loop until it holds; fails after a deadline. */
#define wait_until(condition)                                                                                \
    do {                                                                                                     \
        guint late = g_timeout_add_seconds(DEADLINE_S, on_late, (gpointer) #condition);                      \
        while (!(condition))                                                                                 \
            g_main_context_iteration(NULL, TRUE);                                                            \
        g_source_remove(late);                                                                               \
    } while (0)

static void connect_peer(struct peer *peer, const struct app *app, const char *token)
{
    static const struct dub_sio_client_events events = {.on_connect_error = on_connect_error,
                                                        .on_closed = on_closed};
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u", app_port(app));
    g_autoptr(JsonNode) auth = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(auth, json_object_new());
    json_object_set_string_member(json_node_get_object(auth), "token", token);
    *peer = (struct peer){0};
    struct dub_sio_client_namespace space = {
        .space = {.name = "/",
                  .on_connect = on_connect,
                  .on_event = on_event,
                  .on_disconnect = on_disconnect,
                  .user = peer},
        .auth = auth,
    };
    struct dub_sio_client_config config = {.url = url, .namespaces = &space, .n_namespaces = 1};
    struct dub_error error = {0};
    peer->client = dub_sio_client_new(&config, &events, peer, &error);
    g_assert_nonnull(peer->client);
}

static void free_peer(struct peer *peer)
{
    dub_sio_client_free(peer->client);
    for (unsigned i = 0; i < peer->n_processed; i++)
        dub_fragment_processed_clear(&peer->processed[i]);
}

static void send_init(struct peer *peer)
{
    struct dub_stream_init init;
    dub_stream_init_init(&init);
    init.stream_id = g_strdup("news");
    init.worker_id = g_strdup("w");
    init.config.source_language = g_strdup("en");
    init.config.target_language = g_strdup("es");
    dub_sio_socket_emit_take(peer->socket, DUB_EVENT_STREAM_INIT, dub_stream_init_to_json(&init));
    dub_stream_init_clear(&init);
    wait_until(peer->ready);
}

static GBytes *two_seconds(void)
{
    gsize size = 2 * 24000 * sizeof(int16_t);
    int16_t *samples = g_malloc(size);
    for (int i = 0; i < 2 * 24000; i++)
        samples[i] = (int16_t)((i * 37) % 16000 - 8000);
    return g_bytes_new_take(samples, size);
}

static void send_fragment(struct peer *peer, int64_t sequence, const char *id)
{
    struct dub_fragment_data fragment;
    dub_fragment_data_init(&fragment);
    fragment.fragment_id = g_strdup(id);
    fragment.stream_id = g_strdup("news");
    fragment.sequence_number = sequence;
    fragment.audio = (struct dub_audio){.sample_rate_hz = 24000, .channels = 1, .duration_ms = 2000};
    fragment.audio.data = two_seconds();
    dub_sio_socket_emit_take(peer->socket, DUB_EVENT_FRAGMENT_DATA, dub_fragment_data_to_json(&fragment));
    dub_fragment_data_clear(&fragment);
}

static void send_end(struct peer *peer)
{
    struct dub_stream_control control = {.stream_id = (char *)"news"};
    dub_sio_socket_emit_take(peer->socket, DUB_EVENT_STREAM_END, dub_stream_control_to_json(&control));
}

static struct app *start(int mode, const char *key)
{
    struct sts_settings settings = {
        .addr = (char *)"127.0.0.1",
        .mode = mode,
        .api_key = (char *)key,
        .max_connections = 8,
        .queue_max_depth = 20,
        .asr_engine = (char *)"mock",
        .translation_engine = (char *)"mock",
        .tts_engine = (char *)"mock",
        .asr_workers = 2,
    };
    struct dub_error error = {0};
    int exit_code;
    struct app *app = app_new(&settings, &exit_code, &error);
    g_assert_cmpstr(error.message, ==, "");
    return app;
}

static void test_echo(void)
{
    struct app *app = start(STS_MODE_ECHO, NULL);
    struct peer peer;
    connect_peer(&peer, app, "");
    wait_until(peer.socket);
    send_init(&peer);
    send_fragment(&peer, 0, UUID(0));
    send_fragment(&peer, 1, UUID(1));
    send_fragment(&peer, 3, UUID(3));
    wait_until(peer.n_processed == 2 && peer.n_errors == 1);
    g_autoptr(GBytes) sent = two_seconds();
    g_assert_true(g_bytes_equal(peer.processed[1].dubbed_audio.data, sent));
    g_assert_cmpstr(peer.processed[1].fragment_id, ==, UUID(1));
    g_assert_cmpint(peer.last_error, ==, DUB_ERROR_INVALID_SEQUENCE);
    g_assert_cmpuint(peer.n_acks, ==, 2);
    send_end(&peer);
    wait_until(peer.complete);
    wait_until(peer.closed);
    free_peer(&peer);
    app_free(app);
}

static void test_pipeline(void)
{
    struct app *app = start(STS_MODE_FULL, NULL);
    struct peer peer;
    connect_peer(&peer, app, "");
    wait_until(peer.socket);
    send_init(&peer);
    for (int i = 0; i < 3; i++)
        send_fragment(&peer, i, (const char *const[]){UUID(0), UUID(1), UUID(2)}[i]);
    wait_until(peer.n_processed == 3);
    for (int i = 0; i < 3; i++) {
        g_assert_cmpint((int)peer.processed[i].sequence_number, ==, i);
        g_assert_cmpstr(peer.processed[i].metadata.asr_model, !=, "");
    }
    free_peer(&peer);
    app_free(app);
}

/* Freed with fragments in every stage: nothing hangs, nothing leaks. */
static void test_stop_in_the_middle(void)
{
    for (int round = 0; round < 10; round++) {
        struct app *app = start(STS_MODE_FULL, NULL);
        struct peer peer;
        connect_peer(&peer, app, "");
        wait_until(peer.socket);
        send_init(&peer);
        for (int i = 0; i < 3; i++)
            send_fragment(&peer, i, (const char *const[]){UUID(0), UUID(1), UUID(2)}[i]);
        wait_until(peer.n_acks >= (unsigned)(round % 3) + 1);
        app_free(app);
        free_peer(&peer);
    }
}

static void test_wrong_key(void)
{
    struct app *app = start(STS_MODE_ECHO, "secret");
    struct peer peer;
    connect_peer(&peer, app, "wrong");
    wait_until(peer.refused);
    g_assert_cmpstr(peer.refusal, ==, "AUTH_FAILED");
    free_peer(&peer);
    connect_peer(&peer, app, "secret");
    wait_until(peer.socket);
    free_peer(&peer);
    app_free(app);
}

static void test_take_over(void)
{
    struct app *app = start(STS_MODE_ECHO, NULL);
    struct peer older, newer;
    connect_peer(&older, app, "");
    connect_peer(&newer, app, "");
    wait_until(older.socket && newer.socket);
    send_init(&older);
    send_init(&newer);
    wait_until(older.closed);
    g_assert_cmpint(older.last_severity, ==, DUB_SEVERITY_FATAL);
    send_fragment(&newer, 0, UUID(0));
    wait_until(newer.n_processed == 1);
    free_peer(&older);
    free_peer(&newer);
    app_free(app);
}

static void test_engine_missing(void)
{
    struct sts_settings settings = {.addr = (char *)"127.0.0.1", .asr_engine = (char *)"nonsense"};
    struct dub_error error = {0};
    int exit_code = 0;
    g_assert_null(app_new(&settings, &exit_code, &error));
    g_assert_cmpint(exit_code, ==, STS_EXIT_ENGINE_MISSING);
    g_assert_nonnull(strstr(error.message, "nonsense"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    g_test_add_func("/service/echo", test_echo);
    g_test_add_func("/service/pipeline", test_pipeline);
    g_test_add_func("/service/stop-in-the-middle", test_stop_in_the_middle);
    g_test_add_func("/service/wrong-key-is-refused", test_wrong_key);
    g_test_add_func("/service/newer-connection-wins", test_take_over);
    g_test_add_func("/service/missing-engine", test_engine_missing);
    return g_test_run();
}
