/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dates and times with their translation in place. */
#include "apertium_dates.h"

#include <string.h>

struct date_case {
    const char *text;
    const char *expected;
};

static void check_pair(const char *source, const char *target, const char *text, const char *expected)
{
    g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(struct protect_span));
    GStringChunk *values = g_string_chunk_new(64);
    struct protection protection;
    apertium_dates_find(text, source, target, spans, values);
    protect_sort(spans);
    g_autofree char *hidden = protect_text(&protection, text, spans);
    g_autofree char *spoken = protect_restore(&protection, hidden);
    g_assert_cmpstr(spoken, ==, expected);
    g_string_chunk_free(values);
}

static void check_all(const struct date_case *cases, gsize count)
{
    for (gsize i = 0; i < count; i++)
        check_pair("en", "es", cases[i].text, cases[i].expected);
}

static void test_days(void)
{
    static const struct date_case cases[] = {
        {"it is on the third of May.", "it is el 3 de mayo."},
        {"on May fifth he spoke", "el 5 de mayo he spoke"},
        {"until the 21st of March 1999", "hasta el 21 de marzo de 1999"},
        {"is on Sunday the eighteenth of December", "is el domingo 18 de diciembre"},
        {"before July 4, 1776", "antes del 4 de julio de 1776"},
        {"the thirtieth of June", "el 30 de junio"},
    };
    check_all(cases, G_N_ELEMENTS(cases));
}

static void test_months_and_weekdays(void)
{
    static const struct date_case cases[] = {
        {"in March 2024", "en marzo de 2024"},
        {"since August", "desde agosto"},
        {"last March it rained", "el pasado marzo it rained"},
        {"since last March", "desde el pasado marzo"},
        {"this May", "este mayo"},
        {"March was dry", "marzo was dry"},
        {"since Friday", "desde el viernes"},
        {"next Monday", "el próximo lunes"},
        {"on Sunday morning", "el domingo por la mañana"},
        {"every Monday", "cada lunes"},
        {"last night, since last night", "anoche, desde anoche"},
        {"since last year", "desde el año pasado"},
        {"of last week", "de la semana pasada"},
        {"the end of last month", "the end del mes pasado"},
    };
    check_all(cases, G_N_ELEMENTS(cases));
}

static void test_times_of_day(void)
{
    static const struct date_case cases[] = {
        {"leaves at half past five.", "leaves a las cinco y media."},
        {"at a quarter to nine", "a las nueve menos cuarto"},
        {"it is ten thirty in the morning.", "son las diez y media de la mañana."},
        {"it's half past one", "es la una y media"},
        {"at ten to six", "a las seis menos diez"},
        {"the news at ten.", "the news a las diez."},
        {"until five o'clock at night", "hasta las cinco de la noche"},
        {"at nine in the evening, at six in the evening", "a las nueve de la noche, a las seis de la tarde"},
        {"at 10:30 he came", "a las diez y media he came"},
        {"at 9:05", "a las nueve y cinco"},
        {"at eleven 45", "a las once y 45"},
        {"at 8:00", "a las ocho"},
    };
    check_all(cases, G_N_ELEMENTS(cases));
}

static void test_spanish(void)
{
    static const struct date_case cases[] = {
        {"es el tres de mayo.", "es on May 3rd."},
        {"hasta el quince de abril de 2020", "until April 15th, 2020"},
        {"del 1 de enero al treinta y uno de diciembre", "of January 1st to December 31st"},
        {"el domingo dieciocho de diciembre", "on Sunday, December 18th"},
        {"en marzo de 2024", "in March 2024"},
        {"el próximo viernes", "next Friday"},
        {"desde el pasado agosto", "since last August"},
        {"desde el lunes no hay", "since Monday no hay"},
        {"el miércoles por la noche", "on Wednesday night"},
        {"los sábados", "on Saturdays"},
        {"el lunes pasado", "last Monday"},
        {"a las nueve y media", "at half past nine"},
        {"son las diez y media de la mañana", "it's half past ten in the morning"},
        {"es la una menos cuarto", "it's quarter to one"},
        {"a las cinco de la tarde", "at five in the afternoon"},
        {"a las once de la noche", "at eleven at night"},
        {"llega mañana a casa", "llega tomorrow a casa"},
        {"mañana por la tarde", "tomorrow afternoon"},
        {"hasta las ocho.", "until eight."},
        {"a las 7 y 12", "at 12 past seven"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        check_pair("es", "en", cases[i].text, cases[i].expected);
}

static void test_what_is_no_spanish_date_is_left(void)
{
    static const char *const cases[] = {"a las nueve empresas",
                                        "las dos mujeres",
                                        "en marzo hace frío",
                                        "diez de ellos",
                                        "toda la mañana",
                                        "esta mañana",
                                        "mañana no",
                                        "veintipico de mayo",
                                        "lunes",
                                        "es la una que canta"};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        check_pair("es", "en", cases[i], cases[i]);
}

static void test_what_is_no_date_is_left(void)
{
    static const struct date_case cases[] = {
        {"he may go, they march", "he may go, they march"},
        {"Theresa May won", "Theresa May won"},
        {"on Monday", "on Monday"},
        {"April was warm", "April was warm"},
        {"from ten to six", "from ten to six"},
        {"at five places", "at five places"},
        {"it is two people", "it is two people"},
        {"the third man", "the third man"},
        {"at 10:30:15 and 1.5", "at 10:30:15 and 1.5"},
        {"", ""},
    };
    check_all(cases, G_N_ELEMENTS(cases));
    check_pair("en", "fr", "at half past five", "at half past five");
    check_pair("en", "es", "\xff since May", "\xff since May");
}

static void test_what_is_taken_is_left(void)
{
    g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(struct protect_span));
    GStringChunk *values = g_string_chunk_new(64);
    struct protect_span taken = {.at = 6, .length = 3, .value = "x"};
    g_array_append_val(spans, taken);
    apertium_dates_find("since May and since June", "en", "es", spans, values);
    g_assert_cmpuint(spans->len, ==, 2);
    g_assert_cmpuint(g_array_index(spans, struct protect_span, 1).at, ==, strlen("since May and "));
    g_string_chunk_free(values);
}

static void test_more_than_there_is_room_for(void)
{
    g_autoptr(GString) many = g_string_new(NULL);
    for (int i = 0; i < 2 * PROTECT_MAX_SPANS; i++)
        g_string_append(many, "since May, ");
    g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(struct protect_span));
    GStringChunk *values = g_string_chunk_new(64);
    apertium_dates_find(many->str, "en", "es", spans, values);
    g_assert_cmpuint(spans->len, ==, PROTECT_MAX_SPANS);
    g_string_chunk_free(values);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/apertium-dates/days", test_days);
    g_test_add_func("/apertium-dates/months-and-weekdays", test_months_and_weekdays);
    g_test_add_func("/apertium-dates/times-of-day", test_times_of_day);
    g_test_add_func("/apertium-dates/spanish", test_spanish);
    g_test_add_func("/apertium-dates/what-is-no-spanish-date-is-left", test_what_is_no_spanish_date_is_left);
    g_test_add_func("/apertium-dates/what-is-no-date-is-left", test_what_is_no_date_is_left);
    g_test_add_func("/apertium-dates/what-is-taken-is-left", test_what_is_taken_is_left);
    g_test_add_func("/apertium-dates/more-than-there-is-room-for", test_more_than_there_is_room_for);
    return g_test_run();
}
