/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edges.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 50 dB below the peak, as a factor. */
#define TRIM_FACTOR 0.00316

static int peak_of(const struct pcm *pcm)
{
    int peak = 0;
    for (size_t i = 0; i < pcm->count; i++)
        peak = MAX(peak, abs(pcm->samples[i]));
    return peak;
}

void edges_trim(struct pcm *pcm, int64_t keep_ms)
{
    int peak = peak_of(pcm);
    if (peak == 0) {
        pcm->count = 0;
        return;
    }
    int threshold = MAX((int)(peak * TRIM_FACTOR), 1);
    size_t first = 0;
    size_t end = pcm->count;
    while (abs(pcm->samples[first]) < threshold)
        first++;
    while (abs(pcm->samples[end - 1]) < threshold)
        end--;
    size_t keep = (size_t)(keep_ms * pcm->rate_hz / 1000);
    first -= MIN(first, keep);
    end = MIN(end + keep, pcm->count);
    memmove(pcm->samples, pcm->samples + first, (end - first) * sizeof(int16_t));
    pcm->count = end - first;
}

void edges_fade(struct pcm *pcm, int64_t fade_ms)
{
    size_t length = MIN((size_t)(fade_ms * pcm->rate_hz / 1000), pcm->count / 2);
    for (size_t i = 0; i < length; i++) {
        double gain = 0.5 - 0.5 * cos(G_PI * (double)i / (double)length);
        int16_t *head = &pcm->samples[i];
        int16_t *tail = &pcm->samples[pcm->count - 1 - i];
        *head = (int16_t)lrint(*head * gain);
        *tail = (int16_t)lrint(*tail * gain);
    }
}
