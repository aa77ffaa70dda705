/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A thread that makes clips faster (clip.h), one after the other, so that nobody who has to stay awake does.
 */
#pragma once

#include "clip.h"

#include <stdbool.h>
#include <stdint.h>

/* Clips that wait; each is one phrase's. */
#define DUB_STRETCH_THREAD_CLIPS 16

struct dub_stretch_thread;

struct dub_stretch_thread_events {
    /* On the thread, once per clip taken unless the thread is freed first, in their order. *clip may be
     * stolen by setting its samples to NULL. */
    void (*on_faster)(uint64_t id, double speed, struct dub_clip *clip, void *user);
};

struct dub_stretch_thread *dub_stretch_thread_new(const struct dub_stretch_thread_events *events, void *user);
/* Any thread, does not wait. False, with the clip still the caller's, when too many are waiting; otherwise
 * its samples are taken and set to NULL. speed as for dub_stretch. */
bool dub_stretch_thread_submit(struct dub_stretch_thread *thread, uint64_t id, double speed,
                               struct dub_clip *clip);
/* How many wait or are being worked on; 0: nothing is held. Any thread. */
unsigned dub_stretch_thread_clips(struct dub_stretch_thread *thread);
/* Drops what waits, gives up what is being made, joins. Not from on_faster. NULL is fine. */
void dub_stretch_thread_free(struct dub_stretch_thread *thread);
