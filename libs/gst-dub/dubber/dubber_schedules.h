/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a random schedule is made of, for those who run it (dubber_schedules_test.c) and those who judge it
 * afterwards (dubber_schedules_check.c). */
#pragma once

#include "dubber_rig.h"

#define MAX_PHRASES 64
#define MAX_EPOCHS 32
#define MAX_SECONDS 90
#define MAX_LAG_MS 2500
#define MARK_STEP 2

extern unsigned schedule_seed;
#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            g_error("schedule with seed %u: %s is not true (%s:%d)", schedule_seed, #condition, __FILE__,    \
                    __LINE__);                                                                               \
    } while (0)

struct answer {
    int64_t due_ns; /* INT64_MAX: never */
    int64_t faster_due_ns;
    double speed;
    bool dubbed;
    bool given;
    unsigned clip_samples;
    enum dub_phrase_state state;
    int64_t lag_ns;
    int64_t start;  /* dubbed: where its clip begins in the output */
    unsigned epoch; /* in which it was settled */
};

/* What a schedule may hold. */
struct kind {
    const char *name;
    unsigned first_seed;
    bool live;
    bool perfect; /* nothing is lost or late */
    bool levels;  /* somebody plays with the mixer; clips cannot be recognised then */
    bool flushes;
};

struct world {
    GRand *random;
    const struct kind *kind;
    struct dub_dubber *dubber;
    int64_t delay_ns, max_lag_ns;
    int64_t input_ns, input_end_ns;
    int64_t offset_ns;  /* of the time stamps: jumps of the publisher */
    double drift;       /* of the publisher's clock */
    int64_t stamped_ns; /* the end of what was written, by its time stamps */
    int64_t arrival_ns; /* of the next buffer */
    int64_t speech_until_ns;
    int64_t refused_until_ns; /* the breaker is open: every phrase fails at once */
    int16_t mark;             /* in the right channel: SPEECH_MARK while speaking */
    bool speaking;
    bool ended;
    struct answer answers[MAX_PHRASES + 1]; /* by id */
    uint64_t found, settled;
    int64_t first_ns;               /* time stamp of the first block of this epoch */
    int64_t base;                   /* samples put out before this epoch */
    int64_t epoch_ends[MAX_EPOCHS]; /* an epoch ends with a flush, the last one with the stream */
    unsigned n_epochs;
    int16_t *output;     /* the left channel */
    int16_t *right;      /* the right one */
    int16_t *sent_right; /* as it went in, by sample of input */
    int64_t n_output;
};

/* Moves what the ledger has settled into the answers. */
void schedule_take_settled(struct world *world);
/* Once everything is out. */
void schedule_check(struct world *world);
