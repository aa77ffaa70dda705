/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engines/http/: one request, one answer, over libsoup. A thread of its own runs the connections;
 * callers wait without touching a socket. */
#pragma once

#include "client.h"

struct http_transport;

struct http_answer {
    unsigned status;
    char *type;             /* media type without parameters; "" where none is said */
    GBytes *body;           /* NULL beyond the maximum */
    int64_t retry_after_ms; /* -1: not said */
};
void http_answer_clear(struct http_answer *answer);

enum http_fate {
    HTTP_ANSWERED,
    HTTP_GIVEN_UP,    /* by the terms of the call */
    HTTP_UNREACHABLE, /* no connection, TLS refused, or it broke off; *reason says how */
};

struct http_transport *http_transport_new(unsigned max_connections);
/* Nobody may be sending. */
void http_transport_free(struct http_transport *transport);
/* Any thread, several at a time. reason is owned by the caller. Redirects are answers. */
enum http_fate http_transport_send(struct http_transport *transport, const struct http_request *request,
                                   const struct engine_call *call, struct http_answer *answer, char **reason);
