/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signals and measures for the tests of M4A and of audio on the wire. */
#pragma once

#include "sound.h"

#include <math.h>

/* A tone that rises from 300 Hz by 1800 Hz a second and back again, another in the second channel: a shift by
 * one sample shows. Peak -6 dBFS. */
static inline struct sound test_sweep(int rate_hz, int channels, size_t frames)
{
    struct sound sound = {.samples = g_new(int16_t, frames * (size_t)channels),
                          .frames = frames,
                          .rate_hz = rate_hz,
                          .channels = channels};
    for (size_t i = 0; i < frames; i++) {
        double t = fmod((double)i / rate_hz, 1.0);
        double up = MIN(t, 1.0 - t);
        /* Half a second of rising is a whole number of turns. */
        double phase = 2.0 * G_PI * (300.0 * up + 900.0 * up * up) * (t > up ? -1.0 : 1.0);
        for (int channel = 0; channel < channels; channel++)
            sound.samples[i * (size_t)channels + (size_t)channel] =
                (int16_t)lrint(16384.0 * sin(phase * (1.0 + 0.5 * channel)));
    }
    return sound;
}

/* How far `a` stands above its difference from `b`, over the frames that both have, channel by channel. */
static inline double test_likeness_db(const struct sound *a, const struct sound *b)
{
    double power = 0;
    double difference = 1;
    size_t count = MIN(a->frames, b->frames) * (size_t)a->channels;
    g_assert_cmpint(a->channels, ==, b->channels);
    for (size_t i = 0; i < count; i++) {
        double gap = a->samples[i] - b->samples[i];
        power += (double)a->samples[i] * a->samples[i];
        difference += gap * gap;
    }
    return 10.0 * log10(power / difference);
}
