/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How far sound and picture of the same instant of the source lie apart at the output.
 *
 * Of each picture that leaves, the publisher's own timestamp is compared with the one that it leaves with. Of
 * sound, which is mixed and encoded anew in between, is remembered where on the timeline it was laid. The
 * difference of the two ways is measured for each packet of sound, against the picture nearest to it in the
 * source. Where either is missing (a gap of sound, a hole of pictures) nothing is measured. Threads: any; a
 * lock. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* The sound of more than 30 s, the greatest D, in the shortest frames of AAC. */
#define SYNC_METER_SOUNDS 4096
#define SYNC_METER_PICTURES 64
/* Pictures of the source further away say nothing of a packet of sound. */
#define SYNC_METER_REACH_NS (INT64_C(1000) * 1000 * 1000)

struct sync_meter_sound {
    int64_t start_ns, end_ns; /* on the timeline */
    int64_t source_ns;        /* of its start */
};

struct sync_meter_picture {
    int64_t pts_ns, source_ns;
};

struct sync_meter {
    pthread_mutex_t lock; /* guards what follows */
    int64_t drift_ns;
    struct sync_meter_sound sounds[SYNC_METER_SOUNDS]; /* a ring */
    unsigned first_sound, n_sounds;
    struct sync_meter_picture pictures[SYNC_METER_PICTURES]; /* a ring: the last ones */
    unsigned n_pictures;                                     /* ever */
    int64_t worst_ns, last_ns;                               /* worst since it was asked for */
    bool measured;                                           /* since then */
};

void sync_meter_init(struct sync_meter *meter);
void sync_meter_clear(struct sync_meter *meter);

/* How much too early the element lays the sound that now comes in ("drift-samples" in dubbing_gst.h). */
void sync_meter_set_drift(struct sync_meter *meter, int64_t drift_ns);
/* Sound goes in with this timestamp on the timeline. source_ns: the publisher's, never wrapped. */
void sync_meter_sound_in(struct sync_meter *meter, int64_t pts_ns, int64_t source_ns, int64_t duration_ns);
/* A picture leaves with this PTS. */
void sync_meter_picture_out(struct sync_meter *meter, int64_t pts_ns, int64_t source_ns);
/* A packet of sound leaves with this PTS. */
void sync_meter_sound_out(struct sync_meter *meter, int64_t pts_ns);

/* The greatest difference since the last call; where nothing could be measured since, the one told last.
 * Positive: sound leaves later than its picture. */
int64_t sync_meter_take(struct sync_meter *meter);
