/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loudness.h"

#include "biquad.h"
#include <glib.h>
#include <math.h>
#include <string.h>

/* Blocks of 400 ms, a new one every 100 ms. */
#define STEPS_PER_S 10
#define STEPS_PER_BLOCK 4
#define RELATIVE_GATE_LU (-10.0)
#define K_OFFSET (-0.691)

static double lufs_of(double power)
{
    return power > 0 ? K_OFFSET + 10 * log10(power) : -INFINITY;
}

/* Mean power of each step of 100 ms; the last one may be shorter. */
static GArray *step_powers(const float *samples, unsigned n_samples, unsigned rate_hz)
{
    g_autofree float *weighted = g_memdup2(samples, n_samples * sizeof(float));
    struct dub_biquad shelf = dub_biquad_k_shelf(rate_hz);
    struct dub_biquad highpass = dub_biquad_k_highpass(rate_hz);
    dub_biquad_run(&shelf, weighted, n_samples);
    dub_biquad_run(&highpass, weighted, n_samples);

    GArray *powers = g_array_new(FALSE, FALSE, sizeof(double));
    unsigned step = MAX(rate_hz / STEPS_PER_S, 1);
    for (unsigned at = 0; at < n_samples; at += step) {
        unsigned n = MIN(step, n_samples - at);
        double power = 0;
        for (unsigned i = 0; i < n; i++)
            power += (double)weighted[at + i] * (double)weighted[at + i];
        power /= n;
        g_array_append_val(powers, power);
    }
    return powers;
}

static GArray *block_powers(const GArray *steps)
{
    GArray *blocks = g_array_new(FALSE, FALSE, sizeof(double));
    guint length = MIN(STEPS_PER_BLOCK, steps->len);
    for (guint at = 0; at + length <= steps->len; at++) {
        double power = 0;
        for (guint i = 0; i < length; i++)
            power += g_array_index(steps, double, at + i) / length;
        g_array_append_val(blocks, power);
    }
    return blocks;
}

/* Mean power of the blocks above the gate; 0 when there are none. */
static double gated_power(const GArray *blocks, double gate_lufs)
{
    double sum = 0;
    guint n = 0;
    for (guint i = 0; i < blocks->len; i++) {
        double power = g_array_index(blocks, double, i);
        if (lufs_of(power) <= gate_lufs)
            continue;
        sum += power;
        n++;
    }
    return n > 0 ? sum / n : 0;
}

double dub_loudness_lufs(const float *samples, unsigned n_samples, unsigned rate_hz)
{
    if (n_samples == 0)
        return -INFINITY;
    g_autoptr(GArray) steps = step_powers(samples, n_samples, rate_hz);
    g_autoptr(GArray) blocks = block_powers(steps);
    double ungated = gated_power(blocks, DUB_LOUDNESS_GATE_LUFS);
    if (ungated <= 0)
        return -INFINITY;
    return lufs_of(gated_power(blocks, MAX(DUB_LOUDNESS_GATE_LUFS, lufs_of(ungated) + RELATIVE_GATE_LU)));
}

float dub_loudness_match(double dub_lufs, double source_lufs)
{
    if (!isfinite(dub_lufs) || !isfinite(source_lufs))
        return 1;
    double gain_db = CLAMP(source_lufs - dub_lufs, -DUB_LOUDNESS_MAX_GAIN_DB, DUB_LOUDNESS_MAX_GAIN_DB);
    return (float)pow(10, gain_db / 20);
}
