/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "peer.h"

#include "peer_server.h"

#include <dubbing_ids.h>
#include <dubbing_log.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define READ_BYTES 65536
/* Reads at a time: what a fast publisher has more comes behind what the others have. */
#define MAX_READS 4
#define MAX_IOVECS 64
/* Encoded ahead of the socket; what is beyond waits in the queue, where it can still be dropped. */
#define ENCODE_BYTES (256u << 10)
/* Of unfinished messages, where everybody together holds too much: more than the largest usual picture. */
#define UNFINISHED_FAIR_BYTES (2u << 20)
#define LINGER_NS (5 * DUB_NS_PER_S)
#define MAX_THROWN_AWAY_BYTES (1u << 20)

int64_t peer_now_ns(const struct peer *peer)
{
    return dub_clock_now_ns(peer->server->clock);
}

struct router *peer_router(const struct peer *peer)
{
    return peer->server->router;
}

const struct router_config *peer_config(const struct peer *peer)
{
    return peer->server->config;
}

const char *peer_state(const struct peer *peer)
{
    return peer->publisher->path != NULL ? "publish" : peer->reader->path != NULL ? "read" : "idle";
}

bool peer_may_log(const struct peer *peer)
{
    struct router *router = peer_router(peer);
    return peer->had_stream ? router_may_log(router) : admission_may_log(router_admission(router));
}

void peer_wake(struct peer *peer)
{
    fd_watch_wake(peer->watch);
}

void peer_hold(struct peer *peer)
{
    peer->hold_until_ns = peer_now_ns(peer) + AUTH_PAUSE_S * DUB_NS_PER_S;
}

static bool is_held(const struct peer *peer)
{
    return peer->hold_until_ns > 0 && peer->hold_until_ns > peer_now_ns(peer);
}

static void set_unfinished(struct peer *peer, size_t bytes)
{
    media_note_held((int64_t)bytes - (int64_t)peer->unfinished_bytes);
    peer->unfinished_bytes = bytes;
}

bool peer_note_unfinished(struct peer *peer, size_t bytes, struct dub_error *error)
{
    set_unfinished(peer, bytes);
    if (bytes <= UNFINISHED_FAIR_BYTES || router_has_memory(peer_router(peer)))
        return true;
    router_counters(peer_router(peer))->out_of_memory++;
    return dub_error_set(error, DUB_ERROR_UNAVAILABLE,
                         "much of an unfinished message where too much is held already (ROUTER_MAX_MEMORY)");
}

void peer_close(struct peer *peer, const char *reason)
{
    if (peer->closing)
        return;
    if (peer_may_log(peer))
        dub_log_info("%s %s (%s): closed: %s", peer->ops->protocol, peer->id, peer->remote_address, reason);
    peer->closing = true;
    peer->close_deadline_ns = peer_now_ns(peer) + LINGER_NS;
    peer->ops->detach(peer);
    peer_wake(peer);
}

/* -- what comes -- */

/* Clients write their commands in small pieces with Nagle's algorithm on: a delayed acknowledgement would
 * cost 40 ms for each. The kernel forgets the option, so it is said again as long as commands are exchanged.
 */
static void acknowledge_at_once(const struct peer *peer)
{
    const int yes = 1;
    if (peer->ops->is_talking(peer))
        setsockopt(peer->fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof yes);
}

static void take(struct peer *peer, bool fine, const struct dub_error *error)
{
    if (fine)
        return;
    if (error->code == DUB_ERROR_PROTOCOL || error->code == DUB_ERROR_LIMIT)
        router_counters(peer_router(peer))->protocol_errors++;
    peer_close(peer, error->message);
}

/* A peer that is being closed may read our last words; it may not go on flooding us meanwhile, and who does
 * not read answers does not read those words either. */
static bool may_linger(struct peer *peer, size_t received)
{
    if (!peer->closing)
        return true;
    peer->thrown_away_bytes += received;
    return peer->thrown_away_bytes < MAX_THROWN_AWAY_BYTES && peer->ops->fetches_answers(peer);
}

/* False when the connection is over. *more: there is more to read at once. */
static bool receive_some(struct peer *peer, bool *more)
{
    static uint8_t buffer[READ_BYTES]; /* one thread */
    struct dub_error error = {0};
    ssize_t n = net_link_receive(peer->net, buffer, sizeof buffer);
    *more = net_link_has_more(peer->net, n, sizeof buffer);
    peer->is_readable = *more || (n > 0 && peer->says_last) || (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0) {
        peer_close(peer, n == 0 ? "the peer closed the connection" : net_link_problem(peer->net));
        return false;
    }
    peer->last_read_ns = peer_now_ns(peer);
    acknowledge_at_once(peer);
    if (!peer->closing)
        take(peer, peer->ops->receive(peer, buffer, (size_t)n, &error), &error);
    return may_linger(peer, (size_t)n);
}

static bool receive(struct peer *peer)
{
    bool more = peer->is_readable;
    for (unsigned i = 0; more && i < MAX_READS && !is_held(peer); i++) {
        if (!receive_some(peer, &more))
            return false;
        if (!peer->ops->fetches_answers(peer)) /* they go first */
            break;
    }
    return true;
}

/* Nobody tells us again of what is left to read. Whoever has answers to fetch is told of when he does. */
static void come_back(struct peer *peer)
{
    if (peer->is_readable && (peer->ops->pending(peer) == 0 || peer->ops->fetches_answers(peer)))
        peer_wake(peer);
}

/* -- what goes -- */

/* One writev; false when the connection is over. *blocked: the socket takes no more now. */
static bool send_some(struct peer *peer, int64_t now_ns, bool *blocked)
{
    struct iovec iov[MAX_IOVECS];
    ssize_t n = net_link_send(peer->net, iov, peer->ops->peek(peer, iov, MAX_IOVECS));
    *blocked = n < 0 && errno == EAGAIN;
    if (n < 0 && !*blocked && errno != EINTR) {
        peer_close(peer, net_link_problem(peer->net));
        return false;
    }
    if (n > 0) {
        peer->ops->advance(peer, (size_t)n);
        peer->sent_bytes += (uint64_t)n;
        peer->last_write_ns = now_ns;
    }
    return true;
}

static bool flush(struct peer *peer)
{
    const int64_t now_ns = peer_now_ns(peer);
    bool blocked = false;
    if (peer->ops->pending(peer) == 0)
        peer->last_write_ns = now_ns;
    for (;;) {
        peer->ops->encode(peer, ENCODE_BYTES);
        if (blocked || peer->ops->pending(peer) == 0)
            break;
        if (!send_some(peer, now_ns, &blocked))
            return false;
    }
    fd_watch_set_condition(peer->watch, net_link_condition(peer->net, blocked));
    return true;
}

/* All is sent: say so, and wait for the peer to close, so that unread bytes of the peer's do not turn the end
 * into a reset that takes our last words with it. */
static void finish_closing(struct peer *peer)
{
    if (!peer->closing || peer->shut_down || peer->ops->pending(peer) > 0)
        return;
    peer->shut_down = true;
    net_link_finish(peer->net);
}

/* -- its turn -- */

/* Until the tick goes on with it, unless the peer has gone, which the kernel tells once, or without end. */
static bool stay_held(struct peer *peer, GIOCondition condition)
{
    fd_watch_set_condition(peer->watch, 0);
    if ((condition & (G_IO_HUP | G_IO_ERR)) == 0)
        return true;
    peer_close(peer, "the peer closed the connection");
    return false;
}

/* The answer that was held back goes first, then comes what was asked behind it: were it handled before, many
 * passwords could be tried in one pause. */
static bool go_on(struct peer *peer)
{
    struct dub_error error = {0};
    if (peer->hold_until_ns == 0 || is_held(peer))
        return true;
    peer->hold_until_ns = 0;
    peer->last_write_ns = peer_now_ns(peer);
    if (!flush(peer))
        return false;
    if (!peer->closing && peer->ops->resume != NULL)
        take(peer, peer->ops->resume(peer, &error), &error);
    return true;
}

/* False when the connection is over. */
static bool serve(struct peer *peer, GIOCondition condition)
{
    if (peer->give_up != NULL) {
        peer_close(peer, peer->give_up);
        return false;
    }
    if (!go_on(peer))
        return false;
    peer->is_readable |= net_link_is_readable(peer->net, condition);
    peer->says_last |= (condition & (FD_WATCH_LAST | G_IO_HUP | G_IO_ERR)) != 0;
    if (!receive(peer))
        return false;
    if (is_held(peer))
        return stay_held(peer, condition);
    if (!flush(peer))
        return false;
    come_back(peer);
    finish_closing(peer);
    return true;
}

static bool is_ready(const struct router_path *path)
{
    return path != NULL && path->ready;
}

static bool has_ready_path(const struct peer *peer)
{
    return is_ready(peer->publisher->path) || is_ready(peer->reader->path);
}

static void on_io(GIOCondition condition, void *user)
{
    struct peer *peer = user;
    const bool had_ready_path = has_ready_path(peer);
    if (!serve(peer, condition))
        peer->ops->free(peer);
    else if (had_ready_path &&
             has_ready_path(peer)) /* nothing but media, of a stream whose hooks run already */
        fd_watch_say_quiet(peer->watch);
}

static const char *passed_deadline(const struct peer *peer, int64_t now_ns)
{
    if (peer->closing)
        return now_ns > peer->close_deadline_ns ? "the peer does not close" : NULL;
    if (peer->ops->pending(peer) > 0 && peer->hold_until_ns == 0 &&
        now_ns - peer->last_write_ns > peer_config(peer)->write_timeout_ns)
        return "nothing could be sent within writeTimeout";
    return peer->ops->passed_silence(peer, now_ns);
}

void peer_check_deadlines(struct peer *peer)
{
    int64_t now_ns = peer_now_ns(peer);
    const char *reason = passed_deadline(peer, now_ns);
    if (reason != NULL) {
        router_counters(peer_router(peer))->timeouts += !peer->closing;
        peer_close(peer, reason);
        peer->ops->free(peer);
        return;
    }
    if (peer->ops->tick != NULL)
        peer->ops->tick(peer, now_ns);
    if (peer->hold_until_ns != 0 && !is_held(peer))
        peer_wake(peer);
}

void peer_init(struct peer *peer, struct peer_server *server, int take_fd, struct net_tls *tls,
               char *take_remote_address)
{
    peer->server = server;
    peer->fd = take_fd;
    peer->net = net_link_new(take_fd, tls);
    peer->remote_address = take_remote_address;
    peer->id = dub_uuid_new();
    peer->created_wall_ms = dub_wall_time_ms();
    peer->idle_since_ns = peer->last_read_ns = peer->last_write_ns = peer_now_ns(peer);
    /* OpenSSL says EAGAIN behind a record that brings no bytes, though the socket may have more. A plain
     * socket may only behind urgent data, which neither protocol knows: what follows waits for more to come.
     */
    peer->watch = tls != NULL ? fd_watch_new(take_fd, G_IO_IN, on_io, peer)
                              : fd_watch_new_for_edges(take_fd, G_IO_IN, on_io, peer);
    peer_server_add(server, peer);
    if (peer_may_log(peer))
        dub_log_info("%s %s (%s): opened", peer->ops->protocol, peer->id, peer->remote_address);
}

void peer_clear(struct peer *peer)
{
    set_unfinished(peer, 0);
    peer_server_remove(peer->server, peer);
    admission_leave(router_admission(peer_router(peer)), peer->remote_address);
    fd_watch_free(peer->watch);
    net_link_free(peer->net);
    g_free(peer->id);
    g_free(peer->remote_address);
}
