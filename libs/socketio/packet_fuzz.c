/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A conversation from a peer: one Engine.IO message per line, a line that begins with 'b' is binary. What is
 * accepted is encoded again, which must be accepted too. */
#include "engineio_packet.h"
#include "fuzz_target.h"
#include "socketio_packet.h"

#include <string.h>

#define MAX_BYTES 65536

static bool is_event(const struct sio_packet *packet)
{
    return packet->type == SIO_EVENT || packet->type == SIO_BINARY_EVENT;
}

static void encode_again(struct sio_packet *packet)
{
    if (!is_event(packet))
        return;
    JsonArray *all = json_node_get_array(packet->data);
    g_autoptr(JsonArray) args = json_array_new();
    for (guint i = 1; i < json_array_get_length(all); i++)
        json_array_add_element(args, json_node_ref(json_array_get_element(all, i)));
    g_autoptr(GString) text = g_string_new(NULL);
    sio_encode_event(text, packet->space, json_array_get_string_element(all, 0), packet->id, args,
                     packet->n_attachments);
    struct sio_packet again;
    struct dub_error error = {0};
    if (!sio_packet_decode(text->str, text->len, &again, &error))
        g_error("%s is not accepted: %s", text->str, error.message);
    sio_packet_clear(&again);
}

static void feed_text(struct sio_decoder *decoder, const char *text, gsize size, struct sio_packet *packet)
{
    enum eio_packet_type type;
    const char *payload = NULL;
    gsize payload_size = 0;
    struct eio_open open;
    if (!eio_packet_decode(text, size, &type, &payload, &payload_size, NULL))
        return;
    if (type == EIO_OPEN)
        eio_open_decode(payload, payload_size, &open, NULL);
    if (type == EIO_MESSAGE && sio_decoder_text(decoder, payload, payload_size, packet, NULL) == SIO_COMPLETE)
        encode_again(packet);
}

static void feed_line(struct sio_decoder *decoder, const char *line, gsize size)
{
    struct sio_packet packet = {0};
    if (size > 0 && line[0] == 'b') {
        g_autoptr(GBytes) bytes = g_bytes_new(line + 1, size - 1);
        if (sio_decoder_binary(decoder, bytes, &packet, NULL) == SIO_COMPLETE)
            encode_again(&packet);
    } else {
        feed_text(decoder, line, size, &packet);
    }
    sio_packet_clear(&packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sio_decoder decoder;
    const char *at = (const char *)data;
    const char *end = at + size;
    sio_decoder_init(&decoder, MAX_BYTES);
    while (at < end) {
        const char *newline = memchr(at, '\n', (gsize)(end - at));
        const char *line_end = newline != NULL ? newline : end;
        feed_line(&decoder, at, (gsize)(line_end - at));
        at = line_end + 1;
    }
    sio_decoder_clear(&decoder);
    return 0;
}
