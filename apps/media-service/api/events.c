/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "events.h"

#include "event_log.h"

#include <dubbing_clock.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#define LISTENERS_MAX 64
#define LISTENERS_PER_ADDRESS_MAX 16
#define UNSENT_MAX_BYTES (1 << 20)
/* A peer that has gone without a word is found out by the next keep-alive. */
static const struct events_times usual_times = {.keep_alive_ms = 15000, .peer_timeout_ms = 30000};

struct events {
    struct events_times times;
    struct event_log *log;
    GPtrArray *listeners; /* struct listener * */
    guint keep_alive;
};

struct listener {
    struct events *events;
    SoupServerMessage *message;
    GInetAddress *address; /* NULL: not known */
    gsize unsent_bytes;
};

static void free_listener(void *data)
{
    struct listener *listener = data;
    g_signal_handlers_disconnect_by_data(listener->message, listener);
    g_object_unref(listener->message);
    g_clear_object(&listener->address);
    g_free(listener);
}

static void on_gone(SoupServerMessage *message, void *user)
{
    struct listener *listener = user;
    g_ptr_array_remove(listener->events->listeners, listener);
}

static void on_written(SoupServerMessage *message, guint size, void *user)
{
    struct listener *listener = user;
    listener->unsent_bytes -= MIN(listener->unsent_bytes, size);
}

/* The message's end is signalled then, which removes the listener. */
static void drop(struct listener *listener)
{
    GSocket *socket = soup_server_message_get_socket(listener->message);
    if (socket != NULL)
        g_socket_shutdown(socket, TRUE, TRUE, NULL);
    soup_server_message_unpause(listener->message);
}

static void send_bytes(struct listener *listener, GBytes *bytes)
{
    gsize size = g_bytes_get_size(bytes);
    if (listener->unsent_bytes + size > UNSENT_MAX_BYTES) {
        drop(listener);
        return;
    }
    listener->unsent_bytes += size;
    soup_message_body_append_bytes(soup_server_message_get_response_body(listener->message), bytes);
    soup_server_message_unpause(listener->message);
}

static void send_text(struct listener *listener, const char *text)
{
    g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
    send_bytes(listener, bytes);
}

static void send_to_all(struct events *events, GBytes *bytes)
{
    /* A copy, because a listener may go while it is written to. */
    g_autoptr(GPtrArray) listeners = g_ptr_array_copy(events->listeners, NULL, NULL);
    g_ptr_array_set_free_func(listeners, NULL);
    for (guint i = 0; i < listeners->len; i++)
        if (g_ptr_array_find(events->listeners, listeners->pdata[i], NULL))
            send_bytes(listeners->pdata[i], bytes);
}

static gboolean keep_alive(void *user)
{
    static const char text[] = ": still here\n\n";
    g_autoptr(GBytes) bytes = g_bytes_new_static(text, strlen(text));
    send_to_all(user, bytes);
    return G_SOURCE_CONTINUE;
}

struct events *events_new(const struct events_times *times)
{
    struct events *events = g_new0(struct events, 1);
    events->times = times != NULL ? *times : usual_times;
    events->log = event_log_new(dub_wall_time_ms());
    events->listeners = g_ptr_array_new_with_free_func(free_listener);
    events->keep_alive = g_timeout_add(events->times.keep_alive_ms, keep_alive, events);
    return events;
}

void events_free(struct events *events)
{
    if (events == NULL)
        return;
    g_source_remove(events->keep_alive);
    g_ptr_array_unref(events->listeners);
    event_log_free(events->log);
    g_free(events);
}

static GInetAddress *address_of(SoupServerMessage *message)
{
    GSocketAddress *address = soup_server_message_get_remote_address(message);
    return G_IS_INET_SOCKET_ADDRESS(address)
               ? g_object_ref(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address)))
               : NULL;
}

static unsigned count_from(const struct events *events, GInetAddress *address)
{
    unsigned n = 0;
    for (guint i = 0; address != NULL && i < events->listeners->len; i++) {
        const struct listener *listener = events->listeners->pdata[i];
        n += listener->address != NULL && g_inet_address_equal(listener->address, address);
    }
    return n;
}

/* Answers 503 and returns false when there are too many. */
static bool has_room(const struct events *events, struct dub_http_request *request, GInetAddress *address)
{
    if (events->listeners->len >= LISTENERS_MAX)
        dub_http_reply_error(request, 503, "LIMIT_EXCEEDED", "there are %d listeners already", LISTENERS_MAX);
    else if (count_from(events, address) >= LISTENERS_PER_ADDRESS_MAX)
        dub_http_reply_error(request, 503, "LIMIT_EXCEEDED",
                             "there are %d listeners from this address already", LISTENERS_PER_ADDRESS_MAX);
    else
        return true;
    return false;
}

static void begin_answer(struct dub_http_request *request)
{
    SoupMessageHeaders *headers = soup_server_message_get_response_headers(request->message);
    soup_message_headers_set_content_type(headers, "text/event-stream", NULL);
    soup_message_headers_replace(headers, "Cache-Control", "no-cache");
    soup_server_message_set_status(request->message, 200, NULL);
}

static struct listener *add_listener(struct events *events, SoupServerMessage *message,
                                     GInetAddress *take_address)
{
    struct listener *listener = g_new0(struct listener, 1);
    GSocket *socket = soup_server_message_get_socket(message);
    listener->events = events;
    listener->message = g_object_ref(message);
    listener->address = take_address;
    g_ptr_array_add(events->listeners, listener);
    soup_message_headers_set_encoding(soup_server_message_get_response_headers(message),
                                      SOUP_ENCODING_CHUNKED);
    soup_message_body_set_accumulate(soup_server_message_get_response_body(message), FALSE);
    g_signal_connect(message, "wrote-body-data", G_CALLBACK(on_written), listener);
    g_signal_connect(message, "finished", G_CALLBACK(on_gone), listener);
    if (socket != NULL)
        (void)g_socket_set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, (gint)events->times.peer_timeout_ms,
                                  NULL);
    return listener;
}

static void send_missed(struct listener *listener, const char *last_id)
{
    g_autoptr(GPtrArray) missed = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    if (!event_log_list_after(listener->events->log, last_id, missed))
        send_text(listener, "event: missed\ndata: {}\n\n");
    for (guint i = 0; i < missed->len; i++)
        send_bytes(listener, missed->pdata[i]);
}

void events_add_listener(struct events *events, struct dub_http_request *request)
{
    g_autoptr(GInetAddress) address = address_of(request->message);
    if (!has_room(events, request, address))
        return;
    begin_answer(request);
    if (strcmp(request->method, "HEAD") == 0)
        return;
    const char *last_id = soup_message_headers_get_one(
        soup_server_message_get_request_headers(request->message), "Last-Event-ID");
    struct listener *listener = add_listener(events, request->message, g_steal_pointer(&address));
    dub_http_request_stream(request);
    send_text(listener, ": welcome\nretry: 2000\n\n");
    if (last_id != NULL)
        send_missed(listener, last_id);
}

unsigned events_count_listeners(const struct events *events)
{
    return events->listeners->len;
}

void events_send(struct events *events, const char *name, const char *data)
{
    send_to_all(events, event_log_add(events->log, name, data));
}
