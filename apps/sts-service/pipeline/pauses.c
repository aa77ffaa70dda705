/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pauses.h"

#include "../text/prepare.h"

char *pauses_mark(const struct asr_transcript *transcript)
{
    GString *text = g_string_new(NULL);
    int64_t last_ms = 0;
    for (guint i = 0; transcript->words && i < transcript->words->len; i++) {
        const struct asr_word *word = &g_array_index(transcript->words, struct asr_word, i);
        if (i > 0)
            g_string_append(text, word->start_ms - last_ms >= SENTENCE_PAUSE_MS ? " " TEXT_PAUSE " " : " ");
        g_string_append(text, word->text);
        last_ms = word->end_ms;
    }
    if (text->len == 0)
        g_string_assign(text, transcript->text);
    return g_string_free(text, FALSE);
}
