/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "language.h"

static void test_codes(void)
{
    g_assert_true(text_is_language("en", "en"));
    g_assert_true(text_is_language("EN-gb", "en"));
    g_assert_true(text_is_language("es_MX", "es"));
    g_assert_false(text_is_language("est", "es"));
    g_assert_false(text_is_language("e", "es"));
    g_assert_false(text_is_language("", "es"));
    g_assert_false(text_is_language(NULL, "es"));
}

static void test_lists(void)
{
    static const char *const list[] = {"a", "b", NULL};
    g_assert_true(text_is_one_of("b", list));
    g_assert_false(text_is_one_of("c", list));
    g_assert_false(text_is_one_of(NULL, list));
    g_assert_false(text_is_one_of("a", list + 2));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/language/codes", test_codes);
    g_test_add_func("/language/lists", test_lists);
    return g_test_run();
}
