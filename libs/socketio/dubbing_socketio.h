/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Socket.IO protocol revision 5 over Engine.IO revision 4, WebSocket transport, server and client.
 * https://github.com/socketio/socket.io-protocol
 *
 * A `socket` is one namespace on one connection, and is the same thing on both sides. Servers and clients
 * live on the thread that iterates the GMainContext which was thread-default when they were made: all calls
 * belong there, all callbacks come from there. No callback runs inside a call of this header, except for the
 * two _free functions. Limits are the fields of struct dub_eio_limits; what breaks the protocol closes that
 * connection and nothing else. */
#pragma once

#include "dubbing_engineio.h"

#include <dubbing_error.h>

#define DUB_SIO_CONNECT_TIMEOUT_MS 45000
#define DUB_SIO_ACK_TIMEOUT_MS 30000
#define DUB_SIO_MAX_ATTACHMENTS 64
#define DUB_SIO_MAX_NAMESPACES 16 /* of one connection */
/* What a connection may cost before it is let into a namespace: the bytes of a message, and the CONNECTs
 * that are refused; after the last it is closed (REFUSED). */
#define DUB_SIO_MAX_CONNECT_BYTES (64u * 1024)
#define DUB_SIO_MAX_REFUSED_CONNECTS 8

struct dub_sio_socket;

/* One event from the peer. Borrowed for the callback; take references to keep parts. */
struct dub_sio_event {
    const char *name;
    JsonArray *args;        /* without the name; a binary argument is a placeholder object, see below */
    GPtrArray *attachments; /* of GBytes; NULL when the event is not binary */
    int64_t ack_id;         /* what dub_sio_socket_ack takes; -1: the peer wants no acknowledgement */
};

/* The argument at `index` when it is a JSON object, else NULL. Borrowed. */
JsonObject *dub_sio_event_object(const struct dub_sio_event *event, guint index);

/* Attachments stand in the arguments as {"_placeholder": true, "num": <index into attachments>}.
 * The bytes for such a node, NULL when it is none. Borrowed. */
GBytes *dub_sio_attachment(JsonNode *node, GPtrArray *attachments);
/* Appends bytes to attachments and returns their placeholder. The caller owns the node. */
JsonNode *dub_sio_attach(GPtrArray *attachments, GBytes *bytes);

/* What a namespace's CONNECT is refused with: the peer sees {"message": code, "data": {"code", "message"}};
 * with an empty code {"message": message}. */
struct dub_sio_refusal {
    char code[64];
    char message[256];
};

/* How one namespace is served or used. Every slot may be NULL. */
struct dub_sio_namespace {
    const char *name; /* "/", "/custom" */
    /* Server: false refuses (fill the refusal). auth is the peer's CONNECT payload, an object node, or NULL.
     */
    bool (*on_authorize)(const struct dub_eio_handshake *handshake, JsonNode *auth,
                         struct dub_sio_refusal *refusal, void *user);
    /* The socket may be used from here on, up to and including on_disconnect. Server: handshake and auth as
     * above; client: both NULL. */
    void (*on_connect)(struct dub_sio_socket *socket, const struct dub_eio_handshake *handshake,
                       JsonNode *auth, void *user);
    void (*on_event)(struct dub_sio_socket *socket, const struct dub_sio_event *event, void *user);
    /* Exactly once per on_connect. */
    void (*on_disconnect)(struct dub_sio_socket *socket, enum dub_eio_reason reason, void *user);
    void *user;
};

/* args: the arguments after the name, borrowed, NULL for none; attachments: GBytes of their placeholders, or
 * NULL. False when the socket is not connected any more. Reserved names (connect, disconnect, ...) are our
 * bug (asserted). */
bool dub_sio_socket_emit(struct dub_sio_socket *socket, const char *event, JsonArray *args,
                         GPtrArray *attachments);
/* With one argument, which is taken. */
bool dub_sio_socket_emit_take(struct dub_sio_socket *socket, const char *event, JsonNode *take_arg);

/* Exactly once: with the peer's arguments, or with args NULL after the timeout or when the socket is gone. */
typedef void (*dub_sio_ack_handler)(JsonArray *args, GPtrArray *attachments, void *user);
/* timeout_ms 0: DUB_SIO_ACK_TIMEOUT_MS. When it returns false the handler is not called. */
bool dub_sio_socket_emit_ack(struct dub_sio_socket *socket, const char *event, JsonArray *args,
                             GPtrArray *attachments, unsigned timeout_ms, dub_sio_ack_handler handler,
                             void *user);

/* Acknowledges an event; a negative id does nothing. */
bool dub_sio_socket_ack(struct dub_sio_socket *socket, int64_t ack_id, JsonArray *args,
                        GPtrArray *attachments);

/* Leaves the namespace; on_disconnect follows. What was emitted before is still sent. */
void dub_sio_socket_disconnect(struct dub_sio_socket *socket);
/* Closes the whole connection after what was emitted before; on_disconnect follows on each of its sockets. */
void dub_sio_socket_close_connection(struct dub_sio_socket *socket);
/* The same, and the peer is told that whoever serves it next is somewhere else (GOING_AWAY). */
void dub_sio_socket_send_away(struct dub_sio_socket *socket);

const char *dub_sio_socket_id(const struct dub_sio_socket *socket);
const char *dub_sio_socket_namespace(const struct dub_sio_socket *socket);
void dub_sio_socket_set_user(struct dub_sio_socket *socket, void *user);
void *dub_sio_socket_user(const struct dub_sio_socket *socket);
gsize dub_sio_socket_queued_bytes(const struct dub_sio_socket *socket);

struct dub_sio_server;

/* Copied. */
struct dub_sio_server_config {
    const char *const *paths; /* NULL-terminated; NULL: "/socket.io/" alone */
    struct dub_eio_limits limits;
    /* How long a connection may be without a namespace, at first and after it has left the last; 0: the
     * default above. */
    unsigned connect_timeout_ms;
};

/* On a SoupServer of the caller's, which must outlive it. config may be NULL. */
struct dub_sio_server *dub_sio_server_new(SoupServer *soup, const struct dub_sio_server_config *config);
/* Copied; before the first connection. A CONNECT to a namespace that is not there gets "Invalid namespace".
 */
void dub_sio_server_add_namespace(struct dub_sio_server *server, const struct dub_sio_namespace *space);
unsigned dub_sio_server_n_connections(const struct dub_sio_server *server);
/* Refuses new handshakes with 503; the connections that are open go on. */
void dub_sio_server_refuse(struct dub_sio_server *server);
/* Refuses new handshakes with 503 and closes every connection after what was emitted before (on_disconnect,
 * GOING_AWAY): while the main loop goes on, until dub_sio_server_is_empty. */
void dub_sio_server_close(struct dub_sio_server *server);
/* No connection is left, and none that is being opened or closed. */
bool dub_sio_server_is_empty(const struct dub_sio_server *server);
/* Ends every connection at once (on_disconnect, CLOSED). NULL is fine. Not from a callback. */
void dub_sio_server_free(struct dub_sio_server *server);

struct dub_sio_client;

struct dub_sio_client_namespace {
    struct dub_sio_namespace space;
    JsonNode *auth; /* the CONNECT payload, an object node; borrowed and referenced; NULL: none */
};

struct dub_sio_client_events {
    /* The namespace refused us; message is the server's own, code its data.code or "". The connection stays
     * as long as there is another namespace. */
    void (*on_connect_error)(struct dub_sio_client *client, const char *space, const char *code,
                             const char *message, void *user);
    /* Exactly once per dub_sio_client_new unless freed before: there is no connection (any more), after every
     * on_disconnect; also when the server has refused or ended every namespace. error says why it could not
     * be made or was lost; code NONE after dub_sio_client_close. */
    void (*on_closed)(struct dub_sio_client *client, const struct dub_error *error, void *user);
};

/* Copied. */
struct dub_sio_client_config {
    /* http(s) or ws(s)://host[:port][/path][?query]; without a path "/socket.io/" */
    const char *url;
    const char *const *headers; /* name, value, name, value, ..., NULL */
    const struct dub_sio_client_namespace *namespaces;
    unsigned n_namespaces;
    struct dub_eio_limits limits; /* the payload and queue limits; the heartbeat is the server's to choose */
    unsigned connect_timeout_ms;  /* until the open packet has come; 0: 10000 */
    GTlsCertificate *ca;          /* trusted besides the system's; NULL: none */
};

/* Starts one attempt at once. There is no automatic reconnecting: after on_closed, free it and make another.
 * NULL with error only for a URL that makes no sense. */
struct dub_sio_client *dub_sio_client_new(const struct dub_sio_client_config *config,
                                          const struct dub_sio_client_events *events, void *user,
                                          struct dub_error *error);
/* Sends what waits, leaves all namespaces and closes; on_closed follows, at most a few seconds later. */
void dub_sio_client_close(struct dub_sio_client *client);
/* At once, without further callbacks, except on_disconnect for connected sockets. NULL is fine. Not from a
 * callback. */
void dub_sio_client_free(struct dub_sio_client *client);
