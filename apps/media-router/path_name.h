/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of paths, and how RTMP clients spell them.
 *
 * Encoders split rtmp://host/live/ID/in?q as app "live/ID" and key "in?q", or as app "live" and key "ID/in",
 * and may put the query into either part; all of them mean path "live/ID/in". */
#pragma once

#include <dubbing_error.h>
#include <stdbool.h>

#define PATH_NAME_MAX_BYTES 255
#define PATH_QUERY_MAX_BYTES 2048

/* [A-Za-z0-9_./-]+ without a slash at either end, without empty, "." or ".." segments. */
bool path_name_is_valid(const char *name);

/* From tcUrl (may be NULL; app is used then): the path part without slashes around it, and the query without
 * its question mark ("" when there is none). Both stay URL-encoded and are owned by the caller. */
void path_split_app(const char *tc_url, const char *app, char **path, char **query);

/* app and key joined, URL-decoded and checked; the queries of both joined by "&". On success the caller owns
 * *path and *query. */
bool path_resolve(const char *app, const char *app_query, const char *key, char **path, char **query,
                  struct dub_error *error);
