/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Identifiers and the masking of secrets in URLs. */
#pragma once

#include <stdbool.h>

#define DUB_STREAM_ID_MAX 64

/* [A-Za-z0-9_-]{1,64} */
bool dub_stream_id_is_valid(const char *id);

/* The <id> of "live/<id>/in", or NULL when the path is not of that form. Owned by the caller. */
char *dub_stream_id_from_path(const char *path);

/* Sortable by time of creation: "20260102T030405.678Z-4f9a1c2e". Owned by the caller. */
char *dub_run_id_new(void);

/* Random UUID, version 4 (RFC 9562 section 5.4), lower case. Owned by the caller. */
char *dub_uuid_new(void);
/* Any RFC 9562 textual form, upper or lower case. */
bool dub_uuid_is_valid(const char *text);

/* A copy of a URL that is safe to log: password, the query's values of key-like names (key, pass, token,
 * secret, auth, streamkey ...) and, for RTMP URLs to hosts other than loopback, the last path segment (the
 * stream key) become "***". Text that is not a URL comes back with nothing changed. Owned by the caller. */
char *dub_url_mask(const char *url);
/* A copy of text, of somebody else's message, in which every URL is masked so. Owned by the caller. */
char *dub_url_mask_in(const char *text);
