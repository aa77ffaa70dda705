/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Preparation for speech as three passes over the text: characters, abbreviations, scores. The rules are
 * tables; a language without a table keeps its abbreviations. */
#include "prepare.h"

#include "tidy.h"
#include <string.h>

struct character_rule {
    gunichar from;
    const char *to;
};

/* What engines read aloud, stumble over or take for mark-up. Straight quotes go too: nobody hears them. */
static const struct character_rule characters[] = {
    {0x2018, "'"}, {0x2019, "'"}, {0x201a, "'"}, {0x02bc, "'"}, {0x201c, ""}, {0x201d, ""},  {0x201e, ""},
    {0x00ab, ""},  {0x00bb, ""},  {0x2039, ""},  {0x203a, ""},  {'"', ""},    {'`', ""},     {0x2010, "-"},
    {0x2011, "-"}, {0x2012, "-"}, {0x2026, "."}, {0x00ad, ""},  {0x200b, ""}, {0xfeff, ""},  {'<', " "},
    {'>', " "},    {'[', " "},    {']', " "},    {'{', " "},    {'}', " "},   {'*', ""},     {'_', " "},
    {'#', " "},    {'|', " "},    {'\\', " "},   {'^', " "},    {'~', " "},   {0x2022, " "}, {0xfffd, " "},
};

struct word_rule {
    const char *from; /* compared as it stands, at word borders */
    const char *to;
};

static const struct word_rule english[] = {
    {"Mr.", "Mister"},
    {"Mrs.", "Missus"},
    {"Ms.", "Miz"},
    {"Dr.", "Doctor"},
    {"Prof.", "Professor"},
    {"vs.", "versus"},
    {"etc.", "et cetera"},
    {"e.g.", "for example"},
    {"i.e.", "that is"},
    {"U.S.A.", "U S A"},
    {"U.S.", "U S"},
    {"U.K.", "U K"},
    {"a.m.", "A M"},
    {"p.m.", "P M"},
    {"km/h", "kilometres per hour"},
    {"mph", "miles per hour"},
    {"approx.", "approximately"},
    {"Gov.", "Governor"},
    {"Sen.", "Senator"},
    {"&", "and"},
};

static const struct word_rule spanish[] = {
    {"Sr.", "Señor"},
    {"Sra.", "Señora"},
    {"Srta.", "Señorita"},
    {"Sres.", "Señores"},
    {"Dr.", "Doctor"},
    {"Dra.", "Doctora"},
    {"Prof.", "Profesor"},
    {"Ud.", "usted"},
    {"Uds.", "ustedes"},
    {"Vd.", "usted"},
    {"etc.", "etcétera"},
    {"p. ej.", "por ejemplo"},
    {"EE. UU.", "Estados Unidos"},
    {"EE.UU.", "Estados Unidos"},
    {"vs.", "contra"},
    {"a. m.", "de la mañana"},
    {"p. m.", "de la tarde"},
    {"a.m.", "de la mañana"},
    {"p.m.", "de la tarde"},
    {"km/h", "kilómetros por hora"},
    {"km", "kilómetros"},
    {"kg", "kilos"},
    {"núm.", "número"},
    {"aprox.", "aproximadamente"},
    {"pág.", "página"},
    {"&", "y"},
};

struct language_rules {
    const char *language;
    const struct word_rule *words;
    size_t count;
    const char *score; /* "3-1" is spoken "3 <score> 1" */
};

static const struct language_rules languages[] = {
    {"en", english, G_N_ELEMENTS(english), "to"},
    {"es", spanish, G_N_ELEMENTS(spanish), "a"},
};

static const struct language_rules *rules_for(const char *language)
{
    for (size_t i = 0; language && i < G_N_ELEMENTS(languages); i++)
        if (g_ascii_strncasecmp(language, languages[i].language, 2) == 0 && !g_ascii_isalpha(language[2]))
            return &languages[i];
    return NULL;
}

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

static const struct word_rule *rule_at(const struct language_rules *rules, const char *start, const char *at)
{
    for (size_t i = 0; i < rules->count; i++)
        if (g_str_has_prefix(at, rules->words[i].from) && stands_alone(start, at, rules->words[i].from))
            return &rules->words[i];
    return NULL;
}

/* An abbreviation's stop that also ended the sentence stays as the sentence's. */
static bool was_the_end(const struct word_rule *rule, const char *after)
{
    while (*after == ' ')
        after++;
    return *after == '\0' && g_str_has_suffix(rule->from, ".");
}

static char *replace_words(const char *text, const struct language_rules *rules)
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

/* 3-1, 101-98; not 555-1234, 2010-2012, 1-2-3 or -5. */
static char *replace_scores(const char *text, const char *word)
{
    g_autoptr(GRegex) score =
        g_regex_new("(?<![\\w.,-])(\\d{1,3}) ?- ?(\\d{1,3})(?![\\w-]|[.,]\\d)", 0, 0, NULL);
    g_autofree char *replacement = g_strdup_printf("\\1 %s \\2", word);
    char *out = g_regex_replace(score, text, -1, 0, replacement, 0, NULL);
    if (!out)
        return g_strdup(text);
    return out;
}

char *text_prepare_for_speech(const char *text, const char *language)
{
    g_autofree char *valid = text_valid_utf8(text);
    g_autofree char *plain = replace_characters(valid);
    const struct language_rules *rules = rules_for(language);
    if (!rules)
        return text_tidy(plain);
    g_autofree char *spelled = replace_words(plain, rules);
    g_autofree char *scored = replace_scores(spelled, rules->score);
    return text_tidy(scored);
}
