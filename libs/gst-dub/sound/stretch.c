/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stretch.h"

#include "samples.h"
#include <math.h>
#include <rubberband/rubberband-c.h>
#include <stdbool.h>

#define PIECE_SAMPLES 4096

/* Behind the `count` samples that are there; never more than `capacity`. Returns the new count. */
static unsigned take_ready(RubberBandState stretcher, float *result, unsigned count, unsigned capacity)
{
    int ready;
    while ((ready = rubberband_available(stretcher)) > 0 && count < capacity) {
        float *planes[] = {result + count};
        count += rubberband_retrieve(stretcher, planes, MIN((unsigned)ready, capacity - count));
    }
    return count;
}

static bool is_cancelled(const gint *cancelled)
{
    return cancelled != NULL && g_atomic_int_get(cancelled) != 0;
}

static void study(RubberBandState stretcher, const float *samples, unsigned n_samples, const gint *cancelled)
{
    for (unsigned at = 0; at < n_samples && !is_cancelled(cancelled); at += PIECE_SAMPLES) {
        const float *piece = samples + at;
        unsigned n = MIN(PIECE_SAMPLES, n_samples - at);
        rubberband_study(stretcher, &piece, n, at + n == n_samples);
    }
}

static void process(RubberBandState stretcher, const float *samples, unsigned n_samples,
                    const gint *cancelled, float *result, unsigned n_result)
{
    unsigned count = 0;
    for (unsigned at = 0; at < n_samples && !is_cancelled(cancelled); at += PIECE_SAMPLES) {
        const float *piece = samples + at;
        unsigned n = MIN(PIECE_SAMPLES, n_samples - at);
        rubberband_process(stretcher, &piece, n, at + n == n_samples);
        count = take_ready(stretcher, result, count, n_result);
    }
}

float *dub_stretch(const float *samples, unsigned n_samples, double speed, const gint *cancelled,
                   unsigned *n_result)
{
    *n_result = (unsigned)lrint(n_samples / speed);
    /* Zeroed: should a few samples less come out, the end is silence. */
    float *result = g_new0(float, *n_result);
    RubberBandState stretcher = rubberband_new(
        DUB_RATE_HZ, 1, RubberBandOptionProcessOffline | RubberBandOptionThreadingNever, 1 / speed, 1.0);
    rubberband_set_expected_input_duration(stretcher, n_samples);
    rubberband_set_max_process_size(stretcher, PIECE_SAMPLES);
    study(stretcher, samples, n_samples, cancelled);
    process(stretcher, samples, n_samples, cancelled, result, *n_result);
    rubberband_delete(stretcher);
    if (is_cancelled(cancelled))
        g_clear_pointer(&result, g_free);
    return result;
}
