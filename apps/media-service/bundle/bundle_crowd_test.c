/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Many runs that end at once on a disk that takes its time. This program has a fsync of its own, which stands
 * in for the disk: it answers nobody before a crowd waits for it. */
#include "bundle.h"

#include "bundle_test_support.h"
#include "seal.h"

#include <dubbing_clock.h>
#include <pthread.h>
#include <unistd.h>

#define RUNS 40
#define CROWD 8
#define DEADLINE_S 60
#define PATIENT_NS (120 * DUB_NS_PER_S)

/* More than the end of one run needs, less than that of all. */
#define FREE_CALLS 16

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool slow;
    unsigned n_free, n_inside, most_inside;
} disk = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0, 0};

/* Until a crowd was there once, or this one may pass; a disk that nobody crowds gives up waiting for one. */
int fsync(int fd)
{
    struct timespec until;
    int result = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DEADLINE_S;
    pthread_mutex_lock(&disk.lock);
    disk.n_inside++;
    disk.most_inside = MAX(disk.most_inside, disk.n_inside);
    pthread_cond_broadcast(&disk.changed);
    while (disk.slow && disk.n_free == 0 && disk.most_inside < CROWD && result == 0)
        result = pthread_cond_timedwait(&disk.changed, &disk.lock, &until);
    disk.n_free -= disk.n_free > 0 ? 1 : 0;
    disk.n_inside--;
    pthread_mutex_unlock(&disk.lock);
    return 0;
}

static void set_slow(unsigned n_free)
{
    pthread_mutex_lock(&disk.lock);
    disk.slow = true;
    disk.n_free = n_free;
    pthread_cond_broadcast(&disk.changed);
    pthread_mutex_unlock(&disk.lock);
}

static void wait_until_one_is_inside(void)
{
    pthread_mutex_lock(&disk.lock);
    while (disk.n_inside == 0)
        pthread_cond_wait(&disk.changed, &disk.lock);
    pthread_mutex_unlock(&disk.lock);
}

static char *run_id_of(unsigned i)
{
    return g_strdup_printf("20260102T030405.678Z-%08x", i);
}

/* What is written last before a run's end is handed on. */
static void wait_until_closing(const struct bundle_fixture *fixture, unsigned i)
{
    g_autofree char *run_id = run_id_of(i);
    gint64 end_us = g_get_monotonic_time() + DEADLINE_S * G_USEC_PER_SEC;
    while (!bundle_has(fixture, run_id, "manifest.json") && g_get_monotonic_time() < end_us)
        g_usleep(1000);
}

/* The first occupies the disk; the others come together meanwhile. */
static void test_a_crowd_is_closed_together(struct bundle_fixture *fixture, const void *data)
{
    struct bundle *bundles[RUNS];
    struct bundle_store *store =
        bundle_store_new(&(struct bundle_store_config){.root = fixture->root, .stop_wait_ns = PATIENT_NS});
    for (unsigned i = 0; i < RUNS; i++) {
        g_autofree char *run_id = run_id_of(i);
        g_autofree char *line = bundle_line(1);
        bundles[i] = bundle_open(store, "demo", run_id);
        bundle_append_line(bundles[i], line);
    }
    set_slow(0);
    bundle_end(bundles[0], json_object_new());
    wait_until_one_is_inside();
    for (unsigned i = 1; i < RUNS; i++)
        bundle_end(bundles[i], json_object_new());
    for (unsigned i = 0; i < RUNS; i++)
        wait_until_closing(fixture, i);
    set_slow(FREE_CALLS);
    bundle_store_free(store);
    g_assert_cmpuint(disk.most_inside, >=, CROWD);
    for (unsigned i = 0; i < RUNS; i++) {
        g_autofree char *run_id = run_id_of(i);
        bundle_assert_member(fixture, run_id, "status", "complete");
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/bundle-crowd/a-crowd-is-closed-together", struct bundle_fixture, NULL, bundle_set_up,
               test_a_crowd_is_closed_together, bundle_tear_down);
    return g_test_run();
}
