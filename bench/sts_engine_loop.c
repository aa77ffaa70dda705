/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reference of sts_pipeline.py: the service's engines, chosen by the same variables, called one after the
 * other in a loop on this thread: no sockets, no JSON, no queues, no threads. Prints one line per fragment:
 *
 *   CHAIN_US ASR_MS TRANSLATION_MS TTS_MS STATUS
 *
 *   sts-engine-loop RATE_HZ COUNT FILE...      mono S16LE */
#include "pipeline/steps.h"

#include <dubbing_clock.h>
#include <stdio.h>
#include <stdlib.h>

static const step steps[] = {step_recognise, step_translate, step_speak};

static struct job *new_job(struct job_settings *settings, int64_t sequence, GBytes *audio, int rate_hz)
{
    struct dub_fragment_data fragment;
    dub_fragment_data_init(&fragment);
    fragment.fragment_id = g_strdup("00000000-0000-4000-8000-000000000000");
    fragment.stream_id = g_strdup(settings->stream_id);
    fragment.sequence_number = sequence;
    fragment.audio = (struct dub_audio){.sample_rate_hz = rate_hz, .channels = 1};
    fragment.audio.data = g_bytes_ref(audio);
    fragment.audio.duration_ms = dub_audio_measured_ms(&fragment.audio);
    struct job *job = job_new(1, settings, &fragment, NULL);
    job->deadline_ns = dub_clock_now_ns(dub_clock_monotonic()) + 30 * DUB_NS_PER_S;
    return job;
}

static void process(const struct engines *engines, struct job *job)
{
    enum step_outcome outcome = STEP_NEXT;
    struct dub_error error;
    int64_t start_ns = dub_clock_now_ns(dub_clock_monotonic());
    for (unsigned i = 0; i < G_N_ELEMENTS(steps) && outcome == STEP_NEXT; i++)
        outcome = steps[i](engines, job, &error);
    int64_t took_ns = dub_clock_now_ns(dub_clock_monotonic()) - start_ns;
    if (outcome == STEP_FAILED)
        job_fail(job, &error);
    const struct dub_stage_timings *timings = &job->result.stage_timings;
    printf("%d %d %d %d %s\n", (int)(took_ns / 1000), (int)timings->asr_ms, (int)timings->translation_ms,
           (int)timings->tts_ms, dub_fragment_status_name(job->result.status));
}

static GPtrArray *read_files(char **paths, int n_paths)
{
    GPtrArray *clips = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    for (int i = 0; i < n_paths; i++) {
        char *data = NULL;
        gsize size = 0;
        if (g_file_get_contents(paths[i], &data, &size, NULL))
            g_ptr_array_add(clips, g_bytes_new_take(data, size));
        else
            fprintf(stderr, "sts-engine-loop: cannot read %s\n", paths[i]);
    }
    return clips;
}

static int run(const struct engines *engines, int rate_hz, int count, const GPtrArray *clips)
{
    struct dub_stream_config config = {.source_language = (char *)"en",
                                       .target_language = (char *)"es",
                                       .voice_profile = (char *)"default",
                                       .sample_rate_hz = rate_hz,
                                       .channels = 1};
    struct job_settings *settings = job_settings_new("bench", &config);
    for (int i = 0; i < count && clips->len > 0; i++) {
        struct job *job = new_job(settings, i, clips->pdata[(guint)i % clips->len], rate_hz);
        process(engines, job);
        job_free(job);
    }
    job_settings_unref(settings);
    return clips->len > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct sts_settings settings = {0};
    struct engines engines;
    struct dub_error error;
    /* The variables only: the arguments are ours. */
    if (argc < 4 || dub_config_load(&sts_program, 1, argv, &settings, NULL) != DUB_CONFIG_OK) {
        fprintf(stderr, "usage: sts-engine-loop RATE_HZ COUNT FILE...\n");
        return 2;
    }
    int code = EXIT_FAILURE;
    if (engines_open(&engines, &settings, &error)) {
        g_autoptr(GPtrArray) clips = read_files(argv + 3, argc - 3);
        code = run(&engines, atoi(argv[1]), atoi(argv[2]), clips);
    } else {
        fprintf(stderr, "sts-engine-loop: %s\n", error.message);
    }
    engines_close(&engines);
    dub_config_clear(&sts_program, &settings);
    return code;
}
