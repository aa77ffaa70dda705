/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "echo.h"

#include "../audio/resample.h"

struct echo {
    struct processor processor;
    unsigned delay_ms;
    GQueue waiting; /* of struct wait */
};

struct wait {
    struct echo *echo;
    struct job *job;
    guint source;
    GList *link;
};

static void wait_free(struct wait *wait)
{
    g_source_remove(wait->source);
    g_queue_delete_link(&wait->echo->waiting, wait->link);
    g_free(wait);
}

/* The audio in the form that the stream asked for: as it is where that fits. */
static bool convert(const struct dub_audio *in, int rate_hz, int channels, struct dub_audio *out,
                    struct dub_error *error)
{
    *out = (struct dub_audio){.format = in->format,
                              .sample_rate_hz = in->sample_rate_hz,
                              .channels = in->channels,
                              .duration_ms = in->duration_ms};
    bool fits =
        in->format != DUB_FORMAT_PCM_S16LE || (in->sample_rate_hz == rate_hz && in->channels == channels);
    if (fits) {
        out->data = g_bytes_ref(in->data);
        return true;
    }
    gsize size;
    const void *data = g_bytes_get_data(in->data, &size);
    pcm_auto clip = {0};
    pcm_auto resampled = {0};
    if (!pcm_from_s16le(data, size, in->sample_rate_hz, in->channels, &clip, error) ||
        !pcm_resample(&clip, rate_hz, &resampled, error))
        return false;
    out->sample_rate_hz = rate_hz;
    out->channels = channels;
    out->data = pcm_to_s16le(&resampled, channels);
    return true;
}

static void answer(struct job *job)
{
    const struct job_settings *settings = job->settings;
    const struct dub_audio *audio = &job->fragment.audio;
    int rate_hz = settings->out_sample_rate_hz ? settings->out_sample_rate_hz : audio->sample_rate_hz;
    int channels = settings->out_channels ? settings->out_channels : audio->channels;
    struct dub_fragment_processed *result = &job->result;
    struct dub_error error;

    if (job->forced.code != DUB_ERROR_NONE) {
        job_fail(job, &job->forced);
        return;
    }
    if (!convert(audio, rate_hz, channels, &result->dubbed_audio, &error)) {
        job_fail(job, &error);
        return;
    }
    result->status = DUB_FRAGMENT_SUCCESS;
    result->transcript = g_strdup_printf("fragment %" G_GINT64_FORMAT, result->sequence_number);
    result->translated_text = g_strdup(result->transcript);
    result->metadata.dubbed_duration_ms = result->dubbed_audio.duration_ms;
    result->metadata.speed_ratio = 1;
    result->metadata.asr_model = g_strdup("echo");
    result->metadata.translation_model = g_strdup("echo");
    result->metadata.tts_model = g_strdup("echo");
}

static gboolean on_due(gpointer user)
{
    struct wait *wait = user;
    struct job *job = wait->job;
    wait_free(wait);
    answer(job);
    job_finish(job);
    return G_SOURCE_REMOVE;
}

static bool submit(struct processor *processor, struct job *job, struct dub_error *error)
{
    struct echo *echo = (struct echo *)processor;
    struct wait *wait = g_new0(struct wait, 1);
    wait->echo = echo;
    wait->job = job;
    g_queue_push_tail(&echo->waiting, wait);
    wait->link = echo->waiting.tail;
    wait->source = echo->delay_ms ? g_timeout_add(echo->delay_ms, on_due, wait)
                                  : g_idle_add_full(G_PRIORITY_DEFAULT, on_due, wait, NULL);
    return true;
}

static void cancel(struct processor *processor, uint64_t owner)
{
    struct echo *echo = (struct echo *)processor;
    for (GList *link = echo->waiting.head; link;) {
        struct wait *wait = link->data;
        link = link->next;
        if (wait->job->owner != owner)
            continue;
        job_free(wait->job);
        wait_free(wait);
    }
}

static unsigned depth(struct processor *processor)
{
    return ((struct echo *)processor)->waiting.length;
}

/* Any language: nothing is spoken. */
static bool check_config(struct processor *processor, const struct dub_stream_config *config,
                         struct dub_error *error)
{
    return true;
}

static JsonObject *describe(struct processor *processor)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "mode", "echo");
    json_object_set_object_member(object, "stages", json_object_new());
    return object;
}

static const struct processor_ops ops = {
    .submit = submit,
    .cancel = cancel,
    .depth = depth,
    .check_config = check_config,
    .describe = describe,
};

struct processor *echo_new(unsigned delay_ms)
{
    struct echo *echo = g_new0(struct echo, 1);
    echo->processor.ops = &ops;
    echo->delay_ms = delay_ms;
    g_queue_init(&echo->waiting);
    return &echo->processor;
}

void echo_free(struct processor *processor)
{
    struct echo *echo = (struct echo *)processor;
    if (!echo)
        return;
    struct wait *wait;
    while ((wait = g_queue_peek_head(&echo->waiting))) {
        job_free(wait->job);
        wait_free(wait);
    }
    g_free(echo);
}
