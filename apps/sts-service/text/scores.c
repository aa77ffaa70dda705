/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "numbers.h"

#include "language.h"
#include <stdbool.h>
#include <string.h>

#define DIGIT "zero|nil|one|two|three|four|five|six|seven|eight|nine"
#define TEEN "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty"
#define RESULT                                                                                               \
    "won|win|wins|beat|beats|beating|lost|lose|loses|lead|leads|led|leading|draw|drew|score|ahead|finished|" \
    "ended|ends|defeated|trail|trailing|behind|victory|defeat"

static const char *digits_of(const char *word)
{
    static const char *const words[] = {"zero",     "one",      "two",      "three",   "four",    "five",
                                        "six",      "seven",    "eight",    "nine",    "ten",     "eleven",
                                        "twelve",   "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
                                        "eighteen", "nineteen", "twenty"};
    static const char *const digits[] = {"0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",  "8",  "9", "10",
                                         "11", "12", "13", "14", "15", "16", "17", "18", "19", "20"};
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
        if (strcmp(words[i], word) == 0)
            return digits[i];
    return strcmp(word, "nil") == 0 ? "0" : word;
}

static gboolean write_score(const GMatchInfo *match, GString *out, gpointer user)
{
    g_autofree char *one = g_match_info_fetch_named(match, "one");
    g_autofree char *other = g_match_info_fetch_named(match, "other");
    g_string_append_printf(out, "%s-%s", digits_of(one), digits_of(other));
    return FALSE;
}

char *text_scores_to_digits(const char *text, const char *language)
{
    /* With "to" any number, without it one digit each ("twenty one" is none); not "from two to three", and
     * only where the result stands at the end or before a preposition. */
    static const char pattern[] =
        "(?J)(?<!from )(?<!at )(?<!\\w)(?:(?<one>" DIGIT "|" TEEN "|\\d{1,3}) to (?<other>" DIGIT "|" TEEN
        "|\\d{1,3})|(?<one>" DIGIT ") (?<other>" DIGIT "))(?= (?:in|at|on|after|against|over)\\b|[.,]|$)";
    if (!text_is_language(language, "en") || !g_utf8_validate(text, -1, NULL) ||
        !g_regex_match_simple("\\b(?:" RESULT ")\\b", text, 0, 0))
        return g_strdup(text);
    g_autoptr(GRegex) score = g_regex_new(pattern, 0, 0, NULL);
    char *out = g_regex_replace_eval(score, text, -1, 0, 0, write_score, NULL, NULL);
    if (!out)
        return g_strdup(text);
    return out;
}
