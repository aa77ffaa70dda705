/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fd_source.h"

#include <unistd.h>

struct seen {
    unsigned n_calls;
    GIOCondition last;
};

static gboolean on_ready(int fd, GIOCondition condition, gpointer user)
{
    struct seen *seen = user;
    seen->n_calls++;
    seen->last = condition;
    return G_SOURCE_CONTINUE;
}

static void test_conditions_change(void)
{
    int fds[2];
    struct seen seen = {0};
    g_assert_cmpint(pipe(fds), ==, 0);
    GSource *source = fd_source_new(fds[1], 0, on_ready, &seen);
    g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(seen.n_calls, ==, 0);
    fd_source_set_condition(source, G_IO_OUT);
    g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(seen.n_calls, ==, 1);
    g_assert_cmpint(seen.last, ==, G_IO_OUT);
    fd_source_set_condition(source, 0);
    g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(seen.n_calls, ==, 1);
    g_source_set_ready_time(source, 0); /* woken without the descriptor */
    g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(seen.n_calls, ==, 2);
    g_assert_cmpint(seen.last, ==, 0);
    g_source_destroy(source);
    g_source_unref(source);
    close(fds[0]);
    close(fds[1]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fd-source/conditions-change", test_conditions_change);
    return g_test_run();
}
