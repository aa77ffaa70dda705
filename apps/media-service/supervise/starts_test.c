/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "starts.h"

#include <glib.h>

struct log {
    GString *text; /* a small letter where work was done, a capital where it was told */
    GThread *owner;
    bool adds_another;
};

struct one {
    struct log *log;
    char name;
    GMutex *held; /* NULL, or what the work waits for */
};

static void work(void *job)
{
    struct one *one = job;
    g_assert_true(g_thread_self() != one->log->owner);
    if (one->held != NULL) {
        g_mutex_lock(one->held);
        g_mutex_unlock(one->held);
    }
    g_string_append_c(one->log->text, one->name);
}

static void done(void *job)
{
    struct one *one = job;
    g_assert_true(g_thread_self() == one->log->owner);
    g_string_append_c(one->log->text, g_ascii_toupper(one->name));
    if (one->log->adds_another) {
        one->log->adds_another = false;
        starts_add(one, work, done);
    }
}

static void wait_for(const struct log *log, const char *text)
{
    while (log->text->len == 0 || log->text->str[log->text->len - 1] != text[strlen(text) - 1])
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpstr(log->text->str, ==, text);
}

static void test_one_after_the_other_beside_the_loop(void)
{
    struct log log = {g_string_new(NULL), g_thread_self(), false};
    struct one all[] = {{&log, 'a', NULL}, {&log, 'b', NULL}, {&log, 'c', NULL}};
    g_string_append_c(log.text, '-');
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++)
        starts_add(&all[i], work, done);
    while (log.text->str[log.text->len - 1] != 'C')
        g_main_context_iteration(NULL, TRUE);
    /* The next work may begin before the one before is told. */
    GString *works = g_string_new(NULL), *told = g_string_new(NULL);
    for (const char *c = log.text->str; *c != '\0'; c++)
        g_string_append_c(g_ascii_islower(*c) ? works : told, *c);
    g_assert_cmpstr(works->str, ==, "abc");
    g_assert_cmpstr(told->str, ==, "-ABC");
    g_string_free(works, TRUE);
    g_string_free(told, TRUE);
    g_string_free(log.text, TRUE);
}

static void test_who_leaves_the_line_is_not_started(void)
{
    struct log log = {g_string_new(NULL), g_thread_self(), false};
    GMutex held;
    struct one a = {&log, 'a', &held}, b = {&log, 'b', NULL};
    g_mutex_init(&held);
    g_mutex_lock(&held);
    starts_add(&a, work, done);
    starts_add(&b, work, done);
    g_assert_false(starts_remove(&a));
    g_assert_true(starts_remove(&b));
    g_assert_false(starts_remove(&b));
    g_mutex_unlock(&held);
    wait_for(&log, "aA");
    g_assert_false(starts_remove(&a));
    g_string_free(log.text, TRUE);
    g_mutex_clear(&held);
}

static void test_a_start_may_add_another(void)
{
    struct log log = {g_string_new("-"), g_thread_self(), true};
    struct one a = {&log, 'a', NULL};
    starts_add(&a, work, done);
    while (log.text->len < 5)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpstr(log.text->str, ==, "-aAaA");
    g_string_free(log.text, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/starts/one-after-the-other-beside-the-loop", test_one_after_the_other_beside_the_loop);
    g_test_add_func("/starts/who-leaves-the-line-is-not-started", test_who_leaves_the_line_is_not_started);
    g_test_add_func("/starts/a-start-may-add-another", test_a_start_may_add_another);
    return g_test_run();
}
