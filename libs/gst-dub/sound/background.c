/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "background.h"

#include "samples.h"
#include <math.h>
#include <string.h>

#define FRAME DUB_BACKGROUND_FRAME_SAMPLES
#define HOP DUB_BACKGROUND_HOP_SAMPLES
#define BINS DUB_BACKGROUND_BINS
/* Below and above, a voice has nothing that one would hear; bass and cymbals stay whole. */
#define BAND_LOW_HZ 80.0
#define BAND_HIGH_HZ 12000.0
#define BAND_EDGE_OCTAVES 0.3
/* Of the powers from one spectrum to the next: decorrelated sides must average out, syllables must not. */
#define SMOOTHING 0.6f
#define TINY 1e-12f

/* 1 inside the band, 0 outside, half a cosine over the edges. */
static float band_gain(double hz)
{
    double below = log2(fmax(hz, 1) / BAND_LOW_HZ) / BAND_EDGE_OCTAVES;
    double above = log2(BAND_HIGH_HZ / fmax(hz, 1)) / BAND_EDGE_OCTAVES;
    double inside = CLAMP(fmin(below, above), 0, 1);
    return (float)(0.5 - 0.5 * cos(M_PI * inside));
}

void dub_background_init(struct dub_background *background, dub_background_reader read, void *user)
{
    background->read = read;
    background->user = user;
    background->forward = gst_fft_f32_new(FRAME, FALSE);
    background->inverse = gst_fft_f32_new(FRAME, TRUE);
    for (int i = 0; i < FRAME; i++)
        background->window[i] = (float)sin(M_PI * (i + 0.5) / FRAME);
    for (int i = 0; i < BINS; i++)
        background->band[i] = band_gain((double)i * DUB_RATE_HZ / FRAME);
    dub_background_reset(background);
}

void dub_background_clear(struct dub_background *background)
{
    g_clear_pointer(&background->forward, gst_fft_f32_free);
    g_clear_pointer(&background->inverse, gst_fft_f32_free);
}

void dub_background_reset(struct dub_background *background)
{
    background->running = false;
}

/* Sum and difference of the channels of one frame, as spectra. */
static void analyse(struct dub_background *background, GstFFTF32Complex *sum, GstFFTF32Complex *difference)
{
    int16_t samples[FRAME * DUB_CHANNELS];
    float both[FRAME];
    float apart[FRAME];
    background->read(background->user, background->at, samples, FRAME);
    for (int i = 0; i < FRAME; i++) {
        float weight = background->window[i] / 65536;
        both[i] = (float)(samples[2 * i] + samples[2 * i + 1]) * weight;
        apart[i] = (float)(samples[2 * i] - samples[2 * i + 1]) * weight;
    }
    gst_fft_f32_fft(background->forward, both, sum);
    gst_fft_f32_fft(background->forward, apart, difference);
}

static void smooth(float *power, const GstFFTF32Complex *value)
{
    *power = SMOOTHING * *power + (1 - SMOOTHING) * (value->r * value->r + value->i * value->i);
}

/* Leaves of the sum what both channels have in common. Sources at the sides give sum and difference the same
 * power; what the sum has beyond that is from the middle. */
static void keep_common(struct dub_background *background, GstFFTF32Complex *sum,
                        const GstFFTF32Complex *difference)
{
    for (int i = 0; i < BINS; i++) {
        float *with = &background->sum_power[i];
        float *without = &background->difference_power[i];
        smooth(with, &sum[i]);
        smooth(without, &difference[i]);
        float share = (*with - *without) / (*with + TINY);
        float gain = share > 0 ? background->band[i] * share : 0;
        sum[i].r *= gain;
        sum[i].i *= gain;
    }
}

/* Adds the frame at `at`. */
static void add_frame(struct dub_background *background)
{
    GstFFTF32Complex sum[BINS];
    GstFFTF32Complex difference[BINS];
    float common[FRAME];
    analyse(background, sum, difference);
    keep_common(background, sum, difference);
    gst_fft_f32_inverse_fft(background->inverse, sum, common);
    /* The squared windows of the frames that cover a sample add up to half their number. */
    const float scale = 2.0f * HOP / FRAME / FRAME;
    for (int i = 0; i < FRAME; i++)
        background->centre[i] += common[i] * background->window[i] * scale;
}

static void next_hop(struct dub_background *background)
{
    memmove(background->centre, background->centre + HOP, (FRAME - HOP) * sizeof(float));
    memset(background->centre + FRAME - HOP, 0, HOP * sizeof(float));
    background->at += HOP;
    add_frame(background);
}

/* All frames that reach into the hop of this position. */
static void begin_at(struct dub_background *background, int64_t position)
{
    memset(background->centre, 0, sizeof(background->centre));
    memset(background->sum_power, 0, sizeof(background->sum_power));
    memset(background->difference_power, 0, sizeof(background->difference_power));
    background->at = position / HOP * HOP - FRAME;
    while (background->at + HOP <= position)
        next_hop(background);
    background->running = true;
}

void dub_background_centre(struct dub_background *background, int64_t position, float *centre,
                           unsigned n_samples)
{
    bool follows = position >= background->at && position <= background->at + HOP;
    if (!background->running || !follows)
        begin_at(background, position);
    for (unsigned done = 0; done < n_samples;) {
        if (position + done >= background->at + HOP)
            next_hop(background);
        unsigned from = (unsigned)(position + done - background->at);
        unsigned n = MIN(n_samples - done, HOP - from);
        memcpy(centre + done, background->centre + from, n * sizeof(float));
        done += n;
    }
}
