/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fillers.h"

static void check(const char *text, const char *language, const char *expected)
{
    GStrv split = g_strsplit(text, " ", -1);
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    for (char **word = split; *word; word++)
        g_ptr_array_add(words, *word);
    g_free(split);
    text_drop_fillers(words, language);
    g_ptr_array_add(words, NULL);
    g_autofree char *left = g_strjoinv(" ", (char **)words->pdata);
    g_assert_cmpstr(left, ==, expected);
}

static void test_fillers_are_dropped(void)
{
    check("uh i think um we should go", "en", "i think we should go");
    check("the er minister hmm resigned", "en-GB", "the minister resigned");
    check("to err is human", "en", "to err is human");
    check("eh creo que em es tarde", "es", "creo que es tarde");
    check("er kommt \xc3\xa4hm morgen", "de", "er kommt morgen");
    check("um novo dia", "pt", "um novo dia");
    check("euh il vient", "fr", "il vient");
    check("um", "xx", "um");
    check("um", NULL, "um");
    check("um uh", "en", "");
}

static void test_you_know_is_dropped_only_as_a_filler(void)
{
    check("it was you know very cold", "en", "it was very cold");
    check("well you know i was thinking", "en", "well i was thinking");
    check("you know um we lost", "en", "we lost");
    check("do you know the answer", "en", "do you know the answer");
    check("you know the answer", "en", "you know the answer");
    check("well you know what to do", "en", "well you know what to do");
    check("uh you know the answer", "en", "you know the answer");
    check("as you know we lost", "en", "as you know we lost");
    check("that is what you know", "en", "that is what you know");
    check("it was you", "en", "it was you");
}

/* Their commas go with them, a sentence's end stays. */
static void test_fillers_of_written_text(void)
{
    check("Um, I think, uh, we lost.", "en", "I think, we lost.");
    check("We lost. Um, we go home.", "en", "We lost. We go home.");
    check("We lost, um.", "en", "We lost.");
    check("Did we lose, uh?", "en", "Did we lose?");
    check("Um. Uh.", "en", "");
    check("ER staff met UM.", "en", "ER staff met UM.");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fillers/fillers-are-dropped", test_fillers_are_dropped);
    g_test_add_func("/fillers/you-know-is-dropped-only-as-a-filler",
                    test_you_know_is_dropped_only_as_a_filler);
    g_test_add_func("/fillers/written-text", test_fillers_of_written_text);
    return g_test_run();
}
