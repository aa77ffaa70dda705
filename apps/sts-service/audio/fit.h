/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fitting a spoken translation into the time that the original took (system.md section 7).
 *
 * The room is duration_ms, or max_duration_ms where the caller allows a longer slot. The rules, in order:
 *  1. Speech that fits the room and is not much shorter than the original (>= 90 % of duration_ms) stays as
 * it is.
 *  2. Speech longer than the room is spoken again faster: rate = natural / room, at most 1.25.
 *  3. Speech shorter than 90 % of the original is spoken again slower: rate = natural / duration_ms, at least
 * 0.85. It is never stretched beyond that: a dub shorter than its original is a success, unnatural speech is
 * not.
 *  4. What is still more than 1 % longer than the room is stretched, rate and stretch together at most 1.5.
 *  5. The verdict is about the overrun, (result - room) / room: up to 10 % success, up to 20 % partial, more
 * failed. With max_duration_ms the overrun is measured against it: that is "unless the caller allowed a
 * longer slot".
 *
 * fit_choose_* are the decision, pure; fit_speech() carries it out. */
#pragma once

#include "pcm.h"

#define FIT_MIN_RATE 0.85
#define FIT_MAX_RATE 1.25
#define FIT_MAX_SPEED 1.5
#define FIT_SUCCESS_OVERRUN 0.10
#define FIT_PARTIAL_OVERRUN 0.20
#define FIT_MIN_FILL 0.90

struct fit_slot {
    int64_t duration_ms;     /* of the fragment; > 0 */
    int64_t max_duration_ms; /* 0 or below duration_ms: no longer slot */
};

enum fit_verdict { FIT_SUCCESS, FIT_PARTIAL, FIT_FAILED };

/* What is to be done with a clip, and what comes out of it. */
struct fit_decision {
    double stretch; /* speed for pcm_stretch, 1.0: leave it */
    int64_t result_ms;
    double speed_ratio;      /* natural / result: 1.2 is heard as 1.2 times as fast */
    double variance_percent; /* (result - duration_ms) / duration_ms * 100, signed */
    enum fit_verdict verdict;
};

/* The rate to ask the engine for, given how long the text takes at rate 1; exactly 1.0: speak no second time.
 */
double fit_choose_rate(const struct fit_slot *slot, int64_t natural_ms);
/* natural_ms: at rate 1; spoken_ms: what the engine delivered at the chosen rate. */
struct fit_decision fit_choose_stretch(const struct fit_slot *slot, int64_t natural_ms, int64_t spoken_ms);

/* Speaks the text at a rate (1.0 first, then perhaps once more). On true the clip is fit_speech's to clear.
 */
typedef bool (*fit_speak)(double rate, struct pcm *clip, void *user, struct dub_error *error);

/* On true *clip is the fitted speech (the caller's to clear) and *decision says how; a `partial` is true too.
 * On false the error is the engine's, or DUB_ERROR_DURATION_MISMATCH_EXCEEDED (stage tts) which names the
 * lengths; *decision is then filled as well and *clip is empty. Any thread. */
bool fit_speech(const struct fit_slot *slot, fit_speak speak, void *user, struct pcm *clip,
                struct fit_decision *decision, struct dub_error *error);
