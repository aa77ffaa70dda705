/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A recogniser's bare words become a sentence. Translators work on sentences: the capital, the final stop and
 * the question mark change what they make of the words. */
#include "prepare.h"
#include "tidy.h"
#include <string.h>

static const char *const question_words[] = {"what", "where", "who", "why", "how", "which", "whose", NULL};
static const char *const after_how[] = {"many", "much", "long", "far", "old", "often", NULL};
static const char *const auxiliaries[] = {"is",    "are",  "was",   "were",   "do",  "does", "did", "can",
                                          "could", "will", "would", "should", "has", "have", "had", NULL};
static const char *const subjects[] = {"i",    "you",  "he",    "she",  "it",    "we",  "they", "there",
                                       "this", "that", "these", "your", "those", "the", "my",   NULL};

static bool is_one_of(const char *word, const char *const *list)
{
    return word && g_strv_contains(list, word);
}

/* "<sil>", "[COUGH]", "++NOISE++", "<s>": what recognisers write for sounds that are no words. */
static bool is_marker(const char *word)
{
    size_t length = strlen(word);
    if (length < 2)
        return false;
    char first = word[0];
    char last = word[length - 1];
    return (first == '<' && last == '>') || (first == '[' && last == ']') || (first == '+' && last == '+');
}

/* "read(2)" is the second pronunciation of "read". */
static void cut_variant(char *word)
{
    size_t length = strlen(word);
    char *open = strrchr(word, '(');
    if (open && open != word && length > 3 && word[length - 1] == ')' && g_ascii_isdigit(open[1]))
        *open = '\0';
}

/* "it", "'s" -> "it's"; "do", "n't" -> "don't". */
static bool continues_last(const char *word)
{
    return word[0] == '\'' || strcmp(word, "n't") == 0;
}

static void add_word(GPtrArray *words, char *word)
{
    cut_variant(word);
    if (words->len == 0 || !continues_last(word)) {
        g_ptr_array_add(words, g_strdup(word));
        return;
    }
    char **last = (char **)&words->pdata[words->len - 1];
    char *joined = g_strconcat(*last, word, NULL);
    g_free(*last);
    *last = joined;
}

static GPtrArray *split_words(const char *text)
{
    g_autofree char *valid = text_valid_utf8(text);
    g_auto(GStrv) raw = g_strsplit(valid, " ", -1);
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
    for (char **word = raw; *word; word++)
        if (**word != '\0' && !is_marker(*word))
            add_word(words, *word);
    return words;
}

/* Any capital or punctuation says that the engine writes sentences by itself. */
static bool is_written(const char *text)
{
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (g_unichar_isupper(c) || strchr(",.;:!?", (int)(c < 0x80 ? c : 1)))
            return true;
    }
    return false;
}

static bool is_english_question(const GPtrArray *words)
{
    const char *first = words->len > 0 ? words->pdata[0] : NULL;
    const char *second = words->len > 1 ? words->pdata[1] : NULL;
    if (is_one_of(first, question_words))
        return is_one_of(second, auxiliaries) || (strcmp(first, "how") == 0 && is_one_of(second, after_how));
    if (first && g_str_has_suffix(first, "'s") && g_str_has_prefix(first, "wh"))
        return true; /* what's, where's, who's */
    return is_one_of(first, auxiliaries) && is_one_of(second, subjects);
}

/* i, i'm, i'll, i've, i'd */
static void capitalise_english_i(GPtrArray *words)
{
    for (guint i = 0; i < words->len; i++) {
        char *word = words->pdata[i];
        if (word[0] == 'i' && (word[1] == '\0' || word[1] == '\''))
            word[0] = 'I';
    }
}

static char *join(const GPtrArray *words)
{
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < words->len; i++)
        g_string_append_printf(out, "%s%s", i > 0 ? " " : "", (const char *)words->pdata[i]);
    return g_string_free(out, FALSE);
}

static char *capitalise(const char *text)
{
    gunichar first = g_unichar_toupper(g_utf8_get_char(text));
    GString *out = g_string_new(NULL);
    g_string_append_unichar(out, first);
    g_string_append(out, g_utf8_next_char(text));
    return g_string_free(out, FALSE);
}

static bool ends_a_sentence(const char *text)
{
    gunichar last = g_utf8_get_char(g_utf8_find_prev_char(text, text + strlen(text)));
    return g_unichar_ispunct(last);
}

static bool is_english(const char *language)
{
    return language && g_ascii_strncasecmp(language, "en", 2) == 0 && !g_ascii_isalpha(language[2]);
}

char *text_sentence_from_words(const char *raw, const char *language)
{
    g_autoptr(GPtrArray) words = split_words(raw);
    if (words->len == 0)
        return g_strdup("");
    g_autofree char *plain = join(words);
    bool question = false;
    if (!is_written(plain) && is_english(language)) {
        question = is_english_question(words);
        capitalise_english_i(words);
    }
    g_autofree char *joined = join(words);
    g_autofree char *sentence = capitalise(joined);
    if (ends_a_sentence(sentence))
        return text_tidy(sentence);
    g_autofree char *ended = g_strconcat(sentence, question ? "?" : ".", NULL);
    return text_tidy(ended);
}
