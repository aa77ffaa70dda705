/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slew.h"

#include "samples.h"
#include <math.h>
#include <stdbool.h>

/* A short spline would do for speech; it takes 3 dB and more from what is above 12 kHz, for half of the
 * time, and that is heard in applause and cymbals as roughness. */
#define HALF_TAPS 16
#define TAPS (2 * HALF_TAPS)

/* The window (Hann) at whole samples, from which the angle's sum gives it anywhere between two. */
struct window {
    double cosine[TAPS];
    double sine[TAPS];
};

static void window_init(struct window *window)
{
    for (int i = 0; i < TAPS; i++) {
        window->cosine[i] = cos(M_PI * (i - (HALF_TAPS - 1)) / HALF_TAPS);
        window->sine[i] = sin(M_PI * (i - (HALF_TAPS - 1)) / HALF_TAPS);
    }
}

/* Of the samples around the point that lies t, 0 < t < 1, behind the one that weights[HALF_TAPS - 1] is for.
 */
static void weigh(const struct window *window, double t, float weights[TAPS])
{
    double cosine = cos(M_PI * t / HALF_TAPS);
    double sine = sin(M_PI * t / HALF_TAPS);
    double height = sin(M_PI * t) / M_PI;
    double exact[TAPS];
    double sum = 0;
    for (int i = 0; i < TAPS; i++) {
        int distance = i - (HALF_TAPS - 1);
        double sinc = (distance % 2 == 0 ? -height : height) / (distance - t);
        exact[i] = sinc * (0.5 + 0.5 * (window->cosine[i] * cosine + window->sine[i] * sine));
        sum += exact[i];
    }
    for (int i = 0; i < TAPS; i++)
        weights[i] = (float)(exact[i] / sum);
}

static int16_t to_s16(float value)
{
    return (int16_t)CLAMP(lrintf(value), INT16_MIN, INT16_MAX);
}

/* Beyond an end its last sample goes on: near the ends the points lie almost on samples, and what is further
 * away weighs next to nothing. */
static void mix(const int16_t *in, unsigned n_in, unsigned at, const float weights[TAPS], int16_t *out)
{
    float sums[DUB_CHANNELS] = {0};
    for (int i = 0; i < TAPS; i++) {
        int64_t from = CLAMP((int64_t)at + i - (HALF_TAPS - 1), 0, (int64_t)n_in - 1);
        for (unsigned c = 0; c < DUB_CHANNELS; c++)
            sums[c] += weights[i] * in[from * DUB_CHANNELS + c];
    }
    for (unsigned c = 0; c < DUB_CHANNELS; c++)
        out[c] = to_s16(sums[c]);
}

void dub_slew(const int16_t *in, unsigned n_in, int16_t *out, unsigned n_out)
{
    struct window window;
    float weights[TAPS];
    window_init(&window);
    for (unsigned i = 0; i < n_out; i++, out += DUB_CHANNELS) {
        uint64_t scaled = (uint64_t)i * n_in;
        unsigned at = (unsigned)(scaled / n_out);
        bool is_between = scaled % n_out != 0;
        for (unsigned c = 0; c < DUB_CHANNELS && !is_between; c++)
            out[c] = in[at * DUB_CHANNELS + c];
        if (!is_between)
            continue;
        weigh(&window, (double)(scaled % n_out) / n_out, weights);
        mix(in, n_in, at, weights, out);
    }
}
