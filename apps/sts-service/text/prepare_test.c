/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "prepare.h"

static void check(const char *text, const char *language, const char *expected)
{
    g_autofree char *prepared = text_prepare_for_speech(text, language);
    g_assert_cmpstr(prepared, ==, expected);
}

static void test_quotes_and_dashes(void)
{
    check("“It’s late,” he said", "en", "It's late, he said");
    check("«Hola», dijo", "es", "Hola, dijo");
    check("Madrid — la capital — crece", "es", "Madrid, la capital, crece");
    check("— Hola", "es", "Hola");
    check("bien…", "es", "bien.");
    check("well-known", "en", "well-known");
}

static void test_abbreviations(void)
{
    check("Mr. Smith met Dr. Jones.", "en", "Mister Smith met Doctor Jones.");
    check("La Sra. López vive en EE. UU.", "es", "La Señora López vive en Estados Unidos.");
    check("en EE.UU. hoy", "es", "en Estados Unidos hoy");
    check("a 80 km/h", "es", "a 80 kilómetros por hora");
    check("5 km.", "es", "5 kilómetros.");
    check("kmart okm", "es", "kmart okm");
    check("tom & jerry", "en", "tom and jerry");
    check("Dr. Jones", "de", "Dr. Jones");
}

static void test_scores_are_spoken(void)
{
    check("won 3-1 today", "en", "won 3 to 1 today");
    check("ganó 3–1.", "es", "ganó 3 a 1.");
    check("101 - 98", "es", "101 a 98");
}

static void test_what_is_no_score_is_left(void)
{
    check("call 555-1234", "en", "call 555-1234");
    check("2010-2012", "es", "2010-2012");
    check("1-2-3", "en", "1-2-3");
    check("-5 degrees", "en", "-5 degrees");
    check("F-16", "en", "F-16");
    check("1-0.5", "en", "1-0.5");
}

static void test_numbers_are_left_to_the_engine(void)
{
    check("1.250,50 euros, 35 %", "es", "1.250,50 euros, 35 %");
}

static void test_markup_and_control_characters(void)
{
    check("<b>hola</b> *mundo* [x]\n\t#1", "es", "b hola /b mundo x 1");
    check("a\x01z\x7f", "en", "a z");
    check("a\xc2\xadz \xe2\x80\x8b", "en", "az");
    check("bad \xff\xfe utf", "en", "bad utf");
    check("", "en", "");
}

static void test_tidy(void)
{
    g_autofree char *tidy = text_tidy("  Hola ,  mundo !  \n( si ) \xc2\xbf qu\xc3\xa9 ?");
    g_assert_cmpstr(tidy, ==, "Hola, mundo! (si) \xc2\xbfqu\xc3\xa9?");
}

static void test_questions_are_opened(void)
{
    static const char *const cases[][3] = {
        {"es", "Qué hora es?", "¿Qué hora es?"},
        {"es-MX", "Hola. Qué tal? Bien! No.", "Hola. ¿Qué tal? ¡Bien! No."},
        {"es", "¿Ya está? 3.5?", "¿Ya está? ¿3.5?"},
        {"es", "?", "¿?"},
        {"es", "", ""},
        {"en", "What?", "What?"},
        {"est", "Mis?", "Mis?"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *opened = text_open_questions(cases[i][1], cases[i][0]);
        g_assert_cmpstr(opened, ==, cases[i][2]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/prepare/quotes-and-dashes", test_quotes_and_dashes);
    g_test_add_func("/prepare/abbreviations", test_abbreviations);
    g_test_add_func("/prepare/scores-are-spoken", test_scores_are_spoken);
    g_test_add_func("/prepare/what-is-no-score-is-left", test_what_is_no_score_is_left);
    g_test_add_func("/prepare/numbers-are-left-to-the-engine", test_numbers_are_left_to_the_engine);
    g_test_add_func("/prepare/markup-and-control-characters", test_markup_and_control_characters);
    g_test_add_func("/prepare/tidy", test_tidy);
    g_test_add_func("/prepare/questions-are-opened", test_questions_are_opened);
    return g_test_run();
}
