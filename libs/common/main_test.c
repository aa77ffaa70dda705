/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signals end processes, so each case runs in a child. */
#include <dubbing_main.h>

#include <dubbing_log.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void quit(void *user)
{
    g_main_loop_quit(user);
}

static gboolean raise_term(void *user)
{
    raise(SIGTERM);
    return G_SOURCE_REMOVE;
}

static int run_child(void (*child)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        child();
        _exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void child_stops_at_first_signal(void)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    dub_main_on_signal(quit, loop);
    g_idle_add(raise_term, NULL);
    g_main_loop_run(loop);
    _exit(42);
}

static void child_is_stuck(void)
{
    dub_main_on_signal(quit, NULL);
    raise(SIGINT);
    raise(SIGINT);
    _exit(42);
}

static void child_writes_to_a_closed_pipe(void)
{
    int fds[2];
    dub_main_on_signal(quit, NULL);
    if (pipe(fds) != 0)
        _exit(1);
    close(fds[0]);
    _exit(write(fds[1], "x", 1) < 0 ? 42 : 1);
}

static void test_first_signal_stops_the_loop(void)
{
    g_assert_cmpint(run_child(child_stops_at_first_signal), ==, 42);
}

static void test_second_signal_ends_a_stuck_program(void)
{
    g_assert_cmpint(run_child(child_is_stuck), ==, 128 + SIGINT);
}

static void test_closed_pipe_does_not_kill(void)
{
    g_assert_cmpint(run_child(child_writes_to_a_closed_pipe), ==, 42);
}

static void test_log_starts_from_settings(void)
{
    if (g_test_subprocess()) {
        struct dub_common_settings settings = {.log_level = (char *)"warn",
                                               .log_format = (char *)"json",
                                               .run_id = (char *)"r9",
                                               .log_max_files = 2};
        dub_main_start_log("prog", "demo", &settings);
        dub_log_info("not this");
        dub_log_warn("this");
        dub_log_clear();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr(
        "*\"component\":\"prog\"*\"streamId\":\"demo\",\"runId\":\"r9\",\"message\":\"this\"*");
    g_test_trap_assert_stderr_unmatched("*not this*");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/main/first-signal-stops-the-loop", test_first_signal_stops_the_loop);
    g_test_add_func("/main/second-signal-ends-a-stuck-program", test_second_signal_ends_a_stuck_program);
    g_test_add_func("/main/closed-pipe-does-not-kill", test_closed_pipe_does_not_kill);
    g_test_add_func("/main/log-starts-from-settings", test_log_starts_from_settings);
    return g_test_run();
}
