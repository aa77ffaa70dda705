/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sync_meter.h"

#include <glib.h>
#include <stdlib.h>

void sync_meter_init(struct sync_meter *meter)
{
    *meter = (struct sync_meter){0};
    pthread_mutex_init(&meter->lock, NULL);
}

void sync_meter_clear(struct sync_meter *meter)
{
    pthread_mutex_destroy(&meter->lock);
}

void sync_meter_set_drift(struct sync_meter *meter, int64_t drift_ns)
{
    pthread_mutex_lock(&meter->lock);
    meter->drift_ns = drift_ns;
    pthread_mutex_unlock(&meter->lock);
}

static void drop_sound(struct sync_meter *meter)
{
    meter->first_sound = (meter->first_sound + 1) % SYNC_METER_SOUNDS;
    meter->n_sounds--;
}

void sync_meter_sound_in(struct sync_meter *meter, int64_t pts_ns, int64_t source_ns, int64_t duration_ns)
{
    pthread_mutex_lock(&meter->lock);
    int64_t start_ns = pts_ns - meter->drift_ns;
    if (meter->n_sounds == SYNC_METER_SOUNDS)
        drop_sound(meter);
    meter->sounds[(meter->first_sound + meter->n_sounds) % SYNC_METER_SOUNDS] =
        (struct sync_meter_sound){start_ns, start_ns + duration_ns, source_ns};
    meter->n_sounds++;
    pthread_mutex_unlock(&meter->lock);
}

void sync_meter_picture_out(struct sync_meter *meter, int64_t pts_ns, int64_t source_ns)
{
    pthread_mutex_lock(&meter->lock);
    meter->pictures[meter->n_pictures++ % SYNC_METER_PICTURES] =
        (struct sync_meter_picture){pts_ns, source_ns};
    pthread_mutex_unlock(&meter->lock);
}

/* What the sound at a place of the timeline was at the source. */
static bool find_source(struct sync_meter *meter, int64_t pts_ns, int64_t *source_ns)
{
    const struct sync_meter_sound *sound = NULL;

    while (meter->n_sounds > 0) {
        sound = &meter->sounds[meter->first_sound];
        if (sound->end_ns > pts_ns)
            break;
        drop_sound(meter);
    }
    if (meter->n_sounds == 0 || sound->start_ns > pts_ns)
        return false;
    *source_ns = sound->source_ns + (pts_ns - sound->start_ns);
    return true;
}

/* Against the picture nearest in the source. After a step back of the publisher's timestamps two may have the
 * same one: then the nearer one at the output. */
static bool compare(const struct sync_meter *meter, int64_t pts_ns, int64_t source_ns, int64_t *delta_ns)
{
    int64_t least_ns = INT64_MAX;

    for (unsigned i = 0; i < MIN(meter->n_pictures, SYNC_METER_PICTURES); i++) {
        const struct sync_meter_picture *picture = &meter->pictures[i];
        int64_t away_ns = llabs(picture->source_ns - source_ns);
        int64_t apart_ns = (pts_ns - source_ns) - (picture->pts_ns - picture->source_ns);
        if (away_ns > SYNC_METER_REACH_NS || away_ns + llabs(apart_ns) >= least_ns)
            continue;
        least_ns = away_ns + llabs(apart_ns);
        *delta_ns = apart_ns;
    }
    return least_ns != INT64_MAX;
}

void sync_meter_sound_out(struct sync_meter *meter, int64_t pts_ns)
{
    int64_t source_ns, delta_ns;

    pthread_mutex_lock(&meter->lock);
    if (find_source(meter, pts_ns, &source_ns) && compare(meter, pts_ns, source_ns, &delta_ns)) {
        if (!meter->measured || llabs(delta_ns) > llabs(meter->worst_ns))
            meter->worst_ns = delta_ns;
        meter->measured = true;
    }
    pthread_mutex_unlock(&meter->lock);
}

int64_t sync_meter_take(struct sync_meter *meter)
{
    pthread_mutex_lock(&meter->lock);
    if (meter->measured)
        meter->last_ns = meter->worst_ns;
    meter->measured = false;
    int64_t delta_ns = meter->last_ns;
    pthread_mutex_unlock(&meter->lock);
    return delta_ns;
}
