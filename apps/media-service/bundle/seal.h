/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to bundle/: the end of a run's bundle. Its folder is put in order, each file in it is measured, and
 * a manifest that lists them all is written as the last thing: a bundle whose manifest says "complete" or
 * "interrupted" changes no more. Reads every byte of it: not for the main thread. */
#pragma once

#include <dubbing_error.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

/* X(enum suffix, "status" in the manifest) */
#define RUN_STATUSES(X)                                                                                      \
    X(RUNNING, "running")                                                                                    \
    X(CLOSING, "closing") /* all is said but the files: sealing goes on from here */                         \
    X(COMPLETE, "complete")                                                                                  \
    X(INTERRUPTED, "interrupted") /* nobody was there to end it */

#define X(name, text) RUN_##name,
enum run_status { RUN_STATUSES(X) RUN_STATUS_COUNT };
#undef X

const char *run_status_name(enum run_status status);

/* What the manifest in the folder says, owned by the caller; NULL when there is none that can be read, or it
 * is another run's. */
JsonObject *seal_read_manifest(const char *folder);
/* RUN_STATUS_COUNT where it says none. */
enum run_status seal_status_of(JsonObject *manifest);
/* Whether the bundle is sealed and each file has the size that its manifest says. */
bool seal_is_intact(const char *folder);

/* Puts the folder in order (temporary files, damaged audio and damaged lines of the ledger are removed, and
 * said), then writes manifest.json: facts, borrowed, with "files" added and "status" set. Facts of a run that
 * was never ended become those of an interrupted one. *hurry, set by another thread, makes it give up soon.
 * False: the bundle is not sealed, and can be tried again. */
bool seal_run(const char *folder, JsonObject *facts, const int *hurry, struct dub_error *error);
/* The same for what an earlier program has left, with the facts that are there. A bundle with nothing in it
 * is removed. */
bool seal_leftover(const char *folder, const int *hurry, struct dub_error *error);
