/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "chat_guard.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* Shorter texts tell nothing about a language: names, "OK", "BBC 1". */
#define LEAST_LETTERS 8
#define LEAST_PLAIN_WORDS 4
#define DIFFERENT_FUNCTION_WORDS 4

/* Words of which none is in a translation unless one of the group is in the source. */
static const char *const about_translating[] = {"translat", "traduc", "tradu", "übersetz", "перев", NULL};
static const char *const about_itself[] = {"as an ai",
                                           "language model",
                                           "modelo de lenguaje",
                                           "can't assist",
                                           "cannot assist",
                                           "can't help with",
                                           "how can i help",
                                           "how can i assist",
                                           "```",
                                           "<|",
                                           "<think",
                                           NULL};
/* Their writing marks questions with words, need not mark them, or has marks that mean more than that. */
static const char unmarked_questions[] = " bo el hy ja km lo my th ";

static bool has_any(const char *folded, const char *const *words)
{
    for (; *words; words++)
        if (strstr(folded, *words))
            return true;
    return false;
}

static bool talks(const char *source, const char *answer)
{
    g_autofree char *said = g_utf8_casefold(source, -1);
    g_autofree char *written = g_utf8_casefold(answer, -1);
    return (has_any(written, about_translating) && !has_any(said, about_translating)) ||
           (has_any(written, about_itself) && !has_any(said, about_itself));
}

/* Letters and digits only, whatever the case. */
static char *bare(const char *text)
{
    g_autofree char *folded = g_utf8_casefold(text, -1);
    GString *out = g_string_new(NULL);
    for (const char *at = folded; *at; at = g_utf8_next_char(at))
        if (g_unichar_isalnum(g_utf8_get_char(at)))
            g_string_append_unichar(out, g_utf8_get_char(at));
    return g_string_free(out, FALSE);
}

static int plain_words(const char *text)
{
    g_auto(GStrv) words = g_strsplit_set(text, " \t\n", -1);
    int count = 0;
    for (char **word = words; *word; word++)
        count += g_unichar_islower(g_utf8_get_char(*word)) ? 1 : 0;
    return count;
}

static bool is_copy(const char *source, const char *answer)
{
    g_autofree char *said = bare(source);
    g_autofree char *written = bare(answer);
    return plain_words(source) >= LEAST_PLAIN_WORDS && strcmp(said, written) == 0;
}

static bool asks(const char *text)
{
    static const char *const marks[] = {"?", "？", "؟", NULL};
    return has_any(text, marks);
}

/* A question on air is somebody's to somebody else; the model has no part in it. */
static bool is_answered(const char *source, const char *answer, const char *language)
{
    g_autofree char *wanted = g_strdup_printf(" %s ", language);
    g_autofree char *end = g_strchomp(g_strdup(source));
    return g_str_has_suffix(end, "?") && !strstr(unmarked_questions, wanted) && !asks(answer);
}

static const struct {
    const char *languages;
    GUnicodeScript scripts[3]; /* the first is 0 at none: INVALID is -1 */
} scripts[] = {
    {" be bg mk ru uk ", {G_UNICODE_SCRIPT_CYRILLIC, G_UNICODE_SCRIPT_CYRILLIC, G_UNICODE_SCRIPT_CYRILLIC}},
    {" el ", {G_UNICODE_SCRIPT_GREEK, G_UNICODE_SCRIPT_GREEK, G_UNICODE_SCRIPT_GREEK}},
    {" ar fa ur ", {G_UNICODE_SCRIPT_ARABIC, G_UNICODE_SCRIPT_ARABIC, G_UNICODE_SCRIPT_ARABIC}},
    {" he ", {G_UNICODE_SCRIPT_HEBREW, G_UNICODE_SCRIPT_HEBREW, G_UNICODE_SCRIPT_HEBREW}},
    {" hi mr ne ", {G_UNICODE_SCRIPT_DEVANAGARI, G_UNICODE_SCRIPT_DEVANAGARI, G_UNICODE_SCRIPT_DEVANAGARI}},
    {" th ", {G_UNICODE_SCRIPT_THAI, G_UNICODE_SCRIPT_THAI, G_UNICODE_SCRIPT_THAI}},
    {" zh ", {G_UNICODE_SCRIPT_HAN, G_UNICODE_SCRIPT_HAN, G_UNICODE_SCRIPT_HAN}},
    {" ja ", {G_UNICODE_SCRIPT_HAN, G_UNICODE_SCRIPT_HIRAGANA, G_UNICODE_SCRIPT_KATAKANA}},
    {" ko ", {G_UNICODE_SCRIPT_HANGUL, G_UNICODE_SCRIPT_HANGUL, G_UNICODE_SCRIPT_HAN}},
    {" ca cs da de en es et fi fr ga hr hu id it lt lv nl no pl pt ro sk sl sv tr vi ",
     {G_UNICODE_SCRIPT_LATIN, G_UNICODE_SCRIPT_LATIN, G_UNICODE_SCRIPT_LATIN}},
};

static const GUnicodeScript *scripts_of(const char *language)
{
    g_autofree char *wanted = g_strdup_printf(" %s ", language);
    for (gsize i = 0; i < G_N_ELEMENTS(scripts); i++)
        if (strstr(scripts[i].languages, wanted))
            return scripts[i].scripts;
    return NULL;
}

/* Half of the letters at least: the rest may be names. */
static bool is_of_another_script(const char *answer, const char *language)
{
    const GUnicodeScript *own = scripts_of(language);
    int letters = 0;
    int fitting = 0;
    for (const char *at = answer; own && *at; at = g_utf8_next_char(at)) {
        gunichar letter = g_utf8_get_char(at);
        GUnicodeScript script = g_unichar_get_script(letter);
        if (!g_unichar_isalpha(letter))
            continue;
        letters++;
        fitting += script == own[0] || script == own[1] || script == own[2] ? 1 : 0;
    }
    return letters >= LEAST_LETTERS && fitting * 2 < letters;
}

/* The words that no text of a language is without for long. */
static const struct {
    const char *language, *words;
} function_words[] = {
    {"ca", " el la els les i en un una per amb que es del no dels "},
    {"da", " og det en er ikke at på med til af den som har de "},
    {"de", " der die das und ist nicht ein eine mit zu den auf von es wir "},
    {"en", " the and of is that was for with you are this have it we has they from "},
    {"es", " el la los las que y en un una por con para es se del no al su "},
    {"fr", " le la les des et est que dans un une pour du pas nous au ce qui "},
    {"it", " il lo gli che e un una per con non di della è la i si ha "},
    {"nl", " de het een en van is niet met op dat die voor we zijn te "},
    {"pl", " nie w na i z się jest to że do jak o po "},
    {"pt", " o os as que e um uma para com não em do da é se no na "},
    {"ro", " și în de la cu nu o un pe care este să din ce "},
    {"sv", " och det en är inte att på med till av den som har vi "},
};

static const char *function_words_of(const char *language)
{
    for (gsize i = 0; i < G_N_ELEMENTS(function_words); i++)
        if (strcmp(function_words[i].language, language) == 0)
            return function_words[i].words;
    return NULL;
}

/* Whole words, without their case and the marks around them. */
static GStrv folded_words(const char *text)
{
    g_autofree char *folded = g_utf8_casefold(text, -1);
    GString *plain = g_string_new(NULL);
    for (const char *at = folded; *at; at = g_utf8_next_char(at))
        g_string_append_unichar(plain, g_unichar_isalpha(g_utf8_get_char(at)) ? g_utf8_get_char(at) : ' ');
    g_autofree char *spaced = g_string_free(plain, FALSE);
    return g_strsplit_set(spaced, " ", -1);
}

static bool has_word(const char *list, const char *word)
{
    g_autofree char *wanted = g_strdup_printf(" %s ", word);
    return strstr(list, wanted) != NULL;
}

/* Several of one language's words, and none of the other's: names and titles bring a few of them along. */
static bool is_still_in(const char *answer, const char *source_language, const char *target_language)
{
    const char *before = function_words_of(source_language);
    const char *after = function_words_of(target_language);
    g_auto(GStrv) words = folded_words(answer);
    g_autoptr(GString) found = g_string_new(" ");
    int count = 0;
    for (char **word = words; before && after && *word; word++) {
        if (**word == '\0')
            continue;
        if (has_word(after, *word))
            return false;
        if (!has_word(before, *word) || has_word(found->str, *word))
            continue;
        g_string_append_printf(found, "%s ", *word);
        count++;
    }
    return count >= DIFFERENT_FUNCTION_WORDS;
}

const char *chat_guard(const char *source, const char *answer, const char *source_language,
                       const char *target_language)
{
    if (*answer == '\0')
        return "nothing";
    if (strchr(answer, '\n') && !strchr(source, '\n'))
        return "several lines for one";
    if (talks(source, answer))
        return "talk about the text instead of its translation";
    if (is_copy(source, answer))
        return "the source itself";
    if (is_answered(source, answer, target_language))
        return "a question with no question";
    if (is_still_in(answer, source_language, target_language))
        return "text in the source's language";
    if (is_of_another_script(answer, target_language))
        return "text in another language's script";
    return NULL;
}
