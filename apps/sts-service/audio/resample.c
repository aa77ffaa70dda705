/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resample.h"

#include <soxr.h>
#include <string.h>

static bool check_rates(const struct pcm *in, int rate_hz, struct dub_error *error)
{
    if (in->rate_hz >= PCM_MIN_RATE_HZ && in->rate_hz <= PCM_MAX_RATE_HZ && rate_hz >= PCM_MIN_RATE_HZ &&
        rate_hz <= PCM_MAX_RATE_HZ)
        return true;
    return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "cannot resample from %d Hz to %d Hz",
                         in->rate_hz, rate_hz);
}

bool pcm_resample(const struct pcm *in, int rate_hz, struct pcm *out, struct dub_error *error)
{
    if (!check_rates(in, rate_hz, error))
        return false;
    if (in->rate_hz == rate_hz || in->count == 0) {
        *out = pcm_copy(in);
        out->rate_hz = rate_hz;
        return true;
    }
    size_t count = (size_t)(((uint64_t)in->count * (uint64_t)rate_hz + (uint64_t)in->rate_hz / 2) /
                            (uint64_t)in->rate_hz);
    /* Zeroed: soxr may deliver a sample less than the rounded count. */
    g_autofree int16_t *samples = g_new0(int16_t, count);
    soxr_io_spec_t io = soxr_io_spec(SOXR_INT16_I, SOXR_INT16_I);
    io.flags |= SOXR_NO_DITHER; /* the same input gives the same output */
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    soxr_error_t failure = soxr_oneshot(in->rate_hz, rate_hz, 1, in->samples, in->count, NULL, samples, count,
                                        NULL, &io, &quality, NULL);
    if (failure)
        return dub_error_set(error, DUB_ERROR_INTERNAL, "resampling from %d Hz to %d Hz: %s", in->rate_hz,
                             rate_hz, soxr_strerror(failure));
    *out = (struct pcm){.samples = g_steal_pointer(&samples), .count = count, .rate_hz = rate_hz};
    return true;
}
