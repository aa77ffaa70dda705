/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "job.h"

#include "../engines/translation/glossary.h"

#include <dubbing_log.h>

static void clear_settings(void *data)
{
    struct job_settings *settings = data;
    g_free(settings->stream_id);
    g_free(settings->session_id);
    g_free(settings->worker_id);
    g_free(settings->source_language);
    g_free(settings->target_language);
    g_free(settings->voice_profile);
    g_strfreev(settings->domain_hints);
    glossary_free(settings->glossary);
}

struct job_settings *job_settings_new(const char *stream_id, const struct dub_stream_config *config)
{
    struct job_settings *settings = g_atomic_rc_box_new0(struct job_settings);
    settings->stream_id = g_strdup(stream_id);
    settings->source_language = g_strdup(config->source_language);
    settings->target_language = g_strdup(config->target_language);
    settings->voice_profile = g_strdup(config->voice_profile);
    settings->domain_hints = g_strdupv(config->domain_hints);
    settings->glossary = glossary_for_stream(config->glossary.keep, config->glossary.replace, NULL);
    settings->out_sample_rate_hz = config->sample_rate_hz;
    settings->out_channels = config->channels;
    settings->out_format = config->format;
    return settings;
}

void job_settings_set_origin(struct job_settings *settings, const char *session_id, const char *worker_id)
{
    g_free(settings->session_id);
    settings->session_id = g_strdup(session_id);
    g_free(settings->worker_id);
    settings->worker_id = g_strdup(worker_id);
}

struct job_settings *job_settings_ref(struct job_settings *settings)
{
    return g_atomic_rc_box_acquire(settings);
}

void job_settings_unref(struct job_settings *settings)
{
    if (settings)
        g_atomic_rc_box_release_full(settings, clear_settings);
}

struct job *job_new(uint64_t owner, struct job_settings *settings, struct dub_fragment_data *take_fragment,
                    GCancellable *cancellable)
{
    struct job *job = g_new0(struct job, 1);
    job->owner = owner;
    job->settings = job_settings_ref(settings);
    job->fragment = *take_fragment;
    *take_fragment = (struct dub_fragment_data){0};
    job->cancellable = cancellable ? g_object_ref(cancellable) : NULL;
    job->result = (struct dub_fragment_processed){
        .fragment_id = g_strdup(job->fragment.fragment_id),
        .stream_id = g_strdup(job->fragment.stream_id),
        .sequence_number = job->fragment.sequence_number,
        .metadata = {.original_duration_ms = job->fragment.audio.duration_ms},
    };
    return job;
}

void job_text_clear(struct job_text *text)
{
    g_free(text->transcript);
    g_free(text->language);
    g_free(text->prepared_source);
    g_free(text->translation);
    g_free(text->prepared_translation);
    *text = (struct job_text){0};
}

void job_free(struct job *job)
{
    if (!job)
        return;
    if (job->work)
        job->free_work(job->work);
    job_settings_unref(job->settings);
    dub_fragment_data_clear(&job->fragment);
    job_text_clear(&job->text);
    dub_fragment_processed_clear(&job->result);
    g_clear_object(&job->cancellable);
    g_free(job);
}

uint64_t job_stream(const struct job *job)
{
    return MIN(job->owner, JOB_FIRST_REQUEST);
}

void job_finish(struct job *job)
{
    if (job->done)
        job->done(job, job->user);
    else
        job_free(job);
}

void job_log_result(const struct job *job)
{
    const struct dub_fragment_processed *result = &job->result;
    struct dub_log_context context = {
        .stream_id = result->stream_id,
        .fragment_id = result->fragment_id,
        .session_id = job->settings->session_id,
        .worker_id = job->settings->worker_id,
    };
    dub_log(DUB_LOG_INFO, &context, "fragment %d %s in %d ms (asr %d, translation %d, tts %d)%s%s%s%s",
            (int)result->sequence_number, dub_fragment_status_name(result->status),
            (int)result->processing_time_ms, (int)result->stage_timings.asr_ms,
            (int)result->stage_timings.translation_ms, (int)result->stage_timings.tts_ms,
            result->error.code ? ": " : "", dub_error_code_name(result->error.code),
            result->error.code ? ": " : "", result->error.message);
}

void job_fail(struct job *job, const struct dub_error *error)
{
    job->result.status = DUB_FRAGMENT_FAILED;
    job->result.error = *error;
    dub_audio_clear(&job->result.dubbed_audio);
}
