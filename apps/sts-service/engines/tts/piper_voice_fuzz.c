/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whatever stands beside a model, it is refused with a reason or is a voice that gives sentences of numbers
 * within its bounds. */
#include "piper_phonemes.h"

#include <fuzz_target.h>
#include <stdlib.h>

static void check_sentences(GPtrArray *sentences)
{
    for (guint i = 0; sentences && i < sentences->len; i++) {
        const GArray *ids = sentences->pdata[i];
        if (ids->len < 4 || ids->len > 2 * PIPER_CUT_ANYWHERE)
            abort();
        for (guint at = 0; at < ids->len; at++)
            if (g_array_index(ids, int64_t, at) < 0 || g_array_index(ids, int64_t, at) > 65535)
                abort();
    }
    if (sentences)
        g_ptr_array_unref(sentences);
}

static void say(const struct piper_voice *voice, const char *text)
{
    struct piper_phonemes phonemes = {.voice = voice};
    piper_phonemes_add_letters(&phonemes, text);
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    piper_phonemes_add_clause(&phonemes, valid, ',');
    piper_phonemes_add_clause(&phonemes, valid, '?');
    check_sentences(piper_phonemes_end(&phonemes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    struct piper_voice *voice = piper_voice_parse((const char *)data, size, problems);
    if ((voice == NULL) != (problems->len > 0))
        abort();
    for (guint i = 0; i < problems->len; i++)
        if (!g_utf8_validate(problems->pdata[i], -1, NULL))
            abort();
    if (voice) {
        g_autofree char *text = g_strndup((const char *)data, size);
        if (!voice->language || voice->rate_hz <= 0 || piper_voice_speaker(voice, NULL) != 0)
            abort();
        say(voice, text);
    }
    piper_voice_free(voice);
    return 0;
}
