/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bundles of runs: <root>/<runId>/ with manifest.json and ledger.ndjson. Files that have to reach the
 * disk are written by a thread of the store, in order, so that a slow disk delays nobody. A full or read-only
 * disk is logged and never stops a stream. */
#pragma once

#include "retention.h"

#include <json-glib/json-glib.h>

struct bundle_store;
struct bundle;

struct bundle_store *bundle_store_new(const char *root);
/* Cleans up in the store's thread; keep as there, copied. */
void bundle_store_clean(struct bundle_store *store, const struct retention *retention,
                        const char *const *keep);
/* Waits until everything is written. NULL is fine. */
void bundle_store_free(struct bundle_store *store);

/* Makes the folder, or goes on with the one that is there. Never NULL. */
struct bundle *bundle_open(struct bundle_store *store, const char *stream_id, const char *run_id);
/* Forgets it; the files stay. NULL is fine. */
void bundle_close(struct bundle *bundle);

/* Replaces manifest.json. Takes the object; streamId and runId are added. */
void bundle_write_manifest(struct bundle *bundle, JsonObject *take_manifest);
/* Appends a line of JSON to ledger.ndjson. */
void bundle_append_line(struct bundle *bundle, const char *line);
/* Calls on_line for each whole line of ledger.ndjson, at most the last max_lines. */
void bundle_read_lines(struct bundle *bundle, unsigned max_lines,
                       void (*on_line)(const char *line, void *user), void *user);
