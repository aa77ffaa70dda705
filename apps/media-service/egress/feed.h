/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of the input a connection to the destination gets, and with which timestamps.
 *
 * A connection begins with the file header, the metadata and the codec headers that are in force, and a key
 * picture; its time begins there with 0. Whatever breaks in between, on either side, it goes on at a key
 * picture only. When the input breaks and comes back, time goes on by as much as passed meanwhile, so that
 * the destination never sees it step back. Bodies pass untouched. No clock, no sockets; one thread at a time.
 */
#pragma once

#include "tag.h"

#include <gst/gst.h>
#include <stdbool.h>
#include <stdint.h>

#define FEED_HEADERS 3                /* metadata, video, audio */
#define FEED_SOUND_ONLY_AFTER_MS 3000 /* sound alone for so long: there is no picture to wait for */

#define FEED_BACKLOG_MAX_BYTES (INT64_C(16) << 20)

/* Takes the buffer. */
typedef void (*feed_output)(GstBuffer *take_buffer, void *user);

/* Private to feed.c. */
struct feed {
    feed_output output;
    void *user;
    GstBuffer *headers[FEED_HEADERS]; /* as they last came, from the tag's beginning; NULL: none */

    bool has_time;      /* last_ms and last_arrival_ms mean something */
    bool input_placed;  /* this input connection has its offset */
    bool has_picture;   /* this input connection has shown a picture */
    uint32_t offset_ms; /* input to timeline, modulo 2^32 as all of these */
    uint32_t last_ms;   /* the latest place on the timeline */
    uint32_t first_ms;  /* where this input connection began */
    int64_t last_arrival_ms;

    bool connected;     /* there is somebody to give something to */
    bool begun;         /* and the beginning has been given */
    bool open;          /* everything passes, until something breaks */
    bool held;          /* may not open now */
    bool has_key;       /* a key picture has passed since it opened */
    uint32_t origin_ms; /* the connection's time 0 on the timeline */
    uint32_t gate_ms;   /* the key picture at which it opened last */
};

void feed_init(struct feed *feed, feed_output output, void *user);
void feed_clear(struct feed *feed);

/* A new connection of the input: its headers come anew, its timestamps may be others. */
void feed_input_begins(struct feed *feed);
void feed_output_begins(struct feed *feed);
void feed_output_ends(struct feed *feed);
/* Before each tag: what waits for the destination. Beyond FEED_BACKLOG_MAX_BYTES nothing passes until it has
 * caught up to half of it, and then from the next key picture on; so memory is bounded. True when that
 * begins. */
bool feed_set_backlog(struct feed *feed, int64_t backlog_bytes);

/* One tag of the input. What is no tag is left out. */
void feed_take(struct feed *feed, GstBuffer *buffer, int64_t arrival_ms);
