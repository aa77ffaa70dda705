/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What both sides of Socket.IO share: the sockets of one connection, events, acknowledgements, disconnects.
 * The server and the client add who may CONNECT and what an answer to it means. */
#pragma once

#include "dubbing_socketio.h"
#include "engineio_conn.h"
#include "socketio_packet.h"

struct sio_conn;

/* Packets that one side treats its own way. False: it breaks the protocol, the connection is closed. */
struct sio_conn_ops {
    bool (*on_connect)(struct sio_conn *conn, const struct sio_packet *packet, void *owner);
    bool (*on_connect_error)(struct sio_conn *conn, const struct sio_packet *packet, void *owner);
    /* A socket has been disconnected, by the peer or by us, and is gone now. */
    void (*on_left)(struct sio_conn *conn, bool by_peer, void *owner);
};

struct sio_conn *sio_conn_new(struct dub_eio_conn *engine, gsize max_packet_bytes,
                              const struct sio_conn_ops *ops, void *owner);
/* Disconnects what is still connected, for this reason, then frees. The engine's connection is not touched.
 */
void sio_conn_free(struct sio_conn *conn, enum dub_eio_reason reason);

void sio_conn_handle_text(struct sio_conn *conn, const char *text, gsize size);
void sio_conn_handle_binary(struct sio_conn *conn, GBytes *bytes);

bool sio_conn_send_control(struct sio_conn *conn, enum sio_packet_type type, const char *space,
                           JsonNode *data);

/* NULL when the namespace is not connected. */
struct dub_sio_socket *sio_conn_find(struct sio_conn *conn, const char *space);
unsigned sio_conn_n_sockets(const struct sio_conn *conn);
/* Adds a connected socket; space is kept by reference. on_connect is the caller's to call. */
struct dub_sio_socket *sio_conn_add(struct sio_conn *conn, const struct dub_sio_namespace *space,
                                    const char *sid);
/* A call of dub_sio_socket_disconnect on each. */
void sio_conn_leave_all(struct sio_conn *conn);
