/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the whisper engine: its tokens become words, and whether they were spoken. Pure. */
#pragma once

#include "asr.h"

/* Where the reading is; zero-initialise. */
struct whisper_words {
    struct asr_transcript *transcript; /* borrowed; gets the words */
    GString *word;                     /* the one that is not yet over: a letter may be cut in two tokens */
    int64_t start_ms, end_ms;
    double sum; /* of the probabilities of its tokens */
    int tokens;
    double all_sum; /* of all words before */
    int all_tokens;
};

/* One text token after the other, its bytes as the vocabulary has them: a word begins with a blank. */
void whisper_words_add(struct whisper_words *words, const char *bytes, int64_t start_ms, int64_t end_ms,
                       double probability);
/* Fills in text and confidence and clears *words. Times are put in order, within clip_ms; where the last lies
 * behind it (a model that is not sure of an end takes the 30 s that it looks at), all are shrunk to fit. */
void whisper_words_end(struct whisper_words *words, int64_t clip_ms);

/* no_speech: the model's probability that nobody spoke. One that is sure of it is believed whatever it wrote;
 * one that is less so, when it was not sure of its words either. */
bool whisper_was_spoken(double no_speech, double confidence);
