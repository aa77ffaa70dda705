/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The original sound by absolute sample position: written as it arrives, read when it is due.
 *
 * Holds [begin, end). What was never written reads as silence, with the edge faded over 2.5 ms so that
 * missing input is a pause and not a click. Pure; the owner's lock guards it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct dub_pcm_ring {
    int16_t *samples; /* stereo */
    unsigned capacity_samples;
    int64_t begin; /* oldest position still held; writes before it are dropped */
    int64_t end;   /* one past the newest position written */
    bool empty;    /* nothing was ever written: no edge to fade */
    /* The last hole: where it ended, where it began, and the sample before it. */
    int64_t rise_from, fall_from;
    int16_t fall_sample[2];
};

void dub_pcm_ring_init(struct dub_pcm_ring *ring, unsigned capacity_samples);
void dub_pcm_ring_clear(struct dub_pcm_ring *ring);
/* Empty again, positions from 0. */
void dub_pcm_ring_reset(struct dub_pcm_ring *ring);

/* Whether a write that ends at this position fits. */
bool dub_pcm_ring_fits(const struct dub_pcm_ring *ring, int64_t end_position);
/* Appends stereo samples at position >= end, or >= begin where the reader has overtaken the writer; fills the
 * space between with silence. Must fit. Returns how many samples came too late (before begin) and were
 * dropped. */
unsigned dub_pcm_ring_write(struct dub_pcm_ring *ring, int64_t position, const int16_t *samples,
                            unsigned n_samples);
/* As a write of silence, with the edges of a hole. */
void dub_pcm_ring_gap(struct dub_pcm_ring *ring, int64_t position, unsigned n_samples);
/* Copies [position, position + n_samples); what is not held is silence. */
void dub_pcm_ring_read(const struct dub_pcm_ring *ring, int64_t position, int16_t *samples,
                       unsigned n_samples);
/* The mean of both channels. */
void dub_pcm_ring_read_mono(const struct dub_pcm_ring *ring, int64_t position, int16_t *samples,
                            unsigned n_samples);
/* Positions before this one are not needed any more. */
void dub_pcm_ring_release(struct dub_pcm_ring *ring, int64_t position);
