/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vad.h"

#include <math.h>
#include <string.h>

/* Levels run from -100 to -1 dBFS. */
#define LOWEST_DB (-100.0f)
/* Softer is not speech in any programme. */
#define GATE_DB (-55.0f)
#define FLOOR_PERCENT 15
#define SPEECH_PERCENT 90
#define HANGOVER_HOPS 4
#define ONSET_HOPS 3

void dub_vad_init(struct dub_vad *vad)
{
    memset(vad, 0, sizeof(*vad));
    double sum = 0;
    for (int i = 0; i < DUB_VAD_DECIMATE_TAPS; i++) {
        double x = i - (DUB_VAD_DECIMATE_TAPS - 1) / 2.0;
        double cutoff = 6800.0 / DUB_RATE_HZ;
        double sinc = sin(2 * M_PI * cutoff * x) / (M_PI * x);
        double window = 0.54 + 0.46 * cos(2 * M_PI * x / DUB_VAD_DECIMATE_TAPS);
        vad->decimate_taps[i] = (float)(sinc * window);
        sum += sinc * window;
    }
    for (int i = 0; i < DUB_VAD_DECIMATE_TAPS; i++)
        vad->decimate_taps[i] /= (float)sum;
    vad->voice_low = dub_biquad_highpass(DUB_VAD_RATE_HZ, 200, 0.707);
    vad->voice_high = dub_biquad_lowpass(DUB_VAD_RATE_HZ, 3600, 0.707);
    vad->hiss = dub_biquad_highpass(DUB_VAD_RATE_HZ, 4000, 0.707);
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

static float level_db(const float *samples, unsigned n)
{
    float power = 0;
    for (unsigned i = 0; i < n; i++)
        power += samples[i] * samples[i];
    return fmaxf(LOWEST_DB, 10 * log10f(power / (float)n + 1e-12f));
}

static void remember(struct dub_vad *vad, float db)
{
    unsigned level = (unsigned)CLAMP((int)(db - LOWEST_DB), 0, DUB_VAD_LEVELS - 1);
    if (vad->n_hops == DUB_VAD_MEMORY_HOPS)
        vad->histogram[vad->levels[vad->at]]--;
    else
        vad->n_hops++;
    vad->levels[vad->at] = (uint8_t)level;
    vad->histogram[level]++;
    vad->at = (vad->at + 1) % DUB_VAD_MEMORY_HOPS;
}

static float percentile_db(const struct dub_vad *vad, unsigned percent)
{
    unsigned wanted = vad->n_hops * percent / 100;
    unsigned seen = 0;
    unsigned level = 0;
    for (; level < DUB_VAD_LEVELS - 1; level++) {
        seen += vad->histogram[level];
        if (seen > wanted)
            break;
    }
    return LOWEST_DB + (float)level;
}

static bool stands_out(const struct dub_vad *vad, float db)
{
    float floor_db = percentile_db(vad, FLOOR_PERCENT);
    float speech_db = percentile_db(vad, SPEECH_PERCENT);
    float margin = CLAMP(0.4f * (speech_db - floor_db), 6.0f, 14.0f);
    return db > GATE_DB && db > floor_db + margin;
}

void dub_vad_hop(struct dub_vad *vad, const int16_t *samples, struct dub_fragmenter_hop *hop)
{
    float voice[DUB_VAD_HOP_SAMPLES];
    decimate(vad, samples, voice);
    dub_biquad_run(&vad->voice_low, voice, DUB_VAD_HOP_SAMPLES);
    dub_biquad_run(&vad->voice_high, voice, DUB_VAD_HOP_SAMPLES);
    float db = level_db(voice, DUB_VAD_HOP_SAMPLES);
    remember(vad, db);

    bool active = stands_out(vad, db);
    vad->active_hops = active ? vad->active_hops + 1 : 0;
    if (vad->active_hops >= ONSET_HOPS)
        vad->hangover_hops = HANGOVER_HOPS + 1;
    else if (vad->hangover_hops > 0)
        vad->hangover_hops--;
    hop->speech = vad->hangover_hops > 0;
    hop->level_db = db;
    hop->speech_likeness = 1;
}
