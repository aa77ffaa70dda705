/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Preparation for speech as passes over the text: characters, then what the language's tables know:
 * abbreviations, times, money, units, scores. A language without tables keeps them. */
#include "prepare.h"

#include "speech_rules.h"
#include "tidy.h"
#include <stdbool.h>
#include <string.h>

struct character_rule {
    gunichar from;
    const char *to;
};

/* What engines read aloud, stumble over or take for mark-up. Straight quotes go too: nobody hears them. */
static const struct character_rule characters[] = {
    {0x2018, "'"}, {0x2019, "'"}, {0x201a, "'"}, {0x02bc, "'"}, {0x201c, ""},  {0x201d, ""},
    {0x201e, ""},  {0x00ab, ""},  {0x00bb, ""},  {0x2039, ""},  {0x203a, ""},  {'"', ""},
    {'`', ""},     {0x2010, "-"}, {0x2011, "-"}, {0x2012, "-"}, {0x2026, "."}, {0x00ad, ""},
    {0x200b, ""},  {0xfeff, ""},  {'<', " "},    {'>', " "},    {'[', " "},    {']', " "},
    {'{', " "},    {'}', " "},    {'*', ""},     {'_', " "},    {'#', " "},    {'@', " "},
    {'|', " "},    {'\\', " "},   {'^', " "},    {'~', " "},    {0x2022, " "}, {0xfffd, " "},
};

static const char *character_replacement(gunichar c)
{
    for (size_t i = 0; i < G_N_ELEMENTS(characters); i++)
        if (characters[i].from == c)
            return characters[i].to;
    return NULL;
}

/* En and em dashes and horizontal bars: between digits they are a hyphen (a score, a range), elsewhere a
 * short pause. */
static bool is_dash(gunichar c)
{
    return c >= 0x2013 && c <= 0x2015;
}

static void append_dash(GString *out, const char *after)
{
    if (out->len > 0 && g_ascii_isdigit(out->str[out->len - 1]) && g_ascii_isdigit(*after))
        g_string_append_c(out, '-');
    else if (out->len > 0)
        g_string_append(out, ", ");
}

static char *replace_characters(const char *text)
{
    GString *out = g_string_new(NULL);
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        const char *replacement = character_replacement(c);
        if (is_dash(c))
            append_dash(out, g_utf8_next_char(at));
        else if (replacement)
            g_string_append(out, replacement);
        else
            g_string_append_unichar(out, c);
    }
    return g_string_free(out, FALSE);
}

static bool is_word_byte(char c)
{
    return g_ascii_isalnum(c) || (unsigned char)c >= 0x80 || c == '.';
}

/* "Dr." ends by itself, "km" must not go on as "kmart". */
static bool stands_alone(const char *start, const char *at, const char *from)
{
    size_t length = strlen(from);
    if (at > start && is_word_byte(at[-1]) && from[0] != '&')
        return false;
    return !g_ascii_isalnum(from[length - 1]) || !is_word_byte(at[length]) || at[length] == '.';
}

static const struct word_rule *rule_at(const struct speech_rules *rules, const char *start, const char *at)
{
    for (const struct word_rule *rule = rules->words; rule->from; rule++)
        if (g_str_has_prefix(at, rule->from) && stands_alone(start, at, rule->from))
            return rule;
    return NULL;
}

/* An abbreviation's stop that also ended the sentence stays as the sentence's. */
static bool was_the_end(const struct word_rule *rule, const char *after)
{
    while (*after == ' ')
        after++;
    return *after == '\0' && g_str_has_suffix(rule->from, ".");
}

static char *replace_words(const char *text, const struct speech_rules *rules)
{
    GString *out = g_string_new(NULL);
    const char *at = text;
    while (*at != '\0') {
        const struct word_rule *rule = rule_at(rules, text, at);
        if (!rule) {
            g_string_append_c(out, *at++);
            continue;
        }
        at += strlen(rule->from);
        g_string_append(out, rule->to);
        if (was_the_end(rule, at))
            g_string_append_c(out, '.');
    }
    return g_string_free(out, FALSE);
}

static char *replace(const char *text, const char *pattern, const char *replacement)
{
    g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
    char *out = g_regex_replace(regex, text, -1, 0, replacement, 0, NULL);
    if (!out)
        return g_strdup(text);
    return out;
}

static char *replace_by(const char *text, const char *pattern, GRegexEvalCallback by, const void *user)
{
    g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
    char *out = g_regex_replace_eval(regex, text, -1, 0, 0, by, (gpointer)user, NULL);
    if (!out)
        return g_strdup(text);
    return out;
}

/* 3-1, 101-98; not 555-1234, 2010-2012, 1-2-3 or -5. */
static char *replace_scores(const char *text, const struct speech_rules *rules)
{
    g_autofree char *replacement = g_strdup_printf("\\1 %s \\2", rules->score);
    return replace(text, "(?<![\\w.,-])(\\d{1,3}) ?- ?(\\d{1,3})(?![\\w-]|[.,]\\d)", replacement);
}

/* "#5", before the sign goes as mark-up. */
static char *replace_hashes(const char *text, const struct speech_rules *rules)
{
    g_autofree char *number = g_strconcat(rules->number, " ", NULL);
    return replace(text, "#(?=\\d)", number);
}

/* "-5", "35 %" */
static char *replace_signs(const char *text, const struct speech_rules *rules)
{
    g_autofree char *minus = g_strconcat(rules->minus, " ", NULL);
    g_autofree char *percent = g_strconcat(" ", rules->percent, NULL);
    g_autofree char *signed_text = replace(text, "(?<![^ ])-(?=\\d)", minus);
    return replace(signed_text, "(?<=\\d) ?%", percent);
}

static gboolean speak_time(const GMatchInfo *match, GString *out, gpointer user)
{
    const struct time_rules *rules = user;
    g_autofree char *hour = g_match_info_fetch(match, 1);
    g_autofree char *minute = g_match_info_fetch(match, 2);
    g_autofree char *day_part = g_match_info_fetch(match, 3);
    const char *form = rules->minutes;
    if (strcmp(minute, "00") == 0)
        form = day_part && *day_part != '\0' ? rules->in_day_part : rules->full_hour;
    else if (minute[0] == '0')
        form = rules->few_minutes;
    g_autoptr(GString) spoken = g_string_new(form);
    g_string_replace(spoken, "{h}", hour[0] == '0' && hour[1] != '\0' ? hour + 1 : hour, 0);
    g_string_replace(spoken, "{m}", minute[0] == '0' ? minute + 1 : minute, 0);
    g_string_append(out, spoken->str);
    return FALSE;
}

static char *replace_times(const char *text, const struct speech_rules *rules)
{
    g_autofree char *pattern = g_strdup_printf(
        "(?<![\\w:.,-])([01]?\\d|2[0-3]):([0-5]\\d)(?![\\w:]|[.,]\\d)(?= (%s)\\b|)", rules->time.day_parts);
    return replace_by(text, pattern, speak_time, &rules->time);
}

static const char *form_for(const struct quantity_rule *rule, const char *number)
{
    return strcmp(number, "1") == 0 ? rule->one : rule->many;
}

static const struct quantity_rule *find_rule(const struct quantity_rule *rules, const char *symbol)
{
    while (rules->symbol && strcmp(rules->symbol, symbol) != 0)
        rules++;
    return rules->symbol ? rules : NULL;
}

static gboolean append_unchanged(const GMatchInfo *match, GString *out)
{
    g_autofree char *found = g_match_info_fetch(match, 0);
    g_string_append(out, found);
    return FALSE;
}

/* Both orders end here: (number)( scale)?(symbol) by name. */
static gboolean speak_money(const GMatchInfo *match, GString *out, gpointer user)
{
    const struct speech_rules *rules = user;
    g_autofree char *number = g_match_info_fetch_named(match, "number");
    g_autofree char *scale = g_match_info_fetch_named(match, "scale");
    g_autofree char *symbol = g_match_info_fetch_named(match, "symbol");
    const struct quantity_rule *rule = find_rule(rules->currencies, symbol);
    bool scaled = scale && *scale != '\0';
    if (!rule)
        return append_unchanged(match, out);
    g_string_append(out, number);
    if (scaled)
        g_string_append_printf(out, " %s%s%s", scale, rules->of, rule->many);
    else
        g_string_append_printf(out, " %s", form_for(rule, number));
    return FALSE;
}

static gboolean speak_unit(const GMatchInfo *match, GString *out, gpointer user)
{
    const struct speech_rules *rules = user;
    g_autofree char *number = g_match_info_fetch_named(match, "number");
    g_autofree char *symbol = g_match_info_fetch_named(match, "symbol");
    const struct quantity_rule *rule = find_rule(rules->units, symbol);
    if (!rule)
        return append_unchanged(match, out);
    g_string_append_printf(out, "%s %s", number, form_for(rule, number));
    return FALSE;
}

/* "km/h|km|..." as a regular expression that takes them literally. */
static char *symbols_of(const struct quantity_rule *rules)
{
    GString *out = g_string_new(NULL);
    for (; rules->symbol; rules++) {
        g_autofree char *literal = g_regex_escape_string(rules->symbol, -1);
        g_string_append_printf(out, "%s%s", out->len > 0 ? "|" : "", literal);
    }
    return g_string_free(out, FALSE);
}

#define NUMBER "(?<number>\\d(?:[\\d.,]{0,24}\\d)?)"

static char *replace_money(const char *text, const struct speech_rules *rules)
{
    g_autofree char *symbols = symbols_of(rules->currencies);
    g_autofree char *before =
        g_strdup_printf("(?<!\\w)(?<symbol>%s) ?" NUMBER "(?: (?<scale>%s)\\b)?", symbols, rules->scales);
    g_autofree char *behind =
        g_strdup_printf("(?<!\\w)" NUMBER "(?: (?<scale>%s))? ?(?<symbol>%s)(?!\\w)", rules->scales, symbols);
    g_autofree char *leading = replace_by(text, before, speak_money, rules);
    return replace_by(leading, behind, speak_money, rules);
}

static char *replace_units(const char *text, const struct speech_rules *rules)
{
    g_autofree char *symbols = symbols_of(rules->units);
    g_autofree char *pattern = g_strdup_printf("(?<!\\w)" NUMBER " ?(?<symbol>%s)(?![\\w/'])", symbols);
    return replace_by(text, pattern, speak_unit, rules);
}

/* "14.º" is spoken as an ordinal only without its stop. */
static char *replace_ordinals(const char *text, const struct speech_rules *rules)
{
    return replace(text, "(?<=\\d)\\.(?=[ºª])", "");
}

char *text_prepare_for_speech(const char *text, const char *language)
{
    static char *(*const passes[])(const char *text, const struct speech_rules *rules) = {
        replace_words,    replace_times,  replace_money, replace_units,
        replace_ordinals, replace_scores, replace_signs,
    };
    const struct speech_rules *rules = speech_rules_for(language);
    g_autofree char *valid = text_valid_utf8(text);
    g_autofree char *numbered = rules ? replace_hashes(valid, rules) : g_strdup(valid);
    g_autofree char *spoken = replace_characters(numbered);
    for (gsize i = 0; rules && i < G_N_ELEMENTS(passes); i++) {
        char *next = passes[i](spoken, rules);
        g_free(spoken);
        spoken = next;
    }
    return text_tidy(spoken);
}
