/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "whisper_words.h"

#include <string.h>

#define MIN_WORD_MS 10
/* Whisper's own rule takes 0.6 and a mean log probability below -1 (a confidence of about 0.37). An invention
 * on air weighs more than a word that is missing: a sure silence counts alone, unsure words count earlier. */
#define SURELY_NOBODY 0.9
#define PROBABLY_NOBODY 0.6
#define UNSURE_WORDS 0.5

static void end_word(struct whisper_words *words)
{
    if (!words->word || words->word->len == 0)
        return;
    g_autofree char *valid = g_utf8_make_valid(words->word->str, (gssize)words->word->len);
    const char *text = g_strstrip(valid);
    if (*text != '\0')
        asr_transcript_add_word(words->transcript, text, words->start_ms, words->end_ms,
                                CLAMP(words->sum / words->tokens, 0.0, 1.0));
    words->all_sum += words->sum;
    words->all_tokens += words->tokens;
    words->sum = 0.0;
    words->tokens = 0;
    g_string_truncate(words->word, 0);
}

void whisper_words_add(struct whisper_words *words, const char *bytes, int64_t start_ms, int64_t end_ms,
                       double probability)
{
    if (!words->word)
        words->word = g_string_new(NULL);
    if (*bytes == ' ')
        end_word(words);
    if (words->tokens == 0)
        words->start_ms = start_ms;
    words->end_ms = end_ms;
    words->sum += probability;
    words->tokens++;
    g_string_append(words->word, bytes);
}

/* Each word at least MIN_WORD_MS behind the start of the one before, the last one's end within the clip. */
static void put_in_order(GArray *all, int64_t clip_ms)
{
    int64_t last_ms = 0;
    for (guint i = 0; i < all->len; i++) {
        struct asr_word *word = &g_array_index(all, struct asr_word, i);
        int64_t room_ms = clip_ms - MIN_WORD_MS * (int64_t)(all->len - i);
        word->start_ms = MAX(last_ms, MIN(word->start_ms, room_ms));
        word->end_ms = MAX(word->start_ms + MIN_WORD_MS, MIN(word->end_ms, room_ms + MIN_WORD_MS));
        last_ms = word->end_ms;
    }
}

static void shrink(GArray *all, int64_t from_ms, int64_t to_ms)
{
    for (guint i = 0; i < all->len; i++) {
        struct asr_word *word = &g_array_index(all, struct asr_word, i);
        word->start_ms = word->start_ms * to_ms / from_ms;
        word->end_ms = word->end_ms * to_ms / from_ms;
    }
}

static char *join(const GArray *all)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < all->len; i++) {
        if (i > 0)
            g_string_append_c(text, ' ');
        g_string_append(text, g_array_index(all, struct asr_word, i).text);
    }
    return g_string_free(text, FALSE);
}

void whisper_words_end(struct whisper_words *words, int64_t clip_ms)
{
    struct asr_transcript *transcript = words->transcript;
    end_word(words);
    GArray *all = transcript->words;
    if (all && all->len > 0) {
        int64_t last_ms = g_array_index(all, struct asr_word, all->len - 1).end_ms;
        if (last_ms > clip_ms)
            shrink(all, last_ms, clip_ms);
        put_in_order(all, clip_ms);
        transcript->text = join(all);
        transcript->confidence = CLAMP(words->all_sum / words->all_tokens, 0.0, 1.0);
    }
    if (words->word)
        g_string_free(words->word, TRUE);
    *words = (struct whisper_words){0};
}

bool whisper_was_spoken(double no_speech, double confidence)
{
    if (no_speech >= SURELY_NOBODY)
        return false;
    return no_speech < PROBABLY_NOBODY || confidence >= UNSURE_WORDS;
}
