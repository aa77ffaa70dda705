/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "connection.h"

#include "../media_queue.h"
#include "../peer_server.h"
#include "session.h"

#include <string.h>

/* Ten years: what no real stream reaches, and nanoseconds of it fit. */
#define MAX_TIME_MS (INT64_C(315360000) * 1000)

struct rtmp_connection {
    struct peer peer; /* first: the peer's calls get it */
    bool is_encrypted;
    struct rtmp_session session;
    struct router_publisher publisher;
    struct router_reader reader;
    struct media_queue queue;
    char *path, *query; /* of what is published or read, the password masked; NULL while idle */

    bool has_time; /* unwrapping of the publisher's timestamps */
    uint32_t last_timestamp_ms;
    int64_t time_ms;
};

static struct rtmp_connection *of_peer(struct peer *peer)
{
    return (struct rtmp_connection *)peer;
}

static const struct rtmp_connection *of_const_peer(const struct peer *peer)
{
    return (const struct rtmp_connection *)peer;
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
    struct router *router = peer_router(&connection->peer);
    router_unpublish(router, &connection->publisher);
    router_unread(router, &connection->reader);
    g_clear_pointer(&connection->path, g_free);
    g_clear_pointer(&connection->query, g_free);
    connection->peer.idle_since_ns = peer_now_ns(&connection->peer);
}

/* -- the router's side -- */

static void on_publisher_close(struct router_publisher *publisher, const char *reason)
{
    peer_close(&of_publisher(publisher)->peer, reason);
}

static void encode(struct peer *peer, size_t up_to_bytes)
{
    struct rtmp_connection *connection = of_peer(peer);
    struct rtmp_session *session = &connection->session;
    while (rtmp_chunk_writer_pending(&session->writer) < up_to_bytes) {
        struct media_message *message = media_queue_pop(&connection->queue);
        if (message == NULL)
            return;
        if (connection->reader.path != NULL)
            connection->reader.path->outbound_bytes += message->size;
        rtmp_session_send_media(session, message);
    }
}

static void on_reader_close(struct router_reader *reader, const char *reason)
{
    struct rtmp_connection *connection = of_reader(reader);
    encode(&connection->peer, SIZE_MAX);
    rtmp_session_send_eof(&connection->session);
    peer_close(&connection->peer, reason);
}

static void on_reader_message(struct router_reader *reader, struct media_message *message, bool is_backlog)
{
    struct rtmp_connection *connection = of_reader(reader);
    if (connection->peer.give_up != NULL)
        return;
    if (is_backlog)
        media_queue_push_backlog(&connection->queue, message);
    else if (media_queue_push(&connection->queue, message, stream_has_video(&reader->path->stream)) ==
             MEDIA_QUEUE_TOO_SLOW)
        connection->peer.give_up = "the reader is too slow";
    peer_wake(&connection->peer);
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

static bool is_allowed(struct rtmp_connection *connection, enum auth_action action, const char *path,
                       const char *query, struct dub_error *error)
{
    g_autofree char *user = NULL;
    g_autofree char *pass = NULL;
    auth_from_query(query, &user, &pass);
    struct auth_request request = {.action = action,
                                   .path = path,
                                   .remote_address = connection->peer.remote_address,
                                   .user = user,
                                   .pass = pass};
    if (auth_check(peer_config(&connection->peer)->users, &request, error))
        return true;
    peer_hold(&connection->peer);
    return false;
}

static bool on_publish(const char *path, const char *query, struct dub_error *error, void *user)
{
    struct rtmp_connection *connection = user;
    g_autofree char *masked = auth_mask_query(query);
    if (!is_allowed(connection, AUTH_PUBLISH, path, query, error) ||
        !router_publish(peer_router(&connection->peer), path, masked, &connection->publisher, error))
        return false;
    connection->path = g_strdup(path);
    connection->query = g_steal_pointer(&masked);
    connection->has_time = false;
    connection->time_ms = 0;
    connection->peer.had_stream = true;
    connection->peer.last_media_ns = peer_now_ns(&connection->peer);
    return true;
}

static bool on_play(const char *path, const char *query, struct dub_error *error, void *user)
{
    struct rtmp_connection *connection = user;
    if (!is_allowed(connection, AUTH_READ, path, query, error) ||
        !router_read(peer_router(&connection->peer), path, &connection->reader, error))
        return false;
    connection->path = g_strdup(path);
    connection->query = auth_mask_query(query);
    connection->peer.had_stream = true;
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

static void on_media(struct media_message *take_message, uint32_t timestamp_ms, void *user)
{
    struct rtmp_connection *connection = user;
    connection->peer.last_media_ns = connection->peer.last_read_ns;
    take_message->dts_ns = unwrap_ms(connection, timestamp_ms) * DUB_NS_PER_MS;
    router_write(peer_router(&connection->peer), &connection->publisher, take_message);
}

static void on_ended(void *user)
{
    struct rtmp_connection *connection = user;
    detach(connection);
    media_queue_clear(&connection->queue);
}

static const struct rtmp_session_events session_events = {
    .publish = on_publish, .play = on_play, .playing = on_playing, .media = on_media, .ended = on_ended};

/* -- the peer's side -- */

static bool receive(struct peer *peer, const uint8_t *data, size_t size, struct dub_error *error)
{
    struct rtmp_connection *connection = of_peer(peer);
    return rtmp_session_receive(&connection->session, data, size, error) &&
           peer_note_unfinished(peer, connection->session.reader.partial_bytes, error);
}

static bool fetches_answers(const struct peer *peer)
{
    return of_const_peer(peer)->session.answer_bytes <= RTMP_MAX_ANSWER_BYTES;
}

static size_t pending(const struct peer *peer)
{
    return rtmp_chunk_writer_pending(&of_const_peer(peer)->session.writer);
}

static unsigned peek(struct peer *peer, struct iovec *iov, unsigned max)
{
    return rtmp_chunk_writer_peek(&of_peer(peer)->session.writer, iov, max);
}

static void advance(struct peer *peer, size_t bytes)
{
    rtmp_chunk_writer_advance(&of_peer(peer)->session.writer, bytes);
}

static bool is_talking(const struct peer *peer)
{
    return of_const_peer(peer)->session.state < RTMP_SESSION_PUBLISHING;
}

static const char *passed_silence(const struct peer *peer, int64_t now_ns)
{
    const struct router_config *config = peer_config(peer);
    bool reading = peer->reader->path != NULL;
    bool idle = !reading && peer->publisher->path == NULL;
    if (idle && now_ns - peer->idle_since_ns > config->limits.handshake_ns)
        return "it neither publishes nor plays (ROUTER_HANDSHAKE_TIMEOUT)";
    if (!idle && !reading && now_ns - peer->last_media_ns > config->limits.media_ns)
        return "it publishes nothing (ROUTER_MEDIA_TIMEOUT)";
    if (!reading && now_ns - peer->last_read_ns > config->read_timeout_ns)
        return "nothing was received within readTimeout";
    return NULL;
}

static void on_detach(struct peer *peer)
{
    struct rtmp_connection *connection = of_peer(peer);
    connection->session.state = RTMP_SESSION_CLOSING;
    detach(connection);
}

static void on_free(struct peer *peer)
{
    struct rtmp_connection *connection = of_peer(peer);
    detach(connection);
    rtmp_session_clear(&connection->session);
    media_queue_clear(&connection->queue);
    peer_clear(peer);
    g_free(connection);
}

static const struct peer_ops peer_ops = {
    .protocol = "rtmp",
    .receive = receive,
    .fetches_answers = fetches_answers,
    .encode = encode,
    .pending = pending,
    .peek = peek,
    .advance = advance,
    .is_talking = is_talking,
    .passed_silence = passed_silence,
    .detach = on_detach,
    .free = on_free,
};

void rtmp_connection_new(struct peer_server *server, struct net_tls *tls, int take_fd,
                         char *take_remote_address)
{
    struct rtmp_connection *connection = g_new0(struct rtmp_connection, 1);
    struct peer *peer = &connection->peer;
    const bool is_encrypted = connection->is_encrypted = tls != NULL;
    peer->ops = &peer_ops;
    peer->publisher = &connection->publisher;
    peer->reader = &connection->reader;
    peer_init(peer, server, take_fd, tls, take_remote_address);
    connection->publisher = (struct router_publisher){.ops = &publisher_ops[is_encrypted], .id = peer->id};
    connection->reader = (struct router_reader){.ops = &reader_ops[is_encrypted], .id = peer->id};
    media_queue_init(&connection->queue, (guint)server->config->write_queue_messages);
    connection->queue.counters = router_counters(server->router);
    connection->queue.max_held_bytes = (uint64_t)server->config->limits.held_bytes;
    rtmp_session_init(&connection->session, &session_events, connection);
    connection->session.max_media_bytes = (uint32_t)server->config->limits.message_bytes;
}

void rtmp_connection_describe(const struct peer *peer, struct rtmp_connection_info *info)
{
    const struct rtmp_connection *connection = of_const_peer(peer);
    *info = (struct rtmp_connection_info){
        .id = peer->id,
        .remote_address = peer->remote_address,
        .is_encrypted = connection->is_encrypted,
        .state = peer_state(peer),
        .path = connection->path != NULL ? connection->path : "",
        .query = connection->query != NULL ? connection->query : "",
        .created_wall_ms = peer->created_wall_ms,
        .received_bytes = connection->session.control.received_bytes,
        .sent_bytes = peer->sent_bytes,
        .dropped_messages = connection->queue.dropped,
    };
}
