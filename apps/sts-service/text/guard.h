/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guards against invented text: in a dub an invention is spoken on air (system.md section 7). Each verdict
 * but OK is a failed fragment with HALLUCINATION_SUSPECTED in the stage that it is about. Pure, any thread.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define GUARD_VERDICTS(X)                                                                                    \
    X(OK, "ok")                                                                                              \
    X(NO_LETTERS, "text without letters or digits")                                                          \
    X(REPETITION, "the same words over and over")                                                            \
    X(TOO_MUCH, "more text than can have been said in that time")                                            \
    X(SILENCE, "text for sound in which nobody can have said it")                                            \
    X(DISPROPORTION, "length far out of proportion to the source")

enum guard_verdict {
#define X(name, text) GUARD_##name,
    GUARD_VERDICTS(X)
#undef X
};

const char *guard_verdict_text(enum guard_verdict verdict);

/* Below this nobody speaks: the level above which sound counts as loud here. */
#define GUARD_SILENCE_DBFS (-50.0)

/* What a recogniser made of duration_ms of sound (0: unknown). Empty text is OK: nobody spoke. */
enum guard_verdict guard_transcript(const char *text, int64_t duration_ms);
/* The same, where it is known for how long the sound was loud in all (above GUARD_SILENCE_DBFS, as
 * loudness_measure() has it): a click in a pause brings no sentence. */
enum guard_verdict guard_transcript_of_sound(const char *text, int64_t duration_ms, int64_t loud_ms);
/* What a translation made of the source. An empty translation of a source with letters is DISPROPORTION;
 * repetition counts only where the source does not repeat itself likewise. */
enum guard_verdict guard_translation(const char *source, const char *translated);
/* Any letter or digit in any script. */
bool guard_has_letters(const char *text);
