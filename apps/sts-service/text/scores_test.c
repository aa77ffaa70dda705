/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "numbers.h"

static void check_score(const char *text, const char *expected)
{
    g_autofree char *digits = text_scores_to_digits(text, "en");
    g_assert_cmpstr(digits, ==, expected);
}

static void test_scores_become_digits(void)
{
    check_score("they beat England three to one", "they beat England 3-1");
    check_score("lost two nil at home", "lost 2-0 at home");
    check_score("it ended one one.", "it ended 1-1.");
    check_score("Boston won 98 to 89", "Boston won 98-89");
    check_score("the score is zero zero", "the score is 0-0");
}

static void test_what_is_no_score_is_left(void)
{
    check_score("from two to three", "from two to three");
    check_score("prices lost ground from two to three", "prices lost ground from two to three");
    check_score("he won at ten to one", "he won at ten to one");
    check_score("they won twenty one", "they won twenty one");
    check_score("two to three people won", "two to three people won");
    check_score("one two", "one two");
    check_score("\xff won two nil", "\xff won two nil");
    g_autofree char *other = text_scores_to_digits("won two nil", "de");
    g_assert_cmpstr(other, ==, "won two nil");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scores/scores-become-digits", test_scores_become_digits);
    g_test_add_func("/scores/what-is-no-score-is-left", test_what_is_no_score_is_left);
    return g_test_run();
}
