/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wishes.h"

static struct hints *hints_of(const char *word)
{
    const char *const list[] = {word, NULL};
    return hints_parse(list);
}

static void add(struct wishes *wishes, const char *word)
{
    hints_auto hints = hints_of(word);
    wishes_add(wishes, hints);
}

static void settle(struct wishes *wishes, const char *word, unsigned thread)
{
    hints_auto hints = hints_of(word);
    wishes_settle(wishes, hints, thread);
}

static void expect_next(const struct wishes *wishes, unsigned thread, const char *word)
{
    hints_auto next = wishes_next(wishes, thread);
    hints_auto expected = word ? hints_of(word) : NULL;
    g_assert_cmpstr(next ? next->key : NULL, ==, expected ? expected->key : NULL);
    if (next)
        g_assert_true(wishes_are_open(wishes, next, thread));
}

static void test_each_thread_loads_each_once(void)
{
    struct wishes *wishes = wishes_new();
    expect_next(wishes, 0, NULL);
    add(wishes, "alpha");
    add(wishes, "bravo");
    add(wishes, "Alpha");
    expect_next(wishes, 0, "alpha");
    settle(wishes, "alpha", 0);
    expect_next(wishes, 0, "bravo");
    expect_next(wishes, 31, "alpha");
    settle(wishes, "bravo", 0);
    expect_next(wishes, 0, NULL);
    /* Asked for again by another stream: it is there. */
    add(wishes, "alpha");
    expect_next(wishes, 0, NULL);
    expect_next(wishes, 31, "alpha");
    wishes_free(wishes);
    wishes_free(NULL);
}

static void test_what_was_not_asked_for_is_not_open(void)
{
    struct wishes *wishes = wishes_new();
    hints_auto hints = hints_of("alpha");
    g_assert_false(wishes_are_open(wishes, hints, 0));
    wishes_settle(wishes, hints, 0);
    g_assert_false(wishes_are_open(wishes, hints, 0));
    wishes_free(wishes);
}

static void test_the_oldest_is_forgotten(void)
{
    struct wishes *wishes = wishes_new();
    for (char word[] = "aa"; word[1] <= 'a' + WISHES_MAX; word[1]++)
        add(wishes, word);
    hints_auto first = hints_of("aa");
    g_assert_false(wishes_are_open(wishes, first, 0));
    expect_next(wishes, 0, "ab");
    wishes_free(wishes);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wishes/each-thread-loads-each-once", test_each_thread_loads_each_once);
    g_test_add_func("/wishes/what-was-not-asked-for-is-not-open", test_what_was_not_asked_for_is_not_open);
    g_test_add_func("/wishes/the-oldest-is-forgotten", test_the_oldest_is_forgotten);
    return g_test_run();
}
