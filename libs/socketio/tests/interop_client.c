/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A client for the interoperability tests: does one round of everything with a server of another make and
 * writes each callback as a line on stdout, for the test to read.
 *
 *   interop_client URL TOKEN NAMESPACE...
 *
 * On each namespace it emits "message" (plain, binary, large) and asks for an acknowledgement of "ask", plain
 * and binary. It acknowledges whatever wants it with the arguments that came, and leaves at the event "bye".
 */
#include <dubbing_json.h>
#include <dubbing_socketio.h>
#include <stdio.h>
#include <string.h>

#define LARGE_BYTES (300 * 1024)
#define MAX_NAMESPACES 4

struct program {
    GMainLoop *loop;
    struct dub_sio_client *client;
};

/* Long strings are shown as their length, attachments as their bytes. */
static void show(const char *what, const char *space, const char *name, JsonArray *args,
                 GPtrArray *attachments)
{
    g_autofree char *text = NULL;
    if (args != NULL) {
        g_autoptr(JsonNode) node = json_node_init_array(json_node_alloc(), args);
        text = dub_json_to_string(node);
    }
    printf("%s %s %s ", what, space, name);
    if (text != NULL && strlen(text) > 1000)
        printf("<%zu bytes>", strlen(text));
    else
        printf("%s", text != NULL ? text : "-");
    for (guint i = 0; attachments != NULL && i < attachments->len; i++) {
        gsize size = 0;
        const unsigned char *data = g_bytes_get_data(attachments->pdata[i], &size);
        printf(" ");
        for (gsize at = 0; at < size; at++)
            printf("%02x", data[at]);
    }
    printf("\n");
    fflush(stdout);
}

static void on_ack(JsonArray *args, GPtrArray *attachments, void *user)
{
    show("ack", user, "ask", args, attachments);
}

static void emit_plain(struct dub_sio_socket *socket, const char *event)
{
    static const char text[] = "[1,\"2\",{\"3\":[true,null,\"ü\"]}]";
    struct dub_error error = {0};
    g_autoptr(JsonNode) args = dub_json_parse(text, strlen(text), &error);
    const char *space = dub_sio_socket_namespace(socket);
    if (strcmp(event, "ask") == 0)
        dub_sio_socket_emit_ack(socket, event, json_node_get_array(args), NULL, 0, on_ack, (void *)space);
    else
        dub_sio_socket_emit(socket, event, json_node_get_array(args), NULL);
}

static void emit_binary(struct dub_sio_socket *socket, const char *event)
{
    g_autoptr(GPtrArray) attachments = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    g_autoptr(GBytes) first = g_bytes_new_static("\x00\x01\xff", 3);
    g_autoptr(GBytes) second = g_bytes_new_static("\x02", 1);
    g_autoptr(JsonArray) args = json_array_new();
    JsonObject *object = json_object_new();
    json_object_set_member(object, "inner", dub_sio_attach(attachments, first));
    json_array_add_object_element(args, object);
    json_array_add_element(args, dub_sio_attach(attachments, second));
    const char *space = dub_sio_socket_namespace(socket);
    if (strcmp(event, "ask") == 0)
        dub_sio_socket_emit_ack(socket, event, args, attachments, 0, on_ack, (void *)space);
    else
        dub_sio_socket_emit(socket, event, args, attachments);
}

static void emit_large(struct dub_sio_socket *socket)
{
    g_autofree char *text = g_strnfill(LARGE_BYTES, 'L');
    dub_sio_socket_emit_take(socket, "message", json_node_init_string(json_node_alloc(), text));
}

static void on_connect(struct dub_sio_socket *socket, const struct dub_eio_handshake *handshake,
                       JsonNode *auth, void *user)
{
    show("connect", dub_sio_socket_namespace(socket), dub_sio_socket_id(socket)[0] != '\0' ? "sid" : "", NULL,
         NULL);
    emit_plain(socket, "message");
    emit_binary(socket, "message");
    emit_large(socket);
    emit_plain(socket, "ask");
    emit_binary(socket, "ask");
}

static void on_event(struct dub_sio_socket *socket, const struct dub_sio_event *event, void *user)
{
    struct program *program = user;
    show("event", dub_sio_socket_namespace(socket), event->name, event->args, event->attachments);
    dub_sio_socket_ack(socket, event->ack_id, event->args, event->attachments);
    if (strcmp(event->name, "bye") == 0)
        dub_sio_client_close(program->client);
}

static void on_disconnect(struct dub_sio_socket *socket, enum dub_eio_reason reason, void *user)
{
    show("disconnect", dub_sio_socket_namespace(socket), dub_eio_reason_text(reason), NULL, NULL);
}

static void on_connect_error(struct dub_sio_client *client, const char *space, const char *code,
                             const char *message, void *user)
{
    printf("connect_error %s %s %s\n", space, message, code[0] != '\0' ? code : "-");
    fflush(stdout);
}

static void on_closed(struct dub_sio_client *client, const struct dub_error *error, void *user)
{
    struct program *program = user;
    show("closed", "-", error->code == DUB_ERROR_NONE ? "well" : error->message, NULL, NULL);
    g_main_loop_quit(program->loop);
}

static const struct dub_sio_client_events client_events = {on_connect_error, on_closed};

static JsonNode *auth_of(const char *token)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "token", token);
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, object);
    return node;
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 3 + MAX_NAMESPACES) {
        fprintf(stderr, "usage: %s URL TOKEN NAMESPACE...\n", argv[0]);
        return 2;
    }
    struct program program = {.loop = g_main_loop_new(NULL, FALSE)};
    g_autoptr(JsonNode) auth = auth_of(argv[2]);
    struct dub_sio_client_namespace namespaces[MAX_NAMESPACES] = {0};
    for (int i = 3; i < argc; i++)
        namespaces[i - 3] = (struct dub_sio_client_namespace){
            .space = {.name = argv[i],
                      .on_connect = on_connect,
                      .on_event = on_event,
                      .on_disconnect = on_disconnect,
                      .user = &program},
            .auth = auth,
        };
    const char *const headers[] = {"X-Stream-ID", "stream-1", NULL};
    const struct dub_sio_client_config config = {
        .url = argv[1], .headers = headers, .namespaces = namespaces, .n_namespaces = (unsigned)argc - 3};
    struct dub_error error = {0};
    program.client = dub_sio_client_new(&config, &client_events, &program, &error);
    if (program.client == NULL) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    g_main_loop_run(program.loop);
    dub_sio_client_free(program.client);
    g_main_loop_unref(program.loop);
    return 0;
}
