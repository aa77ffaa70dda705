/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "denoise.h"

#include <speex/speex_preprocess.h>
#include <string.h>

#define FRAME_MS 20

/* What the preprocessor gives back is one frame late, so it gets a frame of silence behind the clip. */
static void run(SpeexPreprocessState *state, const struct pcm *in, size_t frame, int16_t *out)
{
    g_autofree int16_t *block = g_new(int16_t, frame);
    for (size_t at = 0; at < in->count + frame; at += frame) {
        size_t size = at < in->count ? MIN(frame, in->count - at) : 0;
        memset(block, 0, frame * sizeof(*block));
        if (size > 0)
            memcpy(block, in->samples + at, size * sizeof(*block));
        speex_preprocess_run(state, block);
        if (at >= frame)
            memcpy(out + at - frame, block, MIN(frame, in->count - (at - frame)) * sizeof(*block));
    }
}

void pcm_denoise(struct pcm *pcm)
{
    size_t frame = (size_t)(pcm->rate_hz * FRAME_MS / 1000);
    if (pcm->count == 0)
        return;
    g_autofree int16_t *out = g_new0(int16_t, pcm->count);
    SpeexPreprocessState *state = speex_preprocess_state_init((int)frame, pcm->rate_hz);
    run(state, pcm, frame, out); /* learns the noise */
    run(state, pcm, frame, out);
    speex_preprocess_state_destroy(state);
    memcpy(pcm->samples, out, pcm->count * sizeof(*out));
}
