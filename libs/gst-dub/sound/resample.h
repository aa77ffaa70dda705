/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole clips from one sample rate to another: the border to GStreamer's resampler. Any thread. */
#pragma once

/* Mono, full scale 1. The result has the same duration, without delay; owned by the caller (g_free). NULL
 * when there is nothing to convert or the rates are outside 4000..192000. */
float *dub_resample(const float *samples, unsigned n_samples, unsigned from_hz, unsigned to_hz,
                    unsigned *n_result);
