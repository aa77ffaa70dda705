/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control_client.h"

#include <dubbing_json.h>
#include <dubbing_log.h>
#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RETRY_MS 100

struct control_client {
    char *path;
    struct control_client_events events;
    void *user;
    int fd; /* -1: not connected */
    guint read_source;
    guint retry_source;
    GByteArray *received; /* an unfinished line */
};

static int open_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return -1;
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static pid_t peer_of(int fd)
{
    struct ucred credentials;
    socklen_t size = sizeof(credentials);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 ? credentials.pid : 0;
}

pid_t control_client_probe(const char *socket_path)
{
    int fd = open_socket(socket_path);
    if (fd < 0)
        return 0;
    pid_t pid = peer_of(fd);
    close(fd);
    return pid;
}

static void disconnect(struct control_client *client)
{
    g_clear_handle_id(&client->read_source, g_source_remove);
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    g_byte_array_set_size(client->received, 0);
}

static bool handle_hello(struct control_client *client, JsonNode *node, struct dub_error *error)
{
    struct dub_worker_hello hello = {0};
    bool ok = dub_worker_hello_read(&hello, node, error);
    if (ok && !client->events.on_hello(&hello, peer_of(client->fd), client->user))
        ok = dub_error_set(error, DUB_ERROR_PROTOCOL, "this is another worker");
    dub_worker_hello_clear(&hello);
    return ok;
}

static bool handle_status(struct control_client *client, JsonNode *node, struct dub_error *error)
{
    struct dub_worker_status status = {0};
    bool ok = dub_worker_status_read(&status, node, error);
    if (ok)
        client->events.on_status(&status, client->user);
    dub_worker_status_clear(&status);
    return ok;
}

static bool handle_phrase(struct control_client *client, JsonNode *node, struct dub_error *error)
{
    struct dub_ledger_line line = {0};
    bool ok = dub_worker_phrase_read(&line, node, error);
    if (ok)
        client->events.on_phrase(&line, client->user);
    dub_ledger_line_clear(&line);
    return ok;
}

static bool handle_line(struct control_client *client, const char *line, gsize size, struct dub_error *error)
{
    g_autoptr(JsonNode) node = dub_json_parse(line, size, error);
    if (node == NULL)
        return false;
    switch (dub_worker_message_type(node)) {
    case DUB_WORKER_MESSAGE_HELLO:
        return handle_hello(client, node, error);
    case DUB_WORKER_MESSAGE_STATUS:
        return handle_status(client, node, error);
    case DUB_WORKER_MESSAGE_PHRASE:
        return handle_phrase(client, node, error);
    case DUB_WORKER_MESSAGE_UNKNOWN:
        break;
    }
    return true;
}

/* Handles the whole lines among what was received and keeps the rest. */
static bool handle_lines(struct control_client *client, struct dub_error *error)
{
    const char *start = (const char *)client->received->data;
    const char *end = start + client->received->len;
    for (const char *newline;
         start < end && (newline = memchr(start, '\n', (size_t)(end - start))) != NULL;) {
        if (!handle_line(client, start, (gsize)(newline - start), error))
            return false;
        start = newline + 1;
    }
    g_byte_array_remove_range(client->received, 0, (guint)(start - (const char *)client->received->data));
    if (client->received->len > DUB_CONTROL_LINE_BYTES_MAX)
        return dub_error_set(error, DUB_ERROR_LIMIT, "a line is longer than %u bytes",
                             DUB_CONTROL_LINE_BYTES_MAX);
    return true;
}

/* False when the connection is over. *more says whether another read may bring something. */
static bool read_once(struct control_client *client, bool *more)
{
    uint8_t bytes[16 * 1024];
    struct dub_error error = {0};
    ssize_t n = read(client->fd, bytes, sizeof(bytes));
    *more = n > 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0)
        return false;
    g_byte_array_append(client->received, bytes, (guint)n);
    if (handle_lines(client, &error))
        return true;
    dub_log_warn("control socket %s: %s; connecting again", client->path, error.message);
    return false;
}

static gboolean on_readable(int fd, GIOCondition condition, void *user);

static gboolean on_retry(void *user)
{
    struct control_client *client = user;
    client->fd = open_socket(client->path);
    if (client->fd < 0)
        return G_SOURCE_CONTINUE;
    client->retry_source = 0;
    client->read_source = g_unix_fd_add(client->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, client);
    return G_SOURCE_REMOVE;
}

static void lose_connection(struct control_client *client)
{
    disconnect(client);
    client->retry_source = g_timeout_add(RETRY_MS, on_retry, client);
}

static gboolean on_readable(int fd, GIOCondition condition, void *user)
{
    struct control_client *client = user;
    bool more;
    if (read_once(client, &more))
        return G_SOURCE_CONTINUE;
    client->read_source = 0; /* removed by our answer */
    lose_connection(client);
    return G_SOURCE_REMOVE;
}

struct control_client *control_client_new(const char *socket_path, const struct control_client_events *events,
                                          void *user)
{
    struct control_client *client = g_new0(struct control_client, 1);
    client->path = g_strdup(socket_path);
    client->events = *events;
    client->user = user;
    client->received = g_byte_array_new();
    client->fd = -1;
    if (on_retry(client) == G_SOURCE_CONTINUE)
        client->retry_source = g_timeout_add(RETRY_MS, on_retry, client);
    return client;
}

void control_client_free(struct control_client *client)
{
    if (client == NULL)
        return;
    disconnect(client);
    g_clear_handle_id(&client->retry_source, g_source_remove);
    g_byte_array_unref(client->received);
    g_free(client->path);
    g_free(client);
}

bool control_client_send(struct control_client *client, const struct dub_worker_command *command)
{
    if (client->fd < 0)
        return false;
    g_autoptr(JsonNode) node = dub_worker_command_to_json(command);
    g_autofree char *text = dub_json_to_string(node);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    /* Commands are tiny and rare: one that does not fit into the socket's buffer means a worker that is
     * stuck. */
    return send(client->fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line);
}

void control_client_drain(struct control_client *client)
{
    bool more = client->fd >= 0;
    while (more) {
        if (read_once(client, &more))
            continue;
        lose_connection(client);
        return;
    }
}
