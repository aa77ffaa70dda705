/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "router_flow.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define HANDSHAKE_BYTES 1536
#define OUT_CHUNK_BYTES 65536u
#define RECEIVE_BYTES (256 * 1024)
#define BLOCK_BYTES (1u << 20) /* longer than any message */
#define BLOCK_STARTS 65536u

enum { SET_CHUNK_SIZE = 1, AUDIO = 8, VIDEO = 9, DATA = 18, COMMAND = 20 };

static const char mark[8] = "DUBLOAD1";

int64_t flow_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The bytes of message `number` behind its head. */
static const uint8_t *block_of(uint64_t number)
{
    static uint8_t *block;
    if (block == NULL) {
        uint32_t state = 12345;
        block = g_malloc(BLOCK_BYTES + BLOCK_STARTS);
        for (size_t i = 0; i < BLOCK_BYTES + BLOCK_STARTS; i++) {
            state = state * 1664525u + 1013904223u;
            block[i] = (uint8_t)(state >> 24);
        }
    }
    return block + number * 7919 % BLOCK_STARTS;
}

static void put(GByteArray *to, unsigned bytes, uint64_t value)
{
    while (bytes-- > 0)
        g_byte_array_append(to, (const uint8_t[]){(uint8_t)(value >> (8 * bytes))}, 1);
}

static void put_string(GByteArray *to, const char *text)
{
    put(to, 2, strlen(text));
    g_byte_array_append(to, (const uint8_t *)text, (guint)strlen(text));
}

static void put_amf_string(GByteArray *to, const char *text)
{
    put(to, 1, 2);
    put_string(to, text);
}

static void put_amf_number(GByteArray *to, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    put(to, 1, 0);
    put(to, 8, bits);
}

/* A message of one chunk, with a full header. */
static void put_message(GByteArray *out, unsigned csid, uint8_t type, uint32_t stream_id,
                        const GByteArray *body)
{
    put(out, 1, csid);
    put(out, 3, 0);
    put(out, 3, body->len);
    put(out, 1, type);
    put(out, 4, GUINT32_SWAP_LE_BE(stream_id));
    g_byte_array_append(out, body->data, body->len);
}

static GByteArray *command_body(const char *name, double transaction)
{
    GByteArray *body = g_byte_array_new();
    put_amf_string(body, name);
    put_amf_number(body, transaction);
    return body;
}

void flow_flush(struct flow *flow)
{
    while (flow->out->len > 0) {
        ssize_t n = send(flow->fd, flow->out->data, flow->out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0)
            return;
        g_byte_array_remove_range(flow->out, 0, (guint)n);
    }
}

static void send_connect(struct flow *flow)
{
    g_autoptr(GByteArray) size = g_byte_array_new();
    g_autoptr(GByteArray) body = command_body("connect", 1);
    put(size, 4, OUT_CHUNK_BYTES);
    put(body, 1, 3);
    put_string(body, "app");
    put_amf_string(body, flow->app);
    put_string(body, "tcUrl");
    g_autofree char *url = g_strdup_printf("rtmp://127.0.0.1/%s", flow->app);
    put_amf_string(body, url);
    put(body, 3, 9);
    put_message(flow->out, 2, SET_CHUNK_SIZE, 0, size);
    put_message(flow->out, 3, COMMAND, 0, body);
}

static void send_create(struct flow *flow)
{
    g_autoptr(GByteArray) body = command_body("createStream", 2);
    put(body, 1, 5);
    put_message(flow->out, 3, COMMAND, 0, body);
}

static void send_start(struct flow *flow)
{
    g_autoptr(GByteArray) body = command_body(flow->role == FLOW_PUBLISH ? "publish" : "play", 3);
    put(body, 1, 5);
    put_amf_string(body, flow->key);
    put_message(flow->out, 3, COMMAND, 1, body);
}

/* What makes a path ready: metadata of both tracks and their sequence headers. */
static void send_stream_head(struct flow *flow)
{
    static const uint8_t avc[] = {0x17, 0, 0,    0,    0, 1,    0x64, 0, 0x1f, 0xff, 0xe1,
                                  0,    4, 0x67, 0x64, 0, 0x1f, 1,    0, 2,    0x68, 0xee};
    static const uint8_t aac[] = {0xaf, 0, 0x11, 0x90};
    g_autoptr(GByteArray) metadata = g_byte_array_new();
    g_autoptr(GByteArray) video = g_byte_array_new();
    g_autoptr(GByteArray) audio = g_byte_array_new();
    put_amf_string(metadata, "@setDataFrame");
    put_amf_string(metadata, "onMetaData");
    put(metadata, 1, 3);
    put_string(metadata, "videocodecid");
    put_amf_number(metadata, 7);
    put_string(metadata, "audiocodecid");
    put_amf_number(metadata, 10);
    put(metadata, 3, 9);
    g_byte_array_append(video, avc, sizeof avc);
    g_byte_array_append(audio, aac, sizeof aac);
    put_message(flow->out, 5, DATA, 1, metadata);
    put_message(flow->out, 6, VIDEO, 1, video);
    put_message(flow->out, 4, AUDIO, 1, audio);
}

void flow_open(struct flow *flow, enum flow_role role, const struct sockaddr_in *server, const char *app,
               const char *key)
{
    const int yes = 1;
    flow->role = role;
    flow->state = FLOW_HANDSHAKE;
    flow->app = g_strdup(app);
    flow->key = g_strdup(key);
    flow->connected_ns = flow_now_ns();
    flow->out = g_byte_array_new();
    flow->in = g_byte_array_new();
    flow->in_chunk_bytes = 128;
    flow->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (flow->fd < 0 || connect(flow->fd, (const struct sockaddr *)server, sizeof *server) != 0)
        flow->state = FLOW_CLOSED;
    if (flow->fd < 0)
        g_error("no socket: %s", g_strerror(errno));
    setsockopt(flow->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    g_byte_array_set_size(flow->out, 1 + HANDSHAKE_BYTES);
    memset(flow->out->data, 0, flow->out->len);
    flow->out->data[0] = 3;
    flow_flush(flow);
}

void flow_close(struct flow *flow)
{
    if (flow->fd >= 0)
        close(flow->fd);
    flow->fd = -1;
    flow->state = FLOW_CLOSED;
    g_clear_pointer(&flow->app, g_free);
    g_clear_pointer(&flow->key, g_free);
    g_clear_pointer(&flow->out, g_byte_array_unref);
    g_clear_pointer(&flow->in, g_byte_array_unref);
}

/* S0 S1 S2, cut off or not; how much of `data` it was. */
static size_t take_handshake(struct flow *flow, const uint8_t *data, size_t size)
{
    size_t n = MIN(size, 1 + 2 * HANDSHAKE_BYTES - flow->in->len);
    g_byte_array_append(flow->in, data, (guint)n);
    if (flow->in->len < 1 + 2 * HANDSHAKE_BYTES)
        return n;
    g_byte_array_append(flow->out, flow->in->data + 1, HANDSHAKE_BYTES);
    g_byte_array_set_size(flow->in, 0);
    send_connect(flow);
    flow->state = FLOW_CONNECTING;
    return n;
}

static uint32_t be24(const uint8_t *at)
{
    return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

static uint64_t be64(const uint8_t *at)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | at[i];
    return value;
}

/* Takes a chunk header from data; 0: cut off. Only one-byte basic headers: both servers use them for all. */
static size_t take_header(struct flow *flow, const uint8_t *data, size_t size)
{
    static const size_t plain[] = {12, 8, 4, 1};
    unsigned format = size > 0 ? data[0] >> 6 : 0;
    struct flow_in *stream = &flow->streams[size > 0 ? data[0] & 0x3f : 0];
    size_t need = plain[format];
    if (size < need)
        return 0;
    bool extended = format == 3 ? stream->extended : be24(data + 1) == 0xffffff;
    if (size < need + (extended ? 4 : 0))
        return 0;
    stream->extended = extended;
    if (format <= 1) {
        stream->length = be24(data + 4);
        stream->type = data[7];
    }
    if (stream->filled == 0)
        stream->is_whole = true;
    flow->current = data[0] & 0x3f;
    flow->chunk_left = MIN(flow->in_chunk_bytes, stream->length - stream->filled);
    return need + (extended ? 4 : 0);
}

/* Compares a slice of the payload with what the number in its head says. */
static void check_slice(struct flow_in *stream, const uint8_t *data, size_t size)
{
    size_t skip = stream->filled < FLOW_HEAD_BYTES ? MIN(size, FLOW_HEAD_BYTES - stream->filled) : 0;
    memcpy(stream->head + MIN(stream->filled, FLOW_HEAD_BYTES - skip), data, skip);
    if (size == skip || (stream->type != AUDIO && stream->type != VIDEO))
        return;
    size_t at = stream->filled + skip - FLOW_HEAD_BYTES;
    const uint8_t *expected = block_of(be64(stream->head + 13));
    if (stream->length > BLOCK_BYTES || memcmp(data + skip, expected + at, size - skip) != 0)
        stream->is_whole = false;
}

static void on_media(struct flow *flow, const struct flow_in *stream)
{
    if (stream->length < FLOW_HEAD_BYTES || stream->head[1] == 0) /* a sequence header */
        return;
    struct flow_seen seen = {.kind = stream->type == VIDEO ? FLOW_VIDEO : FLOW_AUDIO,
                             .is_key = stream->head[0] == 0x17,
                             .is_whole = stream->is_whole && memcmp(stream->head + 5, mark, sizeof mark) == 0,
                             .number = be64(stream->head + 13),
                             .sent_ns = (int64_t)be64(stream->head + 21)};
    flow->state = FLOW_RUNNING;
    if (flow->seen != NULL)
        flow->seen(flow, &seen, flow->user);
}

/* Only the order of answers matters: each state waits for one. */
static void on_command(struct flow *flow, const struct flow_in *stream)
{
    bool is_result = memcmp(stream->head, "\2\0\7_result", 10) == 0;
    bool is_status = memcmp(stream->head, "\2\0\10onStatus", 11) == 0;
    if (flow->state == FLOW_CONNECTING && is_result) {
        send_create(flow);
        flow->state = FLOW_CREATING;
    } else if (flow->state == FLOW_CREATING && is_result) {
        send_start(flow);
        flow->state = FLOW_STARTING;
    } else if (flow->state == FLOW_STARTING && is_status && flow->role == FLOW_PUBLISH) {
        send_stream_head(flow);
        flow->state = FLOW_RUNNING;
    }
}

static void on_message(struct flow *flow, const struct flow_in *stream)
{
    if (stream->type == AUDIO || stream->type == VIDEO)
        on_media(flow, stream);
    else if (stream->type == COMMAND && stream->length >= 11)
        on_command(flow, stream);
    else if (stream->type == SET_CHUNK_SIZE && stream->length == 4)
        flow->in_chunk_bytes = (uint32_t)stream->head[0] << 24 | be24(stream->head + 1);
}

static size_t take_payload(struct flow *flow, const uint8_t *data, size_t size)
{
    struct flow_in *stream = &flow->streams[flow->current];
    size_t n = MIN(size, flow->chunk_left);
    check_slice(stream, data, n);
    stream->filled += (uint32_t)n;
    flow->chunk_left -= (uint32_t)n;
    if (stream->filled == stream->length) {
        stream->filled = 0;
        on_message(flow, stream);
    }
    return n;
}

/* How much was understood; the rest is the beginning of a header. */
static size_t take_chunks(struct flow *flow, const uint8_t *data, size_t size)
{
    size_t at = 0;
    while (at < size) {
        size_t n = flow->chunk_left > 0 ? take_payload(flow, data + at, size - at)
                                        : take_header(flow, data + at, size - at);
        if (n == 0)
            break;
        at += n;
    }
    return at;
}

static void take(struct flow *flow, const uint8_t *data, size_t size)
{
    if (flow->state == FLOW_HANDSHAKE) {
        size_t n = take_handshake(flow, data, size);
        data += n;
        size -= n;
    }
    if (size == 0)
        return;
    size_t used = take_chunks(flow, data, size);
    if (used < size)
        g_byte_array_append(flow->in, data + used, (guint)(size - used));
}

bool flow_receive(struct flow *flow)
{
    static uint8_t buffer[RECEIVE_BYTES];
    size_t kept = flow->state == FLOW_HANDSHAKE ? 0 : flow->in->len;
    ssize_t n = recv(flow->fd, buffer + kept, sizeof buffer - kept, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0) {
        flow->state = FLOW_CLOSED;
        return false;
    }
    if (kept > 0) {
        memcpy(buffer, flow->in->data, kept);
        g_byte_array_set_size(flow->in, 0);
    }
    take(flow, buffer, kept + (size_t)n);
    flow_flush(flow);
    return true;
}

static void put_be(uint8_t *at, unsigned bytes, uint64_t value)
{
    while (bytes-- > 0)
        *at++ = (uint8_t)(value >> (8 * bytes));
}

/* Chunk header, FLV tag header and marks: all that is not the shared block. */
static size_t write_head(uint8_t *at, enum flow_kind kind, bool is_key, uint32_t timestamp_ms, uint32_t bytes,
                         uint64_t number)
{
    const bool extended = timestamp_ms >= 0xffffff;
    *at = kind == FLOW_VIDEO ? 6 : 4;
    put_be(at + 1, 3, extended ? 0xffffff : timestamp_ms);
    put_be(at + 4, 3, bytes);
    at[7] = kind == FLOW_VIDEO ? VIDEO : AUDIO;
    put_be(at + 8, 4, 0x01000000);
    if (extended)
        put_be(at + 12, 4, timestamp_ms);
    size_t header = extended ? 16 : 12;
    uint8_t *tag = at + header;
    memset(tag, 0, 5);
    tag[0] = kind == FLOW_AUDIO ? 0xaf : is_key ? 0x17 : 0x27;
    tag[1] = 1;
    memcpy(tag + 5, mark, sizeof mark);
    put_be(tag + 13, 8, number);
    put_be(tag + 21, 8, (uint64_t)flow_now_ns());
    return header + FLOW_HEAD_BYTES;
}

static void send_parts(struct flow *flow, struct iovec *parts, unsigned count)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t n = flow->out->len > 0 ? 0 : sendmsg(flow->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    size_t sent = n > 0 ? (size_t)n : 0;
    for (unsigned i = 0; i < count; i++) {
        size_t skip = MIN(sent, parts[i].iov_len);
        sent -= skip;
        g_byte_array_append(flow->out, (const uint8_t *)parts[i].iov_base + skip,
                            (guint)(parts[i].iov_len - skip));
    }
}

/* The first chunk has the head in it; later ones begin with one byte of header. */
void flow_send(struct flow *flow, enum flow_kind kind, bool is_key, uint32_t timestamp_ms, uint32_t bytes)
{
    enum { MAX_PARTS = 2 + 2 * (BLOCK_BYTES / OUT_CHUNK_BYTES) };
    uint64_t number = flow->sent[kind]++;
    uint8_t head[16 + FLOW_HEAD_BYTES];
    uint8_t next[5];
    struct iovec parts[MAX_PARTS];
    size_t header = write_head(head, kind, is_key, timestamp_ms, bytes, number);
    uint8_t *block = (uint8_t *)(uintptr_t)block_of(number);
    size_t left = bytes - FLOW_HEAD_BYTES;
    size_t room = OUT_CHUNK_BYTES - FLOW_HEAD_BYTES;
    unsigned count = 0;
    next[0] = kind == FLOW_VIDEO ? 0xc6 : 0xc4;
    put_be(next + 1, 4, timestamp_ms);
    parts[count++] = (struct iovec){head, header};
    for (; left > 0; room = OUT_CHUNK_BYTES) {
        size_t n = MIN(left, room);
        parts[count++] = (struct iovec){block, n};
        block += n;
        left -= n;
        if (left > 0)
            parts[count++] = (struct iovec){next, timestamp_ms >= 0xffffff ? 5 : 1};
    }
    send_parts(flow, parts, count);
}
