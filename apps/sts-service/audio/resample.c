/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resample.h"

#include <soxr.h>

static bool check_rates(int from_hz, int to_hz, struct dub_error *error)
{
    if (from_hz >= PCM_MIN_RATE_HZ && from_hz <= PCM_MAX_RATE_HZ && to_hz >= PCM_MIN_RATE_HZ &&
        to_hz <= PCM_MAX_RATE_HZ)
        return true;
    return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "cannot resample from %d Hz to %d Hz",
                         from_hz, to_hz);
}

static size_t resampled_frames(const struct sound *in, int rate_hz)
{
    return (size_t)(((uint64_t)in->frames * (uint64_t)rate_hz + (uint64_t)in->rate_hz / 2) /
                    (uint64_t)in->rate_hz);
}

bool sound_resample(const struct sound *in, int rate_hz, struct sound *out, struct dub_error *error)
{
    if (!check_rates(in->rate_hz, rate_hz, error))
        return false;
    size_t channels = (size_t)in->channels;
    if (in->rate_hz == rate_hz || in->frames == 0) {
        *out = *in;
        out->samples = g_memdup2(in->samples, in->frames * channels * sizeof(int16_t));
        out->rate_hz = rate_hz;
        return true;
    }
    size_t frames = resampled_frames(in, rate_hz);
    /* Zeroed: soxr may deliver a sample less than the rounded count. */
    g_autofree int16_t *samples = g_new0(int16_t, frames * channels);
    soxr_io_spec_t io = soxr_io_spec(SOXR_INT16_I, SOXR_INT16_I);
    io.flags |= SOXR_NO_DITHER; /* the same input gives the same output */
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    soxr_error_t failure = soxr_oneshot(in->rate_hz, rate_hz, (unsigned)channels, in->samples, in->frames,
                                        NULL, samples, frames, NULL, &io, &quality, NULL);
    if (failure)
        return dub_error_set(error, DUB_ERROR_INTERNAL, "resampling from %d Hz to %d Hz: %s", in->rate_hz,
                             rate_hz, soxr_strerror(failure));
    *out = (struct sound){
        .samples = g_steal_pointer(&samples), .frames = frames, .rate_hz = rate_hz, .channels = in->channels};
    return true;
}

bool pcm_resample(const struct pcm *in, int rate_hz, struct pcm *out, struct dub_error *error)
{
    struct sound from = sound_of_pcm(in);
    struct sound to;
    if (!sound_resample(&from, rate_hz, &to, error))
        return false;
    *out = sound_to_pcm(&to);
    return true;
}
