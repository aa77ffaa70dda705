/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The feeder with buffers made by hand and a clock that the test moves. */
#include "feeder.h"

#define MS DUB_NS_PER_MS
#define S DUB_NS_PER_S

struct rig {
    struct dub_fake_clock clock;
    struct feeder *feeder;
    GstSegment segment;
    GstCaps *caps;
    GPtrArray *video; /* struct packet */
    GArray *audio;    /* int64_t: PTS */
    int64_t base_ns;
    int64_t sound_source_ns; /* of the last */
    unsigned starts;
};

static void on_start(int64_t base_ns, void *user)
{
    struct rig *rig = user;
    rig->base_ns = base_ns;
    rig->starts++;
}

static bool on_video(struct packet *take_packet, void *user)
{
    struct rig *rig = user;
    g_ptr_array_add(rig->video, take_packet);
    return true;
}

static bool on_audio(GstBuffer *take_buffer, int64_t source_ns, void *user)
{
    struct rig *rig = user;
    int64_t pts_ns = (int64_t)GST_BUFFER_PTS(take_buffer);
    rig->sound_source_ns = source_ns;
    g_array_append_val(rig->audio, pts_ns);
    gst_buffer_unref(take_buffer);
    return true;
}

static void rig_init(struct rig *rig, enum feeder_pace pace)
{
    static const struct feeder_events events = {on_start, on_video, on_audio};

    *rig = (struct rig){0};
    dub_fake_clock_init(&rig->clock, 500 * S);
    rig->feeder = feeder_new(pace, 3 * S, &rig->clock.clock, &events, rig);
    gst_segment_init(&rig->segment, GST_FORMAT_TIME);
    rig->caps = gst_caps_new_empty_simple("video/x-h264");
    rig->video = g_ptr_array_new_with_free_func((GDestroyNotify)packet_free);
    rig->audio = g_array_new(FALSE, FALSE, sizeof(int64_t));
}

static void rig_clear(struct rig *rig)
{
    feeder_free(rig->feeder);
    gst_caps_unref(rig->caps);
    g_ptr_array_unref(rig->video);
    g_array_unref(rig->audio);
}

static bool push(struct rig *rig, bool video, int64_t dts_ns, int64_t pts_ns, bool key)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, 100, NULL);

    GST_BUFFER_PTS(buffer) = (GstClockTime)pts_ns;
    GST_BUFFER_DTS(buffer) = (GstClockTime)dts_ns;
    if (!key)
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    g_autoptr(GstSample) sample = gst_sample_new(buffer, rig->caps, &rig->segment, NULL);
    gst_buffer_unref(buffer);
    return video ? feeder_push_video(rig->feeder, sample) : feeder_push_audio(rig->feeder, sample);
}

static const struct packet *video_at(const struct rig *rig, guint index)
{
    g_assert_cmpuint(index, <, rig->video->len);
    return rig->video->pdata[index];
}

/* Real time: one picture and one block each 20 ms. */
static void run_live(struct rig *rig, int64_t from_ns, int64_t duration_ns, int64_t gop_ns)
{
    for (int64_t at = from_ns; at < from_ns + duration_ns; at += 20 * MS) {
        g_assert_true(push(rig, true, at, at + 40 * MS, (at - from_ns) % gop_ns == 0));
        g_assert_true(push(rig, false, at, at, true));
        dub_fake_clock_advance(&rig->clock, 20 * MS);
    }
}

static void test_live_timeline_begins_at_the_first_buffer(void)
{
    struct rig rig;

    rig_init(&rig, FEEDER_LIVE);
    run_live(&rig, 3600 * S, 280 * MS, S);
    g_assert_cmpuint(rig.starts, ==, 0);
    run_live(&rig, 3600 * S + 280 * MS, S, S);
    g_assert_cmpuint(rig.starts, ==, 1);
    g_assert_cmpint(rig.base_ns, ==, 500 * S);
    g_assert_cmpint(video_at(&rig, 0)->dts_ns, ==, 0);
    g_assert_cmpint(video_at(&rig, 0)->pts_ns, ==, 40 * MS);
    g_assert_cmpint(video_at(&rig, 0)->arrival_ns, ==, 500 * S);
    g_assert_true(video_at(&rig, 0)->key);
    g_assert_cmpint(video_at(&rig, 10)->dts_ns, ==, 200 * MS);
    g_assert_cmpint(g_array_index(rig.audio, int64_t, 10), ==, 200 * MS);
    rig_clear(&rig);
}

static void test_router_cache_is_placed_in_the_past(void)
{
    struct rig rig;

    rig_init(&rig, FEEDER_LIVE);
    for (int i = 0; i < 50; i++)
        push(&rig, true, i * 20 * MS, i * 20 * MS, i == 0);
    run_live(&rig, S, S, S);
    /* Position 0 lies one second before the clock at which the cache came. */
    g_assert_cmpint(rig.base_ns, ==, 499 * S);
    g_assert_cmpint(video_at(&rig, 50)->dts_ns, ==, S);
    rig_clear(&rig);
}

static void test_reconnect_continues_at_arrival_and_at_a_key_frame(void)
{
    struct rig rig;

    rig_init(&rig, FEEDER_LIVE);
    run_live(&rig, 0, 2 * S, S);
    guint before = rig.video->len;
    dub_fake_clock_advance(&rig.clock, 3 * S);
    feeder_begin(rig.feeder);
    /* New timestamps, and first the rest of a GOP that cannot be decoded. */
    for (int i = 0; i < 5; i++) {
        push(&rig, true, 700 * S + i * 20 * MS, 700 * S + i * 20 * MS, false);
        dub_fake_clock_advance(&rig.clock, 20 * MS);
    }
    run_live(&rig, 700 * S + 100 * MS, S, S);
    g_assert_true(video_at(&rig, before)->key);
    g_assert_cmpint(video_at(&rig, before)->dts_ns, ==, 5 * S + 100 * MS);
    g_assert_cmpuint(rig.starts, ==, 1);
    rig_clear(&rig);
}

static void test_repeated_pictures_of_a_cache_are_passed_over(void)
{
    struct rig rig;

    rig_init(&rig, FEEDER_LIVE);
    run_live(&rig, 0, 2 * S, S);
    int64_t last_ns = video_at(&rig, rig.video->len - 1)->dts_ns;
    guint before = rig.video->len;
    feeder_begin(rig.feeder);
    for (int64_t at = S; at < 2 * S; at += 20 * MS)
        push(&rig, true, at, at, at == S);
    run_live(&rig, 2 * S, S, S);
    g_assert_cmpuint(rig.video->len, >, before);
    /* The key frame of the cache lies before what is out already: the next one is it. */
    g_assert_cmpint(last_ns, ==, 2 * S - 20 * MS);
    g_assert_cmpint(video_at(&rig, before)->dts_ns, ==, 2 * S);
    g_assert_true(video_at(&rig, before)->key);
    rig_clear(&rig);
}

/* The publisher's timestamps step while time goes on as ever. */
static void check_step(int64_t step_ns)
{
    struct rig rig;

    rig_init(&rig, FEEDER_LIVE);
    run_live(&rig, 1000 * S, 2 * S, S);
    run_live(&rig, 1002 * S + step_ns, 2 * S, S);
    for (guint i = 1; i < rig.video->len; i++) {
        g_assert_cmpint(video_at(&rig, i)->dts_ns - video_at(&rig, i - 1)->dts_ns, ==, 20 * MS);
        g_assert_cmpint(g_array_index(rig.audio, int64_t, i), ==, video_at(&rig, i)->dts_ns);
    }
    rig_clear(&rig);
}

static void test_steps_leave_no_trace(void)
{
    static const int64_t steps[] = {100 * MS, 500 * MS, 900 * MS, 40 * S};

    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        check_step(steps[i]);
        check_step(-steps[i]);
    }
}

/* Timestamps twice as fast as time: never so far ahead that the delay line could not take them. */
static void test_running_ahead_is_bounded(void)
{
    struct rig rig;

    rig_init(&rig, FEEDER_LIVE);
    for (int64_t at = 0; at < 120 * S; at += 20 * MS) {
        push(&rig, true, 2 * at, 2 * at, at % S == 0);
        push(&rig, false, 2 * at, 2 * at, true);
        dub_fake_clock_advance(&rig.clock, 20 * MS);
        if (rig.video->len == 0)
            continue;
        int64_t now_ns = dub_clock_now_ns(&rig.clock.clock) - rig.base_ns;
        g_assert_cmpint(video_at(&rig, rig.video->len - 1)->dts_ns - now_ns, <, 6 * S);
        g_assert_cmpint(g_array_index(rig.audio, int64_t, rig.audio->len - 1) - now_ns, <, 6 * S);
    }
    rig_clear(&rig);
}

static void test_publishers_own_time_goes_along(void)
{
    struct rig rig;

    rig_init(&rig, FEEDER_LIVE);
    run_live(&rig, 3600 * S, S, S);
    g_assert_cmpint(video_at(&rig, 10)->source_ns, ==, 3600 * S + 240 * MS);
    g_assert_cmpint(rig.sound_source_ns, ==, 3600 * S + 980 * MS);
    rig_clear(&rig);
}

static void test_file_waits_for_nothing_and_keeps_relation(void)
{
    struct rig rig;

    rig_init(&rig, FEEDER_FILE);
    rig.segment.start = (guint64)(100 * MS);
    rig.segment.base = 0;
    push(&rig, true, 60 * MS, 140 * MS, true);
    g_assert_cmpuint(rig.video->len, ==, 0);
    push(&rig, false, 100 * MS, 100 * MS, true);
    g_assert_cmpuint(rig.video->len, ==, 1);
    g_assert_cmpint(rig.base_ns, ==, 0);
    g_assert_cmpint(video_at(&rig, 0)->dts_ns, ==, 0);
    g_assert_cmpint(video_at(&rig, 0)->pts_ns, ==, 80 * MS);
    g_assert_cmpint(g_array_index(rig.audio, int64_t, 0), ==, 40 * MS);
    rig_clear(&rig);
}

/* Timestamps that begin again among the first buffers, or tracks that have nothing to do with each other. */
static void check_beginning(int64_t video_ns, int64_t audio_ns)
{
    struct rig rig;
    int64_t wrap_ns = (INT64_C(1) << 32) * MS;

    rig_init(&rig, FEEDER_LIVE);
    for (int64_t at = 0; at < S; at += 20 * MS) {
        push(&rig, true, (video_ns + at) % wrap_ns, (video_ns + at) % wrap_ns, at == 0);
        push(&rig, false, (audio_ns + at) % wrap_ns, (audio_ns + at) % wrap_ns, true);
        dub_fake_clock_advance(&rig.clock, 20 * MS);
    }
    g_assert_cmpint(rig.base_ns, ==, 500 * S);
    for (guint i = 0; i < rig.video->len; i++) {
        g_assert_cmpint(video_at(&rig, i)->dts_ns, ==, i * 20 * MS);
        g_assert_cmpint(g_array_index(rig.audio, int64_t, i), ==, i * 20 * MS);
    }
    rig_clear(&rig);
}

static void test_timeline_never_begins_days_ago(void)
{
    int64_t wrap_ns = (INT64_C(1) << 32) * MS;

    check_beginning(wrap_ns - 100 * MS, wrap_ns - 100 * MS);
    check_beginning(3000 * S, 5 * S);
}

static void test_end_passes_on_what_is_held(void)
{
    struct rig rig;

    rig_init(&rig, FEEDER_LIVE);
    run_live(&rig, 0, 100 * MS, S);
    g_assert_cmpuint(rig.video->len, ==, 0);
    feeder_end(rig.feeder);
    g_assert_cmpuint(rig.video->len, ==, 5);
    rig_clear(&rig);
}

static void test_interrupt_refuses_all_that_follows(void)
{
    struct rig rig;

    rig_init(&rig, FEEDER_PACED);
    feeder_interrupt(rig.feeder);
    g_assert_false(push(&rig, true, 0, 0, true));
    feeder_end(rig.feeder);
    g_assert_cmpuint(rig.video->len, ==, 0);
    rig_clear(&rig);
}

static void test_facts(void)
{
    struct rig rig;
    struct feeder_facts facts;

    rig_init(&rig, FEEDER_LIVE);
    push(&rig, true, 0, 0, true);
    feeder_get_facts(rig.feeder, &facts);
    g_assert_cmpint(facts.bytes, ==, 100);
    g_assert_true(facts.has_video);
    g_assert_false(facts.has_audio);
    g_assert_cmpint(facts.first_arrival_ns, ==, 500 * S);
    feeder_begin(rig.feeder);
    feeder_get_facts(rig.feeder, &facts);
    g_assert_cmpint(facts.bytes, ==, 100);
    g_assert_cmpint(facts.last_arrival_ns, ==, 0);
    rig_clear(&rig);
}

static void test_picture_without_any_timestamp_is_ignored(void)
{
    struct rig rig;
    struct feeder_facts facts;

    rig_init(&rig, FEEDER_LIVE);
    g_assert_true(push(&rig, true, -1, -1, true));
    feeder_get_facts(rig.feeder, &facts);
    g_assert_cmpint(facts.bytes, ==, 0);
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    gst_init(NULL, NULL);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/feeder/live-timeline-begins-at-the-first-buffer",
                    test_live_timeline_begins_at_the_first_buffer);
    g_test_add_func("/feeder/router-cache-is-placed-in-the-past", test_router_cache_is_placed_in_the_past);
    g_test_add_func("/feeder/reconnect-continues-at-arrival-and-at-a-key-frame",
                    test_reconnect_continues_at_arrival_and_at_a_key_frame);
    g_test_add_func("/feeder/repeated-pictures-of-a-cache-are-passed-over",
                    test_repeated_pictures_of_a_cache_are_passed_over);
    g_test_add_func("/feeder/steps-leave-no-trace", test_steps_leave_no_trace);
    g_test_add_func("/feeder/running-ahead-is-bounded", test_running_ahead_is_bounded);
    g_test_add_func("/feeder/publishers-own-time-goes-along", test_publishers_own_time_goes_along);
    g_test_add_func("/feeder/file-waits-for-nothing-and-keeps-relation",
                    test_file_waits_for_nothing_and_keeps_relation);
    g_test_add_func("/feeder/timeline-never-begins-days-ago", test_timeline_never_begins_days_ago);
    g_test_add_func("/feeder/end-passes-on-what-is-held", test_end_passes_on_what_is_held);
    g_test_add_func("/feeder/interrupt-refuses-all-that-follows", test_interrupt_refuses_all_that_follows);
    g_test_add_func("/feeder/facts", test_facts);
    g_test_add_func("/feeder/picture-without-any-timestamp-is-ignored",
                    test_picture_without_any_timestamp_is_ignored);
    return g_test_run();
}
