/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How loud a clip is, and making it as loud as wanted. Pure, any thread.
 *
 * Levels are dBFS of the RMS, where a full-scale square wave is 0. `speech level` is the RMS over the 20 ms
 * blocks that carry speech: within 30 dB of the loudest block. Pauses then do not make a clip seem quiet. */
#pragma once

#include "pcm.h"

#define LOUDNESS_SILENCE_DBFS (-120.0)
/* Target for a dub before the mixer matches it to the speech it replaces: about -23 LUFS for a voice. */
#define LOUDNESS_SPEECH_DBFS (-20.0)
/* Samples never go beyond this after normalising. */
#define LOUDNESS_PEAK_DBFS (-1.0)

struct loudness {
    double rms_dbfs;
    double speech_dbfs;
    double peak_dbfs;
    int64_t speech_ms; /* sum of the blocks above the gate level passed in */
};

/* gate_dbfs: blocks above it count into speech_ms. An empty clip is LOUDNESS_SILENCE_DBFS and 0 ms. */
struct loudness loudness_measure(const struct pcm *pcm, double gate_dbfs);

/* The energy gate in front of the recogniser: false for a fragment in which nobody can have spoken (all
 * blocks below -50 dBFS, or fewer than 60 ms above it). */
bool loudness_may_be_speech(const struct pcm *pcm);

/* Samples first .. first + count - 1. */
struct loudness_span {
    size_t first;
    size_t count;
};

/* The stretch that holds every block within 40 dB of the loudest one, and margin_ms on either side of it.
 * Empty for silence. */
struct loudness_span loudness_find_speech(const struct pcm *pcm, int64_t margin_ms);

/* Scales in place to target_dbfs of speech level, by at most +-max_gain_db, and less where peaks would go
 * beyond LOUDNESS_PEAK_DBFS. Returns the gain used, in dB; silence is left alone (0). */
double loudness_normalise(struct pcm *pcm, double target_dbfs, double max_gain_db);
