/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to asr/: is what was recognised speech at all, or words put to noise?
 *
 * A search through a language model always ends in words. Put to noise they are few for the time, improbable,
 * or drawn out: the verdict weighs the letters per second, each by its word's posterior, without the words
 * that last longer than anybody says them. Chosen by measurement; README.md has the figures. Pure, any
 * thread. */
#pragma once

#include "asr.h"

struct evidence {
    const GArray *words; /* struct asr_word; NULL: none */
    int64_t decoded_ms;  /* how much sound the search went over, words or not */
    double acoustic;     /* how far the words are from the best sequence of sounds, per 10 ms: the library's
                            log score, 0 or less */
};

/* True: nobody spoke, or what was said cannot be made out. */
bool evidence_is_no_speech(const struct evidence *evidence);
