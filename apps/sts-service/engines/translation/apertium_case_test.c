/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Capitals before and after Apertium, with answers as it gives them. */
#include "apertium_case.h"

static void test_sentence_starts_are_lowered(void)
{
    static const struct {
        const char *language, *text, *expected;
    } cases[] = {
        {"en", "Good morning and welcome.", "good morning and welcome."},
        {"en", "Good morning. The BBC says so! Is it true?", "good morning. the BBC says so! is it true?"},
        {"en", "I think so. I'm sure. If I may.", "I think so. I'm sure. if I may."},
        {"en", "Will Smith is here.", "Will Smith is here."},
        {"en", "BBC news. McDonald came. NASA.", "BBC news. McDonald came. NASA."},
        {"en", "In London it rains 3.5 times.", "in London it rains 3.5 times."},
        {"en", "Yesterday I slept.", "yesterday I slept."},
        {"en", "Last March it rained. Since Friday.", "last March it rained. since Friday."},
        {"es", "Él vino. ¿Qué hora es?", "él vino. ¿qué hora es?"},
        {"es", "El Papa.", "el Papa."},
        {"de", "Der Hund.", "Der Hund."},
        {"en", "", ""},
        {"en", "...", "..."},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *lowered = apertium_case_lower_starts(cases[i].text, cases[i].language);
        g_assert_cmpstr(lowered, ==, cases[i].expected);
    }
}

static void test_only_names_keep_capitals(void)
{
    static const struct {
        const char *language, *sent, *answer, *expected;
    } cases[] = {
        {"es", "good morning and welcome", "buenos días Y bienvenido", "buenos días y bienvenido"},
        {"es", "the water of the river", "EL agua del río", "el agua del río"},
        {"es", "thank you for your attention", "muchas gracias Para vuestra atención",
         "muchas gracias para vuestra atención"},
        {"es", "thank you for the visit, Germany", "gracias Para la visita, Alemania",
         "gracias para la visita, Alemania"},
        {"es", "the BBC and the EU", "La BBC y la UE", "la BBC y la UE"},
        {"es", "Spain won the match", "España Ganó el partido", "España ganó el partido"},
        {"es", "Zqxaab won against Zqxaac", "Zqxaab Ganó contra Zqxaac", "Zqxaab ganó contra Zqxaac"},
        {"es", "who is the president of the United States?", "Quién es el presidente de los Estados Unidos?",
         "quién es el presidente de los Estados Unidos?"},
        {"es", "my iPhone fell", "mi iphone Cayó", "mi iPhone cayó"},
        {"en", "gracias a todos", "THANKS TO all", "thanks to all"},
        {"en", "creo que lo vi el lunes con un español", "I think that I saw it on Monday with a Spanish",
         "I think that I saw it on Monday with a Spanish"},
        {"en", "gracias por su atención", "thank you very much By his attention",
         "thank you very much by his attention"},
        {"es", "on Monday the dog ate in March", "el lunes El Perro comió en marzo",
         "el lunes el perro comió en marzo"},
        {"es", "the US president spoke to the UN", "El presidente de EE.UU. Habló a la ONU",
         "el presidente de EE.UU. habló a la ONU"},
        {"es", "French ministers met in London", "Ministros franceses se reunieron en Londres",
         "ministros franceses se reunieron en Londres"},
        {"es", "the people of Los Angeles", "la gente de los Los Ángeles", "la gente de los Los Ángeles"},
        {"de", "the dog", "Der Hund", "Der Hund"},
        {"es", "", "", ""},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *restored = apertium_case_restore(cases[i].answer, cases[i].sent, cases[i].language);
        g_assert_cmpstr(restored, ==, cases[i].expected);
    }
}

static void test_sentence_starts_are_raised(void)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"hola. ¿qué tal? bien", "Hola. ¿Qué tal? Bien"},
        {"él vino", "Él vino"},
        {"3 goles y el partido", "3 goles y el partido"},
        {"el presidente de EE.UU. habló", "El presidente de EE.UU. habló"},
        {"cuesta 3.5 euros", "Cuesta 3.5 euros"},
        {"iPhone y más", "iPhone y más"},
        {"", ""},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *raised = apertium_case_raise_starts(cases[i].text);
        g_assert_cmpstr(raised, ==, cases[i].expected);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/apertium-case/sentence-starts-are-lowered", test_sentence_starts_are_lowered);
    g_test_add_func("/apertium-case/only-names-keep-capitals", test_only_names_keep_capitals);
    g_test_add_func("/apertium-case/sentence-starts-are-raised", test_sentence_starts_are_raised);
    return g_test_run();
}
