/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "feed.h"

#include <dubbing_flv.h>
#include <string.h>

static bool is_named(struct dub_reader *body, const char *name)
{
    if (dub_read_u8(body) != AMF_STRING || dub_read_be16(body) != strlen(name))
        return false;
    const uint8_t *bytes = dub_read_bytes(body, strlen(name));
    return bytes != NULL && memcmp(bytes, name, strlen(name)) == 0;
}

/* Some servers hand the publisher's command on with the data. */
static enum feed_kind kind_of_data(const uint8_t *body, size_t size)
{
    struct dub_reader first = dub_reader_on(body, size), second = first;
    if (is_named(&first, "onMetaData"))
        return FEED_METADATA;
    return is_named(&second, "@setDataFrame") && is_named(&second, "onMetaData") ? FEED_METADATA : FEED_DATA;
}

static enum feed_kind kind_of_audio(const uint8_t *body, size_t size)
{
    struct flv_tag tag;
    return flv_parse_audio(body, size, &tag) && tag.is_config ? FEED_AUDIO_HEADER : FEED_SOUND;
}

static enum feed_kind kind_of_video(const uint8_t *body, size_t size)
{
    struct flv_tag tag;
    if (!flv_parse_video(body, size, &tag))
        return FEED_PICTURE;
    if (tag.is_config)
        return FEED_VIDEO_HEADER;
    return tag.is_key && tag.is_frame ? FEED_KEY_PICTURE : FEED_PICTURE;
}

enum feed_kind feed_kind_of(const struct rtmp_message *message)
{
    gsize size;
    const uint8_t *body = g_bytes_get_data(message->payload, &size);
    if (size == 0)
        return FEED_NOTHING;
    switch (message->type) {
    case RTMP_DATA_AMF0:
        return kind_of_data(body, size);
    case RTMP_AUDIO:
        return kind_of_audio(body, size);
    case RTMP_VIDEO:
        return kind_of_video(body, size);
    default:
        return FEED_NOTHING;
    }
}

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
        g_clear_pointer(&feed->headers[i], g_bytes_unref);
}

void feed_clear(struct feed *feed)
{
    forget_headers(feed);
}

void feed_input_begins(struct feed *feed)
{
    forget_headers(feed);
    feed->times = (struct flv_times){0};
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

static void put(struct feed *feed, uint8_t type, uint32_t time_ms, GBytes *payload)
{
    feed->output(&(struct rtmp_message){.type = type, .timestamp_ms = time_ms, .payload = payload},
                 feed->user);
}

static void put_header(struct feed *feed, enum feed_kind kind, uint32_t time_ms)
{
    static const uint8_t types[] = {
        [FEED_METADATA] = RTMP_DATA_AMF0, [FEED_VIDEO_HEADER] = RTMP_VIDEO, [FEED_AUDIO_HEADER] = RTMP_AUDIO};
    put(feed, types[kind], time_ms, feed->headers[kind]);
}

/* A header holds from here on, also for connections to come. It has no time of its own: some encoders send it
 * with 0 in mid-stream. */
static void take_header(struct feed *feed, enum feed_kind kind, GBytes *payload)
{
    g_clear_pointer(&feed->headers[kind], g_bytes_unref);
    feed->headers[kind] = g_bytes_ref(payload);
    if (feed->begun)
        put_header(feed, kind, connection_time(feed, feed->last_ms));
}

/* Its time may be anything, as a header's. */
static void take_data(struct feed *feed, GBytes *payload)
{
    if (feed->open)
        put(feed, RTMP_DATA_AMF0, connection_time(feed, feed->last_ms), payload);
}

/* Where the message lies on the timeline. */
static uint32_t place(struct feed *feed, const struct rtmp_message *message, int64_t arrival_ms)
{
    enum track track = message->type == RTMP_VIDEO ? TRACK_VIDEO : TRACK_AUDIO;
    uint32_t time_ms = flv_times_place(&feed->times, track, message->timestamp_ms, arrival_ms);
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

static bool may_open_at(const struct feed *feed, enum feed_kind kind, uint32_t place_ms)
{
    if (!feed->connected || feed->held)
        return false;
    if (kind == FEED_KEY_PICTURE)
        return true;
    return kind == FEED_SOUND && !feed->has_picture &&
           difference(place_ms, feed->first_ms) >= FEED_SOUND_ONLY_AFTER_MS;
}

static void begin_connection(struct feed *feed, uint32_t place_ms)
{
    feed->begun = true;
    feed->origin_ms = place_ms;
    for (unsigned i = 0; i < FEED_HEADERS; i++)
        if (feed->headers[i] != NULL)
            put_header(feed, i, 0);
}

static void open_at(struct feed *feed, uint32_t place_ms)
{
    feed->open = true;
    feed->has_key = false;
    feed->gate_ms = place_ms;
    if (!feed->begun)
        begin_connection(feed, place_ms);
}

static void take_media(struct feed *feed, enum feed_kind kind, const struct rtmp_message *message,
                       int64_t arrival_ms)
{
    uint32_t place_ms = place(feed, message, arrival_ms);
    if (kind != FEED_SOUND)
        feed->has_picture = true;
    if (!feed->open && may_open_at(feed, kind, place_ms))
        open_at(feed, place_ms);
    feed->has_key |= kind == FEED_KEY_PICTURE;
    /* Sound from before the key picture has no picture to go with; a picture after sound alone may lack what
     * it refers to. */
    if (feed->open && difference(place_ms, feed->gate_ms) >= 0 && (feed->has_key || kind != FEED_PICTURE))
        put(feed, message->type, connection_time(feed, place_ms), message->payload);
}

void feed_take(struct feed *feed, const struct rtmp_message *message, int64_t arrival_ms)
{
    enum feed_kind kind = feed_kind_of(message);
    if (kind < FEED_HEADERS)
        take_header(feed, kind, message->payload);
    else if (kind == FEED_DATA)
        take_data(feed, message->payload);
    else if (kind != FEED_NOTHING)
        take_media(feed, kind, message, arrival_ms);
}
