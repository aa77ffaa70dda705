/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which route a request is for. Pure; private to http.c and its fuzz target. */
#pragma once

#include <dubbing_http.h>

/* routes ends with pattern == NULL; path as the request has it, still encoded. The route, with what stands
 * for each {name} in params (an array that frees its texts). Otherwise NULL, and the methods that the path
 * has are appended to allowed: none when the path is unknown. */
const struct dub_http_route *http_routes_find(const struct dub_http_route *routes, const char *method,
                                              const char *path, GPtrArray *params, GString *allowed);
