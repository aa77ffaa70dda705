/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "denoise.h"

#include <speex/speex_preprocess.h>
#include <string.h>

#define FRAME_MS 20

static void run(SpeexPreprocessState *state, const struct pcm *in, size_t frame, int16_t *out, size_t count)
{
    memset(out, 0, count * sizeof(*out));
    memcpy(out, in->samples, in->count * sizeof(*out));
    for (size_t at = 0; at < count; at += frame)
        speex_preprocess_run(state, out + at);
}

void pcm_denoise(struct pcm *pcm)
{
    size_t frame = (size_t)(pcm->rate_hz * FRAME_MS / 1000);
    /* Whole frames, and one of silence behind them: what the preprocessor gives back is one frame late. */
    size_t count = ((pcm->count + frame - 1) / frame + 1) * frame;
    if (pcm->count == 0)
        return;
    int16_t *out = g_new(int16_t, count);
    SpeexPreprocessState *state = speex_preprocess_state_init((int)frame, pcm->rate_hz);
    run(state, pcm, frame, out, count); /* learns the noise */
    run(state, pcm, frame, out, count);
    speex_preprocess_state_destroy(state);
    memcpy(pcm->samples, out + frame, pcm->count * sizeof(*out));
    g_free(out);
}
