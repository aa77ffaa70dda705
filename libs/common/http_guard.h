/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bounds what clients of a SoupServer can hold: the number of connections, the time to send a request and the
 * time to take an answer. Private to http.c. */
#pragma once

#include <libsoup/soup.h>
#include <stdbool.h>

struct http_guard;

/* timeout_ms 0: no time limits. max_connections 0: no limit; beyond it http_guard_is_over is true for a
 * connection, beyond twice as many a connection is closed at once. */
struct http_guard *http_guard_new(SoupServer *soup, unsigned max_connections, unsigned timeout_ms);
/* After soup_server_disconnect. NULL is fine. */
void http_guard_free(struct http_guard *guard);
/* Whether this request came over a connection that is one too many. */
bool http_guard_is_over(const struct http_guard *guard, SoupServerMessage *message);
