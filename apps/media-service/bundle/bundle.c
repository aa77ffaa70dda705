/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bundle.h"

#include "job_thread.h"
#include "run_files.h"
#include "run_folder.h"
#include "seal.h"

#include <dubbing_clock.h>
#include <dubbing_json.h>
#include <dubbing_log.h>
#include <stdbool.h>
#include <string.h>

#define LEDGER_READ_MAX_BYTES (16 << 20) /* far more than the lines that anybody asks for */
#define MAX_WAITING 4096
#define STOP_WAIT_NS (2 * DUB_NS_PER_S)
#define SEALERS 16
#define HURRY_WAIT_NS (500 * DUB_NS_PER_MS)

struct bundle_store {
    char *root;
    struct retention retention;
    int64_t stop_wait_ns;
    int hurry; /* atomic: the end is near */
    struct disk_health health;
    pthread_mutex_t lock;          /* guards the running */
    GHashTable *running;           /* ids of the runs that are not sealed */
    struct job_thread *writer;     /* for the runs that last */
    GPtrArray *open;               /* the writer's: struct run_files, borrowed */
    struct job_thread *keeper;     /* for those that have ended */
    GPtrArray *ended;              /* the keeper's: struct run_files that are to be sealed */
    GQueue unsealed;               /* the keeper's: struct run_files that the disk has refused to seal */
    struct retention_index *index; /* the keeper's */
};

enum job_kind {
    JOB_OPEN,
    JOB_LINE,
    JOB_MANIFEST,
    JOB_END,
    JOB_CLOSE,
    JOB_CLEAN_UP,
    JOB_TICK,
};

struct job {
    enum job_kind kind;
    struct run_files *files; /* NULL: of the store */
    char *text;              /* of a line or a manifest */
    JsonObject *facts;       /* of an end */
    uint64_t n_refused;
};

struct bundle {
    struct bundle_store *store;
    struct run_files *files; /* passed to the threads, not looked at */
    char *stream_id, *run_id;
    char *folder;
    uint64_t n_refused; /* lines for which the writer had no room */
};

static void free_job(struct job *job)
{
    g_clear_pointer(&job->facts, json_object_unref);
    g_free(job->text);
    g_free(job);
}

static void set_running(struct bundle_store *store, const char *run_id, bool running)
{
    pthread_mutex_lock(&store->lock);
    if (running)
        g_hash_table_add(store->running, g_strdup(run_id));
    else
        g_hash_table_remove(store->running, run_id);
    pthread_mutex_unlock(&store->lock);
}

static bool is_running(const char *run_id, void *user)
{
    struct bundle_store *store = user;
    pthread_mutex_lock(&store->lock);
    bool running = g_hash_table_contains(store->running, run_id);
    pthread_mutex_unlock(&store->lock);
    return running;
}

/* ---- the keeper ---- */

/* Those that are sealed at the same time. Most of it is waiting for the disk, which serves many at once as
 * quickly as one: hundreds of streams may be stopped together, and all of them shortly before our end. */
struct round {
    struct bundle_store *store;
    GPtrArray *runs; /* struct run_files */
    int next;        /* atomic */
};

static void *seal_some(void *data)
{
    struct round *round = data;
    for (;;) {
        guint i = (guint)g_atomic_int_add(&round->next, 1);
        if (i >= round->runs->len)
            return NULL;
        struct run_files *files = round->runs->pdata[i];
        files->sealed = run_files_seal(files, &round->store->hurry);
    }
}

static void seal_together(struct round *round)
{
    pthread_t helpers[SEALERS - 1];
    unsigned n_helpers = 0, n_wanted = MIN(SEALERS, round->runs->len);
    while (n_helpers + 1 < n_wanted && pthread_create(&helpers[n_helpers], NULL, seal_some, round) == 0)
        n_helpers++;
    seal_some(round);
    for (unsigned i = 0; i < n_helpers; i++)
        pthread_join(helpers[i], NULL);
}

static void seal_all(struct bundle_store *store, GPtrArray *take_runs)
{
    struct round round = {.store = store, .runs = take_runs};
    seal_together(&round);
    for (guint i = 0; i < take_runs->len; i++) {
        struct run_files *files = take_runs->pdata[i];
        if (!files->sealed) {
            g_queue_push_tail(&store->unsealed, files);
            continue;
        }
        retention_forget(store->index, files->run_id);
        set_running(store, files->run_id, false);
        run_files_free(files);
    }
    g_ptr_array_unref(take_runs);
}

static void seal_again(struct bundle_store *store)
{
    GPtrArray *runs = g_ptr_array_new();
    while (store->unsealed.length > 0)
        g_ptr_array_add(runs, g_queue_pop_head(&store->unsealed));
    seal_all(store, runs);
}

/* When no other has ended meanwhile. */
static void seal_ended(struct bundle_store *store)
{
    GPtrArray *runs = g_steal_pointer(&store->ended);
    store->ended = g_ptr_array_new();
    seal_all(store, runs);
}

static bool is_leftover(struct bundle_store *store, const char *run_id)
{
    g_autofree char *folder = g_build_filename(store->root, run_id, NULL);
    return !is_running(run_id, store) && !seal_is_intact(folder) && !run_folder_is_in_use(folder);
}

static void seal_leftovers(struct bundle_store *store)
{
    g_autoptr(GPtrArray) names = run_folder_list(store->root);
    GPtrArray *runs = g_ptr_array_new();
    for (guint i = 0; i < names->len && g_atomic_int_get(&store->hurry) == 0; i++) {
        const char *run_id = names->pdata[i];
        if (!is_leftover(store, run_id))
            continue;
        struct run_files *files = run_files_new(&store->health, store->root, "", run_id);
        files->leftover = true;
        set_running(store, run_id, true);
        g_ptr_array_add(runs, files);
    }
    seal_all(store, runs);
}

static void run_keeper_job(void *data, void *user)
{
    struct job *job = data;
    struct bundle_store *store = user;
    if (job->kind == JOB_END) {
        g_ptr_array_add(store->ended, job->files);
        if (!job_thread_has_more(store->keeper))
            seal_ended(store);
    } else {
        seal_ended(store);
        seal_again(store);
        if (job->kind == JOB_CLEAN_UP)
            seal_leftovers(store);
        retention_clean(store->index, &store->retention, dub_wall_time_ms(), is_running, store);
    }
    free_job(job);
}

/* ---- the writer ---- */

static void write_all_again(const struct bundle_store *store)
{
    for (guint i = 0; i < store->open->len; i++) {
        struct run_files *files = store->open->pdata[i];
        run_files_write(files);
        ledger_file_sync(&files->ledger);
    }
}

/* From here on the files are the keeper's. */
static void hand_over(struct bundle_store *store, struct job *take_job)
{
    struct run_files *files = take_job->files;
    g_ptr_array_remove_fast(store->open, files);
    files->facts = g_steal_pointer(&take_job->facts);
    files->n_refused = take_job->n_refused;
    run_files_write(files);
    job_thread_post(store->keeper, take_job, true);
}

/* What was written in a hurry is made safe when there is time. */
static void sync_when_idle(const struct bundle_store *store)
{
    for (guint i = 0; i < store->open->len && job_thread_is_idle(store->writer); i++) {
        struct run_files *files = store->open->pdata[i];
        if (files->unsynced)
            run_files_sync(files);
    }
}

static void close_files(struct bundle_store *store, struct run_files *files)
{
    g_ptr_array_remove_fast(store->open, files);
    run_files_free(files);
}

static void run_writer_job(void *data, void *user)
{
    struct job *job = data;
    struct bundle_store *store = user;
    if (job->kind == JOB_OPEN)
        g_ptr_array_add(store->open, job->files);
    if (job->kind == JOB_LINE)
        ledger_file_add(&job->files->ledger, job->text);
    if (job->kind == JOB_MANIFEST || job->kind == JOB_END) {
        g_free(job->files->manifest);
        job->files->manifest = g_steal_pointer(&job->text);
    }
    if (job->kind == JOB_END) {
        hand_over(store, job);
        return;
    }
    if (job->kind == JOB_TICK)
        write_all_again(store);
    else
        run_files_write(job->files);
    if (job->kind == JOB_CLOSE)
        close_files(store, job->files);
    free_job(job);
    sync_when_idle(store);
}

/* ---- the caller's thread ---- */

struct bundle_store *bundle_store_new(const struct bundle_store_config *config)
{
    struct bundle_store *store = g_new0(struct bundle_store, 1);
    store->root = g_canonicalize_filename(config->root, NULL);
    store->retention = config->retention;
    store->stop_wait_ns = config->stop_wait_ns > 0 ? config->stop_wait_ns : STOP_WAIT_NS;
    disk_health_init(&store->health, store->root);
    pthread_mutex_init(&store->lock, NULL);
    store->running = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    store->open = g_ptr_array_new();
    store->ended = g_ptr_array_new();
    g_queue_init(&store->unsealed);
    store->index = retention_index_new(store->root);
    store->keeper = job_thread_new("bundle-keeper", MAX_WAITING, run_keeper_job, store);
    store->writer = job_thread_new(
        "bundle-writer", config->max_waiting > 0 ? config->max_waiting : MAX_WAITING, run_writer_job, store);
    return store;
}

static struct job *new_job(enum job_kind kind, struct run_files *files, char *take_text)
{
    struct job *job = g_new(struct job, 1);
    *job = (struct job){.kind = kind, .files = files, .text = take_text};
    return job;
}

/* One that is still waiting is as good. */
static void post_to_store(struct job_thread *thread, enum job_kind kind, bool must)
{
    struct job *job = new_job(kind, NULL, NULL);
    if (!job_thread_post(thread, job, must))
        free_job(job);
}

void bundle_store_clean_up(struct bundle_store *store)
{
    post_to_store(store->keeper, JOB_CLEAN_UP, true);
}

void bundle_store_tick(struct bundle_store *store)
{
    post_to_store(store->writer, JOB_TICK, false);
    post_to_store(store->keeper, JOB_TICK, false);
}

bool bundle_store_is_refused(struct bundle_store *store)
{
    return disk_health_is_stuck(&store->health);
}

/* Both threads, one after the other: what the one has done last may be something for the other. */
static bool join_threads(struct bundle_store *store)
{
    int64_t until_ns = dub_clock_now_ns(dub_clock_monotonic()) + store->stop_wait_ns;
    job_thread_end(store->writer);
    if (!job_thread_join(store->writer, until_ns))
        return false;
    job_thread_end(store->keeper);
    if (job_thread_join(store->keeper, until_ns))
        return true;
    g_atomic_int_set(&store->hurry, 1);
    return job_thread_join(store->keeper, until_ns + HURRY_WAIT_NS);
}

void bundle_store_free(struct bundle_store *store)
{
    if (store == NULL)
        return;
    if (!join_threads(store)) {
        dub_log_warn("%s does not answer; what was to be written there is left to the next start",
                     store->root);
        return;
    }
    g_queue_clear_full(&store->unsealed, (GDestroyNotify)run_files_free);
    for (guint i = 0; i < store->open->len; i++)
        run_files_free(store->open->pdata[i]);
    g_ptr_array_unref(store->open);
    g_ptr_array_unref(store->ended);
    g_hash_table_unref(store->running);
    retention_index_free(store->index);
    pthread_mutex_destroy(&store->lock);
    disk_health_clear(&store->health);
    g_free(store->root);
    g_free(store);
}

char *bundle_store_audio_folder(const struct bundle_store *store, const char *run_id)
{
    return g_build_filename(store->root, run_id, RUN_AUDIO, NULL);
}

static void post(const struct bundle *bundle, enum job_kind kind, char *take_text)
{
    struct job *job = new_job(kind, bundle->files, take_text);
    if (!job_thread_post(bundle->store->writer, job, true))
        free_job(job);
}

struct bundle *bundle_open(struct bundle_store *store, const char *stream_id, const char *run_id)
{
    struct bundle *bundle = g_new0(struct bundle, 1);
    bundle->store = store;
    bundle->files = run_files_new(&store->health, store->root, stream_id, run_id);
    bundle->stream_id = g_strdup(stream_id);
    bundle->run_id = g_strdup(run_id);
    bundle->folder = g_build_filename(store->root, run_id, NULL);
    set_running(store, run_id, true);
    post(bundle, JOB_OPEN, NULL);
    return bundle;
}

static void free_bundle(struct bundle *bundle)
{
    g_free(bundle->stream_id);
    g_free(bundle->run_id);
    g_free(bundle->folder);
    g_free(bundle);
}

void bundle_close(struct bundle *bundle)
{
    if (bundle == NULL)
        return;
    post(bundle, JOB_CLOSE, NULL);
    free_bundle(bundle);
}

static void add_identity(const struct bundle *bundle, JsonObject *manifest, enum run_status status)
{
    json_object_set_string_member(manifest, "streamId", bundle->stream_id);
    json_object_set_string_member(manifest, "runId", bundle->run_id);
    json_object_set_string_member(manifest, "status", run_status_name(status));
}

void bundle_end(struct bundle *bundle, JsonObject *take_facts)
{
    add_identity(bundle, take_facts, RUN_CLOSING);
    struct job *job =
        new_job(JOB_END, bundle->files, dub_json_object_to_string_take(json_object_ref(take_facts)));
    job->facts = take_facts;
    job->n_refused = bundle->n_refused;
    if (!job_thread_post(bundle->store->writer, job, true))
        free_job(job);
    free_bundle(bundle);
}

void bundle_write_manifest(struct bundle *bundle, JsonObject *take_manifest)
{
    add_identity(bundle, take_manifest, RUN_RUNNING);
    post(bundle, JOB_MANIFEST, dub_json_object_to_string_take(take_manifest));
}

void bundle_append_line(struct bundle *bundle, const char *line)
{
    struct dub_log_context context = {.stream_id = bundle->stream_id, .run_id = bundle->run_id};
    struct job *job = new_job(JOB_LINE, bundle->files, g_strdup(line));
    if (job_thread_post(bundle->store->writer, job, false))
        return;
    free_job(job);
    if (bundle->n_refused++ == 0)
        dub_log(DUB_LOG_WARN, &context,
                "%s is too slow: lines of the ledger are left out; the stream goes on", bundle->store->root);
}

/* The end of the file, with as many whole lines as fit. */
static char *read_tail(const char *path)
{
    FILE *file = g_fopen(path, "re");
    if (file == NULL)
        return g_strdup("");
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : 0;
    long from = MAX(size - LEDGER_READ_MAX_BYTES, 0);
    char *text = g_malloc((gsize)(size - from) + 1);
    gsize n = fseek(file, from, SEEK_SET) == 0 ? fread(text, 1, (gsize)(size - from), file) : 0;
    fclose(file);
    text[n] = '\0';
    char *first = from > 0 ? strchr(text, '\n') : NULL;
    if (first != NULL)
        memmove(text, first + 1, strlen(first));
    return text;
}

void bundle_read_lines(struct bundle *bundle, unsigned max_lines,
                       void (*on_line)(const char *line, void *user), void *user)
{
    g_autofree char *path = g_build_filename(bundle->folder, RUN_LEDGER, NULL);
    g_autofree char *text = read_tail(path);
    g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
    guint n = g_strv_length(lines);
    for (guint i = n > max_lines ? n - max_lines : 0; i < n; i++)
        if (*lines[i] != '\0')
            on_line(lines[i], user);
}
