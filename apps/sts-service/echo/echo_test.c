/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "echo.h"

#include "../tests/mock_pipeline.h"
#include "../tests/sts_peer.h"

struct stand {
    struct dub_fake_clock clock; /* of the deadlines */
    struct processor *echo;
    struct job_settings *settings;
    GPtrArray *done;
};

static void open_stand(struct stand *stand, unsigned delay_ms)
{
    dub_fake_clock_init(&stand->clock, DUB_NS_PER_S);
    stand->echo = echo_new(delay_ms, &stand->clock.clock);
    stand->settings = mock_settings_new();
    stand->done = g_ptr_array_new_with_free_func((GDestroyNotify)job_free);
}

static void close_stand(struct stand *stand)
{
    echo_free(stand->echo);
    job_settings_unref(stand->settings);
    g_ptr_array_unref(stand->done);
}

static void on_done(struct job *job, void *user)
{
    struct stand *stand = user;
    g_ptr_array_add(stand->done, job);
}

static struct job *submit(struct stand *stand, uint64_t owner, int duration_ms)
{
    struct dub_error error;
    struct job *job = mock_job_new(stand->settings, NULL, owner, duration_ms, 8000);
    job->arrived_ns = dub_clock_now_ns(&stand->clock.clock);
    job->deadline_ns = job->arrived_ns + DUB_NS_PER_S;
    job->done = on_done;
    job->user = stand;
    g_assert_true(stand->echo->ops->submit(stand->echo, job, &error));
    /* Never from within. */
    g_assert_cmpuint(stand->done->len, ==, 0);
    return job;
}

static void test_same_audio(void)
{
    struct stand stand;
    open_stand(&stand, 0);
    struct job *job = submit(&stand, 1, 100);
    g_assert_cmpuint(stand.echo->ops->depth(stand.echo), ==, 1);
    wait_until(stand.done->len == 1);
    g_assert_cmpuint(stand.echo->ops->depth(stand.echo), ==, 0);
    g_assert_cmpint(job->result.status, ==, DUB_FRAGMENT_SUCCESS);
    g_assert_true(g_bytes_equal(job->result.dubbed_audio.data, job->fragment.audio.data));
    close_stand(&stand);
}

static void test_converted(void)
{
    struct stand stand;
    open_stand(&stand, 0);
    struct job *job = submit(&stand, 1, 100);
    job->settings->out_sample_rate_hz = 48000;
    job->settings->out_channels = 2;
    wait_until(stand.done->len == 1);
    g_assert_cmpint(job->result.dubbed_audio.sample_rate_hz, ==, 48000);
    g_assert_cmpuint(g_bytes_get_size(job->result.dubbed_audio.data), ==, 100 * 48 * 2 * sizeof(int16_t));
    close_stand(&stand);
}

static void test_m4a_both_ways(void)
{
    struct stand stand;
    open_stand(&stand, 0);
    stand.settings->out_format = DUB_FORMAT_M4A;
    struct job *first = submit(&stand, 1, 1000);
    wait_until(stand.done->len == 1);
    const struct dub_audio *encoded = &first->result.dubbed_audio;
    g_assert_cmpint(first->result.status, ==, DUB_FRAGMENT_SUCCESS);
    g_assert_cmpint(encoded->format, ==, DUB_FORMAT_M4A);
    g_assert_cmpint((int)encoded->duration_ms, ==, 1000);

    stand.settings->out_format = DUB_FORMAT_PCM_S16LE;
    struct job *second = mock_job_new(stand.settings, NULL, 1, 1000, 0);
    g_bytes_unref(second->fragment.audio.data);
    second->fragment.audio.data = g_bytes_ref(encoded->data);
    second->fragment.audio.format = DUB_FORMAT_M4A;
    second->done = on_done;
    second->user = &stand;
    g_assert_true(stand.echo->ops->submit(stand.echo, second, NULL));
    wait_until(stand.done->len == 2);
    g_assert_cmpint(second->result.status, ==, DUB_FRAGMENT_SUCCESS);
    g_assert_cmpuint(g_bytes_get_size(second->result.dubbed_audio.data), ==,
                     g_bytes_get_size(first->fragment.audio.data));
    close_stand(&stand);
}

static void test_bad_audio_fails(void)
{
    struct stand stand;
    open_stand(&stand, 0);
    struct job *job = submit(&stand, 1, 100);
    job->fragment.audio.format = DUB_FORMAT_M4A;
    wait_until(stand.done->len == 1);
    g_assert_cmpint(job->result.status, ==, DUB_FRAGMENT_FAILED);
    g_assert_cmpint(job->result.error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    g_assert_cmpint(job->result.error.stage, ==, DUB_STAGE_INPUT);
    g_assert_null(job->result.transcript);
    close_stand(&stand);
}

static void test_free_while_converting(void)
{
    struct stand stand;
    open_stand(&stand, 0);
    for (int i = 0; i < 20; i++)
        submit(&stand, 1, 1000)->settings->out_format = DUB_FORMAT_M4A;
    wait_until(stand.done->len >= 1);
    g_assert_cmpuint(stand.echo->ops->depth(stand.echo), ==, 20 - stand.done->len);
    close_stand(&stand);
}

static void expect_timeout(const struct job *job)
{
    g_assert_cmpint(job->result.status, ==, DUB_FRAGMENT_FAILED);
    g_assert_cmpint(job->result.error.code, ==, DUB_ERROR_TIMEOUT);
    g_assert_true(job->result.error.retryable);
    g_assert_cmpstr(job->result.error.message, ==, "not done within 1000 ms");
    g_assert_null(job->result.transcript);
    g_assert_null(job->result.dubbed_audio.data);
}

static void test_late_while_it_waits(void)
{
    struct stand stand;
    open_stand(&stand, 3600000);
    struct job *first = submit(&stand, 1, 100);
    dub_fake_clock_advance(&stand.clock, DUB_NS_PER_S / 2);
    struct job *second = submit(&stand, 1, 100);
    dub_fake_clock_advance(&stand.clock, DUB_NS_PER_S / 2);
    wait_until(stand.done->len == 1);
    expect_timeout(first);
    g_assert_cmpuint(stand.echo->ops->depth(stand.echo), ==, 1);
    dub_fake_clock_advance(&stand.clock, DUB_NS_PER_S / 2);
    wait_until(stand.done->len == 2);
    expect_timeout(second);
    close_stand(&stand);
}

/* Those that wait for a thread are answered at the deadline; those that have one when they are done. */
static void test_late_while_others_are_converted(void)
{
    struct stand stand;
    open_stand(&stand, 0);
    stand.settings->out_format = DUB_FORMAT_M4A;
    for (int i = 0; i < 20; i++)
        submit(&stand, 1, 20000);
    wait_until(stand.done->len >= 1);
    guint in_time = stand.done->len;
    dub_fake_clock_advance(&stand.clock, DUB_NS_PER_S);
    wait_until(stand.done->len == 20);
    for (guint i = in_time; i < 20; i++)
        expect_timeout(stand.done->pdata[i]);
    close_stand(&stand);
}

static void test_forced_failure(void)
{
    struct stand stand;
    open_stand(&stand, 0);
    struct job *job = submit(&stand, 1, 100);
    dub_error_set(&job->forced, DUB_ERROR_GPU_OOM, "simulated");
    wait_until(stand.done->len == 1);
    g_assert_cmpint(job->result.error.code, ==, DUB_ERROR_GPU_OOM);
    close_stand(&stand);
}

static void test_order_and_delay(void)
{
    struct stand stand;
    open_stand(&stand, 5);
    int64_t start_us = g_get_monotonic_time();
    struct job *jobs[5];
    for (int i = 0; i < 5; i++)
        jobs[i] = submit(&stand, 1, 10);
    wait_until(stand.done->len == 5);
    g_assert_cmpint((int)(g_get_monotonic_time() - start_us), >=, 4000);
    for (guint i = 0; i < 5; i++)
        g_assert_true(stand.done->pdata[i] == jobs[i]);
    close_stand(&stand);
}

static void test_cancel_and_free(void)
{
    struct stand stand;
    open_stand(&stand, 3600000);
    submit(&stand, 1, 10)->done = NULL;
    submit(&stand, 2, 10);
    submit(&stand, 1, 10)->done = NULL;
    stand.echo->ops->cancel(stand.echo, 1);
    g_assert_cmpuint(stand.echo->ops->depth(stand.echo), ==, 1);
    close_stand(&stand);
    echo_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/echo/same-audio", test_same_audio);
    g_test_add_func("/echo/converted-to-what-was-asked-for", test_converted);
    g_test_add_func("/echo/m4a-both-ways", test_m4a_both_ways);
    g_test_add_func("/echo/bad-audio-fails", test_bad_audio_fails);
    g_test_add_func("/echo/free-while-converting", test_free_while_converting);
    g_test_add_func("/echo/late-while-it-waits", test_late_while_it_waits);
    g_test_add_func("/echo/late-while-others-are-converted", test_late_while_others_are_converted);
    g_test_add_func("/echo/forced-failure", test_forced_failure);
    g_test_add_func("/echo/order-and-delay", test_order_and_delay);
    g_test_add_func("/echo/cancel-and-free", test_cancel_and_free);
    return g_test_run();
}
