/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What flows through a path: one audio frame, one access unit or one piece of metadata.
 *
 * A publisher makes a message once; the GOP cache and every reader's queue hold references to the same bytes.
 * All protocols agree on one form of payload, the body of an FLV tag (Adobe Video File Format 10.1, annex
 * E.4), because RTMP carries it as it is. Messages live on the router's thread only. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum media_kind { MEDIA_AUDIO, MEDIA_VIDEO, MEDIA_DATA };

struct media_message {
    unsigned refs;
    enum media_kind kind;
    bool is_config;      /* sequence header or metadata: a new reader needs it before anything else */
    bool is_key;         /* video that can be decoded without what came before */
    int64_t dts_ns;      /* as published, unwrapped; never rebased */
    const uint8_t *data; /* the payload */
    gsize size;          /* of it */
    GBytes *bytes; /* what the payload lies in; NULL: behind the message, in one piece of memory with it */
    /* What a protocol's sender has made of the message, once for all its readers; NULL: nothing. Belongs to
     * the message and is freed with it. */
    void *rendition;
    gsize rendition_bytes;
    GDestroyNotify free_rendition;
};

/* Of a message beside its payload, roughly: many small ones are not for nothing. */
#define MEDIA_MESSAGE_OVERHEAD_BYTES 160

/* Room for the message in front of a payload. */
#define MEDIA_FRONT_BYTES sizeof(struct media_message)

/* Takes the payload; one reference is the caller's. The flags start false. */
struct media_message *media_message_new(enum media_kind kind, int64_t dts_ns, GBytes *take_payload);
/* The same for a payload of `size` bytes that lies MEDIA_FRONT_BYTES behind the start of its memory, which is
 * from g_malloc. */
struct media_message *media_message_adopt(enum media_kind kind, int64_t dts_ns, void *take_memory,
                                          gsize size);
struct media_message *media_message_ref(struct media_message *message);
/* NULL is fine. */
void media_message_unref(struct media_message *message);
/* Takes the rendition, in place of the one before; NULL: there is none. */
void media_message_set_rendition(struct media_message *message, void *take_rendition, gsize bytes,
                                 GDestroyNotify free_rendition);

/* What all messages hold, each counted once however many have a reference to it, and what was noted beside
 * them. Of this thread. */
uint64_t media_held_bytes(void);
/* Media that is no message yet: a protocol notes what its unfinished ones grew by, or shrank. */
void media_note_held(int64_t bytes);
