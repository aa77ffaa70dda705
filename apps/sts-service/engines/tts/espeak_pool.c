/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "espeak_pool.h"

#include <pthread.h>

struct espeak_pool {
    pthread_mutex_t lock; /* guards idle */
    GQueue idle;          /* struct espeak_process, the one used last first */
};

struct espeak_pool *espeak_pool_new(void)
{
    struct espeak_pool *pool = g_new0(struct espeak_pool, 1);
    pthread_mutex_init(&pool->lock, NULL);
    g_queue_init(&pool->idle);
    return pool;
}

void espeak_pool_free(struct espeak_pool *pool)
{
    if (!pool)
        return;
    g_queue_clear_full(&pool->idle, (GDestroyNotify)espeak_process_free);
    pthread_mutex_destroy(&pool->lock);
    g_free(pool);
}

struct espeak_process *espeak_pool_take(struct espeak_pool *pool, const struct engine_call *call,
                                        struct dub_error *error)
{
    pthread_mutex_lock(&pool->lock);
    struct espeak_process *process = g_queue_pop_head(&pool->idle);
    pthread_mutex_unlock(&pool->lock);
    return process ? process : espeak_process_start(NULL, call, error);
}

void espeak_pool_give_back(struct espeak_pool *pool, struct espeak_process *process)
{
    if (espeak_process_is_broken(process)) {
        espeak_process_free(process);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    g_queue_push_head(&pool->idle, process);
    pthread_mutex_unlock(&pool->lock);
}
