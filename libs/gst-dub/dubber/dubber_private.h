/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of the dubber, shared by its three sides: dubber.c (life, output), dubber_input.c (sound in, to
 * the ring and the detector), dubber_phrases.c (from a fragment found to what is heard of it). */
#pragma once

#include "dubber.h"

#include "pcm_ring.h"
#include "placing.h"
#include "sound/limiter.h"
#include "sound/samples.h"
#include "sound/slew.h"
#include "speech/vad.h"
#include "timeline.h"

struct dub_ready_clip {
    float *samples; /* owned */
    unsigned n_samples;
};

struct dub_dubber {
    struct dub_dubber_config config;
    struct dub_timeline timeline;
    struct dub_pcm_ring ring;
    struct dub_vad vad;
    struct dub_fragmenter fragmenter;
    struct dub_placing placing;
    struct dub_mixer mixer;
    struct dub_limiter limiter;
    struct dub_ledger ledger;
    GQueue requests;   /* struct dub_found_span */
    GHashTable *clips; /* uint64_t id -> struct dub_ready_clip, waiting to be placed */
    int64_t heard;     /* how far the detector has come */
    int64_t out;       /* position of the next block */
    int64_t mixed;     /* ahead of `out` by the limiter's delay once primed */
    int64_t fed_at;    /* `mixed` when input came last */
    int64_t history;   /* samples kept behind `out` */
    bool ended;
    struct dub_dubber_stats stats;
};

struct dub_found_span {
    uint64_t id;
    int64_t start, end, slot;
};

/* dubber_input.c: lets the detector hear everything before `until`. */
void dub_dubber_listen(struct dub_dubber *dubber, int64_t until);

/* dubber_phrases.c */
void dub_dubber_free_clip(gpointer data);
void dub_dubber_on_placing_outcome(uint64_t id, enum dub_placing_outcome outcome, int64_t start, void *user);
void dub_dubber_open_phrase(struct dub_dubber *dubber, const struct dub_fragment_span *span);
