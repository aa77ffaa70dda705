/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fd_watch.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

/* Descriptors served before anything else of the main loop has its turn. */
#define EVENTS_PER_TURN 128
/* Falling asleep and waking up cost more than a message. Where turns follow each other so closely, for so
 * many times, we collect what comes and serve it together: turns then begin so far apart. */
#define BUSY_GAP_NS (500 * DUB_NS_PER_US)
#define BUSY_TURNS 8
#define BUSY_PACE_NS (950 * DUB_NS_PER_US)

G_STATIC_ASSERT((int)EPOLLIN == (int)G_IO_IN && (int)EPOLLOUT == (int)G_IO_OUT);
G_STATIC_ASSERT((int)EPOLLRDHUP == (int)FD_WATCH_LAST);
G_STATIC_ASSERT((int)EPOLLERR == (int)G_IO_ERR && (int)EPOLLHUP == (int)G_IO_HUP);

TAILQ_HEAD(watch_list, fd_watch);

struct watch_set {
    GSource source;
    GMainContext *context; /* not referenced: the source is in it */
    int epoll;
    gpointer tag;
    unsigned users;
    bool in_turn;
    bool needs_turn;         /* the main loop has to look at what it has: a handler may have changed it */
    int others;              /* while fd_watch_run waits: an epoll set of what GLib would poll */
    int64_t woke_ns;         /* when the last turn began, or this one */
    unsigned n_close;        /* turns that followed closely upon the one before */
    unsigned n_rounds;       /* how often the woken have been served */
    struct watch_list woken; /* to be served */
    struct watch_list freed; /* during this turn: somebody may still point to them */
};

struct fd_watch {
    struct watch_set *set;
    int fd;
    GIOCondition condition;
    uint32_t mode; /* flags that are always set */
    fd_watch_handler handler;
    void *user;
    bool is_woken, is_freed, is_quiet;
    unsigned woken_in;          /* the set's n_rounds then */
    TAILQ_ENTRY(fd_watch) link; /* of the woken or the freed */
};

/* The set of this thread's context; there is hardly ever another. */
static __thread struct watch_set *current;

/* In a turn they are about to be served: a handler that iterates the context waits for what it wants. */
static bool has_woken(const struct watch_set *set)
{
    return !set->in_turn && !TAILQ_EMPTY(&set->woken);
}

static gboolean prepare(GSource *source, gint *timeout_ms)
{
    *timeout_ms = -1;
    return has_woken((struct watch_set *)source);
}

static gboolean check(GSource *source)
{
    struct watch_set *set = (struct watch_set *)source;
    return has_woken(set) || g_source_query_unix_fd(source, set->tag) != 0;
}

static void forget_wake(struct fd_watch *watch)
{
    if (watch->is_woken)
        TAILQ_REMOVE(&watch->set->woken, watch, link);
    watch->is_woken = false;
}

static void call(struct fd_watch *watch, GIOCondition condition)
{
    if (watch->is_freed)
        return;
    forget_wake(watch);
    watch->is_quiet = false;
    watch->handler(condition, watch->user);
    watch->set->needs_turn |= !watch->is_quiet; /* freed watches stay until the end of the turn */
}

static void serve_descriptors(struct watch_set *set, int timeout_ms)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int n = epoll_wait(set->epoll, events, EVENTS_PER_TURN, timeout_ms);
    set->woke_ns = dub_clock_now_ns(dub_clock_monotonic());
    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr != NULL)
            call(events[i].data.ptr, (GIOCondition)events[i].events);
        else
            set->needs_turn = true;
    }
}

/* Those that are woken meanwhile have the next turn. */
static void serve_woken(struct watch_set *set)
{
    struct fd_watch *watch;
    set->n_rounds++;
    while ((watch = TAILQ_FIRST(&set->woken)) != NULL && watch->woken_in != set->n_rounds)
        call(watch, 0);
}

static void free_watches(struct watch_list *list)
{
    struct fd_watch *watch;
    while ((watch = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, watch, link);
        g_free(watch);
    }
}

static void drop_user(struct watch_set *set)
{
    if (--set->users > 0)
        return;
    if (current == set)
        current = NULL;
    g_source_destroy(&set->source);
}

static void serve(struct watch_set *set, int timeout_ms)
{
    set->in_turn = true;
    serve_descriptors(set, timeout_ms);
    serve_woken(set);
    free_watches(&set->freed);
    set->in_turn = false;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer user)
{
    struct watch_set *set = (struct watch_set *)source;
    if (set->in_turn) /* a handler iterates the context */
        return G_SOURCE_CONTINUE;
    set->users++;
    serve(set, 0);
    drop_user(set);
    return G_SOURCE_CONTINUE;
}

static void finalize(GSource *source)
{
    struct watch_set *set = (struct watch_set *)source;
    if (current == set)
        current = NULL;
    close(set->epoll);
    free_watches(&set->freed);
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
    TAILQ_INIT(&set->woken);
    TAILQ_INIT(&set->freed);
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

static struct fd_watch *add(int fd, GIOCondition condition, uint32_t mode, fd_watch_handler handler,
                            void *user)
{
    struct fd_watch *watch = g_new0(struct fd_watch, 1);
    struct epoll_event event = {.events = condition | mode, .data.ptr = watch};
    watch->set = get_set();
    watch->set->users++;
    watch->fd = fd;
    watch->condition = condition;
    watch->mode = mode;
    watch->handler = handler;
    watch->user = user;
    if (epoll_ctl(watch->set->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        g_error("descriptor %d cannot be watched: %s", fd, g_strerror(errno));
    return watch;
}

struct fd_watch *fd_watch_new(int fd, GIOCondition condition, fd_watch_handler handler, void *user)
{
    return add(fd, condition, 0, handler, user);
}

struct fd_watch *fd_watch_new_for_edges(int fd, GIOCondition condition, fd_watch_handler handler, void *user)
{
    return add(fd, condition, EPOLLET | EPOLLRDHUP, handler, user);
}

void fd_watch_set_condition(struct fd_watch *watch, GIOCondition condition)
{
    struct epoll_event event = {.events = condition | watch->mode, .data.ptr = watch};
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
    watch->woken_in = watch->set->n_rounds;
    TAILQ_INSERT_TAIL(&watch->set->woken, watch, link);
}

void fd_watch_free(struct fd_watch *watch)
{
    if (watch == NULL)
        return;
    struct watch_set *set = watch->set;
    epoll_ctl(set->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    forget_wake(watch);
    watch->is_freed = true;
    if (set->in_turn)
        TAILQ_INSERT_TAIL(&set->freed, watch, link);
    else
        g_free(watch);
    drop_user(set);
}

void fd_watch_say_quiet(struct fd_watch *watch)
{
    watch->is_quiet = true;
}

static int64_t now_ns(const struct dub_clock *clock)
{
    return current != NULL && current->in_turn ? current->woke_ns : dub_clock_now_ns(dub_clock_monotonic());
}

const struct dub_clock *fd_watch_clock(void)
{
    static const struct dub_clock clock = {.now_ns = now_ns};
    return &clock;
}

/* Those of one descriptor are one in an epoll set. */
static bool watch_other(struct watch_set *set, const GPollFD *fds, gint i)
{
    struct epoll_event event = {.events = fds[i].events};
    if (fds[i].fd == set->epoll || epoll_ctl(set->others, EPOLL_CTL_ADD, fds[i].fd, &event) == 0)
        return true;
    if (errno != EEXIST)
        return false;
    for (gint k = 0; k < i; k++)
        if (fds[k].fd == fds[i].fd)
            event.events |= fds[k].events;
    return epoll_ctl(set->others, EPOLL_CTL_MOD, fds[i].fd, &event) == 0;
}

/* False when there is one that epoll does not take: GLib sees to it. */
static bool watch_others(struct watch_set *set, const GPollFD *fds, gint n)
{
    for (gint i = 0; i < n; i++)
        if (!watch_other(set, fds, i))
            return false;
    return true;
}

/* A handler may have closed them meanwhile, and their numbers may be others' by now: that is why they are in
 * a set of their own and are told anew for each wait. */
static void forget_others(struct watch_set *set, const GPollFD *fds, gint n)
{
    for (gint i = 0; i < n; i++)
        epoll_ctl(set->others, EPOLL_CTL_DEL, fds[i].fd, NULL);
}

/* Rounded up. */
static int to_ms(int64_t ns)
{
    return ns <= 0 ? 0 : (int)MIN((ns - 1) / DUB_NS_PER_MS + 1, INT_MAX);
}

/* After a long turn not at all: what came meanwhile is collected already. */
static void sleep_until(int64_t at_ns)
{
    const struct timespec at = {.tv_sec = at_ns / DUB_NS_PER_S, .tv_nsec = at_ns % DUB_NS_PER_S};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

/* The clock is read once a turn: where turns are short, that is as good as before and after waiting. */
static void serve_until(struct watch_set *set, int64_t until_ns)
{
    for (int left_ms = 1; left_ms > 0 && !set->needs_turn;) {
        int64_t from_ns = set->woke_ns;
        if (set->n_close >= BUSY_TURNS) {
            from_ns += BUSY_PACE_NS;
            sleep_until(from_ns);
        }
        left_ms = to_ms(until_ns - from_ns);
        serve(set, TAILQ_EMPTY(&set->woken) ? left_ms : 0);
        set->n_close = set->woke_ns - from_ns < BUSY_GAP_NS ? set->n_close + 1 : 0;
    }
}

/* Serves descriptors until GLib has something to do. */
static void wait_for_turn(struct watch_set *set, const GPollFD *fds, gint n, gint timeout_ms)
{
    if (timeout_ms == 0) {
        serve(set, 0);
        return;
    }
    set->needs_turn = !watch_others(set, fds, n);
    set->woke_ns = dub_clock_now_ns(dub_clock_monotonic());
    serve_until(set, timeout_ms < 0 ? INT64_MAX : set->woke_ns + timeout_ms * DUB_NS_PER_MS);
    forget_others(set, fds, n);
}

static void add_others(struct watch_set *set)
{
    set->others = epoll_create1(EPOLL_CLOEXEC);
    if (set->others < 0 ||
        epoll_ctl(set->epoll, EPOLL_CTL_ADD, set->others, &(struct epoll_event){.events = EPOLLIN}) != 0)
        g_error("no epoll set: %s", g_strerror(errno));
}

/* Ours have been served. */
static void poll_others(const struct watch_set *set, GPollFD *fds, gint n)
{
    g_poll(fds, (guint)n, 0);
    for (gint i = 0; i < n; i++)
        if (fds[i].fd == set->epoll)
            fds[i].revents = 0;
}

void fd_watch_run(GMainLoop *loop)
{
    g_autoptr(GMainContext) context = g_main_context_ref(g_main_loop_get_context(loop));
    g_autofree GPollFD *fds = NULL;
    gint room = 0, n = 0, priority = 0, timeout_ms = 0;
    struct watch_set *set = get_set();
    if (!g_main_context_acquire(context))
        g_error("another thread runs this context");
    set->users++;
    add_others(set);
    while (g_main_loop_is_running(loop)) {
        g_main_context_prepare(context, &priority);
        while ((n = g_main_context_query(context, priority, &timeout_ms, fds, room)) > room) {
            fds = g_renew(GPollFD, fds, (gsize)n);
            room = n;
        }
        wait_for_turn(set, fds, n, timeout_ms);
        poll_others(set, fds, n);
        g_main_context_check(context, priority, fds, n);
        g_main_context_dispatch(context);
    }
    close(set->others);
    drop_user(set);
    g_main_context_release(context);
}
