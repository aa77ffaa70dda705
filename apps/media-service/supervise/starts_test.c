/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "starts.h"

#include <glib.h>
#include <pthread.h>
#include <string.h>

struct log {
    GString *works; /* whose work has been done; for this thread only once that was told */
    GString *told;
    GThread *owner;
    bool adds_another;
};

struct one {
    struct log *log;
    char name;
    pthread_mutex_t *held; /* NULL, or what the work waits for */
};

static void init_log(struct log *log)
{
    *log = (struct log){g_string_new(NULL), g_string_new(NULL), g_thread_self(), false};
}

static void clear_log(struct log *log)
{
    g_string_free(log->works, TRUE);
    g_string_free(log->told, TRUE);
}

static void work(void *job)
{
    struct one *one = job;
    g_assert_true(g_thread_self() != one->log->owner);
    if (one->held != NULL) {
        pthread_mutex_lock(one->held);
        pthread_mutex_unlock(one->held);
    }
    g_string_append_c(one->log->works, one->name);
}

static void done(void *job)
{
    struct one *one = job;
    g_assert_true(g_thread_self() == one->log->owner);
    g_string_append_c(one->log->told, one->name);
    if (one->log->adds_another) {
        one->log->adds_another = false;
        starts_add(one, work, done);
    }
}

static void wait_for(const struct log *log, const char *names)
{
    while (log->told->len < strlen(names))
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpstr(log->told->str, ==, names);
    g_assert_cmpstr(log->works->str, ==, names);
}

static void test_one_after_the_other_beside_the_loop(void)
{
    struct log log;
    init_log(&log);
    struct one all[] = {{&log, 'a', NULL}, {&log, 'b', NULL}, {&log, 'c', NULL}};
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++)
        starts_add(&all[i], work, done);
    g_assert_cmpuint(log.told->len, ==, 0);
    wait_for(&log, "abc");
    clear_log(&log);
}

static void test_who_leaves_the_line_is_not_started(void)
{
    struct log log;
    init_log(&log);
    pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
    struct one a = {&log, 'a', &held}, b = {&log, 'b', NULL}, c = {&log, 'c', NULL};
    pthread_mutex_lock(&held);
    starts_add(&a, work, done);
    starts_add(&b, work, done);
    starts_add(&c, work, done);
    g_assert_false(starts_remove(&a));
    g_assert_true(starts_remove(&b));
    g_assert_false(starts_remove(&b));
    pthread_mutex_unlock(&held);
    wait_for(&log, "ac");
    g_assert_false(starts_remove(&a));
    clear_log(&log);
}

static void test_a_start_may_add_another(void)
{
    struct log log;
    init_log(&log);
    log.adds_another = true;
    struct one a = {&log, 'a', NULL};
    starts_add(&a, work, done);
    wait_for(&log, "aa");
    clear_log(&log);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/starts/one-after-the-other-beside-the-loop", test_one_after_the_other_beside_the_loop);
    g_test_add_func("/starts/who-leaves-the-line-is-not-started", test_who_leaves_the_line_is_not_started);
    g_test_add_func("/starts/a-start-may-add-another", test_a_start_may_add_another);
    return g_test_run();
}
