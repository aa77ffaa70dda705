/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "events.h"

#include <string.h>

#define LISTENERS_MAX 32
#define UNSENT_MAX_BYTES (1 << 20)
#define KEEP_ALIVE_S 15

struct events {
    GPtrArray *listeners; /* struct listener * */
    guint keep_alive;
};

struct listener {
    struct events *events;
    SoupServerMessage *message;
    gsize unsent_bytes;
};

static void free_listener(void *data)
{
    struct listener *listener = data;
    g_signal_handlers_disconnect_by_data(listener->message, listener);
    g_object_unref(listener->message);
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

static void send_text(struct listener *listener, const char *text)
{
    gsize size = strlen(text);
    if (listener->unsent_bytes + size > UNSENT_MAX_BYTES) {
        drop(listener);
        return;
    }
    listener->unsent_bytes += size;
    soup_message_body_append(soup_server_message_get_response_body(listener->message), SOUP_MEMORY_COPY, text,
                             size);
    soup_server_message_unpause(listener->message);
}

static void send_to_all(struct events *events, const char *text)
{
    /* A copy, because a listener may go while it is written to. */
    g_autoptr(GPtrArray) listeners = g_ptr_array_copy(events->listeners, NULL, NULL);
    g_ptr_array_set_free_func(listeners, NULL);
    for (guint i = 0; i < listeners->len; i++)
        if (g_ptr_array_find(events->listeners, listeners->pdata[i], NULL))
            send_text(listeners->pdata[i], text);
}

static gboolean keep_alive(void *user)
{
    send_to_all(user, ": still here\n\n");
    return G_SOURCE_CONTINUE;
}

struct events *events_new(void)
{
    struct events *events = g_new0(struct events, 1);
    events->listeners = g_ptr_array_new_with_free_func(free_listener);
    events->keep_alive = g_timeout_add_seconds(KEEP_ALIVE_S, keep_alive, events);
    return events;
}

void events_free(struct events *events)
{
    if (events == NULL)
        return;
    g_source_remove(events->keep_alive);
    g_ptr_array_unref(events->listeners);
    g_free(events);
}

void events_add_listener(struct events *events, struct dub_http_request *request)
{
    if (events->listeners->len >= LISTENERS_MAX) {
        dub_http_reply_error(request, 503, "LIMIT_EXCEEDED", "there are %d listeners already", LISTENERS_MAX);
        return;
    }
    struct listener *listener = g_new0(struct listener, 1);
    listener->events = events;
    listener->message = g_object_ref(request->message);
    g_ptr_array_add(events->listeners, listener);
    SoupMessageHeaders *headers = soup_server_message_get_response_headers(request->message);
    soup_message_headers_set_encoding(headers, SOUP_ENCODING_CHUNKED);
    soup_message_headers_set_content_type(headers, "text/event-stream", NULL);
    soup_message_headers_replace(headers, "Cache-Control", "no-cache");
    soup_message_body_set_accumulate(soup_server_message_get_response_body(request->message), FALSE);
    soup_server_message_set_status(request->message, 200, NULL);
    g_signal_connect(request->message, "wrote-body-data", G_CALLBACK(on_written), listener);
    g_signal_connect(request->message, "finished", G_CALLBACK(on_gone), listener);
    send_text(listener, ": welcome\n\n");
}

void events_send(struct events *events, const char *name, const char *data)
{
    g_autofree char *text = g_strdup_printf("event: %s\ndata: %s\n\n", name, data);
    send_to_all(events, text);
}

unsigned events_count(const struct events *events)
{
    return events->listeners->len;
}
