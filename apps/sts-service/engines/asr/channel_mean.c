/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "channel_mean.h"

#include <glib.h>
#include <pthread.h>
#include <stdint.h>

#define MAX_SIZE 64
/* The session's mean counts as much as this many rows of the fragment's own: half a second. */
#define CARRIED_ROWS 50
/* Share of a new fragment in the session's mean. */
#define UPDATE_SHARE 0.3

struct mean {
    double values[MAX_SIZE];
};

struct session {
    struct mean mean;
    uint64_t used; /* at which of all uses it was used last */
};

struct channel_means {
    pthread_mutex_t lock;
    GHashTable *sessions; /* by session_id, of struct session */
    uint64_t uses;
};

struct channel_means *channel_means_new(void)
{
    struct channel_means *means = g_new0(struct channel_means, 1);
    pthread_mutex_init(&means->lock, NULL);
    means->sessions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return means;
}

void channel_means_free(struct channel_means *means)
{
    if (!means)
        return;
    g_hash_table_unref(means->sessions);
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

/* One whose last fragment was still being worked on when it was forgotten goes this way. */
static void make_room(GHashTable *sessions)
{
    GHashTableIter iter;
    gpointer id, oldest_id = NULL, value;
    uint64_t oldest = UINT64_MAX;
    if (g_hash_table_size(sessions) < CHANNEL_MEANS_MAX)
        return;
    g_hash_table_iter_init(&iter, sessions);
    while (g_hash_table_iter_next(&iter, &id, &value)) {
        if (((const struct session *)value)->used >= oldest)
            continue;
        oldest = ((const struct session *)value)->used;
        oldest_id = id;
    }
    g_hash_table_remove(sessions, oldest_id);
}

static struct session *remember(struct channel_means *means, const char *session_id, const struct mean *own)
{
    struct session *session = g_new(struct session, 1);
    make_room(means->sessions);
    *session = (struct session){.mean = *own};
    g_hash_table_insert(means->sessions, g_strdup(session_id), session);
    return session;
}

/* Returns what is to be subtracted and lets the session learn. */
static struct mean carry_over(struct channel_means *means, const char *session_id, const struct mean *own,
                              int rows)
{
    struct mean result = *own;
    pthread_mutex_lock(&means->lock);
    struct session *known = g_hash_table_lookup(means->sessions, session_id);
    if (known) {
        result = blend(own, &known->mean, (double)CARRIED_ROWS / (CARRIED_ROWS + rows));
        known->mean = blend(&known->mean, own, UPDATE_SHARE);
    } else {
        known = remember(means, session_id, own);
    }
    known->used = ++means->uses;
    pthread_mutex_unlock(&means->lock);
    return result;
}

void channel_means_normalise(struct channel_means *means, const char *session_id, float **rows, int count,
                             int size)
{
    if (count <= 0 || size > MAX_SIZE)
        return;
    struct mean mean = own_mean(rows, count, size);
    if (session_id)
        mean = carry_over(means, session_id, &mean, count);
    for (int row = 0; row < count; row++)
        for (int i = 0; i < size; i++)
            rows[row][i] -= (float)mean.values[i];
}

void channel_means_forget(struct channel_means *means, const char *session_id)
{
    pthread_mutex_lock(&means->lock);
    g_hash_table_remove(means->sessions, session_id);
    pthread_mutex_unlock(&means->lock);
}
