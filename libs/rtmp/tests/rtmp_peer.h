/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client's side of RTMP for tests, without sockets, built from the router's own chunk and AMF code. */
#pragma once

#include "dubbing_rtmp_chunk.h"
#include "dubbing_rtmp_handshake.h"
#include "dubbing_rtmp_message.h"

struct rtmp_peer {
    struct rtmp_chunk_reader reader;
    struct rtmp_chunk_writer writer;
    struct rtmp_client_handshake *handshake; /* NULL once it is through */
    GQueue messages;                         /* struct rtmp_message *, received and not yet taken */
    bool broken;                             /* the server's chunk stream made no sense */
};

/* C0 and C1 are pending at once. */
void rtmp_peer_init(struct rtmp_peer *peer);
void rtmp_peer_clear(struct rtmp_peer *peer);
/* Bytes from the server. */
void rtmp_peer_receive(struct rtmp_peer *peer, const uint8_t *data, size_t size);
/* All that is pending, as bytes. The caller's. */
GByteArray *rtmp_peer_take_output(struct rtmp_peer *peer);

void rtmp_peer_send(struct rtmp_peer *peer, unsigned csid, uint8_t type, uint32_t timestamp_ms,
                    const void *data, size_t size);
/* tc_url may be NULL. */
void rtmp_peer_connect(struct rtmp_peer *peer, const char *app, const char *tc_url);
/* A command with null for its object and one string argument (NULL: none). */
void rtmp_peer_command(struct rtmp_peer *peer, const char *name, double transaction, const char *argument);
/* createStream and publish or play. */
void rtmp_peer_start(struct rtmp_peer *peer, const char *verb, const char *key);

/* Frames that the router takes for H.264 and AAC. */
void rtmp_peer_send_metadata(struct rtmp_peer *peer, bool video, bool audio);
void rtmp_peer_send_configs(struct rtmp_peer *peer, bool video, bool audio);
void rtmp_peer_send_video(struct rtmp_peer *peer, uint32_t timestamp_ms, bool is_key, size_t size);
void rtmp_peer_send_audio(struct rtmp_peer *peer, uint32_t timestamp_ms, size_t size);

/* Drops messages up to the first of the type, which the caller frees; NULL when there is none. */
struct rtmp_message *rtmp_peer_take(struct rtmp_peer *peer, uint8_t type);
/* The code of the next onStatus, NULL when there is none. The caller's. */
char *rtmp_peer_take_status(struct rtmp_peer *peer);
void rtmp_peer_free_message(struct rtmp_message *message);
