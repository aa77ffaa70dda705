/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fit.h"

#include "edges.h"
#include "stretch.h"
#include <math.h>

/* Shorter overruns are not worth the stretcher's colouring. */
#define STRETCH_FROM_OVERRUN 0.01
#define FADE_MS 5

static int64_t room_ms(const struct fit_slot *slot)
{
    return MAX(slot->duration_ms, slot->max_duration_ms);
}

double fit_choose_rate(const struct fit_slot *slot, int64_t natural_ms)
{
    double natural = (double)natural_ms;
    if (natural_ms <= 0 || slot->duration_ms <= 0)
        return 1.0;
    if (natural_ms > room_ms(slot))
        return fmin(natural / (double)room_ms(slot), FIT_MAX_RATE);
    if (natural < FIT_MIN_FILL * (double)slot->duration_ms)
        return fmax(natural / (double)slot->duration_ms, FIT_MIN_RATE);
    return 1.0;
}

static double choose_stretch(double room, double natural, double spoken)
{
    if (spoken <= room * (1.0 + STRETCH_FROM_OVERRUN))
        return 1.0;
    /* natural / (spoken / stretch) <= FIT_MAX_SPEED */
    double limit = fmax(FIT_MAX_SPEED * spoken / natural, 1.0);
    return fmin(spoken / room, limit);
}

static enum fit_verdict judge(double room, double result)
{
    /* A millisecond of rounding must not turn a success into a partial. */
    double overrun = (result - room - 1.0) / room;
    if (overrun <= FIT_SUCCESS_OVERRUN)
        return FIT_SUCCESS;
    return overrun <= FIT_PARTIAL_OVERRUN ? FIT_PARTIAL : FIT_FAILED;
}

struct fit_decision fit_choose_stretch(const struct fit_slot *slot, int64_t natural_ms, int64_t spoken_ms)
{
    struct fit_decision decision = {
        .stretch = 1.0, .speed_ratio = 1.0, .variance_percent = -100.0, .verdict = FIT_SUCCESS};
    if (natural_ms <= 0 || spoken_ms <= 0 || slot->duration_ms <= 0)
        return decision;
    double room = (double)room_ms(slot);
    decision.stretch = choose_stretch(room, (double)natural_ms, (double)spoken_ms);
    double result = (double)spoken_ms / decision.stretch;
    decision.result_ms = llrint(result);
    decision.speed_ratio = (double)natural_ms / result;
    decision.variance_percent = (result - (double)slot->duration_ms) / (double)slot->duration_ms * 100.0;
    decision.verdict = judge(room, result);
    return decision;
}

static bool mismatch(const struct fit_slot *slot, int64_t natural_ms, struct dub_error *error)
{
    return dub_error_set_stage(error, DUB_ERROR_DURATION_MISMATCH_EXCEEDED, DUB_STAGE_TTS,
                               "the translation takes %" G_GINT64_FORMAT
                               " ms to speak and the slot is %" G_GINT64_FORMAT
                               " ms: even %g times as fast it is more than %.0f %% too long",
                               natural_ms, room_ms(slot), FIT_MAX_SPEED, FIT_PARTIAL_OVERRUN * 100.0);
}

/* Speaks again where another rate is wanted; the first clip serves where it is not. */
static bool speak_at_rate(double rate, fit_speak speak, void *user, struct pcm *natural, struct pcm *spoken,
                          struct dub_error *error)
{
    if (rate != 1.0)
        return speak(rate, spoken, user, error);
    *spoken = *natural;
    *natural = (struct pcm){0};
    return true;
}

static bool stretch_clip(struct pcm *spoken, double stretch, struct pcm *clip, struct dub_error *error)
{
    if (stretch == 1.0) {
        *clip = *spoken;
        *spoken = (struct pcm){0};
        return true;
    }
    if (!pcm_stretch(spoken, stretch, clip, error))
        return false;
    edges_fade(clip, FADE_MS);
    return true;
}

bool fit_speech(const struct fit_slot *slot, fit_speak speak, void *user, struct pcm *clip,
                struct fit_decision *decision, struct dub_error *error)
{
    pcm_auto natural = {0};
    pcm_auto spoken = {0};
    *clip = (struct pcm){0};
    *decision = (struct fit_decision){.stretch = 1.0, .speed_ratio = 1.0};
    if (!speak(1.0, &natural, user, error))
        return false;
    int64_t natural_ms = pcm_duration_ms(&natural);
    double rate = fit_choose_rate(slot, natural_ms);
    if (!speak_at_rate(rate, speak, user, &natural, &spoken, error))
        return false;
    *decision = fit_choose_stretch(slot, natural_ms, pcm_duration_ms(&spoken));
    if (decision->verdict == FIT_FAILED)
        return mismatch(slot, natural_ms, error);
    return stretch_clip(&spoken, decision->stretch, clip, error);
}
