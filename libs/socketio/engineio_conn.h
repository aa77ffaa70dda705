/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One Engine.IO connection over an open WebSocket, either side: packets, heartbeat, queue limit, orderly end.
 *
 * Life: OPENING (client: no open packet yet) -> OPEN -> CLOSING (what waits is sent) -> GONE. on_close tells
 * of the step out of OPENING or OPEN, on_gone that the WebSocket is finished. Both come from the main loop,
 * never from inside a call. */
#pragma once

#include "counted_stream.h"
#include "dubbing_engineio.h"
#include "engineio_packet.h"

struct eio_conn_events {
    /* Client only: the open packet is there. */
    void (*on_open)(struct dub_eio_conn *conn, void *owner);
    void (*on_text)(struct dub_eio_conn *conn, const char *text, gsize size, void *owner);
    void (*on_binary)(struct dub_eio_conn *conn, GBytes *bytes, void *owner);
    void (*on_close)(struct dub_eio_conn *conn, enum dub_eio_reason reason, void *owner);
    /* After on_close; the owner may free the connection in it. */
    void (*on_gone)(struct dub_eio_conn *conn, void *owner);
};

enum eio_role { EIO_SERVER, EIO_CLIENT };

/* limits: all fields set. counter: the stream that ws is on. References both objects. The server's side sends
 * its open packet at once. events is kept by reference. */
struct dub_eio_conn *eio_conn_new(SoupWebsocketConnection *ws, CountedStream *counter, enum eio_role role,
                                  const struct dub_eio_limits *limits, const struct eio_conn_events *events,
                                  void *owner);
/* Breaks the transport if it is still there, without callbacks. NULL is fine. */
void eio_conn_free(struct dub_eio_conn *conn);
/* As dub_eio_conn_send_text, for a text that already begins with the digit of EIO_MESSAGE. Takes the string.
 */
bool eio_conn_send_packet_take(struct dub_eio_conn *conn, GString *take_packet);
/* The peer did what the protocol does not allow: logs it and closes (PROTOCOL). The peer is told what in the
 * close frame, as far as that goes. */
void eio_conn_break_protocol(struct dub_eio_conn *conn, const char *what);
/* What a message may hold from the next one on, at most what the limits say. Not once the WebSocket is gone.
 */
void eio_conn_set_max_message(struct dub_eio_conn *conn, gsize max_bytes);
/* OPENING or OPEN. */
bool eio_conn_is_live(const struct dub_eio_conn *conn);
/* on_close has been called. */
bool eio_conn_close_is_told(const struct dub_eio_conn *conn);

/* The limits with each 0 replaced by its default. */
struct dub_eio_limits eio_limits_complete(const struct dub_eio_limits *limits);
/* 20 characters of base64url from the kernel's random numbers, NUL-terminated. */
#define EIO_ID_CHARS 20
void eio_random_id(char id[EIO_ID_CHARS + 1]);
