/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fragments that failed in a way that allows another try: the same id may come again under its own number.
 * Pure; zeroed memory is an empty set. */
#pragma once

#include <dubbing_events.h>

/* Older failures are forgotten, so that memory stays bounded. */
#define RETRIES_MAX 64

struct retries {
    GQueue failed; /* private; oldest first */
};

void retries_clear(struct retries *retries);
/* Remembers an answer when it is a retryable failure. */
void retries_note(struct retries *retries, const struct dub_fragment_processed *processed);
/* Whether this id failed under this number. The case of the id's letters does not matter. */
bool retries_match(const struct retries *retries, const char *fragment_id, int64_t sequence_number);
void retries_forget(struct retries *retries, const char *fragment_id);
