/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtp_rig.h"

#include <string.h>

GBytes *rtp_rig_bytes(const char *hex)
{
    GByteArray *out = g_byte_array_new();
    int high = -1;
    for (; *hex != '\0'; hex++) {
        int digit = g_ascii_xdigit_value(*hex);
        if (digit < 0)
            continue;
        if (high >= 0)
            dub_write_u8(out, (uint8_t)(high << 4 | digit));
        high = high >= 0 ? -1 : digit;
    }
    return g_byte_array_free_to_bytes(out);
}

static char *to_hex(GBytes *bytes)
{
    gsize size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    GString *out = g_string_new(NULL);
    for (gsize i = 0; i < size; i++)
        g_string_append_printf(out, "%02x", data[i]);
    return g_string_free(out, FALSE);
}

void rtp_rig_assert_bytes(GBytes *bytes, const char *hex)
{
    g_autoptr(GBytes) expected = rtp_rig_bytes(hex);
    g_autofree char *seen_text = to_hex(bytes), *expected_text = to_hex(expected);
    g_assert_cmpstr(seen_text, ==, expected_text);
}

static void free_message(gpointer data)
{
    struct rtp_rig_message *message = data;
    g_bytes_unref(message->payload);
    g_free(message);
}

GPtrArray *rtp_rig_list(void)
{
    return g_ptr_array_new_with_free_func(free_message);
}

void rtp_rig_catch(enum media_kind kind, int64_t dts_ns, GBytes *take_payload, void *user)
{
    GPtrArray *list = user;
    g_assert_cmpint(dts_ns, >=, 0);
    for (guint i = list->len; i > 0; i--) {
        const struct rtp_rig_message *last = rtp_rig_at(list, i - 1);
        if (last->kind != kind)
            continue;
        g_assert_cmpint(dts_ns, >=, last->dts_ns);
        break;
    }
    struct rtp_rig_message *message = g_new(struct rtp_rig_message, 1);
    *message = (struct rtp_rig_message){kind, dts_ns, take_payload};
    g_ptr_array_add(list, message);
}

const struct rtp_rig_message *rtp_rig_at(const GPtrArray *list, guint index)
{
    g_assert_cmpuint(index, <, list->len);
    return list->pdata[index];
}

int64_t rtp_rig_pts_ms(const struct rtp_rig_message *message)
{
    const uint8_t *body = g_bytes_get_data(message->payload, NULL);
    uint32_t composition = (uint32_t)body[2] << 16 | (uint32_t)body[3] << 8 | body[4];
    return message->dts_ns / RTP_RIG_MS + (int32_t)(composition << 8 & 0xffffff00) / 256;
}

GBytes *rtp_rig_packet(struct rtp_rig_source *source, bool marker, const void *payload, gsize size)
{
    GByteArray *out = g_byte_array_new();
    struct rtp_packet header = {.marker = marker,
                                .payload_type = source->payload_type,
                                .sequence = source->sequence++,
                                .timestamp = source->timestamp,
                                .ssrc = source->ssrc};
    rtp_packet_write_header(out, &header);
    dub_write_bytes(out, payload, size);
    return g_byte_array_free_to_bytes(out);
}
