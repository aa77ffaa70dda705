/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ledger of a run: keeps the latest phrases for the control socket, counts all of them, writes them to a
 * file. */
#pragma once

#include <dubbing_ledger.h>
#include <gst/gst.h>

#define PHRASES_KEPT 2000

struct phrases;

/* path: a file that is begun anew, NULL or "" for none. NULL with an error when it cannot be written. */
struct phrases *phrases_new(const char *path, struct dub_error *error);
/* NULL is fine. */
void phrases_free(struct phrases *phrases);

/* Adds one "stsdub-phrase" structure (dubbing_gst.h); returns it as kept, borrowed. */
const struct dub_ledger_line *phrases_add(struct phrases *phrases, const GstStructure *phrase);
/* Calls on_line for each kept phrase with seq > after, oldest first. */
void phrases_foreach(struct phrases *phrases, int64_t after,
                     void (*on_line)(const struct dub_ledger_line *line, void *user), void *user);
int64_t phrases_count(const struct phrases *phrases, enum dub_phrase_state state);
