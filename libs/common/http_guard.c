/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libsoup's server has no limits of its own. It makes a message for each connection as soon as it is
 * accepted, before the TLS handshake, and http.c lets no connection have a second one; so a message stands
 * for its connection. When that becomes a WebSocket, the message goes. */
#include "http_guard.h"

#include <gio/gio.h>

#define VISIT "dub-http-guard-visit"
#define SEEN "dub-http-guard-seen"

struct http_guard {
    SoupServer *soup;
    unsigned max_connections, timeout_ms;
    GHashTable *visits; /* set of struct visit */
};

/* Lives as long as its message. */
struct visit {
    struct http_guard *guard; /* NULL: the guard is gone */
    GSocket *socket;          /* NULL: not one of ours to close */
    guint timer;
    bool is_over;
};

static void visit_free(void *data)
{
    struct visit *visit = data;
    if (visit->guard)
        g_hash_table_remove(visit->guard->visits, visit);
    g_clear_handle_id(&visit->timer, g_source_remove);
    g_clear_object(&visit->socket);
    g_free(visit);
}

/* libsoup sees the end of the stream and clears up. */
static void hang_up(struct visit *visit)
{
    if (visit->socket)
        g_socket_shutdown(visit->socket, TRUE, TRUE, NULL);
}

static gboolean on_timeout(gpointer data)
{
    struct visit *visit = data;
    visit->timer = 0;
    hang_up(visit);
    return G_SOURCE_REMOVE;
}

static void start_timer(struct visit *visit)
{
    g_clear_handle_id(&visit->timer, g_source_remove);
    if (visit->guard && visit->guard->timeout_ms)
        visit->timer = g_timeout_add(visit->guard->timeout_ms, on_timeout, visit);
}

/* The request is complete; how long its handling may take is the handler's affair. */
static void on_got_body(SoupServerMessage *message, void *data)
{
    struct visit *visit = data;
    g_clear_handle_id(&visit->timer, g_source_remove);
}

static void on_wrote_headers(SoupServerMessage *message, void *data)
{
    start_timer(data);
}

/* libsoup 3.2 forgets to give up its reference on a socket that it has accepted, some 350 bytes that
 * stay for ever. It tells us of the connection in that very function, before anything else has the socket:
 * two references are the connection's and the forgotten one, where nothing is forgotten there is one. */
static void drop_forgotten_reference(GSocket *socket)
{
    if (G_OBJECT(socket)->ref_count == 2 && !g_object_get_data(G_OBJECT(socket), SEEN))
        g_object_unref(socket);
    g_object_set_data(G_OBJECT(socket), SEEN, socket);
}

static void on_request_started(SoupServer *soup, SoupServerMessage *message, void *data)
{
    struct http_guard *guard = data;
    struct visit *visit = g_new0(struct visit, 1);
    GSocket *socket = soup_server_message_get_socket(message);
    if (socket)
        drop_forgotten_reference(socket);
    visit->guard = guard;
    visit->socket = socket ? g_object_ref(socket) : NULL;
    g_hash_table_add(guard->visits, visit);
    unsigned n_others = g_hash_table_size(guard->visits) - 1;
    visit->is_over = guard->max_connections && n_others >= guard->max_connections;
    g_object_set_data_full(G_OBJECT(message), VISIT, visit, visit_free);
    g_signal_connect(message, "got-body", G_CALLBACK(on_got_body), visit);
    g_signal_connect(message, "wrote-headers", G_CALLBACK(on_wrote_headers), visit);
    start_timer(visit);
    if (visit->is_over && n_others / 2 >= guard->max_connections)
        hang_up(visit);
}

struct http_guard *http_guard_new(SoupServer *soup, unsigned max_connections, unsigned timeout_ms)
{
    struct http_guard *guard = g_new0(struct http_guard, 1);
    guard->soup = soup;
    guard->max_connections = max_connections;
    guard->timeout_ms = timeout_ms;
    guard->visits = g_hash_table_new(NULL, NULL);
    g_signal_connect(soup, "request-started", G_CALLBACK(on_request_started), guard);
    return guard;
}

void http_guard_free(struct http_guard *guard)
{
    GHashTableIter iter;
    void *item;
    if (!guard)
        return;
    g_signal_handlers_disconnect_by_data(guard->soup, guard);
    g_hash_table_iter_init(&iter, guard->visits);
    while (g_hash_table_iter_next(&iter, &item, NULL)) {
        struct visit *visit = item;
        visit->guard = NULL;
        g_clear_handle_id(&visit->timer, g_source_remove);
    }
    g_hash_table_unref(guard->visits);
    g_free(guard);
}

bool http_guard_is_over(const struct http_guard *guard, SoupServerMessage *message)
{
    const struct visit *visit = g_object_get_data(G_OBJECT(message), VISIT);
    return guard && visit && visit->is_over;
}
