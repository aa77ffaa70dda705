/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "media.h"

static __thread uint64_t held_bytes;

static gsize cost_of(const struct media_message *message)
{
    return MEDIA_MESSAGE_OVERHEAD_BYTES + message->size + message->rendition_bytes;
}

static struct media_message *begin(struct media_message *message, enum media_kind kind, int64_t dts_ns,
                                   const uint8_t *data, gsize size, GBytes *take_bytes)
{
    *message = (struct media_message){
        .refs = 1, .kind = kind, .dts_ns = dts_ns, .data = data, .size = size, .bytes = take_bytes};
    held_bytes += cost_of(message);
    return message;
}

struct media_message *media_message_new(enum media_kind kind, int64_t dts_ns, GBytes *take_payload)
{
    gsize size;
    const uint8_t *data = g_bytes_get_data(take_payload, &size);
    return begin(g_new(struct media_message, 1), kind, dts_ns, data, size, take_payload);
}

struct media_message *media_message_adopt(enum media_kind kind, int64_t dts_ns, void *take_memory, gsize size)
{
    const uint8_t *data = (const uint8_t *)take_memory + MEDIA_FRONT_BYTES;
    return begin(take_memory, kind, dts_ns, data, size, NULL);
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
    g_clear_pointer(&message->bytes, g_bytes_unref);
    if (message->rendition != NULL)
        message->free_rendition(message->rendition);
    g_free(message);
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
