/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "parts.h"

#include <string.h>

/* Somebody else who wants his turn while a text is made. */
struct fixture {
    unsigned n_appended, n_wanted, n_turns_of_others;
    char *text; /* NULL: not done */
    bool freed;
    struct parts *parts;
};

static bool append(GString *text, void *user)
{
    struct fixture *fixture = user;
    if (fixture->n_appended == fixture->n_wanted)
        return false;
    g_string_append_printf(text, "%u,", fixture->n_appended++);
    return true;
}

static void done(char *take_text, void *user)
{
    ((struct fixture *)user)->text = take_text;
}

static void note_freed(void *user)
{
    ((struct fixture *)user)->freed = true;
}

static const struct parts_ops ops = {append, done, note_freed};

static gboolean on_turn_of_another(void *user)
{
    ((struct fixture *)user)->n_turns_of_others++;
    return G_SOURCE_CONTINUE;
}

static void test_others_have_their_turns_between(void)
{
    struct fixture fixture = {.n_wanted = 100};
    guint other = g_idle_add_full(G_PRIORITY_DEFAULT, on_turn_of_another, &fixture, NULL);
    parts_start(&ops, &fixture, 0);
    while (fixture.text == NULL)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(other);
    g_assert_cmpuint(fixture.n_turns_of_others, >=, 100);
    g_assert_true(g_str_has_prefix(fixture.text, "0,1,2,") && g_str_has_suffix(fixture.text, ",98,99,"));
    g_assert_true(fixture.freed);
    g_free(fixture.text);
}

static void test_a_turn_is_used(void)
{
    struct fixture fixture = {.n_wanted = 1000};
    parts_start(&ops, &fixture, G_GINT64_CONSTANT(3600000000));
    g_main_context_iteration(NULL, TRUE);
    g_assert_nonnull(fixture.text);
    g_free(fixture.text);
}

static void test_nothing_to_add(void)
{
    struct fixture fixture = {0};
    parts_start(&ops, &fixture, 0);
    g_main_context_iteration(NULL, TRUE);
    g_assert_cmpstr(fixture.text, ==, "");
    g_free(fixture.text);
}

static void test_cancelled(void)
{
    struct fixture fixture = {.n_wanted = 10};
    struct parts *parts = parts_start(&ops, &fixture, 0);
    g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(fixture.n_appended, ==, 1);
    parts_cancel(parts);
    g_assert_true(fixture.freed);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    g_assert_cmpuint(fixture.n_appended, ==, 1);
    g_assert_null(fixture.text);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/parts/others-have-their-turns-between", test_others_have_their_turns_between);
    g_test_add_func("/parts/a-turn-is-used", test_a_turn_is_used);
    g_test_add_func("/parts/nothing-to-add", test_nothing_to_add);
    g_test_add_func("/parts/cancelled", test_cancelled);
    return g_test_run();
}
