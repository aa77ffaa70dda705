/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fd_watch.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

/* Descriptors served before anything else of the main loop has its turn. */
#define EVENTS_PER_TURN 128
/* A turn of the main loop, and falling asleep and waking up, cost more than what they are for. When turns
 * follow each other so closely, for so many times, we collect what comes within a nap and serve it together,
 * without the main loop, which has its turn every few milliseconds. */
#define BUSY_GAP_US 500
#define BUSY_TURNS 8
#define BUSY_WAIT_US 5000
#define BUSY_NAP_US 400

G_STATIC_ASSERT((int)EPOLLIN == (int)G_IO_IN && (int)EPOLLOUT == (int)G_IO_OUT);
G_STATIC_ASSERT((int)EPOLLERR == (int)G_IO_ERR && (int)EPOLLHUP == (int)G_IO_HUP);

struct watch_set {
    GSource source;
    GMainContext *context; /* not referenced: the source is in it */
    int epoll;
    gpointer tag;
    unsigned users;
    bool in_turn;
    gint64 last_turn_us; /* when it ended */
    unsigned n_close;    /* turns that followed closely upon the one before */
    GPtrArray *woken;    /* struct fd_watch *, to be served */
    GPtrArray *serving;  /* those that are being served in this turn */
    GPtrArray *freed;    /* during this turn: somebody may still point to them */
};

struct fd_watch {
    struct watch_set *set;
    int fd;
    GIOCondition condition;
    fd_watch_handler handler;
    void *user;
    bool is_woken, is_freed;
};

/* The set of this thread's context; there is hardly ever another. */
static __thread struct watch_set *current;

static gboolean prepare(GSource *source, gint *timeout_ms)
{
    *timeout_ms = -1;
    return ((struct watch_set *)source)->woken->len > 0;
}

static gboolean check(GSource *source)
{
    struct watch_set *set = (struct watch_set *)source;
    return set->woken->len > 0 || g_source_query_unix_fd(source, set->tag) != 0;
}

static void call(struct fd_watch *watch, GIOCondition condition)
{
    if (watch->is_freed)
        return;
    watch->is_woken = false; /* a list may still hold it: what counts is this */
    watch->handler(condition, watch->user);
}

/* False when there was nothing within wait_us. */
static bool serve_descriptors(struct watch_set *set, gint64 wait_us)
{
    struct epoll_event events[EVENTS_PER_TURN];
    struct timespec timeout = {.tv_nsec = MAX(wait_us, 0) * 1000};
    int n = wait_us <= 0 ? epoll_wait(set->epoll, events, EVENTS_PER_TURN, 0)
                         : epoll_pwait2(set->epoll, events, EVENTS_PER_TURN, &timeout, NULL);
    for (int i = 0; i < n; i++)
        call(events[i].data.ptr, (GIOCondition)events[i].events);
    return n > 0;
}

/* Those that are woken meanwhile have the next turn. */
static void serve_woken(struct watch_set *set)
{
    GPtrArray *woken = set->woken;
    set->woken = set->serving;
    set->serving = woken;
    for (guint i = 0; i < woken->len; i++) {
        struct fd_watch *watch = woken->pdata[i];
        if (watch->is_woken)
            call(watch, 0);
    }
    g_ptr_array_set_size(woken, 0);
}

static void drop_user(struct watch_set *set)
{
    if (--set->users > 0)
        return;
    if (current == set)
        current = NULL;
    g_source_destroy(&set->source);
}

/* Goes on until nothing has come for the rest of the time. */
static void serve_busily(struct watch_set *set, gint64 until_us)
{
    const struct timespec nap = {.tv_nsec = BUSY_NAP_US * 1000};
    bool more = true;
    for (gint64 now_us = 0; more && set->woken->len == 0 && (now_us = g_get_monotonic_time()) < until_us;) {
        g_ptr_array_set_size(set->freed, 0);
        nanosleep(&nap, NULL);
        more = serve_descriptors(set, until_us - now_us - BUSY_NAP_US);
        serve_woken(set);
    }
}

static void serve(struct watch_set *set)
{
    gint64 begin_us = g_get_monotonic_time();
    set->n_close = begin_us - set->last_turn_us < BUSY_GAP_US ? set->n_close + 1 : 0;
    bool more = serve_descriptors(set, 0);
    serve_woken(set);
    if (more && set->n_close >= BUSY_TURNS)
        serve_busily(set, begin_us + BUSY_WAIT_US);
    g_ptr_array_set_size(set->freed, 0);
    set->last_turn_us = g_get_monotonic_time();
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer user)
{
    struct watch_set *set = (struct watch_set *)source;
    if (set->in_turn) /* a handler iterates the context */
        return G_SOURCE_CONTINUE;
    set->in_turn = true;
    set->users++;
    serve(set);
    set->in_turn = false;
    drop_user(set);
    return G_SOURCE_CONTINUE;
}

static void finalize(GSource *source)
{
    struct watch_set *set = (struct watch_set *)source;
    if (current == set)
        current = NULL;
    close(set->epoll);
    g_ptr_array_unref(set->woken);
    g_ptr_array_unref(set->serving);
    g_ptr_array_unref(set->freed);
}

static struct watch_set *new_set(GMainContext *context)
{
    static GSourceFuncs functions = {
        .prepare = prepare, .check = check, .dispatch = dispatch, .finalize = finalize};
    GSource *source = g_source_new(&functions, sizeof(struct watch_set));
    struct watch_set *set = (struct watch_set *)source;
    set->context = context;
    set->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (set->epoll < 0)
        g_error("no epoll set: %s", g_strerror(errno));
    set->tag = g_source_add_unix_fd(source, set->epoll, G_IO_IN);
    set->woken = g_ptr_array_new();
    set->serving = g_ptr_array_new();
    set->freed = g_ptr_array_new_with_free_func(g_free);
    /* Dispatch does not recurse by itself; for GLib to see to it, it would take the descriptor out of what is
     * polled and put it back, and wake itself up for both, in each turn. */
    g_source_set_can_recurse(source, TRUE);
    g_source_set_static_name(source, "descriptors");
    g_source_attach(source, context);
    g_source_unref(source);
    return set;
}

static struct watch_set *get_set(void)
{
    GMainContext *context = g_main_context_get_thread_default();
    if (current == NULL || current->context != context)
        current = new_set(context);
    return current;
}

struct fd_watch *fd_watch_new(int fd, GIOCondition condition, fd_watch_handler handler, void *user)
{
    struct fd_watch *watch = g_new0(struct fd_watch, 1);
    struct epoll_event event = {.events = condition, .data.ptr = watch};
    watch->set = get_set();
    watch->set->users++;
    watch->fd = fd;
    watch->condition = condition;
    watch->handler = handler;
    watch->user = user;
    if (epoll_ctl(watch->set->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        g_error("descriptor %d cannot be watched: %s", fd, g_strerror(errno));
    return watch;
}

void fd_watch_set_condition(struct fd_watch *watch, GIOCondition condition)
{
    struct epoll_event event = {.events = condition, .data.ptr = watch};
    if (watch->condition == condition)
        return;
    watch->condition = condition;
    epoll_ctl(watch->set->epoll, EPOLL_CTL_MOD, watch->fd, &event);
}

void fd_watch_wake(struct fd_watch *watch)
{
    if (watch->is_woken)
        return;
    watch->is_woken = true;
    g_ptr_array_add(watch->set->woken, watch);
}

void fd_watch_free(struct fd_watch *watch)
{
    if (watch == NULL)
        return;
    struct watch_set *set = watch->set;
    epoll_ctl(set->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    g_ptr_array_remove_fast(set->woken, watch);
    watch->is_freed = true;
    if (set->in_turn)
        g_ptr_array_add(set->freed, watch);
    else
        g_free(watch);
    drop_user(set);
}
