/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Engine.IO revision 4 packets as text: one digit for the type, then the payload. Pure: bytes in, values out.
 * https://github.com/socketio/engine.io-protocol#packet-encoding */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdint.h>

enum eio_packet_type {
    EIO_OPEN = '0',
    EIO_CLOSE = '1',
    EIO_PING = '2',
    EIO_PONG = '3',
    EIO_MESSAGE = '4',
    EIO_UPGRADE = '5',
    EIO_NOOP = '6',
};

#define EIO_SID_MAX 128

/* The open packet. max_payload_bytes is 0 when the server does not say (older ones leave it out). */
struct eio_open {
    char sid[EIO_SID_MAX + 1];
    int64_t ping_interval_ms;
    int64_t ping_timeout_ms;
    int64_t max_payload_bytes;
};

/* payload points into text. False for an empty text or an unknown type. */
bool eio_packet_decode(const char *text, gsize size, enum eio_packet_type *type, const char **payload,
                       gsize *payload_size, struct dub_error *error);

/* The payload of an open packet. */
bool eio_open_decode(const char *payload, gsize size, struct eio_open *open, struct dub_error *error);
/* The whole packet, type included. Owned by the caller. */
char *eio_open_encode(const struct eio_open *open);
