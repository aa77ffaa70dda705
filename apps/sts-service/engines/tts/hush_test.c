/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hush.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A pipe in the place of stderr; what a test asserts comes after it is back. */
struct fixture {
    int real;
    int ends[2];
};

static void set_up(struct fixture *fixture, gconstpointer user)
{
    g_assert_no_errno(pipe2(fixture->ends, O_CLOEXEC | O_NONBLOCK));
    fixture->real = dup(STDERR_FILENO);
    g_assert_cmpint(fixture->real, >=, 0);
    g_assert_no_errno(dup2(fixture->ends[1], STDERR_FILENO));
}

static void tear_down(struct fixture *fixture, gconstpointer user)
{
    close(fixture->ends[0]);
    close(fixture->ends[1]);
}

static void say(const char *text)
{
    g_assert_cmpint(write(STDERR_FILENO, text, strlen(text)), ==, (ssize_t)strlen(text));
}

static void assert_seen(struct fixture *fixture, const char *expected)
{
    char seen[512] = "";
    g_assert_no_errno(dup2(fixture->real, STDERR_FILENO));
    close(fixture->real);
    g_assert_cmpint(read(fixture->ends[0], seen, sizeof seen - 1), !=, 0);
    g_assert_cmpstr(seen, ==, expected);
}

static void test_known_lines_are_dropped(struct fixture *fixture, gconstpointer user)
{
    struct hush hush;
    say("before\n");
    hush_begin(&hush);
    say("known: one\n\nours\n");
    say("known: two\n");
    say("\nhalf a line");
    guint dropped = hush_end(&hush, "known: ");
    say("after\n");
    assert_seen(fixture, "before\nours\nhalf a line\nafter\n");
    g_assert_cmpuint(dropped, ==, 2);
}

static void test_nothing_is_said(struct fixture *fixture, gconstpointer user)
{
    struct hush hush;
    hush_begin(&hush);
    guint dropped = hush_end(&hush, "known: ");
    say("after\n");
    assert_seen(fixture, "after\n");
    g_assert_cmpuint(dropped, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/hush/known-lines-are-dropped", struct fixture, NULL, set_up, test_known_lines_are_dropped,
               tear_down);
    g_test_add("/hush/nothing-is-said", struct fixture, NULL, set_up, test_nothing_is_said, tear_down);
    return g_test_run();
}
