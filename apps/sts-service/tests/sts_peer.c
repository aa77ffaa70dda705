/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sts_peer.h"

static JsonNode *payload_of(const struct dub_sio_event *event)
{
    return json_array_get_element(event->args, 0);
}

static void on_processed(struct sts_peer *peer, const struct dub_sio_event *event)
{
    struct dub_error error = {0};
    g_assert_cmpuint(peer->n_processed, <, G_N_ELEMENTS(peer->processed));
    bool read = dub_fragment_processed_read(&peer->processed[peer->n_processed++], payload_of(event), &error);
    g_assert_cmpstr(error.message, ==, "");
    g_assert_true(read);
}

static void on_error(struct sts_peer *peer, const struct dub_sio_event *event)
{
    struct dub_error_event said;
    struct dub_error error = {0};
    g_assert_true(dub_error_event_read(&said, payload_of(event), &error));
    peer->n_errors++;
    peer->last_error = said.error.code;
    peer->last_severity = said.severity;
    g_strlcpy(peer->last_message, said.error.message, sizeof(peer->last_message));
    dub_error_event_clear(&said);
}

static void on_event(struct dub_sio_socket *socket, const struct dub_sio_event *event, void *user)
{
    struct sts_peer *peer = user;
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
    struct sts_peer *peer = user;
    peer->socket = socket;
}

static void on_disconnect(struct dub_sio_socket *socket, enum dub_eio_reason reason, void *user)
{
    struct sts_peer *peer = user;
    peer->socket = NULL;
}

static void on_connect_error(struct dub_sio_client *client, const char *space, const char *code,
                             const char *message, void *user)
{
    struct sts_peer *peer = user;
    peer->refused = true;
    g_strlcpy(peer->refusal, code, sizeof(peer->refusal));
}

static void on_closed(struct dub_sio_client *client, const struct dub_error *error, void *user)
{
    struct sts_peer *peer = user;
    peer->closed = true;
}

gboolean sts_peer_on_late(gpointer what)
{
    g_error("waited too long for %s", (const char *)what);
    return G_SOURCE_REMOVE;
}

void sts_peer_connect(struct sts_peer *peer, unsigned port, const char *token)
{
    static const struct dub_sio_client_events events = {.on_connect_error = on_connect_error,
                                                        .on_closed = on_closed};
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u", port);
    g_autoptr(JsonNode) auth = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(auth, json_object_new());
    if (token)
        json_object_set_string_member(json_node_get_object(auth), "token", token);
    *peer = (struct sts_peer){0};
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

void sts_peer_clear(struct sts_peer *peer)
{
    dub_sio_client_free(peer->client);
    for (unsigned i = 0; i < peer->n_processed; i++)
        dub_fragment_processed_clear(&peer->processed[i]);
}

void sts_peer_send_init(struct sts_peer *peer)
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

GBytes *sts_peer_audio(void)
{
    gsize size = 2 * 24000 * sizeof(int16_t);
    int16_t *samples = g_malloc(size);
    for (int i = 0; i < 2 * 24000; i++)
        samples[i] = (int16_t)((i * 37) % 16000 - 8000);
    return g_bytes_new_take(samples, size);
}

void sts_peer_send_fragment(struct sts_peer *peer, int64_t sequence, const char *id)
{
    struct dub_fragment_data fragment;
    dub_fragment_data_init(&fragment);
    fragment.fragment_id = g_strdup(id);
    fragment.stream_id = g_strdup("news");
    fragment.sequence_number = sequence;
    fragment.audio = (struct dub_audio){.sample_rate_hz = 24000, .channels = 1, .duration_ms = 2000};
    fragment.audio.data = sts_peer_audio();
    dub_sio_socket_emit_take(peer->socket, DUB_EVENT_FRAGMENT_DATA, dub_fragment_data_to_json(&fragment));
    dub_fragment_data_clear(&fragment);
}

void sts_peer_send_end(struct sts_peer *peer)
{
    struct dub_stream_control control = {.stream_id = (char *)"news"};
    dub_sio_socket_emit_take(peer->socket, DUB_EVENT_STREAM_END, dub_stream_control_to_json(&control));
}
