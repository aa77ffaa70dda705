/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the component tests: a server and a client of the library on the default main context, whose callbacks
 * are written down, and a bare WebSocket for what a well-behaved client never sends. */
#pragma once

#include "dubbing_socketio.h"

/* Iterates the default context until the condition holds; fails the test after 10 s. */
#define WAIT_FOR(condition)                                                                                  \
    do {                                                                                                     \
        int64_t give_up_us = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;                                   \
        while (!(condition)) {                                                                               \
            g_assert_cmpint(g_get_monotonic_time(), <, give_up_us);                                          \
            test_iterate();                                                                                  \
        }                                                                                                    \
    } while (0)

/* One round of the default context, at most some milliseconds long. */
void test_iterate(void);

struct test_server {
    SoupServer *soup;
    unsigned port;
    struct dub_sio_server *server;
    GString *log;                  /* "connect / | event / name [args] | ..." */
    struct dub_sio_socket *socket; /* the last one connected; NULL after its disconnect */
    unsigned n_disconnects;
    enum dub_eio_reason reason; /* of the last disconnect */
    bool echo;                  /* "message" gets "message-back" and acknowledgements their arguments */
    const char *token;          /* what auth must hold; NULL: everybody is let in */
};

/* limits may be NULL. Serves "/" and "/custom". */
void test_server_start(struct test_server *test, const struct dub_eio_limits *limits,
                       unsigned connect_timeout_ms);
/* The same with the defaults and TLS. */
void test_server_start_tls(struct test_server *test, GTlsCertificate *certificate);
void test_server_stop(struct test_server *test);

struct test_client {
    struct dub_sio_client *client;
    GString *log;
    struct dub_sio_socket *socket; /* of the first namespace */
    bool closed;
    struct dub_error error; /* of on_closed */
};

/* token NULL: no auth. spaces: NULL-terminated names; NULL: "/" alone. */
void test_client_start(struct test_client *test, const char *url, const char *token,
                       const char *const *spaces);
void test_client_stop(struct test_client *test);
/* A client without token on "/" of the server, both connected. */
void test_connect_pair(struct test_server *server, struct test_client *client);
/* Closes in order and waits for the end. */
void test_client_close(struct test_client *client);
/* Of valid JSON; owned by the caller. */
JsonNode *test_parse(const char *text);
/* "http://127.0.0.1:<port><path>", owned by the caller. */
char *test_url(unsigned port, const char *path);

struct test_raw {
    SoupSession *session;
    SoupWebsocketConnection *ws; /* NULL until open */
    GPtrArray *received;         /* of char *; binary as "b:<hex>" */
    bool failed;
    unsigned status; /* of the handshake */
    bool closed;
};

/* Opens path of the server, for example "/socket.io/?EIO=4&transport=websocket", and waits until it is open
 * or refused. */
void test_raw_open(struct test_raw *raw, unsigned port, const char *path);
void test_raw_send(struct test_raw *raw, const char *text);
/* Waits for the n-th message (from 0) and returns it. */
const char *test_raw_wait(struct test_raw *raw, guint n);
void test_raw_close(struct test_raw *raw);

/* A server without manners, on a thread of its own: takes one connection, reads a request, writes an answer
 * and then floods. */
struct test_tcp {
    const char
        *answer; /* "%s" in it, at most once, is the right Sec-WebSocket-Accept; NULL: closes at once */
    const void
        *flood; /* written again and again until the peer is gone; NULL: nothing, and nothing is read */
    gsize flood_bytes;
    GSocketListener *listener;
    GThread *thread;
    unsigned port;
    gsize n_flooded; /* after test_tcp_stop */
};

/* What a peer that keeps its limits never takes. */
#define TEST_FLOOD_BYTES_MAX (64u * 1024 * 1024)
/* The head of an answer that opens a WebSocket. */
#define TEST_SWITCHING                                                                                       \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                      \
    "Sec-WebSocket-Accept: %s\r\n\r\n"

/* answer, flood and flood_bytes are set. */
void test_tcp_start(struct test_tcp *test);
/* The peer has closed, or is about to. */
void test_tcp_stop(struct test_tcp *test);

#define TEST_SOCKETIO_PATH "/socket.io/?EIO=4&transport=websocket"
