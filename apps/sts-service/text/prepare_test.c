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
    check("Dr. Jones", "nl", "Dr. Jones");
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
    check("-5 degrees", "en", "minus 5 degrees");
    check("F-16", "en", "F-16");
    check("1-0.5", "en", "1-0.5");
}

static void test_numbers_are_left_to_the_engine(void)
{
    check("1.250,50 euros, 1984, 25", "es", "1.250,50 euros, 1984, 25");
    check("1,250.50 in 1984", "en", "1,250.50 in 1984");
}

static void check_all(const char *const (*cases)[3], gsize count)
{
    for (gsize i = 0; i < count; i++)
        check(cases[i][1], cases[i][0], cases[i][2]);
}

static void test_times(void)
{
    static const char *const cases[][3] = {
        {"en", "at 10:30.", "at 10 30."},
        {"en", "at 10:05 and 10:00", "at 10 oh 5 and 10 o'clock"},
        {"en", "10:00 p.m.", "10 PM."},
        {"en", "08:15 a.m. today", "8 15 AM today"},
        {"es", "a las 10:30", "a las 10 y 30"},
        {"es", "a las 10:00, a las 22:05", "a las 10 en punto, a las 22 y 5"},
        {"es", "a las 10:00 p. m. de hoy", "a las 10 de la tarde de hoy"},
        {"fr", "à 10:30", "à 10 heures 30"},
        {"de", "um 10:00", "um 10 Uhr"},
        {"es", "25:00, 10:60, 1:2:3, 10:30:15", "25:00, 10:60, 1:2:3, 10:30:15"},
    };
    check_all(cases, G_N_ELEMENTS(cases));
}

static void test_money(void)
{
    static const char *const cases[][3] = {
        {"en", "$5, $1 and $1.50.", "5 dollars, 1 dollar and 1.50 dollars."},
        {"en", "£5 million", "5 million pounds"},
        {"en", "5 €", "5 euros"},
        {"es", "$5 y 1 €", "5 dólares y 1 euro"},
        {"es", "€5,5 millones", "5,5 millones de euros"},
        {"es", "300 millones €", "300 millones de euros"},
        {"es", "US$20", "20 dólares"},
        {"pt", "R$ 20", "20 reais"},
        {"de", "5 €", "5 Euro"},
        {"xx", "$5", "$5"},
        {"en", "a$ap", "a$ap"},
    };
    check_all(cases, G_N_ELEMENTS(cases));
}

static void test_units(void)
{
    static const char *const cases[][3] = {
        {"en", "5 km, 1 km, 5km/h", "5 kilometres, 1 kilometre, 5 kilometres per hour"},
        {"en", "20°C, 35 %, 3.5%", "20 degrees Celsius, 35 percent, 3.5 percent"},
        {"es", "a 80 km/h, 2 m y 1 kg", "a 80 kilómetros por hora, 2 metros y 1 kilo"},
        {"es", "-5° y 35%", "menos 5 grados y 35 por ciento"},
        {"es", "el 14.º de julio", "el 14º de julio"},
        {"es", "el #1 y N.º 2", "el número 1 y número 2"},
        {"fr", "5 km à 20 %", "5 kilomètres à 20 pour cent"},
        {"en", "5 men, 3m's, 4G", "5 men, 3m's, 4G"},
        {"en", "No. 5", "number 5"},
    };
    check_all(cases, G_N_ELEMENTS(cases));
}

static void test_abbreviations_of_other_languages(void)
{
    static const char *const cases[][3] = {
        {"fr", "M. Dupont et Mme Durand", "Monsieur Dupont et Madame Durand"},
        {"pt", "O Dr. Silva", "O Doutor Silva"},
        {"it", "Il Sig. Rossi, ecc.", "Il Signor Rossi, eccetera."},
        {"de", "Dr. Müller usw.", "Doktor Müller und so weiter."},
        {"ca", "La Sra. Vila", "La Senyora Vila"},
        {"zz", "Dr. Jones", "Dr. Jones"},
    };
    check_all(cases, G_N_ELEMENTS(cases));
}

static void test_markup_and_control_characters(void)
{
    check("<b>hola</b> *mundo* [x]\n\t#uno @dos", "es", "b hola /b mundo x uno dos");
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
    g_test_add_func("/prepare/abbreviations-of-other-languages", test_abbreviations_of_other_languages);
    g_test_add_func("/prepare/times", test_times);
    g_test_add_func("/prepare/money", test_money);
    g_test_add_func("/prepare/units", test_units);
    g_test_add_func("/prepare/scores-are-spoken", test_scores_are_spoken);
    g_test_add_func("/prepare/what-is-no-score-is-left", test_what_is_no_score_is_left);
    g_test_add_func("/prepare/numbers-are-left-to-the-engine", test_numbers_are_left_to_the_engine);
    g_test_add_func("/prepare/markup-and-control-characters", test_markup_and_control_characters);
    g_test_add_func("/prepare/tidy", test_tidy);
    g_test_add_func("/prepare/questions-are-opened", test_questions_are_opened);
    return g_test_run();
}
