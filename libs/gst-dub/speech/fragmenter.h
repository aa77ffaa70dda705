/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cuts speech into fragments that can be translated whole (system.md section 4, "Fragmenting").
 *
 * It is told every 10 ms whether there is speech and how loud it is, and answers with a fragment when one is
 * complete. A fragment ends at a pause of 300 ms; beyond the soft limit already at one of 120 ms; at the hard
 * limit at the quietest 100 ms of its last second. Shorter speech than 1 s waits for its neighbour, for at
 * most 1 s. Pure; one thread. All positions in samples. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum dub_fragmenter_mode { DUB_FRAGMENTER_VAD, DUB_FRAGMENTER_FIXED };

#define DUB_FRAGMENTER_TAIL_HOPS 100 /* 1 s of levels, for the cut at the hard limit */

struct dub_fragment_span {
    int64_t start, end;
    int64_t pause; /* silence known to follow */
};

/* One hop of DUB_BLOCK_SAMPLES. */
struct dub_fragmenter_hop {
    bool speech;
    float level_db;        /* for finding the quietest place */
    float speech_likeness; /* 0..1: how much what is heard is like a voice and not like music */
};

/* What speaks for a fragment being speech. */
struct dub_fragment_evidence {
    unsigned speech_hops;
    float likeness; /* summed over the speech hops */
};

struct dub_fragmenter {
    enum dub_fragmenter_mode mode;
    int64_t segment_samples;            /* fixed mode: as asked for */
    int64_t piece_samples;              /* fixed mode: as the limits allow */
    int64_t soft_samples, hard_samples; /* 1..6 s */
    int64_t position;                   /* of the next hop */
    int64_t start;                      /* of the open fragment; -1: none */
    int64_t floor;       /* end of the fragment before: the next one may not reach back beyond */
    int64_t speech_end;  /* end of the last speech hop */
    int64_t sent_end;    /* of the last fragment that was sent */
    uint64_t n_rejected; /* fragments that were no speech after all, since the beginning */
    struct dub_fragment_evidence evidence;
    float levels[DUB_FRAGMENTER_TAIL_HOPS]; /* a ring by hop */
};

/* segment_samples: length of fragments in fixed mode. */
void dub_fragmenter_init(struct dub_fragmenter *fragmenter, enum dub_fragmenter_mode mode,
                         int64_t segment_samples);
/* Begins anew at position 0, with the limits that were set. */
void dub_fragmenter_reset(struct dub_fragmenter *fragmenter);
/* Takes effect at the next hop. soft = delay - rtt, hard = delay + max_lag - rtt, both kept within 1..6 s.
 * Fragments of fixed length are at most delay + max_lag - rtt long, for a longer one would be too late when
 * it is complete; never less than 1 s. rtt 0: nothing can be late (not live), and they are as asked for. */
void dub_fragmenter_set_limits(struct dub_fragmenter *fragmenter, int64_t delay, int64_t max_lag,
                               int64_t rtt);
/* True: *span is a fragment to be sent. */
bool dub_fragmenter_hop(struct dub_fragmenter *fragmenter, const struct dub_fragmenter_hop *hop,
                        struct dub_fragment_span *span);
/* The input ends or is lost here: what is open is complete at once, for nothing follows that could belong to
 * it. Hops may go on afterwards, at the next position; what they bring is a fragment of its own. */
bool dub_fragmenter_end(struct dub_fragmenter *fragmenter, struct dub_fragment_span *span);
/* No fragment to come starts before this position. */
int64_t dub_fragmenter_frontier(const struct dub_fragmenter *fragmenter);
