/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fd_watch.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct end {
    struct fd_watch *watch;
    int fd, peer;
    unsigned n_calls;
    GIOCondition last;
    struct end *wakes, *frees; /* what its handler does */
};

static void clear(struct end *end)
{
    g_clear_pointer(&end->watch, fd_watch_free);
    close(end->fd);
    close(end->peer);
}

static void on_ready(GIOCondition condition, void *user)
{
    struct end *end = user;
    end->n_calls++;
    end->last = condition;
    if (end->wakes != NULL)
        fd_watch_wake(end->wakes->watch);
    if (end->frees != NULL)
        g_clear_pointer(&end->frees->watch, fd_watch_free);
}

static void init(struct end *end, GIOCondition condition)
{
    int fds[2];
    memset(end, 0, sizeof *end);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), ==, 0);
    end->fd = fds[0];
    end->peer = fds[1];
    end->watch = fd_watch_new(end->fd, condition, on_ready, end);
}

static void turn(void)
{
    g_main_context_iteration(NULL, FALSE);
}

static void test_conditions_change(void)
{
    struct end end;
    init(&end, 0);
    turn();
    g_assert_cmpuint(end.n_calls, ==, 0);
    fd_watch_set_condition(end.watch, G_IO_OUT);
    turn();
    g_assert_cmpuint(end.n_calls, ==, 1);
    g_assert_cmpint(end.last, ==, G_IO_OUT);
    fd_watch_set_condition(end.watch, G_IO_IN);
    turn();
    g_assert_cmpuint(end.n_calls, ==, 1);
    close(end.peer);
    end.peer = -1;
    turn();
    g_assert_cmpuint(end.n_calls, ==, 2);
    g_assert_cmpint(end.last & G_IO_HUP, ==, G_IO_HUP);
    clear(&end);
}

static void test_wakes_are_one_call(void)
{
    struct end end;
    init(&end, G_IO_IN);
    fd_watch_wake(end.watch);
    fd_watch_wake(end.watch);
    turn();
    turn();
    g_assert_cmpuint(end.n_calls, ==, 1);
    g_assert_cmpint(end.last, ==, 0);
    clear(&end);
}

/* What a descriptor's handler wakes has its turn at once; what a wake wakes, in the next. */
static void test_a_wake_from_a_handler(void)
{
    struct end publisher, reader;
    init(&publisher, G_IO_OUT);
    init(&reader, G_IO_IN);
    publisher.wakes = &reader;
    reader.wakes = &reader;
    turn();
    g_assert_cmpuint(publisher.n_calls, ==, 1);
    g_assert_cmpuint(reader.n_calls, ==, 1);
    fd_watch_set_condition(publisher.watch, 0);
    turn();
    g_assert_cmpuint(publisher.n_calls, ==, 1);
    g_assert_cmpuint(reader.n_calls, ==, 2);
    clear(&publisher);
    clear(&reader);
}

/* Whoever comes first frees the other, who is not called any more, be it for an event or for a wake. */
static void test_freed_by_another(gconstpointer data)
{
    bool by_wake = GPOINTER_TO_INT(data) != 0;
    struct end first, second;
    init(&first, by_wake ? G_IO_IN : G_IO_OUT);
    init(&second, by_wake ? G_IO_IN : G_IO_OUT);
    first.frees = &second;
    second.frees = &first;
    if (by_wake) {
        fd_watch_wake(first.watch);
        fd_watch_wake(second.watch);
    }
    turn();
    turn();
    g_assert_cmpuint(first.n_calls > 0, !=, second.n_calls > 0);
    clear(&first);
    clear(&second);
}

static void test_frees_itself(void)
{
    struct end end;
    init(&end, G_IO_OUT);
    end.wakes = end.frees = &end; /* woken again, and gone */
    turn();
    turn();
    g_assert_cmpuint(end.n_calls, ==, 1);
    g_assert_null(end.watch);
    clear(&end);
    init(&end, G_IO_OUT); /* a new set, after the last watch of the old one */
    turn();
    g_assert_cmpuint(end.n_calls, ==, 1);
    fd_watch_wake(end.watch);
    clear(&end);
    turn();
}

/* Each context has its own. */
static void test_contexts(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    struct end here, there;
    init(&here, G_IO_OUT);
    g_main_context_push_thread_default(context);
    init(&there, G_IO_OUT);
    turn();
    g_assert_cmpuint(here.n_calls, ==, 1);
    g_assert_cmpuint(there.n_calls, ==, 0);
    g_main_context_iteration(context, FALSE);
    g_assert_cmpuint(there.n_calls, ==, 1);
    g_main_context_pop_thread_default(context);
    clear(&there);
    clear(&here);
}

static void on_nested(GIOCondition condition, void *user)
{
    struct end *end = user;
    end->n_calls++;
    fd_watch_wake(end->watch);
    g_main_context_iteration(NULL, FALSE);
}

static void test_does_not_recurse(void)
{
    struct end end;
    init(&end, 0);
    fd_watch_free(end.watch);
    end.watch = fd_watch_new(end.fd, G_IO_OUT, on_nested, &end);
    turn();
    g_assert_cmpuint(end.n_calls, ==, 2); /* the event, then the wake */
    clear(&end);
}

static void test_many(void)
{
    enum { MANY = 300 };
    static struct end ends[MANY];
    for (unsigned i = 0; i < MANY; i++)
        init(&ends[i], G_IO_OUT);
    for (unsigned i = 0; i < 10; i++)
        turn();
    for (unsigned i = 0; i < MANY; i++) {
        g_assert_cmpuint(ends[i].n_calls, >=, 3); /* nobody is forgotten for the sake of others */
        clear(&ends[i]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fd-watch/conditions-change", test_conditions_change);
    g_test_add_func("/fd-watch/wakes-are-one-call", test_wakes_are_one_call);
    g_test_add_func("/fd-watch/a-wake-from-a-handler-is-served-in-the-same-turn", test_a_wake_from_a_handler);
    g_test_add_data_func("/fd-watch/freed-by-another-in-an-event", GINT_TO_POINTER(0), test_freed_by_another);
    g_test_add_data_func("/fd-watch/freed-by-another-in-a-wake", GINT_TO_POINTER(1), test_freed_by_another);
    g_test_add_func("/fd-watch/frees-itself", test_frees_itself);
    g_test_add_func("/fd-watch/contexts", test_contexts);
    g_test_add_func("/fd-watch/does-not-recurse", test_does_not_recurse);
    g_test_add_func("/fd-watch/many", test_many);
    return g_test_run();
}
