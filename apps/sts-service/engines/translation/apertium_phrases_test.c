/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "apertium_phrases.h"

/* The text as a translator would return it that changes nothing. */
static void check(const char *source, const char *target, const char *text, const char *hidden_text,
                  const char *expected)
{
    struct apertium_phrases *phrases = apertium_phrases_new();
    struct apertium_hidden hidden;
    apertium_phrases_hide(phrases, text, source, target, &hidden);
    g_autofree char *restored = protect_restore(&hidden.protection, hidden.text);
    g_assert_cmpstr(hidden.text, ==, hidden_text);
    g_assert_cmpstr(restored, ==, expected);
    apertium_hidden_clear(&hidden);
    apertium_phrases_free(phrases);
}

static void test_phrases(void)
{
    check("en", "es", "good evening and welcome.", "Zqxaaaaa and welcome.", "buenas noches and welcome.");
    check("en", "es", "Thank you for watching.", "Zqxaaaaa.", "gracias por vernos.");
    check("es", "en", "Buenas noches.", "Zqxaaaaa.", "good evening.");
    check("en", "fr", "good evening", "good evening", "good evening");
    check("en", "es", "she won for the first time", "she won Zqxaaaaa", "she won por primera vez");
    check("en", "es", "nothing", "nothing", "nothing");
    apertium_phrases_free(NULL);
}

static void test_dates_and_times(void)
{
    check("en", "es", "good evening, it is half past five on the third of May, Mr Smith",
          "Zqxaaaaa, Zqxaaaab Zqxaaaac, Mr Zqxaaaad",
          "buenas noches, son las cinco y media el 3 de mayo, Mr Smith");
    check("en", "fr", "at half past five", "at half past five", "at half past five");
}

static void test_names_behind_titles(void)
{
    check("en", "fr", "Mr Smith met Doctor Baker, Mrs.", "Mr Zqxaaaaa met Doctor Zqxaaaab, Mrs.",
          "Mr Smith met Doctor Baker, Mrs.");
    check("en", "es", "good evening Mr Smith, good luck", "Zqxaaaaa Mr Zqxaaaab, Zqxaaaac",
          "buenas noches Mr Smith, buena suerte");
    check("en", "es", "Mr of HMr Smith the Doctor said", "Mr of HMr Smith the Doctor said",
          "Mr of HMr Smith the Doctor said");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/apertium-phrases/phrases", test_phrases);
    g_test_add_func("/apertium-phrases/dates-and-times", test_dates_and_times);
    g_test_add_func("/apertium-phrases/names-behind-titles", test_names_behind_titles);
    return g_test_run();
}
