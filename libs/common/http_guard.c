/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libsoup's server has no limits of its own. It makes a message for each connection as soon as it is accepted
 * (before the TLS handshake) and for each further request on it. A visit stands for the connection: it begins
 * with the first message, outlives it while the client may send another request, and ends with the socket or
 * when the socket becomes a WebSocket's. */
#include "http_guard.h"

#include <gio/gio.h>

#define TICKET "dub-http-guard-ticket"

/* Counted: messages may outlive the server. */
struct http_guard {
    SoupServer *soup;
    unsigned max_connections, timeout_ms;
    GHashTable *visits; /* GSocket, owned by the visit, to owned struct visit */
};

struct visit {
    struct http_guard *guard; /* borrowed: it owns the visit */
    GSocket *socket;
    const SoupServerMessage *message; /* the one under way; NULL: between two requests. Only compared */
    guint timer;
    bool is_over;
};

/* What a message carries: the way back to its visit. */
struct ticket {
    struct http_guard *guard;
    GSocket *socket;
    const SoupServerMessage *message;
};

static void clear_guard(void *data)
{
    struct http_guard *guard = data;
    g_hash_table_unref(guard->visits);
}

static void visit_free(void *data)
{
    struct visit *visit = data;
    g_clear_handle_id(&visit->timer, g_source_remove);
    g_object_unref(visit->socket);
    g_free(visit);
}

static struct visit *visit_of(const struct ticket *ticket)
{
    struct visit *visit = g_hash_table_lookup(ticket->guard->visits, ticket->socket);
    return visit && visit->message == ticket->message ? visit : NULL;
}

static void end_visit(struct visit *visit)
{
    g_hash_table_remove(visit->guard->visits, visit->socket);
}

/* libsoup sees the end of the stream and clears up. */
static gboolean on_timeout(gpointer data)
{
    struct visit *visit = data;
    visit->timer = 0;
    g_socket_shutdown(visit->socket, TRUE, TRUE, NULL);
    if (!visit->message)
        end_visit(visit);
    return G_SOURCE_REMOVE;
}

static void start_timer(struct visit *visit)
{
    g_clear_handle_id(&visit->timer, g_source_remove);
    if (visit->guard->timeout_ms)
        visit->timer = g_timeout_add(visit->guard->timeout_ms, on_timeout, visit);
}

/* The request is complete; how long its handling may take is the handler's affair. */
static void on_got_body(SoupServerMessage *message, void *data)
{
    struct visit *visit = visit_of(data);
    if (visit)
        g_clear_handle_id(&visit->timer, g_source_remove);
}

static void on_wrote_headers(SoupServerMessage *message, void *data)
{
    struct visit *visit = visit_of(data);
    if (visit)
        start_timer(visit);
}

static void on_finished(SoupServerMessage *message, void *data)
{
    struct visit *visit = visit_of(data);
    if (!visit)
        return;
    if (soup_server_message_get_status(message) == SOUP_STATUS_SWITCHING_PROTOCOLS ||
        g_socket_is_closed(visit->socket)) {
        end_visit(visit);
        return;
    }
    visit->message = NULL;
    start_timer(visit);
}

static void on_disconnected(SoupServerMessage *message, void *data)
{
    struct visit *visit = visit_of(data);
    if (visit)
        end_visit(visit);
}

/* With the message. One that has not finished has lost its socket to a WebSocket. */
static void ticket_free(void *data)
{
    struct ticket *ticket = data;
    struct visit *visit = visit_of(ticket);
    if (visit)
        end_visit(visit);
    g_object_unref(ticket->socket);
    g_rc_box_release_full(ticket->guard, clear_guard);
    g_free(ticket);
}

static void give_ticket(struct http_guard *guard, SoupServerMessage *message, GSocket *socket)
{
    struct ticket *ticket = g_new0(struct ticket, 1);
    ticket->guard = g_rc_box_acquire(guard);
    ticket->socket = g_object_ref(socket);
    ticket->message = message;
    g_object_set_data_full(G_OBJECT(message), TICKET, ticket, ticket_free);
    g_signal_connect(message, "got-body", G_CALLBACK(on_got_body), ticket);
    g_signal_connect(message, "wrote-headers", G_CALLBACK(on_wrote_headers), ticket);
    g_signal_connect(message, "finished", G_CALLBACK(on_finished), ticket);
    g_signal_connect(message, "disconnected", G_CALLBACK(on_disconnected), ticket);
}

/* A client that leaves between two requests is only noticed here. */
static gboolean has_left(void *socket, void *visit, void *user)
{
    return !((struct visit *)visit)->message && g_socket_is_closed(socket);
}

static struct visit *begin_visit(struct http_guard *guard, GSocket *socket)
{
    struct visit *visit = g_new0(struct visit, 1);
    visit->guard = guard;
    visit->socket = g_object_ref(socket);
    g_hash_table_insert(guard->visits, socket, visit);
    if (guard->max_connections && g_hash_table_size(guard->visits) > guard->max_connections) {
        g_hash_table_foreach_remove(guard->visits, has_left, NULL);
        visit->is_over = g_hash_table_size(guard->visits) > guard->max_connections;
    }
    return visit;
}

static void on_request_started(SoupServer *soup, SoupServerMessage *message, void *data)
{
    struct http_guard *guard = data;
    GSocket *socket = soup_server_message_get_socket(message);
    if (!socket)
        return;
    struct visit *visit = g_hash_table_lookup(guard->visits, socket);
    if (!visit)
        visit = begin_visit(guard, socket);
    visit->message = message;
    give_ticket(guard, message, socket);
    start_timer(visit);
    if (visit->is_over && (g_hash_table_size(guard->visits) - 1) / 2 >= guard->max_connections)
        g_socket_shutdown(socket, TRUE, TRUE, NULL);
}

struct http_guard *http_guard_new(SoupServer *soup, unsigned max_connections, unsigned timeout_ms)
{
    struct http_guard *guard = g_rc_box_new0(struct http_guard);
    guard->soup = soup;
    guard->max_connections = max_connections;
    guard->timeout_ms = timeout_ms;
    guard->visits = g_hash_table_new_full(NULL, NULL, NULL, visit_free);
    g_signal_connect(soup, "request-started", G_CALLBACK(on_request_started), guard);
    return guard;
}

void http_guard_free(struct http_guard *guard)
{
    if (!guard)
        return;
    g_signal_handlers_disconnect_by_data(guard->soup, guard);
    g_hash_table_remove_all(guard->visits);
    g_rc_box_release_full(guard, clear_guard);
}

bool http_guard_is_over(const struct http_guard *guard, SoupServerMessage *message)
{
    const struct ticket *ticket = g_object_get_data(G_OBJECT(message), TICKET);
    const struct visit *visit = ticket && guard ? visit_of(ticket) : NULL;
    return visit && visit->is_over;
}
