/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flv_times.h"

#include <string.h>

/* Feeds both tracks for a while, pictures every 40 ms and sound every 21; what comes out has to go on from
 * *out_ms, both by the same offset. */
static void assert_runs(struct flv_times *times, uint32_t from_ms, uint32_t out_ms, int64_t arrival_ms)
{
    uint32_t sound_ms = 7;
    for (uint32_t at_ms = 0; at_ms < 3000; at_ms += 40) {
        g_assert_cmpuint(flv_times_place(times, TRACK_VIDEO, from_ms + at_ms, arrival_ms + at_ms), ==,
                         out_ms + at_ms);
        for (; sound_ms < at_ms + 40; sound_ms += 21)
            g_assert_cmpuint(flv_times_place(times, TRACK_AUDIO, from_ms + sound_ms, arrival_ms + sound_ms),
                             ==, out_ms + sound_ms);
    }
}

static void test_what_runs_is_left_alone(void)
{
    struct flv_times times = {0};
    assert_runs(&times, 500, 500, 10000);
    assert_runs(&times, 4000, 4000, 13500);
    /* A step forward, and a small one back: for others to mend. */
    assert_runs(&times, 900000, 900000, 20000);
    g_assert_cmpuint(flv_times_place(&times, TRACK_VIDEO, 902000, 23000), ==, 902000);
}

static void test_wrap_is_left_alone(void)
{
    struct flv_times times = {0};
    assert_runs(&times, UINT32_MAX - 1000, UINT32_MAX - 1000, 0);
}

static void test_step_back_takes_both_tracks_along(void)
{
    struct flv_times times = {0};
    assert_runs(&times, 60000, 60000, 1000);
    /* The last came at 60000 + 2989; 30 ms later the publisher begins anew. */
    uint32_t next_ms = times.last_out_ms + 30;
    assert_runs(&times, 100, next_ms, times.last_arrival_ms + 30);
    assert_runs(&times, 3100, next_ms + 3000, times.last_arrival_ms + 11);
    next_ms = times.last_out_ms + 5000;
    assert_runs(&times, 0, next_ms, times.last_arrival_ms + 5000);
}

static void test_sound_may_step_first_and_old_pictures_follow(void)
{
    struct flv_times times = {0};
    assert_runs(&times, 60000, 60000, 0);
    int64_t now_ms = times.last_arrival_ms;
    uint32_t out_ms = times.last_out_ms;
    g_assert_cmpuint(flv_times_place(&times, TRACK_AUDIO, 1000, now_ms + 20), ==, out_ms + 20);
    g_assert_cmpuint(flv_times_place(&times, TRACK_VIDEO, 63000, now_ms + 21), ==, 63000);
    g_assert_cmpuint(flv_times_place(&times, TRACK_VIDEO, 1040, now_ms + 60), ==, out_ms + 60);
}

static void test_track_that_comes_later_takes_the_offset(void)
{
    struct flv_times times = {0};
    g_assert_cmpuint(flv_times_place(&times, TRACK_VIDEO, 9000, 0), ==, 9000);
    g_assert_cmpuint(flv_times_place(&times, TRACK_VIDEO, 1000, 40), ==, 9040);
    g_assert_cmpuint(flv_times_place(&times, TRACK_AUDIO, 1010, 50), ==, 9050);
}

/* ---- on a pad ---- */

struct pipe {
    GstPad *source, *sink;
    GstBuffer *last; /* what came through */
};

static GstFlowReturn on_buffer(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    struct pipe *pipe = gst_pad_get_element_private(pad);
    gst_buffer_replace(&pipe->last, buffer);
    gst_buffer_unref(buffer);
    return GST_FLOW_OK;
}

static void pipe_init(struct pipe *pipe)
{
    GstSegment segment;

    *pipe = (struct pipe){.source = gst_pad_new("source", GST_PAD_SRC),
                          .sink = gst_pad_new("sink", GST_PAD_SINK)};
    gst_pad_set_element_private(pipe->sink, pipe);
    gst_pad_set_chain_function(pipe->sink, on_buffer);
    gst_pad_set_active(pipe->source, TRUE);
    gst_pad_set_active(pipe->sink, TRUE);
    gst_pad_link(pipe->source, pipe->sink);
    gst_segment_init(&segment, GST_FORMAT_BYTES);
    gst_pad_push_event(pipe->source, gst_event_new_stream_start("tags"));
    gst_pad_push_event(pipe->source, gst_event_new_segment(&segment));
    flv_times_attach(pipe->source);
}

static void pipe_clear(struct pipe *pipe)
{
    gst_clear_buffer(&pipe->last);
    gst_object_unref(pipe->source);
    gst_object_unref(pipe->sink);
}

/* Sends a tag with this time, and returns the time with which it came through. */
static uint32_t pass(struct pipe *pipe, uint8_t kind, uint8_t packet, uint32_t time_ms, bool file_header)
{
    uint8_t bytes[13 + 18] = "FLV\1\5\0\0\0\x9\0\0\0";
    uint8_t tag[18] = {kind,
                       0,
                       0,
                       3,
                       (uint8_t)(time_ms >> 16),
                       (uint8_t)(time_ms >> 8),
                       (uint8_t)time_ms,
                       (uint8_t)(time_ms >> 24),
                       0,
                       0,
                       0,
                       0x17,
                       packet,
                       0xee};
    gsize at = file_header ? 13 : 0;
    uint8_t seen[sizeof bytes];

    memcpy(bytes + at, tag, sizeof tag);
    g_assert_cmpint(gst_pad_push(pipe->source, gst_buffer_new_memdup(bytes, at + sizeof tag)), ==,
                    GST_FLOW_OK);
    g_assert_cmpuint(gst_buffer_extract(pipe->last, 0, seen, sizeof seen), ==, at + sizeof tag);
    uint32_t came_ms = (uint32_t)seen[at + 7] << 24 | (uint32_t)seen[at + 4] << 16 |
                       (uint32_t)seen[at + 5] << 8 | seen[at + 6];
    /* Nothing else has changed. */
    memcpy(seen + at + 4, bytes + at + 4, 4);
    g_assert_cmpint(memcmp(seen, bytes, at + sizeof tag), ==, 0);
    return came_ms;
}

static void test_tags_on_a_pad_are_rewritten(void)
{
    struct pipe pipe;

    pipe_init(&pipe);
    g_assert_cmpuint(pass(&pipe, 9, 1, 0x12345678, true), ==, 0x12345678);
    uint32_t went_on_ms = pass(&pipe, 9, 1, 5000, false);
    g_assert_cmpuint(went_on_ms, >=, 0x12345678);
    g_assert_cmpuint(went_on_ms, <, 0x12345678 + 60000);
    g_assert_cmpuint(pass(&pipe, 8, 1, 5007, false), ==, went_on_ms + 7);
    /* Codec headers and metadata stay, and tell nothing. */
    g_assert_cmpuint(pass(&pipe, 9, 0, 0, false), ==, 0);
    g_assert_cmpuint(pass(&pipe, 18, 1, 0, false), ==, 0);
    g_assert_cmpuint(pass(&pipe, 9, 1, 5040, false), ==, went_on_ms + 40);
    g_assert_cmpint(gst_pad_push(pipe.source, gst_buffer_new_memdup("short", 5)), ==, GST_FLOW_OK);
    pipe_clear(&pipe);
}

int main(int argc, char **argv)
{
    gst_init(NULL, NULL);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flv-times/what-runs-is-left-alone", test_what_runs_is_left_alone);
    g_test_add_func("/flv-times/wrap-is-left-alone", test_wrap_is_left_alone);
    g_test_add_func("/flv-times/step-back-takes-both-tracks-along", test_step_back_takes_both_tracks_along);
    g_test_add_func("/flv-times/sound-may-step-first-and-old-pictures-follow",
                    test_sound_may_step_first_and_old_pictures_follow);
    g_test_add_func("/flv-times/track-that-comes-later-takes-the-offset",
                    test_track_that_comes_later_takes_the_offset);
    g_test_add_func("/flv-times/tags-on-a-pad-are-rewritten", test_tags_on_a_pad_are_rewritten);
    return g_test_run();
}
