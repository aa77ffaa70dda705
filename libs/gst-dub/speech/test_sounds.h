/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sounds for the tests of the speech detector: spoken sentences by flite, and beds made by arithmetic. All
 * mono, full scale 1, DUB_RATE_HZ, deterministic. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* X(enum suffix, name) */
#define TEST_BEDS(X)                                                                                         \
    X(WHITE, "white-noise")                                                                                  \
    X(PINK, "pink-noise")                                                                                    \
    X(HUM, "hum")                                                                                            \
    X(PAD, "sustained-chords")                                                                               \
    X(ARPEGGIO, "plucked-arpeggio")                                                                          \
    X(MELODY, "melody-with-vibrato")                                                                         \
    X(DRUMS, "drums")                                                                                        \
    X(BAND, "pad-arpeggio-and-drums")                                                                        \
    X(CROWD, "applause")

enum test_bed {
#define X(name, text) TEST_BED_##name,
    TEST_BEDS(X)
#undef X
        TEST_BED_COUNT
};

extern const char *const test_bed_names[TEST_BED_COUNT];

/* n_samples of a bed with this RMS level. */
float *test_bed_new(enum test_bed bed, double rms_db, unsigned n_samples);
/* n_samples of something with a gliding pitch, moving formants, syllables and consonants, which the detector
 * takes for a voice. */
float *test_voice_new(double rms_db, unsigned n_samples);
/* Whether flite can be run. */
bool test_speech_available(void);
/* One sentence, without silence at its ends, RMS at rms_db. voice: a name of `flite -lv`. */
float *test_speech_new(const char *text, const char *voice, double rms_db, unsigned *n_samples);
