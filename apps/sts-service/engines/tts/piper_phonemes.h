/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the piper engine: phonemes become the numbers that a voice was trained with. A sentence is
 * ^ _ p _ p _ ... _ $ as Piper's training has it (src/piper/phoneme_ids.py there). Pure, one thread. */
#pragma once

#include "piper_voice.h"

/* What the model gets at a time is bounded: its memory grows with the square. In numbers; so many are about
 * 35 s of speech. A sentence is cut behind a clause, else at a blank, else anywhere. */
#define PIPER_CUT_AT_CLAUSE 1000
#define PIPER_CUT_AT_BLANK 1500
#define PIPER_CUT_ANYWHERE 2000

/* Zero-initialise with voice. */
struct piper_phonemes {
    const struct piper_voice *voice; /* borrowed */
    GPtrArray *sentences;            /* GArray of int64_t; those in which something is said */
    GArray *open;                    /* the one that is not yet over; NULL: none */
    unsigned said;                   /* phonemes in it */
    unsigned unknown;                /* characters that the voice does not have: skipped */
    gunichar unknown_one;            /* one of them, the first */
};

/* A clause of eSpeak NG: IPA, and what it ends with (ESPEAK_ENDS). Flags of other languages, "(en)", are
 * dropped. */
void piper_phonemes_add_clause(struct piper_phonemes *phonemes, const char *ipa, char end);
/* Text for a voice that knows letters. */
void piper_phonemes_add_letters(struct piper_phonemes *phonemes, const char *text);
/* The last sentence is over. The caller owns the sentences; NULL: there is nothing to say. The rest stays to
 * be read. */
GPtrArray *piper_phonemes_end(struct piper_phonemes *phonemes);
