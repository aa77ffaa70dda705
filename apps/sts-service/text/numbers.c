/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "numbers.h"

#include "language.h"
#include <stdbool.h>
#include <string.h>

struct number_word {
    const char *word;
    int value;
};

static const struct number_word small[] = {
    {"zero", 0},     {"one", 1},      {"two", 2},        {"three", 3},     {"four", 4},
    {"five", 5},     {"six", 6},      {"seven", 7},      {"eight", 8},     {"nine", 9},
    {"ten", 10},     {"eleven", 11},  {"twelve", 12},    {"thirteen", 13}, {"fourteen", 14},
    {"fifteen", 15}, {"sixteen", 16}, {"seventeen", 17}, {"eighteen", 18}, {"nineteen", 19},
};
static const struct number_word tens[] = {
    {"twenty", 20}, {"thirty", 30},  {"forty", 40},  {"fifty", 50},
    {"sixty", 60},  {"seventy", 70}, {"eighty", 80}, {"ninety", 90},
};
static const struct number_word ordinals[] = {
    {"first", 1}, {"second", 2},  {"third", 3},  {"fourth", 4}, {"fifth", 5},
    {"sixth", 6}, {"seventh", 7}, {"eighth", 8}, {"ninth", 9},
};
static const char *const ordinal_endings[] = {"th", "st", "nd", "rd", "th", "th", "th", "th", "th", "th"};

/* Words from `at` on; a word with punctuation behind it is the last that may belong to a number. */
struct cursor {
    char **words;
    guint at;
    bool closed;
};

static int find(const struct number_word *table, gsize count, const char *word)
{
    for (gsize i = 0; i < count; i++)
        if (strcmp(table[i].word, word) == 0)
            return table[i].value;
    return -1;
}

/* The word without the punctuation behind it. NULL: none may follow. */
static char *peek(const struct cursor *cursor)
{
    const char *word = cursor->closed ? NULL : cursor->words[cursor->at];
    return word ? g_strndup(word, strcspn(word, ",.;:!?")) : NULL;
}

static void advance(struct cursor *cursor)
{
    const char *word = cursor->words[cursor->at++];
    cursor->closed = word[strcspn(word, ",.;:!?")] != '\0';
}

static bool accept(struct cursor *cursor, const char *wanted)
{
    g_autofree char *word = peek(cursor);
    if (g_strcmp0(word, wanted) != 0)
        return false;
    advance(cursor);
    return true;
}

/* The value of the next word in the table, at least `least`; -1 without moving where it is something else. */
static int accept_value(struct cursor *cursor, const struct number_word *table, gsize count, int least)
{
    g_autofree char *word = peek(cursor);
    int value = word ? find(table, count, word) : -1;
    if (value < least)
        return -1;
    advance(cursor);
    return value;
}

static int below_hundred(struct cursor *cursor)
{
    int value = accept_value(cursor, tens, G_N_ELEMENTS(tens), 0);
    if (value < 0)
        return accept_value(cursor, small, G_N_ELEMENTS(small), 0);
    struct cursor before = *cursor;
    int unit = accept_value(cursor, small, 10, 1);
    if (unit < 0)
        *cursor = before;
    return unit < 0 ? value : value + unit;
}

/* "and" only together with what it joins. */
static int after_and(struct cursor *cursor, int (*part)(struct cursor *))
{
    struct cursor before = *cursor;
    accept(cursor, "and");
    int value = part(cursor);
    if (value <= 0)
        *cursor = before;
    return MAX(value, 0);
}

/* "a hundred" counts as one; "a" alone is an article. */
static int article_or(struct cursor *cursor, int (*part)(struct cursor *), const char *unit)
{
    struct cursor before = *cursor;
    if (!accept(cursor, "a"))
        return part(cursor);
    g_autofree char *next = peek(cursor);
    if (g_strcmp0(next, unit) == 0)
        return 1;
    *cursor = before;
    return part(cursor);
}

static int below_thousand(struct cursor *cursor)
{
    int value = article_or(cursor, below_hundred, "hundred");
    if (value > 0 && accept(cursor, "hundred"))
        return value * 100 + after_and(cursor, below_hundred);
    return value;
}

static int below_million(struct cursor *cursor)
{
    int value = article_or(cursor, below_thousand, "thousand");
    if (value > 0 && value < 1000 && accept(cursor, "thousand"))
        return value * 1000 + after_and(cursor, below_thousand);
    return value;
}

/* "nineteen eighty four", "twenty twelve", "nineteen oh five" */
static int year(struct cursor *cursor)
{
    int century = below_hundred(cursor);
    if (century < 13 || century > 20)
        return -1;
    if (accept(cursor, "oh")) {
        int unit = accept_value(cursor, small, 10, 1);
        return unit < 0 ? -1 : century * 100 + unit;
    }
    int rest = below_hundred(cursor);
    return rest < 10 ? -1 : century * 100 + rest;
}

/* "two point five": the digits behind the point, or nothing. */
static void append_fraction(struct cursor *cursor, GString *digits)
{
    struct cursor before = *cursor;
    gsize length = digits->len;
    if (!accept(cursor, "point"))
        return;
    g_string_append_c(digits, '.');
    for (int digit; (digit = accept_value(cursor, small, 10, 0)) >= 0;)
        g_string_append_c(digits, (char)('0' + digit));
    if (digits->len > length + 1)
        return;
    *cursor = before;
    g_string_truncate(digits, length);
}

static bool ordinal(struct cursor *cursor, GString *digits)
{
    int ten = accept_value(cursor, tens, G_N_ELEMENTS(tens), 0);
    int unit = ten < 0 ? -1 : accept_value(cursor, ordinals, G_N_ELEMENTS(ordinals), 0);
    if (unit < 0)
        return false;
    g_string_printf(digits, "%d%s", ten + unit, ordinal_endings[unit]);
    return true;
}

static bool cardinal(struct cursor *cursor, GString *digits)
{
    struct cursor before = *cursor;
    int value = year(cursor);
    if (value < 0) {
        *cursor = before;
        value = below_million(cursor);
    }
    if (value < 0)
        return false;
    g_string_printf(digits, "%d", value);
    append_fraction(cursor, digits);
    return true;
}

/* A number of two words and more at the cursor, which moves behind it. */
static bool number(struct cursor *cursor, GString *digits)
{
    struct cursor before = *cursor;
    if (ordinal(cursor, digits))
        return true;
    *cursor = before;
    if (cardinal(cursor, digits) && cursor->at >= before.at + 2)
        return true;
    *cursor = before;
    return false;
}

char *text_numbers_to_digits(const char *text, const char *language)
{
    if (!text_is_language(language, "en"))
        return g_strdup(text);
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    g_autoptr(GString) digits = g_string_new(NULL);
    GString *out = g_string_new(NULL);
    struct cursor cursor = {.words = words};
    while (words[cursor.at]) {
        if (out->len > 0)
            g_string_append_c(out, ' ');
        cursor.closed = false;
        if (!number(&cursor, digits)) {
            g_string_append(out, words[cursor.at++]);
            continue;
        }
        const char *last = words[cursor.at - 1];
        g_string_append_printf(out, "%s%s", digits->str, last + strcspn(last, ",.;:!?"));
    }
    return g_string_free(out, FALSE);
}

/* These write 1,250.5; the others that we meet write 1.250,5. */
static bool has_decimal_point(const char *language)
{
    static const char *const bases[] = {"en", "zh", "ja", "ko", "th", "he", "hi", "ur", "mt", "cy", "ga"};
    for (gsize i = 0; i < G_N_ELEMENTS(bases); i++)
        if (text_is_language(language, bases[i]))
            return true;
    return false;
}

static gboolean swap_separators(const GMatchInfo *match, GString *out, gpointer user)
{
    g_autofree char *found = g_match_info_fetch(match, 0);
    for (const char *at = found; *at != '\0'; at++)
        g_string_append_c(out, *at == '.' ? ',' : *at == ',' ? '.' : *at);
    return FALSE;
}

char *text_numbers_localise(const char *text, const char *from, const char *to)
{
    bool point = has_decimal_point(from);
    if (point == has_decimal_point(to) || !g_utf8_validate(text, -1, NULL))
        return g_strdup(text);
    const char *pattern =
        point ? "(?<![\\w.,:])(?:\\d{1,3}(?:,\\d{3})+(?:\\.\\d+)?|\\d+\\.\\d+)(?!\\w|[.,:]\\d)"
              : "(?<![\\w.,:])(?:\\d{1,3}(?:\\.\\d{3})+(?:,\\d+)?|\\d+,\\d+)(?!\\w|[.,:]\\d)";
    g_autoptr(GRegex) number_form = g_regex_new(pattern, 0, 0, NULL);
    char *out = g_regex_replace_eval(number_form, text, -1, 0, 0, swap_separators, NULL, NULL);
    if (!out)
        return g_strdup(text);
    return out;
}
