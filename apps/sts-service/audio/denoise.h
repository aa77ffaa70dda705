/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Steady noise taken away from speech, for the recogniser's ears only, by libspeexdsp's preprocessor (Ephraim
 * and Malah's short-time spectral amplitude estimator). Pure, any thread. */
#pragma once

#include "pcm.h"

/* In place; count and position of the samples stay. The noise is learnt from the whole clip before it is
 * taken away, so that its first words gain as much as its last. */
void pcm_denoise(struct pcm *pcm);
