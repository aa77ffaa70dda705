/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gpu.h"

#include "nvml.h"

#include <pthread.h>
#include <time.h>

#define INTERVAL_S 5

struct gpu {
    struct sts_metrics *metrics;
    struct nvml *nvml;    /* the thread's once it runs */
    pthread_mutex_t lock; /* guards stopping */
    pthread_cond_t changed;
    bool stopping;
    GThread *thread;
};

static void note(struct gpu *gpu)
{
    struct nvml_sample sample;
    if (!nvml_read(gpu->nvml, &sample))
        return;
    dub_metric_set(gpu->metrics->gpu_utilization, sample.utilization_percent, NULL);
    dub_metric_set(gpu->metrics->gpu_memory, (double)sample.memory_used_bytes, NULL);
}

/* False when it is time to stop. */
static bool wait_a_while(struct gpu *gpu)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += INTERVAL_S;
    pthread_mutex_lock(&gpu->lock);
    while (!gpu->stopping && pthread_cond_timedwait(&gpu->changed, &gpu->lock, &until) == 0)
        continue;
    bool stopping = gpu->stopping;
    pthread_mutex_unlock(&gpu->lock);
    return !stopping;
}

static gpointer watch(gpointer data)
{
    struct gpu *gpu = data;
    while (wait_a_while(gpu))
        note(gpu);
    return NULL;
}

struct gpu *gpu_new(struct sts_metrics *metrics, const char *library)
{
    struct nvml *nvml = nvml_open(library ? library : NVML_LIBRARY);
    if (!nvml)
        return NULL;
    struct gpu *gpu = g_new0(struct gpu, 1);
    pthread_condattr_t attributes;
    gpu->metrics = metrics;
    gpu->nvml = nvml;
    pthread_mutex_init(&gpu->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&gpu->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    sts_metrics_add_gpu(metrics);
    note(gpu);
    gpu->thread = g_thread_new("gpu", watch, gpu);
    return gpu;
}

void gpu_free(struct gpu *gpu)
{
    if (!gpu)
        return;
    pthread_mutex_lock(&gpu->lock);
    gpu->stopping = true;
    pthread_cond_signal(&gpu->changed);
    pthread_mutex_unlock(&gpu->lock);
    g_thread_join(gpu->thread);
    nvml_close(gpu->nvml);
    pthread_cond_destroy(&gpu->changed);
    pthread_mutex_destroy(&gpu->lock);
    g_free(gpu);
}
