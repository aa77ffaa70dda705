/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where on the timeline each dubbed clip goes (system.md section 4, rules 4 and 5).
 *
 * A clip starts at its source position, or as soon after as the end of the clip before and its own arrival
 * allow, never more than max_lag behind its source, never overlapping another, always in the order of the
 * phrases. The decision is made at the last moment, just before the clip has to be mixed; nothing is moved
 * afterwards. Pure; the owner's lock guards it. All positions in samples. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum dub_placing_outcome {
    DUB_PLACING_PLACED,
    DUB_PLACING_NOT_IN_TIME, /* no clip by the latest moment it could have started */
    DUB_PLACING_LAG_BOUND,   /* the clip before would have pushed it beyond max_lag */
    DUB_PLACING_OVERTAKEN,   /* a later phrase's clip was due while this one was still missing */
};

struct dub_placing_events {
    /* Once per added phrase that was not cancelled. start: where the clip begins, for PLACED only. */
    void (*on_outcome)(uint64_t id, enum dub_placing_outcome outcome, int64_t start, void *user);
    void *user;
};

struct dub_placing {
    GArray *waiting; /* struct placing_entry (private), ordered by source position */
    int64_t max_lag;
    int64_t busy_until; /* end of the clip placed last */
    struct dub_placing_events events;
};

void dub_placing_init(struct dub_placing *placing, int64_t max_lag, const struct dub_placing_events *events);
void dub_placing_clear(struct dub_placing *placing);
/* Forgets everything without a word. */
void dub_placing_reset(struct dub_placing *placing);

/* A phrase whose clip is to come. Phrases are added in the order of their positions and do not overlap. */
void dub_placing_add(struct dub_placing *placing, uint64_t id, int64_t start, int64_t end);
/* Its clip has come, or a shorter one instead of it. False when the phrase is not waited for any more.
 * clip_samples > 0. */
bool dub_placing_clip(struct dub_placing *placing, uint64_t id, int64_t clip_samples);
/* A shorter version of the clip that has come is being made: until that comes by dub_placing_clip, or it is
 * said there that the clip stays as it is, it does not begin before `until`; nor is it waited for when that
 * would cost the phrase. False when the phrase is not waited for any more. */
bool dub_placing_hold(struct dub_placing *placing, uint64_t id, int64_t until);
/* There will be no clip; no outcome follows. False when the phrase is not waited for any more. */
bool dub_placing_cancel(struct dub_placing *placing, uint64_t id);

/* The mixer is about to mix `position`: decides everything that cannot wait longer, and starts up to
 * `horizon` later where nothing earlier is still missing. */
void dub_placing_advance(struct dub_placing *placing, int64_t position, int64_t horizon);
/* The original has ended: clips that are still missing are NOT_IN_TIME. */
void dub_placing_give_up_missing(struct dub_placing *placing);

/* The source position of the first phrase whose clip is missing, or held; INT64_MAX when there is none. */
int64_t dub_placing_first_missing(const struct dub_placing *placing);
/* Nothing is waiting. */
bool dub_placing_is_idle(const struct dub_placing *placing);
/* How long the clip of this phrase may last when it starts as soon as it can, `position` at the earliest, and
 * the phrase after it is to start within its bound. That one is the next one waiting, or one to come that
 * starts at `frontier` at the earliest. INT64_MAX when nothing can follow, when it
 * starts too late itself, or is not waited for. */
int64_t dub_placing_room(const struct dub_placing *placing, uint64_t id, int64_t position, int64_t frontier);
/* How long the clip of [start, end) may be, when `pause` of silence after it is certain: the phrase, the
 * pause, and some of the lag that is left, at most half of max_lag so that the clips after it have room too.
 */
int64_t dub_placing_slot(const struct dub_placing *placing, int64_t start, int64_t end, int64_t pause);
