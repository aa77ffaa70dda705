/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A child's end comes from dub_process with its exit code; that of an adopted worker, which is nobody's child
 * any more, from a pidfd, without one. The pidfd also makes sure that signals reach that process and no later
 * one. A worker that is to be started has a job instead of a process until it has had its turn (starts.h). */
#include "worker.h"

#include "control_client.h"
#include "last_words.h"
#include "starts.h"

#include <dubbing_log.h>
#include <dubbing_process.h>
#include <dubbing_watch.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct worker {
    const char *program;
    char *stream_id, *run_id;
    struct worker_events events;
    void *user;
    const struct dub_clock *clock;
    pid_t pid;
    struct dub_process *process; /* NULL: adopted, or not started yet */
    struct start_job *job;       /* NULL: has been started */
    int pidfd;                   /* -1: a child of ours */
    struct dub_watch *pidfd_watch;
    guint kill_source, end_source;
    struct control_client *control;
    int64_t heard_at_ns;
    bool stopping;
    bool given_up; /* killed for its silence */
    struct last_words last_words;
};

/* What starting takes and what came of it; the thread that does it has nothing else. */
struct start_job {
    struct worker *worker; /* NULL: freed meanwhile. Not for the thread. */
    char *socket_path;
    char **argv, **environment;
    struct dub_child child;
    bool spawned;
    struct dub_error error; /* unless spawned */
};

static const struct {
    int code;
    const char *meaning;
    enum worker_end_kind kind;
} exit_codes[] = {
    {0, "finished", WORKER_END_FINISHED},
    {1, "failed", WORKER_END_FAILED},
    {2, "its configuration is wrong", WORKER_END_REFUSED},
    {10, "the input never came or was lost", WORKER_END_FAILED},
    {11, "unsupported video codec", WORKER_END_REFUSED},
    {12, "no audio or no video track", WORKER_END_REFUSED},
    {13, "the output was lost", WORKER_END_FAILED},
};

static struct dub_log_context context_of(const struct worker *worker)
{
    return (struct dub_log_context){.stream_id = worker->stream_id, .run_id = worker->run_id};
}

static void report_end(struct worker *worker, enum worker_end_kind kind, const char *how)
{
    /* Of one that did as it was told they are no reason. */
    g_autofree char *why = kind != WORKER_END_FINISHED ? last_words_tell(&worker->last_words) : NULL;
    g_autofree char *text =
        g_strdup_printf("%s %s%s%s", worker->program, how, why != NULL ? ": " : "", why != NULL ? why : "");
    if (worker->control != NULL)
        control_client_drain(worker->control);
    worker->events.on_end(&(struct worker_end){kind, text}, worker->user);
}

static void on_exit_of_child(struct dub_process *process, int exit_code, int signal_number, void *user)
{
    struct worker *worker = user;
    if (signal_number != 0) {
        g_autofree char *how =
            g_strdup_printf("was ended by signal %d (%s)", signal_number, g_strsignal(signal_number));
        report_end(worker, WORKER_END_FAILED, how);
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(exit_codes); i++) {
        if (exit_codes[i].code != exit_code)
            continue;
        g_autofree char *how = g_strdup_printf("ended with code %d (%s)", exit_code, exit_codes[i].meaning);
        report_end(worker, exit_codes[i].kind, how);
        return;
    }
    g_autofree char *how = g_strdup_printf("ended with code %d", exit_code);
    report_end(worker, WORKER_END_FAILED, how);
}

static void on_line_of_child(struct dub_process *process, const char *line, bool is_stderr, void *user)
{
    struct worker *worker = user;
    struct dub_log_context context = context_of(worker);
    if (is_stderr)
        last_words_take(&worker->last_words, line);
    dub_log_forward(&context, line);
}

static bool on_hello(const struct dub_worker_hello *hello, pid_t peer_pid, void *user)
{
    struct worker *worker = user;
    struct dub_worker_command command = {.type = DUB_WORKER_COMMAND_PHRASES};
    /* A hello alone does not count as a sign of life: who greets and says nothing else is of no use. */
    if (peer_pid != worker->pid || strcmp(hello->stream_id, worker->stream_id) != 0)
        return false;
    if (worker->events.on_hello != NULL)
        worker->events.on_hello(hello, worker->user);
    return control_client_send(worker->control, &command);
}

static void on_status(const struct dub_worker_status *status, void *user)
{
    struct worker *worker = user;
    worker->heard_at_ns = dub_clock_now_ns(worker->clock);
    worker->events.on_status(status, worker->user);
}

static void on_phrase(const struct dub_ledger_line *line, void *user)
{
    struct worker *worker = user;
    worker->heard_at_ns = dub_clock_now_ns(worker->clock);
    worker->events.on_phrase(line, worker->user);
}

static void kill_worker(struct worker *worker, int signal_number)
{
    if (worker->process != NULL)
        dub_process_signal(worker->process, signal_number);
    else
        (void)syscall(SYS_pidfd_send_signal, worker->pidfd, signal_number, NULL, 0);
}

static void check_silence(struct worker *worker)
{
    struct dub_log_context context = context_of(worker);
    if (worker->pid == 0 || worker->given_up ||
        dub_clock_now_ns(worker->clock) - worker->heard_at_ns < WORKER_SILENCE_MAX_NS)
        return;
    dub_log(DUB_LOG_ERROR, &context, "%s (pid %d) has not said anything for %d s: killing it",
            worker->program, (int)worker->pid, (int)(WORKER_SILENCE_MAX_NS / DUB_NS_PER_S));
    worker->given_up = true;
    kill_worker(worker, SIGKILL);
}

static struct worker *new_worker(const struct worker_spec *spec, const struct worker_events *events,
                                 void *user)
{
    struct worker *worker = g_new0(struct worker, 1);
    worker->program = spec->program != NULL ? spec->program : "media-worker";
    worker->stream_id = g_strdup(spec->stream_id);
    worker->run_id = g_strdup(spec->run_id);
    worker->events = *events;
    worker->user = user;
    worker->clock = spec->clock;
    worker->heard_at_ns = dub_clock_now_ns(spec->clock);
    worker->pidfd = -1;
    return worker;
}

static void connect_control(struct worker *worker, const char *socket_path)
{
    static const struct control_client_events control_events = {on_hello, on_status, on_phrase};
    worker->control = control_client_new(socket_path, &control_events, worker);
}

static void free_job(struct start_job *job)
{
    g_free(job->socket_path);
    g_strfreev(job->argv);
    g_strfreev(job->environment);
    g_free(job);
}

/* Unless it has begun: then take_job finds nobody. */
static bool cancel_job(struct worker *worker)
{
    if (worker->job == NULL || !starts_remove(worker->job))
        return false;
    g_clear_pointer(&worker->job, free_job);
    return true;
}

static void free_worker(struct worker *worker)
{
    if (worker == NULL)
        return;
    if (!cancel_job(worker) && worker->job != NULL)
        worker->job->worker = NULL;
    g_clear_pointer(&worker->pidfd_watch, dub_watch_remove);
    g_clear_handle_id(&worker->kill_source, g_source_remove);
    g_clear_handle_id(&worker->end_source, g_source_remove);
    control_client_free(worker->control);
    dub_process_free(worker->process);
    if (worker->pidfd >= 0)
        close(worker->pidfd);
    g_free(worker->stream_id);
    g_free(worker->run_id);
    last_words_clear(&worker->last_words);
    g_free(worker);
}

static struct dub_process_spec process_spec_of(const struct start_job *job)
{
    return (struct dub_process_spec){.argv = (const char *const *)job->argv,
                                     .environment = (const char *const *)job->environment,
                                     .outlive_parent = true,
                                     .on_line = on_line_of_child,
                                     .on_exit = on_exit_of_child,
                                     .user = job->worker};
}

/* On a thread of its own. */
static void spawn(void *user)
{
    struct start_job *job = user;
    struct dub_process_spec spec = {.argv = (const char *const *)job->argv,
                                    .environment = (const char *const *)job->environment,
                                    .outlive_parent = true};
    job->spawned = dub_process_spawn(&job->child, &spec, &job->error);
}

static void watch_spawned(struct worker *worker, struct start_job *job)
{
    struct dub_log_context context = context_of(worker);
    struct dub_process_spec spec = process_spec_of(job);
    worker->process = dub_process_watch(&job->child, &spec, &job->error);
    if (worker->process == NULL)
        return;
    worker->pid = dub_process_pid(worker->process);
    worker->heard_at_ns = dub_clock_now_ns(worker->clock);
    connect_control(worker, job->socket_path);
    dub_log(DUB_LOG_INFO, &context, "%s runs, pid %d", worker->program, (int)worker->pid);
    if (worker->stopping)
        dub_process_stop(worker->process, WORKER_STOP_GRACE_MS);
}

static void report_not_started(struct worker *worker, const struct dub_error *error)
{
    g_autofree char *how = g_strdup_printf("could not be started: %s", error->message);
    report_end(worker, error->code == DUB_ERROR_NOT_FOUND ? WORKER_END_REFUSED : WORKER_END_FAILED, how);
}

static void take_spawned(void *user)
{
    struct start_job *job = user;
    struct worker *worker = job->worker;
    if (worker == NULL) {
        if (job->spawned)
            dub_process_discard(&job->child);
        free_job(job);
        return;
    }
    worker->job = NULL;
    if (job->spawned)
        watch_spawned(worker, job);
    /* Its owner may free the worker then. */
    if (worker->process == NULL)
        report_not_started(worker, &job->error);
    free_job(job);
}

static struct worker *start_worker(const struct worker_spec *spec, const struct worker_events *events,
                                   void *user, struct dub_error *error)
{
    struct worker *worker = new_worker(spec, events, user);
    worker->job = g_new0(struct start_job, 1);
    *worker->job = (struct start_job){.worker = worker,
                                      .socket_path = g_strdup(spec->socket_path),
                                      .argv = g_strdupv((char **)spec->argv),
                                      .environment = g_strdupv((char **)spec->environment)};
    starts_add(worker->job, spawn, take_spawned);
    return worker;
}

static void on_end_of_adopted(int fd, void *user)
{
    struct worker *worker = user;
    g_clear_pointer(&worker->pidfd_watch, dub_watch_remove);
    report_end(worker, worker->stopping ? WORKER_END_FINISHED : WORKER_END_FAILED, "ended");
}

static struct worker *adopt_worker(const struct worker_spec *spec, pid_t pid,
                                   const struct worker_events *events, void *user, struct dub_error *error)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) {
        dub_error_set_errno(error, DUB_ERROR_NOT_FOUND, errno, "cannot watch the process %d", (int)pid);
        return NULL;
    }
    struct worker *worker = new_worker(spec, events, user);
    worker->pid = pid;
    worker->pidfd = pidfd;
    worker->pidfd_watch = dub_watch_add(g_main_context_default(), pidfd, on_end_of_adopted, worker);
    if (worker->pidfd_watch == NULL) {
        dub_error_set_errno(error, DUB_ERROR_IO, errno, "cannot watch the process %d", (int)pid);
        free_worker(worker);
        return NULL;
    }
    connect_control(worker, spec->socket_path);
    return worker;
}

static gboolean kill_adopted(void *user)
{
    struct worker *worker = user;
    worker->kill_source = 0;
    kill_worker(worker, SIGKILL);
    return G_SOURCE_REMOVE;
}

static gboolean end_unstarted(void *user)
{
    struct worker *worker = user;
    worker->end_source = 0;
    report_end(worker, WORKER_END_FINISHED, "was stopped before it was started");
    return G_SOURCE_REMOVE;
}

static void stop_worker(struct worker *worker)
{
    if (worker->stopping)
        return;
    worker->stopping = true;
    if (cancel_job(worker)) {
        worker->end_source = g_idle_add_full(G_PRIORITY_DEFAULT, end_unstarted, worker, NULL);
        return;
    }
    if (worker->job != NULL) /* take_spawned goes on */
        return;
    if (worker->process != NULL) {
        dub_process_stop(worker->process, WORKER_STOP_GRACE_MS);
        return;
    }
    kill_worker(worker, SIGTERM);
    worker->kill_source = g_timeout_add(WORKER_STOP_GRACE_MS, kill_adopted, worker);
}

static pid_t pid_of_worker(const struct worker *worker)
{
    return worker->pid;
}

const struct worker_ops worker_process_ops = {
    .start = start_worker,
    .adopt = adopt_worker,
    .stop = stop_worker,
    .tick = check_silence,
    .pid = pid_of_worker,
    .free = free_worker,
};
