/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the Control API says of a path, a connection, a session, a part of the configuration: JSON with
 * MediaMTX's names, present and former ones. The nodes are the caller's. */
#pragma once

#include "../router.h"
#include "../rtmp/server.h"
#include "../rtsp/server.h"

#include <json-glib/json-glib.h>

JsonNode *describe_object_take(JsonObject *take_object);
/* RFC 3339; null while it has not come to pass. */
void describe_time(JsonObject *object, const char *name, bool is_set, int64_t wall_ms);

/* For pages: each takes what its list has. */
JsonNode *describe_path(const void *element);            /* struct router_path */
JsonNode *describe_rtmp_connection(const void *element); /* struct rtmp_connection_info */
JsonNode *describe_rtsp_connection(const void *element); /* struct rtsp_connection_info */
JsonNode *describe_rtsp_session(const void *element);    /* struct rtsp_connection_info, with a session */
JsonNode *describe_path_config(const void *element); /* struct path_config; without a name: the defaults */

/* Everything but paths and users, whose hashes are nobody's business. */
JsonNode *describe_global_config(const struct router_config *config);
