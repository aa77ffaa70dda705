/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vad.h"

#include <math.h>
#include <string.h>

/* Levels run from -100 to -1 dBFS. */
#define LOWEST_DB (-100.0f)
/* In one band; softer is not heard in any programme. */
#define GATE_DB (-66.0f)
#define FLOOR_PERCENT 25
#define MAX_ABOVE_DB 30.0f
/* In 10 ms; more is a stroke. */
#define USUAL_RISE_DB 4.0f
/* Of each new hop in the smoothed signs. */
#define EXCESS_SMOOTHING 0.4f
#define CHANGE_SMOOTHING 0.08f
#define PITCH_SMOOTHING 0.1f
#define ABRUPTNESS_SMOOTHING 0.04f
/* A hop is active when its score is over the threshold and it stands out by itself: at least so much, and by
 * this part of the loudest moment of the last seconds, so that soft music in a pause is no speech. */
#define SCORE_THRESHOLD 0.5f
#define MIN_EXCESS_DB 2.0f
#define MIN_EXCESS_PART 0.28f
#define LOUDEST_DECAY 0.003f
#define ONSET_HOPS 3
/* For this long after speech, less is enough: sentences end softly. */
#define RECENT_HOPS 30
#define WITHIN_SPEECH 0.75f
#define HANGOVER_HOPS 2
/* A phrase begins anew after this pause. Its averages reach over this many hops of speech. */
#define PHRASE_PAUSE_HOPS 30
#define PHRASE_HOPS 50
/* Bands whose envelope tells the pitch: 650 to 2100 Hz. */
#define FIRST_ENVELOPE_BAND 2
#define LAST_ENVELOPE_BAND 5
/* 67 to 400 Hz at 4 kHz. */
#define PITCH_MIN_LAG 10
#define PITCH_LAGS 52
#define PITCH_PRODUCTS (DUB_VAD_ENVELOPE_SAMPLES - PITCH_MIN_LAG - PITCH_LAGS)

/* Weights and offset of the two logistic regressions. */
static const struct {
    float excess, change, pitch, abruptness, offset;
} hop_weights = {0.131f, 3.55f, 2.79f, -11.3f, -6.94f};
static const struct {
    float change, pitch, pitch_spread, excess_spread, abruptness, offset;
} phrase_weights = {5.16f, 6.55f, 14.8f, 4.99f, -340.0f, -15.8f};
/* A loud voice out of silence begins at once too: more than this is not held against a single hop. */
#define MAX_ABRUPTNESS_COST 1.5f

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
    for (unsigned i = 0; i <= DUB_VAD_CHANGE_HOPS; i++)
        for (unsigned b = 0; b < DUB_VAD_BANDS; b++)
            vad->levels[i][b] = GATE_DB;
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

/* Mean power of each band in this hop, and the envelope of the upper ones. */
static void run_bands(struct dub_vad_bands *bands, const float in[DUB_VAD_HOP_SAMPLES],
                      float powers[DUB_VAD_BANDS], float envelope[DUB_VAD_HOP_SAMPLES])
{
    struct dub_vad_bands f = *bands;
    float sums[DUB_VAD_BANDS] = {0};
    for (unsigned i = 0; i < DUB_VAD_HOP_SAMPLES; i++) {
        /* Far below the softest sound: keeps the filters' tails from slow denormal numbers. */
        float x = in[i] + 1e-9f;
        float out[DUB_VAD_BANDS];
        for (unsigned b = 0; b < DUB_VAD_BANDS; b++) {
            out[b] = f.b0[b] * x + f.z1[b];
            f.z1[b] = f.z2[b] - f.a1[b] * out[b];
            f.z2[b] = -f.b0[b] * x - f.a2[b] * out[b];
            sums[b] += out[b] * out[b];
        }
        envelope[i] = 0;
        for (unsigned b = FIRST_ENVELOPE_BAND; b <= LAST_ENVELOPE_BAND; b++)
            envelope[i] += fabsf(out[b]);
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

/* Keeps the last 40 ms at 4 kHz. */
static void keep_envelope(struct dub_vad *vad, const float envelope[DUB_VAD_HOP_SAMPLES])
{
    float *kept = vad->envelope;
    float *fresh = kept + DUB_VAD_ENVELOPE_SAMPLES - DUB_VAD_ENVELOPE_HOP;
    memmove(kept, kept + DUB_VAD_ENVELOPE_HOP,
            (DUB_VAD_ENVELOPE_SAMPLES - DUB_VAD_ENVELOPE_HOP) * sizeof(float));
    for (unsigned i = 0; i < DUB_VAD_ENVELOPE_HOP; i++) {
        const float *group = envelope + (gsize)i * DUB_VAD_ENVELOPE_DECIMATION;
        fresh[i] = (group[0] + group[1] + group[2] + group[3]) / DUB_VAD_ENVELOPE_DECIMATION;
    }
}

/* The highest peak of the normalised autocorrelation: what only rises towards a bound repeats at another
 * pace. */
static float highest_peak(const float samples[DUB_VAD_ENVELOPE_SAMPLES])
{
    float cross[PITCH_LAGS] = {0};
    float power = 1e-12f;
    float lagged = 1e-12f;
    for (unsigned i = 0; i < PITCH_PRODUCTS; i++) {
        const float *later = samples + i + PITCH_MIN_LAG;
        for (unsigned lag = 0; lag < PITCH_LAGS; lag++)
            cross[lag] += samples[i] * later[lag];
        power += samples[i] * samples[i];
        lagged += later[0] * later[0];
    }
    float best = 0;
    float before = 1;
    float here = 0;
    for (unsigned lag = 0; lag < PITCH_LAGS; lag++) {
        float after = cross[lag] / sqrtf(power * lagged);
        if (lag > 1 && here > before && here >= after)
            best = fmaxf(best, here);
        before = here;
        here = after;
        float gone = samples[lag + PITCH_MIN_LAG];
        float come = samples[lag + PITCH_MIN_LAG + PITCH_PRODUCTS];
        lagged = fmaxf(lagged + come * come - gone * gone, 1e-12f);
    }
    return fminf(best, 1);
}

static float find_pitch(const float envelope[DUB_VAD_ENVELOPE_SAMPLES])
{
    float centred[DUB_VAD_ENVELOPE_SAMPLES];
    float mean = 0;
    for (unsigned i = 0; i < DUB_VAD_ENVELOPE_SAMPLES; i++)
        mean += envelope[i] / DUB_VAD_ENVELOPE_SAMPLES;
    for (unsigned i = 0; i < DUB_VAD_ENVELOPE_SAMPLES; i++)
        centred[i] = envelope[i] - mean;
    return highest_peak(centred);
}

/* Takes the next level, at the place of the oldest. */
static float follow_floor(struct dub_vad_floor *floor, uint64_t hop, float db)
{
    const unsigned level = (unsigned)CLAMP((int)(db - LOWEST_DB), 0, DUB_VAD_LEVELS - 1);
    const unsigned wanted = (unsigned)MIN(hop + 1, DUB_VAD_MEMORY_HOPS) * FLOOR_PERCENT / 100;
    uint8_t *place = &floor->levels[hop % DUB_VAD_MEMORY_HOPS];
    if (hop >= DUB_VAD_MEMORY_HOPS) {
        floor->histogram[*place]--;
        floor->below -= *place < floor->level;
    }
    *place = (uint8_t)level;
    floor->histogram[level]++;
    floor->below += level < floor->level;
    while (floor->below > wanted)
        floor->below -= floor->histogram[--floor->level];
    while (floor->below + floor->histogram[floor->level] <= wanted)
        floor->below += floor->histogram[floor->level++];
    return LOWEST_DB + (float)floor->level;
}

/* Levels over 20 ms, to be calmer. */
static void set_levels(struct dub_vad *vad, const float powers[DUB_VAD_BANDS], float levels[DUB_VAD_BANDS],
                       float floors[DUB_VAD_BANDS])
{
    for (unsigned b = 0; b < DUB_VAD_BANDS; b++) {
        float db = to_db((powers[b] + vad->last_powers[b]) / 2);
        levels[b] = fmaxf(db, GATE_DB);
        floors[b] = fmaxf(follow_floor(&vad->floors[b], vad->hop, db), GATE_DB);
    }
    memcpy(vad->last_powers, powers, sizeof(vad->last_powers));
}

static void set_above(const float levels[DUB_VAD_BANDS], const float floors[DUB_VAD_BANDS],
                      float above[DUB_VAD_BANDS])
{
    for (unsigned b = 0; b < DUB_VAD_BANDS; b++)
        above[b] = CLAMP(levels[b] - floors[b], 0.0f, MAX_ABOVE_DB);
}

static float root_mean_square(const float values[DUB_VAD_BANDS])
{
    float squares = 0;
    for (unsigned b = 0; b < DUB_VAD_BANDS; b++)
        squares += values[b] * values[b];
    return sqrtf(squares / DUB_VAD_BANDS);
}

/* The standard deviation of the bands' moves. */
static float shape_change(const float before[DUB_VAD_BANDS], const float after[DUB_VAD_BANDS])
{
    float sum = 0;
    float squares = 0;
    for (unsigned b = 0; b < DUB_VAD_BANDS; b++) {
        float moved = after[b] - before[b];
        sum += moved;
        squares += moved * moved;
    }
    float mean = sum / DUB_VAD_BANDS;
    return sqrtf(fmaxf(squares / DUB_VAD_BANDS - mean * mean, 0));
}

static void approach(float *value, float target, float part)
{
    *value += part * (target - *value);
}

/* What was before is held against the floors of now: a background that is being got used to does not move by
 * itself. */
static void look(struct dub_vad *vad, const float powers[DUB_VAD_BANDS])
{
    const unsigned n_kept = DUB_VAD_CHANGE_HOPS + 1;
    float floors[DUB_VAD_BANDS];
    float above[DUB_VAD_BANDS];
    float above_last[DUB_VAD_BANDS];
    float above_before[DUB_VAD_BANDS];
    float *levels = vad->levels[vad->hop % n_kept];
    set_levels(vad, powers, levels, floors);
    set_above(levels, floors, above);
    set_above(vad->levels[(vad->hop + DUB_VAD_CHANGE_HOPS) % n_kept], floors, above_last);
    set_above(vad->levels[(vad->hop + 1) % n_kept], floors, above_before);
    struct dub_vad_signs *now = &vad->now;
    now->excess = root_mean_square(above);
    now->change = shape_change(above_before, above);
    now->pitch = find_pitch(vad->envelope);
    now->abruptness = fmaxf(now->excess - root_mean_square(above_last) - USUAL_RISE_DB, 0);
    vad->hop++;

    approach(&vad->recent.excess, now->excess, EXCESS_SMOOTHING);
    approach(&vad->recent.change, now->change, CHANGE_SMOOTHING);
    approach(&vad->recent.pitch, now->pitch, PITCH_SMOOTHING);
    approach(&vad->recent.abruptness, now->abruptness, ABRUPTNESS_SMOOTHING);
    vad->loudest = fmaxf(vad->recent.excess, vad->loudest * (1 - LOUDEST_DECAY));
}

static bool is_active(const struct dub_vad *vad)
{
    const struct dub_vad_signs *recent = &vad->recent;
    float score = hop_weights.excess * vad->now.excess + hop_weights.change * recent->change +
                  hop_weights.pitch * recent->pitch + hop_weights.offset +
                  fmaxf(hop_weights.abruptness * recent->abruptness, -MAX_ABRUPTNESS_COST);
    float threshold = SCORE_THRESHOLD - (vad->recent_hops > 0 ? WITHIN_SPEECH : 0);
    return score > threshold && vad->now.excess > fmaxf(MIN_EXCESS_DB, MIN_EXCESS_PART * vad->loudest);
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

/* Strokes lie before the first hop of speech: change and abruptness are taken smoothed, so that they reach
 * into it. */
static void follow_phrase(struct dub_vad_phrase *phrase, const struct dub_vad_signs *now,
                          const struct dub_vad_signs *recent)
{
    if (phrase->idle_hops >= PHRASE_PAUSE_HOPS)
        phrase->n_hops = 0;
    phrase->idle_hops = 0;
    phrase->n_hops++;
    const float part = 1 / (float)MIN(phrase->n_hops, PHRASE_HOPS);
    approach(&phrase->mean.excess, now->excess, part);
    approach(&phrase->mean.change, recent->change, part);
    approach(&phrase->mean.pitch, now->pitch, part);
    approach(&phrase->mean.abruptness, recent->abruptness, part);
    approach(&phrase->excess_square, now->excess * now->excess, part);
    approach(&phrase->pitch_square, now->pitch * now->pitch, part);
}

static float spread(float mean, float square)
{
    return sqrtf(fmaxf(square - mean * mean, 0));
}

static float likeness(const struct dub_vad_phrase *phrase)
{
    const struct dub_vad_signs *mean = &phrase->mean;
    const float excess = fmaxf(mean->excess, 1);
    float sum = phrase_weights.change * mean->change + phrase_weights.pitch * mean->pitch +
                phrase_weights.pitch_spread * spread(mean->pitch, phrase->pitch_square) +
                phrase_weights.excess_spread * spread(mean->excess, phrase->excess_square) / excess +
                phrase_weights.abruptness * mean->abruptness / excess + phrase_weights.offset;
    return 1 / (1 + expf(-sum));
}

void dub_vad_hop(struct dub_vad *vad, const int16_t *samples, struct dub_fragmenter_hop *hop)
{
    float narrow[DUB_VAD_HOP_SAMPLES];
    float envelope[DUB_VAD_HOP_SAMPLES];
    float powers[DUB_VAD_BANDS];
    decimate(vad, samples, narrow);
    run_bands(&vad->bands, narrow, powers, envelope);
    keep_envelope(vad, envelope);
    look(vad, powers);

    float total = 0;
    for (unsigned b = 0; b < DUB_VAD_BANDS; b++)
        total += powers[b];
    hop->speech = hold(vad, is_active(vad));
    hop->level_db = to_db(total);
    if (hop->speech)
        follow_phrase(&vad->phrase, &vad->now, &vad->recent);
    else
        vad->phrase.idle_hops++;
    hop->speech_likeness = hop->speech ? likeness(&vad->phrase) : 0;
}
