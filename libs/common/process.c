/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A child is started in its own process group; errors of exec are reported here.
 * Its end is reported once its last line has been read; after a stop, once the whole group is gone, because
 * only as long as a group has members can its number not belong to somebody else. */
#include <dubbing_process.h>

#include <dubbing_watch.h>
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_MAX_BYTES 8192
#define GROUP_POLL_MS 10

struct output {
    struct dub_process *process;
    int fd; /* -1: closed */
    bool is_stderr;
    struct dub_watch *watch;
    GString *line;
};

struct dub_process {
    struct dub_process_spec spec; /* only the callbacks, user and flags are kept */
    pid_t pid;
    struct output outputs[2];
    int pidfd;               /* -1: the leader has been reaped */
    struct dub_watch *watch; /* the end of the leader */
    GSource *kill_timer;     /* running after dub_process_stop */
    GSource *group_poll;     /* running between the leader's end and the group's */
    GMainContext *context;
    int wait_status;
    bool exited; /* the leader has been reaped */
    bool stopping;
    bool killed; /* SIGKILL was sent to the group */
    bool freed;  /* dub_process_free was called: no callbacks any more */
};

static void drop_source(GSource **source)
{
    if (*source == NULL)
        return;
    g_source_destroy(*source);
    g_source_unref(*source);
    *source = NULL;
}

static void close_output(struct output *output)
{
    g_clear_pointer(&output->watch, dub_watch_remove);
    if (output->fd >= 0)
        close(output->fd);
    output->fd = -1;
}

static void clear_process(void *data)
{
    struct dub_process *process = data;
    for (unsigned i = 0; i < 2; i++)
        if (process->outputs[i].line != NULL)
            g_string_free(process->outputs[i].line, TRUE);
    g_main_context_unref(process->context);
}

static void release(struct dub_process *process)
{
    g_rc_box_release_full(process, clear_process);
}

static GSource *attach(struct dub_process *process, GSource *source, GSourceFunc callback, void *data)
{
    g_source_set_callback(source, callback, data, NULL);
    g_source_attach(source, process->context);
    return source;
}

static void deliver_line(struct output *output)
{
    struct dub_process *process = output->process;
    if (process->spec.on_line != NULL && !process->freed)
        process->spec.on_line(process, output->line->str, output->is_stderr, process->spec.user);
    g_string_truncate(output->line, 0);
}

static void take_bytes(struct output *output, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n')
            deliver_line(output);
        else if (output->line->len < LINE_MAX_BYTES && bytes[i] != '\0')
            g_string_append_c(output->line, bytes[i]);
    }
}

/* One read; false once there is nothing to read now, or never again (then the output is closed). */
static bool read_once(struct output *output)
{
    char bytes[4096];
    if (output->fd < 0)
        return false;
    ssize_t n = read(output->fd, bytes, sizeof(bytes));
    if (n > 0) {
        take_bytes(output, bytes, (size_t)n);
        return true;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (output->line->len > 0)
        deliver_line(output);
    close_output(output);
    return false;
}

static void on_output(int fd, void *data)
{
    struct output *output = data;
    struct dub_process *process = g_rc_box_acquire(output->process);
    read_once(output);
    release(process);
}

/* What the child wrote before its end is in the pipe now; a grandchild may keep the pipe open for ever. */
static void drain(struct output *output)
{
    enum { MAX_READS = 64 };
    for (unsigned i = 0; i < MAX_READS && read_once(output); i++)
        continue;
    if (output->fd >= 0 && output->line->len > 0)
        deliver_line(output);
    close_output(output);
}

static void finish(struct dub_process *process)
{
    drop_source(&process->kill_timer);
    drop_source(&process->group_poll);
    for (unsigned i = 0; i < 2; i++)
        drain(&process->outputs[i]);
    int status = process->wait_status;
    int signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    int exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (process->spec.on_exit != NULL && !process->freed)
        process->spec.on_exit(process, exit_code, signal_number, process->spec.user);
}

static bool group_is_gone(const struct dub_process *process)
{
    return kill(-process->pid, 0) != 0 && errno == ESRCH;
}

static gboolean on_group_poll(void *data)
{
    struct dub_process *process = g_rc_box_acquire((struct dub_process *)data);
    gboolean go_on = G_SOURCE_CONTINUE;
    /* Members that were killed and have not been reaped by their parents yet still count as there: the kill
     * has been sent, nothing more can be done about them. */
    if (group_is_gone(process) || process->killed) {
        finish(process);
        go_on = G_SOURCE_REMOVE;
    }
    release(process);
    return go_on;
}

static void close_pidfd(struct dub_process *process)
{
    g_clear_pointer(&process->watch, dub_watch_remove);
    if (process->pidfd >= 0)
        close(process->pidfd);
    process->pidfd = -1;
}

static void on_child_end(int pidfd, void *data)
{
    struct dub_process *process = g_rc_box_acquire((struct dub_process *)data);
    pid_t reaped = waitpid(process->pid, &process->wait_status, WNOHANG);
    if (reaped == 0 || (reaped < 0 && errno == EINTR)) {
        release(process);
        return;
    }
    process->exited = true;
    close_pidfd(process);
    if (process->stopping && !group_is_gone(process))
        process->group_poll = attach(process, g_timeout_source_new(GROUP_POLL_MS), on_group_poll, process);
    else
        finish(process);
    release(process);
}

static gboolean on_kill_timer(void *data)
{
    struct dub_process *process = data;
    (void)kill(-process->pid, SIGKILL);
    process->killed = true;
    return G_SOURCE_REMOVE;
}

/* Between fork and exec: only async-signal-safe calls. The kernel kills the child when we die. */
static void set_up_child(void *data)
{
    const pid_t *parent = data;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* The parent may have died before prctl. */
    if (getppid() != *parent)
        _exit(127);
}

static bool watch_output(struct dub_process *process, unsigned index, int fd)
{
    struct output *output = &process->outputs[index];
    *output = (struct output){.process = process, .fd = fd, .is_stderr = index == 1};
    if (fd < 0)
        return true;
    output->line = g_string_new(NULL);
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    output->watch = dub_watch_add(process->context, fd, on_output, output);
    return output->watch != NULL;
}

static bool watch_end(struct dub_process *process)
{
    process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    if (process->pidfd >= 0)
        process->watch = dub_watch_add(process->context, process->pidfd, on_child_end, process);
    return process->watch != NULL;
}

static char **make_environment(const char *const *additions)
{
    char **environment = g_get_environ();
    for (; additions != NULL && *additions != NULL; additions++) {
        const char *equals = strchr(*additions, '=');
        g_assert(equals != NULL);
        g_autofree char *name = g_strndup(*additions, (gsize)(equals - *additions));
        environment = g_environ_setenv(environment, name, equals + 1, TRUE);
    }
    return environment;
}

static bool spawn_by_fork(struct dub_child *child, const struct dub_process_spec *spec,
                          struct dub_error *error)
{
    g_autoptr(GError) gerror = NULL;
    g_auto(GStrv) environment = make_environment(spec->environment);
    pid_t parent = getpid();
    GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH;
    if (g_spawn_async_with_pipes(spec->working_dir, (char **)spec->argv, environment, flags, set_up_child,
                                 &parent, &child->pid, NULL, spec->inherit_output ? NULL : &child->fds[0],
                                 spec->inherit_output ? NULL : &child->fds[1], &gerror))
        return true;
    enum dub_error_code code =
        g_error_matches(gerror, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT) ? DUB_ERROR_NOT_FOUND : DUB_ERROR_IO;
    return dub_error_take_gerror(error, code, "cannot start the program", &gerror);
}

/* Where the child needs nothing between fork and exec: a fork would copy our page tables and hold the locks
 * of malloc meanwhile, for all threads. */
struct plan {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    int pipes[2][2]; /* for stdout and stderr: ours, the child's; -1: none */
};

static void clear_plan(struct plan *plan)
{
    posix_spawnattr_destroy(&plan->attributes);
    posix_spawn_file_actions_destroy(&plan->actions);
    for (unsigned i = 0; i < 4; i++)
        if (plan->pipes[i / 2][i % 2] >= 0)
            close(plan->pipes[i / 2][i % 2]);
}

static int plan_outputs(struct plan *plan)
{
    for (unsigned i = 0; i < 2; i++) {
        if (pipe2(plan->pipes[i], O_CLOEXEC) != 0)
            return errno;
        int failed = posix_spawn_file_actions_adddup2(&plan->actions, plan->pipes[i][1], (int)i + 1);
        if (failed != 0)
            return failed;
    }
    return 0;
}

/* An errno, or 0. */
static int make_plan(struct plan *plan, const struct dub_process_spec *spec)
{
    sigset_t signals;
    *plan = (struct plan){.pipes = {{-1, -1}, {-1, -1}}};
    posix_spawnattr_init(&plan->attributes);
    posix_spawn_file_actions_init(&plan->actions);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&plan->attributes, &signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&plan->attributes, &signals);
    posix_spawnattr_setpgroup(&plan->attributes, 0);
    posix_spawnattr_setflags(&plan->attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int failed = spec->working_dir != NULL
                     ? posix_spawn_file_actions_addchdir_np(&plan->actions, spec->working_dir)
                     : 0;
    if (failed == 0)
        failed = posix_spawn_file_actions_addopen(&plan->actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (failed == 0 && !spec->inherit_output)
        failed = plan_outputs(plan);
    return failed != 0 ? failed : posix_spawn_file_actions_addclosefrom_np(&plan->actions, 3);
}

static bool spawn_without_fork(struct dub_child *child, const struct dub_process_spec *spec,
                               struct dub_error *error)
{
    struct plan plan;
    g_auto(GStrv) environment = make_environment(spec->environment);
    int failed = make_plan(&plan, spec);
    if (failed == 0)
        failed = posix_spawnp(&child->pid, spec->argv[0], &plan.actions, &plan.attributes,
                              (char *const *)spec->argv, environment);
    for (unsigned i = 0; i < 2 && failed == 0; i++) {
        child->fds[i] = plan.pipes[i][0];
        plan.pipes[i][0] = -1;
    }
    clear_plan(&plan);
    if (failed == 0)
        return true;
    return dub_error_set_errno(error, failed == ENOENT ? DUB_ERROR_NOT_FOUND : DUB_ERROR_IO, failed,
                               "cannot start the program %s", spec->argv[0]);
}

bool dub_process_spawn(struct dub_child *child, const struct dub_process_spec *spec, struct dub_error *error)
{
    *child = (struct dub_child){.fds = {-1, -1}};
    return spec->outlive_parent ? spawn_without_fork(child, spec, error) : spawn_by_fork(child, spec, error);
}

static void kill_and_reap(pid_t pid)
{
    (void)kill(-pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

void dub_process_discard(const struct dub_child *take_child)
{
    for (unsigned i = 0; i < 2; i++)
        if (take_child->fds[i] >= 0)
            close(take_child->fds[i]);
    kill_and_reap(take_child->pid);
}

struct dub_process *dub_process_watch(const struct dub_child *take_child, const struct dub_process_spec *spec,
                                      struct dub_error *error)
{
    struct dub_process *process = g_rc_box_new0(struct dub_process);
    process->spec = *spec;
    process->spec.argv = NULL;
    process->spec.environment = NULL;
    process->spec.working_dir = NULL;
    process->pid = take_child->pid;
    process->pidfd = -1;
    process->context = g_main_context_ref_thread_default();
    bool watches_outputs =
        watch_output(process, 0, take_child->fds[0]) & watch_output(process, 1, take_child->fds[1]);
    if (watches_outputs && watch_end(process))
        return process;
    dub_error_set_errno(error, DUB_ERROR_IO, errno, "cannot watch the program");
    /* What cannot be watched must not run. */
    kill_and_reap(process->pid);
    process->exited = true;
    dub_process_free(process);
    return NULL;
}

struct dub_process *dub_process_start(const struct dub_process_spec *spec, struct dub_error *error)
{
    struct dub_child child;
    return dub_process_spawn(&child, spec, error) ? dub_process_watch(&child, spec, error) : NULL;
}

pid_t dub_process_pid(const struct dub_process *process)
{
    return process->pid;
}

bool dub_process_signal(struct dub_process *process, int signal_number)
{
    return !process->exited && kill(-process->pid, signal_number) == 0;
}

void dub_process_stop(struct dub_process *process, unsigned grace_ms)
{
    if (process->exited || process->stopping)
        return;
    process->stopping = true;
    (void)dub_process_signal(process, SIGTERM);
    process->kill_timer = attach(process, g_timeout_source_new(grace_ms), on_kill_timer, process);
}

static void reap_quietly(GPid pid, int wait_status, void *data)
{
    g_spawn_close_pid(pid);
}

void dub_process_free(struct dub_process *process)
{
    if (process == NULL || process->freed)
        return;
    process->freed = true;
    close_pidfd(process);
    drop_source(&process->kill_timer);
    drop_source(&process->group_poll);
    for (unsigned i = 0; i < 2; i++)
        close_output(&process->outputs[i]);
    /* It must not stay a zombie. */
    if (!process->exited)
        g_source_unref(
            attach(process, g_child_watch_source_new(process->pid), G_SOURCE_FUNC(reap_quietly), NULL));
    release(process);
}
