/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "feed.h"

static const uint8_t file_header[] = {'F', 'L', 'V', 1, 0x05 /* sound and picture */, 0, 0, 0, 9, 0, 0, 0, 0};

/* Modulo 2^32, so that the wrap after 49.7 days is no step. */
static int32_t difference(uint32_t left_ms, uint32_t right_ms)
{
    return (int32_t)(left_ms - right_ms);
}

void feed_init(struct feed *feed, feed_output output, void *user)
{
    *feed = (struct feed){.output = output, .user = user};
}

static void forget_headers(struct feed *feed)
{
    for (unsigned i = 0; i < FEED_HEADERS; i++)
        gst_clear_buffer(&feed->headers[i]);
}

void feed_clear(struct feed *feed)
{
    forget_headers(feed);
}

void feed_input_begins(struct feed *feed)
{
    forget_headers(feed);
    feed->input_placed = false;
    feed->has_picture = false;
    feed->open = false;
}

void feed_output_begins(struct feed *feed)
{
    feed->connected = true;
    feed->begun = feed->open = feed->held = false;
}

void feed_output_ends(struct feed *feed)
{
    feed->connected = feed->begun = feed->open = false;
}

bool feed_set_backlog(struct feed *feed, int64_t backlog_bytes)
{
    bool was_held = feed->held;
    if (backlog_bytes > FEED_BACKLOG_MAX_BYTES)
        feed->held = true;
    else if (backlog_bytes < FEED_BACKLOG_MAX_BYTES / 2)
        feed->held = false;
    feed->open &= !feed->held;
    return feed->held && !was_held;
}

static uint32_t connection_time(const struct feed *feed, uint32_t place_ms)
{
    int32_t time_ms = difference(place_ms, feed->origin_ms);
    return time_ms > 0 ? (uint32_t)time_ms : 0;
}

static void put(struct feed *feed, GstBuffer *buffer, gsize at, uint32_t time_ms)
{
    feed->output(tag_with_time(buffer, at, time_ms), feed->user);
}

/* A header holds from here on, also for connections to come. It has no time of its own: some encoders send it
 * with 0 in mid-stream. */
static void take_header(struct feed *feed, enum tag_kind kind, GstBuffer *buffer, gsize at)
{
    GstBuffer **kept = &feed->headers[kind];
    gst_clear_buffer(kept);
    *kept = gst_buffer_copy_region(buffer, GST_BUFFER_COPY_MEMORY, at, (gsize)-1);
    if (feed->begun)
        put(feed, *kept, 0, connection_time(feed, feed->last_ms));
}

/* Its time may be anything, as a header's. */
static void take_data(struct feed *feed, GstBuffer *buffer, gsize at)
{
    if (feed->open)
        put(feed, buffer, at, connection_time(feed, feed->last_ms));
}

/* Where the tag lies on the timeline. */
static uint32_t place(struct feed *feed, uint32_t time_ms, int64_t arrival_ms)
{
    if (!feed->input_placed) {
        if (feed->has_time)
            feed->offset_ms = feed->last_ms + (uint32_t)(arrival_ms - feed->last_arrival_ms) + 1 - time_ms;
        feed->input_placed = true;
        feed->first_ms = time_ms + feed->offset_ms;
    }
    uint32_t place_ms = time_ms + feed->offset_ms;
    if (!feed->has_time || difference(place_ms, feed->last_ms) > 0)
        feed->last_ms = place_ms;
    feed->has_time = true;
    feed->last_arrival_ms = arrival_ms;
    return place_ms;
}

static bool may_open_at(const struct feed *feed, const struct tag *tag, uint32_t place_ms)
{
    if (!feed->connected || feed->held)
        return false;
    if (tag->kind == TAG_KEY_PICTURE)
        return true;
    return tag->kind == TAG_SOUND && !feed->has_picture &&
           difference(place_ms, feed->first_ms) >= FEED_SOUND_ONLY_AFTER_MS;
}

static void begin_connection(struct feed *feed, uint32_t place_ms)
{
    GstBuffer *header = gst_buffer_new_memdup(file_header, sizeof file_header);
    feed->begun = true;
    feed->origin_ms = place_ms;
    feed->output(header, feed->user);
    for (unsigned i = 0; i < FEED_HEADERS; i++)
        if (feed->headers[i] != NULL)
            put(feed, feed->headers[i], 0, 0);
}

static void open_at(struct feed *feed, uint32_t place_ms)
{
    feed->open = true;
    feed->has_key = false;
    feed->gate_ms = place_ms;
    if (!feed->begun)
        begin_connection(feed, place_ms);
}

void feed_take(struct feed *feed, GstBuffer *buffer, int64_t arrival_ms)
{
    struct tag tag;
    gsize at;
    if (!tag_read(&tag, buffer, &at))
        return;
    if ((unsigned)tag.kind < FEED_HEADERS) {
        take_header(feed, tag.kind, buffer, at);
        return;
    }
    if (tag.kind == TAG_DATA) {
        take_data(feed, buffer, at);
        return;
    }
    uint32_t place_ms = place(feed, tag.time_ms, arrival_ms);
    if (tag.kind == TAG_KEY_PICTURE || tag.kind == TAG_PICTURE)
        feed->has_picture = true;
    if (!feed->open && may_open_at(feed, &tag, place_ms))
        open_at(feed, place_ms);
    feed->has_key |= tag.kind == TAG_KEY_PICTURE;
    /* Sound from before the key picture has no picture to go with; a picture after sound alone may lack what
     * it refers to. */
    if (feed->open && difference(place_ms, feed->gate_ms) >= 0 && (feed->has_key || tag.kind != TAG_PICTURE))
        put(feed, buffer, at, connection_time(feed, place_ms));
}
