/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Engine.IO packets. The open packet is read tolerantly where older servers say less, strictly everywhere
 * else. */
#include "engineio_packet.h"

#include <dubbing_json.h>
#include <string.h>

/* An hour between heartbeats is more than any server means; it also keeps the sum of two in 32 bits. */
#define MAX_HEARTBEAT_MS (60 * 60 * 1000)
#define MAX_OPEN_PACKET_BYTES 4096

bool eio_packet_decode(const char *text, gsize size, enum eio_packet_type *type, const char **payload,
                       gsize *payload_size, struct dub_error *error)
{
    if (size == 0)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "an empty Engine.IO packet");
    if (text[0] < EIO_OPEN || text[0] > EIO_NOOP)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "unknown Engine.IO packet type 0x%02x",
                             (unsigned char)text[0]);
    *type = (enum eio_packet_type)text[0];
    *payload = text + 1;
    *payload_size = size - 1;
    return true;
}

bool eio_open_decode(const char *payload, gsize size, struct eio_open *open, struct dub_error *error)
{
    if (size > MAX_OPEN_PACKET_BYTES)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "an open packet of %zu bytes, at most %d are allowed",
                             size, MAX_OPEN_PACKET_BYTES);
    g_autoptr(JsonNode) node = dub_json_parse(payload, size, error);
    if (node == NULL) {
        if (error != NULL)
            error->code = DUB_ERROR_PROTOCOL;
        return false;
    }
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_PROTOCOL, &failed, error);
    const char *sid = dub_json_read_string(&reader, "sid", EIO_SID_MAX);
    *open = (struct eio_open){
        .ping_interval_ms = dub_json_read_int(&reader, "pingInterval", 1, MAX_HEARTBEAT_MS),
        .ping_timeout_ms = dub_json_read_int(&reader, "pingTimeout", 1, MAX_HEARTBEAT_MS),
        .max_payload_bytes = dub_json_read_int_or(&reader, "maxPayload", 0, INT64_MAX, 0),
    };
    if (failed)
        return false;
    g_strlcpy(open->sid, sid, sizeof open->sid);
    return true;
}

char *eio_open_encode(const struct eio_open *open)
{
    return g_strdup_printf("0{\"sid\":\"%s\",\"upgrades\":[],\"pingInterval\":%" G_GINT64_FORMAT
                           ",\"pingTimeout\":%" G_GINT64_FORMAT ",\"maxPayload\":%" G_GINT64_FORMAT "}",
                           open->sid, open->ping_interval_ms, open->ping_timeout_ms, open->max_payload_bytes);
}
