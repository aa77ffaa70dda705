/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fd_source.h"

struct fd_source {
    GSource source;
    int fd;
    gpointer tag;
    GIOCondition condition;
};

static gboolean check(GSource *source)
{
    struct fd_source *self = (struct fd_source *)source;
    return g_source_query_unix_fd(source, self->tag) != 0;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer user)
{
    struct fd_source *self = (struct fd_source *)source;
    fd_source_handler handler = (fd_source_handler)(void (*)(void))callback;
    return handler(self->fd, g_source_query_unix_fd(source, self->tag), user);
}

GSource *fd_source_new(int fd, GIOCondition condition, fd_source_handler handler, gpointer user)
{
    static GSourceFuncs functions = {.check = check, .dispatch = dispatch};
    GSource *source = g_source_new(&functions, sizeof(struct fd_source));
    struct fd_source *self = (struct fd_source *)source;
    self->fd = fd;
    self->condition = condition;
    self->tag = g_source_add_unix_fd(source, fd, condition);
    g_source_set_callback(source, (GSourceFunc)(void (*)(void))handler, user, NULL);
    g_source_attach(source, g_main_context_get_thread_default());
    return source;
}

void fd_source_set_condition(GSource *source, GIOCondition condition)
{
    struct fd_source *self = (struct fd_source *)source;
    if (self->condition == condition)
        return;
    self->condition = condition;
    g_source_modify_unix_fd(source, self->tag, condition);
}
