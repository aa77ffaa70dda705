/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lineage.h"

#include <dubbing_clock.h>
#include <dubbing_log.h>
#include <pthread.h>

#define MAX_WAITING 64
#define MAX_WAITING_BYTES (INT64_C(64) << 20)
#define TRIM_INTERVAL_S 60
#define STOP_TIMEOUT_NS (5 * DUB_NS_PER_S)

struct lineage {
    struct lineage_config config;
    pthread_mutex_t lock; /* guards what follows, up to the thread */
    pthread_cond_t changed;
    GQueue waiting; /* of struct lineage_record */
    int64_t waiting_bytes;
    bool stopping;
    int64_t give_up_ns; /* while stopping */
    GThread *thread;
    char *folder;
    bool refused; /* the writer's: the disk has refused, and that has been said */
};

static void count(struct lineage *lineage, const char *result)
{
    dub_metric_inc(lineage->config.metrics->artifacts, 1, &result);
}

static void init_lock(struct lineage *lineage)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&lineage->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&lineage->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* Lock held. Until something happens, or for so long. */
static void wait_a_while(struct lineage *lineage)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TRIM_INTERVAL_S;
    pthread_cond_timedwait(&lineage->changed, &lineage->lock, &until);
}

/* The next record, NULL after a while without; false when there will be no more. */
static bool next_record(struct lineage *lineage, struct lineage_record **record)
{
    pthread_mutex_lock(&lineage->lock);
    if (lineage->waiting.length == 0 && !lineage->stopping)
        wait_a_while(lineage);
    *record = g_queue_pop_head(&lineage->waiting);
    if (*record)
        lineage->waiting_bytes -= lineage_record_bytes(*record);
    bool stopping = lineage->stopping;
    pthread_mutex_unlock(&lineage->lock);
    return *record || !stopping;
}

/* A disk that refuses is said when it begins and when it ends, not for every fragment. */
static void note_outcome(struct lineage *lineage, bool written, const struct dub_error *error)
{
    count(lineage, written ? "written" : "failed");
    if (written && lineage->refused)
        dub_log_info("artifacts are written to %s again", lineage->folder);
    if (!written && !lineage->refused)
        dub_log_warn("artifacts cannot be written to %s: %s; fragments go on without", lineage->folder,
                     error->message);
    lineage->refused = !written;
}

static bool gave_up(struct lineage *lineage)
{
    pthread_mutex_lock(&lineage->lock);
    bool late = lineage->stopping && dub_clock_now_ns(dub_clock_monotonic()) > lineage->give_up_ns;
    pthread_mutex_unlock(&lineage->lock);
    return late;
}

static void handle(struct lineage *lineage, struct store *store, struct lineage_record *record)
{
    struct dub_error error;
    if (!record)
        store_trim(store, dub_wall_time_ms());
    else if (gave_up(lineage))
        count(lineage, "dropped");
    else
        note_outcome(lineage, store_add(store, record, record->finished_ms, &error), &error);
    lineage_record_free(record);
}

static gpointer serve(gpointer data)
{
    struct lineage *lineage = data;
    struct lineage_record *record;
    struct store *store = store_open(&lineage->config.store, dub_wall_time_ms());
    while (next_record(lineage, &record))
        handle(lineage, store, record);
    store_close(store);
    return NULL;
}

struct lineage *lineage_new(const struct lineage_config *config)
{
    struct lineage *lineage = g_new0(struct lineage, 1);
    lineage->config = *config;
    lineage->folder = g_strdup(config->store.folder);
    lineage->config.store.folder = lineage->folder;
    if (config->max_waiting == 0)
        lineage->config.max_waiting = MAX_WAITING;
    if (config->max_waiting_bytes == 0)
        lineage->config.max_waiting_bytes = MAX_WAITING_BYTES;
    g_queue_init(&lineage->waiting);
    init_lock(lineage);
    lineage->thread = g_thread_new("lineage", serve, lineage);
    return lineage;
}

/* Lock held. One record is always taken, however large. */
static bool has_room(const struct lineage *lineage, int64_t bytes)
{
    return lineage->waiting.length == 0 ||
           (lineage->waiting.length < lineage->config.max_waiting &&
            lineage->waiting_bytes + bytes <= lineage->config.max_waiting_bytes);
}

void lineage_note(struct lineage *lineage, const struct job *job, int64_t now_ns)
{
    struct lineage_record *record = lineage_record_new(job, now_ns, dub_wall_time_ms());
    int64_t bytes = lineage_record_bytes(record);
    pthread_mutex_lock(&lineage->lock);
    bool taken = has_room(lineage, bytes);
    if (taken) {
        g_queue_push_tail(&lineage->waiting, record);
        lineage->waiting_bytes += bytes;
        pthread_cond_signal(&lineage->changed);
    }
    pthread_mutex_unlock(&lineage->lock);
    if (taken)
        return;
    lineage_record_free(record);
    count(lineage, "dropped");
}

void lineage_free(struct lineage *lineage)
{
    if (!lineage)
        return;
    pthread_mutex_lock(&lineage->lock);
    lineage->stopping = true;
    lineage->give_up_ns = dub_clock_now_ns(dub_clock_monotonic()) + STOP_TIMEOUT_NS;
    pthread_cond_signal(&lineage->changed);
    pthread_mutex_unlock(&lineage->lock);
    g_thread_join(lineage->thread);
    pthread_cond_destroy(&lineage->changed);
    pthread_mutex_destroy(&lineage->lock);
    g_free(lineage->folder);
    g_free(lineage);
}
