/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "channel_mean.h"

#include <glib.h>
#include <pthread.h>

#define MAX_SIZE 64
/* Streams remembered; when more come all are forgotten, which costs each of them one fragment's estimate. */
#define MAX_STREAMS 256
/* The stream's mean counts as much as this many rows of the fragment's own: half a second. */
#define CARRIED_ROWS 50
/* Share of a new fragment in the stream's mean. */
#define UPDATE_SHARE 0.3

struct mean {
    double values[MAX_SIZE];
};

struct channel_means {
    pthread_mutex_t lock;
    GHashTable *streams; /* stream_id -> struct mean */
};

struct channel_means *channel_means_new(void)
{
    struct channel_means *means = g_new0(struct channel_means, 1);
    pthread_mutex_init(&means->lock, NULL);
    means->streams = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return means;
}

void channel_means_free(struct channel_means *means)
{
    if (!means)
        return;
    g_hash_table_unref(means->streams);
    pthread_mutex_destroy(&means->lock);
    g_free(means);
}

static struct mean own_mean(float *const *rows, int count, int size)
{
    struct mean mean = {0};
    for (int row = 0; row < count; row++)
        for (int i = 0; i < size; i++)
            mean.values[i] += (double)rows[row][i];
    for (int i = 0; i < size; i++)
        mean.values[i] /= count;
    return mean;
}

static struct mean blend(const struct mean *first, const struct mean *second, double second_share)
{
    struct mean result;
    for (int i = 0; i < MAX_SIZE; i++)
        result.values[i] = first->values[i] * (1.0 - second_share) + second->values[i] * second_share;
    return result;
}

/* Returns what is to be subtracted and lets the stream learn. */
static struct mean carry_over(struct channel_means *means, const char *stream_id, const struct mean *own,
                              int rows)
{
    struct mean result = *own;
    pthread_mutex_lock(&means->lock);
    struct mean *known = g_hash_table_lookup(means->streams, stream_id);
    if (known) {
        result = blend(own, known, (double)CARRIED_ROWS / (CARRIED_ROWS + rows));
        *known = blend(known, own, UPDATE_SHARE);
    } else {
        if (g_hash_table_size(means->streams) >= MAX_STREAMS)
            g_hash_table_remove_all(means->streams);
        g_hash_table_insert(means->streams, g_strdup(stream_id), g_memdup2(own, sizeof *own));
    }
    pthread_mutex_unlock(&means->lock);
    return result;
}

void channel_means_normalise(struct channel_means *means, const char *stream_id, float **rows, int count,
                             int size)
{
    if (count <= 0 || size > MAX_SIZE)
        return;
    struct mean mean = own_mean(rows, count, size);
    if (stream_id)
        mean = carry_over(means, stream_id, &mean, count);
    for (int row = 0; row < count; row++)
        for (int i = 0; i < size; i++)
            rows[row][i] -= (float)mean.values[i];
}
