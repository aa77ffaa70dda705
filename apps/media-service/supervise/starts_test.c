/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "starts.h"

#include <glib.h>

struct log {
    GString *started;
    bool adds_another;
};

struct one {
    struct log *log;
    char name;
};

static void note(void *user)
{
    struct one *one = user;
    g_string_append_c(one->log->started, one->name);
    if (one->log->adds_another) {
        one->log->adds_another = false;
        starts_add(note, one);
    }
}

static void turn(void)
{
    while (g_main_context_pending(NULL))
        g_main_context_iteration(NULL, FALSE);
}

static gboolean note_request(void *user)
{
    g_string_append_c(((struct log *)user)->started, '.');
    return G_SOURCE_REMOVE;
}

static void test_one_a_turn_in_order_and_requests_first(void)
{
    struct log log = {g_string_new(NULL), false};
    struct one all[] = {{&log, 'a'}, {&log, 'b'}, {&log, 'c'}};
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++)
        starts_add(note, &all[i]);
    g_assert_cmpstr(log.started->str, ==, "");
    for (unsigned i = 0; i < 2; i++) {
        g_idle_add_full(G_PRIORITY_DEFAULT, note_request, &log, NULL);
        g_main_context_iteration(NULL, FALSE);
        g_main_context_iteration(NULL, FALSE);
    }
    g_assert_cmpstr(log.started->str, ==, ".a.b");
    turn();
    g_assert_cmpstr(log.started->str, ==, ".a.bc");
    g_string_free(log.started, TRUE);
}

static void test_who_has_left_is_not_started(void)
{
    struct log log = {g_string_new(NULL), false};
    struct one a = {&log, 'a'}, b = {&log, 'b'};
    starts_add(note, &a);
    starts_add(note, &b);
    g_assert_true(starts_remove(&b));
    g_assert_false(starts_remove(&b));
    turn();
    g_assert_false(starts_remove(&a));
    starts_add(note, &b);
    g_assert_true(starts_remove(&b));
    turn();
    g_assert_cmpstr(log.started->str, ==, "a");
    g_string_free(log.started, TRUE);
}

static void test_a_start_may_add_another(void)
{
    struct log log = {g_string_new(NULL), true};
    struct one a = {&log, 'a'};
    starts_add(note, &a);
    turn();
    g_assert_cmpstr(log.started->str, ==, "aa");
    g_string_free(log.started, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/starts/one-a-turn-in-order-and-requests-first",
                    test_one_a_turn_in_order_and_requests_first);
    g_test_add_func("/starts/who-has-left-is-not-started", test_who_has_left_is_not_started);
    g_test_add_func("/starts/a-start-may-add-another", test_a_start_may_add_another);
    return g_test_run();
}
