/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resample.h"

#include <gst/audio/audio.h>
#include <stdbool.h>
#include <string.h>

#define MIN_HZ 4000
#define MAX_HZ 192000

static bool is_sane(unsigned hz)
{
    return hz >= MIN_HZ && hz <= MAX_HZ;
}

static GstAudioResampler *new_resampler(unsigned from_hz, unsigned to_hz)
{
    GstStructure *options = gst_structure_new_empty("options");
    gst_audio_resampler_options_set_quality(GST_AUDIO_RESAMPLER_METHOD_KAISER,
                                            GST_AUDIO_RESAMPLER_QUALITY_DEFAULT, (gint)from_hz, (gint)to_hz,
                                            options);
    GstAudioResampler *resampler =
        gst_audio_resampler_new(GST_AUDIO_RESAMPLER_METHOD_KAISER, GST_AUDIO_RESAMPLER_FLAG_NONE,
                                GST_AUDIO_FORMAT_F32, 1, (gint)from_hz, (gint)to_hz, options);
    gst_structure_free(options);
    return resampler;
}

/* Feeds the clip and as much silence as the filter still needs to give all of it back. */
static gsize convert(GstAudioResampler *resampler, const float *samples, gsize n_samples, float *result,
                     gsize n_result)
{
    gpointer in[] = {(gpointer)samples}; /* only read */
    gpointer out[] = {result};
    gsize done = MIN(gst_audio_resampler_get_out_frames(resampler, n_samples), n_result);
    gst_audio_resampler_resample(resampler, in, n_samples, out, done);

    gsize silence = gst_audio_resampler_get_max_latency(resampler) * 2;
    gsize rest = MIN(gst_audio_resampler_get_out_frames(resampler, silence), n_result - done);
    out[0] = result + done;
    gst_audio_resampler_resample(resampler, NULL, silence, out, rest);
    return done + rest;
}

float *dub_resample(const float *samples, unsigned n_samples, unsigned from_hz, unsigned to_hz,
                    unsigned *n_result)
{
    *n_result = 0;
    if (n_samples == 0 || !is_sane(from_hz) || !is_sane(to_hz))
        return NULL;
    if (from_hz == to_hz) {
        *n_result = n_samples;
        return g_memdup2(samples, n_samples * sizeof(float));
    }
    guint64 wanted = gst_util_uint64_scale_ceil(n_samples, to_hz, from_hz);
    float *result = g_new0(float, wanted);
    GstAudioResampler *resampler = new_resampler(from_hz, to_hz);
    convert(resampler, samples, n_samples, result, (gsize)wanted);
    gst_audio_resampler_free(resampler);
    *n_result = (unsigned)wanted;
    return result;
}
