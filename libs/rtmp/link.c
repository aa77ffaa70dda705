/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_rtmp_link.h"

#include <gio/gio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>

#define READ_BYTES_PLAYER 65536
#define READ_BYTES_PUBLISHER 4096 /* answers and acknowledgements */
#define WRITE_PIECES 32

struct link_sources {
    GSource *start, *reader, *deadline;
};

struct rtmp_link {
    struct rtmp_url url;
    struct rtmp_link_events events;
    void *user;
    GMainContext *context;

    /* The context's thread. */
    unsigned refs; /* the owner's, and one for what is under way */
    bool is_over;
    GCancellable *cancellable;
    GSocketConnection *connection; /* NULL until connected */
    struct link_sources sources;
    uint8_t *buffer;
    size_t buffer_bytes;

    pthread_mutex_t lock; /* guards what follows */
    struct rtmp_client client;
    GPollableOutputStream *out; /* borrowed from the connection; NULL: nothing can be written */
    GSource *writer;            /* the socket takes nothing for now, or has failed */
    GError *write_error;
    bool is_closing; /* our side is shut: the server's end is awaited */
};

static void destroy_source(GSource **source)
{
    if (*source == NULL)
        return;
    g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static void attach(struct rtmp_link *link, GSource **place, GSource *take_source, GSourceFunc callback)
{
    destroy_source(place);
    g_source_set_callback(take_source, callback, link, NULL);
    g_source_attach(take_source, link->context);
    *place = take_source;
}

/* No event comes any more, and nothing is written. */
static void shut(struct rtmp_link *link)
{
    link->is_over = true;
    g_cancellable_cancel(link->cancellable);
    destroy_source(&link->sources.start);
    destroy_source(&link->sources.reader);
    destroy_source(&link->sources.deadline);
    pthread_mutex_lock(&link->lock);
    destroy_source(&link->writer);
    link->out = NULL;
    pthread_mutex_unlock(&link->lock);
}

/* TLS would say goodbye, and wait for room to say it as long as the server does not read. */
static void drop_connection(struct rtmp_link *link)
{
    if (link->connection != NULL && link->url.is_encrypted)
        g_socket_shutdown(g_socket_connection_get_socket(link->connection), TRUE, TRUE, NULL);
    g_clear_object(&link->connection);
}

static void unref(struct rtmp_link *link)
{
    if (--link->refs > 0)
        return;
    drop_connection(link);
    g_object_unref(link->cancellable);
    g_clear_error(&link->write_error);
    rtmp_client_clear(&link->client);
    rtmp_url_clear(&link->url);
    pthread_mutex_destroy(&link->lock);
    g_main_context_unref(link->context);
    g_free(link->buffer);
    g_free(link);
}

static void fail(struct rtmp_link *link, const char *reason)
{
    g_autofree char *copy = g_strdup(reason); /* it may be the link's own, which may be freed in the event */
    if (link->is_over)
        return;
    shut(link);
    if (link->events.on_failed != NULL)
        link->events.on_failed(copy, link->user);
}

static void end(struct rtmp_link *link)
{
    if (link->is_over)
        return;
    shut(link);
    if (link->events.on_ended != NULL)
        link->events.on_ended(link->user);
}

static gboolean on_linger_over(gpointer data)
{
    struct rtmp_link *link = data;
    end(link);
    return G_SOURCE_REMOVE;
}

/* A socket that is closed with unread bytes resets the connection, and the server may lose what it has not
 * read: so only our side is shut, until the server has closed its own. TLS has no half of a connection. */
static void close_our_side(struct rtmp_link *link)
{
    if (!link->url.is_encrypted)
        g_socket_shutdown(g_socket_connection_get_socket(link->connection), FALSE, TRUE, NULL);
    attach(link, &link->sources.deadline, g_timeout_source_new_seconds(RTMP_LINK_LINGER_S), on_linger_over);
}

static void write_pending(struct rtmp_link *link);

/* The context's thread. */
static void write_and_close(struct rtmp_link *link)
{
    pthread_mutex_lock(&link->lock);
    write_pending(link);
    bool closes = !link->is_closing && link->client.state == RTMP_CLIENT_FINISHING &&
                  rtmp_client_pending(&link->client) == 0;
    link->is_closing |= closes;
    pthread_mutex_unlock(&link->lock);
    if (closes)
        close_our_side(link);
}

static gboolean on_writable(GObject *stream, gpointer data)
{
    struct rtmp_link *link = data;

    pthread_mutex_lock(&link->lock);
    destroy_source(&link->writer);
    pthread_mutex_unlock(&link->lock);
    write_and_close(link);
    return G_SOURCE_REMOVE;
}

static gboolean on_finishing(gpointer data)
{
    return on_writable(NULL, data);
}

static gboolean on_write_failed(gpointer data)
{
    struct rtmp_link *link = data;
    fail(link, link->write_error->message);
    return G_SOURCE_REMOVE;
}

/* Under the lock. */
static void write_pending(struct rtmp_link *link)
{
    struct iovec pieces[WRITE_PIECES];
    GOutputVector vectors[WRITE_PIECES];
    GPollableReturn result = G_POLLABLE_RETURN_OK;
    unsigned n;

    while (link->out != NULL && link->writer == NULL &&
           (n = rtmp_chunk_writer_peek(&link->client.writer, pieces, WRITE_PIECES)) > 0) {
        gsize written = 0;
        for (unsigned i = 0; i < n; i++)
            vectors[i] = (GOutputVector){pieces[i].iov_base, pieces[i].iov_len};
        result = g_pollable_output_stream_writev_nonblocking(link->out, vectors, n, &written, NULL,
                                                             &link->write_error);
        rtmp_chunk_writer_advance(&link->client.writer, written);
        if (written > 0 && link->events.on_written != NULL)
            link->events.on_written(written, link->user);
        if (result == G_POLLABLE_RETURN_WOULD_BLOCK)
            attach(link, &link->writer, g_pollable_output_stream_create_source(link->out, NULL),
                   G_SOURCE_FUNC(on_writable));
        else if (result == G_POLLABLE_RETURN_FAILED)
            attach(link, &link->writer, g_idle_source_new(), on_write_failed);
    }
}

/* False when the server's bytes end the connection; *before and *after are the states around them. */
static bool take_bytes(struct rtmp_link *link, size_t size, enum rtmp_client_state *before,
                       enum rtmp_client_state *after, struct dub_error *error)
{
    pthread_mutex_lock(&link->lock);
    *before = link->client.state;
    bool fine = rtmp_client_receive(&link->client, link->buffer, size, error);
    *after = link->client.state;
    pthread_mutex_unlock(&link->lock);
    return fine;
}

static void receive(struct rtmp_link *link, size_t size)
{
    struct dub_error error = {0};
    enum rtmp_client_state before, after;

    if (!take_bytes(link, size, &before, &after, &error)) {
        fail(link, error.message);
        return;
    }
    if (before < RTMP_CLIENT_READY && after >= RTMP_CLIENT_READY) {
        destroy_source(&link->sources.deadline);
        if (link->events.on_ready != NULL)
            link->events.on_ready(link->user);
    }
    if (!link->is_over)
        write_and_close(link);
    if (after == RTMP_CLIENT_ENDED)
        end(link);
}

static void on_closed(struct rtmp_link *link)
{
    pthread_mutex_lock(&link->lock);
    bool is_expected = link->is_closing;
    pthread_mutex_unlock(&link->lock);
    if (is_expected)
        end(link);
    else
        fail(link, "the server closed the connection");
}

static gboolean on_readable(GObject *stream, gpointer data)
{
    struct rtmp_link *link = data;
    g_autoptr(GError) error = NULL;
    gssize n = g_pollable_input_stream_read_nonblocking(G_POLLABLE_INPUT_STREAM(stream), link->buffer,
                                                        link->buffer_bytes, NULL, &error);

    if (n < 0 && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        return G_SOURCE_CONTINUE;
    link->refs++;
    if (n > 0)
        receive(link, (size_t)n);
    else if (n == 0)
        on_closed(link);
    else
        fail(link, error->message);
    bool goes_on = !link->is_over;
    unref(link);
    return goes_on ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static gboolean on_deadline(gpointer data)
{
    struct rtmp_link *link = data;

    fail(link, link->connection ? "the server does not answer" : "no connection in time");
    return G_SOURCE_REMOVE;
}

static void start_deadline(struct rtmp_link *link)
{
    attach(link, &link->sources.deadline, g_timeout_source_new_seconds(RTMP_LINK_PATIENCE_S), on_deadline);
}

static void use_connection(struct rtmp_link *link)
{
    GIOStream *stream = G_IO_STREAM(link->connection);
    GInputStream *in = g_io_stream_get_input_stream(stream);

    g_socket_set_option(g_socket_connection_get_socket(link->connection), IPPROTO_TCP, TCP_NODELAY, 1, NULL);
    attach(link, &link->sources.reader,
           g_pollable_input_stream_create_source(G_POLLABLE_INPUT_STREAM(in), NULL),
           G_SOURCE_FUNC(on_readable));
    start_deadline(link);
    pthread_mutex_lock(&link->lock);
    link->out = G_POLLABLE_OUTPUT_STREAM(g_io_stream_get_output_stream(stream));
    write_pending(link);
    pthread_mutex_unlock(&link->lock);
}

static void on_connected(GObject *client, GAsyncResult *result, gpointer data)
{
    struct rtmp_link *link = data;
    g_autoptr(GError) error = NULL;

    link->connection = g_socket_client_connect_finish(G_SOCKET_CLIENT(client), result, &error);
    if (link->connection != NULL && !link->is_over)
        use_connection(link);
    else if (link->connection == NULL)
        fail(link, error->message);
    unref(link);
}

static gboolean on_start(gpointer data)
{
    struct rtmp_link *link = data;
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketConnectable) address = g_network_address_new(link->url.host, link->url.port);

    g_socket_client_set_enable_proxy(client, FALSE);
    g_socket_client_set_tls(client, link->url.is_encrypted);
    start_deadline(link);
    link->refs++;
    g_socket_client_connect_async(client, address, link->cancellable, on_connected, link);
    return G_SOURCE_REMOVE;
}

struct rtmp_link *rtmp_link_new(GMainContext *context, const char *url, enum rtmp_client_role role,
                                const struct rtmp_link_events *events, void *user, struct dub_error *error)
{
    struct rtmp_url parts;

    if (!rtmp_url_parse(url, &parts, error))
        return NULL;
    struct rtmp_link *link = g_new0(struct rtmp_link, 1);
    link->url = parts;
    link->events = *events;
    link->user = user;
    link->context = context ? g_main_context_ref(context) : g_main_context_ref(g_main_context_default());
    link->refs = 1;
    link->cancellable = g_cancellable_new();
    link->buffer_bytes = role == RTMP_CLIENT_PLAYER ? READ_BYTES_PLAYER : READ_BYTES_PUBLISHER;
    link->buffer = g_malloc(link->buffer_bytes);
    pthread_mutex_init(&link->lock, NULL);
    rtmp_client_init(&link->client, role, &link->url, link->events.on_media, link->events.on_data, user);
    attach(link, &link->sources.start, g_idle_source_new(), on_start);
    return link;
}

bool rtmp_link_stop(struct rtmp_link *link)
{
    shut(link);
    return link->refs == 1;
}

void rtmp_link_free(struct rtmp_link *link)
{
    if (!link)
        return;
    shut(link);
    unref(link);
}

void rtmp_link_send(struct rtmp_link *link, uint8_t type, uint32_t timestamp_ms, GBytes *payload)
{
    pthread_mutex_lock(&link->lock);
    rtmp_client_send(&link->client, type, timestamp_ms, payload);
    pthread_mutex_unlock(&link->lock);
}

void rtmp_link_flush(struct rtmp_link *link)
{
    pthread_mutex_lock(&link->lock);
    write_pending(link);
    pthread_mutex_unlock(&link->lock);
}

void rtmp_link_finish(struct rtmp_link *link)
{
    pthread_mutex_lock(&link->lock);
    rtmp_client_finish(&link->client);
    if (link->writer == NULL)
        attach(link, &link->writer, g_idle_source_new(), on_finishing);
    pthread_mutex_unlock(&link->lock);
}

size_t rtmp_link_pending(struct rtmp_link *link)
{
    pthread_mutex_lock(&link->lock);
    size_t pending = rtmp_client_pending(&link->client);
    pthread_mutex_unlock(&link->lock);
    return pending;
}
