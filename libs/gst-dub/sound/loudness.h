/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loudness of a clip after ITU-R BS.1770-4 (K-weighted, gated blocks of 400 ms), and the gain that brings one
 * clip to the loudness of another. Pure; any thread. */
#pragma once

/* What is quieter counts as nothing to compare with. */
#define DUB_LOUDNESS_GATE_LUFS (-70.0)
#define DUB_LOUDNESS_MAX_GAIN_DB 12.0

/* Mono samples, full scale 1. Below DUB_LOUDNESS_GATE_LUFS throughout: -INFINITY. Clips shorter than one
 * block are measured as one. */
double dub_loudness_lufs(const float *samples, unsigned n_samples, unsigned rate_hz);

/* The factor for a clip of `dub_lufs`, within +-DUB_LOUDNESS_MAX_GAIN_DB; 1 when either is -INFINITY. */
float dub_loudness_match(double dub_lufs, double source_lufs);
