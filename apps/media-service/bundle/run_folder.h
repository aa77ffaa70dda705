/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to bundle/: what the folder of a run, <root>/<runId>/, is made of, and how it is walked. Symbolic
 * links are never followed. Reads the disk: not for the main thread. */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>
#include <stdbool.h>
#include <stdint.h>

#define RUN_MANIFEST "manifest.json"
#define RUN_LEDGER "ledger.ndjson"
#define RUN_AUDIO "audio"

/* "20260102T030405.678Z-4f9a1c2e", as dub_run_id_new makes them: nothing else beside the runs is touched. */
bool run_folder_is_name(const char *name);
/* What an interrupted atomic write leaves: the name of a file of ours, a dot and six letters or digits. */
bool run_folder_is_temporary(const char *name);

/* Borrowed for the call. */
struct run_file {
    const char *path;
    const char *name; /* relative to the folder: "audio/000001-....in.wav" */
    const GStatBuf *info;
};

/* Each regular file in the folder and the folders in it, in any order. */
void run_folder_visit(const char *folder, void (*visit)(const struct run_file *file, void *user), void *user);
/* The names of the runs under root, sorted: the oldest first, for a run id begins with its time. */
GPtrArray *run_folder_list(const char *root);
/* Whether a process, this one included, has the run's ledger open. */
bool run_folder_is_in_use(const char *folder);
/* The folder with everything in it. False when something is left. */
bool run_folder_remove(const char *folder);
