/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "names.h"

#include "language.h"
#include "name_rules.h"
#include <stdbool.h>
#include <string.h>

#define PUNCTUATION ",.;:!?"

/* The words of a text, each once as it stands and once small and without the punctuation behind it. */
struct words {
    GStrv written; /* changed in place: capitals only, so no word changes its length in characters */
    GStrv plain;
    guint count;
};

static void words_init(struct words *words, const char *text)
{
    words->written = g_strsplit(text, " ", -1);
    words->count = g_strv_length(words->written);
    words->plain = g_new0(char *, words->count + 1);
    for (guint i = 0; i < words->count; i++) {
        g_autofree char *bare = g_strndup(words->written[i], strcspn(words->written[i], PUNCTUATION));
        words->plain[i] = g_utf8_strdown(bare, -1);
    }
}

static void words_clear(struct words *words)
{
    g_strfreev(words->written);
    g_strfreev(words->plain);
}

static bool is_closed(const struct words *words, guint at)
{
    return strpbrk(words->written[at], PUNCTUATION) != NULL;
}

/* NULL: there is none in this clause. */
static const char *word_before(const struct words *words, guint at)
{
    return at > 0 && !is_closed(words, at - 1) ? words->plain[at - 1] : NULL;
}

static const char *word_behind(const struct words *words, guint at)
{
    return at + 1 < words->count && !is_closed(words, at) ? words->plain[at + 1] : NULL;
}

/* list: " a b c "; NULL is an empty one. */
static bool is_listed(const char *list, const char *word)
{
    if (!list || !word || *word == '\0')
        return false;
    g_autofree char *spaced = g_strconcat(" ", word, " ", NULL);
    return strstr(list, spaced) != NULL;
}

static bool listed_or_start(const char *list, const char *before)
{
    return is_listed(list, before ? before : "^");
}

static bool is_doubtful_name(const struct doubtful_name *name, const struct words *words, guint at)
{
    const char *before = word_before(words, at);
    const char *behind = word_behind(words, at);
    if (name->after || name->before)
        return listed_or_start(name->after, before) || is_listed(name->before, behind);
    return !listed_or_start(name->not_after, before) && !is_listed(name->not_before, behind);
}

static const struct doubtful_name *find_doubtful(const struct name_rules *rules, const char *word)
{
    for (const struct doubtful_name *name = rules->doubtful; name->word; name++)
        if (strcmp(name->word, word) == 0)
            return name;
    return NULL;
}

/* "monday's", "americans": the name without its ending. */
static char *stem_of(const char *word, const char *ending)
{
    return g_str_has_suffix(word, ending) ? g_strndup(word, strlen(word) - strlen(ending)) : NULL;
}

static bool is_listed_with_endings(const char *list, const char *word)
{
    static const char *const endings[] = {"", "'s", "s", "s'"};
    for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *stem = stem_of(word, endings[i]);
        if (is_listed(list, stem))
            return true;
    }
    return false;
}

#define SURE_MONTHS " january february april june july august september october november december "
#define ORDINALS                                                                                             \
    " first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "         \
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth "

/* "third", "21st" */
static bool is_ordinal(const char *word)
{
    if (!word)
        return false;
    gsize digits = strspn(word, "0123456789");
    if (digits == 0)
        return is_listed(ORDINALS, word);
    return digits <= 2 && is_listed(" st nd rd th ", word + digits);
}

static bool is_year(const char *word)
{
    return word && strlen(word) == 4 && strspn(word, "0123456789") == 4 && (word[0] == '1' || word[0] == '2');
}

static bool is_month(const char *word)
{
    return is_listed(SURE_MONTHS " may march ", word);
}

/* "march and april", "from march to may": another month within two words says it of this one. */
static bool has_month_beside(const struct words *words, guint at)
{
    static const char joining[] = " and or to through until till ";
    if (is_listed(joining, word_behind(words, at)) && is_listed(SURE_MONTHS, word_behind(words, at + 1)))
        return true;
    return is_listed(joining, word_before(words, at)) && at >= 2 && is_month(word_before(words, at - 1)) &&
           g_unichar_isupper(g_utf8_get_char(words->written[at - 2]));
}

/* "the third of may", "in may", "last march", "may 5th", "march 2024"; not "he may", "they march". */
static bool is_doubtful_month(const struct words *words, guint at)
{
    static const char before_month[] =
        " of in from since until till by during early late mid before after around ";
    const char *before = word_before(words, at);
    const char *behind = word_behind(words, at);
    if (is_listed(before_month, before) || is_year(behind) || has_month_beside(words, at))
        return true;
    if (is_listed(" last next every on ", before) && (!behind || strcmp(before, "on") != 0))
        return !is_listed(" be have not also ", behind);
    if (is_ordinal(before) || is_listed(" this ", before))
        return !behind;
    bool dated =
        is_ordinal(behind) || (behind && strcmp(behind, "the") == 0 &&
                               is_ordinal(word_behind(words, at + 1)) && g_strcmp0(before, "on") == 0);
    return dated && !is_listed(" i you he she it we they who to people troops ", before);
}

static void capitalise(struct words *words, guint at)
{
    char *word = words->written[at];
    GString *raised = g_string_new(NULL);
    g_string_append_unichar(raised, g_unichar_toupper(g_utf8_get_char(word)));
    g_string_append(raised, g_utf8_next_char(word));
    words->written[at] = g_string_free(raised, FALSE);
    g_free(word);
}

static void restore_word(struct words *words, guint at, const struct name_rules *rules)
{
    const char *word = words->plain[at];
    bool english = strcmp(rules->language, "en") == 0;
    const struct doubtful_name *doubtful = find_doubtful(rules, word);
    bool titled = english && at > 0 && is_listed(" mister missus mr mrs ms dr ", words->plain[at - 1]);
    if (!g_unichar_islower(g_utf8_get_char(words->written[at])))
        return;
    if (is_listed(rules->acronyms, word)) {
        char *raised = g_ascii_strup(words->written[at], -1);
        g_free(words->written[at]);
        words->written[at] = raised;
    } else if (titled ||
               (english ? is_listed_with_endings(rules->always, word) : is_listed(rules->always, word))) {
        capitalise(words, at);
    } else if (doubtful ? is_doubtful_name(doubtful, words, at)
                        : english && is_listed(" may march ", word) && is_doubtful_month(words, at)) {
        capitalise(words, at);
    }
}

/* Whether the words from `at` on are the phrase's. */
static bool is_phrase_at(const struct words *words, guint at, char *const *phrase)
{
    for (guint i = 0; phrase[i]; i++) {
        g_autofree char *small = g_utf8_strdown(phrase[i], -1);
        if (at + i >= words->count || strcmp(words->plain[at + i], small) != 0)
            return false;
        if (phrase[i + 1] && is_closed(words, at + i))
            return false;
    }
    return true;
}

/* How many words it has taken. */
static guint restore_phrase(struct words *words, guint at, const struct name_rules *rules)
{
    for (const char *const *phrase = rules->phrases; *phrase; phrase++) {
        g_auto(GStrv) parts = g_strsplit(*phrase, " ", -1);
        if (!is_phrase_at(words, at, parts))
            continue;
        for (guint i = 0; parts[i]; i++)
            if (g_unichar_isupper(g_utf8_get_char(parts[i])))
                capitalise(words, at + i);
        return g_strv_length(parts);
    }
    return 0;
}

char *text_restore_names(const char *text, const char *language)
{
    const struct name_rules *rules = name_rules_for(language);
    struct words words;
    if (!rules || !g_utf8_validate(text, -1, NULL))
        return g_strdup(text);
    words_init(&words, text);
    for (guint at = 0; at < words.count;) {
        guint taken = restore_phrase(&words, at, rules);
        if (taken == 0)
            restore_word(&words, at, rules);
        at += MAX(taken, 1);
    }
    char *out = g_strjoinv(" ", words.written);
    words_clear(&words);
    return out;
}
