/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Engine.IO revision 4 over WebSocket, server side, for programs that want bare messages without Socket.IO on
 * top. https://github.com/socketio/engine.io-protocol
 *
 * A server hangs its endpoint on a SoupServer of the caller's. Everything runs on the thread that iterates
 * the GMainContext which was thread-default when the server was made; callbacks come from there too. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <libsoup/soup.h>
#include <stdbool.h>
#include <stdint.h>

#define DUB_EIO_PING_INTERVAL_MS 25000
#define DUB_EIO_PING_TIMEOUT_MS 10000
#define DUB_EIO_MAX_PAYLOAD_BYTES (50u * 1024 * 1024)
#define DUB_EIO_MAX_QUEUED_BYTES (64u * 1024 * 1024)
#define DUB_EIO_MAX_CONNECTIONS 64

/* Why a connection ended. X(enum suffix, text for logs) */
#define DUB_EIO_REASONS(X)                                                                                   \
    X(CLIENT_CLOSED, "the peer closed it")                                                                   \
    X(CLOSED, "closed by us")                                                                                \
    X(TRANSPORT, "the transport broke")                                                                      \
    X(PING_TIMEOUT, "no answer to the heartbeat")                                                            \
    X(PROTOCOL, "the peer broke the protocol")                                                               \
    X(OVERFLOW, "the peer reads too slowly")                                                                 \
    X(CONNECT_TIMEOUT, "no CONNECT in time")                                                                 \
    X(REFUSED, "too many CONNECTs were refused")                                                             \
    X(GOING_AWAY, "the server is going away")

enum dub_eio_reason {
#define X(name, text) DUB_EIO_##name,
    DUB_EIO_REASONS(X)
#undef X
        DUB_EIO_REASON_COUNT
};

const char *dub_eio_reason_text(enum dub_eio_reason reason);

/* Limits of one endpoint; 0 anywhere means the default above. */
struct dub_eio_limits {
    unsigned ping_interval_ms;
    unsigned ping_timeout_ms;
    unsigned max_payload_bytes; /* of one message from the peer; a larger one closes its connection */
    unsigned
        max_queued_bytes; /* sent by us and not yet taken by the peer; beyond it, it is closed (OVERFLOW) */
    unsigned max_connections; /* further handshakes get 503 */
    /* Read of one connection, beyond bursts of two seconds' worth: a peer that sends more has to wait, others
     * have not. 0: no limit. */
    unsigned max_bytes_per_second;
};

/* What the HTTP request of a connection said. Borrowed for the callback in which it is handed over. */
struct dub_eio_handshake {
    SoupMessageHeaders *headers;
    GHashTable *query;          /* decoded names to decoded values */
    const char *remote_address; /* "127.0.0.1", "" when unknown */
};

/* The one value of a header, "" when it is absent. Borrowed from the handshake. */
const char *dub_eio_handshake_header(const struct dub_eio_handshake *handshake, const char *name);

struct dub_eio_conn;
struct dub_eio_server;

struct dub_eio_server_events {
    void (*on_open)(struct dub_eio_conn *conn, const struct dub_eio_handshake *handshake, void *user);
    /* Bytes as they came; text is valid UTF-8 and NUL-terminated behind its size. */
    void (*on_text)(struct dub_eio_conn *conn, const char *text, gsize size, void *user);
    void (*on_binary)(struct dub_eio_conn *conn, GBytes *bytes, void *user);
    /* Exactly once per opened connection, never from inside one of the calls below, except for
     * dub_eio_server_free. The connection is not to be used afterwards. */
    void (*on_close)(struct dub_eio_conn *conn, enum dub_eio_reason reason, void *user);
};

/* Serves `path` ("/engine.io/", with and without its last slash) on a server of the caller's, which must
 * outlive this one. limits may be NULL; all parameters but events and user are copied. */
struct dub_eio_server *dub_eio_server_new(SoupServer *soup, const char *path,
                                          const struct dub_eio_limits *limits,
                                          const struct dub_eio_server_events *events, void *user);
/* Serves one more path with the same connections and limits. */
void dub_eio_server_add_path(struct dub_eio_server *server, const char *path);
unsigned dub_eio_server_n_connections(const struct dub_eio_server *server);
/* Refuses new handshakes with 503; the connections that are open go on. */
void dub_eio_server_refuse(struct dub_eio_server *server);
/* Refuses new handshakes with 503 and closes all connections (GOING_AWAY, WebSocket close 1001). What waits
 * is still sent while the main loop goes on: until dub_eio_server_is_empty, or for as long as the caller has
 * time. */
void dub_eio_server_close(struct dub_eio_server *server);
/* No connection is left, and none that is being opened or closed. */
bool dub_eio_server_is_empty(const struct dub_eio_server *server);
/* Ends all connections at once (on_close, CLOSED) and removes the paths. NULL is fine. Not from a callback.
 */
void dub_eio_server_free(struct dub_eio_server *server);

/* False when the connection is closing, or is closed now because more than max_queued_bytes would wait. */
bool dub_eio_conn_send_text(struct dub_eio_conn *conn, const char *text, gsize size);
bool dub_eio_conn_send_binary(struct dub_eio_conn *conn, GBytes *bytes);
/* What waits is still sent; on_close follows with the reason. */
void dub_eio_conn_close(struct dub_eio_conn *conn, enum dub_eio_reason reason);
void dub_eio_conn_set_user(struct dub_eio_conn *conn, void *user);
void *dub_eio_conn_user(const struct dub_eio_conn *conn);
/* Sent and not yet taken by the operating system. */
gsize dub_eio_conn_queued_bytes(const struct dub_eio_conn *conn);
