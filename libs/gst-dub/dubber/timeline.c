/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timeline.h"

#include "sound/samples.h"
#include <math.h>

/* Below one AAC frame at 48 kHz (1024 samples), above the jitter of millisecond time stamps. */
#define JITTER_SAMPLES DUB_MS_TO_SAMPLES(18)
/* With the source's own word for it, a smaller step is believed. */
#define DISCONT_SAMPLES DUB_MS_TO_SAMPLES(2)
/* 8 ms: sound that is off by more for good (jitter averages out) would be further than 10 ms from its picture
 * for all the time that a slew takes. */
#define LASTING_SAMPLES 384.0
/* Slewing starts at 1 ms of drift and goes on until nearly none is left. */
#define SLEW_START_SAMPLES 48.0
#define SLEW_STOP_SAMPLES 4.0
/* 0.5 ms per second. */
#define SLEW_RATE 0.0005
#define DRIFT_TIME_CONSTANT_SAMPLES (1.0 * DUB_RATE_HZ)

void dub_timeline_init(struct dub_timeline *timeline)
{
    *timeline = (struct dub_timeline){0};
}

int64_t dub_timeline_position(const struct dub_timeline *timeline, int64_t pts_ns)
{
    return dub_ns_to_samples(pts_ns - timeline->origin_ns);
}

int64_t dub_timeline_time_ns(const struct dub_timeline *timeline, int64_t position)
{
    return timeline->origin_ns + dub_samples_to_ns(position);
}

static void forget_drift(struct dub_timeline *timeline)
{
    timeline->drift_samples = 0;
    timeline->slew_allowance = 0;
    timeline->slewing = false;
}

static void watch_drift(struct dub_timeline *timeline, int64_t error, unsigned n_samples)
{
    double weight = n_samples / (DRIFT_TIME_CONSTANT_SAMPLES + n_samples);
    timeline->drift_samples += ((double)error - timeline->drift_samples) * weight;
}

/* How many samples to add now, so that the drift shrinks no faster than allowed. */
static int slew(struct dub_timeline *timeline, unsigned n_samples)
{
    double earned = n_samples * SLEW_RATE;
    timeline->slew_allowance = fmin(timeline->slew_allowance + earned, fmax(1.0, earned));

    double size = fabs(timeline->drift_samples);
    if (size >= SLEW_START_SAMPLES)
        timeline->slewing = true;
    else if (size < SLEW_STOP_SAMPLES)
        timeline->slewing = false;
    if (!timeline->slewing)
        return 0;

    int step = (int)fmin(floor(timeline->slew_allowance), floor(size));
    timeline->slew_allowance -= step;
    if (timeline->drift_samples < 0)
        step = -step;
    timeline->drift_samples -= step;
    timeline->slewed_samples += step;
    return step;
}

static struct dub_timeline_step jump(struct dub_timeline *timeline, int64_t error, unsigned n_samples)
{
    forget_drift(timeline);
    struct dub_timeline_step step = {.position = timeline->next};
    if (error > 0) {
        step.position += error;
        timeline->silence_samples += (uint64_t)error;
    } else {
        step.skip_samples = -error < (int64_t)n_samples ? (unsigned)-error : n_samples;
        timeline->trimmed_samples += step.skip_samples;
    }
    timeline->next = step.position + n_samples - step.skip_samples;
    return step;
}

struct dub_timeline_step dub_timeline_place(struct dub_timeline *timeline, int64_t pts_ns, unsigned n_samples,
                                            bool discontinuity)
{
    if (!timeline->started) {
        timeline->started = true;
        timeline->origin_ns = pts_ns;
    }
    int64_t error = dub_timeline_position(timeline, pts_ns) - timeline->next;
    int64_t tolerance = discontinuity ? DISCONT_SAMPLES : JITTER_SAMPLES;
    if (error > tolerance || error < -tolerance)
        return jump(timeline, error, n_samples);
    watch_drift(timeline, error, n_samples);
    if (fabs(timeline->drift_samples) > LASTING_SAMPLES && (error > 0) == (timeline->drift_samples > 0))
        return jump(timeline, error, n_samples);

    struct dub_timeline_step step = {.position = timeline->next};
    step.stretch_samples = slew(timeline, n_samples);
    timeline->next += (int64_t)n_samples + step.stretch_samples;
    return step;
}
