/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small layer over SoupServer: a table of routes, JSON in and out, an API key, limits (those below, 100
 * header fields), and one shape of error.
 *
 * Each connection carries one request (and what it may become: a WebSocket).
 *
 * All calls and handlers run on the thread that iterates the server's GMainContext (the thread-default one of
 * the caller of dub_http_server_new). */
#pragma once

#include <dubbing_error.h>
#include <json-glib/json-glib.h>
#include <libsoup/soup.h>
#include <stdbool.h>

struct dub_http_server;

/* One request, borrowed for the handler's call; a handler that answers later keeps `message` with
 * soup_server_message_pause and a reference, as libsoup says. */
struct dub_http_request {
    struct dub_http_server *server;
    SoupServerMessage *message;
    const char *method;
    const char *path;
    const char *const
        *params;       /* what stood for each {name} of the pattern, in order, URL-decoded; NULL-terminated */
    GHashTable *query; /* decoded names to decoded values; NULL when there is none */
    const char *body;  /* NUL-terminated for convenience, may hold any bytes */
    gsize body_size;
    bool from_loopback; /* dub_http_is_loopback of the peer's address */
};

typedef void (*dub_http_handler)(struct dub_http_request *request, void *user);

enum dub_http_route_flags {
    /* Needs the API key when one is set, else a loopback peer that passes on nothing: no proxy, no browser
     * with a page from elsewhere. */
    DUB_HTTP_WRITES = 1 << 0,
    DUB_HTTP_KEYED = 1 << 1,  /* needs the API key when one is set */
    DUB_HTTP_ALWAYS = 1 << 2, /* answered beyond max_connections too */
};

struct dub_http_route {
    const char *method; /* "GET" (also answers HEAD), "POST", ... */
    const char
        *pattern; /* "/api/v1/streams/{id}"; a {name} is one segment, a trailing {name...} is the rest */
    dub_http_handler handler;
    unsigned flags;
};

struct dub_http_config {
    const char *address;  /* "127.0.0.1:8080", port 0: any free one */
    const char *api_key;  /* NULL or "": none */
    gsize max_body_bytes; /* 0: 1 MiB; larger bodies are answered with 413 without being read whole */
    const char *tls_cert, *tls_key; /* PEM files, both or neither */
    /* Connections at a time, 0: no limit. Further ones get 503 with Retry-After, beyond twice as many they
     * are closed at once. What has become a WebSocket does not count. */
    unsigned max_connections;
    /* With make_room the oldest connection is closed instead, beyond max_connections in all or beyond
     * max_per_address (0: no limit) from one address: many slow or silent clients then keep out nobody who
     * sends a request at once. */
    bool make_room;
    unsigned max_per_address;
    /* For a client to send its request, from the connection on, and then to take the answer; after that the
     * connection is closed. 0: no limit. */
    unsigned request_timeout_ms;
    /* Asked when the headers of a request are there, before its path is looked up: who is not let in learns
     * nothing. On false it has answered. params and body are empty. NULL: all are let in. user is that of
     * dub_http_server_new. */
    bool (*admit)(struct dub_http_request *request, void *user);
    /* The JSON body for an error that this layer answers by itself (404, 405, 401, 413, ...). NULL: the
     * default
     * {"error": {"code": ..., "message": ...}}. Returns a new string. */
    char *(*format_error)(unsigned status, const char *code, const char *message);
};

/* routes ends with pattern == NULL, is kept by reference. Listens at once; a busy port or a bad certificate
 * is an error that names the address and the variable's value. */
struct dub_http_server *dub_http_server_new(const struct dub_http_config *config,
                                            const struct dub_http_route *routes, void *user,
                                            struct dub_error *error);
/* The port that is bound (for port 0). */
unsigned dub_http_server_port(const struct dub_http_server *server);
/* To add WebSocket handlers and the like. Borrowed. */
SoupServer *dub_http_server_soup(struct dub_http_server *server);
/* Closes the listeners and all connections. NULL is fine. */
void dub_http_server_free(struct dub_http_server *server);

/* Answers. Each takes the node or string it is given. */
void dub_http_reply_json(struct dub_http_request *request, unsigned status, JsonNode *take_body);
void dub_http_reply_text(struct dub_http_request *request, unsigned status, const char *content_type,
                         char *take_text);
void dub_http_reply_error(struct dub_http_request *request, unsigned status, const char *code,
                          const char *format, ...) G_GNUC_PRINTF(4, 5);
/* For a handler whose answer has no end: this connection is no longer limited in time nor counted, which the
 * handler has to do then. */
void dub_http_request_stream(struct dub_http_request *request);
/* Parses the body as one JSON object (at most max_depth nested, UTF-8). On failure answers 400 and returns
 * NULL. */
JsonObject *dub_http_request_json(struct dub_http_request *request);
/* 127.0.0.0/8, ::1, and the first in the form of the second (::ffff:127.0.0.1). */
bool dub_http_is_loopback(GInetAddress *address);
/* Constant-time comparison of "Authorization: Bearer <key>" with the key. */
bool dub_http_bearer_matches(const char *authorization_header, const char *api_key);
