/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server's side of RTMP for tests, without sockets: it takes everything, but what it is told to refuse.
 */
#pragma once

#include "dubbing_rtmp_handshake.h"
#include "dubbing_rtmp_message.h"

struct rtmp_test_server {
    struct rtmp_handshake handshake;
    struct rtmp_chunk_reader reader;
    struct rtmp_chunk_writer writer;
    GString *heard;        /* names of commands, each with a space behind it */
    GQueue messages;       /* struct rtmp_message *: audio, video and data, in order */
    const char *app, *key; /* what connect and play or publish named; interned */
    /* The command that is refused, and with which code; NULL: none. */
    const char *refuses, *code;
    bool is_silent; /* it answers nothing */
    bool broken;    /* what came made no sense */
};

void rtmp_test_server_init(struct rtmp_test_server *server);
void rtmp_test_server_clear(struct rtmp_test_server *server);
/* Bytes from the client. */
void rtmp_test_server_receive(struct rtmp_test_server *server, const uint8_t *data, size_t size);
/* Moves up to max bytes of what waits to be sent into out. Returns how many. */
size_t rtmp_test_server_take_output(struct rtmp_test_server *server, uint8_t *out, size_t max);
/* A message on the played stream. */
void rtmp_test_server_send(struct rtmp_test_server *server, uint8_t type, uint32_t timestamp_ms,
                           const void *body, size_t size);
/* The next media message that came, which the caller clears and frees; NULL when there is none. */
struct rtmp_message *rtmp_test_server_take(struct rtmp_test_server *server);
