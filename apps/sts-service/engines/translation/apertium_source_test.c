/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "apertium_source.h"

static void test_known_forms(void)
{
    static const struct {
        const char *language, *text, *expected;
    } cases[] = {
        {"en", "Mister jones met doctor smith.", "Mr Jones met Doctor Smith."},
        {"en", "Mr. Jones and mrs. green.", "Mr Jones and Mrs Green."},
        {"en", "The doctor said no.", "the doctor said no ."},
        {"en", "I'm gonna stay, okay?", "I'm going to stay, OK?"},
        {"en", "Nobody knows, mistery.", "nobody knows, mistery."},
        {"en", "China and Japan signed. March was dry. May I go?",
         "China and Japan signed. march was dry. may I go?"},
        {"en", "Monday was dry.", "Monday was dry."},
        {"es", "El doctor dijo no.", "el doctor dijo no."},
        {"en", "", ""},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *prepared = apertium_source_prepare(cases[i].text, cases[i].language);
        g_assert_cmpstr(prepared, ==, cases[i].expected);
    }
}

static void test_the_answer_is_finished(void)
{
    static const struct {
        const char *from, *to, *text, *sent, *answer, *expected;
    } cases[] = {
        {"en", "es", "What time is it?", "what time is it?", "Qué tiempo es?", "¿Qué tiempo es?"},
        {"en", "es", "It cost 5.5 million.", "it cost 5.5 million.", "costó 5.5 millones.",
         "Costó 5,5 millones."},
        {"en", "es", "good morning and welcome", "good morning and welcome", "buenos días Y bienvenido",
         "buenos días y bienvenido"},
        {"es", "en", "Gracias a todos.", "gracias a todos.", "THANKS TO all.", "Thanks to all."},
        {"es", "en", "El viernes.", "el viernes.", "the friday.", "The Friday."},
        {"en", "es", "3 goals", "3 goals", "3 goles", "3 goles"},
        {"en", "es", "", "", "", ""},
    };
    g_autoptr(GArray) none = g_array_new(FALSE, FALSE, sizeof(struct protect_span));
    struct protection hidden;
    g_free(protect_text(&hidden, "", none));
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *finished = apertium_source_finish(cases[i].answer, cases[i].sent, &hidden,
                                                           cases[i].text, cases[i].from, cases[i].to);
        g_assert_cmpstr(finished, ==, cases[i].expected);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/apertium-source/known-forms", test_known_forms);
    g_test_add_func("/apertium-source/the-answer-is-finished", test_the_answer_is_finished);
    return g_test_run();
}
