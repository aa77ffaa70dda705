/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a path remembers of the stream that is published on it: its tracks, and all that a reader who comes
 * late needs to start at once (metadata, sequence headers, and the messages since the last key frame). */
#pragma once

#include "media.h"

#include <dubbing_clock.h>
#include <dubbing_flv.h>

/* A group of pictures larger than this is not kept: new readers then wait for the next key frame. */
#define STREAM_GOP_MAX_BYTES (32u << 20)
#define STREAM_GOP_MAX_MESSAGES 4096
/* Media time after which a track that has not come is not waited for any longer. */
#define STREAM_ANALYZE_NS (1000 * DUB_NS_PER_MS)

struct stream_track {
    enum flv_codec codec; /* FLV_CODEC_NONE: not known (yet) */
    bool announced;       /* in the metadata */
};

struct stream {
    struct stream_track video, audio;
    bool has_metadata;
    bool ready; /* the tracks are known; stays true */
    bool has_first;
    int64_t first_dts_ns;
    struct media_message *config[3]; /* by enum media_kind; NULL: none came */
    uint64_t gop_number;             /* larger than that of any group begun before, of all streams */
    GPtrArray *gop;                  /* struct media_message *, from a key frame on; empty: none kept */
    gsize gop_bytes;
    GPtrArray *retired;  /* the group before, until the message after the key frame that ended it */
    gsize gop_max_bytes; /* STREAM_GOP_MAX_BYTES, or what the owner sets after init */
};

void stream_init(struct stream *stream);
void stream_clear(struct stream *stream);
/* Classifies the message (its flags are set here), learns from it and keeps it if need be. False for a
 * message that is no usable tag: it is not to be passed on. */
bool stream_observe(struct stream *stream, struct media_message *message);
bool stream_has_video(const struct stream *stream);
/* New readers wait for the next key frame. */
void stream_forget_gop(struct stream *stream);
/* The config messages, then the group of pictures: what a new reader gets first. */
void stream_for_each_start(const struct stream *stream,
                           void (*each)(struct media_message *message, void *user), void *user);
