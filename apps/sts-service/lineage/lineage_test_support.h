/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finished jobs and folders for the tests of lineage. */
#pragma once

#include "../tests/mock_pipeline.h"

#include <dubbing_clock.h>
#include <glib/gstdio.h>

/* A job of 100 ms that has been through all stages, sequence number 7, arrived at 1 s. */
static inline struct job *lineage_test_job(const char *stream_id, const char *fragment_id)
{
    struct job_settings *settings = mock_settings_new();
    job_settings_set_origin(settings, "session", "worker");
    struct job *job = mock_job_new(settings, NULL, 1, 100, 1000);
    job_settings_unref(settings);
    g_free(job->fragment.stream_id);
    g_free(job->fragment.fragment_id);
    job->fragment.stream_id = g_strdup(stream_id);
    job->fragment.fragment_id = g_strdup(fragment_id);
    job->fragment.sequence_number = 7;
    job->arrived_ns = DUB_NS_PER_S;
    job->waited_ns[JOB_ASR] = 3 * DUB_NS_PER_MS;
    job->text = (struct job_text){g_strdup("good evening"), g_strdup("Good evening."),
                                  g_strdup("Buenas tardes."), g_strdup("Buenas tardes,")};
    job->result.status = DUB_FRAGMENT_PARTIAL;
    dub_error_set_stage(&job->result.error, DUB_ERROR_DURATION_MISMATCH_EXCEEDED, DUB_STAGE_TTS, "too long");
    job->result.stage_timings = (struct dub_stage_timings){400, 5, 6};
    job->result.metadata.speed_ratio = 1.25;
    job->result.metadata.asr_model = g_strdup("en-us");
    job->result.dubbed_audio = (struct dub_audio){
        .sample_rate_hz = 24000, .channels = 2, .data = g_bytes_new_static("\1\0\2\0\3\0\4\0", 8)};
    return job;
}

static inline gint lineage_test_compare(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(*(const char *const *)a, *(const char *const *)b);
}

/* Names of the files in root/stream, sorted, joined by a space; "" when the folder is not there. */
static inline char *lineage_test_list(const char *root, const char *stream)
{
    g_autofree char *folder = g_build_filename(root, stream, NULL);
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    GDir *dir = g_dir_open(folder, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));)
        g_ptr_array_add(names, g_strdup(name));
    if (dir)
        g_dir_close(dir);
    g_ptr_array_sort(names, lineage_test_compare);
    g_ptr_array_add(names, NULL);
    char *list = g_strjoinv(" ", (char **)names->pdata);
    g_ptr_array_unref(names);
    return list;
}

/* The folder and everything in it, two deep. */
static inline void lineage_test_remove(const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *inner = g_build_filename(path, name, NULL);
        lineage_test_remove(inner);
    }
    if (dir)
        g_dir_close(dir);
    g_remove(path);
}
