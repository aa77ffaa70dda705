/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stretch.h"

#include <math.h>
#include <rubberband/rubberband-c.h>

#define BLOCK_SAMPLES 4096
#define MIN_SPEED 0.5
#define MAX_SPEED 2.0

static float *to_float(const struct pcm *in)
{
    float *samples = g_new(float, in->count);
    for (size_t i = 0; i < in->count; i++)
        samples[i] = (float)in->samples[i] / 32768.0f;
    return samples;
}

/* What the stretcher has ready goes behind what is there. Returns the new count, at most capacity. */
static size_t drain(RubberBandState stretcher, int16_t *samples, size_t count, size_t capacity)
{
    float block[BLOCK_SAMPLES] = {0};
    int available;
    while ((available = rubberband_available(stretcher)) > 0) {
        float *planes[1] = {block};
        unsigned got = rubberband_retrieve(stretcher, planes, MIN((unsigned)available, BLOCK_SAMPLES));
        for (unsigned i = 0; i < got && count < capacity; i++)
            samples[count++] = (int16_t)CLAMP(lrintf(block[i] * 32768.0f), INT16_MIN, INT16_MAX);
    }
    return count;
}

static void run(RubberBandState stretcher, const float *input, size_t in_count, int16_t *samples,
                size_t capacity)
{
    const float *whole[1] = {input};
    rubberband_set_expected_input_duration(stretcher, (unsigned)in_count);
    rubberband_set_max_process_size(stretcher, BLOCK_SAMPLES);
    rubberband_study(stretcher, whole, (unsigned)in_count, 1);
    size_t count = 0;
    for (size_t at = 0; at < in_count; at += BLOCK_SAMPLES) {
        const float *planes[1] = {input + at};
        size_t size = MIN((size_t)BLOCK_SAMPLES, in_count - at);
        rubberband_process(stretcher, planes, (unsigned)size, at + size == in_count);
        count = drain(stretcher, samples, count, capacity);
    }
    drain(stretcher, samples, count, capacity);
}

bool pcm_stretch(const struct pcm *in, double speed, struct pcm *out, struct dub_error *error)
{
    if (!(speed >= MIN_SPEED && speed <= MAX_SPEED))
        return dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT, "stretch speed %g is outside %g..%g", speed,
                             MIN_SPEED, MAX_SPEED);
    if (in->count == 0 || fabs(speed - 1.0) < 1e-6) {
        *out = pcm_copy(in);
        return true;
    }
    size_t count = (size_t)llrint((double)in->count / speed);
    RubberBandState stretcher =
        rubberband_new((unsigned)in->rate_hz, 1,
                       RubberBandOptionProcessOffline | RubberBandOptionThreadingNever, 1.0 / speed, 1.0);
    g_autofree float *input = to_float(in);
    /* Zeroed: should the stretcher deliver a few samples less, the rest is silence. */
    int16_t *samples = g_new0(int16_t, count);
    run(stretcher, input, in->count, samples, count);
    rubberband_delete(stretcher);
    *out = (struct pcm){.samples = samples, .count = count, .rate_hz = in->rate_hz};
    return true;
}
