/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_rtmp_chunk.h"

#include "dubbing_rtmp_message.h"

#include <dubbing_bytes.h>
#include <string.h>

#define EXTENDED 0xFFFFFFu
#define FIRST_ROOM_BYTES (128u << 10) /* of a message, whatever length it claims */

/* What a chunk stream remembers between its chunks (section 5.3.1.2). */
struct in_stream {
    unsigned csid; /* the key in the table */
    uint8_t type;
    uint32_t stream_id;
    uint32_t length;
    uint32_t timestamp_ms;
    uint32_t delta_ms; /* added when a type 3 chunk starts a message */
    bool extended;     /* the last header of type 0, 1 or 2 had an extended timestamp */
    uint32_t extended_ms;
    bool started;          /* a header with length and type has been seen */
    bool inside;           /* a message has begun and is not complete */
    uint8_t *partial;      /* the reader's front_bytes, and what has come of it; NULL: nothing */
    uint32_t filled, room; /* bytes of it in partial, and for how many there is memory: what is counted */
};

static void free_stream(gpointer data)
{
    struct in_stream *stream = data;
    g_free(stream->partial);
    g_free(stream);
}

void rtmp_message_clear(struct rtmp_message *message)
{
    g_clear_pointer(&message->payload, g_bytes_unref);
}

void rtmp_chunk_reader_init(struct rtmp_chunk_reader *reader)
{
    memset(reader, 0, sizeof *reader);
    reader->streams = g_hash_table_new_full(g_int_hash, g_int_equal, NULL, free_stream);
    reader->chunk_bytes = RTMP_DEFAULT_CHUNK_BYTES;
    reader->max_message_bytes = RTMP_MAX_MESSAGE_BYTES;
    reader->max_partial_bytes = RTMP_MAX_PARTIAL_BYTES;
}

void rtmp_chunk_reader_clear(struct rtmp_chunk_reader *reader)
{
    g_clear_pointer(&reader->streams, g_hash_table_unref);
    memset(reader->usual, 0, sizeof reader->usual);
    reader->current = NULL;
}

static size_t basic_header_bytes(uint8_t first)
{
    unsigned low = first & 0x3f;
    return low == 0 ? 2 : low == 1 ? 3 : 1;
}

static unsigned read_csid(struct dub_reader *reader, uint8_t first)
{
    unsigned low = first & 0x3f;
    if (low > 1)
        return low;
    unsigned csid = 64u + dub_read_u8(reader);
    return low == 0 ? csid : csid + 256u * dub_read_u8(reader);
}

static struct in_stream *find_stream(struct rtmp_chunk_reader *reader, unsigned csid)
{
    return csid < RTMP_USUAL_CSIDS ? reader->usual[csid] : g_hash_table_lookup(reader->streams, &csid);
}

/* How many bytes the header that begins with `fill` bytes needs, as far as they tell; asked again as they
 * come. */
static size_t header_need(struct rtmp_chunk_reader *reader)
{
    static const size_t message_header_bytes[] = {11, 7, 3, 0};
    if (reader->header_fill == 0)
        return 1;
    unsigned format = reader->header[0] >> 6;
    size_t basic = basic_header_bytes(reader->header[0]);
    size_t plain = basic + message_header_bytes[format];
    if (reader->header_fill < plain)
        return plain;
    struct dub_reader bytes = dub_reader_on(reader->header, plain);
    dub_reader_skip(&bytes, 1);
    unsigned csid = read_csid(&bytes, reader->header[0]);
    const struct in_stream *stream = find_stream(reader, csid);
    bool extended = format == 3 ? stream != NULL && stream->extended : dub_read_be24(&bytes) == EXTENDED;
    return extended ? plain + 4 : plain;
}

/* The bytes that were taken for something else come first. */
static bool next_byte(struct rtmp_chunk_reader *reader, const uint8_t **data, size_t *size, uint8_t *byte)
{
    if (reader->pushed_fill > 0) {
        *byte = reader->pushed[0];
        memmove(reader->pushed, reader->pushed + 1, --reader->pushed_fill);
        return true;
    }
    if (*size == 0)
        return false;
    *byte = *(*data)++;
    (*size)--;
    return true;
}

/* Some encoders repeat an extended timestamp in chunks of type 3 (as section 5.3.1.3 has it), others do not:
 * what stands there tells. Bytes that are not the timestamp are payload; they go back. */
static bool is_not_repeated(struct rtmp_chunk_reader *reader)
{
    size_t basic = basic_header_bytes(reader->header[0]);
    if (reader->header[0] >> 6 != 3 || reader->header_fill <= basic)
        return false;
    struct dub_reader bytes = dub_reader_on(reader->header, basic);
    dub_reader_skip(&bytes, 1);
    const struct in_stream *stream = find_stream(reader, read_csid(&bytes, reader->header[0]));
    size_t extra = reader->header_fill - basic;
    if (reader->header[reader->header_fill - 1] == (uint8_t)(stream->extended_ms >> (8 * (4 - extra))))
        return false;
    memmove(reader->pushed + extra, reader->pushed, reader->pushed_fill);
    memcpy(reader->pushed, reader->header + basic, extra);
    reader->pushed_fill += extra;
    reader->header_fill = basic;
    return true;
}

static bool collect_header(struct rtmp_chunk_reader *reader, const uint8_t **data, size_t *size)
{
    for (size_t need = header_need(reader); reader->header_fill < need;) {
        if (!next_byte(reader, data, size, &reader->header[reader->header_fill]))
            return false;
        reader->header_fill++;
        if (is_not_repeated(reader))
            return true;
        if (reader->header_fill == need) /* what has come may ask for more */
            need = header_need(reader);
    }
    return true;
}

static struct in_stream *get_stream(struct rtmp_chunk_reader *reader, unsigned csid, struct dub_error *error)
{
    struct in_stream *stream = find_stream(reader, csid);
    if (stream != NULL)
        return stream;
    if (g_hash_table_size(reader->streams) >= RTMP_MAX_CHUNK_STREAMS) {
        dub_error_set(error, DUB_ERROR_LIMIT, "more than %d chunk streams", RTMP_MAX_CHUNK_STREAMS);
        return NULL;
    }
    stream = g_new0(struct in_stream, 1);
    stream->csid = csid;
    g_hash_table_insert(reader->streams, &stream->csid, stream);
    if (csid < RTMP_USUAL_CSIDS)
        reader->usual[csid] = stream;
    return stream;
}

/* A new message: the header's fields, or what the last header of the stream said (section 5.3.1.2.4). */
static bool begin_message(const struct rtmp_chunk_reader *reader, struct in_stream *stream, unsigned format,
                          uint32_t time, struct dub_reader *rest, struct dub_error *error)
{
    if (format >= 2 && !stream->started) {
        dub_error_set(error, DUB_ERROR_PROTOCOL, "chunk stream %u starts with a type %u header", stream->csid,
                      format);
        return false;
    }
    if (format <= 1) {
        stream->length = dub_read_be24(rest);
        stream->type = dub_read_u8(rest);
        stream->started = true;
    }
    if (format == 0)
        stream->stream_id = dub_read_le32(rest);
    if (format <= 2)
        stream->delta_ms = time;
    stream->timestamp_ms = format == 0 ? time : stream->timestamp_ms + stream->delta_ms;
    if (stream->length > reader->max_message_bytes) {
        dub_error_set(error, DUB_ERROR_LIMIT, "a message of %u bytes, at most %u are taken", stream->length,
                      reader->max_message_bytes);
        return false;
    }
    stream->inside = true;
    return true;
}

/* The extended timestamp stands behind everything else (section 5.3.1.3). */
static uint32_t extended_time(const struct rtmp_chunk_reader *reader)
{
    struct dub_reader tail = dub_reader_on(reader->header + reader->header_fill - 4, 4);
    return dub_read_be32(&tail);
}

static bool parse_header(struct rtmp_chunk_reader *reader, struct dub_error *error)
{
    struct dub_reader bytes = dub_reader_on(reader->header, reader->header_fill);
    uint8_t first = dub_read_u8(&bytes);
    unsigned format = first >> 6;
    struct in_stream *stream = get_stream(reader, read_csid(&bytes, first), error);
    if (stream == NULL)
        return false;
    if (stream->inside && format != 3)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "chunk stream %u: a type %u header inside a message",
                             stream->csid, format);
    uint32_t time = 0;
    if (format != 3) {
        time = dub_read_be24(&bytes);
        stream->extended = time == EXTENDED;
        time = stream->extended ? extended_time(reader) : time;
        stream->extended_ms = time;
    }
    if (!stream->inside && !begin_message(reader, stream, format, time, &bytes, error))
        return false;
    reader->current = stream;
    reader->chunk_left = MIN(reader->chunk_bytes, stream->length - stream->filled);
    reader->header_fill = 0;
    return true;
}

/* The buffer grows with what comes, and ends up with the size of the message. */
static bool make_room(struct rtmp_chunk_reader *reader, struct in_stream *stream, uint32_t bytes,
                      struct dub_error *error)
{
    uint32_t wanted = MAX(FIRST_ROOM_BYTES, MAX(bytes, 2 * stream->room));
    uint32_t room = MIN(wanted, stream->length);
    if (reader->partial_bytes + (room - stream->room) > reader->max_partial_bytes)
        return dub_error_set(error, DUB_ERROR_LIMIT, "more than %zu bytes of unfinished messages",
                             reader->max_partial_bytes);
    reader->partial_bytes += room - stream->room;
    stream->room = room;
    stream->partial = g_realloc(stream->partial, MAX(reader->front_bytes + room, 1));
    return true;
}

static bool append(struct rtmp_chunk_reader *reader, const uint8_t *data, uint32_t size,
                   struct dub_error *error)
{
    struct in_stream *stream = reader->current;
    if ((stream->partial == NULL || stream->filled + size > stream->room) &&
        !make_room(reader, stream, stream->filled + size, error))
        return false;
    if (size > 0)
        memcpy(stream->partial + reader->front_bytes + stream->filled, data, size);
    stream->filled += size;
    reader->chunk_left -= size;
    return true;
}

static bool take_payload(struct rtmp_chunk_reader *reader, const uint8_t **data, size_t *size,
                         struct dub_error *error)
{
    uint8_t byte;
    while (reader->pushed_fill > 0 && reader->chunk_left > 0 && next_byte(reader, data, size, &byte))
        if (!append(reader, &byte, 1, error))
            return false;
    size_t n = MIN(*size, reader->chunk_left);
    if (!append(reader, *data, (uint32_t)n, error))
        return false;
    *data += n;
    *size -= n;
    return true;
}

static void leave_message(struct rtmp_chunk_reader *reader, struct in_stream *stream)
{
    reader->partial_bytes -= stream->room;
    g_clear_pointer(&stream->partial, g_free);
    stream->inside = false;
    stream->filled = stream->room = 0;
}

/* The caller's message; its stream is between messages again. */
static void finish_message(struct rtmp_chunk_reader *reader, struct rtmp_raw_message *message)
{
    struct in_stream *stream = reader->current;
    message->type = stream->type;
    message->stream_id = stream->stream_id;
    message->timestamp_ms = stream->timestamp_ms;
    message->memory = g_steal_pointer(&stream->partial);
    message->size = stream->filled;
    leave_message(reader, stream);
}

static bool set_chunk_bytes(struct rtmp_chunk_reader *reader, uint32_t value, struct dub_error *error)
{
    if (value == 0 || value > INT32_MAX)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "Set Chunk Size to %u", value);
    reader->chunk_bytes = MIN(value, RTMP_MAX_CHUNK_BYTES);
    return true;
}

static void abort_message(struct rtmp_chunk_reader *reader, uint32_t csid)
{
    struct in_stream *stream = find_stream(reader, csid);
    if (stream != NULL && stream->inside)
        leave_message(reader, stream);
}

/* The two messages that change the chunk stream itself (section 5.4.1, 5.4.2). */
static bool apply_control(struct rtmp_chunk_reader *reader, const struct rtmp_raw_message *message,
                          struct dub_error *error)
{
    struct dub_reader bytes = dub_reader_on(message->memory + reader->front_bytes, message->size);
    uint32_t value = dub_read_be32(&bytes);
    if (bytes.failed)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "a control message of %u bytes", message->size);
    if (message->type == RTMP_SET_CHUNK_SIZE)
        return set_chunk_bytes(reader, value, error);
    abort_message(reader, value);
    return true;
}

/* Takes the rest of the current chunk; *complete says whether that ended a message. */
static bool receive_chunk(struct rtmp_chunk_reader *reader, const uint8_t **data, size_t *size,
                          bool *complete, struct dub_error *error)
{
    if (!take_payload(reader, data, size, error))
        return false;
    *complete = reader->chunk_left == 0 && reader->current->filled == reader->current->length;
    return true;
}

static bool is_chunk_control(uint8_t type)
{
    return type == RTMP_SET_CHUNK_SIZE || type == RTMP_ABORT;
}

enum rtmp_chunk_result rtmp_chunk_reader_receive_raw(struct rtmp_chunk_reader *reader, const uint8_t **data,
                                                     size_t *size, struct rtmp_raw_message *message,
                                                     struct dub_error *error)
{
    for (;;) {
        bool complete = false;
        if (reader->current == NULL) {
            if (!collect_header(reader, data, size))
                return RTMP_CHUNK_MORE;
            if (!parse_header(reader, error))
                return RTMP_CHUNK_ERROR;
        }
        if (!receive_chunk(reader, data, size, &complete, error))
            return RTMP_CHUNK_ERROR;
        if (reader->chunk_left > 0)
            return RTMP_CHUNK_MORE;
        if (complete)
            finish_message(reader, message);
        reader->current = NULL;
        if (complete && !is_chunk_control(message->type))
            return RTMP_CHUNK_MESSAGE;
        bool fine = !complete || apply_control(reader, message, error);
        if (complete)
            g_clear_pointer(&message->memory, g_free);
        if (!fine)
            return RTMP_CHUNK_ERROR;
    }
}

void rtmp_raw_message_wrap(const struct rtmp_chunk_reader *reader, struct rtmp_raw_message *take_raw,
                           struct rtmp_message *message)
{
    uint8_t *memory = g_steal_pointer(&take_raw->memory);
    message->type = take_raw->type;
    message->stream_id = take_raw->stream_id;
    message->timestamp_ms = take_raw->timestamp_ms;
    message->payload =
        g_bytes_new_with_free_func(memory + reader->front_bytes, take_raw->size, g_free, memory);
}

enum rtmp_chunk_result rtmp_chunk_reader_receive(struct rtmp_chunk_reader *reader, const uint8_t **data,
                                                 size_t *size, struct rtmp_message *message,
                                                 struct dub_error *error)
{
    struct rtmp_raw_message raw = {0};
    enum rtmp_chunk_result result = rtmp_chunk_reader_receive_raw(reader, data, size, &raw, error);
    if (result == RTMP_CHUNK_MESSAGE)
        rtmp_raw_message_wrap(reader, &raw, message);
    return result;
}
