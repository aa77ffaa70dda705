/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pronounce.h"

#include <glib.h>
#include <string.h>

static const struct {
    const char *words, *phones;
} cases[] = {
    {"hello", "HH AH L OW"},
    {"zelensky", "Z IH L EH N S K IY"},
    {"guardiola", "G AA R D IY OW L AH"},
    {"b b c", "B IY B IY S IY"},
    {"mbappe", "M B AE P"},
    {"o'brien", "AA B R AY AH N"},
    {"kubernetes", "K AH B ER N IY T S"},
};

static void test_known_and_unknown_words(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *phones = pronounce(cases[i].words);
        g_assert_cmpstr(phones, ==, cases[i].phones);
    }
}

/* The phones of the recogniser's English model. */
static void test_only_phones_of_the_model(void)
{
    static const char *const model[] = {"AA", "AE", "AH", "AO", "AW", "AY", "B",  "CH", "D",  "DH",
                                        "EH", "ER", "EY", "F",  "G",  "HH", "IH", "IY", "JH", "K",
                                        "L",  "M",  "N",  "NG", "OW", "OY", "P",  "R",  "S",  "SH",
                                        "T",  "TH", "UH", "UW", "V",  "W",  "Y",  "Z",  "ZH", NULL};
    for (int first = 'a'; first <= 'z'; first++) {
        for (int second = 'a'; second <= 'z'; second++) {
            const char word[] = {(char)first, (char)second, 'o', 'u', 'r', (char)first, 'y', '\0'};
            g_autofree char *phones = pronounce(word);
            g_auto(GStrv) parts = g_strsplit(phones, " ", -1);
            for (char **part = parts; *part; part++)
                g_assert_true(g_strv_contains(model, *part));
        }
    }
}

static void test_nothing(void)
{
    g_assert_null(pronounce(""));
    g_assert_null(pronounce("  "));
}

static void *pronounce_often(void *user)
{
    for (int i = 0; i < 200; i++) {
        g_autofree char *phones = pronounce("zelensky");
        g_assert_cmpstr(phones, ==, "Z IH L EH N S K IY");
    }
    return NULL;
}

static void test_several_threads(void)
{
    GThread *threads[4];
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("pronounce", pronounce_often, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pronounce/known-and-unknown-words", test_known_and_unknown_words);
    g_test_add_func("/pronounce/only-phones-of-the-model", test_only_phones_of_the_model);
    g_test_add_func("/pronounce/nothing", test_nothing);
    g_test_add_func("/pronounce/several-threads", test_several_threads);
    return g_test_run();
}
