/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Real commands. What they did is read from a file that they write. */
#include "hooks.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#define DEADLINE_MS 10000

struct fixture {
    char *dir, *file;
    char **environment;
    struct hook_pool *pool;
    unsigned n_idle;
};

static void on_idle(void *user)
{
    ((struct fixture *)user)->n_idle++;
}

static void setup(struct fixture *fixture, gconstpointer data)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->dir = g_dir_make_tmp("hooks-XXXXXX", NULL);
    fixture->file = g_build_filename(fixture->dir, "out", NULL);
    fixture->environment = g_environ_setenv(NULL, "OUT", fixture->file, TRUE);
    fixture->environment = g_environ_setenv(fixture->environment, "MTX_PATH", "live/demo/in", TRUE);
    fixture->pool = hook_pool_new(on_idle, fixture);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    hook_pool_free(fixture->pool);
    g_unlink(fixture->file);
    g_rmdir(fixture->dir);
    g_strfreev(fixture->environment);
    g_free(fixture->dir);
    g_free(fixture->file);
}

static const char *const *environment(const struct fixture *fixture)
{
    return (const char *const *)fixture->environment;
}

static struct hook *start(const struct fixture *fixture, const char *command, bool restart)
{
    return hook_start(fixture->pool, &(struct hook_spec){.name = "runOnReady",
                                                         .path = "live/demo/in",
                                                         .command = command,
                                                         .environment = environment(fixture),
                                                         .restart = restart});
}

static void run(const struct fixture *fixture, const char *command)
{
    hook_run(fixture->pool, &(struct hook_spec){.name = "runOnNotReady",
                                                .path = "live/demo/in",
                                                .command = command,
                                                .environment = environment(fixture)});
}

static bool file_is(const struct fixture *fixture, const char *expected)
{
    g_autofree char *text = NULL;
    return g_file_get_contents(fixture->file, &text, NULL, NULL) && strcmp(text, expected) == 0;
}

static gboolean on_tick(gpointer user)
{
    return G_SOURCE_CONTINUE;
}

static void wait_for_file(const struct fixture *fixture, const char *expected)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_MS * 1000;
    guint tick = g_timeout_add(5, on_tick, NULL);
    while (!file_is(fixture, expected) && g_get_monotonic_time() < deadline)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(tick);
    g_autofree char *text = NULL;
    g_file_get_contents(fixture->file, &text, NULL, NULL);
    g_assert_cmpstr(text, ==, expected);
}

static void wait_for_idle(const struct fixture *fixture)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_MS * 1000;
    guint tick = g_timeout_add(5, on_tick, NULL);
    while (hook_pool_running(fixture->pool) > 0 && g_get_monotonic_time() < deadline)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(tick);
    g_assert_cmpuint(hook_pool_running(fixture->pool), ==, 0);
}

/* Words are split first: a value with spaces and quotes stays one argument. */
static void test_variables(struct fixture *fixture, gconstpointer data)
{
    g_autofree char *odd = g_build_filename(fixture->dir, "a b'c", NULL);
    fixture->environment = g_environ_setenv(fixture->environment, "G1", odd, TRUE);
    run(fixture, "touch $G1");
    run(fixture, "sh -c 'printf \"%s\" ${MTX_PATH} > $OUT'");
    g_assert_cmpuint(hook_pool_running(fixture->pool), ==, 2);
    wait_for_idle(fixture);
    g_assert_true(file_is(fixture, "live/demo/in"));
    g_assert_cmpint(g_unlink(odd), ==, 0);
    g_assert_cmpuint(fixture->n_idle, ==, 1);
}

/* The group gets SIGINT: the shell's child as well as the shell, which waits for it. */
static void test_stop_interrupts_the_group(struct fixture *fixture, gconstpointer data)
{
    struct hook *hook = start(fixture,
                              "sh -c 'trap \"printf o >> $OUT; exit 0\" INT; sh -c \"trap \\\"printf i >> "
                              "$OUT; exit 0\\\" INT; printf r >> $OUT; while :; do sleep 0.01; done\"'",
                              false);
    g_assert_nonnull(hook);
    wait_for_file(fixture, "r");
    hook_stop(hook);
    wait_for_idle(fixture);
    g_assert_true(file_is(fixture, "rio"));
}

static void test_stop_of_a_command_that_waits_for_restart(struct fixture *fixture, gconstpointer data)
{
    struct hook *hook = start(fixture, "sh -c 'printf x >> $OUT; exit 7'", true);
    wait_for_file(fixture, "x");
    gint64 until = g_get_monotonic_time() + 100 * 1000;
    while (g_get_monotonic_time() < until)
        g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(hook_pool_running(fixture->pool), ==, 1); /* ended, and to be started again */
    hook_stop(hook);
    g_assert_cmpuint(hook_pool_running(fixture->pool), ==, 0);
    g_assert_cmpuint(fixture->n_idle, ==, 1);
}

/* With all of its group. */
static void test_what_ignores_the_interrupt_is_killed(struct fixture *fixture, gconstpointer data)
{
    hook_pool_set_patience(fixture->pool, 50);
    struct hook *hook =
        start(fixture, "sh -c 'trap \"\" INT; sleep 1000 & printf x >> $OUT; wait; wait'", false);
    wait_for_file(fixture, "x");
    hook_stop(hook);
    wait_for_idle(fixture);
}

static void test_restart(struct fixture *fixture, gconstpointer data)
{
    struct hook *hook = start(fixture, "sh -c 'printf x >> $OUT'", true);
    gint64 started = g_get_monotonic_time();
    wait_for_file(fixture, "xx");
    g_assert_cmpint(g_get_monotonic_time() - started, >=, 4 * G_USEC_PER_SEC);
    hook_stop(hook);
    wait_for_idle(fixture);
}

/* A command that is not there yet is tried again. */
static void test_restart_of_what_could_not_start(struct fixture *fixture, gconstpointer data)
{
    g_autofree char *script = g_build_filename(fixture->dir, "late", NULL);
    g_autofree char *text =
        g_strdup_printf("#!/bin/sh\nprintf late > '%s'\nwhile :; do sleep 0.05; done\n", fixture->file);
    struct hook *hook = start(fixture, script, true);
    g_assert_nonnull(hook);
    g_assert_true(g_file_set_contents_full(script, text, -1, G_FILE_SET_CONTENTS_NONE, 0700, NULL));
    wait_for_file(fixture, "late");
    hook_stop(hook);
    wait_for_idle(fixture);
    g_unlink(script);
}

/* The usual ready command posts something and ends; the stream ends later and still stops its hook. */
static void test_stop_of_what_ended_by_itself(struct fixture *fixture, gconstpointer data)
{
    struct hook *hook = start(fixture, "sh -c 'printf x >> $OUT'", false);
    run(fixture, "true");
    gint64 deadline = g_get_monotonic_time() + DEADLINE_MS * 1000;
    while (hook_pool_running(fixture->pool) > 1 && g_get_monotonic_time() < deadline)
        g_main_context_iteration(NULL, TRUE);
    wait_for_file(fixture, "x");
    hook_stop(hook);
    wait_for_idle(fixture);
    g_assert_cmpuint(fixture->n_idle, ==, 1);
}

/* One process at a time: the others come in order; who is stopped before its turn never starts. */
static void test_too_many_wait(struct fixture *fixture, gconstpointer data)
{
    hook_pool_set_max(fixture->pool, 1);
    struct hook *first = start(fixture,
                               "sh -c 'trap \"printf a >> $OUT; exit 0\" INT; printf r >> $OUT; "
                               "while :; do sleep 0.01; done'",
                               false);
    run(fixture, "sh -c 'printf b >> $OUT'");
    struct hook *never = start(fixture, "sh -c 'printf x >> $OUT'", false);
    run(fixture, "sh -c 'printf c >> $OUT'");
    wait_for_file(fixture, "r");
    g_assert_cmpuint(hook_pool_running(fixture->pool), ==, 4);
    hook_stop(never);
    hook_stop(first);
    wait_for_idle(fixture);
    g_assert_true(file_is(fixture, "rabc"));
}

/* What cannot be started when its turn comes holds up nobody. */
static void test_one_that_waits_and_cannot_start(struct fixture *fixture, gconstpointer data)
{
    hook_pool_set_max(fixture->pool, 1);
    run(fixture, "sh -c 'printf a >> $OUT'");
    run(fixture, "/nonexistent/program");
    run(fixture, "sh -c 'printf b >> $OUT'");
    wait_for_idle(fixture);
    g_assert_true(file_is(fixture, "ab"));
}

static void test_nothing_to_start(struct fixture *fixture, gconstpointer data)
{
    g_assert_null(start(fixture, "", false));
    g_assert_null(start(fixture, NULL, false));
    g_assert_null(start(fixture, "/nonexistent/hook", false));
    g_assert_null(start(fixture, "sh -c 'unbalanced", false));
    g_assert_null(start(fixture, "  ", false));
    hook_stop(NULL);
    g_assert_cmpuint(hook_pool_running(fixture->pool), ==, 0);
}

#define ADD(name, function) g_test_add("/hooks/" name, struct fixture, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("variables-stay-one-argument", test_variables);
    ADD("stop-interrupts-the-group", test_stop_interrupts_the_group);
    ADD("stop-while-waiting-for-restart", test_stop_of_a_command_that_waits_for_restart);
    ADD("what-ignores-the-interrupt-is-killed", test_what_ignores_the_interrupt_is_killed);
    ADD("restart-after-five-seconds", test_restart);
    ADD("restart-of-what-could-not-start", test_restart_of_what_could_not_start);
    ADD("stop-of-what-ended-by-itself", test_stop_of_what_ended_by_itself);
    ADD("too-many-wait-for-their-turn", test_too_many_wait);
    ADD("one-that-waits-and-cannot-start", test_one_that_waits_and_cannot_start);
    ADD("nothing-to-start", test_nothing_to_start);
    return g_test_run();
}
