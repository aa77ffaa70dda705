/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fillers.h"

#include "language.h"
#include <string.h>

/* Only what is no word of the language: "um" is an article in Portuguese, "er" a pronoun in German. */
static const char *const english[] = {"uh", "um", "uhm", "er", "erm", "hm", "hmm", "mhm", NULL};
static const char *const spanish[] = {"eh", "em", "ehm", "mmm", "hmm", NULL};
static const char *const german[] = {"äh", "ähm", "hm", "hmm", NULL};
static const char *const french[] = {"euh", "heu", "hum", "hmm", NULL};
static const char *const italian[] = {"ehm", "uhm", "mmm", NULL};
static const char *const portuguese[] = {"hum", "hmm", "hã", NULL};

static const struct {
    const char *language;
    const char *const *words;
} fillers[] = {
    {"en", english}, {"es", spanish}, {"de", german}, {"fr", french}, {"it", italian}, {"pt", portuguese},
};

static const char *const *fillers_of(const char *language)
{
    static const char *const none[] = {NULL};
    for (gsize i = 0; i < G_N_ELEMENTS(fillers); i++)
        if (text_is_language(language, fillers[i].language))
            return fillers[i].words;
    return none;
}

static const char *word_at(const GPtrArray *words, guint at)
{
    return at < words->len ? words->pdata[at] : NULL;
}

/* "Um," is one, "ER" and "UM" are acronyms. */
static bool is_filler(const char *word, const char *const *list)
{
    if (!word)
        return false;
    g_autofree char *bare = g_strndup(word, strcspn(word, ",.;:!?"));
    if (g_ascii_isupper(bare[0]))
        bare[0] = g_ascii_tolower(bare[0]);
    return text_is_one_of(bare, list);
}

/* "it was you know cold", "well you know i": there the two words can be the object or the subject of nothing.
 */
static bool is_idle_you_know(const GPtrArray *words, guint at, const char *const *list)
{
    static const char *const copulas[] = {"is",   "was",    "are",  "were", "it's",
                                          "he's", "that's", "been", "i'm",  NULL};
    static const char *const openers[] = {"well", "mean", NULL};
    static const char *const subjects[] = {"i",   "i'm", "i've",  "it's", "he's",  "she's",  "we", "he",
                                           "she", "it",  "we're", "they", "there", "that's", NULL};
    const char *next = word_at(words, at + 2);
    if (g_strcmp0(word_at(words, at), "you") != 0 || g_strcmp0(word_at(words, at + 1), "know") != 0 || !next)
        return false;
    const char *before = at > 0 ? word_at(words, at - 1) : NULL;
    return is_filler(next, list) || text_is_one_of(before, copulas) ||
           (text_is_one_of(before, openers) && text_is_one_of(next, subjects));
}

static void replace_word(GPtrArray *words, guint at, char *word)
{
    g_free(words->pdata[at]);
    words->pdata[at] = word;
}

/* "we lost, um." -> "we lost." */
static void keep_end(GPtrArray *words, guint at)
{
    const char *filler = words->pdata[at];
    const char *end = filler + strcspn(filler, ".!?");
    if (*end == '\0' || at == 0)
        return;
    const char *before = words->pdata[at - 1];
    gsize length = strlen(before);
    if (length > 0 && strchr(".!?", before[length - 1]))
        return;
    length -= length > 0 && strchr(",;:", before[length - 1]);
    replace_word(words, at - 1, g_strdup_printf("%.*s%s", (int)length, before, end));
}

/* "Um, we" -> "We" */
static void keep_capital(GPtrArray *words, guint at)
{
    const char *filler = words->pdata[at];
    const char *next = word_at(words, at + 1);
    if (!g_ascii_isupper(filler[0]) || !next)
        return;
    char *raised = g_strdup(next);
    raised[0] = g_ascii_toupper(raised[0]);
    replace_word(words, at + 1, raised);
}

void text_drop_fillers(GPtrArray *words, const char *language)
{
    const char *const *list = fillers_of(language);
    for (guint at = 0; list == english && at < words->len; at++)
        if (is_idle_you_know(words, at, list))
            g_ptr_array_remove_range(words, at, 2);
    for (guint at = 0; at < words->len;) {
        if (!is_filler(words->pdata[at], list)) {
            at++;
            continue;
        }
        keep_end(words, at);
        keep_capital(words, at);
        g_ptr_array_remove_index(words, at);
    }
}
