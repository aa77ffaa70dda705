/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A set lives as long as anything is watched in it. The events of one turn are taken out of the kernel
 * together: a watch that an earlier one of them removes is kept until the last has been handled. */
#include <dubbing_watch.h>

#include <errno.h>
#include <glib-unix.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_MAX 64 /* a turn; the rest has the next one */

struct watch_set {
    GMainContext *context;
    GSource *source;
    int epoll_fd;
    unsigned n_watches;
    bool dispatching;
    GPtrArray *removed; /* struct dub_watch *, while dispatching */
};

struct dub_watch {
    struct watch_set *set;
    int fd;
    void (*func)(int fd, void *user); /* NULL: removed */
    void *user;
};

static GPtrArray *sets; /* struct watch_set *, NULL without any; guarded by lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void free_set(struct watch_set *set)
{
    pthread_mutex_lock(&lock);
    g_ptr_array_remove_fast(sets, set);
    if (sets->len == 0)
        g_clear_pointer(&sets, g_ptr_array_unref);
    pthread_mutex_unlock(&lock);
    g_source_destroy(set->source);
    g_source_unref(set->source);
    g_ptr_array_unref(set->removed);
    close(set->epoll_fd);
    g_main_context_unref(set->context);
    g_free(set);
}

static void free_if_unused(struct watch_set *set)
{
    if (set->n_watches == 0 && !set->dispatching)
        free_set(set);
}

static gboolean on_ready(int epoll_fd, GIOCondition condition, void *user)
{
    struct watch_set *set = user;
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(epoll_fd, events, EVENTS_MAX, 0);
    set->dispatching = true;
    for (int i = 0; i < n; i++) {
        struct dub_watch *watch = events[i].data.ptr;
        if (watch->func != NULL)
            watch->func(watch->fd, watch->user);
    }
    set->dispatching = false;
    g_ptr_array_set_size(set->removed, 0);
    free_if_unused(set);
    return G_SOURCE_CONTINUE;
}

static struct watch_set *new_set(GMainContext *context, int epoll_fd)
{
    struct watch_set *set = g_new0(struct watch_set, 1);
    set->context = g_main_context_ref(context);
    set->epoll_fd = epoll_fd;
    set->removed = g_ptr_array_new_with_free_func(g_free);
    set->source = g_unix_fd_source_new(set->epoll_fd, G_IO_IN);
    g_source_set_callback(set->source, G_SOURCE_FUNC(on_ready), set, NULL);
    g_source_attach(set->source, context);
    return set;
}

/* The context's, made where there is none yet; NULL when that fails. */
static struct watch_set *get_set(GMainContext *context)
{
    struct watch_set *set = NULL;
    pthread_mutex_lock(&lock);
    if (sets == NULL)
        sets = g_ptr_array_new();
    for (guint i = 0; i < sets->len && set == NULL; i++)
        if (((struct watch_set *)sets->pdata[i])->context == context)
            set = sets->pdata[i];
    int epoll_fd = set == NULL ? epoll_create1(EPOLL_CLOEXEC) : -1;
    if (epoll_fd >= 0) {
        set = new_set(context, epoll_fd);
        g_ptr_array_add(sets, set);
    }
    pthread_mutex_unlock(&lock);
    return set;
}

struct dub_watch *dub_watch_add(GMainContext *context, int fd, void (*func)(int fd, void *user), void *user)
{
    struct watch_set *set = get_set(context);
    if (set == NULL)
        return NULL;
    struct dub_watch *watch = g_new(struct dub_watch, 1);
    *watch = (struct dub_watch){set, fd, func, user};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};
    if (epoll_ctl(set->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0) {
        set->n_watches++;
        return watch;
    }
    int errnum = errno;
    g_free(watch);
    free_if_unused(set);
    errno = errnum;
    return NULL;
}

void dub_watch_remove(struct dub_watch *watch)
{
    if (watch == NULL)
        return;
    struct watch_set *set = watch->set;
    (void)epoll_ctl(set->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->func = NULL;
    set->n_watches--;
    if (set->dispatching) {
        g_ptr_array_add(set->removed, watch);
        return;
    }
    g_free(watch);
    free_if_unused(set);
}
