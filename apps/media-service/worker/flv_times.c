/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flv_times.h"

#include <dubbing_clock.h>

#define FILE_HEADER_BYTES 13
#define TAG_HEADER_BYTES 11
#define TIME_AT 4 /* in the tag's header: three bytes, then the highest one */
#define TAG_AUDIO 8
#define TAG_VIDEO 9

/* Modulo 2^32, so that the wrap after 49.7 days is no step. */
static int32_t difference(uint32_t left_ms, uint32_t right_ms)
{
    return (int32_t)(left_ms - right_ms);
}

static void follow_step(struct flv_times *times, enum track track, uint32_t timestamp_ms, int64_t arrival_ms)
{
    bool is_second = times->tracks[track].offset_ms != times->offset_ms &&
                     ABS(difference(timestamp_ms + times->offset_ms, times->last_out_ms)) < FLV_TIMES_STEP_MS;

    if (!is_second)
        times->offset_ms =
            times->last_out_ms + (uint32_t)(arrival_ms - times->last_arrival_ms) - timestamp_ms;
    times->tracks[track].offset_ms = times->offset_ms;
}

uint32_t flv_times_place(struct flv_times *times, enum track track, uint32_t timestamp_ms, int64_t arrival_ms)
{
    bool begins = !times->tracks[TRACK_VIDEO].seen && !times->tracks[TRACK_AUDIO].seen;

    if (!times->tracks[track].seen)
        times->tracks[track].offset_ms = times->offset_ms;
    else if (difference(timestamp_ms, times->tracks[track].last_ms) <= -FLV_TIMES_STEP_MS)
        follow_step(times, track, timestamp_ms, arrival_ms);
    times->tracks[track].seen = true;
    times->tracks[track].last_ms = timestamp_ms;

    uint32_t out_ms = timestamp_ms + times->tracks[track].offset_ms;
    if (begins || difference(out_ms, times->last_out_ms) > 0)
        times->last_out_ms = out_ms;
    times->last_arrival_ms = arrival_ms;
    return out_ms;
}

/* Codec headers have no time of their own: some encoders send them with 0 in mid-stream. */
static bool is_media(const uint8_t *tag)
{
    return (tag[0] == TAG_AUDIO || tag[0] == TAG_VIDEO) && tag[TAG_HEADER_BYTES + 1] != 0;
}

static uint32_t read_time(const uint8_t *tag)
{
    return (uint32_t)tag[TIME_AT + 3] << 24 | (uint32_t)tag[TIME_AT] << 16 | (uint32_t)tag[TIME_AT + 1] << 8 |
           tag[TIME_AT + 2];
}

static GstBuffer *write_time(GstBuffer *take_buffer, gsize tag_at, uint32_t time_ms)
{
    uint8_t bytes[] = {(uint8_t)(time_ms >> 16), (uint8_t)(time_ms >> 8), (uint8_t)time_ms,
                       (uint8_t)(time_ms >> 24)};
    GstBuffer *buffer = gst_buffer_make_writable(take_buffer);
    gst_buffer_fill(buffer, tag_at + TIME_AT, bytes, sizeof bytes);
    return buffer;
}

static GstPadProbeReturn on_tag(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    struct flv_times *times = data;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    uint8_t start[FILE_HEADER_BYTES + TAG_HEADER_BYTES + 2];
    gsize n_bytes = gst_buffer_extract(buffer, 0, start, sizeof start);
    gsize at = n_bytes >= 3 && start[0] == 'F' ? FILE_HEADER_BYTES : 0;

    if (n_bytes < at + TAG_HEADER_BYTES + 2 || !is_media(start + at))
        return GST_PAD_PROBE_OK;
    uint32_t came_ms = read_time(start + at);
    uint32_t time_ms = flv_times_place(times, start[at] == TAG_VIDEO ? TRACK_VIDEO : TRACK_AUDIO, came_ms,
                                       dub_clock_now_ns(dub_clock_monotonic()) / DUB_NS_PER_MS);
    if (time_ms != came_ms)
        GST_PAD_PROBE_INFO_DATA(info) = write_time(buffer, at, time_ms);
    return GST_PAD_PROBE_OK;
}

void flv_times_attach(GstPad *pad)
{
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_tag, g_new0(struct flv_times, 1), g_free);
}
