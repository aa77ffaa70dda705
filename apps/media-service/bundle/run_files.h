/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to bundle/: the files of one run while it lasts, and whether the disk takes them. What it refuses
 * is kept and tried again; that it does so is said when it begins and when it ends, once for all runs
 * together. The files belong to one thread at a time. */
#pragma once

#include "ledger_file.h"

#include <dubbing_error.h>
#include <json-glib/json-glib.h>
#include <pthread.h>

/* Shared by all runs of a store. */
struct disk_health {
    char *root;
    pthread_mutex_t lock; /* guards what follows */
    unsigned n_stuck;     /* runs with something that could not be written */
};

void disk_health_init(struct disk_health *health, const char *root);
void disk_health_clear(struct disk_health *health);
bool disk_health_is_stuck(struct disk_health *health);

struct run_files {
    struct disk_health *health;
    char *folder;
    char *stream_id, *run_id;
    struct ledger_file ledger;
    char *manifest;     /* to be written; NULL: none */
    JsonObject *facts;  /* of the end; NULL until then */
    uint64_t n_refused; /* lines that never got here, added at the end */
    bool stuck;         /* counted in the health */
    bool leftover;      /* nobody runs it: an earlier program has left it */
    bool unsynced;      /* its manifest has been written and would not outlive a power failure */
    bool sealed;        /* as run_files_seal has said last */
};

struct run_files *run_files_new(struct disk_health *health, const char *root, const char *stream_id,
                                const char *run_id);
/* What could not be written is lost. NULL is fine. */
void run_files_free(struct run_files *files);

/* Makes the folder, opens the ledger, writes what waits. */
void run_files_write(struct run_files *files);
/* Waits for the disk: what is unsynced outlives a power failure then. */
void run_files_sync(struct run_files *files);
/* After the end: seals the folder (seal.h). False: to be tried again. */
bool run_files_seal(struct run_files *files, const int *hurry);
