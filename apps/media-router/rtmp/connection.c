/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "connection.h"

#include "../fd_watch.h"
#include "../media_queue.h"
#include "session.h"

#include <dubbing_ids.h>
#include <dubbing_log.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define READ_BYTES 65536
/* Reads per wake-up: a fast publisher may not keep the others waiting. */
#define MAX_READS 4
#define MAX_IOVECS 64
/* Encoded ahead of the socket; what is beyond waits in the queue, where it can still be dropped. */
#define ENCODE_BYTES (256u << 10)
/* Of unfinished messages, where everybody together holds too much: more than the largest usual picture. */
#define UNFINISHED_FAIR_BYTES (2u << 20)
#define LINGER_NS (5 * DUB_NS_PER_S)
#define MAX_THROWN_AWAY_BYTES (1u << 20)
/* Ten years: what no real stream reaches, and nanoseconds of it fit. */
#define MAX_TIME_MS (INT64_C(315360000) * 1000)

struct rtmp_connection {
    const struct rtmp_connection_env *env;
    int fd; /* the link's */
    struct net_link *link;
    struct fd_watch *watch;
    char *id;
    char *remote_address;
    int64_t created_wall_ms;
    struct rtmp_session session;
    struct router_publisher publisher;
    struct router_reader reader;
    struct media_queue queue;
    char *path, *query; /* of what is published or read, the password masked; NULL while idle */

    bool has_time; /* unwrapping of the publisher's timestamps */
    uint32_t last_timestamp_ms;
    int64_t time_ms;

    int64_t idle_since_ns; /* neither publishing nor reading */
    int64_t last_read_ns;
    int64_t last_media_ns; /* a whole message of a publisher */
    int64_t last_write_ns; /* when the socket last took bytes, or had nothing to take */
    uint64_t sent_bytes;
    size_t unfinished_bytes; /* as noted with media_note_held */

    const char *give_up; /* static text: end it at the next wake-up, from the connection's own watch */
    bool had_stream;     /* it has published or played */
    bool closing;        /* what is pending is sent, what comes is thrown away */
    bool shut_down;
    int64_t close_deadline_ns;
    size_t thrown_away_bytes; /* received while closing */
    int64_t hold_until_ns;    /* nothing is sent before; 0: no such time */
};

static int64_t now_ns(const struct rtmp_connection *connection)
{
    return dub_clock_now_ns(connection->env->clock);
}

static void wake(struct rtmp_connection *connection)
{
    fd_watch_wake(connection->watch);
}

static struct rtmp_connection *of_publisher(struct router_publisher *publisher)
{
    return (struct rtmp_connection *)(void *)((char *)publisher -
                                              offsetof(struct rtmp_connection, publisher));
}

static struct rtmp_connection *of_reader(struct router_reader *reader)
{
    return (struct rtmp_connection *)(void *)((char *)reader - offsetof(struct rtmp_connection, reader));
}

static void detach(struct rtmp_connection *connection)
{
    router_unpublish(connection->env->router, &connection->publisher);
    router_unread(connection->env->router, &connection->reader);
    g_clear_pointer(&connection->path, g_free);
    g_clear_pointer(&connection->query, g_free);
    connection->idle_since_ns = now_ns(connection);
}

/* Who has a stream is worth more lines than who only comes and goes. */
static bool may_log(const struct rtmp_connection *connection)
{
    struct router *router = connection->env->router;
    return connection->had_stream ? router_may_log(router) : admission_may_log(router_admission(router));
}

void rtmp_connection_close(struct rtmp_connection *connection, const char *reason)
{
    if (connection->closing)
        return;
    if (may_log(connection))
        dub_log_info("rtmp %s (%s): closed: %s", connection->id, connection->remote_address, reason);
    connection->closing = true;
    connection->close_deadline_ns = now_ns(connection) + LINGER_NS;
    connection->session.state = RTMP_SESSION_CLOSING;
    detach(connection);
    wake(connection);
}

/* -- the router's side -- */

static void on_publisher_close(struct router_publisher *publisher, const char *reason)
{
    rtmp_connection_close(of_publisher(publisher), reason);
}

static void encode_queue(struct rtmp_connection *connection, size_t up_to_bytes)
{
    struct rtmp_session *session = &connection->session;
    while (rtmp_chunk_writer_pending(&session->writer) < up_to_bytes) {
        struct media_message *message = media_queue_pop(&connection->queue);
        if (message == NULL)
            return;
        if (connection->reader.path != NULL)
            connection->reader.path->outbound_bytes += media_message_bytes(message);
        rtmp_session_send_media(session, message);
        media_message_unref(message);
    }
}

static void on_reader_close(struct router_reader *reader, const char *reason)
{
    struct rtmp_connection *connection = of_reader(reader);
    encode_queue(connection, SIZE_MAX);
    rtmp_session_send_eof(&connection->session);
    rtmp_connection_close(connection, reason);
}

static void on_reader_message(struct router_reader *reader, struct media_message *message, bool is_backlog)
{
    struct rtmp_connection *connection = of_reader(reader);
    if (connection->give_up != NULL)
        return;
    if (is_backlog)
        media_queue_push_backlog(&connection->queue, message);
    else if (media_queue_push(&connection->queue, message, stream_has_video(&reader->path->stream)) ==
             MEDIA_QUEUE_TOO_SLOW)
        connection->give_up = "the reader is too slow";
    wake(connection);
}

/* By whether the connection is encrypted. */
static const struct router_publisher_ops publisher_ops[] = {
    {.type = "rtmpConn", .close = on_publisher_close},
    {.type = "rtmpsConn", .close = on_publisher_close},
};
static const struct router_reader_ops reader_ops[] = {
    {.type = "rtmpConn", .message = on_reader_message, .close = on_reader_close},
    {.type = "rtmpsConn", .message = on_reader_message, .close = on_reader_close},
};

/* -- the session's side -- */

/* A refusal is held back for a while: whoever tries passwords shall not try many. */
static bool is_allowed(struct rtmp_connection *connection, enum auth_action action, const char *path,
                       const char *query, struct dub_error *error)
{
    g_autofree char *user = NULL;
    g_autofree char *pass = NULL;
    auth_from_query(query, &user, &pass);
    struct auth_request request = {.action = action,
                                   .path = path,
                                   .remote_address = connection->remote_address,
                                   .user = user,
                                   .pass = pass};
    if (auth_check(connection->env->config->users, &request, error))
        return true;
    connection->hold_until_ns = now_ns(connection) + AUTH_PAUSE_S * DUB_NS_PER_S;
    return false;
}

static bool on_publish(const char *path, const char *query, struct dub_error *error, void *user)
{
    struct rtmp_connection *connection = user;
    g_autofree char *masked = auth_mask_query(query);
    if (!is_allowed(connection, AUTH_PUBLISH, path, query, error) ||
        !router_publish(connection->env->router, path, masked, &connection->publisher, error))
        return false;
    connection->path = g_strdup(path);
    connection->query = g_steal_pointer(&masked);
    connection->has_time = false;
    connection->time_ms = 0;
    connection->had_stream = true;
    connection->last_media_ns = now_ns(connection);
    return true;
}

static bool on_play(const char *path, const char *query, struct dub_error *error, void *user)
{
    struct rtmp_connection *connection = user;
    if (!is_allowed(connection, AUTH_READ, path, query, error) ||
        !router_read(connection->env->router, path, &connection->reader, error))
        return false;
    connection->path = g_strdup(path);
    connection->query = auth_mask_query(query);
    connection->had_stream = true;
    media_queue_begin(&connection->queue, stream_has_video(&connection->reader.path->stream));
    return true;
}

static void on_playing(void *user)
{
    struct rtmp_connection *connection = user;
    router_reader_start(&connection->reader);
}

/* 32 bits of milliseconds wrap after 49 days; steps in either direction are taken as they come. What runs
 * away with such steps begins anew. */
static int64_t unwrap_ms(struct rtmp_connection *connection, uint32_t timestamp_ms)
{
    if (!connection->has_time || connection->time_ms > MAX_TIME_MS || connection->time_ms < -MAX_TIME_MS)
        connection->time_ms = timestamp_ms;
    else
        connection->time_ms += (int32_t)(timestamp_ms - connection->last_timestamp_ms);
    connection->has_time = true;
    connection->last_timestamp_ms = timestamp_ms;
    return connection->time_ms;
}

static void on_media(enum media_kind kind, uint32_t timestamp_ms, GBytes *payload, void *user)
{
    struct rtmp_connection *connection = user;
    connection->last_media_ns = connection->last_read_ns;
    int64_t dts_ns = unwrap_ms(connection, timestamp_ms) * DUB_NS_PER_MS;
    router_write(connection->env->router, &connection->publisher, kind, dts_ns, g_bytes_ref(payload));
}

static void on_ended(void *user)
{
    struct rtmp_connection *connection = user;
    detach(connection);
    media_queue_clear(&connection->queue);
}

static const struct rtmp_session_events session_events = {
    .publish = on_publish, .play = on_play, .playing = on_playing, .media = on_media, .ended = on_ended};

/* -- the socket's side -- */

static void end(struct rtmp_connection *connection)
{
    connection->env->ended(connection, connection->env->user);
}

/* Clients write their commands in small pieces with Nagle's algorithm on: a delayed acknowledgement would
 * cost 40 ms for each. The kernel forgets the option, so it is said again as long as commands are exchanged.
 */
static void acknowledge_at_once(const struct rtmp_connection *connection)
{
    const int yes = 1;
    if (connection->session.state < RTMP_SESSION_PUBLISHING)
        setsockopt(connection->fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof yes);
}

/* A peer that is being closed may read our last words; it may not go on flooding us meanwhile, and who does
 * not read answers does not read those words either. */
static bool may_linger(struct rtmp_connection *connection, size_t received)
{
    if (!connection->closing)
        return true;
    connection->thrown_away_bytes += received;
    return connection->thrown_away_bytes < MAX_THROWN_AWAY_BYTES &&
           connection->session.answer_bytes <= RTMP_MAX_ANSWER_BYTES;
}

/* False when the connection is over. */
static bool receive_some(struct rtmp_connection *connection, bool *more)
{
    static uint8_t buffer[READ_BYTES]; /* one thread */
    struct dub_error error = {0};
    ssize_t n = net_link_receive(connection->link, buffer, sizeof buffer);
    *more = net_link_has_more(connection->link, n, sizeof buffer);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0) {
        if (!connection->closing)
            rtmp_connection_close(connection, n == 0 ? "the peer closed the connection"
                                                     : net_link_problem(connection->link));
        return false;
    }
    connection->last_read_ns = now_ns(connection);
    acknowledge_at_once(connection);
    if (!connection->closing && !rtmp_session_receive(&connection->session, buffer, (size_t)n, &error)) {
        if (error.code == DUB_ERROR_PROTOCOL || error.code == DUB_ERROR_LIMIT)
            router_counters(connection->env->router)->protocol_errors++;
        rtmp_connection_close(connection, error.message);
    }
    return may_linger(connection, (size_t)n);
}

static void note_unfinished(struct rtmp_connection *connection, size_t bytes)
{
    media_note_held((int64_t)bytes - (int64_t)connection->unfinished_bytes);
    connection->unfinished_bytes = bytes;
}

static void check_memory(struct rtmp_connection *connection)
{
    struct router *router = connection->env->router;
    note_unfinished(connection, connection->session.reader.partial_bytes);
    if (connection->closing || connection->unfinished_bytes <= UNFINISHED_FAIR_BYTES ||
        router_has_memory(router))
        return;
    router_counters(router)->out_of_memory++;
    rtmp_connection_close(connection, "it has much of an unfinished message where too much is held already "
                                      "(ROUTER_MAX_MEMORY)");
}

static bool receive(struct rtmp_connection *connection)
{
    bool more = true;
    for (unsigned i = 0; more && i < MAX_READS; i++) {
        if (!receive_some(connection, &more))
            return false;
        if (connection->session.answer_bytes > RTMP_MAX_ANSWER_BYTES) /* to be sent before more is asked */
            break;
    }
    check_memory(connection);
    if (net_link_is_pending(connection->link))
        wake(connection);
    return true;
}

/* One writev; false when the connection is over. *blocked: the socket takes no more now. */
static bool send_some(struct rtmp_connection *connection, int64_t now, bool *blocked)
{
    struct iovec iov[MAX_IOVECS];
    struct rtmp_chunk_writer *writer = &connection->session.writer;
    ssize_t n = net_link_send(connection->link, iov, rtmp_chunk_writer_peek(writer, iov, MAX_IOVECS));
    *blocked = n < 0 && (errno == EAGAIN || errno == EINTR);
    if (n < 0 && !*blocked) {
        rtmp_connection_close(connection, net_link_problem(connection->link));
        return false;
    }
    if (n > 0) {
        rtmp_chunk_writer_advance(writer, (size_t)n);
        connection->sent_bytes += (uint64_t)n;
        connection->last_write_ns = now;
    }
    return true;
}

static bool flush(struct rtmp_connection *connection)
{
    struct rtmp_chunk_writer *writer = &connection->session.writer;
    const int64_t now = now_ns(connection);
    bool blocked = false;
    if (rtmp_chunk_writer_pending(writer) == 0)
        connection->last_write_ns = now;
    for (;;) {
        encode_queue(connection, ENCODE_BYTES);
        if (blocked || connection->hold_until_ns > 0 || rtmp_chunk_writer_pending(writer) == 0)
            break;
        if (!send_some(connection, now, &blocked))
            return false;
    }
    fd_watch_set_condition(connection->watch, net_link_condition(connection->link, blocked));
    return true;
}

/* All is sent: say so, and wait for the peer to close, so that unread bytes of the peer's do not turn the end
 * into a reset that takes our last words with it. */
static void finish_closing(struct rtmp_connection *connection)
{
    if (!connection->closing || connection->shut_down ||
        rtmp_chunk_writer_pending(&connection->session.writer) > 0)
        return;
    connection->shut_down = true;
    net_link_finish(connection->link);
}

static bool is_ready(const struct router_path *path)
{
    return path != NULL && path->ready;
}

static bool has_ready_path(const struct rtmp_connection *connection)
{
    return is_ready(connection->publisher.path) || is_ready(connection->reader.path);
}

static void on_io(GIOCondition condition, void *user)
{
    struct rtmp_connection *connection = user;
    const bool had_ready_path = has_ready_path(connection);
    if (connection->give_up != NULL) {
        rtmp_connection_close(connection, connection->give_up);
        end(connection);
        return;
    }
    bool alive = !net_link_is_readable(connection->link, condition) || receive(connection);
    if (!alive || !flush(connection)) {
        end(connection);
        return;
    }
    finish_closing(connection);
    /* Nothing but media, of a stream whose hooks run already. */
    if (had_ready_path && has_ready_path(connection))
        fd_watch_say_quiet(connection->watch);
}

static const char *passed_deadline(const struct rtmp_connection *connection)
{
    int64_t now = now_ns(connection);
    const struct router_config *config = connection->env->config;
    bool reading = connection->reader.path != NULL;
    bool idle = !reading && connection->publisher.path == NULL;
    if (connection->closing)
        return now > connection->close_deadline_ns ? "the peer does not close" : NULL;
    if (idle && now - connection->idle_since_ns > config->limits.handshake_ns)
        return "it neither publishes nor plays (ROUTER_HANDSHAKE_TIMEOUT)";
    if (!idle && !reading && now - connection->last_media_ns > config->limits.media_ns)
        return "it publishes nothing (ROUTER_MEDIA_TIMEOUT)";
    if (!reading && now - connection->last_read_ns > config->read_timeout_ns)
        return "nothing was received within readTimeout";
    if (rtmp_chunk_writer_pending(&connection->session.writer) > 0 &&
        now - connection->last_write_ns > config->write_timeout_ns)
        return "nothing could be sent within writeTimeout";
    return NULL;
}

void rtmp_connection_check_deadlines(struct rtmp_connection *connection)
{
    const char *reason = passed_deadline(connection);
    if (connection->hold_until_ns > 0 && now_ns(connection) >= connection->hold_until_ns) {
        connection->hold_until_ns = 0;
        wake(connection);
    }
    if (reason == NULL)
        return;
    if (!connection->closing)
        router_counters(connection->env->router)->timeouts++;
    rtmp_connection_close(connection, reason);
    end(connection);
}

struct rtmp_connection *rtmp_connection_new(const struct rtmp_connection_env *env, int take_fd,
                                            char *take_remote_address)
{
    struct rtmp_connection *connection = g_new0(struct rtmp_connection, 1);
    connection->env = env;
    connection->fd = take_fd;
    connection->link = net_link_new(take_fd, env->tls);
    connection->remote_address = take_remote_address;
    connection->id = dub_uuid_new();
    connection->created_wall_ms = dub_wall_time_ms();
    connection->idle_since_ns = connection->last_read_ns = connection->last_write_ns = now_ns(connection);
    connection->publisher =
        (struct router_publisher){.ops = &publisher_ops[env->tls != NULL], .id = connection->id};
    connection->reader = (struct router_reader){.ops = &reader_ops[env->tls != NULL], .id = connection->id};
    media_queue_init(&connection->queue, (guint)env->config->write_queue_messages);
    connection->queue.counters = router_counters(env->router);
    connection->queue.max_held_bytes = (uint64_t)env->config->limits.held_bytes;
    rtmp_session_init(&connection->session, &session_events, connection);
    connection->watch = fd_watch_new(take_fd, G_IO_IN, on_io, connection);
    connection->session.max_media_bytes = (uint32_t)env->config->limits.message_bytes;
    if (may_log(connection))
        dub_log_info("rtmp %s (%s): opened", connection->id, connection->remote_address);
    return connection;
}

void rtmp_connection_free(struct rtmp_connection *connection)
{
    detach(connection);
    note_unfinished(connection, 0);
    admission_leave(router_admission(connection->env->router), connection->remote_address);
    fd_watch_free(connection->watch);
    net_link_free(connection->link);
    rtmp_session_clear(&connection->session);
    media_queue_clear(&connection->queue);
    g_free(connection->id);
    g_free(connection->remote_address);
    g_free(connection);
}

bool rtmp_connection_is_idle(const struct rtmp_connection *connection)
{
    return connection->reader.path == NULL && connection->publisher.path == NULL;
}

const char *rtmp_connection_remote_address(const struct rtmp_connection *connection)
{
    return connection->remote_address;
}

void rtmp_connection_describe(const struct rtmp_connection *connection, struct rtmp_connection_info *info)
{
    bool publishing = connection->publisher.path != NULL;
    bool reading = connection->reader.path != NULL;
    *info = (struct rtmp_connection_info){
        .id = connection->id,
        .remote_address = connection->remote_address,
        .is_encrypted = connection->env->tls != NULL,
        .state = publishing ? "publish"
                 : reading  ? "read"
                            : "idle",
        .path = connection->path != NULL ? connection->path : "",
        .query = connection->query != NULL ? connection->query : "",
        .created_wall_ms = connection->created_wall_ms,
        .received_bytes = connection->session.control.received_bytes,
        .sent_bytes = connection->sent_bytes,
        .dropped_messages = connection->queue.dropped,
    };
}
