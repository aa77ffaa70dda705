/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fd_watch.h"

#include <glib-unix.h>
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

static void test_edges_are_told_once(void)
{
    struct end end;
    init(&end, 0);
    fd_watch_free(end.watch);
    end.watch = fd_watch_new_for_edges(end.fd, G_IO_IN, on_ready, &end);
    for (unsigned i = 1; i <= 2; i++) {
        g_assert_cmpint(send(end.peer, "x", 1, MSG_NOSIGNAL), ==, 1);
        turn();
        turn();
        g_assert_cmpuint(end.n_calls, ==, i);
    }
    fd_watch_set_condition(end.watch, G_IO_IN | G_IO_OUT);
    turn();
    turn();
    g_assert_cmpuint(end.n_calls, ==, 3);
    g_assert_cmpint(end.last, ==, G_IO_IN | G_IO_OUT);
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

/* -- fd_watch_run -- */

struct run {
    struct end end;
    GMainLoop *loop;
    unsigned n_turns; /* of the main loop */
    unsigned n_until; /* calls after which the handler goes on to `then` */
    void (*then)(struct run *run);
    int fds[2]; /* a pipe that GLib polls */
};

static gboolean count_turn(GSource *source, gint *timeout_ms)
{
    struct run **run = (struct run **)(void *)((char *)source + sizeof(GSource));
    (*run)->n_turns++;
    *timeout_ms = -1;
    return FALSE;
}

static gboolean never(GSource *source)
{
    return FALSE;
}

static gboolean quit(gpointer user)
{
    struct run *run = user;
    g_main_loop_quit(run->loop);
    return G_SOURCE_REMOVE;
}

static gboolean quit_for_pipe(gint fd, GIOCondition condition, gpointer user)
{
    return quit(user);
}

static gboolean fail(gpointer user)
{
    g_error("the loop does not end");
    return G_SOURCE_REMOVE;
}

static void on_media(GIOCondition condition, void *user)
{
    struct run *run = user;
    if (++run->end.n_calls == run->n_until)
        run->then(run);
    else
        fd_watch_say_quiet(run->end.watch);
}

/* The descriptor is ready all the time, its handler quiet until the last time. */
static void run_until(struct run *run, unsigned n_calls, void (*then)(struct run *run))
{
    static GSourceFuncs functions = {.prepare = count_turn, .check = never};
    GSource *counter = g_source_new(&functions, sizeof(GSource) + sizeof run);
    GSource *late = g_timeout_source_new_seconds(60);
    *(struct run **)(void *)((char *)counter + sizeof(GSource)) = run;
    g_source_attach(counter, NULL);
    g_source_set_callback(late, fail, run, NULL);
    g_source_attach(late, NULL);
    run->loop = g_main_loop_new(NULL, TRUE);
    run->n_until = n_calls;
    run->then = then;
    init(&run->end, 0);
    fd_watch_free(run->end.watch);
    run->end.watch = fd_watch_new(run->end.fd, G_IO_OUT, on_media, run);
    fd_watch_run(run->loop);
    clear(&run->end);
    g_main_loop_unref(run->loop);
    g_source_destroy(counter);
    g_source_unref(counter);
    g_source_destroy(late);
    g_source_unref(late);
}

static void quit_now(struct run *run)
{
    quit(run);
}

static void test_quiet_handlers_cost_no_turn(void)
{
    struct run run = {0};
    run_until(&run, 1000, quit_now);
    g_assert_cmpuint(run.end.n_calls, ==, 1000);
    g_assert_cmpuint(run.n_turns, <=, 2);
}

static void attach_idle(struct run *run)
{
    g_idle_add(quit, run);
    fd_watch_set_condition(run->end.watch, 0); /* nothing else ends the wait */
}

static void test_what_a_handler_attaches_runs(void)
{
    struct run run = {0};
    run_until(&run, 10, attach_idle);
    g_assert_cmpuint(run.end.n_calls, ==, 10);
}

static void nothing(struct run *run)
{
}

static void test_timers_run_beside_media(void)
{
    struct run run = {0};
    g_timeout_add(20, quit, &run);
    run_until(&run, G_MAXUINT, nothing);
    g_assert_cmpuint(run.end.n_calls, >, 0);
}

static void write_to_pipe(struct run *run)
{
    g_assert_cmpint(write(run->fds[1], "x", 1), ==, 1);
    fd_watch_say_quiet(run->end.watch);
}

/* Once for two sources that want different things of it. */
static void test_descriptors_of_glib(void)
{
    struct run run = {0};
    g_assert_cmpint(pipe(run.fds), ==, 0);
    guint readable = g_unix_fd_add(run.fds[0], G_IO_IN, quit_for_pipe, &run);
    guint urgent = g_unix_fd_add_full(G_PRIORITY_LOW, run.fds[0], G_IO_PRI, quit_for_pipe, &run, NULL);
    run_until(&run, 50, write_to_pipe);
    g_assert_cmpuint(run.end.n_calls, >=, 50);
    g_assert_null(g_main_context_find_source_by_id(NULL, readable));
    g_source_remove(urgent);
    close(run.fds[0]);
    close(run.fds[1]);
}

/* epoll does not take a plain file; poll calls it always readable. */
static void test_a_file_that_glib_polls(void)
{
    struct run run = {0};
    g_autofree char *name = NULL;
    int fd = g_file_open_tmp(NULL, &name, NULL);
    g_assert_cmpint(fd, >=, 0);
    g_unix_fd_add(fd, G_IO_IN, quit_for_pipe, &run);
    run_until(&run, G_MAXUINT, nothing);
    close(fd);
    unlink(name);
}

static void close_pipe_and_take_its_number(struct run *run)
{
    close(run->fds[0]);
    g_assert_cmpint(dup2(run->end.fd, run->fds[0]), ==, run->fds[0]);
    fd_watch_free(run->end.watch);
    run->end.watch = fd_watch_new(run->fds[0], G_IO_OUT, on_media, run);
    run->n_until += 10;
    run->then = quit_now;
}

/* A handler destroys a source of GLib's and closes what it polled; the number is another's at once. */
static void test_a_number_that_is_used_again(void)
{
    struct run run = {0};
    g_assert_cmpint(pipe(run.fds), ==, 0);
    GSource *source = g_unix_fd_source_new(run.fds[0], G_IO_IN);
    g_source_set_callback(source, G_SOURCE_FUNC(quit_for_pipe), &run, NULL);
    g_source_attach(source, NULL);
    run_until(&run, 10, close_pipe_and_take_its_number);
    g_assert_cmpuint(run.end.n_calls, ==, 20);
    g_source_destroy(source);
    g_source_unref(source);
    close(run.fds[0]);
    close(run.fds[1]);
}

static void let_time_pass(void)
{
    const gint64 before_us = g_get_monotonic_time();
    while (g_get_monotonic_time() - before_us < 10)
        ;
}

static void look_at_the_clock(GIOCondition condition, void *user)
{
    int64_t *times_ns = user;
    times_ns[0] = dub_clock_now_ns(fd_watch_clock());
    let_time_pass();
    times_ns[1] = dub_clock_now_ns(fd_watch_clock());
}

static void test_clock_stands_in_a_turn(void)
{
    const int64_t before_ns = dub_clock_now_ns(fd_watch_clock());
    int64_t times_ns[2] = {0};
    struct end end;
    init(&end, 0);
    fd_watch_free(end.watch);
    end.watch = fd_watch_new(end.fd, G_IO_OUT, look_at_the_clock, times_ns);
    let_time_pass();
    turn();
    g_assert_cmpint(times_ns[0], >, before_ns);
    g_assert_cmpint(times_ns[1], ==, times_ns[0]);
    g_assert_cmpint(dub_clock_now_ns(fd_watch_clock()), >, times_ns[0]);
    clear(&end);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fd-watch/conditions-change", test_conditions_change);
    g_test_add_func("/fd-watch/edges-are-told-once", test_edges_are_told_once);
    g_test_add_func("/fd-watch/wakes-are-one-call", test_wakes_are_one_call);
    g_test_add_func("/fd-watch/a-wake-from-a-handler-is-served-in-the-same-turn", test_a_wake_from_a_handler);
    g_test_add_data_func("/fd-watch/freed-by-another-in-an-event", GINT_TO_POINTER(0), test_freed_by_another);
    g_test_add_data_func("/fd-watch/freed-by-another-in-a-wake", GINT_TO_POINTER(1), test_freed_by_another);
    g_test_add_func("/fd-watch/frees-itself", test_frees_itself);
    g_test_add_func("/fd-watch/contexts", test_contexts);
    g_test_add_func("/fd-watch/does-not-recurse", test_does_not_recurse);
    g_test_add_func("/fd-watch/many", test_many);
    g_test_add_func("/fd-watch/clock-stands-in-a-turn", test_clock_stands_in_a_turn);
    g_test_add_func("/fd-watch/run/quiet-handlers-cost-no-turn", test_quiet_handlers_cost_no_turn);
    g_test_add_func("/fd-watch/run/what-a-handler-attaches-runs", test_what_a_handler_attaches_runs);
    g_test_add_func("/fd-watch/run/timers-run-beside-media", test_timers_run_beside_media);
    g_test_add_func("/fd-watch/run/descriptors-of-glib", test_descriptors_of_glib);
    g_test_add_func("/fd-watch/run/a-file-that-glib-polls", test_a_file_that_glib_polls);
    g_test_add_func("/fd-watch/run/a-number-that-is-used-again", test_a_number_that_is_used_again);
    return g_test_run();
}
