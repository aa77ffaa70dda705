/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "echo.h"

#include "../audio/wire.h"
#include "../pipeline/deadlines.h"
#include "converter.h"

struct echo {
    struct processor processor;
    unsigned delay_ms;
    const struct dub_clock *clock;
    struct deadlines *deadlines; /* of all jobs inside */
    GQueue waiting;              /* of struct wait */
    struct converter *converter; /* for audio that is not returned byte for byte */
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

/* The form in which the stream asked for its audio. */
struct form {
    enum dub_audio_format format;
    int rate_hz, channels;
};

static struct form wanted_form(const struct job *job)
{
    const struct job_settings *settings = job->settings;
    const struct dub_audio *audio = &job->fragment.audio;
    return (struct form){
        .format = settings->out_format,
        .rate_hz = settings->out_sample_rate_hz ? settings->out_sample_rate_hz : audio->sample_rate_hz,
        .channels = settings->out_channels ? settings->out_channels : audio->channels,
    };
}

static void convert(struct job *job)
{
    struct form form = wanted_form(job);
    struct dub_error error;
    if (!wire_convert(&job->fragment.audio, form.format, form.rate_hz, form.channels,
                      &job->result.dubbed_audio, &error))
        job_fail(job, &error);
}

static void fail_if_late(const struct echo *echo, struct job *job)
{
    struct dub_error error;
    if (dub_clock_now_ns(echo->clock) < job->deadline_ns)
        return;
    dub_error_set(&error, DUB_ERROR_TIMEOUT, "not done within %" G_GINT64_FORMAT " ms",
                  (job->deadline_ns - job->arrived_ns) / DUB_NS_PER_MS);
    job_fail(job, &error);
}

static void answer(struct job *job, void *user)
{
    struct echo *echo = user;
    struct dub_fragment_processed *result = &job->result;
    deadlines_remove(echo->deadlines, job);
    fail_if_late(echo, job);
    if (result->status != DUB_FRAGMENT_FAILED) {
        result->status = DUB_FRAGMENT_SUCCESS;
        result->transcript = g_strdup_printf("fragment %" G_GINT64_FORMAT, result->sequence_number);
        result->translated_text = g_strdup(result->transcript);
        result->metadata.dubbed_duration_ms = result->dubbed_audio.duration_ms;
        result->metadata.speed_ratio = 1;
        result->metadata.asr_model = g_strdup("echo");
        result->metadata.translation_model = g_strdup("echo");
        result->metadata.tts_model = g_strdup("echo");
    }
    job_finish(job);
}

/* What is only handed on is answered at once; the rest would keep the other streams waiting. */
static void process(struct echo *echo, struct job *job)
{
    struct form form = wanted_form(job);
    if (job->forced.code != DUB_ERROR_NONE) {
        job_fail(job, &job->forced);
    } else if (wire_passes(&job->fragment.audio, form.format, form.rate_hz, form.channels)) {
        convert(job);
    } else {
        converter_push(echo->converter, job);
        return;
    }
    answer(job, echo);
}

static struct job *end_wait(struct wait *wait)
{
    struct job *job = wait->job;
    wait_free(wait);
    return job;
}

static gboolean on_delay_over(gpointer user)
{
    struct wait *wait = user;
    struct echo *echo = wait->echo;
    process(echo, end_wait(wait));
    return G_SOURCE_REMOVE;
}

static void take_late(struct echo *echo, int64_t now_ns, GPtrArray *jobs)
{
    for (GList *link = echo->waiting.head; link;) {
        struct wait *wait = link->data;
        link = link->next;
        if (wait->job->deadline_ns <= now_ns)
            g_ptr_array_add(jobs, end_wait(wait));
    }
}

static void on_deadline(int64_t now_ns, void *user)
{
    struct echo *echo = user;
    g_autoptr(GPtrArray) jobs = g_ptr_array_new();
    take_late(echo, now_ns, jobs);
    for (guint i = 0; i < jobs->len; i++)
        answer(jobs->pdata[i], echo);
    converter_expire(echo->converter, now_ns);
}

static bool submit(struct processor *processor, struct job *job, struct dub_error *error)
{
    struct echo *echo = (struct echo *)processor;
    struct wait *wait = g_new0(struct wait, 1);
    wait->echo = echo;
    wait->job = job;
    g_queue_push_tail(&echo->waiting, wait);
    wait->link = echo->waiting.tail;
    wait->source = echo->delay_ms ? g_timeout_add(echo->delay_ms, on_delay_over, wait)
                                  : g_idle_add_full(G_PRIORITY_DEFAULT, on_delay_over, wait, NULL);
    deadlines_add(echo->deadlines, job, job->deadline_ns);
    return true;
}

static void drop(struct echo *echo, struct job *job)
{
    deadlines_remove(echo->deadlines, job);
    job_free(job);
}

static void cancel(struct processor *processor, uint64_t owner)
{
    struct echo *echo = (struct echo *)processor;
    for (GList *link = echo->waiting.head; link;) {
        struct wait *wait = link->data;
        link = link->next;
        if (wait->job->owner == owner)
            drop(echo, end_wait(wait));
    }
    g_autoptr(GPtrArray) jobs = g_ptr_array_new();
    converter_remove(echo->converter, owner, jobs);
    for (guint i = 0; i < jobs->len; i++)
        drop(echo, jobs->pdata[i]);
}

static unsigned depth(struct processor *processor)
{
    const struct echo *echo = (const struct echo *)processor;
    return echo->waiting.length + converter_depth(echo->converter);
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

struct processor *echo_new(unsigned delay_ms, const struct dub_clock *clock)
{
    struct echo *echo = g_new0(struct echo, 1);
    echo->processor.ops = &ops;
    echo->delay_ms = delay_ms;
    echo->clock = clock ? clock : dub_clock_monotonic();
    echo->deadlines = deadlines_new(echo->clock, on_deadline, echo);
    g_queue_init(&echo->waiting);
    echo->converter = converter_new(echo->clock, convert, answer, echo);
    return &echo->processor;
}

void echo_free(struct processor *processor)
{
    struct echo *echo = (struct echo *)processor;
    if (!echo)
        return;
    struct wait *wait;
    while ((wait = g_queue_peek_head(&echo->waiting)))
        drop(echo, end_wait(wait));
    converter_free(echo->converter);
    deadlines_free(echo->deadlines);
    g_free(echo);
}
