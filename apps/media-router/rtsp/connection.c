/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "connection.h"

#include "access.h"
#include "reader.h"
#include "rtp_reader.h"

#include <dubbing_ids.h>
#include <dubbing_log.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

/* Replies that a client does not fetch. */
#define MAX_REPLY_BYTES (256u << 10)
/* After the BYE a player's last requests (GStreamer: PAUSE, TEARDOWN) are still answered. */
#define FAREWELL_NS (2 * DUB_NS_PER_S)

struct rtsp_connection {
    struct peer peer;    /* first: the peer's calls get it */
    GHashTable *sources; /* rtsp_sources_new; the server's */
    bool is_encrypted;
    struct rtsp_session session;
    int64_t session_created_wall_ms;
    char *shown_query; /* of the session, the password masked */
    char *nonce;       /* for Digest; NULL: nobody has been asked */
    struct router_publisher publisher;
    struct rtp_reader *packets; /* of a publisher; NULL without */
    struct rtsp_reader reader;
    struct rtsp_source *described; /* keeps what DESCRIBE offered until the session ends */
    struct out_queue out;
    gsize reply_bytes; /* queued since `out` was last empty */

    int64_t last_request_ns;
    uint64_t last_requests;
    int64_t farewell_deadline_ns; /* its stream has ended; 0: no such time */
};

static struct rtsp_connection *of_peer(struct peer *peer)
{
    return (struct rtsp_connection *)peer;
}

static const struct rtsp_connection *of_const_peer(const struct peer *peer)
{
    return (const struct rtsp_connection *)peer;
}

static int64_t now_ns(const struct rtsp_connection *connection)
{
    return peer_now_ns(&connection->peer);
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
    router_unpublish(peer_router(&connection->peer), &connection->publisher);
    g_clear_pointer(&connection->packets, rtp_reader_free);
    rtsp_reader_detach(&connection->reader, peer_router(&connection->peer));
    g_clear_pointer(&connection->described, rtsp_source_unref);
    g_clear_pointer(&connection->shown_query, g_free);
}

/* -- the router's side -- */

static void on_publisher_close(struct router_publisher *publisher, const char *reason)
{
    peer_close(&of_publisher(publisher)->peer, reason);
}

static void on_reader_close(struct router_reader *router_reader, const char *reason)
{
    struct rtsp_connection *connection = of_reader(router_reader);
    if (connection->out.pending_bytes == 0) /* it had nothing to take until now, perhaps for long */
        connection->peer.last_write_ns = now_ns(connection);
    rtsp_reader_encode(&connection->reader, &connection->out, G_MAXSIZE, now_ns(connection));
    rtsp_reader_say_bye(&connection->reader, &connection->out);
    rtsp_reader_detach(&connection->reader, peer_router(&connection->peer));
    connection->farewell_deadline_ns = now_ns(connection) + FAREWELL_NS;
    peer_wake(&connection->peer);
}

static void on_reader_message(struct router_reader *router_reader, struct media_message *message,
                              bool is_backlog)
{
    struct rtsp_connection *connection = of_reader(router_reader);
    rtsp_reader_message(&connection->reader, message, is_backlog);
    if (connection->peer.give_up == NULL)
        connection->peer.give_up = connection->reader.problem;
    if (connection->reader.is_playing)
        peer_wake(&connection->peer);
}

/* By whether the connection is encrypted. */
static const struct router_publisher_ops publisher_ops[] = {
    {.type = "rtspSession", .close = on_publisher_close},
    {.type = "rtspsSession", .close = on_publisher_close},
};
static const struct router_reader_ops reader_ops[] = {
    {.type = "rtspSession", .message = on_reader_message, .close = on_reader_close},
    {.type = "rtspsSession", .message = on_reader_message, .close = on_reader_close},
};

/* -- the session's side -- */

static bool on_authorize(const struct rtsp_target *target, GPtrArray *challenges, struct dub_error *error,
                         void *user)
{
    struct rtsp_connection *connection = user;
    if (connection->nonce == NULL)
        connection->nonce = dub_uuid_new();
    enum rtsp_access access =
        rtsp_access_check(peer_config(&connection->peer), target, connection->peer.remote_address,
                          connection->nonce, challenges, error);
    if (access == RTSP_ACCESS_WRONG) {
        peer_hold(&connection->peer);
        connection->session.must_wait = true;
    }
    return access == RTSP_ACCESS_GRANTED;
}

static char *local_host(const struct rtsp_connection *connection)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    char host[NI_MAXHOST];
    if (getsockname(connection->peer.fd, (struct sockaddr *)&address, &size) != 0 ||
        getnameinfo((struct sockaddr *)&address, size, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0)
        return g_strdup("0.0.0.0");
    return g_strdup(host);
}

static bool on_describe(const struct rtsp_target *target, char **text, struct dub_error *error, void *user)
{
    struct rtsp_connection *connection = user;
    struct rtsp_source *source =
        rtsp_source_get(connection->sources, peer_router(&connection->peer), target->path, error);
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
        connection->peer.last_media_ns = now_ns(connection);
    router_write(peer_router(&connection->peer), &connection->publisher,
                 media_message_new(kind, dts_ns, take_payload));
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
    if (!router_publish(peer_router(&connection->peer), session->path, connection->shown_query,
                        &connection->publisher, error))
        return false;
    connection->peer.had_stream = true;
    connection->peer.last_media_ns = now_ns(connection);
    rtp_reader_start(connection->packets);
    return true;
}

static bool on_read(const struct rtsp_target *target, unsigned *n_tracks, struct dub_error *error, void *user)
{
    struct rtsp_connection *connection = user;
    if (!rtsp_reader_attach(&connection->reader, connection->sources, peer_router(&connection->peer), target,
                            connection->session.id, connection->session.tracks, error))
        return false;
    *n_tracks = connection->reader.n_tracks;
    connection->peer.had_stream = true;
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
    connection->peer.idle_since_ns = now_ns(connection);
}

static void on_refused(const char *reason, void *user)
{
    const struct rtsp_connection *connection = user;
    if (peer_may_log(&connection->peer))
        dub_log_info("rtsp %s (%s): refused: %s", connection->peer.id, connection->peer.remote_address,
                     reason);
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

/* -- the peer's side -- */

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
    connection->peer.give_up = "it sends requests and does not fetch the replies";
    peer_wake(&connection->peer);
}

static void note_requests(struct rtsp_connection *connection)
{
    if (connection->session.requests == connection->last_requests)
        return;
    connection->last_requests = connection->session.requests;
    connection->last_request_ns = now_ns(connection);
}

static bool receive(struct peer *peer, const uint8_t *data, size_t size, struct dub_error *error)
{
    struct rtsp_connection *connection = of_peer(peer);
    bool fine = rtsp_session_receive(&connection->session, data, size, error);
    note_requests(connection);
    take_replies(connection);
    gsize unfinished = connection->packets != NULL ? rtp_reader_unfinished_bytes(connection->packets) : 0;
    return fine && peer_note_unfinished(peer, unfinished, error);
}

/* Those that are not fetched end the connection. */
static bool fetches_answers(const struct peer *peer)
{
    return true;
}

static bool resume(struct peer *peer, struct dub_error *error)
{
    of_peer(peer)->session.must_wait = false;
    return receive(peer, NULL, 0, error);
}

static void encode(struct peer *peer, size_t up_to_bytes)
{
    struct rtsp_connection *connection = of_peer(peer);
    if (connection->out.pending_bytes == 0)
        connection->reply_bytes = 0;
    rtsp_reader_encode(&connection->reader, &connection->out, up_to_bytes, now_ns(connection));
}

static size_t pending(const struct peer *peer)
{
    return of_const_peer(peer)->out.pending_bytes;
}

static unsigned peek(struct peer *peer, struct iovec *iov, unsigned max)
{
    return out_queue_peek(&of_peer(peer)->out, iov, max);
}

static void advance(struct peer *peer, size_t bytes)
{
    out_queue_advance(&of_peer(peer)->out, bytes);
}

static bool is_talking(const struct peer *peer)
{
    enum rtsp_session_state state = of_const_peer(peer)->session.state;
    return state != RTSP_SESSION_RECORDING && state != RTSP_SESSION_PLAYING;
}

/* What a client owes us: a publisher media, a reader that plays nothing (writeTimeout is for it), one that
 * has set up a session a request now and then, others a session. */
static const char *passed_silence(const struct peer *peer, int64_t now_ns)
{
    const struct rtsp_connection *connection = of_const_peer(peer);
    const struct router_config *config = peer_config(peer);
    switch (connection->session.state) {
    case RTSP_SESSION_PLAYING:
        return NULL;
    case RTSP_SESSION_RECORDING:
        if (now_ns - peer->last_media_ns > config->limits.media_ns)
            return "no whole message of media was received within ROUTER_MEDIA_TIMEOUT";
        return now_ns - peer->last_read_ns > config->read_timeout_ns
                   ? "nothing was received within readTimeout"
                   : NULL;
    case RTSP_SESSION_READY:
        return now_ns - connection->last_request_ns > RTSP_SESSION_TIMEOUT_S * DUB_NS_PER_S
                   ? "the session has timed out"
                   : NULL;
    default:
        return now_ns - peer->idle_since_ns > config->limits.handshake_ns ? "it neither publishes nor plays"
                                                                          : NULL;
    }
}

static void tick(struct peer *peer, int64_t now_ns)
{
    const struct rtsp_connection *connection = of_const_peer(peer);
    if (connection->farewell_deadline_ns != 0 && now_ns > connection->farewell_deadline_ns)
        peer_close(peer, "the stream has ended");
}

static void on_detach(struct peer *peer)
{
    struct rtsp_connection *connection = of_peer(peer);
    connection->session.state = RTSP_SESSION_CLOSING;
    detach(connection);
}

static void on_free(struct peer *peer)
{
    struct rtsp_connection *connection = of_peer(peer);
    detach(connection);
    rtsp_session_clear(&connection->session);
    rtsp_reader_clear(&connection->reader);
    out_queue_clear(&connection->out);
    peer_clear(peer);
    g_free(connection->nonce);
    g_free(connection);
}

static const struct peer_ops peer_ops = {
    .protocol = "rtsp",
    .receive = receive,
    .fetches_answers = fetches_answers,
    .resume = resume,
    .encode = encode,
    .pending = pending,
    .peek = peek,
    .advance = advance,
    .is_talking = is_talking,
    .passed_silence = passed_silence,
    .tick = tick,
    .detach = on_detach,
    .free = on_free,
};

void rtsp_connection_new(struct peer_server *server, GHashTable *sources, struct net_tls *tls, int take_fd,
                         char *take_remote_address)
{
    struct rtsp_connection *connection = g_new0(struct rtsp_connection, 1);
    struct peer *peer = &connection->peer;
    peer->ops = &peer_ops;
    peer->publisher = &connection->publisher;
    peer->reader = &connection->reader.reader;
    peer_init(peer, server, take_fd, tls, take_remote_address);
    connection->is_encrypted = tls != NULL;
    connection->sources = sources;
    connection->last_request_ns = now_ns(connection);
    connection->publisher = (struct router_publisher){.ops = &publisher_ops[connection->is_encrypted]};
    rtsp_reader_init(&connection->reader, &reader_ops[connection->is_encrypted],
                     (guint)server->config->write_queue_messages);
    connection->reader.queue.counters = router_counters(server->router);
    connection->reader.queue.max_held_bytes = (uint64_t)server->config->limits.held_bytes;
    out_queue_init(&connection->out);
    rtsp_session_init(&connection->session, peer->id, &session_events, connection);
}

const char *rtsp_connection_session(const struct peer *peer)
{
    const char *id = of_const_peer(peer)->session.id;
    return id != NULL ? id : "";
}

void rtsp_connection_describe(const struct peer *peer, struct rtsp_connection_info *info)
{
    const struct rtsp_connection *connection = of_const_peer(peer);
    const struct rtsp_session *session = &connection->session;
    struct rtp_reader_stats stats = {0};
    if (connection->packets != NULL)
        stats = rtp_reader_get_stats(connection->packets);
    *info = (struct rtsp_connection_info){
        .id = peer->id,
        .session = rtsp_connection_session(peer),
        .remote_address = peer->remote_address,
        .is_encrypted = connection->is_encrypted,
        .state = peer_state(peer),
        .path = session->id != NULL ? session->path : "",
        .query = connection->shown_query != NULL ? connection->shown_query : "",
        .created_wall_ms = peer->created_wall_ms,
        .session_created_wall_ms = connection->session_created_wall_ms,
        .received_bytes = session->received_bytes,
        .sent_bytes = peer->sent_bytes,
        .received_packets = stats.packets,
        .lost_packets = stats.lost,
        .bad_packets = stats.malformed + stats.late,
        .sent_packets = connection->reader.sent_packets,
        .dropped_messages = connection->reader.queue.dropped,
    };
}
