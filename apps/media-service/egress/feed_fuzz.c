/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a router may send: pieces of any length, each taken for a tag. The first byte of each piece says what
 * else happens (a connection begins or ends, on either side, the destination is behind), the next two its
 * length. Whatever comes, each connection begins with the file header, gets whole tags and no time before its
 * own. */
#include "feed.h"
#include "fuzz_target.h"

#include <string.h>

#define FILE_HEADER_BYTES 13

struct sink {
    bool expects_header;
};

static void on_output(GstBuffer *take_buffer, void *user)
{
    struct sink *sink = user;
    struct tag tag;
    gsize at;
    if (sink->expects_header)
        g_assert_cmpuint(gst_buffer_get_size(take_buffer), ==, FILE_HEADER_BYTES);
    else
        g_assert_true(tag_read(&tag, take_buffer, &at) && at == 0 && tag.time_ms <= INT32_MAX);
    sink->expects_header = false;
    gst_buffer_unref(take_buffer);
}

static void act(struct feed *feed, struct sink *sink, uint8_t what)
{
    if (what & 1)
        feed_input_begins(feed);
    if (what & 2) {
        feed_output_begins(feed);
        sink->expects_header = true;
    }
    if (what & 4)
        feed_output_ends(feed);
    if (what & 8)
        feed_set_backlog(feed, FEED_BACKLOG_MAX_BYTES + 1);
    if (what & 16)
        feed_set_backlog(feed, 0);
}

/* The sanitizers ask for them. GLib's constructor makes a table that is outgrown, for good, once GStreamer is
 * there; the stack that tells it from other leaks needs the slow unwinder. */
const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

const char *__asan_default_options(void)
{
    return "fast_unwind_on_malloc=0";
}

const char *__lsan_default_suppressions(void)
{
    return "leak:call_init\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sink sink = {.expects_header = true};
    struct feed feed;
    int64_t now_ms = 0;
    if (!gst_is_initialized())
        gst_init(NULL, NULL);
    feed_init(&feed, on_output, &sink);
    while (size > 3) {
        gsize length = MIN((gsize)(data[1] << 8 | data[2]), size - 3);
        act(&feed, &sink, data[0]);
        now_ms += data[0];
        if (length > 0) {
            g_autoptr(GstBuffer) buffer = gst_buffer_new_memdup(data + 3, length);
            feed_take(&feed, buffer, now_ms);
        }
        data += 3 + length;
        size -= 3 + length;
    }
    feed_clear(&feed);
    return 0;
}
