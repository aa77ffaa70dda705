/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the transcription of a clip of 5 s says. Words are in order and inside, texts are UTF-8. */
#include "openai_transcript.h"

#include <fuzz_target.h>
#include <stdlib.h>

#define CLIP_MS 5000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct asr_transcript transcript = {0};
    int64_t last_ms = 0;
    bool read = openai_transcript_read(data, size, CLIP_MS, &transcript);
    if (read != (transcript.text != NULL) || (read && !g_utf8_validate(transcript.text, -1, NULL)))
        abort();
    if (!(transcript.confidence >= 0.0 && transcript.confidence <= 1.0))
        abort();
    for (guint i = 0; transcript.words && i < transcript.words->len; i++) {
        const struct asr_word *word = &g_array_index(transcript.words, struct asr_word, i);
        if (word->start_ms < last_ms || word->end_ms <= word->start_ms || word->end_ms > CLIP_MS)
            abort();
        last_ms = word->end_ms;
    }
    asr_transcript_clear(&transcript);
    return 0;
}
