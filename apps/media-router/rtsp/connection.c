/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "connection.h"

#include "../fd_watch.h"
#include "../net_link.h"
#include "access.h"
#include "reader.h"
#include "rtp_reader.h"

#include <dubbing_ids.h>
#include <dubbing_log.h>
#include <errno.h>
#include <netdb.h>
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
/* Replies that a client does not fetch. */
#define MAX_REPLY_BYTES (256u << 10)
#define LINGER_NS (5 * DUB_NS_PER_S)
#define MAX_THROWN_AWAY_BYTES (1u << 20)
/* After the BYE a player's last requests (GStreamer: PAUSE, TEARDOWN) are still answered. */
#define FAREWELL_NS (2 * DUB_NS_PER_S)

struct rtsp_connection {
    const struct rtsp_connection_env *env;
    int fd; /* the link's */
    struct net_link *link;
    struct fd_watch *watch;
    char *id;
    char *remote_address;
    int64_t created_wall_ms;
    struct rtsp_session session;
    int64_t session_created_wall_ms;
    char *shown_query; /* of the session, the password masked */
    struct router_publisher publisher;
    struct rtp_reader *packets; /* of a publisher; NULL without */
    struct rtsp_reader reader;
    struct rtsp_source *described; /* keeps what DESCRIBE offered until the session ends */
    struct out_queue out;
    gsize reply_bytes; /* queued since `out` was last empty */

    int64_t idle_since_ns; /* neither publishing nor reading */
    int64_t last_media_ns; /* a whole message of a publisher */
    int64_t last_read_ns;
    int64_t last_request_ns;
    uint64_t last_requests;
    int64_t last_write_ns; /* when the socket last took bytes, or had nothing to take */
    uint64_t sent_bytes;

    const char *give_up; /* static text: end it at the next wake-up, from the connection's own watch */
    bool closing;        /* what is pending is sent, what comes is thrown away */
    bool shut_down;
    int64_t close_deadline_ns;
    size_t thrown_away_bytes;     /* received while closing */
    int64_t farewell_deadline_ns; /* its stream has ended; 0: no such time */
    int64_t hold_until_ns;        /* nothing is read or sent before; 0: no such time */
};

static int64_t now_ns(const struct rtsp_connection *connection)
{
    return dub_clock_now_ns(connection->env->clock);
}

static void wake(struct rtsp_connection *connection)
{
    fd_watch_wake(connection->watch);
}

static struct rtsp_connection *of_publisher(struct router_publisher *publisher)
{
    return (struct rtsp_connection *)(void *)((char *)publisher -
                                              offsetof(struct rtsp_connection, publisher));
}

static struct rtsp_connection *of_reader(struct router_reader *reader)
{
    return (struct rtsp_connection *)(void *)((char *)reader -
                                              offsetof(struct rtsp_connection, reader.reader));
}

static void detach(struct rtsp_connection *connection)
{
    if (connection->packets != NULL && connection->publisher.path != NULL)
        rtp_reader_flush(connection->packets);
    router_unpublish(connection->env->router, &connection->publisher);
    g_clear_pointer(&connection->packets, rtp_reader_free);
    rtsp_reader_detach(&connection->reader, connection->env->router);
    g_clear_pointer(&connection->described, rtsp_source_unref);
    g_clear_pointer(&connection->shown_query, g_free);
}

/* Who has a stream is worth more lines than who only comes and goes. */
static bool may_log(const struct rtsp_connection *connection)
{
    struct router *router = connection->env->router;
    bool has_stream = connection->publisher.path != NULL || connection->reader.reader.path != NULL;
    return has_stream ? router_may_log(router) : admission_may_log(router_admission(router));
}

void rtsp_connection_close(struct rtsp_connection *connection, const char *reason)
{
    if (connection->closing)
        return;
    if (may_log(connection))
        dub_log_info("rtsp %s (%s): closed: %s", connection->id, connection->remote_address, reason);
    connection->closing = true;
    connection->close_deadline_ns = now_ns(connection) + LINGER_NS;
    connection->session.state = RTSP_SESSION_CLOSING;
    detach(connection);
    wake(connection);
}

/* -- the router's side -- */

static void on_publisher_close(struct router_publisher *publisher, const char *reason)
{
    rtsp_connection_close(of_publisher(publisher), reason);
}

static void on_reader_close(struct router_reader *router_reader, const char *reason)
{
    struct rtsp_connection *connection = of_reader(router_reader);
    if (connection->out.pending_bytes == 0) /* it had nothing to take until now, perhaps for long */
        connection->last_write_ns = now_ns(connection);
    rtsp_reader_encode(&connection->reader, &connection->out, G_MAXSIZE, now_ns(connection));
    rtsp_reader_say_bye(&connection->reader, &connection->out);
    rtsp_reader_detach(&connection->reader, connection->env->router);
    connection->farewell_deadline_ns = now_ns(connection) + FAREWELL_NS;
    wake(connection);
}

static void on_reader_message(struct router_reader *router_reader, struct media_message *message,
                              bool is_backlog)
{
    struct rtsp_connection *connection = of_reader(router_reader);
    rtsp_reader_message(&connection->reader, message, is_backlog);
    if (connection->give_up == NULL)
        connection->give_up = connection->reader.problem;
    if (connection->reader.is_playing)
        wake(connection);
}

static const struct router_publisher_ops publisher_ops = {.type = "rtspSession", .close = on_publisher_close};
static const struct router_reader_ops reader_ops = {
    .type = "rtspSession", .message = on_reader_message, .close = on_reader_close};

/* -- the session's side -- */

static bool on_authorize(const struct rtsp_target *target, GPtrArray *challenges, struct dub_error *error,
                         void *user)
{
    struct rtsp_connection *connection = user;
    enum rtsp_access access = rtsp_access_check(connection->env->config->users, target,
                                                connection->remote_address, challenges, error);
    if (access == RTSP_ACCESS_WRONG) {
        connection->hold_until_ns = now_ns(connection) + AUTH_PAUSE_S * DUB_NS_PER_S;
        connection->session.must_wait = true;
    }
    return access == RTSP_ACCESS_GRANTED;
}

static char *local_host(const struct rtsp_connection *connection)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    char host[NI_MAXHOST];
    if (getsockname(connection->fd, (struct sockaddr *)&address, &size) != 0 ||
        getnameinfo((struct sockaddr *)&address, size, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0)
        return g_strdup("0.0.0.0");
    return g_strdup(host);
}

static bool on_describe(const struct rtsp_target *target, char **text, struct dub_error *error, void *user)
{
    struct rtsp_connection *connection = user;
    struct rtsp_source *source =
        rtsp_source_get(connection->env->sources, connection->env->router, target->path, error);
    if (source == NULL)
        return false;
    g_autofree char *host = local_host(connection);
    struct sdp_offer offer = {.session_name = target->path,
                              .address = host,
                              .session_id = (uint64_t)source->online_wall_ms,
                              .tracks = rtp_writer_tracks(source->writer)};
    *text = sdp_write(&offer);
    g_clear_pointer(&connection->described, rtsp_source_unref);
    connection->described = source;
    return true;
}

static void begin_session(struct rtsp_connection *connection, const struct rtsp_target *target)
{
    g_free(connection->shown_query);
    connection->shown_query = auth_mask_query(target->query);
    connection->session_created_wall_ms = dub_wall_time_ms();
    connection->farewell_deadline_ns = 0;
}

static void on_publisher_media(enum media_kind kind, int64_t dts_ns, GBytes *take_payload, void *user)
{
    struct rtsp_connection *connection = user;
    if (kind != MEDIA_DATA)
        connection->last_media_ns = now_ns(connection);
    router_write(connection->env->router, &connection->publisher, kind, dts_ns, take_payload);
}

static bool on_announce(const struct rtsp_target *target, const struct sdp *sdp, struct dub_error *error,
                        void *user)
{
    struct rtsp_connection *connection = user;
    connection->packets = rtp_reader_new(sdp, on_publisher_media, connection, error);
    if (connection->packets == NULL)
        return false;
    begin_session(connection, target);
    return true;
}

static bool on_record(struct dub_error *error, void *user)
{
    struct rtsp_connection *connection = user;
    const struct rtsp_session *session = &connection->session;
    for (unsigned i = 0; i < session->n_tracks; i++)
        if (!session->tracks[i].is_set_up)
            rtp_reader_drop_track(connection->packets, i);
    connection->publisher.id = session->id;
    if (!router_publish(connection->env->router, session->path, connection->shown_query,
                        &connection->publisher, error))
        return false;
    connection->last_media_ns = now_ns(connection);
    rtp_reader_start(connection->packets);
    return true;
}

static bool on_read(const struct rtsp_target *target, unsigned *n_tracks, struct dub_error *error, void *user)
{
    struct rtsp_connection *connection = user;
    if (!rtsp_reader_attach(&connection->reader, connection->env->sources, connection->env->router, target,
                            connection->session.id, connection->session.tracks, error))
        return false;
    *n_tracks = connection->reader.n_tracks;
    begin_session(connection, target);
    return true;
}

static void on_play(struct rtsp_start *starts, void *user)
{
    struct rtsp_connection *connection = user;
    rtsp_reader_play(&connection->reader, starts);
}

static void on_pause(void *user)
{
    struct rtsp_connection *connection = user;
    rtsp_reader_pause(&connection->reader);
}

static void on_packet(unsigned track, bool is_rtcp, const uint8_t *data, size_t size, void *user)
{
    struct rtsp_connection *connection = user;
    if (is_rtcp)
        rtp_reader_rtcp(connection->packets, track, data, size, now_ns(connection));
    else
        rtp_reader_rtp(connection->packets, track, data, size, now_ns(connection));
}

static void on_session_ended(void *user)
{
    struct rtsp_connection *connection = user;
    detach(connection);
    connection->idle_since_ns = now_ns(connection);
}

static void on_refused(const char *reason, void *user)
{
    const struct rtsp_connection *connection = user;
    if (may_log(connection))
        dub_log_info("rtsp %s (%s): refused: %s", connection->id, connection->remote_address, reason);
}

static const struct rtsp_session_events session_events = {.authorize = on_authorize,
                                                          .describe = on_describe,
                                                          .announce = on_announce,
                                                          .record = on_record,
                                                          .read = on_read,
                                                          .play = on_play,
                                                          .pause = on_pause,
                                                          .packet = on_packet,
                                                          .ended = on_session_ended,
                                                          .refused = on_refused};

/* -- the socket's side -- */

static void end(struct rtsp_connection *connection)
{
    connection->env->ended(connection, connection->env->user);
}

/* Clients write their requests in small pieces with Nagle's algorithm on: a delayed acknowledgement would
 * cost 40 ms for each. The kernel forgets the option, so it is said again as long as requests are exchanged.
 */
static void acknowledge_at_once(const struct rtsp_connection *connection)
{
    const int yes = 1;
    enum rtsp_session_state state = connection->session.state;
    if (state != RTSP_SESSION_RECORDING && state != RTSP_SESSION_PLAYING)
        setsockopt(connection->fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof yes);
}

static void take_replies(struct rtsp_connection *connection)
{
    GByteArray *replies = connection->session.out;
    if (replies->len == 0)
        return;
    connection->session.out = g_byte_array_new();
    connection->reply_bytes += replies->len;
    out_queue_push(&connection->out, g_byte_array_free_to_bytes(replies));
    if (connection->reply_bytes <= MAX_REPLY_BYTES)
        return;
    connection->give_up = "it sends requests and does not fetch the replies";
    wake(connection);
}

static void note_requests(struct rtsp_connection *connection)
{
    if (connection->session.requests == connection->last_requests)
        return;
    connection->last_requests = connection->session.requests;
    connection->last_request_ns = now_ns(connection);
}

static void process(struct rtsp_connection *connection, const uint8_t *data, size_t size)
{
    struct dub_error error = {0};
    bool fine = rtsp_session_receive(&connection->session, data, size, &error);
    note_requests(connection);
    take_replies(connection);
    if (fine)
        return;
    router_counters(connection->env->router)->protocol_errors++;
    rtsp_connection_close(connection, error.message);
}

/* False when the connection is over. */
static bool receive_some(struct rtsp_connection *connection, bool *more)
{
    static uint8_t buffer[READ_BYTES]; /* one thread */
    ssize_t n = net_link_receive(connection->link, buffer, sizeof buffer);
    *more = net_link_has_more(connection->link, n, sizeof buffer);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0) {
        if (!connection->closing)
            rtsp_connection_close(connection, n == 0 ? "the peer closed the connection"
                                                     : net_link_problem(connection->link));
        return false;
    }
    connection->last_read_ns = now_ns(connection);
    acknowledge_at_once(connection);
    if (!connection->closing) {
        process(connection, buffer, (size_t)n);
        return true;
    }
    /* A peer that is being closed may read our last words; it may not go on flooding us meanwhile. */
    connection->thrown_away_bytes += (size_t)n;
    return connection->thrown_away_bytes < MAX_THROWN_AWAY_BYTES;
}

static bool is_held(const struct rtsp_connection *connection)
{
    return connection->hold_until_ns > now_ns(connection);
}

static bool receive(struct rtsp_connection *connection)
{
    bool more = true;
    for (unsigned i = 0; more && i < MAX_READS && !is_held(connection); i++)
        if (!receive_some(connection, &more))
            return false;
    if (net_link_is_pending(connection->link) && !is_held(connection))
        wake(connection);
    return true;
}

/* One writev; false when the connection is over. *blocked: the socket takes no more now. */
static bool send_some(struct rtsp_connection *connection, bool *blocked)
{
    struct iovec iov[MAX_IOVECS];
    ssize_t n = net_link_send(connection->link, iov, out_queue_peek(&connection->out, iov, MAX_IOVECS));
    *blocked = n < 0 && (errno == EAGAIN || errno == EINTR);
    if (n < 0 && !*blocked) {
        rtsp_connection_close(connection, net_link_problem(connection->link));
        return false;
    }
    if (n > 0) {
        out_queue_advance(&connection->out, (gsize)n);
        connection->sent_bytes += (uint64_t)n;
        connection->last_write_ns = now_ns(connection);
    }
    return true;
}

static bool flush(struct rtsp_connection *connection)
{
    bool blocked = false;
    if (connection->out.pending_bytes == 0)
        connection->last_write_ns = now_ns(connection);
    for (;;) {
        rtsp_reader_encode(&connection->reader, &connection->out, ENCODE_BYTES, now_ns(connection));
        if (blocked || connection->out.pending_bytes == 0)
            break;
        if (!send_some(connection, &blocked))
            return false;
    }
    if (connection->out.pending_bytes == 0)
        connection->reply_bytes = 0;
    fd_watch_set_condition(connection->watch, net_link_condition(connection->link, blocked));
    return true;
}

/* All is sent: say so, and wait for the peer to close, so that unread bytes of the peer's do not turn the end
 * into a reset that takes our last words with it. */
static void finish_closing(struct rtsp_connection *connection)
{
    if (!connection->closing || connection->shut_down || connection->out.pending_bytes > 0)
        return;
    connection->shut_down = true;
    net_link_finish(connection->link);
}

/* Until the tick goes on with it, unless the peer has gone, which the kernel would tell again and again. */
static void hold(struct rtsp_connection *connection, GIOCondition condition)
{
    fd_watch_set_condition(connection->watch, 0);
    if ((condition & (G_IO_HUP | G_IO_ERR)) == 0)
        return;
    rtsp_connection_close(connection, "the peer closed the connection");
    end(connection);
}

/* The answer that was held back goes first, then comes what was asked behind it: were it handled before, many
 * passwords could be tried in one pause. */
static bool go_on(struct rtsp_connection *connection)
{
    if (!connection->session.must_wait || is_held(connection))
        return true;
    if (!flush(connection))
        return false;
    connection->session.must_wait = false;
    if (!connection->closing)
        process(connection, NULL, 0);
    return true;
}

static bool is_ready(const struct router_path *path)
{
    return path != NULL && path->ready;
}

static bool has_ready_path(const struct rtsp_connection *connection)
{
    return is_ready(connection->publisher.path) || is_ready(connection->reader.reader.path);
}

static void on_io(GIOCondition condition, void *user)
{
    struct rtsp_connection *connection = user;
    const bool had_ready_path = has_ready_path(connection);
    if (connection->give_up != NULL) {
        rtsp_connection_close(connection, connection->give_up);
        end(connection);
        return;
    }
    if (!go_on(connection)) {
        end(connection);
        return;
    }
    bool is_readable = !is_held(connection) && net_link_is_readable(connection->link, condition);
    bool alive = !is_readable || receive(connection);
    if (alive && is_held(connection)) {
        hold(connection, condition);
        return;
    }
    if (!alive || !flush(connection)) {
        end(connection);
        return;
    }
    finish_closing(connection);
    /* Nothing but media, of a stream whose hooks run already. */
    if (had_ready_path && has_ready_path(connection))
        fd_watch_say_quiet(connection->watch);
}

/* What a client owes us: a publisher media, a reader that plays nothing (writeTimeout is for it), one that
 * has set up a session a request now and then, others a session. */
static const char *passed_silence(const struct rtsp_connection *connection, int64_t now)
{
    const struct router_config *config = connection->env->config;
    switch (connection->session.state) {
    case RTSP_SESSION_PLAYING:
        return NULL;
    case RTSP_SESSION_RECORDING:
        if (now - connection->last_media_ns > config->limits.media_ns)
            return "no whole message of media was received within ROUTER_MEDIA_TIMEOUT";
        return now - connection->last_read_ns > config->read_timeout_ns
                   ? "nothing was received within readTimeout"
                   : NULL;
    case RTSP_SESSION_READY:
        return now - connection->last_request_ns > RTSP_SESSION_TIMEOUT_S * DUB_NS_PER_S
                   ? "the session has timed out"
                   : NULL;
    default:
        return now - connection->idle_since_ns > config->limits.handshake_ns
                   ? "it neither publishes nor plays"
                   : NULL;
    }
}

static const char *passed_deadline(const struct rtsp_connection *connection)
{
    int64_t now = now_ns(connection);
    if (connection->closing)
        return now > connection->close_deadline_ns ? "the peer does not close" : NULL;
    if (connection->out.pending_bytes > 0 && !is_held(connection) &&
        now - connection->last_write_ns > connection->env->config->write_timeout_ns)
        return "nothing could be sent within writeTimeout";
    return passed_silence(connection, now);
}

void rtsp_connection_check_deadlines(struct rtsp_connection *connection)
{
    const char *reason = passed_deadline(connection);
    if (reason != NULL) {
        if (!connection->closing)
            router_counters(connection->env->router)->timeouts++;
        rtsp_connection_close(connection, reason);
        end(connection);
        return;
    }
    if (connection->farewell_deadline_ns != 0 && now_ns(connection) > connection->farewell_deadline_ns)
        rtsp_connection_close(connection, "the stream has ended");
    if (connection->hold_until_ns != 0 && !is_held(connection)) {
        connection->hold_until_ns = 0;
        connection->last_write_ns = now_ns(connection);
        wake(connection);
    }
}

struct rtsp_connection *rtsp_connection_new(const struct rtsp_connection_env *env, int take_fd,
                                            char *take_remote_address)
{
    struct rtsp_connection *connection = g_new0(struct rtsp_connection, 1);
    connection->env = env;
    connection->fd = take_fd;
    connection->link = net_link_new(take_fd, NULL);
    connection->remote_address = take_remote_address;
    connection->id = dub_uuid_new();
    connection->created_wall_ms = dub_wall_time_ms();
    connection->idle_since_ns = connection->last_read_ns = now_ns(connection);
    connection->last_request_ns = connection->last_write_ns = now_ns(connection);
    connection->publisher = (struct router_publisher){.ops = &publisher_ops};
    rtsp_reader_init(&connection->reader, &reader_ops, (guint)env->config->write_queue_messages);
    connection->reader.queue.counters = router_counters(env->router);
    connection->reader.queue.max_held_bytes = (uint64_t)env->config->limits.held_bytes;
    out_queue_init(&connection->out);
    rtsp_session_init(&connection->session, connection->id, &session_events, connection);
    connection->watch = fd_watch_new(take_fd, G_IO_IN, on_io, connection);
    if (may_log(connection))
        dub_log_info("rtsp %s (%s): opened", connection->id, connection->remote_address);
    return connection;
}

void rtsp_connection_free(struct rtsp_connection *connection)
{
    detach(connection);
    admission_leave(router_admission(connection->env->router), connection->remote_address);
    fd_watch_free(connection->watch);
    net_link_free(connection->link);
    rtsp_session_clear(&connection->session);
    rtsp_reader_clear(&connection->reader);
    out_queue_clear(&connection->out);
    g_free(connection->id);
    g_free(connection->remote_address);
    g_free(connection);
}

void rtsp_connection_describe(const struct rtsp_connection *connection, struct rtsp_connection_info *info)
{
    const struct rtsp_session *session = &connection->session;
    struct rtp_reader_stats stats = {0};
    bool publishing = connection->publisher.path != NULL;
    bool reading = connection->reader.reader.path != NULL;
    if (connection->packets != NULL)
        stats = rtp_reader_get_stats(connection->packets);
    *info = (struct rtsp_connection_info){
        .id = connection->id,
        .session = session->id != NULL ? session->id : "",
        .remote_address = connection->remote_address,
        .state = publishing ? "publish"
                 : reading  ? "read"
                            : "idle",
        .path = session->id != NULL ? session->path : "",
        .query = connection->shown_query != NULL ? connection->shown_query : "",
        .created_wall_ms = connection->created_wall_ms,
        .session_created_wall_ms = connection->session_created_wall_ms,
        .received_bytes = session->received_bytes,
        .sent_bytes = connection->sent_bytes,
        .received_packets = stats.packets,
        .lost_packets = stats.lost,
        .bad_packets = stats.malformed + stats.late,
        .sent_packets = connection->reader.sent_packets,
        .dropped_messages = connection->reader.queue.dropped,
    };
}
