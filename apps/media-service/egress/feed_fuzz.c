/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a router may send: messages of any type, time and body. Before each body come what else happens (a
 * byte: a connection begins or ends, on either side, the destination is behind), the message's type, its
 * timestamp in four bytes and the body's length in two. Whatever comes, each connection begins with time 0,
 * gets no time before that, and only bodies that came, untouched. */
#include "feed.h"
#include "fuzz_target.h"

struct sink {
    bool begins;
    const uint8_t *input, *input_end; /* what bodies are parts of */
};

static void on_output(const struct rtmp_message *message, void *user)
{
    struct sink *sink = user;
    gsize size;
    const uint8_t *body = g_bytes_get_data(message->payload, &size);
    g_assert_true(feed_kind_of(message) != FEED_NOTHING);
    g_assert_true(body >= sink->input && body + size <= sink->input_end);
    g_assert_cmpuint(message->timestamp_ms, <=, INT32_MAX);
    if (sink->begins)
        g_assert_cmpuint(message->timestamp_ms, ==, 0);
    sink->begins = false;
}

static void act(struct feed *feed, struct sink *sink, uint8_t what)
{
    if (what & 1)
        feed_input_begins(feed);
    if (what & 2) {
        feed_output_begins(feed);
        sink->begins = true;
    }
    if (what & 4)
        feed_output_ends(feed);
    if (what & 8)
        feed_set_backlog(feed, FEED_BACKLOG_MAX_BYTES + 1);
    if (what & 16)
        feed_set_backlog(feed, 0);
}

static void take_next(struct feed *feed, struct sink *sink, struct dub_reader *input, int64_t *now_ms)
{
    uint8_t what = dub_read_u8(input);
    struct rtmp_message message = {.type = dub_read_u8(input), .timestamp_ms = dub_read_be32(input)};
    gsize length = MIN((gsize)dub_read_be16(input), dub_reader_left(input));
    const uint8_t *bytes = dub_read_bytes(input, length);
    if (input->failed)
        return;
    g_autoptr(GBytes) body = g_bytes_new_static(bytes, length);
    message.payload = body;
    *now_ms += what;
    act(feed, sink, what);
    feed_take(feed, &message, *now_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sink sink = {.begins = true, .input = data, .input_end = data + size};
    struct dub_reader input = dub_reader_on(data, size);
    struct feed feed;
    int64_t now_ms = 0;
    feed_init(&feed, on_output, &sink);
    while (!input.failed && dub_reader_left(&input) > 0)
        take_next(&feed, &sink, &input, &now_ms);
    feed_clear(&feed);
    return 0;
}
