/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_process.h>

#include "test_support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct observer {
    GPtrArray *lines;
    unsigned exits;
    int exit_code, signal_number;
    bool free_on_line;
    struct dub_process *process;
};

static void on_line(struct dub_process *process, const char *line, bool is_stderr, void *user)
{
    struct observer *observer = user;
    g_assert_cmpuint(observer->exits, ==, 0);
    g_ptr_array_add(observer->lines, g_strconcat(is_stderr ? "E:" : "O:", line, NULL));
    if (observer->free_on_line)
        dub_process_free(g_steal_pointer(&observer->process));
}

static void on_exit_(struct dub_process *process, int exit_code, int signal_number, void *user)
{
    struct observer *observer = user;
    observer->exits++;
    observer->exit_code = exit_code;
    observer->signal_number = signal_number;
}

static struct dub_process *start(struct observer *observer, const char *script)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct dub_error error = {0};
    *observer = (struct observer){.lines = g_ptr_array_new_with_free_func(g_free)};
    observer->process =
        dub_process_start(&(struct dub_process_spec){.argv = argv,
                                                     .environment = (const char *const[]){"ADDED=yes", NULL},
                                                     .on_line = on_line,
                                                     .on_exit = on_exit_,
                                                     .user = observer},
                          &error);
    g_assert_nonnull(observer->process);
    return observer->process;
}

static void tear_down(struct observer *observer)
{
    dub_process_free(observer->process);
    g_ptr_array_unref(observer->lines);
}

static bool has_exited(void *user)
{
    return ((struct observer *)user)->exits > 0;
}

static bool has_line(void *user)
{
    return ((struct observer *)user)->lines->len > 0;
}

static const char *line_at(struct observer *observer, guint i)
{
    g_assert_cmpuint(i, <, observer->lines->len);
    return observer->lines->pdata[i];
}

static void test_lines_then_exit_code(void)
{
    struct observer observer;
    start(&observer, "echo one $ADDED; echo two >&2; printf unfinished; exit 7");
    g_assert_true(test_wait(has_exited, &observer));
    g_assert_cmpuint(observer.lines->len, ==, 3);
    g_assert_true(g_ptr_array_find_with_equal_func(observer.lines, "O:one yes", g_str_equal, NULL));
    g_assert_true(g_ptr_array_find_with_equal_func(observer.lines, "E:two", g_str_equal, NULL));
    g_assert_true(g_ptr_array_find_with_equal_func(observer.lines, "O:unfinished", g_str_equal, NULL));
    g_assert_cmpint(observer.exit_code, ==, 7);
    g_assert_cmpint(observer.signal_number, ==, 0);
    g_assert_false(dub_process_signal(observer.process, SIGTERM));
    tear_down(&observer);
}

static void test_exit_is_reported_once(void)
{
    struct observer observer;
    start(&observer, "kill -USR1 $$");
    g_assert_true(test_wait(has_exited, &observer));
    dub_process_stop(observer.process, 1);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    g_assert_cmpuint(observer.exits, ==, 1);
    g_assert_cmpint(observer.signal_number, ==, SIGUSR1);
    tear_down(&observer);
}

static void test_long_lines_are_cut(void)
{
    struct observer observer;
    start(&observer, "head -c 100000 /dev/zero | tr '\\0' x; echo; echo end");
    g_assert_true(test_wait(has_exited, &observer));
    g_assert_cmpuint(observer.lines->len, ==, 2);
    g_assert_cmpuint(strlen(line_at(&observer, 0)), ==, 2 + 8192);
    g_assert_cmpstr(line_at(&observer, 1), ==, "O:end");
    tear_down(&observer);
}

static bool process_is_gone(void *user)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", *(int *)user);
    g_autofree char *stat = NULL;
    if (!g_file_get_contents(path, &stat, NULL, NULL))
        return true;
    /* A zombie that its new parent has not reaped yet is gone too. */
    const char *state = strrchr(stat, ')');
    return state != NULL && state[2] == 'Z';
}

/* The grandchild ignores SIGTERM, so only the SIGKILL to the group ends it. */
static void test_stop_ends_the_whole_group(void)
{
    struct observer observer;
    start(&observer, "sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.1; done' & wait");
    g_assert_true(test_wait(has_line, &observer));
    int grandchild = atoi(line_at(&observer, 0) + 2);
    g_assert_cmpint(kill(grandchild, 0), ==, 0);
    dub_process_stop(observer.process, 50);
    dub_process_stop(observer.process, 50);
    g_assert_true(test_wait(has_exited, &observer));
    g_assert_cmpint(observer.signal_number, ==, SIGTERM);
    g_assert_true(test_wait(process_is_gone, &grandchild));
    g_assert_cmpuint(observer.exits, ==, 1);
    tear_down(&observer);
}

static void test_stubborn_child_is_killed(void)
{
    struct observer observer;
    start(&observer, "trap '' TERM; echo ready; while :; do sleep 0.05; done");
    g_assert_true(test_wait(has_line, &observer));
    dub_process_stop(observer.process, 20);
    g_assert_true(test_wait(has_exited, &observer));
    g_assert_cmpint(observer.signal_number, ==, SIGKILL);
    tear_down(&observer);
}

/* What a background process keeps open must not hold back the end of the one we started. */
static void test_exit_does_not_wait_for_inherited_pipes(void)
{
    struct observer observer;
    start(&observer, "(exec sleep 1000) & echo $!");
    g_assert_true(test_wait(has_exited, &observer));
    g_assert_cmpuint(observer.lines->len, ==, 1);
    kill(atoi(line_at(&observer, 0) + 2), SIGKILL);
    tear_down(&observer);
}

static void test_free_in_callback_and_before_the_end(void)
{
    struct observer observer;
    start(&observer, "echo a; echo b; sleep 1000");
    pid_t pid = dub_process_pid(observer.process);
    observer.free_on_line = true;
    g_assert_true(test_wait(has_line, &observer));
    g_assert_null(observer.process);
    g_assert_cmpuint(observer.lines->len, ==, 1);
    g_assert_cmpint(kill(-pid, SIGKILL), ==, 0);
    int child = pid;
    g_assert_true(test_wait(process_is_gone, &child));
    g_assert_cmpuint(observer.exits, ==, 0);
    tear_down(&observer);
    dub_process_free(NULL);
}

static void test_missing_program_is_named(void)
{
    struct dub_error error = {0};
    const char *const argv[] = {"no-such-program-here", NULL};
    g_assert_null(dub_process_start(&(struct dub_process_spec){.argv = argv}, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_NOT_FOUND);
    g_assert_nonnull(strstr(error.message, "no-such-program-here"));
}

/* Starts a child that prints its pid, from a parent that is then killed; says whether the child survived. */
static int start_from_a_parent_that_dies(bool outlive)
{
    int fds[2];
    char text[32] = "";
    g_assert_cmpint(pipe(fds), ==, 0);
    pid_t parent = fork();
    if (parent == 0) {
        const char *const argv[] = {"sleep", "1000", NULL};
        struct dub_process *process = dub_process_start(
            &(struct dub_process_spec){.argv = argv, .inherit_output = true, .outlive_parent = outlive},
            NULL);
        g_autofree char *pid = g_strdup_printf("%d", dub_process_pid(process));
        if (write(fds[1], pid, strlen(pid) + 1) < 0)
            _exit(1);
        raise(SIGKILL);
    }
    g_assert_cmpint(read(fds[0], text, sizeof(text)), >, 0);
    waitpid(parent, NULL, 0);
    close(fds[0]);
    close(fds[1]);
    return atoi(text);
}

static void test_child_dies_with_its_parent_unless_told(void)
{
    int child = start_from_a_parent_that_dies(false);
    g_assert_true(test_wait(process_is_gone, &child));
    child = start_from_a_parent_that_dies(true);
    g_assert_false(process_is_gone(&child));
    kill(child, SIGKILL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/process/lines-then-exit-code", test_lines_then_exit_code);
    g_test_add_func("/process/exit-is-reported-once", test_exit_is_reported_once);
    g_test_add_func("/process/long-lines-are-cut", test_long_lines_are_cut);
    g_test_add_func("/process/stop-ends-the-whole-group", test_stop_ends_the_whole_group);
    g_test_add_func("/process/stubborn-child-is-killed", test_stubborn_child_is_killed);
    g_test_add_func("/process/exit-does-not-wait-for-inherited-pipes",
                    test_exit_does_not_wait_for_inherited_pipes);
    g_test_add_func("/process/free-in-callback-and-before-the-end", test_free_in_callback_and_before_the_end);
    g_test_add_func("/process/missing-program-is-named", test_missing_program_is_named);
    g_test_add_func("/process/child-dies-with-its-parent-unless-told",
                    test_child_dies_with_its_parent_unless_told);
    return g_test_run();
}
