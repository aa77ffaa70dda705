/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard.h"

#include <string.h>

/* Nobody says more: fast speech is about 25 letters a second. */
#define MAX_CHARS_PER_S 35
#define CHARS_SLACK 20
/* Translations between European languages stay within 0.7..1.5. */
#define MAX_RATIO 3.0
#define MIN_RATIO 0.15
/* One Chinese or Japanese character says about as much as three letters. */
#define WIDE_WEIGHT 3
#define MAX_PATTERN_WORDS 16
/* "noooo" is speech; a longer run of one letter is a decoder that got stuck. */
#define MAX_LETTER_RUN 7
/* In a pause with a click in it even a word or two are too much. */
#define SILENCE_SLACK_CHARS 5

const char *guard_verdict_text(enum guard_verdict verdict)
{
    static const char *const texts[] = {
#define X(name, text) text,
        GUARD_VERDICTS(X)
#undef X
    };
    return (size_t)verdict < G_N_ELEMENTS(texts) ? texts[verdict] : "unknown";
}

bool guard_has_letters(const char *text)
{
    while (*text != '\0') {
        gunichar c = g_utf8_get_char_validated(text, -1);
        if (c == (gunichar)-1 || c == (gunichar)-2) {
            text++;
            continue;
        }
        if (g_unichar_isalnum(c))
            return true;
        text = g_utf8_next_char(text);
    }
    return false;
}

static size_t weight(const char *text)
{
    size_t sum = 0;
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at))
        sum += g_unichar_iswide(g_utf8_get_char(at)) ? WIDE_WEIGHT : 1;
    return sum;
}

static void append_folded(GString *out, gunichar c)
{
    if (g_unichar_iswide(c)) {
        /* Such scripts have no spaces between words: each character counts as one. */
        g_string_append_c(out, ' ');
        g_string_append_unichar(out, c);
        g_string_append_c(out, ' ');
    } else if (g_unichar_isalnum(c) || g_unichar_ismark(c) || c == '\'') {
        g_string_append_unichar(out, c);
    } else {
        g_string_append_c(out, ' ');
    }
}

/* Lower-case words without punctuation. */
static GStrv words_of(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    g_autofree char *folded = g_utf8_casefold(valid, -1);
    GString *plain = g_string_new(NULL);
    for (const char *at = folded; *at != '\0'; at = g_utf8_next_char(at))
        append_folded(plain, g_utf8_get_char(at));
    g_auto(GStrv) split = g_strsplit(plain->str, " ", -1);
    g_string_free(plain, TRUE);
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    for (char **word = split; *word; word++)
        if (**word != '\0')
            g_strv_builder_add(builder, *word);
    return g_strv_builder_end(builder);
}

/* Letters only: "......" and "1000000" are something else. */
static bool has_letter_run(const char *text)
{
    gunichar last = 0;
    int run = 0;
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_unichar_tolower(g_utf8_get_char(at));
        run = c == last ? run + 1 : 1;
        last = c;
        if (run > MAX_LETTER_RUN && g_unichar_isalpha(c))
            return true;
    }
    return false;
}

/* How many words from `at` on go on repeating the first `length`. */
static guint run_length(char *const *words, guint count, guint at, guint length)
{
    guint end = at + length;
    while (end < count && strcmp(words[end], words[end - length]) == 0)
        end++;
    return end - at;
}

/* "no no no" is speech; a loop goes on. A single word may come five times, a phrase twice. */
static guint repeats_allowed(guint pattern_words)
{
    if (pattern_words == 1)
        return 5;
    return pattern_words == 2 ? 3 : 2;
}

static bool loops(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    if (has_letter_run(valid))
        return true;
    g_auto(GStrv) words = words_of(valid);
    guint count = g_strv_length(words);
    for (guint length = 1; length <= MAX_PATTERN_WORDS; length++)
        for (guint at = 0; at + length < count; at++)
            if (run_length(words, count, at, length) / length > repeats_allowed(length))
                return true;
    return false;
}

static bool is_too_much(const char *text, int64_t duration_ms, int slack_chars)
{
    return (int64_t)weight(text) * 1000 > duration_ms * MAX_CHARS_PER_S + slack_chars * 1000;
}

enum guard_verdict guard_transcript(const char *text, int64_t duration_ms)
{
    if (*text == '\0')
        return GUARD_OK;
    if (!guard_has_letters(text))
        return GUARD_NO_LETTERS;
    if (duration_ms > 0 && is_too_much(text, duration_ms, CHARS_SLACK))
        return GUARD_TOO_MUCH;
    return loops(text) ? GUARD_REPETITION : GUARD_OK;
}

enum guard_verdict guard_transcript_of_sound(const char *text, int64_t duration_ms, int64_t loud_ms)
{
    enum guard_verdict verdict = guard_transcript(text, duration_ms);
    if (verdict != GUARD_OK || *text == '\0')
        return verdict;
    return is_too_much(text, loud_ms, SILENCE_SLACK_CHARS) ? GUARD_SILENCE : GUARD_OK;
}

static bool out_of_proportion(const char *source, const char *translated)
{
    double from = (double)weight(source);
    double to = (double)weight(translated);
    return to > from * MAX_RATIO + CHARS_SLACK || to < from * MIN_RATIO - 1.0;
}

enum guard_verdict guard_translation(const char *source, const char *translated)
{
    if (!guard_has_letters(source))
        return GUARD_OK;
    if (*translated == '\0')
        return GUARD_DISPROPORTION;
    if (!guard_has_letters(translated))
        return GUARD_NO_LETTERS;
    if (out_of_proportion(source, translated))
        return GUARD_DISPROPORTION;
    return loops(translated) && !loops(source) ? GUARD_REPETITION : GUARD_OK;
}
