/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one audio format inside: 48 kHz, stereo, interleaved; and how positions and times turn into each other.
 *
 * A position counts samples per channel since the first sample of the input timeline. Lengths in `_samples`
 * count per channel too, so that a stereo buffer of n samples holds 2 n values. */
#pragma once

#include <glib.h>
#include <stdint.h>

#define DUB_RATE_HZ 48000
#define DUB_CHANNELS 2
/* 10 ms: what is mixed and pushed at once, and the hop of the speech detector. */
#define DUB_BLOCK_SAMPLES 480

#define DUB_MS_TO_SAMPLES(ms) ((int64_t)(ms) * (DUB_RATE_HZ / 1000))

/* Exact for whole multiples of 3 samples (62.5 us), otherwise rounded down. 48000 / 10^9 = 3 / 62500. */
static inline int64_t dub_samples_to_ns(int64_t samples)
{
    return samples * 62500 / 3;
}

/* To the nearest sample. */
static inline int64_t dub_ns_to_samples(int64_t ns)
{
    int64_t scaled = ns * 3;
    return (scaled + (scaled >= 0 ? 31250 : -31250)) / 62500;
}

static inline int64_t dub_samples_to_ms(int64_t samples)
{
    return samples / (DUB_RATE_HZ / 1000);
}
