/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guards against invented text: in a dub an invention is spoken on air (system.md section 7). Pure, any
 * thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define GUARD_VERDICTS(X)                                                                                    \
    X(OK, "ok")                                                                                              \
    X(NO_LETTERS, "text without letters or digits")                                                          \
    X(REPETITION, "the same words over and over")                                                            \
    X(TOO_MUCH, "more text than can have been said in that time")                                            \
    X(DISPROPORTION, "length far out of proportion to the source")

enum guard_verdict {
#define X(name, text) GUARD_##name,
    GUARD_VERDICTS(X)
#undef X
};

const char *guard_verdict_text(enum guard_verdict verdict);

/* What a recogniser made of duration_ms of sound (0: unknown). Empty text is OK: nobody spoke. */
enum guard_verdict guard_transcript(const char *text, int64_t duration_ms);
/* What a translation made of the source. An empty translation of a source with letters is DISPROPORTION;
 * repetition counts only where the source does not repeat itself likewise. */
enum guard_verdict guard_translation(const char *source, const char *translated);
/* Any letter or digit in any script. */
bool guard_has_letters(const char *text);
