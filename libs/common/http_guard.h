/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bounds what clients of a SoupServer can hold: the number of connections, in all and from one address, the
 * time to send a request and the time to take an answer. Private to http.c. */
#pragma once

#include <libsoup/soup.h>
#include <stdbool.h>

struct http_guard;

/* 0: no limit. */
struct http_guard_limits {
    unsigned max_connections;
    unsigned max_per_address;
    unsigned timeout_ms;
    /* Beyond a limit the oldest connection (of that address) is closed for the new one. Otherwise
     * http_guard_is_over is true for a connection beyond max_connections, and beyond twice as many one is
     * closed at once; max_per_address counts for nothing then. */
    bool make_room;
};

struct http_guard *http_guard_new(SoupServer *soup, const struct http_guard_limits *limits);
/* After soup_server_disconnect. NULL is fine. */
void http_guard_free(struct http_guard *guard);
/* Whether this request came over a connection that is one too many. */
bool http_guard_is_over(const struct http_guard *guard, SoupServerMessage *message);
/* This one's answer has no end: it is no longer limited in time, nor counted. */
void http_guard_let_stream(SoupServerMessage *message);
