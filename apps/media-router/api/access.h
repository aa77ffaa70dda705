/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may use the Control API and the metrics: what authInternalUsers says of the actions "api" and
 * "metrics", with name and password by HTTP Basic, as MediaMTX asks for them. */
#pragma once

#include "../auth.h"

#include <dubbing_http.h>

/* Connections at once, and the time for one request and its answer. Beyond them the oldest connection gives
 * way: silent clients keep out nobody. */
#define ACCESS_MAX_CONNECTIONS 128
#define ACCESS_TIMEOUT_MS 10000

/* MediaMTX's shape of an error: {"status": "error", "error": "..."}. For struct dub_http_config. */
char *access_format_error(unsigned status, const char *code, const char *message);
/* False when it has answered 401. The same thread as the HTTP server. */
bool access_check(struct dub_http_request *request, const GPtrArray *users, enum auth_action action);
