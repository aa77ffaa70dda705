/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Socket.IO revision 5 packets: text <-> values, and the putting together of binary packets from their parts.
 * Pure: no sockets. https://github.com/socketio/socket.io-protocol#packet-encoding
 *
 *   <type>[<attachments>-][<namespace>,][<acknowledgement id>][<JSON>] */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdint.h>

enum sio_packet_type {
    SIO_CONNECT,
    SIO_DISCONNECT,
    SIO_EVENT,
    SIO_ACK,
    SIO_CONNECT_ERROR,
    SIO_BINARY_EVENT,
    SIO_BINARY_ACK,
};

#define SIO_NAMESPACE_MAX 128 /* bytes */
#define SIO_NO_ID (-1)
/* Beyond this JavaScript's numbers skip integers. */
#define SIO_ID_MAX ((INT64_C(1) << 53) - 1)

struct sio_packet {
    enum sio_packet_type type;
    char space[SIO_NAMESPACE_MAX + 1];
    int64_t id;     /* SIO_NO_ID: none */
    JsonNode *data; /* owned; object (CONNECT, CONNECT_ERROR), array (events, acks), string, or NULL */
    GPtrArray *attachments; /* owned; of GBytes; NULL unless the packet is binary */
    unsigned n_attachments; /* how many the text announced */
};

/* Zeroed memory is a cleared packet. */
void sio_packet_clear(struct sio_packet *packet);

/* Names that the library itself uses: "connect", "disconnect", ... */
bool sio_event_name_is_reserved(const char *name);

/* Decodes the text part, which for binary packets leaves attachments empty. All of it is checked: the JSON,
 * its shape for the type, the placeholders. On false the packet is cleared. */
bool sio_packet_decode(const char *text, gsize size, struct sio_packet *packet, struct dub_error *error);

/* Puts parts together. Fields are private. */
struct sio_decoder {
    struct sio_packet pending;
    bool is_pending;
    gsize pending_bytes;
    gsize max_bytes; /* of a packet with its attachments */
};

enum sio_decoded { SIO_BROKEN, SIO_INCOMPLETE, SIO_COMPLETE };

void sio_decoder_init(struct sio_decoder *decoder, gsize max_bytes);
void sio_decoder_clear(struct sio_decoder *decoder);
/* COMPLETE: *packet is the caller's to clear. BROKEN: error says how; the connection is to be closed. */
enum sio_decoded sio_decoder_text(struct sio_decoder *decoder, const char *text, gsize size,
                                  struct sio_packet *packet, struct dub_error *error);
enum sio_decoded sio_decoder_binary(struct sio_decoder *decoder, GBytes *bytes, struct sio_packet *packet,
                                    struct dub_error *error);

/* Encoders: append the packet, without Engine.IO's digit, to out. space "/" is left out as the protocol says.
 */

/* data: an object, or NULL. */
void sio_encode_control(GString *out, enum sio_packet_type type, const char *space, JsonNode *data);
/* event NULL: an acknowledgement (id required). n_attachments > 0 makes it binary. args may be NULL. */
void sio_encode_event(GString *out, const char *space, const char *event, int64_t id, JsonArray *args,
                      unsigned n_attachments);
