/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "numbers.h"

static void check_digits(const char *text, const char *expected)
{
    g_autofree char *digits = text_numbers_to_digits(text, "en");
    g_assert_cmpstr(digits, ==, expected);
}

static void test_spoken_numbers_become_digits(void)
{
    check_digits("there are twenty five people", "there are 25 people");
    check_digits("one hundred", "100");
    check_digits("a hundred and fifty six euros", "156 euros");
    check_digits("three hundred thousand", "300000");
    check_digits("five thousand two hundred and one, then", "5201, then");
    check_digits("a thousand and one nights", "1001 nights");
    check_digits("twenty five million", "25 million");
    check_digits("two point five percent", "2.5 percent");
    check_digits("zero point zero five", "0.05");
    check_digits("the twenty first century", "the 21st century");
    check_digits("the thirty second of", "the 32nd of");
}

static void test_years(void)
{
    check_digits("in nineteen eighty four", "in 1984");
    check_digits("in nineteen oh five.", "in 1905.");
    check_digits("nineteen hundred", "1900");
    check_digits("twenty twelve", "2012");
    check_digits("twenty twenty six", "2026");
    check_digits("two thousand and five", "2005");
    check_digits("thirteen ten", "1310");
}

static void test_what_is_no_number_of_several_words_is_left(void)
{
    check_digits("five people", "five people");
    check_digits("one two three", "one two three");
    check_digits("a hundred people and a dog", "100 people and a dog");
    check_digits("twenty, five", "twenty, five");
    check_digits("two million", "two million");
    check_digits("one and two", "one and two");
    check_digits("three point taken", "three point taken");
    check_digits("a", "a");
    check_digits("", "");
    check_digits("nineteen oh dear", "nineteen oh dear");
    g_autofree char *other = text_numbers_to_digits("twenty five", "es");
    g_assert_cmpstr(other, ==, "twenty five");
}

static void check_localised(const char *text, const char *from, const char *to, const char *expected)
{
    g_autofree char *localised = text_numbers_localise(text, from, to);
    g_assert_cmpstr(localised, ==, expected);
}

static void test_separators_follow_the_language(void)
{
    check_localised("1,250.50 y 3.5", "en", "es", "1.250,50 y 3,5");
    check_localised("1,250,000.", "en-US", "es-MX", "1.250.000.");
    check_localised("1.250,50 and 3,5", "es", "en", "1,250.50 and 3.5");
    check_localised("1.250,50", "es", "fr", "1.250,50");
}

static void test_other_digits_are_left(void)
{
    check_localised("10:30, v1.2.3, 192.168.0.1, 1984, 3-1, a1.5", "en", "es",
                    "10:30, v1.2.3, 192.168.0.1, 1984, 3-1, a1.5");
    check_localised("1,2,3", "en", "es", "1,2,3");
    check_localised("\xff 3.5", "en", "es", "\xff 3.5");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/numbers/spoken-numbers-become-digits", test_spoken_numbers_become_digits);
    g_test_add_func("/numbers/years", test_years);
    g_test_add_func("/numbers/what-is-no-number-of-several-words-is-left",
                    test_what_is_no_number_of_several_words_is_left);
    g_test_add_func("/numbers/separators-follow-the-language", test_separators_follow_the_language);
    g_test_add_func("/numbers/other-digits-are-left", test_other_digits_are_left);
    return g_test_run();
}
