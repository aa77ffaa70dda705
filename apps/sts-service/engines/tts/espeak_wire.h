/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the espeak-ng engine: what it and its helper say to each other over a socket, in the byte order
 * of the machine that both run on. */
#pragma once

#include <stdint.h>

#define ESPEAK_HELPER "sts-espeak" /* the program's name */
#define ESPEAK_MAX_VOICE_BYTES 255
#define ESPEAK_MAX_TEXT_BYTES 16384
#define ESPEAK_MAX_CLAUSE_BYTES 32768

enum espeak_wish {
    ESPEAK_WANT_SOUND,
    ESPEAK_WANT_PHONEMES, /* the numbers below do not matter */
};

/* What a clause ends with: a mark; none; none, but the sentence is over. */
#define ESPEAK_ENDS ".?!,:; \n"

/* To the helper; the voice's name and the text (UTF-8) follow, neither with an end. Without text: is the
 * voice there? */
struct espeak_question {
    uint32_t wish; /* enum espeak_wish */
    uint32_t voice_bytes, text_bytes;
    int32_t words_per_minute; /* 80..450 */
    int32_t pitch;            /* 0..100 */
    int32_t pitch_range;      /* 0..100 */
};

enum espeak_answer_kind {
    ESPEAK_READY,    /* once, first: lines of text: rate in Hz, version, then language codes */
    ESPEAK_SOUND,    /* samples, int16_t; more follows */
    ESPEAK_CLAUSE,   /* how it ends (one byte, see ESPEAK_ENDS), then its phonemes: IPA in UTF-8; more follows
                      */
    ESPEAK_DONE,     /* nothing more */
    ESPEAK_NO_VOICE, /* likewise: there is no such voice */
    ESPEAK_FAILED,   /* likewise: the library says so */
};

/* From the helper; so many bytes follow. */
struct espeak_answer {
    uint32_t kind; /* enum espeak_answer_kind */
    uint32_t bytes;
};
