/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The artifact folder: one set of files per fragment, bounded in size and age.
 *
 *   <folder>/<stream>/<time>-<n>-<fragment>.fragment.wav   as it was received (.m4a if it was)
 *                                          .dub.wav        as it was sent, where there is one
 *                                          .json           what became of it; written last
 *
 * A set with its .json is complete. Each file is written under a temporary name and renamed; what an
 * interrupted program left behind is removed at the next start. Whatever ids hold, names are made of letters,
 * digits, - and _, and nothing but files of this pattern is ever touched. One thread. */
#pragma once

#include "record.h"

struct store;

struct store_config {
    const char *folder;
    int64_t max_bytes;
    int64_t max_age_ms;
    struct lineage_origin origin;
    /* Whole or not at all; NULL: dub_file_write_atomic. For tests. */
    bool (*write_file)(const char *path, const void *data, gsize size, struct dub_error *error);
};

/* Looks at what is there, removes what is incomplete, too old or too much. Neither the folder nor the right
 * to write there is needed yet. */
struct store *store_open(const struct store_config *config, int64_t now_ms);
void store_close(struct store *store);
/* Makes room, then writes. On false nothing of the record is left. */
bool store_add(struct store *store, const struct lineage_record *record, int64_t now_ms,
               struct dub_error *error);
/* Removes what is too old. */
void store_trim(struct store *store, int64_t now_ms);
/* Complete sets, and their size. */
unsigned store_count(const struct store *store);
int64_t store_bytes(const struct store *store);
