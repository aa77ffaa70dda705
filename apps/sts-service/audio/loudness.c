/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loudness.h"

#include <math.h>
#include <stdlib.h>

#define BLOCK_MS 20
#define SPEECH_BELOW_LOUDEST_DB 30.0
#define SPAN_BELOW_LOUDEST_DB 40.0
#define GATE_DBFS (-50.0)
#define GATE_MIN_SPEECH_MS 60

static const double full_scale = 32768.0;

static double power_to_dbfs(double power)
{
    if (power <= 0.0)
        return LOUDNESS_SILENCE_DBFS;
    return fmax(10.0 * log10(power), LOUDNESS_SILENCE_DBFS);
}

static double block_power(const int16_t *samples, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        double value = samples[i] / full_scale;
        sum += value * value;
    }
    return sum / (double)count;
}

static size_t block_samples(const struct pcm *pcm)
{
    return MAX((size_t)(pcm->rate_hz * BLOCK_MS / 1000), 1);
}

/* Power of each block; the last one may be short. */
static GArray *block_powers(const struct pcm *pcm)
{
    size_t block = block_samples(pcm);
    GArray *powers = g_array_new(FALSE, FALSE, sizeof(double));
    for (size_t at = 0; at < pcm->count; at += block) {
        double power = block_power(pcm->samples + at, MIN(block, pcm->count - at));
        g_array_append_val(powers, power);
    }
    return powers;
}

static double peak_dbfs(const struct pcm *pcm)
{
    int peak = 0;
    for (size_t i = 0; i < pcm->count; i++)
        peak = MAX(peak, abs(pcm->samples[i]));
    return power_to_dbfs((peak / full_scale) * (peak / full_scale));
}

static double mean_power_above(const double *powers, guint count, double threshold)
{
    double sum = 0.0;
    guint used = 0;
    for (guint i = 0; i < count; i++) {
        if (powers[i] < threshold)
            continue;
        sum += powers[i];
        used++;
    }
    return used > 0 ? sum / used : 0.0;
}

static double loudest_of(const double *powers, guint count)
{
    double loudest = 0.0;
    for (guint i = 0; i < count; i++)
        loudest = fmax(loudest, powers[i]);
    return loudest;
}

struct loudness loudness_measure(const struct pcm *pcm, double gate_dbfs)
{
    struct loudness result = {LOUDNESS_SILENCE_DBFS, LOUDNESS_SILENCE_DBFS, LOUDNESS_SILENCE_DBFS, 0};
    if (pcm->count == 0)
        return result;
    g_autoptr(GArray) powers = block_powers(pcm);
    const double *power = (const double *)(void *)powers->data;
    for (guint i = 0; i < powers->len; i++)
        if (power_to_dbfs(power[i]) > gate_dbfs)
            result.speech_ms += BLOCK_MS;
    double threshold = loudest_of(power, powers->len) * pow(10.0, -SPEECH_BELOW_LOUDEST_DB / 10.0);
    result.rms_dbfs = power_to_dbfs(block_power(pcm->samples, pcm->count));
    result.speech_dbfs = power_to_dbfs(mean_power_above(power, powers->len, threshold));
    result.peak_dbfs = peak_dbfs(pcm);
    return result;
}

bool loudness_may_be_speech(const struct pcm *pcm)
{
    return loudness_measure(pcm, GATE_DBFS).speech_ms >= GATE_MIN_SPEECH_MS;
}

struct loudness_span loudness_find_speech(const struct pcm *pcm, int64_t margin_ms)
{
    g_autoptr(GArray) powers = block_powers(pcm);
    const double *power = (const double *)(void *)powers->data;
    double loudest = loudest_of(power, powers->len);
    double threshold = loudest * pow(10.0, -SPAN_BELOW_LOUDEST_DB / 10.0);
    if (loudest <= 0.0)
        return (struct loudness_span){0};
    guint first = 0;
    guint last = powers->len - 1;
    while (power[first] < threshold)
        first++;
    while (power[last] < threshold)
        last--;
    size_t margin = (size_t)(margin_ms * pcm->rate_hz / 1000);
    size_t start = first * block_samples(pcm);
    size_t end = MIN((last + 1) * block_samples(pcm) + margin, pcm->count);
    start -= MIN(start, margin);
    return (struct loudness_span){.first = start, .count = end - start};
}

double loudness_normalise(struct pcm *pcm, double target_dbfs, double max_gain_db)
{
    struct loudness now = loudness_measure(pcm, GATE_DBFS);
    if (now.speech_dbfs <= LOUDNESS_SILENCE_DBFS)
        return 0.0;
    double gain_db = CLAMP(target_dbfs - now.speech_dbfs, -max_gain_db, max_gain_db);
    gain_db = fmin(gain_db, LOUDNESS_PEAK_DBFS - now.peak_dbfs);
    double gain = pow(10.0, gain_db / 20.0);
    for (size_t i = 0; i < pcm->count; i++)
        pcm->samples[i] = (int16_t)CLAMP(lrint(pcm->samples[i] * gain), INT16_MIN, INT16_MAX);
    return gain_db;
}
