/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "job.h"

#include "../tests/mock_pipeline.h"

static void on_done(struct job *job, void *user)
{
    *(struct job **)user = job;
}

static void test_takes_the_fragment(void)
{
    struct job_settings *settings = mock_settings_new();
    struct job *job = mock_job_new(settings, NULL, 7, 100, 0);
    /* The job keeps the settings alive. */
    job_settings_unref(settings);
    g_assert_cmpstr(job->settings->target_language, ==, "es");
    g_assert_cmpstr(job->result.fragment_id, ==, "id");
    g_assert_cmpint((int)job->result.metadata.original_duration_ms, ==, 100);
    g_assert_cmpuint(job->owner, ==, 7);
    job_free(job);
    job_free(NULL);
    job_settings_unref(NULL);
}

static void test_finish(void)
{
    struct job_settings *settings = mock_settings_new();
    struct job *got = NULL;
    struct job *job = mock_job_new(settings, NULL, 1, 100, 0);
    job->done = on_done;
    job->user = &got;
    job_finish(job);
    g_assert_true(got == job);
    job->done = NULL;
    job_finish(job);
    job_settings_unref(settings);
}

static void test_fail_leaves_no_audio(void)
{
    struct job_settings *settings = mock_settings_new();
    struct job *job = mock_job_new(settings, NULL, 1, 100, 0);
    struct dub_error error;
    job->result.dubbed_audio = job->fragment.audio;
    g_bytes_ref(job->result.dubbed_audio.data);
    dub_error_set(&error, DUB_ERROR_TIMEOUT, "late");
    job_fail(job, &error);
    g_assert_cmpint(job->result.status, ==, DUB_FRAGMENT_FAILED);
    g_assert_cmpint(job->result.error.code, ==, DUB_ERROR_TIMEOUT);
    g_assert_null(job->result.dubbed_audio.data);
    job_free(job);
    job_settings_unref(settings);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/job/takes-the-fragment", test_takes_the_fragment);
    g_test_add_func("/job/finish-hands-back-or-frees", test_finish);
    g_test_add_func("/job/fail-leaves-no-audio", test_fail_leaves_no_audio);
    return g_test_run();
}
