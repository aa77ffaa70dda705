/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "apertium_case.h"

#include <stdbool.h>
#include <string.h>

/* Words that are never names: articles, prepositions, conjunctions, pronouns. */
static const struct {
    const char *language;
    const char *words;
} function_words[] = {
    {"en",
     " a about after an and as at before but by during every for from he her his if in into is it its last "
     "my "
     "next nor not of on or our she since so than until while "
     "that the their them then there these they this those to was we were what when where which who why "
     "how with you your "},
    {"es",
     " a al ante aquel aquella bajo como con contra cuando de del desde donde e el ella ellas ellos en "
     "entre es esa ese eso esta este esto están está fue ha hacia han hasta hay la las le les lo los más mi "
     "ni no nos o os para pero por porque pues que quien se según si sin sobre son su sus tras tu tus u un "
     "una uno unas unos vuestra vuestro y ya yo él "},
    {"ca",
     " a al als amb com de del dels des el els en entre es i la les li lo no o per però què que se si sobre "
     "un una uns unes "},
    {"pt",
     " a ao aos as com como da das de do dos e em entre mas na nas no nos não o os ou para pela pelo por "
     "que se sem sobre um uma "},
    {"gl",
     " a ao aos as co coa como da das de do dos e en entre mais na nas no nos o os ou para pero por que se "
     "sen sobre un unha "},
    {"fr",
     " a au aux avec ce ces cette dans de des du elle elles en est et il ils je la le les mais ne nous on "
     "ou par pas pour qu que qui se si son sur un une vous à "},
    {"it",
     " a al alla che come con da dal dalla dei del della di e ed gli i il in la le lo ma nel nella non o "
     "per se si su un una uno è "},
};

/* Written with a capital wherever they stand. */
static const char *const english_capitals = " monday tuesday wednesday thursday friday saturday sunday "
                                            "january february march april may june july august "
                                            "september october november december french german dutch greek "
                                            "swiss czech thai welsh danish christmas easter "
                                            "mr mrs ms dr god internet catholic muslim jew ";
static const char *const english_capital_endings[] = {"ish", "ese", "ian", "ean", "ican", NULL};

/* These write every noun with a capital; nothing can be told from it. */
static bool capitals_mean_nothing(const char *language)
{
    return strcmp(language, "de") == 0 || strcmp(language, "lb") == 0;
}

/* One word: letters and marks, with an apostrophe or a hyphen inside. */
struct word {
    const char *at;
    gsize length;
    bool starts; /* a sentence */
};

static bool is_letter(gunichar c)
{
    return g_unichar_isalpha(c) || g_unichar_ismark(c);
}

static const char *end_of_word(const char *at)
{
    while (is_letter(g_utf8_get_char(at)) ||
           ((*at == '\'' || *at == '-') && is_letter(g_utf8_get_char(at + 1))))
        at = g_utf8_next_char(at);
    return at;
}

/* Not behind "EE.UU." and "a.m.". */
static bool ends_sentence(const char *text, const char *at)
{
    const char *letter = at;
    if (!strchr(".!?", *at) || (at[1] != ' ' && at[1] != '\0'))
        return false;
    while (letter > text && g_ascii_isalpha(letter[-1]))
        letter--;
    return letter == at || letter == text || letter[-1] != '.';
}

/* The next word from *at on, which moves behind it; *starts is kept between the calls. */
static bool next_word(const char *text, const char **at, bool *starts, struct word *word)
{
    for (; **at != '\0'; *at = g_utf8_next_char(*at)) {
        gunichar c = g_utf8_get_char(*at);
        if (is_letter(c)) {
            const char *end = end_of_word(*at);
            *word = (struct word){.at = *at, .length = (gsize)(end - *at), .starts = *starts};
            *starts = false;
            *at = end;
            return true;
        }
        if (ends_sentence(text, *at))
            *starts = true;
        else if (g_unichar_isdigit(c))
            *starts = false;
    }
    return false;
}

static char *lower(const struct word *word)
{
    return g_utf8_strdown(word->at, (gssize)word->length);
}

static bool is_capitalised(const struct word *word)
{
    return g_unichar_isupper(g_utf8_get_char(word->at));
}

/* Upper case throughout, of at least two letters. */
static bool is_all_upper(const struct word *word)
{
    guint letters = 0;
    for (const char *at = word->at; at < word->at + word->length; at = g_utf8_next_char(at), letters++)
        if (g_unichar_islower(g_utf8_get_char(at)))
            return false;
    return letters >= 2;
}

/* A capital after the first letter: "iPhone", "McDonald". */
static bool has_inner_capital(const struct word *word)
{
    for (const char *at = g_utf8_next_char(word->at); at < word->at + word->length; at = g_utf8_next_char(at))
        if (g_unichar_isupper(g_utf8_get_char(at)))
            return true;
    return false;
}

static bool is_english_i(const struct word *word)
{
    return word->at[0] == 'I' && (word->length == 1 || word->at[1] == '\'');
}

static bool is_listed(const char *words, const char *word)
{
    g_autofree char *spaced = g_strconcat(" ", word, " ", NULL);
    return strstr(words, spaced) != NULL;
}

static bool is_function_word(const struct word *word, const char *language)
{
    g_autofree char *small = lower(word);
    for (gsize i = 0; i < G_N_ELEMENTS(function_words); i++)
        if (strcmp(function_words[i].language, language) == 0)
            return is_listed(function_words[i].words, small);
    return false;
}

static bool always_capital(const struct word *word, const char *language)
{
    if (strcmp(language, "en") != 0)
        return false;
    g_autofree char *small = lower(word);
    if (is_english_i(word) || is_listed(english_capitals, small))
        return true;
    for (const char *const *ending = english_capital_endings; *ending; ending++)
        if (g_str_has_suffix(small, *ending))
            return true;
    return false;
}

static void append_raised(GString *out, const char *at, gsize length)
{
    const char *rest = g_utf8_next_char(at);
    g_string_append_unichar(out, g_unichar_toupper(g_utf8_get_char(at)));
    g_string_append_len(out, rest, (gssize)(at + length - rest));
}

static bool may_be_lowered(const struct word *word, const struct word *next, const char *language)
{
    if (!word->starts || !is_capitalised(word) || has_inner_capital(word))
        return false;
    if (strcmp(language, "en") == 0 && is_english_i(word))
        return false;
    if (is_function_word(word, language))
        return true;
    return !next || next->starts || !is_capitalised(next) || is_english_i(next);
}

char *apertium_case_lower_starts(const char *text, const char *language)
{
    if (capitals_mean_nothing(language))
        return g_strdup(text);
    GString *out = g_string_new(NULL);
    const char *from = text;
    const char *at = text;
    bool starts = true;
    struct word word;
    struct word next;
    for (bool more = next_word(text, &at, &starts, &word); more; word = next) {
        more = next_word(text, &at, &starts, &next);
        g_string_append_len(out, from, (gssize)(word.at - from));
        from = word.at + word.length;
        g_autofree char *small = lower(&word);
        if (may_be_lowered(&word, more ? &next : NULL, language))
            g_string_append(out, small);
        else
            g_string_append_len(out, word.at, (gssize)word.length);
    }
    g_string_append(out, from);
    return g_string_free(out, FALSE);
}

/* What the source writes with a capital, by its small form, and how many of these the answer may have under
 * another form: those that it does not have as they are. */
struct names {
    GHashTable *spelling; /* "bbc" -> "BBC" */
    guint acronyms;
    guint others;
    bool first; /* the text begins with one */
};

static guint *budget_for(struct names *names, const struct word *word)
{
    return is_all_upper(word) ? &names->acronyms : &names->others;
}

static void note_names(struct names *names, const char *sent)
{
    struct word word;
    bool starts = true;
    bool first = true;
    for (const char *at = sent; next_word(sent, &at, &starts, &word); first = false) {
        if ((!is_capitalised(&word) && !has_inner_capital(&word)) || is_english_i(&word))
            continue;
        bool is_new = g_hash_table_replace(names->spelling, lower(&word), g_strndup(word.at, word.length));
        /* "Monday" has its capital from the language: its translation needs none. */
        bool is_name = !always_capital(&word, "en");
        names->first |= first && is_name;
        /* "US" comes back as "EE.UU." */
        if (is_new && is_name)
            *budget_for(names, &word) += is_all_upper(&word) ? 2 : 1;
    }
}

static void cross_out_names(struct names *names, const char *answer)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    struct word word;
    bool starts = true;
    for (const char *at = answer; next_word(answer, &at, &starts, &word);) {
        char *small = lower(&word);
        const char *spelling = g_hash_table_lookup(names->spelling, small);
        if (!g_hash_table_add(seen, small) || !spelling)
            continue;
        struct word own = {.at = spelling, .length = strlen(spelling)};
        guint *budget = budget_for(names, &own);
        *budget -= *budget > 0;
    }
}

/* A word that the source does not have: the translation of a name, or a stray capital. The first word of a
 * sentence gets its capital anyway; it counts as a name only where the source begins with one. */
static bool keeps_capital(struct names *names, const struct word *word, const char *language)
{
    if (always_capital(word, language))
        return true;
    guint *budget = budget_for(names, word);
    if (is_function_word(word, language) || *budget == 0 || (word->starts && !names->first))
        return false;
    *budget -= 1;
    return true;
}

static void append_restored(GString *out, struct names *names, const struct word *word, const char *language)
{
    g_autofree char *small = lower(word);
    const char *spelling = g_hash_table_lookup(names->spelling, small);
    bool capital = is_capitalised(word) || has_inner_capital(word);
    /* "Los Ángeles", but "los ángeles de Los Ángeles" */
    if (spelling && (capital || !is_function_word(word, language)))
        g_string_append(out, spelling);
    else if (capital && keeps_capital(names, word, language))
        g_string_append_len(out, word->at, (gssize)word->length);
    else
        g_string_append(out, small);
}

char *apertium_case_restore(const char *answer, const char *sent, const char *language)
{
    if (capitals_mean_nothing(language))
        return g_strdup(answer);
    struct names names = {.spelling = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free)};
    note_names(&names, sent);
    cross_out_names(&names, answer);
    GString *out = g_string_new(NULL);
    const char *from = answer;
    bool starts = true;
    struct word word;
    for (const char *at = answer; next_word(answer, &at, &starts, &word);) {
        g_string_append_len(out, from, (gssize)(word.at - from));
        append_restored(out, &names, &word, language);
        from = word.at + word.length;
    }
    g_string_append(out, from);
    g_hash_table_unref(names.spelling);
    return g_string_free(out, FALSE);
}

char *apertium_case_raise_starts(const char *text)
{
    GString *out = g_string_new(NULL);
    const char *from = text;
    bool starts = true;
    struct word word;
    for (const char *at = text; next_word(text, &at, &starts, &word);) {
        g_string_append_len(out, from, (gssize)(word.at - from));
        if (word.starts && !has_inner_capital(&word))
            append_raised(out, word.at, word.length);
        else
            g_string_append_len(out, word.at, (gssize)word.length);
        from = word.at + word.length;
    }
    g_string_append(out, from);
    return g_string_free(out, FALSE);
}
