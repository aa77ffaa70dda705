/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "provider_stand.h"

#include <dubbing_clock.h>
#include <gio/gio.h>
#include <pthread.h>
#include <string.h>

#define HEAD_MAX_BYTES 16384

struct provider_stand {
    GSocketService *service;
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread;
    GCancellable *stopping;
    stand_answer *answer;
    void *user;
    char *url;
    gint requests, connections, live; /* atomic */
    pthread_mutex_t lock;
    int64_t busy_ns; /* guarded by lock */
};

char *stand_header(const struct stand_request *request, const char *name)
{
    g_auto(GStrv) lines = g_strsplit(request->head, "\r\n", -1);
    gsize length = strlen(name);
    for (char **line = lines; *line; line++)
        if (g_ascii_strncasecmp(*line, name, length) == 0 && (*line)[length] == ':')
            return g_strstrip(g_strdup(*line + length + 1));
    return NULL;
}

static char *read_head(GDataInputStream *in, GCancellable *stopping)
{
    GString *head = g_string_new(NULL);
    for (;;) {
        g_autofree char *line = g_data_input_stream_read_line(in, NULL, stopping, NULL);
        if (!line || head->len > HEAD_MAX_BYTES) {
            g_string_free(head, TRUE);
            return NULL;
        }
        if (*line == '\0')
            return g_string_free(head, FALSE);
        g_string_append_printf(head, "%s\r\n", line);
    }
}

/* False when the connection shall end. */
static bool write_reply(GOutputStream *out, const struct stand_reply *reply, GCancellable *stopping)
{
    gsize size = reply->size > 0 || !reply->body ? reply->size : strlen(reply->body);
    g_autofree char *head = g_strdup_printf(
        "HTTP/1.1 %d Said\r\nContent-Type: %s\r\nContent-Length: %" G_GSIZE_FORMAT "\r\n%s\r\n",
        reply->status ? reply->status : 200, reply->type ? reply->type : "application/json", size,
        reply->headers ? reply->headers : "");
    gsize now = reply->cut ? size / 2 : size;
    /* At once: a body behind its head would wait for the client's acknowledgement of the head. */
    g_autoptr(GByteArray) all = g_byte_array_new();
    g_byte_array_append(all, (const guint8 *)head, (guint)strlen(head));
    if (now > 0)
        g_byte_array_append(all, (const guint8 *)reply->body, (guint)now);
    return g_output_stream_write_all(out, all->data, all->len, NULL, stopping, NULL) && !reply->cut;
}

/* Over at once when the stand is freed. */
static void be_late(struct provider_stand *stand, int64_t delay_ms)
{
    GPollFD end;
    if (delay_ms > 0 && g_cancellable_make_pollfd(stand->stopping, &end)) {
        g_poll(&end, 1, (int)delay_ms);
        g_cancellable_release_fd(stand->stopping);
    }
}

static void note_busy(struct provider_stand *stand, int64_t ns)
{
    pthread_mutex_lock(&stand->lock);
    stand->busy_ns += ns;
    pthread_mutex_unlock(&stand->lock);
}

int64_t provider_stand_busy_ns(struct provider_stand *stand)
{
    pthread_mutex_lock(&stand->lock);
    int64_t ns = stand->busy_ns;
    pthread_mutex_unlock(&stand->lock);
    return ns;
}

static bool serve_one(struct provider_stand *stand, GDataInputStream *in, GOutputStream *out)
{
    g_autofree char *head = read_head(in, stand->stopping);
    if (!head)
        return false;
    g_auto(GStrv) words = g_strsplit_set(head, " \r", 4);
    struct stand_request request = {.head = head, .method = words[0], .path = words[1]};
    g_autofree char *length = stand_header(&request, "Content-Length");
    gsize size = length ? (gsize)g_ascii_strtoull(length, NULL, 10) : 0;
    g_autofree char *body = g_malloc0(size + 1);
    if (size > 0 && !g_input_stream_read_all(G_INPUT_STREAM(in), body, size, NULL, stand->stopping, NULL))
        return false;
    request.body = body;
    request.size = size;
    request.number = g_atomic_int_add(&stand->requests, 1) + 1;
    int64_t start_ns = dub_clock_now_ns(dub_clock_monotonic());
    struct stand_reply reply = {0};
    stand->answer(&request, &reply, stand->user);
    be_late(stand, reply.delay_ms);
    note_busy(stand, dub_clock_now_ns(dub_clock_monotonic()) - start_ns);
    bool more = write_reply(out, &reply, stand->stopping);
    g_free(reply.body);
    return more;
}

static gboolean on_connection(GThreadedSocketService *service, GSocketConnection *connection, GObject *source,
                              void *user)
{
    struct provider_stand *stand = user;
    g_atomic_int_inc(&stand->connections);
    g_atomic_int_inc(&stand->live);
    g_autoptr(GDataInputStream) in =
        g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(connection)));
    g_data_input_stream_set_newline_type(in, G_DATA_STREAM_NEWLINE_TYPE_CR_LF);
    while (serve_one(stand, in, g_io_stream_get_output_stream(G_IO_STREAM(connection)))) {
    }
    g_io_stream_close(G_IO_STREAM(connection), NULL, NULL);
    g_atomic_int_add(&stand->live, -1);
    return TRUE;
}

static void *run(void *data)
{
    struct provider_stand *stand = data;
    g_main_context_push_thread_default(stand->context);
    g_socket_service_start(stand->service);
    g_main_loop_run(stand->loop);
    g_socket_service_stop(stand->service);
    g_socket_listener_close(G_SOCKET_LISTENER(stand->service));
    g_object_unref(stand->service);
    g_main_context_pop_thread_default(stand->context);
    return NULL;
}

struct provider_stand *provider_stand_new(stand_answer *answer, void *user)
{
    struct provider_stand *stand = g_new0(struct provider_stand, 1);
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new_from_string("127.0.0.1", 0);
    g_autoptr(GSocketAddress) bound = NULL;
    stand->answer = answer;
    pthread_mutex_init(&stand->lock, NULL);
    stand->user = user;
    stand->stopping = g_cancellable_new();
    stand->context = g_main_context_new();
    stand->loop = g_main_loop_new(stand->context, FALSE);
    g_main_context_push_thread_default(stand->context);
    stand->service = g_threaded_socket_service_new(64);
    g_socket_service_stop(stand->service);
    g_assert_true(g_socket_listener_add_address(G_SOCKET_LISTENER(stand->service), any, G_SOCKET_TYPE_STREAM,
                                                G_SOCKET_PROTOCOL_TCP, NULL, &bound, NULL));
    g_signal_connect(stand->service, "run", G_CALLBACK(on_connection), stand);
    g_main_context_pop_thread_default(stand->context);
    stand->url =
        g_strdup_printf("http://127.0.0.1:%u", g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound)));
    stand->thread = g_thread_new("provider", run, stand);
    return stand;
}

static gboolean quit(void *data)
{
    g_main_loop_quit(data);
    return G_SOURCE_REMOVE;
}

void provider_stand_free(struct provider_stand *stand)
{
    if (!stand)
        return;
    g_cancellable_cancel(stand->stopping);
    GSource *source = g_idle_source_new();
    g_source_set_callback(source, quit, stand->loop, NULL);
    g_source_attach(source, stand->context);
    g_source_unref(source);
    g_thread_join(stand->thread);
    while (g_atomic_int_get(&stand->live) > 0)
        g_usleep(1000);
    g_object_unref(stand->stopping);
    pthread_mutex_destroy(&stand->lock);
    g_main_loop_unref(stand->loop);
    g_main_context_unref(stand->context);
    g_free(stand->url);
    g_free(stand);
}

const char *provider_stand_url(const struct provider_stand *stand)
{
    return stand->url;
}

int provider_stand_requests(const struct provider_stand *stand)
{
    return g_atomic_int_get(&stand->requests);
}

int provider_stand_connections(const struct provider_stand *stand)
{
    return g_atomic_int_get(&stand->connections);
}
