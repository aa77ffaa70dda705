/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the speaker paused, a sentence may end: for text_sentence_from_words(). Pure, any thread. */
#pragma once

#include "../engines/asr/asr.h"

/* Fragments end at 300 ms; what is a little less may well have been a full stop. */
#define SENTENCE_PAUSE_MS 250

/* The transcript's words with TEXT_PAUSE between those that lie SENTENCE_PAUSE_MS apart; its text where it
 * has no words. Owned by the caller. */
char *pauses_mark(const struct asr_transcript *transcript);
