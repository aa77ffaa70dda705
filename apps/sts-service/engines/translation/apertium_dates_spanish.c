/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Spanish dates and times of day, spoken in English. */
#include "apertium_dates_rules.h"

#include <stdlib.h>
#include <string.h>

static const char *const prepositions[] = {
    "desde",   "since ",     "hasta",  "until ",      "para",   "by ", "antes de", "before ", "antes del",
    "before ", "después de", "after ", "después del", "after ", "a",   "to ",      "al",      "to ",
    "de",      "of ",        "del",    "of ",         "en",     "in ", NULL};
static const char *const clock_prepositions[] = {
    "son",    "it's ", "es",      "it's ",    "a",       "at ",        "hasta",  "until ", "desde",
    "since ", "sobre", "around ", "antes de", "before ", "después de", "after ", NULL};
static const char *const months[] = {"enero",     "January",    "febrero",   "February", "marzo",
                                     "March",     "abril",      "April",     "mayo",     "May",
                                     "junio",     "June",       "julio",     "July",     "agosto",
                                     "August",    "septiembre", "September", "octubre",  "October",
                                     "noviembre", "November",   "diciembre", "December", NULL};
static const char *const weekdays[] = {"lunes",     "Monday",   "martes",   "Tuesday", "miércoles",
                                       "Wednesday", "jueves",   "Thursday", "viernes", "Friday",
                                       "sábado",    "Saturday", "domingo",  "Sunday",  NULL};
static const char *const relations[] = {"el pasado", "last ", "el próximo", "next ", "este",
                                        "this ",     "cada",  "every ",     NULL};
static const char *const parts_of_weekday[] = {"mañana",    " morning", "tarde",  " afternoon",
                                               "noche",     " night",   "pasado", "last ",
                                               "que viene", "next ",    NULL};
static const char *const numbers[] = {
    "uno",         "dos",        "tres",          "cuatro",      "cinco",      "seis",        "siete",
    "ocho",        "nueve",      "diez",          "once",        "doce",       "trece",       "catorce",
    "quince",      "dieciséis",  "diecisiete",    "dieciocho",   "diecinueve", "veinte",      "veintiuno",
    "veintidós",   "veintitrés", "veinticuatro",  "veinticinco", "veintiséis", "veintisiete", "veintiocho",
    "veintinueve", "treinta",    "treinta y uno", NULL};
static const char *const hours[] = {"one",   "two",   "three", "four", "five",   "six",
                                    "seven", "eight", "nine",  "ten",  "eleven", "twelve"};

#define MONTH                                                                                                \
    "(?<month>enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre)"
#define WEEKDAY "(?<weekday>lunes|martes|miércoles|jueves|viernes|sábado|domingo)"
#define PREPOSITION "(?:(?<prep>desde|hasta|para|antes del?|después del?|al?|del?|en) )?"
#define DAY                                                                                                  \
    "(?<day>primero|treinta y uno|treinta|veinti\\w+|veinte|dieci\\w+|quince|catorce|trece|doce|once|diez|"  \
    "nueve|ocho|siete|seis|cinco|cuatro|tres|dos|uno|[12]\\d|3[01]|[1-9])"
#define YEAR "(?: del? (?<year>1\\d\\d\\d|20\\d\\d))"
#define HOUR "las? (?<hour>una|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|1[0-2]|[1-9])"
#define MINUTES "(?<minutes>media|cuarto|cinco|diez|veinte|veinticinco|[1-5]\\d)"
#define DAY_PART "(?: (?:en punto )?de la (?<part>mañana|tarde|noche))"
#define CLOCK_PREPOSITION "(?<prep>son|es|a|hasta|desde|sobre|antes de|después de) "
/* "a las nueve", but not "a las nueve empresas". */
#define CLOCK_ENDS "(?: en punto)?(?=[.,;!?]|$| en | y | de hoy| hoy| con )"

static int number_of(const char *word)
{
    if (g_ascii_isdigit(word[0]))
        return atoi(word);
    return strcmp(word, "primero") == 0 ? 1 : date_index_of(numbers, word) + 1;
}

static const char *ordinal_ending(int number)
{
    static const char *const endings[] = {"th", "st", "nd", "rd"};
    bool teen = number / 10 == 1;
    return !teen && number % 10 < 4 ? endings[number % 10] : "th";
}

static void append_month_and_year(GString *out, const struct date_parts *parts, const char *before_year)
{
    g_string_append(out, date_translate(months, parts->month));
    if (*parts->year != '\0')
        g_string_append_printf(out, "%s%s", before_year, parts->year);
}

/* "el tres de mayo" -> "on May 3rd" */
static bool speak_day(const struct date_parts *parts, GString *out)
{
    const char *prep = date_translate(prepositions, parts->prep);
    const char *weekday = date_translate(weekdays, parts->weekday);
    int day = number_of(parts->day);
    if (day == 0)
        return false;
    g_string_append(out, prep ? prep : *parts->article != '\0' ? "on " : "");
    g_string_append_printf(out, "%s%s", weekday ? weekday : "", weekday ? ", " : "");
    g_string_append_printf(out, "%s %d%s", date_translate(months, parts->month), day, ordinal_ending(day));
    if (*parts->year != '\0')
        g_string_append_printf(out, ", %s", parts->year);
    return true;
}

/* "en marzo de 2024"; without a year Apertium knows it. */
static bool speak_month(const struct date_parts *parts, GString *out)
{
    const char *prep = date_translate(prepositions, parts->prep);
    g_string_append(out, prep ? prep : "");
    append_month_and_year(out, parts, " ");
    return true;
}

/* "el pasado viernes", "cada agosto" */
static bool speak_relation(const struct date_parts *parts, GString *out)
{
    const char *prep = date_translate(prepositions, parts->prep);
    const char *weekday = date_translate(weekdays, parts->weekday);
    g_string_append_printf(out, "%s%s%s", prep ? prep : "", date_translate(relations, parts->relation),
                           weekday ? weekday : date_translate(months, parts->month));
    return true;
}

/* "el lunes" -> "on Monday", "desde el lunes", "el lunes por la mañana", "el lunes pasado" */
static bool speak_weekday(const struct date_parts *parts, GString *out)
{
    const char *prep = date_translate(prepositions, parts->prep);
    const char *part = date_translate(parts_of_weekday, parts->part);
    const char *weekday = date_translate(weekdays, parts->weekday);
    bool many = strcmp(parts->article, "los") == 0;
    bool relative = part && part[0] != ' ';
    if (*parts->article == '\0' && strcmp(parts->prep, "al") != 0 && strcmp(parts->prep, "del") != 0)
        return false;
    g_string_append(out, prep ? prep : relative ? "" : "on ");
    if (relative)
        g_string_append_printf(out, "%s%s", part, weekday);
    else
        g_string_append_printf(out, "%s%s%s", weekday, part ? part : "", many ? "s" : "");
    return true;
}

/* "llega mañana", "mañana por la tarde"; not "la mañana", which is a morning. */
static bool speak_tomorrow(const struct date_parts *parts, GString *out)
{
    const char *part = date_translate(parts_of_weekday, parts->part);
    g_string_append_printf(out, "tomorrow%s", part ? part : "");
    return true;
}

/* "half past five", "quarter to nine", "ten past six" */
static void append_clock(GString *out, const struct date_parts *parts, int hour)
{
    static const char *const named[] = {"media",       "half",        "cuarto", "quarter", "cinco",
                                        "five",        "diez",        "ten",    "veinte",  "twenty",
                                        "veinticinco", "twenty-five", NULL};
    const char *minutes = date_translate(named, parts->minutes);
    if (*parts->minutes == '\0')
        g_string_append(out, hours[hour - 1]);
    else
        g_string_append_printf(out, "%s %s %s", minutes ? minutes : parts->minutes,
                               strcmp(parts->direction, "menos") == 0 ? "to" : "past", hours[hour - 1]);
}

static const char *day_part_of(const char *part, int hour)
{
    if (*part == '\0')
        return "";
    if (strcmp(part, "mañana") == 0)
        return " in the morning";
    if (strcmp(part, "noche") == 0)
        return hour >= 10 ? " at night" : " in the evening";
    return hour >= 6 && hour != 12 ? " in the evening" : " in the afternoon";
}

static bool speak_clock(const struct date_parts *parts, GString *out)
{
    const char *prep = date_translate(clock_prepositions, parts->prep);
    int hour = strcmp(parts->hour, "una") == 0 ? 1 : number_of(parts->hour);
    if (hour < 1 || hour > 12)
        return false;
    g_string_append(out, prep ? prep : "");
    append_clock(out, parts, hour);
    g_string_append(out, day_part_of(parts->part, hour));
    return true;
}

const struct date_kind date_kinds_spanish_english[] = {
    {PREPOSITION "(?<article>el )?(?:" WEEKDAY ",? )?" DAY " de " MONTH YEAR "?", speak_day},
    {PREPOSITION MONTH YEAR, speak_month},
    {PREPOSITION "(?<relation>el pasado|el próximo|este|cada) (?:" WEEKDAY "|" MONTH ")", speak_relation},
    {PREPOSITION "(?:(?<article>el|los) )?" WEEKDAY "s?"
                 "(?: (?:por la )?(?<part>mañana|tarde|noche|pasado|que viene))?",
     speak_weekday},
    {"(?:" CLOCK_PREPOSITION ")?" HOUR " (?<direction>y|menos) " MINUTES DAY_PART "?", speak_clock},
    {"(?:" CLOCK_PREPOSITION ")?" HOUR DAY_PART, speak_clock},
    {CLOCK_PREPOSITION HOUR CLOCK_ENDS, speak_clock},
    {"mañana por la (?<part>mañana|tarde|noche)", speak_tomorrow},
    {"(?<=\\w )(?<!\\bla )(?<!\\buna )(?<!\\besta )(?<!\\bcada )(?<!\\bde )mañana", speak_tomorrow},
    {NULL, NULL},
};
