/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vad.h"

#include <math.h>
#include <string.h>

/* Levels run from -100 to -1 dBFS. */
#define LOWEST_DB (-100.0f)
/* Softer is not speech in any programme. */
#define GATE_DB (-52.0f)
#define FLOOR_PERCENT 25
#define SPEECH_PERCENT 90
/* How far between floor and speech the threshold lies, and its bounds over the floor. */
#define MARGIN_PART 0.45f
#define MIN_MARGIN_DB 6.0f
#define MAX_MARGIN_DB 20.0f
/* Change of the spectrum's shape: where a voice usually is, and how many dB of level one dB of it is worth.
 */
#define USUAL_CHANGE_DB 2.0f
#define CHANGE_WEIGHT 4.5f
#define MAX_CHANGE_BONUS_DB 9.0f
#define CHANGE_SMOOTHING 0.15f
/* Evidence of a voice in one hop grows from nothing to full between these. */
#define NO_EVIDENCE_DB 0.8f
#define FULL_EVIDENCE_DB 2.2f
#define ONSET_HOPS 3
/* For this long after speech, less is enough: sentences end softly. */
#define RECENT_HOPS 30
#define WITHIN_SPEECH_DB 3.0f
#define HANGOVER_HOPS 2
/* 67 to 400 Hz at 4 kHz. */
#define PITCH_MIN_LAG 10
#define PITCH_MAX_LAG 60
#define PITCH_CORRELATION 0.55f

static const double band_hz[DUB_VAD_BANDS] = {250, 420, 650, 950, 1400, 2100, 3200, 5000};
#define BAND_Q 2.5

static void init_decimator(struct dub_vad *vad)
{
    const double cutoff = 6800.0 / DUB_RATE_HZ;
    double sum = 0;
    double taps[DUB_VAD_DECIMATE_TAPS];
    for (int i = 0; i < DUB_VAD_DECIMATE_TAPS; i++) {
        double x = i - (DUB_VAD_DECIMATE_TAPS - 1) / 2.0;
        double window = 0.54 + 0.46 * cos(2 * M_PI * x / DUB_VAD_DECIMATE_TAPS);
        taps[i] = sin(2 * M_PI * cutoff * x) / (M_PI * x) * window;
        sum += taps[i];
    }
    for (int i = 0; i < DUB_VAD_DECIMATE_TAPS; i++)
        vad->decimate_taps[i] = (float)(taps[i] / sum);
}

/* Band-pass with 0 dB at its centre, from the same cookbook as biquad.c; b1 = 0 and b2 = -b0. */
static void init_bands(struct dub_vad_bands *bands)
{
    for (int i = 0; i < DUB_VAD_BANDS; i++) {
        double w = 2 * M_PI * band_hz[i] / DUB_VAD_RATE_HZ;
        double alpha = sin(w) / (2 * BAND_Q);
        bands->b0[i] = (float)(alpha / (1 + alpha));
        bands->a1[i] = (float)(-2 * cos(w) / (1 + alpha));
        bands->a2[i] = (float)((1 - alpha) / (1 + alpha));
    }
}

void dub_vad_init(struct dub_vad *vad)
{
    memset(vad, 0, sizeof(*vad));
    init_decimator(vad);
    init_bands(&vad->bands);
}

static void decimate(struct dub_vad *vad, const int16_t *samples, float out[DUB_VAD_HOP_SAMPLES])
{
    float *history = vad->decimate_history;
    memmove(history, history + DUB_BLOCK_SAMPLES, DUB_VAD_DECIMATE_TAPS * sizeof(float));
    for (unsigned i = 0; i < DUB_BLOCK_SAMPLES; i++)
        history[DUB_VAD_DECIMATE_TAPS + i] = (float)(samples[2 * i] + samples[2 * i + 1]) * (1.0f / 65536);
    for (unsigned i = 0; i < DUB_VAD_HOP_SAMPLES; i++) {
        float sum = 0;
        for (unsigned tap = 0; tap < DUB_VAD_DECIMATE_TAPS; tap++)
            sum += vad->decimate_taps[tap] * history[3 * i + 3 + tap];
        out[i] = sum;
    }
}

/* Mean power of each band in this hop. */
static void run_bands(struct dub_vad_bands *bands, const float in[DUB_VAD_HOP_SAMPLES],
                      float powers[DUB_VAD_BANDS])
{
    struct dub_vad_bands f = *bands;
    float sums[DUB_VAD_BANDS] = {0};
    for (unsigned i = 0; i < DUB_VAD_HOP_SAMPLES; i++) {
        /* Far below the softest sound: keeps the filters' tails from slow denormal numbers. */
        float x = in[i] + 1e-9f;
        for (unsigned b = 0; b < DUB_VAD_BANDS; b++) {
            float out = f.b0[b] * x + f.z1[b];
            f.z1[b] = f.z2[b] - f.a1[b] * out;
            f.z2[b] = -f.b0[b] * x - f.a2[b] * out;
            sums[b] += out * out;
        }
    }
    memcpy(bands->z1, f.z1, sizeof(f.z1));
    memcpy(bands->z2, f.z2, sizeof(f.z2));
    for (unsigned b = 0; b < DUB_VAD_BANDS; b++)
        powers[b] = sums[b] / (float)DUB_VAD_HOP_SAMPLES;
}

static float to_db(float power)
{
    return fmaxf(LOWEST_DB, 10 * log10f(power + 1e-12f));
}

/* How differently the bands have moved since DUB_VAD_CHANGE_HOPS ago: the standard deviation of their
 * changes. */
static float shape_change(struct dub_vad *vad, const float powers[DUB_VAD_BANDS])
{
    unsigned n_shapes = DUB_VAD_CHANGE_HOPS + 1;
    float *shape = vad->shapes[vad->hop % n_shapes];
    const float *before = vad->shapes[(vad->hop + 1) % n_shapes];
    float sum = 0;
    float squares = 0;
    for (unsigned b = 0; b < DUB_VAD_BANDS; b++) {
        /* Over 20 ms, to be calmer. Bands without sound say nothing. */
        shape[b] = fmaxf(to_db((powers[b] + vad->last_powers[b]) / 2), -75);
        float moved = shape[b] - before[b];
        sum += moved;
        squares += moved * moved;
    }
    memcpy(vad->last_powers, powers, sizeof(vad->last_powers));
    vad->hop++;
    float mean = sum / DUB_VAD_BANDS;
    return sqrtf(fmaxf(squares / DUB_VAD_BANDS - mean * mean, 0));
}

static void remember_level(struct dub_vad *vad, float db)
{
    unsigned level = (unsigned)CLAMP((int)(db - LOWEST_DB), 0, DUB_VAD_LEVELS - 1);
    if (vad->n_levels == DUB_VAD_MEMORY_HOPS)
        vad->histogram[vad->levels[vad->at]]--;
    else
        vad->n_levels++;
    vad->levels[vad->at] = (uint8_t)level;
    vad->histogram[level]++;
    vad->at = (vad->at + 1) % DUB_VAD_MEMORY_HOPS;
}

static float percentile_db(const struct dub_vad *vad, unsigned percent)
{
    unsigned wanted = vad->n_levels * percent / 100;
    unsigned seen = 0;
    unsigned level = 0;
    for (; level < DUB_VAD_LEVELS - 1; level++) {
        seen += vad->histogram[level];
        if (seen > wanted)
            break;
    }
    return LOWEST_DB + (float)level;
}

/* Level and change help each other: a soft consonant changes much, a long vowel is loud. */
static bool stands_out(const struct dub_vad *vad, float db)
{
    float floor_db = fmaxf(percentile_db(vad, FLOOR_PERCENT), GATE_DB - MIN_MARGIN_DB);
    float speech_db = percentile_db(vad, SPEECH_PERCENT);
    float margin = CLAMP(MARGIN_PART * (speech_db - floor_db), MIN_MARGIN_DB, MAX_MARGIN_DB);
    float bonus = CHANGE_WEIGHT * (vad->change_db - USUAL_CHANGE_DB);
    if (vad->recent_hops > 0)
        margin -= WITHIN_SPEECH_DB;
    return db > GATE_DB && db + CLAMP(bonus, -MAX_CHANGE_BONUS_DB, MAX_CHANGE_BONUS_DB) > floor_db + margin;
}

/* Keeps the last 40 ms at 4 kHz, low-passed by averaging. */
static void collect_for_pitch(struct dub_vad *vad, const float in[DUB_VAD_HOP_SAMPLES])
{
    const unsigned n_new = DUB_VAD_HOP_SAMPLES / DUB_VAD_PITCH_DECIMATION;
    float *kept = vad->pitch_samples;
    memmove(kept, kept + n_new, (DUB_VAD_PITCH_SAMPLES - n_new) * sizeof(float));
    for (unsigned i = 0; i < n_new; i++) {
        const float *group = in + (gsize)i * DUB_VAD_PITCH_DECIMATION;
        float mean = (group[0] + group[1] + group[2] + group[3]) / DUB_VAD_PITCH_DECIMATION;
        vad->pitch_lowpass += 0.7f * (mean - vad->pitch_lowpass);
        kept[DUB_VAD_PITCH_SAMPLES - n_new + i] = vad->pitch_lowpass;
    }
}

/* Normalised correlation with itself, shifted. */
static float correlation(const float *samples, unsigned lag)
{
    float cross = 0;
    float power = 1e-9f;
    float power_lagged = 1e-9f;
    for (unsigned i = 0; i + lag < DUB_VAD_PITCH_SAMPLES; i++) {
        cross += samples[i] * samples[i + lag];
        power += samples[i] * samples[i];
        power_lagged += samples[i + lag] * samples[i + lag];
    }
    return cross / sqrtf(power * power_lagged);
}

/* A peak between the bounds: what is lower than any voice, like a bass drum, only rises towards the longest
 * lag. */
static bool has_pitch(const struct dub_vad *vad)
{
    float before = 1;
    float here = correlation(vad->pitch_samples, PITCH_MIN_LAG);
    for (unsigned lag = PITCH_MIN_LAG; lag < PITCH_MAX_LAG; lag++) {
        float after = correlation(vad->pitch_samples, lag + 1);
        if (here > PITCH_CORRELATION && here > before && here >= after)
            return true;
        before = here;
        here = after;
    }
    return false;
}

/* Single hops do not make speech, nor do single ones missing end it. */
static bool hold(struct dub_vad *vad, bool active)
{
    vad->active_hops = active ? vad->active_hops + 1 : 0;
    if (vad->active_hops >= ONSET_HOPS) {
        vad->hangover_hops = HANGOVER_HOPS + 1;
        vad->recent_hops = RECENT_HOPS;
    } else {
        vad->hangover_hops -= vad->hangover_hops > 0;
        vad->recent_hops -= vad->recent_hops > 0;
    }
    return vad->hangover_hops > 0;
}

void dub_vad_hop(struct dub_vad *vad, const int16_t *samples, struct dub_fragmenter_hop *hop)
{
    float narrow[DUB_VAD_HOP_SAMPLES];
    float powers[DUB_VAD_BANDS];
    decimate(vad, samples, narrow);
    collect_for_pitch(vad, narrow);
    run_bands(&vad->bands, narrow, powers);
    float change = shape_change(vad, powers);
    vad->change_db += CHANGE_SMOOTHING * (change - vad->change_db);

    float voice_power = 0;
    for (unsigned b = 0; b < DUB_VAD_BANDS - 1; b++)
        voice_power += powers[b];
    float db = to_db(voice_power);
    remember_level(vad, db);

    bool active = stands_out(vad, db);
    hop->speech = hold(vad, active);
    hop->level_db = db;
    hop->speech_likeness = CLAMP((change - NO_EVIDENCE_DB) / (FULL_EVIDENCE_DB - NO_EVIDENCE_DB), 0.0f, 1.0f);
    hop->pitch = active && has_pitch(vad);
}
