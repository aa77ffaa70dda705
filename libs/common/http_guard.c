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
    struct http_guard_limits limits;
    GQueue visits; /* struct visit, the oldest first; those that are hung up or stream are not in it */
};

/* Lives as long as its message. */
struct visit {
    struct http_guard *guard; /* NULL: the guard is gone, or the visit is not counted any more */
    GList link;               /* in the guard's visits */
    GSocket *socket;          /* NULL: not one of ours to close */
    GInetAddress *address;    /* NULL: not known */
    guint timer;
    bool is_over;
    bool streams;
};

static void stop_counting(struct visit *visit)
{
    g_clear_handle_id(&visit->timer, g_source_remove);
    if (visit->guard)
        g_queue_unlink(&visit->guard->visits, &visit->link);
    visit->guard = NULL;
}

static void visit_free(void *data)
{
    struct visit *visit = data;
    stop_counting(visit);
    g_clear_object(&visit->socket);
    g_clear_object(&visit->address);
    g_free(visit);
}

/* libsoup sees the end of the stream and clears up. */
static void hang_up(struct visit *visit)
{
    stop_counting(visit);
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
    if (visit->guard && visit->guard->limits.timeout_ms)
        visit->timer = g_timeout_add(visit->guard->limits.timeout_ms, on_timeout, visit);
}

/* The request is complete; how long its handling may take is the handler's affair. */
static void on_got_body(SoupServerMessage *message, void *data)
{
    struct visit *visit = data;
    g_clear_handle_id(&visit->timer, g_source_remove);
}

static void on_wrote_headers(SoupServerMessage *message, void *data)
{
    struct visit *visit = data;
    if (!visit->streams)
        start_timer(visit);
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

static GInetAddress *address_of(SoupServerMessage *message)
{
    GSocketAddress *address = soup_server_message_get_remote_address(message);
    return G_IS_INET_SOCKET_ADDRESS(address)
               ? g_object_ref(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address)))
               : NULL;
}

/* The oldest visit from the address, and how many there are. */
static struct visit *oldest_from(const struct http_guard *guard, GInetAddress *address, unsigned *n)
{
    struct visit *oldest = NULL;
    *n = 0;
    for (GList *link = guard->visits.head; link; link = link->next) {
        struct visit *visit = link->data;
        if (!visit->address || !g_inet_address_equal(visit->address, address))
            continue;
        oldest = oldest ? oldest : visit;
        (*n)++;
    }
    return oldest;
}

/* A client that means it sends its request at once and takes the answer: what has been there for long is
 * slow, half open, or one of very many. */
static void make_room(struct http_guard *guard, const struct visit *visit)
{
    const struct http_guard_limits *limits = &guard->limits;
    unsigned n = 0;
    struct visit *oldest =
        limits->max_per_address && visit->address ? oldest_from(guard, visit->address, &n) : NULL;
    if (oldest && n > limits->max_per_address)
        hang_up(oldest);
    if (limits->max_connections && g_queue_get_length(&guard->visits) > limits->max_connections)
        hang_up(g_queue_peek_head(&guard->visits));
}

static void turn_away(struct http_guard *guard, struct visit *visit)
{
    unsigned max = guard->limits.max_connections;
    unsigned n_others = g_queue_get_length(&guard->visits) - 1;
    visit->is_over = max && n_others >= max;
    if (visit->is_over && n_others / 2 >= max)
        hang_up(visit);
}

static void on_request_started(SoupServer *soup, SoupServerMessage *message, void *data)
{
    struct http_guard *guard = data;
    struct visit *visit = g_new0(struct visit, 1);
    GSocket *socket = soup_server_message_get_socket(message);
    if (socket)
        drop_forgotten_reference(socket);
    visit->guard = guard;
    visit->link.data = visit;
    visit->socket = socket ? g_object_ref(socket) : NULL;
    visit->address = address_of(message);
    g_queue_push_tail_link(&guard->visits, &visit->link);
    g_object_set_data_full(G_OBJECT(message), VISIT, visit, visit_free);
    g_signal_connect(message, "got-body", G_CALLBACK(on_got_body), visit);
    g_signal_connect(message, "wrote-headers", G_CALLBACK(on_wrote_headers), visit);
    start_timer(visit);
    if (guard->limits.make_room)
        make_room(guard, visit);
    else
        turn_away(guard, visit);
}

struct http_guard *http_guard_new(SoupServer *soup, const struct http_guard_limits *limits)
{
    struct http_guard *guard = g_new0(struct http_guard, 1);
    guard->soup = soup;
    guard->limits = *limits;
    g_queue_init(&guard->visits);
    g_signal_connect(soup, "request-started", G_CALLBACK(on_request_started), guard);
    return guard;
}

void http_guard_free(struct http_guard *guard)
{
    if (!guard)
        return;
    g_signal_handlers_disconnect_by_data(guard->soup, guard);
    while (guard->visits.head)
        stop_counting(guard->visits.head->data);
    g_free(guard);
}

bool http_guard_is_over(const struct http_guard *guard, SoupServerMessage *message)
{
    const struct visit *visit = g_object_get_data(G_OBJECT(message), VISIT);
    return guard && visit && visit->is_over;
}

void http_guard_let_stream(SoupServerMessage *message)
{
    struct visit *visit = g_object_get_data(G_OBJECT(message), VISIT);
    if (!visit)
        return;
    visit->streams = true;
    stop_counting(visit);
}
