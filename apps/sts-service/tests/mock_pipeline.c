/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mock_pipeline.h"

#include <dubbing_clock.h>
#include <math.h>

#define DEADLINE_S 20

void mock_engines_open(struct engines *engines, const struct mock_script *script)
{
    struct engine_config config = {.mock_text = script->heard, .mock_delay_ns = script->asr_delay_ns};
    struct dub_error error;
    *engines = (struct engines){0};
    engines->asr = asr_open("mock", &config, &error);
    config = (struct engine_config){.mock_text = script->translated};
    engines->translation = translation_open("mock", &config, &error);
    config = (struct engine_config){0};
    engines->tts = tts_open("mock", &config, &error);
    asr_describe(engines->asr, &engines->asr_info);
    translation_describe(engines->translation, &engines->translation_info);
    tts_describe(engines->tts, &engines->tts_info);
    engines->asr_workers = engines->translation_workers = engines->tts_workers = MAX(script->workers, 1);
}

struct job_settings *mock_settings_new(void)
{
    struct dub_stream_config config = {
        .source_language = (char *)"en",
        .target_language = (char *)"es",
        .voice_profile = (char *)"default",
        .sample_rate_hz = MOCK_RATE_HZ,
        .channels = 1,
    };
    return job_settings_new("news", &config);
}

static GBytes *tone(int duration_ms, double level)
{
    int n = duration_ms * MOCK_RATE_HZ / 1000;
    int16_t *samples = g_new(int16_t, (gsize)n);
    for (int i = 0; i < n; i++)
        samples[i] = (int16_t)(level * sin(i / 9.0));
    return g_bytes_new_take(samples, (gsize)n * sizeof(*samples));
}

struct job *mock_job_new(struct job_settings *settings, GCancellable *cancellable, uint64_t owner,
                         int duration_ms, double level)
{
    struct dub_fragment_data fragment;
    dub_fragment_data_init(&fragment);
    fragment.fragment_id = g_strdup("id");
    fragment.stream_id = g_strdup("news");
    fragment.audio =
        (struct dub_audio){.sample_rate_hz = MOCK_RATE_HZ, .channels = 1, .duration_ms = duration_ms};
    fragment.audio.data = tone(duration_ms, level);
    struct job *job = job_new(owner, settings, &fragment, cancellable);
    job->deadline_ns = dub_clock_now_ns(dub_clock_monotonic()) + DEADLINE_S * DUB_NS_PER_S;
    return job;
}
