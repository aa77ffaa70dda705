/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "piper_phonemes.h"

#include <string.h>

static const GArray *ids_of(const struct piper_voice *voice, gunichar phoneme)
{
    return g_hash_table_lookup(voice->ids, GUINT_TO_POINTER(phoneme));
}

static void append(struct piper_phonemes *phonemes, gunichar phoneme)
{
    const GArray *ids = ids_of(phonemes->voice, phoneme);
    g_array_append_vals(phonemes->open, ids->data, ids->len);
}

static void open_sentence(struct piper_phonemes *phonemes)
{
    if (phonemes->open)
        return;
    phonemes->open = g_array_new(FALSE, FALSE, sizeof(int64_t));
    phonemes->said = 0;
    append(phonemes, PIPER_BEGIN);
    append(phonemes, PIPER_PAD);
}

static void close_sentence(struct piper_phonemes *phonemes)
{
    if (!phonemes->open)
        return;
    if (phonemes->said > 0) {
        append(phonemes, PIPER_END);
        if (!phonemes->sentences)
            phonemes->sentences = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
        g_ptr_array_add(phonemes->sentences, phonemes->open);
    } else {
        g_array_unref(phonemes->open);
    }
    phonemes->open = NULL;
}

static bool is_heard(gunichar phoneme)
{
    return !g_unichar_isspace(phoneme) && !g_unichar_ispunct(phoneme);
}

/* The marks of a sentence's bounds and the padding are no phonemes, even where a text has them. */
static bool is_reserved(gunichar phoneme)
{
    return phoneme == PIPER_PAD || phoneme == PIPER_BEGIN || phoneme == PIPER_END;
}

static void add_known(struct piper_phonemes *phonemes, gunichar phoneme)
{
    if (is_reserved(phoneme) || !ids_of(phonemes->voice, phoneme)) {
        if (phonemes->unknown++ == 0)
            phonemes->unknown_one = phoneme;
        return;
    }
    open_sentence(phonemes);
    append(phonemes, phoneme);
    append(phonemes, PIPER_PAD);
    phonemes->said += is_heard(phoneme);
    guint length = phonemes->open->len;
    if (length >= PIPER_CUT_ANYWHERE || (length >= PIPER_CUT_AT_BLANK && g_unichar_isspace(phoneme)))
        close_sentence(phonemes);
}

static void add(struct piper_phonemes *phonemes, gunichar phoneme)
{
    const GArray *instead = g_hash_table_lookup(phonemes->voice->instead, GUINT_TO_POINTER(phoneme));
    if (!instead)
        add_known(phonemes, phoneme);
    for (guint i = 0; instead && i < instead->len; i++)
        add_known(phonemes, g_array_index(instead, gunichar, i));
}

static void add_mark(struct piper_phonemes *phonemes, gunichar mark)
{
    if (ids_of(phonemes->voice, mark))
        add_known(phonemes, mark);
}

/* Within a sentence a mark is followed by a blank. */
static void add_end(struct piper_phonemes *phonemes, char end)
{
    bool over = strchr(".?!\n", end) != NULL;
    if (!phonemes->open)
        return;
    if (end != ' ' && end != '\n')
        add_mark(phonemes, (gunichar)end);
    if (phonemes->open && (over || phonemes->open->len >= PIPER_CUT_AT_CLAUSE))
        close_sentence(phonemes);
    else if (phonemes->open)
        add_mark(phonemes, ' ');
}

void piper_phonemes_add_clause(struct piper_phonemes *phonemes, const char *ipa, char end)
{
    g_autofree char *parts = g_utf8_normalize(ipa, -1, G_NORMALIZE_NFD);
    bool in_flag = false;
    for (const char *at = parts ? parts : ""; *at; at = g_utf8_next_char(at)) {
        gunichar phoneme = g_utf8_get_char(at);
        if (phoneme == '(')
            in_flag = true;
        else if (phoneme == ')')
            in_flag = false;
        else if (!in_flag)
            add(phonemes, phoneme);
    }
    add_end(phonemes, end);
}

/* Voices have letters in one case, small as a rule. */
static gunichar as_known(const struct piper_voice *voice, gunichar letter)
{
    gunichar small = g_unichar_tolower(letter);
    return !ids_of(voice, letter) && ids_of(voice, small) ? small : letter;
}

void piper_phonemes_add_letters(struct piper_phonemes *phonemes, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    g_autofree char *parts = g_utf8_normalize(valid, -1, G_NORMALIZE_NFD);
    bool ended = false;
    for (const char *at = parts ? parts : ""; *at; at = g_utf8_next_char(at)) {
        gunichar letter = g_utf8_get_char(at);
        if (ended && g_unichar_isspace(letter)) {
            close_sentence(phonemes);
            continue;
        }
        ended = letter < 128 && strchr(".?!", (int)letter);
        add(phonemes, as_known(phonemes->voice, letter));
    }
}

GPtrArray *piper_phonemes_end(struct piper_phonemes *phonemes)
{
    close_sentence(phonemes);
    return g_steal_pointer(&phonemes->sentences);
}
