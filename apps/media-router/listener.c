/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "listener.h"

#include "fd_watch.h"
#include "net.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAUSE_S 1
/* Those who are here already have their turn between. */
#define ACCEPTS_PER_TURN 32

struct listener {
    int fd;
    const char *protocol;
    struct admission *admission;
    listener_accepted accepted;
    void *user;
    struct fd_watch *watch;
    GSource *resume; /* NULL: it accepts */
};

static void adopt(struct listener *listener, int fd, const struct sockaddr *address, socklen_t size)
{
    const int yes = 1;
    g_autofree char *remote = net_format_address(address, size);
    if (!admission_enter(listener->admission, listener->protocol, remote)) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    listener->accepted(fd, g_steal_pointer(&remote), listener->user);
}

static gboolean on_resume(gpointer user)
{
    struct listener *listener = user;
    g_clear_pointer(&listener->resume, g_source_unref);
    fd_watch_set_condition(listener->watch, G_IO_IN);
    return G_SOURCE_REMOVE;
}

/* The peer that waits would wake us at once again. */
static void pause_accepting(struct listener *listener)
{
    fd_watch_set_condition(listener->watch, 0);
    listener->resume = g_timeout_source_new_seconds(PAUSE_S);
    g_source_set_callback(listener->resume, on_resume, listener, NULL);
    g_source_attach(listener->resume, g_main_context_get_thread_default());
}

static bool is_shortage(int problem)
{
    return problem == EMFILE || problem == ENFILE || problem == ENOBUFS || problem == ENOMEM;
}

static void on_accept(GIOCondition condition, void *user)
{
    struct listener *listener = user;
    for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof address;
        int fd = accept4(listener->fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        int problem = errno;
        if (fd >= 0) {
            adopt(listener, fd, (struct sockaddr *)&address, size);
            continue;
        }
        if (problem == ECONNABORTED || problem == EINTR)
            continue;
        if (is_shortage(problem) &&
            !admission_out_of_resources(listener->admission, listener->protocol, problem))
            pause_accepting(listener);
        return;
    }
}

struct listener *listener_new(int take_fd, const char *protocol, struct admission *admission,
                              listener_accepted accepted, void *user)
{
    struct listener *listener = g_new0(struct listener, 1);
    listener->fd = take_fd;
    listener->protocol = protocol;
    listener->admission = admission;
    listener->accepted = accepted;
    listener->user = user;
    listener->watch = fd_watch_new(take_fd, G_IO_IN, on_accept, listener);
    return listener;
}

void listener_free(struct listener *listener)
{
    if (listener == NULL)
        return;
    if (listener->resume != NULL) {
        g_source_destroy(listener->resume);
        g_source_unref(listener->resume);
    }
    fd_watch_free(listener->watch);
    close(listener->fd);
    g_free(listener);
}
