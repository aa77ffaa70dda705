/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What became of each phrase of one run, in memory: the last LEDGER_MAX_LINES lines by ascending seq, fewer
 * when they are larger than LEDGER_MAX_BYTES, and the counts of all. Where it comes from delivers lines again
 * after a reconnect; each counts once. */
#pragma once

#include <dubbing_ledger.h>
#include <glib.h>
#include <stdbool.h>

#define LEDGER_MAX_LINES 5000
#define LEDGER_MAX_BYTES (8 * 1024 * 1024) /* of the lines' texts */

struct ledger {
    GPtrArray *lines; /* struct ledger_entry * */
    int64_t counts[DUB_PHRASE_STATE_COUNT];
    int64_t last_seq;   /* the highest so far; 0: none */
    int64_t kept_after; /* the highest seq that is not kept any more; 0: all are */
    gsize n_bytes;
};

struct ledger_entry {
    int64_t seq;
    gsize n_bytes;
    JsonNode *json; /* the line as the API gives it */
};

void ledger_init(struct ledger *ledger);
void ledger_clear(struct ledger *ledger);

/* Adds the line as number seq (instead of line->seq). The entry, valid until the next add, or NULL when seq
 * is there already or is older than what is kept. */
const struct ledger_entry *ledger_add(struct ledger *ledger, const struct dub_ledger_line *line, int64_t seq);

/* The lines with a seq above after, oldest first, at most limit: JsonNodes, which stay as they are whatever
 * becomes of the ledger, freed with the array. */
GPtrArray *ledger_list(const struct ledger *ledger, int64_t after, guint limit);
