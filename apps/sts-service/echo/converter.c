/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "converter.h"

#include "../pipeline/stage.h"

#include <dubbing_mailbox.h>

#define MAX_THREADS 8

struct converter {
    void (*convert)(struct job *job);
    void (*done)(struct job *take_job, void *user);
    void *user;
    unsigned inside; /* main loop's thread */
    struct stage *stage;
    struct dub_mailbox *back; /* jobs on their way to the main loop */
};

static void on_back(void *message, void *user)
{
    struct converter *converter = user;
    converter->inside--;
    converter->done(message, converter->user);
}

/* From any thread. */
static void send_back(struct converter *converter, struct job *job)
{
    if (!dub_mailbox_post_control(converter->back, job))
        job_free(job);
}

/* On a thread of the stage. */
static void handle(struct job *job, void *user)
{
    struct converter *converter = user;
    if (!g_cancellable_is_cancelled(job->cancellable))
        converter->convert(job);
    send_back(converter, job);
}

struct converter *converter_new(const struct dub_clock *clock, void (*convert)(struct job *job),
                                void (*done)(struct job *take_job, void *user), void *user)
{
    struct converter *converter = g_new0(struct converter, 1);
    converter->convert = convert;
    converter->done = done;
    converter->user = user;
    converter->back = dub_mailbox_new(NULL, 1, on_back, (GDestroyNotify)job_free, converter);
    converter->stage = stage_new(&(struct stage_config){
        .name = "convert",
        .place = JOB_ASR,
        .n_threads = MIN(g_get_num_processors(), MAX_THREADS),
        .clock = clock,
        .handle = handle,
        .user = converter,
    });
    return converter;
}

void converter_push(struct converter *converter, struct job *job)
{
    converter->inside++;
    if (!stage_push(converter->stage, job))
        send_back(converter, job);
}

void converter_remove(struct converter *converter, uint64_t owner, GPtrArray *jobs)
{
    guint before = jobs->len;
    stage_remove(converter->stage, owner, jobs);
    converter->inside -= jobs->len - before;
}

void converter_expire(struct converter *converter, int64_t until_ns)
{
    g_autoptr(GPtrArray) jobs = g_ptr_array_new();
    stage_expire(converter->stage, until_ns, jobs);
    for (guint i = 0; i < jobs->len; i++)
        send_back(converter, jobs->pdata[i]);
}

unsigned converter_depth(const struct converter *converter)
{
    return converter->inside;
}

void converter_free(struct converter *converter)
{
    if (!converter)
        return;
    stage_free(converter->stage);
    dub_mailbox_free(converter->back);
    g_free(converter);
}
