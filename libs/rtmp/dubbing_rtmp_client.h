/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client's side of one RTMP connection as a state machine without sockets: bytes in, bytes out through
 * the chunk writer. It plays or publishes one stream (Adobe RTMP 1.0, section 7.2). */
#pragma once

#include "dubbing_rtmp_control.h"
#include "dubbing_rtmp_handshake.h"
#include "dubbing_rtmp_url.h"

enum rtmp_client_role { RTMP_CLIENT_PLAYER, RTMP_CLIENT_PUBLISHER };

/* In the order in which a connection passes through them. */
enum rtmp_client_state {
    RTMP_CLIENT_HANDSHAKE,
    RTMP_CLIENT_CONNECTING, /* connect is sent */
    RTMP_CLIENT_CREATING,   /* createStream is sent */
    RTMP_CLIENT_STARTING,   /* play or publish is sent */
    RTMP_CLIENT_READY,      /* the server has said that it goes */
    RTMP_CLIENT_FINISHING,  /* we have ended it */
    RTMP_CLIENT_ENDED,      /* the server has: the publisher of what is played is gone */
};

/* One message to a player; borrowed, but its payload may be referenced. */
typedef void (*rtmp_client_message)(const struct rtmp_message *message, void *user);

struct rtmp_client {
    enum rtmp_client_role role;
    enum rtmp_client_state state;
    const struct rtmp_url *url;
    rtmp_client_message on_media, on_data;
    void *user;
    struct rtmp_client_handshake *handshake; /* NULL once done */
    struct rtmp_chunk_reader reader;
    struct rtmp_chunk_writer writer; /* the owner sends what is pending */
    struct rtmp_control control;
    uint32_t stream_id;
    bool ends_when_ready; /* rtmp_client_finish came before the server was ready */
    GQueue early;         /* struct rtmp_message *: sent before the server was ready */
    size_t early_bytes;
};

/* The handshake is pending at once. url is borrowed and outlives the client. on_media is given the messages
 * of type RTMP_AUDIO and RTMP_VIDEO, on_data those of type RTMP_DATA_AMF0 (metadata and the like), in the
 * order in which they come; either is NULL where it is not wanted, and for a publisher. */
void rtmp_client_init(struct rtmp_client *client, enum rtmp_client_role role, const struct rtmp_url *url,
                      rtmp_client_message on_media, rtmp_client_message on_data, void *user);
void rtmp_client_clear(struct rtmp_client *client);
/* Handles bytes from the server; client->state then tells how far it is. False: the connection is of no use
 * any more, and error says why, in the server's words where it gave some. */
bool rtmp_client_receive(struct rtmp_client *client, const uint8_t *data, size_t size,
                         struct dub_error *error);
/* Queues one message of a publisher, RTMP_AUDIO, RTMP_VIDEO or RTMP_DATA_AMF0; the payload is referenced.
 * Before the server is ready it waits here; after rtmp_client_finish it is dropped. Metadata as players get
 * it ("onMetaData", ...) goes with "@setDataFrame" in front, without which servers keep none. */
void rtmp_client_send(struct rtmp_client *client, uint8_t type, uint32_t timestamp_ms, GBytes *payload);
/* What waits to be sent, on either side of READY. */
size_t rtmp_client_pending(const struct rtmp_client *client);
/* Tells the server, as soon as it is ready, that nothing more comes; the owner closes when that has been
 * sent. */
void rtmp_client_finish(struct rtmp_client *client);
