/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to bundle/: ledger.ndjson while its run lasts. Lines are appended whole or not at all; those that
 * the disk refuses wait, up to a bound, and are tried again before the next. One thread. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define LEDGER_FILE_PENDING_MAX_BYTES (1 << 20)

struct ledger_file {
    char *path;
    int fd;           /* -1: not open */
    bool locked;      /* the lock may be somebody's who just looks (run_folder_is_in_use) */
    GString *pending; /* whole lines */
    uint64_t lost;    /* lines for which there was no room among the pending */
    bool dirty;       /* something has been written since the last sync */
};

void ledger_file_init(struct ledger_file *file, const char *path);
void ledger_file_clear(struct ledger_file *file);
/* line without its end of line. It waits until the next ledger_file_flush. */
void ledger_file_add(struct ledger_file *file, const char *line);
/* Opens the file if need be, cuts off what a crash has left of a line, marks it as in use
 * (run_folder_is_in_use), writes what waits. On false all or a part still waits, and nothing half is in the
 * file. */
bool ledger_file_flush(struct ledger_file *file, struct dub_error *error);
/* Best effort: what was written survives a power failure. */
void ledger_file_sync(struct ledger_file *file);

struct ledger_counts {
    int64_t states[8]; /* lines by enum dub_phrase_state */
    int64_t lines;
    int64_t bad; /* lines that are none of a ledger */
};

/* Of a file that nobody writes: counts its lines, and takes out those that are damaged. False when the file
 * cannot be read or written; one that is not there is empty. */
bool ledger_file_repair(const char *path, struct ledger_counts *counts, struct dub_error *error);
