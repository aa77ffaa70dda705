/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pcm_ring.h"

#include "sound/samples.h"
#include <string.h>

/* 2.5 ms */
#define EDGE_SAMPLES 120

void dub_pcm_ring_init(struct dub_pcm_ring *ring, unsigned capacity_samples)
{
    *ring = (struct dub_pcm_ring){.capacity_samples = capacity_samples, .empty = true};
    ring->samples = g_new0(int16_t, (gsize)capacity_samples * DUB_CHANNELS);
    dub_pcm_ring_reset(ring);
}

void dub_pcm_ring_clear(struct dub_pcm_ring *ring)
{
    g_free(ring->samples);
    *ring = (struct dub_pcm_ring){.empty = true};
}

void dub_pcm_ring_reset(struct dub_pcm_ring *ring)
{
    ring->begin = 0;
    ring->end = 0;
    ring->empty = true;
    ring->rise_from = -EDGE_SAMPLES;
}

bool dub_pcm_ring_fits(const struct dub_pcm_ring *ring, int64_t end_position)
{
    return end_position - ring->begin <= (int64_t)ring->capacity_samples;
}

static int16_t *slot(const struct dub_pcm_ring *ring, int64_t position)
{
    return ring->samples + (position % ring->capacity_samples) * DUB_CHANNELS;
}

/* What is heard `distance` samples after the last one before a hole: that sample, fading. */
static int16_t edge_value(int16_t last, int64_t distance)
{
    if (distance >= EDGE_SAMPLES)
        return 0;
    return (int16_t)(last * (EDGE_SAMPLES - distance) / EDGE_SAMPLES);
}

/* The sample before a hole; nothing when nothing was ever written. */
static void last_sample(const struct dub_pcm_ring *ring, int16_t last[DUB_CHANNELS])
{
    if (ring->empty)
        memset(last, 0, DUB_CHANNELS * sizeof(int16_t));
    else
        memcpy(last, slot(ring, ring->end - 1), DUB_CHANNELS * sizeof(int16_t));
}

static void fill_hole(struct dub_pcm_ring *ring, int64_t to)
{
    ring->fall_from = ring->end;
    ring->rise_from = ring->empty ? to - EDGE_SAMPLES : to;
    last_sample(ring, ring->fall_sample);
    for (int64_t position = MAX(ring->end, ring->begin); position < to; position++) {
        int16_t *out = slot(ring, position);
        for (unsigned c = 0; c < DUB_CHANNELS; c++)
            out[c] = edge_value(ring->fall_sample[c], position - ring->fall_from + 1);
    }
}

static void copy_in(struct dub_pcm_ring *ring, int64_t position, const int16_t *samples, unsigned n_samples)
{
    unsigned at = (unsigned)(position % ring->capacity_samples);
    unsigned first = MIN(n_samples, ring->capacity_samples - at);
    memcpy(slot(ring, position), samples, first * DUB_CHANNELS * sizeof(int16_t));
    memcpy(ring->samples, samples + first * DUB_CHANNELS,
           (n_samples - first) * DUB_CHANNELS * sizeof(int16_t));
}

/* What comes after a hole rises while what is left of the edge before it, if the hole was short, goes on
 * falling. */
static void fade_in(struct dub_pcm_ring *ring, int64_t position, unsigned n_samples)
{
    int64_t end = MIN(position + n_samples, ring->rise_from + EDGE_SAMPLES);
    for (int64_t at = position; at < end; at++) {
        int16_t *value = slot(ring, at);
        for (unsigned c = 0; c < DUB_CHANNELS; c++) {
            int rising = value[c] * (int)(at - ring->rise_from) / EDGE_SAMPLES;
            int falling = edge_value(ring->fall_sample[c], at - ring->fall_from + 1);
            value[c] = (int16_t)CLAMP(rising + falling, INT16_MIN, INT16_MAX);
        }
    }
}

unsigned dub_pcm_ring_write(struct dub_pcm_ring *ring, int64_t position, const int16_t *samples,
                            unsigned n_samples)
{
    unsigned late = 0;
    if (position < ring->begin) {
        late = (unsigned)MIN(ring->begin - position, (int64_t)n_samples);
        samples += late * DUB_CHANNELS;
        n_samples -= late;
        position += late;
    }
    if (n_samples == 0)
        return late;

    if (position > ring->end)
        fill_hole(ring, position);
    copy_in(ring, position, samples, n_samples);
    fade_in(ring, position, n_samples);
    ring->end = position + n_samples;
    ring->empty = false;
    return late;
}

void dub_pcm_ring_gap(struct dub_pcm_ring *ring, int64_t position, unsigned n_samples)
{
    int64_t end = position + n_samples;
    if (end <= ring->end)
        return;
    fill_hole(ring, end);
    ring->rise_from = end;
    ring->end = end;
    ring->empty = false;
}

static void copy_out(const struct dub_pcm_ring *ring, int64_t position, int16_t *samples, unsigned n_samples)
{
    unsigned at = (unsigned)(position % ring->capacity_samples);
    unsigned first = MIN(n_samples, ring->capacity_samples - at);
    memcpy(samples, slot(ring, position), first * DUB_CHANNELS * sizeof(int16_t));
    memcpy(samples + first * DUB_CHANNELS, ring->samples,
           (n_samples - first) * DUB_CHANNELS * sizeof(int16_t));
}

void dub_pcm_ring_read(const struct dub_pcm_ring *ring, int64_t position, int16_t *samples,
                       unsigned n_samples)
{
    int64_t from = CLAMP(ring->begin, position, position + n_samples);
    int64_t to = CLAMP(ring->end, from, position + n_samples);
    memset(samples, 0, (gsize)(from - position) * DUB_CHANNELS * sizeof(int16_t));
    copy_out(ring, from, samples + (from - position) * DUB_CHANNELS, (unsigned)(to - from));

    int16_t last[DUB_CHANNELS];
    last_sample(ring, last);
    for (int64_t i = to - position; i < n_samples; i++) {
        for (unsigned c = 0; c < DUB_CHANNELS; c++)
            samples[i * DUB_CHANNELS + c] = edge_value(last[c], position + i - ring->end + 1);
    }
}

void dub_pcm_ring_read_mono(const struct dub_pcm_ring *ring, int64_t position, int16_t *samples,
                            unsigned n_samples)
{
    int16_t stereo[DUB_BLOCK_SAMPLES * DUB_CHANNELS];
    for (unsigned done = 0; done < n_samples; done += DUB_BLOCK_SAMPLES) {
        unsigned n = MIN(n_samples - done, DUB_BLOCK_SAMPLES);
        dub_pcm_ring_read(ring, position + done, stereo, n);
        for (unsigned i = 0; i < n; i++)
            samples[done + i] = (int16_t)((stereo[2 * i] + stereo[2 * i + 1]) / 2);
    }
}

void dub_pcm_ring_release(struct dub_pcm_ring *ring, int64_t position)
{
    ring->begin = MAX(ring->begin, position);
}
