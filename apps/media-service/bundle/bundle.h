/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bundles of runs: <root>/<runId>/ with manifest.json, ledger.ndjson and, where audio is captured,
 * audio/.
 *
 * Two threads of the store do what touches the disk: one writes for the runs that last, the other closes
 * those that have ended, cleans up and makes room. So a slow disk delays nobody; one that is full or
 * read-only is said once, and never stops a stream. All calls on one thread. */
#pragma once

#include "retention.h"

#include <json-glib/json-glib.h>
#include <stdbool.h>

struct bundle_store;
struct bundle;

struct bundle_store_config {
    const char *root;
    struct retention retention;
    unsigned max_waiting; /* jobs for the writing thread; 0: 4096 */
    int64_t stop_wait_ns; /* for bundle_store_free; 0: 2 s */
};

/* Copies the root. Neither the folder nor the right to write there is needed yet. */
struct bundle_store *bundle_store_new(const struct bundle_store_config *config);
/* At start, when the runs that go on have been opened: closes what earlier programs have left open, then as
 * bundle_store_tick. */
void bundle_store_clean_up(struct bundle_store *store);
/* Now and then: makes room, tries again what the disk has refused. */
void bundle_store_tick(struct bundle_store *store);
/* Whether there is something that the disk refuses to take. */
bool bundle_store_is_refused(struct bundle_store *store);
/* Waits until everything is written, at most for a while: what is left over then is closed by the next
 * bundle_store_clean_up. NULL is fine. */
void bundle_store_free(struct bundle_store *store);

/* Where the audio of a run goes, absolute. Owned by the caller. */
char *bundle_store_audio_folder(const struct bundle_store *store, const char *run_id);

/* Makes the folder, or goes on with the one that is there. Never NULL. */
struct bundle *bundle_open(struct bundle_store *store, const char *stream_id, const char *run_id);
/* Forgets it; it counts as running on until the next bundle_store_clean_up. NULL is fine. */
void bundle_close(struct bundle *bundle);
/* The run has ended. Takes the bundle, and the facts for the manifest, to which streamId, runId, status and
 * the files are added. */
void bundle_end(struct bundle *bundle, JsonObject *take_facts);

/* Replaces manifest.json. Takes the object; streamId, runId and status are added. */
void bundle_write_manifest(struct bundle *bundle, JsonObject *take_manifest);
/* Appends a line of JSON to ledger.ndjson. */
void bundle_append_line(struct bundle *bundle, const char *line);
/* Calls on_line for each whole line that an earlier program has left in ledger.ndjson, at most the last
 * max_lines. Reads the disk, on the caller's thread: for the start. */
void bundle_read_lines(struct bundle *bundle, unsigned max_lines,
                       void (*on_line)(const char *line, void *user), void *user);
