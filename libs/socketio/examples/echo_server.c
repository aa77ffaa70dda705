/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A server for the public protocol test-suites of Engine.IO and Socket.IO, and the shortest example of the
 * library.
 *
 * /engine.io/ gives every message back. /socket.io/ serves the namespaces / and /custom: it emits "auth" with
 * the CONNECT payload, answers "message" with "message-back" and acknowledges "message-with-ack", with the
 * arguments that came. At "ask-me" it asks back: "question" with those arguments, and "answer" with what the
 * client acknowledged it with. */
#include <dubbing_main.h>
#include <dubbing_socketio.h>
#include <stdio.h>
#include <string.h>

struct options {
    int port;
    int ping_interval_ms;
    int ping_timeout_ms;
    int connect_timeout_ms;
    int max_payload_bytes;
};

static void on_raw_text(struct dub_eio_conn *conn, const char *text, gsize size, void *user)
{
    dub_eio_conn_send_text(conn, text, size);
}

static void on_raw_binary(struct dub_eio_conn *conn, GBytes *bytes, void *user)
{
    dub_eio_conn_send_binary(conn, bytes);
}

static const struct dub_eio_server_events raw_events = {.on_text = on_raw_text, .on_binary = on_raw_binary};

static void on_connect(struct dub_sio_socket *socket, const struct dub_eio_handshake *handshake,
                       JsonNode *auth, void *user)
{
    g_autoptr(JsonNode) nothing = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(nothing, json_object_new());
    dub_sio_socket_emit_take(socket, "auth", json_node_copy(auth != NULL ? auth : nothing));
}

/* An acknowledgement that never comes has no arguments; a socket that is gone takes no event. */
static void on_answer(JsonArray *args, GPtrArray *attachments, void *user)
{
    if (args != NULL)
        dub_sio_socket_emit(user, "answer", args, attachments);
}

static void on_event(struct dub_sio_socket *socket, const struct dub_sio_event *event, void *user)
{
    if (strcmp(event->name, "message") == 0)
        dub_sio_socket_emit(socket, "message-back", event->args, event->attachments);
    else if (strcmp(event->name, "message-with-ack") == 0)
        dub_sio_socket_ack(socket, event->ack_id, event->args, event->attachments);
    else if (strcmp(event->name, "ask-me") == 0)
        dub_sio_socket_emit_ack(socket, "question", event->args, event->attachments, 0, on_answer, socket);
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    const GOptionEntry entries[] = {
        {"port", 0, 0, G_OPTION_ARG_INT, &options->port, "Port on 127.0.0.1 (0: any)", "N"},
        {"ping-interval", 0, 0, G_OPTION_ARG_INT, &options->ping_interval_ms, "Heartbeat", "MS"},
        {"ping-timeout", 0, 0, G_OPTION_ARG_INT, &options->ping_timeout_ms, "Time for its answer", "MS"},
        {"connect-timeout", 0, 0, G_OPTION_ARG_INT, &options->connect_timeout_ms, "Time to CONNECT", "MS"},
        {"max-payload", 0, 0, G_OPTION_ARG_INT, &options->max_payload_bytes, "Largest message", "BYTES"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- echo server for protocol test-suites");
    g_option_context_add_main_entries(context, entries, NULL);
    g_autoptr(GError) error = NULL;
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return false;
    }
    if (options->port < 0 || options->ping_interval_ms <= 0 || options->ping_timeout_ms <= 0 ||
        options->connect_timeout_ms <= 0 || options->max_payload_bytes <= 0) {
        fprintf(stderr, "every option takes a positive number\n");
        return false;
    }
    return true;
}

static SoupServer *listen_on(int port)
{
    g_autoptr(SoupServer) soup = soup_server_new(NULL, NULL);
    g_autoptr(GError) error = NULL;
    if (!soup_server_listen_local(soup, (guint)port, SOUP_SERVER_LISTEN_IPV4_ONLY, &error)) {
        fprintf(stderr, "cannot listen on port %d: %s\n", port, error->message);
        return NULL;
    }
    return g_steal_pointer(&soup);
}

static void say_address(SoupServer *soup)
{
    GSList *uris = soup_server_get_uris(soup);
    g_autofree char *text = g_uri_to_string(uris->data);
    fprintf(stderr, "listening on %s\n", text);
    g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
}

static void on_stop(void *user)
{
    g_main_loop_quit(user);
}

static void serve(SoupServer *soup, const struct options *options)
{
    struct dub_sio_server_config config = {
        .limits = {.ping_interval_ms = (unsigned)options->ping_interval_ms,
                   .ping_timeout_ms = (unsigned)options->ping_timeout_ms,
                   .max_payload_bytes = (unsigned)options->max_payload_bytes},
        .connect_timeout_ms = (unsigned)options->connect_timeout_ms,
    };
    struct dub_eio_server *raw = dub_eio_server_new(soup, "/engine.io/", &config.limits, &raw_events, NULL);
    struct dub_sio_server *server = dub_sio_server_new(soup, &config);
    struct dub_sio_namespace space = {.name = "/", .on_connect = on_connect, .on_event = on_event};
    dub_sio_server_add_namespace(server, &space);
    space.name = "/custom";
    dub_sio_server_add_namespace(server, &space);
    say_address(soup);
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    dub_main_on_signal(on_stop, loop);
    g_main_loop_run(loop);
    dub_sio_server_free(server);
    dub_eio_server_free(raw);
}

int main(int argc, char **argv)
{
    struct options options = {
        .port = 3000,
        .ping_interval_ms = DUB_EIO_PING_INTERVAL_MS,
        .ping_timeout_ms = DUB_EIO_PING_TIMEOUT_MS,
        .connect_timeout_ms = DUB_SIO_CONNECT_TIMEOUT_MS,
        .max_payload_bytes = DUB_EIO_MAX_PAYLOAD_BYTES,
    };
    if (!parse_options(argc, argv, &options))
        return DUB_EXIT_USAGE;
    g_autoptr(SoupServer) soup = listen_on(options.port);
    if (soup == NULL)
        return DUB_EXIT_FAILURE;
    serve(soup, &options);
    return DUB_EXIT_OK;
}
