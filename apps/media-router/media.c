/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "media.h"

static __thread uint64_t held_bytes;

static gsize cost_of(const struct media_message *message)
{
    return MEDIA_MESSAGE_OVERHEAD_BYTES + media_message_bytes(message) + message->rendition_bytes;
}

struct media_message *media_message_new(enum media_kind kind, int64_t dts_ns, GBytes *take_payload)
{
    struct media_message *message = g_new(struct media_message, 1);
    *message = (struct media_message){.refs = 1, .kind = kind, .dts_ns = dts_ns, .payload = take_payload};
    held_bytes += cost_of(message);
    return message;
}

struct media_message *media_message_ref(struct media_message *message)
{
    message->refs++;
    return message;
}

void media_message_unref(struct media_message *message)
{
    if (message == NULL || --message->refs > 0)
        return;
    held_bytes -= cost_of(message);
    g_bytes_unref(message->payload);
    if (message->rendition != NULL)
        message->free_rendition(message->rendition);
    g_free(message);
}

gsize media_message_bytes(const struct media_message *message)
{
    return g_bytes_get_size(message->payload);
}

void media_message_set_rendition(struct media_message *message, void *take_rendition, gsize bytes,
                                 GDestroyNotify free_rendition)
{
    if (message->rendition != NULL)
        message->free_rendition(message->rendition);
    held_bytes += bytes;
    held_bytes -= message->rendition_bytes;
    message->rendition = take_rendition;
    message->rendition_bytes = bytes;
    message->free_rendition = free_rendition;
}

uint64_t media_held_bytes(void)
{
    return held_bytes;
}

void media_note_held(int64_t bytes)
{
    held_bytes += (uint64_t)bytes; /* negative ones wrap around to less */
}
