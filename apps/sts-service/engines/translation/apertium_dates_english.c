/* SPDX-License-Identifier: GPL-3.0-or-later */
/* English dates and times of day, spoken in Spanish. */
#include "apertium_dates_rules.h"

#include <stdlib.h>
#include <string.h>

/* What stands before a date or a time belongs to it: "until the third" is "hasta el 3". */
static const struct {
    const char *english;
    const char *article; /* before "3 de mayo", "pasado mayo", "lunes" */
    const char *bare;    /* before "mayo de 1984", "este mayo" */
    const char *clock;   /* before "las cinco" */
} prepositions[] = {
    {"", "el ", "", ""},
    {"on", "el ", "en ", ""},
    {"in", "en el ", "en ", "en "},
    {"at", "en el ", "en ", "a "},
    {"of", "del ", "de ", "de "},
    {"from", "desde el ", "desde ", "desde "},
    {"to", "al ", "a ", "a "},
    {"since", "desde el ", "desde ", "desde "},
    {"until", "hasta el ", "hasta ", "hasta "},
    {"till", "hasta el ", "hasta ", "hasta "},
    {"by", "para el ", "para ", "para "},
    {"before", "antes del ", "antes de ", "antes de "},
    {"after", "después del ", "después de ", "después de "},
    {"around", "alrededor del ", "alrededor de ", "sobre "},
    {"about", "alrededor del ", "alrededor de ", "sobre "},
    {"during", "durante el ", "durante ", "durante "},
    {"it is", NULL, NULL, "son "},
    {"it's", NULL, NULL, "son "},
};
static const char *const months[] = {"January",  "enero",     "February",   "febrero",   "March",
                                     "marzo",    "April",     "abril",      "May",       "mayo",
                                     "June",     "junio",     "July",       "julio",     "August",
                                     "agosto",   "September", "septiembre", "October",   "octubre",
                                     "November", "noviembre", "December",   "diciembre", NULL};
static const char *const weekdays[] = {"Monday",    "lunes",    "Tuesday", "martes",  "Wednesday",
                                       "miércoles", "Thursday", "jueves",  "Friday",  "viernes",
                                       "Saturday",  "sábado",   "Sunday",  "domingo", NULL};
static const char *const relations[] = {"last",  "pasado ", "next",  "próximo ", "this",
                                        "este ", "every",   "cada ", NULL};
static const char *const day_parts[] = {"in the morning", " de la mañana",  "in the afternoon",
                                        " de la tarde",   "in the evening", " de la tarde",
                                        "at night",       " de la noche",   NULL};
static const char *const parts_of_weekday[] = {"morning",       " por la mañana", "afternoon",
                                               " por la tarde", "evening",        " por la tarde",
                                               "night",         " por la noche",  NULL};
static const char *const ordinals[] = {
    "first",     "second",    "third",       "fourth",     "fifth",      "sixth",      "seventh",
    "eighth",    "ninth",     "tenth",       "eleventh",   "twelfth",    "thirteenth", "fourteenth",
    "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth",  NULL};
static const char *const numbers[] = {"one",   "two",  "three", "four",   "five",   "six", "seven",
                                      "eight", "nine", "ten",   "eleven", "twelve", NULL};
static const char *const hours[] = {"la una",    "las dos",  "las tres",  "las cuatro",
                                    "las cinco", "las seis", "las siete", "las ocho",
                                    "las nueve", "las diez", "las once",  "las doce"};

#define PREPOSITIONS                                                                                         \
    "(?:(?<prep>on|in|at|of|from|to|since|until|till|by|before|after|around|about|during|it is|it's) )?"
#define MONTH                                                                                                \
    "(?<month>January|February|March|April|May|June|July|August|September|October|November|December)"
#define WEEKDAY "(?<weekday>Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
#define RELATION "(?<relation>last|next|this|every) "
#define DAY                                                                                                  \
    "(?<day>first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|"   \
    "fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth|"                  \
    "(?:[12]\\d|3[01]|[1-9])(?:st|nd|rd|th)?)"
#define YEAR "(?<year>1\\d\\d\\d|20\\d\\d)"
#define HOUR "(?<hour>one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|1[0-2]|[1-9])"
#define DAY_PART "(?: (?<part>in the morning|in the afternoon|in the evening|at night))?"
#define MINUTES "(?<minutes>oh five|five|ten|fifteen|twenty|thirty|forty|fifty|[2345]5|[0-5]\\d)"
/* Behind a bare hour: "at five", but not "at five places". */
#define CLOCK_ENDS "(?=[.,;!?]|$| in the | at night| on | today| tonight| tomorrow| this | when | and )"

#define NIGHT_FROM_HOUR 8

static int day_number(const char *day)
{
    if (g_ascii_isdigit(day[0]))
        return atoi(day);
    int index = date_index_of(ordinals, day);
    return index < 0 ? 30 : index + 1; /* "thirtieth" */
}

static gsize preposition_of(const struct date_parts *found)
{
    for (gsize i = 0; i < G_N_ELEMENTS(prepositions); i++)
        if (g_ascii_strcasecmp(prepositions[i].english, found->prep) == 0)
            return i;
    return 0;
}

static void append_month_and_year(GString *out, const struct date_parts *found)
{
    g_string_append(out, date_translate(months, found->month));
    if (*found->year != '\0')
        g_string_append_printf(out, " de %s", found->year);
}

/* "the third of May", "Sunday, May 3rd 1984" */
static bool speak_day(const struct date_parts *found, GString *out)
{
    const char *before = prepositions[preposition_of(found)].article;
    const char *weekday = date_translate(weekdays, found->weekday);
    if (!before)
        return false;
    g_string_append_printf(out, "%s%s%s%d de ", before, weekday ? weekday : "", weekday ? " " : "",
                           day_number(found->day));
    append_month_and_year(out, found);
    return true;
}

/* "in May", "March 2024", "since last August". Of bare months only March is more than a month to Apertium. */
static bool speak_month(const struct date_parts *found, GString *out)
{
    gsize prep = preposition_of(found);
    const char *relation = date_translate(relations, found->relation);
    bool article = relation && (relation[0] == 'p');
    if (!prepositions[prep].article ||
        (prep == 0 && !relation && *found->year == '\0' && strcmp(found->month, "March") != 0))
        return false;
    g_string_append(out, article ? prepositions[prep].article : prepositions[prep].bare);
    g_string_append(out, relation ? relation : "");
    append_month_and_year(out, found);
    return true;
}

/* "since Monday", "last Friday", "on Sunday morning"; Apertium knows "on Monday". */
static bool speak_weekday(const struct date_parts *found, GString *out)
{
    gsize prep = preposition_of(found);
    const char *relation = date_translate(relations, found->relation);
    const char *part = date_translate(parts_of_weekday, found->part);
    if (!prepositions[prep].article || (!relation && !part && (prep == 0 || strcmp(found->prep, "on") == 0)))
        return false;
    bool article = !relation || relation[0] == 'p';
    g_string_append(out, article ? prepositions[prep].article : prepositions[prep].bare);
    g_string_append_printf(out, "%s%s%s", relation ? relation : "", date_translate(weekdays, found->weekday),
                           part ? part : "");
    return true;
}

/* "last year", "since last night" */
static bool speak_past(const struct date_parts *found, GString *out)
{
    static const char *const past[] = {"year",   "el año pasado",       "month",  "el mes pasado",
                                       "week",   "la semana pasada",    "night",  "anoche",
                                       "summer", "el verano pasado",    "winter", "el invierno pasado",
                                       "season", "la temporada pasada", "decade", "la década pasada",
                                       NULL};
    const char *what = date_translate(past, found->part);
    gsize prep = preposition_of(found);
    if (!prepositions[prep].article)
        return false;
    if (prep > 0 && g_str_has_prefix(what, "el "))
        g_string_append_printf(out, "%s%s", prepositions[prep].article, what + strlen("el "));
    else
        g_string_append_printf(out, "%s%s", prepositions[prep].bare, what);
    return true;
}

static int hour_number(const char *hour)
{
    return g_ascii_isdigit(hour[0]) ? atoi(hour) : date_index_of(numbers, hour) + 1;
}

/* "half", "quarter", "ten", "oh five", "25" */
static void append_minutes(GString *out, const struct date_parts *found)
{
    static const char *const named[] = {"half",    "media",  "quarter", "cuarto",   "a quarter", "cuarto",
                                        "thirty",  "media",  "30",      "media",    "fifteen",   "cuarto",
                                        "oh five", "cinco",  "five",    "cinco",    "ten",       "diez",
                                        "twenty",  "veinte", "forty",   "cuarenta", "fifty",     "cincuenta",
                                        "05",      "cinco",  "15",      "cuarto",   NULL};
    const char *name = date_translate(named, found->minutes);
    if (*found->minutes == '\0' || strcmp(found->minutes, "00") == 0)
        return;
    g_string_append_printf(out, " %s %s", strcmp(found->direction, "to") == 0 ? "menos" : "y",
                           name ? name : found->minutes);
}

static bool speak_clock(const struct date_parts *found, GString *out)
{
    const char *before = prepositions[preposition_of(found)].clock;
    const char *part = date_translate(day_parts, found->part);
    int hour = hour_number(found->hour);
    if (strcmp(found->part, "in the evening") == 0 && hour >= NIGHT_FROM_HOUR)
        part = date_translate(day_parts, "at night");
    if (hour == 1 && strcmp(before, "son ") == 0)
        before = "es ";
    g_string_append_printf(out, "%s%s", before, hours[hour - 1]);
    append_minutes(out, found);
    g_string_append(out, part ? part : "");
    return true;
}

const struct date_kind date_kinds_english_spanish[] = {
    {PREPOSITIONS "(?:" WEEKDAY ",? )?(?:the )?" DAY " (?:of )?" MONTH "(?:,? (?:of )?" YEAR ")?", speak_day},
    {PREPOSITIONS "(?:" WEEKDAY ",? )?" MONTH " (?:the )?" DAY "(?:,? " YEAR ")?", speak_day},
    {PREPOSITIONS "(?:" RELATION ")?" MONTH "(?:,? (?:of )?" YEAR ")?", speak_month},
    {PREPOSITIONS "(?:" RELATION ")?" WEEKDAY "(?: (?<part>morning|afternoon|evening|night))?",
     speak_weekday},
    {PREPOSITIONS "last (?<part>year|month|week|night|summer|winter|season|decade)", speak_past},
    {PREPOSITIONS "(?<minutes>half|a quarter|quarter) (?<direction>past|to|after) " HOUR DAY_PART,
     speak_clock},
    {"(?<prep>at|it is|it's|until|before|after|around) " MINUTES " (?<direction>past|to) " HOUR DAY_PART,
     speak_clock},
    {"(?<prep>at|until|before|after|around|from|by|since) " HOUR "[ :]" MINUTES
     "(?! (?:percent|people))" DAY_PART,
     speak_clock},
    {"(?<prep>it is|it's) " HOUR "[ :]" MINUTES DAY_PART CLOCK_ENDS, speak_clock},
    {PREPOSITIONS HOUR " o'clock" DAY_PART, speak_clock},
    {"(?<prep>at) " HOUR DAY_PART CLOCK_ENDS, speak_clock},
    {NULL, NULL},
};
