/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server's side of one RTMP connection as a state machine without sockets: bytes in, bytes out through
 * the chunk writer, and a table of calls to whoever routes media. */
#pragma once

#include "../media.h"

#include <dubbing_rtmp_control.h>
#include <dubbing_rtmp_handshake.h>

/* X(name): in the order in which a connection passes through them. */
#define RTMP_SESSION_STATES(X)                                                                               \
    X(HANDSHAKE)                                                                                             \
    X(CONNECTING)                                                                                            \
    X(CONNECTED)                                                                                             \
    X(PUBLISHING)                                                                                            \
    X(PLAYING)                                                                                               \
    X(CLOSING)

enum rtmp_session_state {
#define X(name) RTMP_SESSION_##name,
    RTMP_SESSION_STATES(X)
#undef X
};

const char *rtmp_session_state_name(enum rtmp_session_state state);

struct rtmp_session;

/* What the session asks of its owner. Path and query are borrowed; the path is valid (path_name.h). On false,
 * error says why: a refused player is told, and so is a publisher whose credentials are wrong
 * (DUB_ERROR_AUTH_FAILED); any other refused publisher sees the connection close. */
struct rtmp_session_events {
    bool (*publish)(const char *path, const char *query, struct dub_error *error, void *user);
    bool (*play)(const char *path, const char *query, struct dub_error *error, void *user);
    /* The player has been told that it plays: media may be sent. */
    void (*playing)(void *user);
    /* One message of the publisher, without its time; the timestamp is the wire's, modulo 2^32 ms. The
     * payload of MEDIA_DATA is the AMF0 of "onMetaData" and its object, without @setDataFrame. */
    void (*media)(struct media_message *take_message, uint32_t timestamp_ms, void *user);
    /* The peer ended what it published or played; the connection may go on with another. */
    void (*ended)(void *user);
};

/* Answers that a peer has not read when it asks on: it floods us. */
#define RTMP_MAX_ANSWER_BYTES (64u << 10)

struct rtmp_session {
    enum rtmp_session_state state;
    const struct rtmp_session_events *events;
    void *user;
    struct rtmp_handshake *handshake; /* NULL once done */
    struct rtmp_chunk_reader reader;
    struct rtmp_chunk_writer writer; /* the owner sends what is pending */
    char *app;                       /* path part of tcUrl, URL-encoded as it came */
    char *app_query;                 /* "" without */
    uint32_t stream_id;              /* of createStream; 0 before */
    struct rtmp_control control;
    uint32_t max_media_bytes; /* of one message of a publisher; the owner may set it after init */
    size_t answer_bytes;      /* queued since the peer last had read everything */
};

void rtmp_session_init(struct rtmp_session *session, const struct rtmp_session_events *events, void *user);
void rtmp_session_clear(struct rtmp_session *session);
/* Handles bytes from the peer. False: close the connection after sending what is pending; error says why.
 * Stops early when a callback put the session into CLOSING. */
bool rtmp_session_receive(struct rtmp_session *session, const uint8_t *data, size_t size,
                          struct dub_error *error);
/* Queues one media message for a player. */
void rtmp_session_send_media(struct rtmp_session *session, struct media_message *take_message);
/* Tells a player that the stream is over; the owner closes after sending. */
void rtmp_session_send_eof(struct rtmp_session *session);
