/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hooks.h"

#include "hook_output.h"

#include <dubbing_clock.h>
#include <dubbing_process.h>
#include <signal.h>

#define RESTART_AFTER_S 5
#define PATIENCE_MS 10000
#define DEFAULT_MAX 500
#define MAX_WAITING 10000 /* beyond it commands are left out */

struct hook_pool {
    void (*on_idle)(void *user);
    void *user;
    GHashTable *hooks; /* set of struct hook * */
    GQueue waiting;    /* struct hook * whose turn has not come */
    unsigned max, n_processes;
    unsigned patience_ms;
    bool has_warned; /* that commands wait */
};

struct hook {
    struct hook_pool *pool;
    struct hook_output output;
    char *command;
    char **environment;
    bool restart;
    bool held;                   /* somebody will call hook_stop, so it stays when its command ends */
    struct dub_process *process; /* NULL while it waits for its restart, and when it has ended */
    guint timer;                 /* to restart it, or to kill it */
};

static void hook_free(gpointer data)
{
    struct hook *hook = data;
    g_clear_handle_id(&hook->timer, g_source_remove);
    dub_process_free(hook->process);
    hook_output_clear(&hook->output);
    g_free(hook->command);
    g_strfreev(hook->environment);
    g_free(hook);
}

struct hook_pool *hook_pool_new(void (*on_idle)(void *user), void *user)
{
    struct hook_pool *pool = g_new0(struct hook_pool, 1);
    pool->on_idle = on_idle;
    pool->user = user;
    pool->hooks = g_hash_table_new_full(NULL, NULL, hook_free, NULL);
    pool->max = DEFAULT_MAX;
    pool->patience_ms = PATIENCE_MS;
    g_queue_init(&pool->waiting);
    return pool;
}

void hook_pool_free(struct hook_pool *pool)
{
    if (pool == NULL)
        return;
    g_queue_clear(&pool->waiting);
    g_hash_table_unref(pool->hooks);
    g_free(pool);
}

unsigned hook_pool_running(const struct hook_pool *pool)
{
    return g_hash_table_size(pool->hooks);
}

void hook_pool_set_max(struct hook_pool *pool, unsigned max)
{
    pool->max = max;
}

void hook_pool_set_patience(struct hook_pool *pool, unsigned patience_ms)
{
    pool->patience_ms = patience_ms;
}

static void forget(struct hook *hook)
{
    struct hook_pool *pool = hook->pool;
    g_hash_table_remove(pool->hooks, hook);
    if (g_hash_table_size(pool->hooks) == 0 && pool->on_idle != NULL)
        pool->on_idle(pool->user);
}

static void on_line(struct dub_process *process, const char *line, bool is_stderr, void *user)
{
    struct hook *hook = user;
    hook_output_line(&hook->output, line, dub_clock_now_ns(dub_clock_monotonic()));
}

static void log_exit(struct hook *hook, int exit_code, int signal_number)
{
    hook_output_flush(&hook->output);
    if (signal_number != 0)
        hook_output_say(&hook->output, DUB_LOG_INFO, " command ended by signal %d", signal_number);
    else
        hook_output_say(&hook->output, exit_code == 0 ? DUB_LOG_INFO : DUB_LOG_WARN,
                        " command ended with exit code %d%s", exit_code,
                        hook->restart ? ", it is started again in 5 s" : "");
}

static bool launch(struct hook *hook);
static void start_waiting(struct hook_pool *pool);

static gboolean on_restart(gpointer user)
{
    struct hook *hook = user;
    hook->timer = 0;
    if (hook->pool->n_processes >= hook->pool->max || !launch(hook))
        hook->timer = g_timeout_add_seconds(RESTART_AFTER_S, on_restart, hook);
    return G_SOURCE_REMOVE;
}

static void on_end(struct dub_process *process, int exit_code, int signal_number, void *user)
{
    struct hook *hook = user;
    struct hook_pool *pool = hook->pool;
    log_exit(hook, exit_code, signal_number);
    pool->n_processes--;
    start_waiting(pool);
    g_clear_pointer(&hook->process, dub_process_free);
    g_clear_handle_id(&hook->timer, g_source_remove);
    if (hook->restart)
        hook->timer = g_timeout_add_seconds(RESTART_AFTER_S, on_restart, hook);
    else if (!hook->held)
        forget(hook);
}

static bool launch(struct hook *hook)
{
    struct dub_error error = {0};
    const char *const *environment = (const char *const *)hook->environment;
    g_auto(GStrv) argv = dub_command_split(hook->command, environment, &error);
    if (argv != NULL && argv[0] != NULL) {
        hook->process = dub_process_start(&(struct dub_process_spec){.argv = (const char *const *)argv,
                                                                     .environment = environment,
                                                                     .on_line = on_line,
                                                                     .on_exit = on_end,
                                                                     .user = hook},
                                          &error);
    }
    if (hook->process == NULL) {
        hook_output_say(&hook->output, DUB_LOG_ERROR, " command cannot be started: %s", error.message);
        return false;
    }
    hook_output_say(&hook->output, DUB_LOG_INFO, " command started (process %d)",
                    (int)dub_process_pid(hook->process));
    hook->pool->n_processes++;
    return true;
}

/* In the order in which they came; one that cannot be started is left, or tried again, as any other. */
static void start_waiting(struct hook_pool *pool)
{
    while (pool->n_processes < pool->max && pool->waiting.length > 0) {
        struct hook *hook = g_queue_pop_head(&pool->waiting);
        if (launch(hook))
            continue;
        if (hook->restart)
            hook->timer = g_timeout_add_seconds(RESTART_AFTER_S, on_restart, hook);
        else if (!hook->held)
            g_hash_table_remove(pool->hooks, hook);
    }
    if (pool->waiting.length == 0)
        pool->has_warned = false;
}

/* Its turn comes when another ends. False when too many wait already. */
static bool queue_up(struct hook_pool *pool, struct hook *hook)
{
    if (pool->waiting.length >= MAX_WAITING) {
        hook_output_say(&hook->output, DUB_LOG_ERROR,
                        " command is left out: %u others wait already; raise ROUTER_MAX_HOOKS (%u)",
                        pool->waiting.length, pool->max);
        return false;
    }
    if (!pool->has_warned)
        hook_output_say(
            &hook->output, DUB_LOG_WARN,
            " command and others wait until one of %u hook processes ends; raise ROUTER_MAX_HOOKS if "
            "that is too few",
            pool->n_processes);
    pool->has_warned = true;
    g_queue_push_tail(&pool->waiting, hook);
    return true;
}

static struct hook *start(struct hook_pool *pool, const struct hook_spec *spec, bool held)
{
    if (spec->command == NULL || *spec->command == '\0')
        return NULL;
    struct hook *hook = g_new0(struct hook, 1);
    hook->pool = pool;
    hook_output_init(&hook->output, spec->name, spec->path);
    hook->command = g_strdup(spec->command);
    hook->environment = g_strdupv((char **)spec->environment);
    hook->restart = spec->restart;
    hook->held = held;
    bool is_full = pool->n_processes >= pool->max;
    if (is_full ? !queue_up(pool, hook) : !launch(hook)) {
        if (is_full || !spec->restart) {
            hook_free(hook);
            return NULL;
        }
        hook->timer = g_timeout_add_seconds(RESTART_AFTER_S, on_restart, hook);
    }
    g_hash_table_add(pool->hooks, hook);
    return hook;
}

struct hook *hook_start(struct hook_pool *pool, const struct hook_spec *spec)
{
    return start(pool, spec, true);
}

static gboolean on_kill(gpointer user)
{
    struct hook *hook = user;
    hook->timer = 0;
    hook_output_say(&hook->output, DUB_LOG_WARN, " command is still there %u ms after SIGINT: killed",
                    hook->pool->patience_ms);
    dub_process_signal(hook->process, SIGKILL);
    return G_SOURCE_REMOVE;
}

void hook_stop(struct hook *hook)
{
    if (hook == NULL)
        return;
    hook->restart = false;
    hook->held = false;
    g_clear_handle_id(&hook->timer, g_source_remove);
    if (hook->process == NULL) {
        g_queue_remove(&hook->pool->waiting, hook);
        forget(hook);
        return;
    }
    dub_process_signal(hook->process, SIGINT);
    hook->timer = g_timeout_add(hook->pool->patience_ms, on_kill, hook);
}

void hook_run(struct hook_pool *pool, const struct hook_spec *spec)
{
    start(pool, spec, false);
}
