/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of the input a connection to the destination gets, and with which timestamps.
 *
 * A connection begins with the metadata and the codec headers that are in force, and a key picture; its time
 * begins there with 0. Whatever breaks in between, on either side, it goes on at a key picture only. When the
 * input breaks and comes back, or its timestamps step back, time goes on by as much as passed meanwhile, so
 * that the destination never sees it step back. Bodies pass by reference, looked at just so far as to know
 * what a connection has to begin with. No clock, no sockets; one thread at a time. */
#pragma once

#include "../shared/flv_times.h"

#include <dubbing_rtmp_message.h>
#include <stdbool.h>
#include <stdint.h>

#define FEED_SOUND_ONLY_AFTER_MS 3000 /* sound alone for so long: there is no picture to wait for */

#define FEED_BACKLOG_MAX_BYTES (INT64_C(16) << 20)

enum feed_kind {
    FEED_METADATA, /* onMetaData */
    FEED_VIDEO_HEADER,
    FEED_AUDIO_HEADER,
    FEED_HEADERS, /* how many kinds of them there are */

    FEED_KEY_PICTURE = FEED_HEADERS,
    FEED_PICTURE, /* and what else belongs to the picture in its order */
    FEED_SOUND,
    FEED_DATA, /* other script data */
    FEED_NOTHING,
};

/* Of a message's type and body (Adobe Video File Format 10.1, annex E.4; dubbing_flv.h). What is too short to
 * tell more is picture, sound or data by its type. */
enum feed_kind feed_kind_of(const struct rtmp_message *message);

/* Borrowed; the payload may be referenced. */
typedef void (*feed_output)(const struct rtmp_message *message, void *user);

/* Private to feed.c. */
struct feed {
    feed_output output;
    void *user;
    GBytes *headers[FEED_HEADERS]; /* as they last came; NULL: none */
    struct flv_times times;        /* of this input connection */

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
/* Before each message: what waits for the destination. Beyond FEED_BACKLOG_MAX_BYTES nothing passes until it
 * has caught up to half of it, and then from the next key picture on; so memory is bounded. True when that
 * begins. */
bool feed_set_backlog(struct feed *feed, int64_t backlog_bytes);

/* One message of the input. What is neither sound, picture nor script data is left out. */
void feed_take(struct feed *feed, const struct rtmp_message *message, int64_t arrival_ms);
