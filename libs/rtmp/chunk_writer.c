/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_rtmp_chunk.h"

#include "dubbing_rtmp_message.h"

#include <dubbing_bytes.h>
#include <string.h>

#define EXTENDED 0xFFFFFFu
#define MAX_CONTINUATION_BYTES 7 /* basic header 3, extended timestamp 4 */

/* The last header of a chunk stream, which the next one may be shortened against. */
struct out_stream {
    unsigned csid; /* the key in the table */
    uint8_t type;
    uint32_t stream_id;
    uint32_t length;
    uint32_t timestamp_ms;
    uint32_t delta_ms;
    bool
        has_delta; /* the last header was not of type 0: a type 3 header is understood the same by everyone */
};

/* On the wire: header, payload of one chunk, continuation, payload of one chunk, ... */
struct out_item {
    STAILQ_ENTRY(out_item) link; /* in the writer's queue */
    uint8_t header[RTMP_MAX_HEADER_BYTES];
    size_t header_bytes;
    uint8_t continuation[MAX_CONTINUATION_BYTES];
    size_t continuation_bytes;
    size_t chunk_bytes;
    struct rtmp_payload payload;
    size_t total_bytes;
    size_t sent_bytes;
};

/* Headers are built in place. */
struct header_writer {
    uint8_t *at;
};

static void put_be(struct header_writer *to, unsigned bytes, uint32_t value)
{
    while (bytes-- > 0)
        *to->at++ = (uint8_t)(value >> (8 * bytes));
}

static void put_basic(struct header_writer *to, unsigned format, unsigned csid)
{
    if (csid < 64) {
        put_be(to, 1, format << 6 | csid);
    } else if (csid < 320) {
        put_be(to, 1, format << 6);
        put_be(to, 1, csid - 64);
    } else {
        put_be(to, 1, format << 6 | 1);
        put_be(to, 1, (csid - 64) & 0xff);
        put_be(to, 1, (csid - 64) >> 8);
    }
}

/* Most writers have no more than one item at a time, and for each message one: the last is kept. */
static struct out_item *new_item(struct rtmp_chunk_writer *writer, const struct rtmp_payload *take_payload,
                                 size_t chunk_bytes)
{
    struct out_item *item =
        writer->spare != NULL ? g_steal_pointer(&writer->spare) : g_new(struct out_item, 1);
    item->header_bytes = item->continuation_bytes = 0;
    item->chunk_bytes = chunk_bytes;
    item->payload = *take_payload;
    item->sent_bytes = 0;
    return item;
}

static void drop_first(struct rtmp_chunk_writer *writer)
{
    struct out_item *item = STAILQ_FIRST(&writer->items);
    STAILQ_REMOVE_HEAD(&writer->items, link);
    item->payload.release(item->payload.owner);
    g_free(writer->spare);
    writer->spare = item;
}

void rtmp_chunk_writer_init(struct rtmp_chunk_writer *writer)
{
    memset(writer, 0, sizeof *writer);
    writer->streams = g_hash_table_new_full(g_int_hash, g_int_equal, NULL, g_free);
    STAILQ_INIT(&writer->items);
    writer->chunk_bytes = RTMP_DEFAULT_CHUNK_BYTES;
}

void rtmp_chunk_writer_clear(struct rtmp_chunk_writer *writer)
{
    g_clear_pointer(&writer->streams, g_hash_table_unref);
    memset(writer->usual, 0, sizeof writer->usual);
    while (!STAILQ_EMPTY(&writer->items))
        drop_first(writer);
    g_clear_pointer(&writer->spare, g_free);
    writer->pending_bytes = 0;
}

/* The shortest header that says the same (section 5.3.1.2). */
static unsigned choose_format(const struct out_stream *last, const struct rtmp_message *message,
                              uint32_t length)
{
    uint32_t delta = message->timestamp_ms - last->timestamp_ms;
    if (last->stream_id != message->stream_id || delta > INT32_MAX)
        return 0;
    if (last->length != length || last->type != message->type)
        return 1;
    return last->has_delta && last->delta_ms == delta ? 3 : 2;
}

static void remember(struct out_stream *stream, const struct rtmp_message *message, uint32_t length,
                     unsigned format)
{
    stream->has_delta = format != 0;
    stream->delta_ms = message->timestamp_ms - stream->timestamp_ms;
    stream->type = message->type;
    stream->stream_id = message->stream_id;
    stream->length = length;
    stream->timestamp_ms = message->timestamp_ms;
}

static void put_stream_id(struct header_writer *to, uint32_t stream_id)
{
    put_be(to, 4, GUINT32_SWAP_LE_BE(stream_id)); /* the one little-endian field of RTMP */
}

static void write_headers(struct out_item *item, unsigned csid, unsigned format, uint32_t time,
                          const struct rtmp_message *message)
{
    struct header_writer header = {item->header};
    struct header_writer continuation = {item->continuation};
    put_basic(&header, format, csid);
    put_basic(&continuation, 3, csid);
    if (format <= 2)
        put_be(&header, 3, MIN(time, EXTENDED));
    if (format <= 1) {
        put_be(&header, 3, item->payload.size);
        put_be(&header, 1, message->type);
    }
    if (format == 0)
        put_stream_id(&header, message->stream_id);
    if (time >= EXTENDED) {
        put_be(&header, 4, time);
        put_be(&continuation, 4, time);
    }
    item->header_bytes = (size_t)(header.at - item->header);
    item->continuation_bytes = (size_t)(continuation.at - item->continuation);
}

static void push_item(struct rtmp_chunk_writer *writer, struct out_item *item)
{
    size_t payload = item->payload.size;
    size_t chunks = payload == 0 ? 1 : (payload + item->chunk_bytes - 1) / item->chunk_bytes;
    item->total_bytes = item->header_bytes + payload + (chunks - 1) * item->continuation_bytes;
    writer->pending_bytes += item->total_bytes;
    STAILQ_INSERT_TAIL(&writer->items, item, link);
}

static struct out_stream *find_stream(const struct rtmp_chunk_writer *writer, unsigned csid)
{
    return csid < RTMP_USUAL_CSIDS ? writer->usual[csid] : g_hash_table_lookup(writer->streams, &csid);
}

static struct out_stream *add_stream(struct rtmp_chunk_writer *writer, unsigned csid)
{
    struct out_stream *stream = g_new0(struct out_stream, 1);
    stream->csid = csid;
    g_hash_table_insert(writer->streams, &stream->csid, stream);
    if (csid < RTMP_USUAL_CSIDS)
        writer->usual[csid] = stream;
    return stream;
}

void rtmp_chunk_writer_put_payload(struct rtmp_chunk_writer *writer, unsigned csid,
                                   const struct rtmp_message *message,
                                   const struct rtmp_payload *take_payload)
{
    struct out_stream *stream = find_stream(writer, csid);
    unsigned format = 0;
    if (stream == NULL)
        stream = add_stream(writer, csid);
    else
        format = choose_format(stream, message, take_payload->size);
    remember(stream, message, take_payload->size, format);
    struct out_item *item = new_item(writer, take_payload, writer->chunk_bytes);
    write_headers(item, csid, format, format == 0 ? message->timestamp_ms : stream->delta_ms, message);
    push_item(writer, item);
}

static void unref_bytes(gpointer bytes)
{
    g_bytes_unref(bytes);
}

void rtmp_chunk_writer_put(struct rtmp_chunk_writer *writer, unsigned csid,
                           const struct rtmp_message *message)
{
    gsize size;
    const uint8_t *data = g_bytes_get_data(message->payload, &size);
    const struct rtmp_payload payload = {data, (uint32_t)size, g_bytes_ref(message->payload), unref_bytes};
    rtmp_chunk_writer_put_payload(writer, csid, message, &payload);
}

void rtmp_chunk_writer_put_raw(struct rtmp_chunk_writer *writer, const void *data, size_t size)
{
    uint8_t *copy = g_memdup2(data, size);
    const struct rtmp_payload payload = {copy, (uint32_t)size, copy, g_free};
    push_item(writer, new_item(writer, &payload, size + 1));
}

void rtmp_chunk_writer_set_chunk_bytes(struct rtmp_chunk_writer *writer, uint32_t chunk_bytes)
{
    g_autoptr(GByteArray) body = g_byte_array_new();
    dub_write_be32(body, chunk_bytes);
    g_autoptr(GBytes) payload = g_bytes_new(body->data, body->len);
    rtmp_chunk_writer_put(writer, RTMP_CONTROL_CSID,
                          &(struct rtmp_message){.type = RTMP_SET_CHUNK_SIZE, .payload = payload});
    writer->chunk_bytes = chunk_bytes;
}

/* The contiguous bytes of the item that begin at `offset` of its wire form. */
static struct iovec item_part(struct out_item *item, size_t offset)
{
    if (offset < item->header_bytes)
        return (struct iovec){item->header + offset, item->header_bytes - offset};
    size_t unit = item->chunk_bytes + item->continuation_bytes;
    size_t chunk = (offset - item->header_bytes) / unit;
    size_t in_unit = (offset - item->header_bytes) % unit;
    if (in_unit >= item->chunk_bytes) {
        size_t at = in_unit - item->chunk_bytes;
        return (struct iovec){item->continuation + at, item->continuation_bytes - at};
    }
    size_t at = chunk * item->chunk_bytes + in_unit;
    size_t length = MIN(item->chunk_bytes - in_unit, item->payload.size - at);
    return (struct iovec){(void *)(item->payload.data + at), length};
}

unsigned rtmp_chunk_writer_peek(struct rtmp_chunk_writer *writer, struct iovec *iov, unsigned max)
{
    unsigned n = 0;
    for (struct out_item *item = STAILQ_FIRST(&writer->items); item != NULL && n < max;
         item = STAILQ_NEXT(item, link))
        for (size_t at = item->sent_bytes; at < item->total_bytes && n < max; at += iov[n++].iov_len)
            iov[n] = item_part(item, at);
    return n;
}

void rtmp_chunk_writer_advance(struct rtmp_chunk_writer *writer, size_t bytes)
{
    writer->pending_bytes -= bytes;
    while (bytes > 0) {
        struct out_item *item = STAILQ_FIRST(&writer->items);
        size_t n = MIN(bytes, item->total_bytes - item->sent_bytes);
        item->sent_bytes += n;
        bytes -= n;
        if (item->sent_bytes == item->total_bytes)
            drop_first(writer);
    }
}

size_t rtmp_chunk_writer_pending(const struct rtmp_chunk_writer *writer)
{
    return writer->pending_bytes;
}
