/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control.h"

#include <dubbing_file.h>
#include <dubbing_json.h>
#include <dubbing_log.h>
#include <dubbing_socket_path.h>
#include <dubbing_worker_control.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>

#define CLIENTS_MAX 16
#define UNSENT_BYTES_MAX (4u << 20) /* all kept phrases and more */
#define READ_BYTES 4096

struct control_client {
    struct control *control;
    GSocketConnection *connection;
    GCancellable *cancellable;
    GByteArray *received; /* the beginning of a line */
    GByteArray *unsent;
    uint8_t chunk[READ_BYTES];
    bool reading, writing; /* an operation is under way */
    bool closed;           /* freed when nothing is under way any more */
};

struct control {
    struct control_events events;
    void *user;
    char *path;
    int lock_fd;
    GSocketService *service;
    GPtrArray *clients; /* those that are open */
};

static void read_more(struct control_client *client);
static void write_more(struct control_client *client);

static void free_if_idle(struct control_client *client)
{
    if (!client->closed || client->reading || client->writing)
        return;
    g_object_unref(client->connection);
    g_object_unref(client->cancellable);
    g_byte_array_unref(client->received);
    g_byte_array_unref(client->unsent);
    g_free(client);
}

static void close_client(struct control_client *client)
{
    if (client->closed)
        return;
    client->closed = true;
    if (client->control)
        g_ptr_array_remove(client->control->clients, client);
    client->control = NULL;
    g_cancellable_cancel(client->cancellable);
    g_io_stream_close(G_IO_STREAM(client->connection), NULL, NULL);
}

static void on_written(GObject *stream, GAsyncResult *result, gpointer data)
{
    struct control_client *client = data;
    gssize size = g_output_stream_write_bytes_finish(G_OUTPUT_STREAM(stream), result, NULL);

    client->writing = false;
    if (size <= 0)
        close_client(client);
    else
        g_byte_array_remove_range(client->unsent, 0, (guint)size);
    write_more(client);
    free_if_idle(client);
}

static void write_more(struct control_client *client)
{
    if (client->closed || client->writing || client->unsent->len == 0)
        return;
    /* The array may be moved by appending while the write is under way: hand over a copy of a part. */
    g_autoptr(GBytes) bytes = g_bytes_new(client->unsent->data, MIN(client->unsent->len, 64u << 10));
    GOutputStream *stream = g_io_stream_get_output_stream(G_IO_STREAM(client->connection));
    client->writing = true;
    g_output_stream_write_bytes_async(stream, bytes, G_PRIORITY_DEFAULT, client->cancellable, on_written,
                                      client);
}

static void send_text(struct control_client *client, const char *text)
{
    if (client->closed)
        return;
    if (client->unsent->len + strlen(text) > UNSENT_BYTES_MAX) {
        dub_log_warn("a control client does not read: dropped");
        close_client(client);
        return;
    }
    g_byte_array_append(client->unsent, (const guint8 *)text, (guint)strlen(text));
    g_byte_array_append(client->unsent, (const guint8 *)"\n", 1);
    write_more(client);
}

void control_send(struct control_client *client, JsonNode *take_node)
{
    g_autoptr(JsonNode) node = take_node;
    g_autofree char *text = dub_json_to_string(node);
    send_text(client, text);
}

void control_broadcast(struct control *control, JsonNode *take_node)
{
    g_autoptr(JsonNode) node = take_node;
    g_autofree char *text = dub_json_to_string(node);

    /* Backwards: sending may close and so remove a client. */
    for (guint i = control->clients->len; i > 0; i--)
        send_text(control->clients->pdata[i - 1], text);
}

static bool has_unsent(const struct control *control)
{
    for (guint i = 0; i < control->clients->len; i++) {
        const struct control_client *client = control->clients->pdata[i];
        if (client->writing || client->unsent->len > 0)
            return true;
    }
    return false;
}

static gboolean on_flush_timeout(gpointer data)
{
    *(bool *)data = true;
    return G_SOURCE_CONTINUE;
}

void control_flush(struct control *control, unsigned timeout_ms)
{
    bool is_over = false;
    guint timer = g_timeout_add(timeout_ms, on_flush_timeout, &is_over);

    while (!is_over && has_unsent(control))
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(timer);
}

static void handle_command(struct control_client *client, const struct dub_worker_command *command)
{
    struct control *control = client->control;

    if (command->type == DUB_WORKER_COMMAND_PHRASES)
        control->events.on_phrases(client, command->after, control->user);
    else
        control->events.on_stop(control->user);
}

static void handle_line(struct control_client *client, const char *line, size_t size)
{
    struct dub_worker_command command;
    struct dub_error error = {0};
    g_autoptr(JsonNode) node = dub_json_parse(line, size, &error);

    if (!node || !dub_worker_command_read(&command, node, &error)) {
        dub_log_warn("control: %s", error.message);
        return;
    }
    handle_command(client, &command);
}

/* Handles the whole lines of what has come. */
static void handle_received(struct control_client *client)
{
    const uint8_t *end;

    while (!client->closed && (end = memchr(client->received->data, '\n', client->received->len)) != NULL) {
        guint size = (guint)(end - client->received->data);
        g_autofree char *line = g_strndup((const char *)client->received->data, size);
        g_byte_array_remove_range(client->received, 0, size + 1);
        if (size > 0)
            handle_line(client, line, size);
    }
    if (client->received->len > DUB_CONTROL_LINE_BYTES_MAX) {
        dub_log_warn("control: a line of more than %u bytes: client dropped", DUB_CONTROL_LINE_BYTES_MAX);
        close_client(client);
    }
}

static void on_read(GObject *stream, GAsyncResult *result, gpointer data)
{
    struct control_client *client = data;
    gssize size = g_input_stream_read_finish(G_INPUT_STREAM(stream), result, NULL);

    client->reading = false;
    if (size <= 0) {
        close_client(client);
    } else if (!client->closed) {
        g_byte_array_append(client->received, client->chunk, (guint)size);
        handle_received(client);
    }
    read_more(client);
    free_if_idle(client);
}

static void read_more(struct control_client *client)
{
    if (client->closed)
        return;
    GInputStream *stream = g_io_stream_get_input_stream(G_IO_STREAM(client->connection));
    client->reading = true;
    g_input_stream_read_async(stream, client->chunk, sizeof(client->chunk), G_PRIORITY_DEFAULT,
                              client->cancellable, on_read, client);
}

static gboolean on_incoming(GSocketService *service, GSocketConnection *connection, GObject *source,
                            gpointer data)
{
    struct control *control = data;

    if (control->clients->len >= CLIENTS_MAX) {
        dub_log_warn("control: more than %d clients: refused", CLIENTS_MAX);
        return TRUE;
    }
    struct control_client *client = g_new0(struct control_client, 1);
    client->control = control;
    client->connection = g_object_ref(connection);
    client->cancellable = g_cancellable_new();
    client->received = g_byte_array_new();
    client->unsent = g_byte_array_new();
    g_ptr_array_add(control->clients, client);
    control_send(client, control->events.make_hello(control->user));
    read_more(client);
    return TRUE;
}

static bool take_place(struct control *control, const char *folder, const char *stream_id,
                       struct dub_error *error)
{
    g_autofree char *lock_path = g_strdup_printf("%s/%s.lock", folder, stream_id);

    control->path = g_strdup_printf("%s/%s.sock", folder, stream_id);
    if (!dub_dir_ensure(folder, error))
        return false;
    control->lock_fd = dub_file_lock(lock_path, error);
    if (control->lock_fd < 0)
        return false;
    /* The lock is ours: what lies there was left behind by a process that died. */
    g_unlink(control->path);
    return true;
}

static bool listen_on(struct control *control, struct dub_error *error)
{
    struct dub_socket_path path;
    g_autoptr(GError) gerror = NULL;

    if (!dub_socket_path_init(&path, control->path, error))
        return false;
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path.address.sun_path);
    control->service = g_socket_service_new();
    bool listens =
        g_socket_listener_add_address(G_SOCKET_LISTENER(control->service), address, G_SOCKET_TYPE_STREAM,
                                      G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, &gerror);
    dub_socket_path_clear(&path);
    if (!listens)
        return dub_error_set(error, DUB_ERROR_IO, "control socket \"%s\": %s", control->path,
                             gerror->message);
    g_chmod(control->path, 0600);
    g_signal_connect(control->service, "incoming", G_CALLBACK(on_incoming), control);
    g_socket_service_start(control->service);
    return true;
}

struct control *control_new(const char *state_dir, const char *folder_name, const char *stream_id,
                            const struct control_events *events, void *user, struct dub_error *error)
{
    g_autofree char *folder = g_build_filename(state_dir, folder_name, NULL);
    struct control *control = g_new0(struct control, 1);

    control->events = *events;
    control->user = user;
    control->lock_fd = -1;
    control->clients = g_ptr_array_new();
    if (take_place(control, folder, stream_id, error) && listen_on(control, error))
        return control;
    control_free(control);
    return NULL;
}

void control_free(struct control *control)
{
    if (!control)
        return;
    while (control->clients->len > 0) {
        struct control_client *client = control->clients->pdata[control->clients->len - 1];
        close_client(client);
        free_if_idle(client);
    }
    if (control->service) {
        g_socket_service_stop(control->service);
        g_socket_listener_close(G_SOCKET_LISTENER(control->service));
        g_clear_object(&control->service);
    }
    if (control->lock_fd >= 0) {
        g_unlink(control->path);
        dub_file_unlock(control->lock_fd);
    }
    g_ptr_array_unref(control->clients);
    g_free(control->path);
    g_free(control);
}

const char *control_path(const struct control *control)
{
    return control->path;
}

unsigned control_n_clients(const struct control *control)
{
    return control->clients->len;
}
