/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Old run bundles make room for new ones. Only folders whose name is a run id are looked at, whatever else is
 * kept beside them. Reads the disk: not for the main thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct retention {
    int64_t max_age_ms; /* since the last change of a file in it; 0: no limit */
    int64_t max_bytes;  /* of all bundles together; 0: no limit */
};

/* Remembers the sizes of bundles that change no more. */
struct retention_index;

struct retention_index *retention_index_new(const char *root);
/* NULL is fine. */
void retention_index_free(struct retention_index *index);

/* Removes what is too old, then the oldest until the rest fits, never one for which is_running is true or
 * that another process has open. Where that does not suffice the audio of running ones goes, the oldest
 * first, and what is too old of it goes too: their other files stay. Says how many bundles were removed. */
unsigned retention_clean(struct retention_index *index, const struct retention *retention, int64_t now_ms,
                         bool (*is_running)(const char *run_id, void *user), void *user);
/* Forgets what it knows of a bundle: it has changed. */
void retention_forget(struct retention_index *index, const char *run_id);
