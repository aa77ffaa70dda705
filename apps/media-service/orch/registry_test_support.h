/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the registry's tests share: a registry with workers that exist on paper only, and a clock that moves
 * when told to. */
#pragma once

#include "registry.h"

#include <dubbing_json.h>
#include <glib/gstdio.h>
#include <string.h>

struct worker {
    struct worker_events events;
    void *user;
    char *environment; /* joined by newlines */
    bool stop_asked;
    pid_t pid;
};

/* What the fake workers are and were. */
static struct {
    struct worker *last; /* NULL: none lives */
    unsigned n_alive, n_started, n_adopted;
    enum dub_error_code fail_with;
} fakes;

static inline struct worker *fake_new(const struct worker_spec *spec, const struct worker_events *events,
                                      void *user)
{
    struct worker *worker = g_new0(struct worker, 1);
    worker->events = *events;
    worker->user = user;
    worker->environment =
        spec->environment != NULL ? g_strjoinv("\n", (char **)spec->environment) : g_strdup("");
    worker->pid = 1000;
    fakes.last = worker;
    fakes.n_alive++;
    return worker;
}

static inline struct worker *fake_start(const struct worker_spec *spec, const struct worker_events *events,
                                        void *user, struct dub_error *error)
{
    if (fakes.fail_with != DUB_ERROR_NONE) {
        dub_error_set(error, fakes.fail_with, "cannot start");
        return NULL;
    }
    fakes.n_started++;
    return fake_new(spec, events, user);
}

static inline struct worker *fake_adopt(const struct worker_spec *spec, pid_t pid,
                                        const struct worker_events *events, void *user,
                                        struct dub_error *error)
{
    fakes.n_adopted++;
    return fake_new(spec, events, user);
}

static inline void fake_stop(struct worker *worker)
{
    worker->stop_asked = true;
}

static inline void fake_tick(struct worker *worker)
{
}

static inline pid_t fake_pid(const struct worker *worker)
{
    return worker->pid;
}

static inline void fake_free(struct worker *worker)
{
    if (worker == NULL)
        return;
    if (fakes.last == worker)
        fakes.last = NULL;
    fakes.n_alive--;
    g_free(worker->environment);
    g_free(worker);
}

static const struct worker_ops fake_ops = {fake_start, fake_adopt, fake_stop, fake_tick, fake_pid, fake_free};

struct fixture {
    char *folder;
    struct dub_fake_clock clock;
    struct state_dir *state_dir;
    struct bundle_store *bundles;
    struct registry *registry;
    unsigned n_states, n_phrases, n_restarts, n_forgotten;
    bool stopped;
};

static inline void count_state(struct stream *stream, void *user)
{
    ((struct fixture *)user)->n_states++;
}

static inline void count_phrase(struct stream *stream, JsonNode *line, void *user)
{
    ((struct fixture *)user)->n_phrases++;
}

static inline void count_restart(struct stream *stream, void *user)
{
    ((struct fixture *)user)->n_restarts++;
}

static inline void count_forgotten(struct stream *stream, void *user)
{
    ((struct fixture *)user)->n_forgotten++;
}

static inline void open_registry(struct fixture *fixture, int64_t max_workers)
{
    static const struct registry_events events = {count_state, count_phrase, count_restart, count_forgotten};
    static const char *const argv[] = {"worker", NULL};
    static const char *const environment[] = {"COMMON=1", "WORKER_TARGET_LANG=xx", NULL};
    struct dub_error error = {0};
    g_autofree char *state = g_build_filename(fixture->folder, "state", NULL);
    g_autofree char *runs = g_build_filename(fixture->folder, "runs", NULL);
    fixture->state_dir = state_dir_open(state, &error);
    g_assert_nonnull(fixture->state_dir);
    fixture->bundles = bundle_store_new(&(struct bundle_store_config){.root = runs});
    fixture->registry = registry_new(&(struct registry_config){.clock = &fixture->clock.clock,
                                                               .workers = &fake_ops,
                                                               .state_dir = fixture->state_dir,
                                                               .worker_argv = argv,
                                                               .worker_environment = environment,
                                                               .router_rtmp_url = "rtmp://r",
                                                               .streams_dir = fixture->folder,
                                                               .bundles = fixture->bundles,
                                                               .captures_media = true,
                                                               .grace_ns = 30 * DUB_NS_PER_S,
                                                               .max_workers = max_workers},
                                     &events, fixture);
}

static inline void close_registry(struct fixture *fixture)
{
    g_clear_pointer(&fixture->registry, registry_free);
    g_clear_pointer(&fixture->bundles, bundle_store_free);
    g_clear_pointer(&fixture->state_dir, state_dir_close);
}

static inline void set_up(struct fixture *fixture, const void *max_workers)
{
    memset(&fakes, 0, sizeof(fakes));
    fixture->folder = g_dir_make_tmp("dubbing-test-XXXXXX", NULL);
    dub_fake_clock_init(&fixture->clock, DUB_NS_PER_S);
    open_registry(fixture, GPOINTER_TO_INT(max_workers));
}

static inline void tear_down(struct fixture *fixture, const void *max_workers)
{
    close_registry(fixture);
    g_autofree char *command = g_strdup_printf("rm -rf %s", fixture->folder);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_free(fixture->folder);
    g_assert_cmpuint(fakes.n_alive, ==, 0);
}

static inline bool try_ready(struct fixture *fixture, const char *id, const char *query, const char *source,
                             struct stream **stream)
{
    struct dub_error error = {0};
    return registry_publisher_ready(fixture->registry, id, query, source, stream, &error);
}

static inline struct stream *ready(struct fixture *fixture, const char *id, const char *query,
                                   const char *source)
{
    struct stream *stream = NULL;
    bool accepted = try_ready(fixture, id, query, source, &stream);
    g_assert(accepted && stream != NULL);
    return stream;
}

static inline void pass(struct fixture *fixture, int64_t ns)
{
    dub_fake_clock_advance(&fixture->clock, ns);
    registry_tick(fixture->registry);
}

static inline void end_worker(enum worker_end_kind kind)
{
    struct worker *worker = fakes.last;
    worker->events.on_end(&(struct worker_end){kind, "it ended"}, worker->user);
}

static inline void say_status(enum dub_worker_state state)
{
    struct dub_worker_status status = {.state = state,
                                       .source_lang = (char *)"en",
                                       .target_lang = (char *)"es",
                                       .input = {.url = (char *)"in"},
                                       .output = {.url = (char *)"out"},
                                       .sts = {.mode = (char *)"enabled"}};
    fakes.last->events.on_status(&status, fakes.last->user);
}

static inline void say_phrase(int64_t seq)
{
    struct dub_ledger_line line = {.seq = seq, .end_ms = 900, .state = DUB_PHRASE_PASSTHROUGH};
    fakes.last->events.on_phrase(&line, fakes.last->user);
}

static inline void run_idle(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        continue;
}

static inline char *path_in(const struct fixture *fixture, const char *folder, const char *name)
{
    return g_build_filename(fixture->folder, folder, name, NULL);
}

static inline JsonObject *object_of(const char *text)
{
    g_autoptr(JsonNode) node = dub_json_parse(text, strlen(text), NULL);
    return json_node_dup_object(node);
}

static inline void on_stopped(void *user)
{
    ((struct fixture *)user)->stopped = true;
}

static inline void stop_as_operator(struct fixture *fixture, const char *id)
{
    g_assert_true(registry_stop(fixture->registry, id, NULL));
    if (fakes.last != NULL)
        end_worker(WORKER_END_FINISHED);
}

#define ADD(name, function, max_workers)                                                                     \
    g_test_add("/registry/" name, struct fixture, GINT_TO_POINTER(max_workers), set_up, function, tear_down)
