/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The RTMP chunk stream in both directions (Adobe RTMP 1.0, section 5.3), without sockets.
 *
 * Reading: bytes in, whole messages out; Set Chunk Size and Abort act inside. Beyond 128 KiB a message's
 * buffer grows with the bytes that really arrive, not with the length that a header claims, and it is the
 * buffer that limits count. Writing: messages are queued by reference and handed out as iovecs, chunk headers
 * between slices of the one payload, so that a frame that goes to a hundred readers is never copied. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

#define RTMP_DEFAULT_CHUNK_BYTES 128
#define RTMP_MAX_CHUNK_BYTES 0xFFFFFF
/* Largest message taken: a key frame of 4K video at a high rate is a few MiB. */
#define RTMP_MAX_MESSAGE_BYTES (10u << 20)
/* Unfinished messages of one peer, all chunk streams together. */
#define RTMP_MAX_PARTIAL_BYTES (16u << 20)
#define RTMP_MAX_CHUNK_STREAMS 64
#define RTMP_MIN_CSID 2
#define RTMP_USUAL_CSIDS 8
#define RTMP_MAX_CSID 65599
#define RTMP_MAX_HEADER_BYTES 18 /* basic 3, message header 11, extended timestamp 4 */

struct rtmp_message {
    uint8_t type; /* enum rtmp_message_type */
    uint32_t stream_id;
    uint32_t timestamp_ms; /* modulo 2^32 */
    GBytes *payload;
};

/* Drops the payload; the message may be cleared again. */
void rtmp_message_clear(struct rtmp_message *message);

/* A message as it was read, for who keeps it in the one piece of memory that it came in. */
struct rtmp_raw_message {
    uint8_t type; /* enum rtmp_message_type */
    uint32_t stream_id;
    uint32_t timestamp_ms; /* modulo 2^32 */
    uint8_t *memory;       /* the caller's, from g_malloc: the reader's front_bytes, then the payload */
    uint32_t size;         /* of the payload */
};

struct rtmp_chunk_reader {
    GHashTable *streams;                       /* csid -> struct in_stream */
    struct in_stream *usual[RTMP_USUAL_CSIDS]; /* the same by csid, for those that all media uses */
    struct in_stream *current;                 /* whose chunk payload is being read; NULL: a header is next */
    uint32_t chunk_bytes;
    uint32_t max_message_bytes; /* RTMP_MAX_MESSAGE_BYTES, or less */
    size_t max_partial_bytes;   /* RTMP_MAX_PARTIAL_BYTES, or less */
    size_t front_bytes;         /* room before each payload, for who keeps raw messages; 0 at first */
    size_t chunk_left;
    size_t partial_bytes; /* held for unfinished messages */
    uint8_t header[RTMP_MAX_HEADER_BYTES];
    size_t header_fill;
    uint8_t pushed[4]; /* read as a header, but payload: to be read again first */
    size_t pushed_fill;
};

void rtmp_chunk_reader_init(struct rtmp_chunk_reader *reader);
void rtmp_chunk_reader_clear(struct rtmp_chunk_reader *reader);

enum rtmp_chunk_result {
    RTMP_CHUNK_MORE,    /* all bytes are consumed, no message is complete */
    RTMP_CHUNK_MESSAGE, /* *message is filled and the caller's; call again with what is left */
    RTMP_CHUNK_ERROR,   /* the peer broke the protocol or a limit: close */
};

/* Consumes from *data / *size up to the end of one message. */
enum rtmp_chunk_result rtmp_chunk_reader_receive(struct rtmp_chunk_reader *reader, const uint8_t **data,
                                                 size_t *size, struct rtmp_message *message,
                                                 struct dub_error *error);
/* The same without GBytes. */
enum rtmp_chunk_result rtmp_chunk_reader_receive_raw(struct rtmp_chunk_reader *reader, const uint8_t **data,
                                                     size_t *size, struct rtmp_raw_message *message,
                                                     struct dub_error *error);
/* Moves the memory into *message. */
void rtmp_raw_message_wrap(const struct rtmp_chunk_reader *reader, struct rtmp_raw_message *take_raw,
                           struct rtmp_message *message);

/* Bytes to be sent and what they belong to: they stay as they are until release has been called with it. */
struct rtmp_payload {
    const uint8_t *data;
    uint32_t size;
    void *owner;
    GDestroyNotify release;
};

struct rtmp_chunk_writer {
    GHashTable *streams;                         /* csid -> struct out_stream */
    struct out_stream *usual[RTMP_USUAL_CSIDS];  /* the same by csid, for those that all media uses */
    STAILQ_HEAD(rtmp_out_queue, out_item) items; /* the first one partly sent */
    struct out_item *spare;                      /* the last one that was sent, for the next; NULL: none */
    uint32_t chunk_bytes;
    size_t pending_bytes;
};

void rtmp_chunk_writer_init(struct rtmp_chunk_writer *writer);
void rtmp_chunk_writer_clear(struct rtmp_chunk_writer *writer);
/* Queues a message; the payload is referenced. Headers are as short as the stream's history allows. */
void rtmp_chunk_writer_put(struct rtmp_chunk_writer *writer, unsigned csid,
                           const struct rtmp_message *message);
/* The same for a payload that is no GBytes; message->payload is not looked at. */
void rtmp_chunk_writer_put_payload(struct rtmp_chunk_writer *writer, unsigned csid,
                                   const struct rtmp_message *message,
                                   const struct rtmp_payload *take_payload);
/* Queues bytes as they are (the handshake). */
void rtmp_chunk_writer_put_raw(struct rtmp_chunk_writer *writer, const void *data, size_t size);
/* Says Set Chunk Size to the peer and cuts the messages after it so. */
void rtmp_chunk_writer_set_chunk_bytes(struct rtmp_chunk_writer *writer, uint32_t chunk_bytes);
/* Fills up to max iovecs with what is to be sent next; they stay valid until advance or put. Returns how
 * many. */
unsigned rtmp_chunk_writer_peek(struct rtmp_chunk_writer *writer, struct iovec *iov, unsigned max);
/* `bytes` of what peek gave are sent. */
void rtmp_chunk_writer_advance(struct rtmp_chunk_writer *writer, size_t bytes);
size_t rtmp_chunk_writer_pending(const struct rtmp_chunk_writer *writer);
