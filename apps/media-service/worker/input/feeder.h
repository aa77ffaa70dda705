/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Takes the buffers of an input as they come, gives each its place on the input timeline, and passes them on.
 *
 * It outlives the input's connections, so that the timeline does: what comes after a reconnect continues at
 * its time of arrival. The first buffers of a connection are held until the timestamp map is anchored.
 *
 * Threads: the push functions are called on the input's one streaming thread; the events run on it. */
#pragma once

#include "../output/packet_queue.h"

#include <dubbing_clock.h>

struct feeder;

enum feeder_pace {
    FEEDER_LIVE,  /* buffers come when they come */
    FEEDER_PACED, /* a file played at its own speed: the feeder holds each buffer until its time */
    FEEDER_FILE,  /* as fast as the receivers take it */
};

struct feeder_events {
    /* Once, before the first buffer is passed on: timeline position 0 is base_ns on the clock (0 for
     * FEEDER_FILE). */
    void (*on_start)(int64_t base_ns, void *user);
    /* Takes the packet; due_ns is not set. False ends the stream's flow. */
    bool (*on_video)(struct packet *take_packet, void *user);
    /* Takes the buffer of 48 kHz stereo S16, its PTS is on the timeline; source_ns: as in struct packet.
     * False as above. */
    bool (*on_audio)(GstBuffer *take_buffer, int64_t source_ns, void *user);
};

/* latency_ns: when what is passed on will leave, after its time on the timeline. */
struct feeder *feeder_new(enum feeder_pace pace, int64_t latency_ns, const struct dub_clock *clock,
                          const struct feeder_events *events, void *user);
/* NULL is fine. */
void feeder_free(struct feeder *feeder);

/* A new connection begins: before its first buffer, with no other streaming thread about. */
void feeder_begin(struct feeder *feeder);
/* False: the receiver refuses or the feeder was interrupted. The sample is borrowed. */
bool feeder_push_video(struct feeder *feeder, GstSample *sample);
bool feeder_push_audio(struct feeder *feeder, GstSample *sample);
/* The connection's data has ended: passes on what is still held. */
void feeder_end(struct feeder *feeder);
/* Any thread: ends a wait of the pacing, all further pushes return false. */
void feeder_interrupt(struct feeder *feeder);

/* Any thread. */
struct feeder_facts {
    int64_t bytes;           /* received, of both tracks */
    int64_t last_arrival_ns; /* 0: nothing yet on this connection */
    int64_t first_arrival_ns;
    bool has_video, has_audio; /* on this connection */
};
void feeder_get_facts(struct feeder *feeder, struct feeder_facts *facts);
