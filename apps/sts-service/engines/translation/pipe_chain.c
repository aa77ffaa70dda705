/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pipe_chain.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEP_MS 20

struct pipe_chain {
    pid_t pids[PIPE_CHAIN_MAX_PROCESSES];
    guint count;
    int in_fd; /* a socket: writing to a dead one must not raise SIGPIPE */
    int out_fd;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The filters decode UTF-8 by their locale. */
static GStrv child_environment(void)
{
    GStrv environment = g_get_environ();
    return g_environ_setenv(environment, "LC_ALL", "C.UTF-8", TRUE);
}

static bool spawn(struct pipe_chain *chain, char **command, int stdin_fd, int stdout_fd,
                  struct dub_error *error)
{
    GError *failure = NULL;
    g_auto(GStrv) environment = child_environment();
    GSpawnFlags flags = G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDERR_TO_DEV_NULL;
    if (!g_spawn_async_with_pipes_and_fds(
            NULL, (const char *const *)command, (const char *const *)environment, flags, NULL, NULL, stdin_fd,
            stdout_fd, -1, NULL, NULL, 0, &chain->pids[chain->count], NULL, NULL, NULL, &failure))
        return dub_error_take_gerror(error, DUB_ERROR_UNAVAILABLE, command[0], &failure);
    chain->count++;
    return true;
}

static bool spawn_all(struct pipe_chain *chain, char **const *commands, guint count, int first_fd,
                      struct dub_error *error)
{
    int stdin_fd = first_fd;
    bool done = true;
    for (guint i = 0; done && i < count; i++) {
        int fds[2] = {-1, -1};
        if (pipe2(fds, O_CLOEXEC) != 0) {
            done = dub_error_set_errno(error, DUB_ERROR_UNAVAILABLE, errno, "making a pipe");
            break;
        }
        done = spawn(chain, commands[i], stdin_fd, fds[1], error);
        close_fd(&stdin_fd);
        close_fd(&fds[1]);
        stdin_fd = fds[0];
    }
    chain->out_fd = stdin_fd;
    return done;
}

struct pipe_chain *pipe_chain_start(char **const *commands, guint count, struct dub_error *error)
{
    int sockets[2];
    if (count == 0 || count > PIPE_CHAIN_MAX_PROCESSES) {
        dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT, "a pipeline of %u processes", count);
        return NULL;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
        dub_error_set_errno(error, DUB_ERROR_UNAVAILABLE, errno, "making a socket pair");
        return NULL;
    }
    struct pipe_chain *chain = g_new0(struct pipe_chain, 1);
    chain->in_fd = sockets[0];
    if (spawn_all(chain, commands, count, sockets[1], error) &&
        fcntl(chain->in_fd, F_SETFL, O_NONBLOCK) == 0 && fcntl(chain->out_fd, F_SETFL, O_NONBLOCK) == 0)
        return chain;
    pipe_chain_free(chain);
    return NULL;
}

void pipe_chain_free(struct pipe_chain *chain)
{
    if (!chain)
        return;
    close_fd(&chain->in_fd);
    close_fd(&chain->out_fd);
    for (guint i = 0; i < chain->count; i++)
        kill(chain->pids[i], SIGKILL);
    for (guint i = 0; i < chain->count; i++)
        while (waitpid(chain->pids[i], NULL, 0) < 0 && errno == EINTR)
            ;
    g_free(chain);
}

pid_t pipe_chain_pid(const struct pipe_chain *chain, guint index)
{
    return chain->pids[index];
}

static bool ended(struct dub_error *error)
{
    return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_TRANSLATION,
                               "a process of the translation pipeline has ended");
}

/* Writes what the socket takes. False: the pipeline is gone. */
static bool write_some(int fd, const char **at, size_t *left)
{
    ssize_t sent = send(fd, *at, *left, MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR;
    *at += sent;
    *left -= (size_t)sent;
    return true;
}

/* Reads what is there; *complete once the NUL has come. False: the pipeline is gone. */
static bool read_some(int fd, GString *answer, bool *complete)
{
    char block[4096];
    ssize_t got = read(fd, block, sizeof block);
    if (got == 0)
        return false;
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    const char *end = memchr(block, '\0', (size_t)got);
    g_string_append_len(answer, block, end ? end - block : got);
    *complete = end != NULL;
    return true;
}

bool pipe_chain_ask(struct pipe_chain *chain, const char *text, const struct engine_call *call,
                    GString *answer, struct dub_error *error)
{
    const char *at = text;
    size_t left = strlen(text) + 1; /* the NUL asks for the answer */
    bool complete = false;
    while (!complete) {
        if (!engine_call_go_on(call, DUB_STAGE_TRANSLATION, error))
            return false;
        struct pollfd fds[2] = {{.fd = chain->out_fd, .events = POLLIN},
                                {.fd = left > 0 ? chain->in_fd : -1, .events = POLLOUT}};
        if (poll(fds, 2, MAX(engine_call_left_ms(call, STEP_MS), 1)) <= 0)
            continue;
        if (fds[1].revents != 0 && !write_some(chain->in_fd, &at, &left))
            return ended(error);
        if (fds[0].revents != 0 && !read_some(chain->out_fd, answer, &complete))
            return ended(error);
        if (answer->len > PIPE_CHAIN_MAX_ANSWER)
            return dub_error_set_stage(error, DUB_ERROR_TRANSLATION_FAILED, DUB_STAGE_TRANSLATION,
                                       "the translator does not stop");
    }
    return true;
}
