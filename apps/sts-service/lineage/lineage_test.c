/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread that writes, on a disk that stands still or refuses as the test says. */
#include "lineage.h"

#include "lineage_test_support.h"

#include <dubbing_file.h>
#include <dubbing_log.h>
#include <errno.h>
#include <pthread.h>

#define DEADLINE_S 20

static struct {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool stands_still, refuses;
    unsigned n_writes;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static bool write_file(const char *path, const void *data, gsize size, struct dub_error *error)
{
    pthread_mutex_lock(&disk.lock);
    disk.n_writes++;
    pthread_cond_broadcast(&disk.changed);
    while (disk.stands_still)
        pthread_cond_wait(&disk.changed, &disk.lock);
    bool refuses = disk.refuses;
    pthread_mutex_unlock(&disk.lock);
    if (refuses)
        return dub_error_set_errno(error, DUB_ERROR_IO, ENOSPC, "cannot write %s", path);
    return dub_file_replace(path, data, size, error);
}

static void set_disk(bool stands_still, bool refuses)
{
    pthread_mutex_lock(&disk.lock);
    disk.stands_still = stands_still;
    disk.refuses = refuses;
    pthread_cond_broadcast(&disk.changed);
    pthread_mutex_unlock(&disk.lock);
}

static void wait_for_writes(unsigned least)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DEADLINE_S;
    pthread_mutex_lock(&disk.lock);
    while (disk.n_writes < least)
        g_assert_cmpint(pthread_cond_timedwait(&disk.changed, &disk.lock, &until), ==, 0);
    pthread_mutex_unlock(&disk.lock);
}

struct stand {
    char *root;
    struct sts_metrics metrics;
    struct lineage *lineage;
};

static void open_stand(struct stand *stand, unsigned max_waiting, int64_t max_waiting_bytes)
{
    *stand = (struct stand){.root = g_dir_make_tmp("sts-lineage-XXXXXX", NULL)};
    disk.n_writes = 0;
    set_disk(false, false);
    sts_metrics_init(&stand->metrics);
    stand->lineage = lineage_new(&(struct lineage_config){
        .store = {.folder = stand->root,
                  .max_bytes = INT64_C(1) << 40,
                  .max_age_ms = INT64_C(1) << 40,
                  .write_file = write_file},
        .metrics = &stand->metrics,
        .max_waiting = max_waiting,
        .max_waiting_bytes = max_waiting_bytes,
    });
}

static void close_stand(struct stand *stand)
{
    sts_metrics_clear(&stand->metrics);
    lineage_test_remove(stand->root);
    g_free(stand->root);
}

static unsigned n_with(struct stand *stand, const char *result)
{
    return (unsigned)dub_metric_get(stand->metrics.artifacts, &result);
}

static void note(struct stand *stand)
{
    struct job *job = lineage_test_job("news", "id");
    lineage_note(stand->lineage, job, DUB_NS_PER_S);
    job_free(job);
}

static void test_stop_writes_what_waits(void)
{
    struct stand stand;
    open_stand(&stand, 0, 0);
    for (int i = 0; i < 20; i++)
        note(&stand);
    lineage_free(stand.lineage);
    g_assert_cmpuint(n_with(&stand, "written"), ==, 20);
    g_autofree char *list = lineage_test_list(stand.root, "news");
    g_auto(GStrv) names = g_strsplit(list, " ", -1);
    g_assert_cmpuint(g_strv_length(names), ==, 60);
    lineage_free(NULL);
    close_stand(&stand);
}

/* The disk stands still: nobody waits for it, what is too much is dropped and counted. */
static void test_slow_disk(void)
{
    struct stand stand;
    open_stand(&stand, 4, 0);
    set_disk(true, false);
    note(&stand);
    wait_for_writes(1);
    for (int i = 0; i < 10; i++)
        note(&stand);
    g_assert_cmpuint(n_with(&stand, "dropped"), ==, 6);
    set_disk(false, false);
    lineage_free(stand.lineage);
    g_assert_cmpuint(n_with(&stand, "written"), ==, 5);
    close_stand(&stand);
}

static void test_waiting_audio_is_bounded(void)
{
    struct stand stand;
    open_stand(&stand, 100, 10000);
    set_disk(true, false);
    note(&stand);
    wait_for_writes(1);
    /* A record keeps 4808 bytes alive. */
    for (int i = 0; i < 5; i++)
        note(&stand);
    g_assert_cmpuint(n_with(&stand, "dropped"), ==, 3);
    set_disk(false, false);
    lineage_free(stand.lineage);
    close_stand(&stand);
}

static void fill_disk(void)
{
    struct stand stand;
    dub_log_init(&(struct dub_log_config){.component = "tester", .level = "info", .format = "text"});
    open_stand(&stand, 0, 0);
    set_disk(false, true);
    for (int i = 0; i < 5; i++)
        note(&stand);
    /* The first file of each of the five has been refused, or will be. */
    wait_for_writes(5);
    lineage_free(g_steal_pointer(&stand.lineage));
    g_assert_cmpuint(n_with(&stand, "failed"), ==, 5);
    close_stand(&stand);
    dub_log_clear();
}

static void test_full_disk_is_said_once(void)
{
    if (g_test_subprocess()) {
        fill_disk();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*artifacts cannot be written*No space left*");
    g_test_trap_assert_stderr_unmatched("*cannot be written*cannot be written*");
}

/* Two that are refused, then one that is not: failed, failed, written. */
static void test_disk_that_recovers(void)
{
    struct stand stand;
    open_stand(&stand, 0, 0);
    set_disk(true, true);
    note(&stand);
    note(&stand);
    wait_for_writes(1);
    set_disk(false, true);
    wait_for_writes(2);
    set_disk(true, true);
    note(&stand);
    wait_for_writes(3);
    set_disk(false, false);
    lineage_free(stand.lineage);
    g_assert_cmpuint(n_with(&stand, "failed"), ==, 2);
    g_assert_cmpuint(n_with(&stand, "written"), ==, 1);
    close_stand(&stand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lineage/stop-writes-what-waits", test_stop_writes_what_waits);
    g_test_add_func("/lineage/slow-disk-delays-nobody", test_slow_disk);
    g_test_add_func("/lineage/waiting-audio-is-bounded", test_waiting_audio_is_bounded);
    g_test_add_func("/lineage/full-disk-is-said-once", test_full_disk_is_said_once);
    g_test_add_func("/lineage/disk-that-recovers", test_disk_that_recovers);
    return g_test_run();
}
