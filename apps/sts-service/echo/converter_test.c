/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "converter.h"

#include "../tests/mock_pipeline.h"
#include "../tests/sts_peer.h"

#include <pthread.h>

#define WATCHED 99

struct stand {
    struct converter *converter;
    struct job_settings *settings;
    bool may_be_untouched;
    unsigned done;
    unsigned watched_done; /* as how manieth the watched owner's came back */
};

static GThread *main_thread;

/* Where conversions are counted, and stand still while the gate is closed. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int converted;
static bool gate_closed;

static void convert(struct job *job)
{
    g_assert_true(g_thread_self() != main_thread);
    pthread_mutex_lock(&lock);
    converted++;
    pthread_cond_broadcast(&changed);
    while (gate_closed)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    job->result.sequence_number = 7;
}

static void set_gate(bool closed)
{
    pthread_mutex_lock(&lock);
    gate_closed = closed;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static int count_converted(int at_least)
{
    pthread_mutex_lock(&lock);
    while (converted < at_least)
        pthread_cond_wait(&changed, &lock);
    int count = converted;
    pthread_mutex_unlock(&lock);
    return count;
}

static void on_done(struct job *job, void *user)
{
    struct stand *stand = user;
    g_assert_true(g_thread_self() == main_thread);
    if (!stand->may_be_untouched && !g_cancellable_is_cancelled(job->cancellable))
        g_assert_cmpint((int)job->result.sequence_number, ==, 7);
    stand->done++;
    if (job->owner == WATCHED)
        stand->watched_done = stand->done;
    job_free(job);
}

static void open_stand(struct stand *stand)
{
    *stand = (struct stand){.settings = mock_settings_new()};
    stand->converter = converter_new(dub_clock_monotonic(), convert, on_done, stand);
    main_thread = g_thread_self();
    converted = 0;
}

static void close_stand(struct stand *stand)
{
    converter_free(stand->converter);
    job_settings_unref(stand->settings);
}

static void push(struct stand *stand, uint64_t owner, GCancellable *cancellable)
{
    converter_push(stand->converter, mock_job_new(stand->settings, cancellable, owner, 10, 0));
}

static void test_every_job_comes_back(void)
{
    struct stand stand;
    open_stand(&stand);
    for (int i = 0; i < 50; i++)
        push(&stand, 1, NULL);
    g_assert_cmpuint(converter_depth(stand.converter), ==, 50);
    g_assert_cmpuint(stand.done, ==, 0);
    wait_until(stand.done == 50);
    g_assert_cmpuint(converter_depth(stand.converter), ==, 0);
    g_assert_cmpint(count_converted(0), ==, 50);
    close_stand(&stand);
}

static void test_cancelled_jobs_are_not_worked_on(void)
{
    struct stand stand;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    open_stand(&stand);
    g_cancellable_cancel(cancellable);
    for (int i = 0; i < 10; i++)
        push(&stand, 1, cancellable);
    wait_until(stand.done == 10);
    g_assert_cmpint(count_converted(0), ==, 0);
    close_stand(&stand);
}

static void test_an_owner_is_forgotten(void)
{
    struct stand stand;
    open_stand(&stand);
    set_gate(true);
    for (int i = 0; i < 20; i++)
        push(&stand, 1, NULL);
    count_converted(1);
    for (int i = 0; i < 20; i++)
        push(&stand, 2, NULL);
    g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func((GDestroyNotify)job_free);
    converter_remove(stand.converter, 1, jobs);
    g_assert_cmpuint(converter_depth(stand.converter), ==, 40 - jobs->len);
    g_assert_cmpuint(converter_depth(stand.converter), >=, 20);
    g_assert_cmpuint(converter_depth(stand.converter), <, 30);
    set_gate(false);
    wait_until(converter_depth(stand.converter) == 0);
    g_assert_cmpuint(stand.done, >=, 20);
    close_stand(&stand);
}

/* Of the threads at work, each goes on with the other stream's as soon as it has done its own. */
static void test_a_stream_does_not_stand_behind_anothers_flood(void)
{
    struct stand stand;
    open_stand(&stand);
    set_gate(true);
    for (int i = 0; i < 100; i++)
        push(&stand, 1, NULL);
    count_converted(1);
    push(&stand, WATCHED, NULL);
    set_gate(false);
    wait_until(stand.done == 101);
    g_assert_cmpuint(stand.watched_done, <, 50);
    close_stand(&stand);
}

static void test_what_is_late_comes_back_untouched(void)
{
    struct stand stand;
    open_stand(&stand);
    stand.may_be_untouched = true;
    set_gate(true);
    for (int i = 0; i < 100; i++)
        push(&stand, 1, NULL);
    int begun = count_converted(1);
    converter_expire(stand.converter, INT64_MAX);
    wait_until(stand.done >= 80);
    g_assert_cmpuint(converter_depth(stand.converter), ==, 100 - stand.done);
    set_gate(false);
    wait_until(stand.done == 100);
    g_assert_cmpint(count_converted(begun), <=, 20);
    close_stand(&stand);
}

static void test_free_with_work_in_it(void)
{
    struct stand stand;
    open_stand(&stand);
    for (int i = 0; i < 50; i++)
        push(&stand, 1, NULL);
    close_stand(&stand);
    g_assert_cmpuint(stand.done, ==, 0);
    converter_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/converter/every-job-comes-back", test_every_job_comes_back);
    g_test_add_func("/converter/cancelled-jobs-are-not-worked-on", test_cancelled_jobs_are_not_worked_on);
    g_test_add_func("/converter/an-owner-is-forgotten", test_an_owner_is_forgotten);
    g_test_add_func("/converter/a-stream-does-not-stand-behind-anothers-flood",
                    test_a_stream_does_not_stand_behind_anothers_flood);
    g_test_add_func("/converter/what-is-late-comes-back-untouched", test_what_is_late_comes_back_untouched);
    g_test_add_func("/converter/free-with-work-in-it", test_free_with_work_in_it);
    return g_test_run();
}
