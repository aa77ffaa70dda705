/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_watch.h>

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

struct one {
    int fds[2];
    struct dub_watch *watch;
    unsigned calls;
    struct one *removes; /* whose watch it removes when called */
    bool reads;
};

static void on_readable(int fd, void *user)
{
    struct one *one = user;
    char byte;
    one->calls++;
    g_assert_cmpint(fd, ==, one->fds[0]);
    if (one->reads)
        g_assert_cmpint(read(fd, &byte, 1), >=, 0);
    if (one->removes != NULL)
        g_clear_pointer(&one->removes->watch, dub_watch_remove);
}

static void set_up(struct one *one, GMainContext *context)
{
    *one = (struct one){.reads = true};
    g_assert_cmpint(pipe(one->fds), ==, 0);
    one->watch = dub_watch_add(context, one->fds[0], on_readable, one);
}

static void say(const struct one *one)
{
    g_assert_cmpint(write(one->fds[1], "x", 1), ==, 1);
}

static void tear_down(struct one *one)
{
    dub_watch_remove(one->watch);
    close(one->fds[0]);
    if (one->fds[1] >= 0)
        close(one->fds[1]);
}

static void turn(GMainContext *context)
{
    while (g_main_context_iteration(context, FALSE))
        continue;
}

/* How many descriptors the loop gives to poll. */
static int count_polled(GMainContext *context)
{
    GPollFD fds[64];
    int timeout, priority;
    g_assert_true(g_main_context_acquire(context));
    (void)g_main_context_prepare(context, &priority);
    int n = g_main_context_query(context, G_MAXINT, &timeout, fds, G_N_ELEMENTS(fds));
    g_main_context_release(context);
    return n;
}

static void test_what_is_there_to_read_is_told(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    struct one a, b;
    set_up(&a, context);
    set_up(&b, context);
    say(&a);
    say(&a);
    turn(context);
    g_assert_cmpuint(a.calls, ==, 2);
    g_assert_cmpuint(b.calls, ==, 0);
    b.removes = &b;
    close(b.fds[1]);
    b.fds[1] = -1;
    turn(context);
    g_assert_cmpuint(b.calls, ==, 1); /* hung up */
    tear_down(&a);
    tear_down(&b);
}

static void test_who_is_removed_is_not_called(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    struct one a, b;
    set_up(&a, context);
    set_up(&b, context);
    a.removes = &b;
    b.removes = &a;
    say(&a);
    say(&b);
    turn(context);
    g_assert_cmpuint(a.calls + b.calls, ==, 1);
    tear_down(&a);
    tear_down(&b);
}

static void test_the_last_one_may_remove_itself(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    struct one a;
    set_up(&a, context);
    a.removes = &a;
    say(&a);
    turn(context);
    g_assert_cmpuint(a.calls, ==, 1);
    say(&a);
    turn(context);
    g_assert_cmpuint(a.calls, ==, 1);
    tear_down(&a);
}

static void test_many_are_one_for_the_loop(void)
{
    enum { MANY = 100 }; /* more than a turn takes */
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GMainContext) other = g_main_context_new();
    struct one all[MANY], elsewhere;
    int before = count_polled(context);
    set_up(&elsewhere, other);
    for (unsigned i = 0; i < MANY; i++) {
        set_up(&all[i], context);
        say(&all[i]);
    }
    g_assert_cmpint(count_polled(context), ==, before + 1);
    say(&elsewhere);
    turn(context);
    g_assert_cmpuint(elsewhere.calls, ==, 0);
    for (unsigned i = 0; i < MANY; i++) {
        g_assert_cmpuint(all[i].calls, ==, 1);
        tear_down(&all[i]);
    }
    g_assert_cmpint(count_polled(context), ==, before);
    tear_down(&elsewhere);
}

static void test_what_cannot_be_watched_is_refused(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    int before = count_polled(context);
    g_assert_null(dub_watch_add(context, -1, on_readable, NULL));
    g_assert_cmpint(errno, ==, EBADF);
    g_assert_cmpint(count_polled(context), ==, before);
    dub_watch_remove(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/watch/what-is-there-to-read-is-told", test_what_is_there_to_read_is_told);
    g_test_add_func("/watch/who-is-removed-is-not-called", test_who_is_removed_is_not_called);
    g_test_add_func("/watch/the-last-one-may-remove-itself", test_the_last_one_may_remove_itself);
    g_test_add_func("/watch/many-are-one-for-the-loop", test_many_are_one_for_the_loop);
    g_test_add_func("/watch/what-cannot-be-watched-is-refused", test_what_cannot_be_watched_is_refused);
    return g_test_run();
}
