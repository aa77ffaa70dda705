/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control_client.h"

#include "control_reader.h"

#include <dubbing_json.h>
#include <dubbing_log.h>
#include <dubbing_socket_path.h>
#include <dubbing_watch.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES (16 * 1024)
/* A worker that is broken in a way that ends each connection must not keep us busy, nor fill the log. */
#define RETRY_MS 100
#define RETRY_MAX_MS 5000
#define RETRY_DOUBLINGS_MAX 6
#define STEADY_US (5 * G_USEC_PER_SEC) /* a connection that lasted so long was a good one */
/* A worker says some hundred bytes a second, and once, after a connect, all that it has kept. One that says
 * more for long has to wait, so that one worker cannot take the time of all. */
#define BURST_BYTES (1024 * 1024)
#define BYTES_PER_S (640 * 1024)
#define PAUSE_MS 100
#define DRAIN_READS_MAX 256

struct control_client {
    char *path;
    struct control_client_events events;
    void *user;
    struct control_reader reader;
    int fd; /* -1: not connected */
    struct dub_watch *watch;
    guint retry_source;
    guint pause_source;     /* instead of watch */
    unsigned n_losses;      /* of connections that did not last */
    gint64 connected_at_us; /* monotonic, as are the others */
    gint64 allowance;       /* bytes that may still be read at refilled_at_us */
    gint64 refilled_at_us;
};

static int open_socket(const char *path)
{
    struct dub_socket_path to;
    if (!dub_socket_path_init(&to, path, NULL))
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool connected = fd >= 0 && connect(fd, (const struct sockaddr *)&to.address, sizeof(to.address)) == 0;
    dub_socket_path_clear(&to);
    if (connected)
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
    g_clear_pointer(&client->watch, dub_watch_remove);
    g_clear_handle_id(&client->pause_source, g_source_remove);
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    control_reader_reset(&client->reader);
}

static bool on_hello(const struct dub_worker_hello *hello, void *user)
{
    struct control_client *client = user;
    return client->events.on_hello(hello, peer_of(client->fd), client->user);
}

static void on_status(const struct dub_worker_status *status, void *user)
{
    struct control_client *client = user;
    client->events.on_status(status, client->user);
}

static void on_phrase(const struct dub_ledger_line *line, void *user)
{
    struct control_client *client = user;
    client->events.on_phrase(line, client->user);
}

static void refill(struct control_client *client)
{
    gint64 now_us = g_get_monotonic_time();
    gint64 more = (now_us - client->refilled_at_us) * BYTES_PER_S / G_USEC_PER_SEC;
    if (more <= 0)
        return;
    client->allowance = MIN(client->allowance + more, BURST_BYTES);
    client->refilled_at_us = now_us;
}

/* False when the connection is over. *more says whether another read may bring something. */
static bool read_once(struct control_client *client, bool *more)
{
    char bytes[READ_BYTES];
    struct dub_error error = {0};
    ssize_t n = read(client->fd, bytes, sizeof(bytes));
    *more = n > 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0)
        return false;
    client->allowance -= n;
    if (control_reader_take(&client->reader, bytes, (gsize)n, &error))
        return true;
    dub_log_warn("control socket %s: %s; connecting again", client->path, error.message);
    return false;
}

static void on_readable(int fd, void *user);
static gboolean on_pause_over(void *user);

static void pause_reading(struct control_client *client)
{
    g_clear_pointer(&client->watch, dub_watch_remove);
    client->pause_source = g_timeout_add(PAUSE_MS, on_pause_over, client);
}

static void listen_to(struct control_client *client)
{
    client->watch = dub_watch_add(g_main_context_default(), client->fd, on_readable, client);
    if (client->watch == NULL)
        pause_reading(client);
}

static gboolean on_retry(void *user)
{
    struct control_client *client = user;
    client->fd = open_socket(client->path);
    if (client->fd < 0)
        return G_SOURCE_CONTINUE;
    client->retry_source = 0;
    client->connected_at_us = g_get_monotonic_time();
    listen_to(client);
    return G_SOURCE_REMOVE;
}

static void lose_connection(struct control_client *client)
{
    if (g_get_monotonic_time() - client->connected_at_us >= STEADY_US)
        client->n_losses = 0;
    disconnect(client);
    guint wait_ms = MIN((guint)RETRY_MS << client->n_losses, RETRY_MAX_MS);
    client->n_losses = MIN(client->n_losses + 1, RETRY_DOUBLINGS_MAX);
    client->retry_source = g_timeout_add(wait_ms, on_retry, client);
}

static gboolean on_pause_over(void *user)
{
    struct control_client *client = user;
    client->pause_source = 0;
    listen_to(client);
    return G_SOURCE_REMOVE;
}

static void on_readable(int fd, void *user)
{
    struct control_client *client = user;
    bool more;
    refill(client);
    if (!read_once(client, &more))
        lose_connection(client);
    else if (client->allowance <= 0)
        pause_reading(client);
}

struct control_client *control_client_new(const char *socket_path, const struct control_client_events *events,
                                          void *user)
{
    static const struct control_reader_events reader_events = {on_hello, on_status, on_phrase};
    struct control_client *client = g_new0(struct control_client, 1);
    client->path = g_strdup(socket_path);
    client->events = *events;
    client->user = user;
    control_reader_init(&client->reader, &reader_events, client);
    client->allowance = BURST_BYTES;
    client->refilled_at_us = g_get_monotonic_time();
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
    control_reader_clear(&client->reader);
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
    for (unsigned i = 0; more && i < DRAIN_READS_MAX; i++) {
        if (read_once(client, &more))
            continue;
        lose_connection(client);
        return;
    }
}
