/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "media.h"

struct media_message *media_message_new(enum media_kind kind, int64_t dts_ns, GBytes *take_payload)
{
    struct media_message *message = g_new0(struct media_message, 1);
    g_ref_count_init(&message->refs);
    message->kind = kind;
    message->dts_ns = dts_ns;
    message->payload = take_payload;
    return message;
}

struct media_message *media_message_ref(struct media_message *message)
{
    g_ref_count_inc(&message->refs);
    return message;
}

void media_message_unref(struct media_message *message)
{
    if (message == NULL || !g_ref_count_dec(&message->refs))
        return;
    g_bytes_unref(message->payload);
    if (message->rendition != NULL)
        message->free_rendition(message->rendition);
    g_free(message);
}

gsize media_message_bytes(const struct media_message *message)
{
    return g_bytes_get_size(message->payload);
}
