/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stream's egress-forwarder: which destination the stream has, the actions of egress_fsm carried out, and
 * what the forwarder says kept for the API. Nothing of it reaches the stream's own state. */
#pragma once

#include "stream.h"

#include <json-glib/json-glib.h>
#include <stdbool.h>

void stream_egress_clear(struct stream *stream);

/* A run begins: the destination is that of the stream's settings, else the default one, else none. */
void stream_egress_begin_run(struct stream *stream);
/* An operator names another destination for this run; NULL: none. The url has passed egress_dest_check. */
void stream_egress_set(struct stream *stream, const char *dest_url);
/* As they were in the record of an earlier media-service; NULL: none. */
void stream_egress_restore(struct stream *stream, const char *dest_url, const char *served_url);
/* Goes on with a forwarder found running, or ends it when the stream should not have it. */
void stream_egress_adopt(struct stream *stream, pid_t pid);

/* To be called whenever the stream's state may have changed, and several times a second. */
void stream_egress_update(struct stream *stream);

/* What the API shows; NULL when there is nothing to show. The caller owns it. */
JsonObject *stream_egress_to_json(const struct stream *stream);
/* {streamId} in the default destination stands for the stream's id. Owned by the caller. */
char *stream_egress_default_url(const char *pattern, const char *stream_id);
