/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sync_meter.h"

#include "dubber/timeline.h"
#include <glib.h>
#include <stdlib.h>

#define MS INT64_C(1000000)
#define S (1000 * MS)
#define FRAME_NS (1024 * S / 48000)

/* A second of a stream whose source began at source_ns and that lies at pts_ns: sound goes in, both come out.
 * Sound is off by error_ns: its packets carry another sound than their PTS says. */
static void run(struct sync_meter *meter, int64_t pts_ns, int64_t source_ns, int64_t error_ns)
{
    for (int64_t at = 0; at < S; at += FRAME_NS)
        sync_meter_sound_in(meter, pts_ns + at + error_ns, source_ns + at, FRAME_NS);
    int64_t sound = 3 * MS;
    for (int64_t at = 0; at < S; at += 40 * MS) {
        sync_meter_picture_out(meter, pts_ns + at, source_ns + at);
        for (; sound < at + 40 * MS; sound += FRAME_NS)
            sync_meter_sound_out(meter, pts_ns + sound);
    }
}

static struct sync_meter *new_meter(void)
{
    struct sync_meter *meter = g_new(struct sync_meter, 1);
    sync_meter_init(meter);
    return meter;
}

static void free_meter(struct sync_meter *meter)
{
    sync_meter_clear(meter);
    g_free(meter);
}

static void test_what_is_in_step_measures_nothing(void)
{
    struct sync_meter *meter = new_meter();
    run(meter, 0, 7000 * S, 0);
    run(meter, S, 7001 * S, 0);
    g_assert_cmpint(sync_meter_take(meter), ==, 0);
    free_meter(meter);
}

static void test_error_of_sound_is_seen(void)
{
    struct sync_meter *meter = new_meter();
    run(meter, 0, 7000 * S, 0);
    run(meter, S, 7001 * S, 15 * MS);
    g_assert_cmpint(sync_meter_take(meter), ==, 15 * MS);
    /* The sound of the second before is still in there at first. */
    run(meter, 2 * S, 7002 * S, -12 * MS);
    g_assert_cmpint(sync_meter_take(meter), ==, 15 * MS);
    run(meter, 3 * S, 7003 * S, -12 * MS);
    g_assert_cmpint(sync_meter_take(meter), ==, -12 * MS);
    run(meter, 4 * S, 7004 * S, 0);
    run(meter, 5 * S, 7005 * S, 0);
    sync_meter_take(meter);
    run(meter, 6 * S, 7006 * S, 0);
    g_assert_cmpint(sync_meter_take(meter), ==, 0);
    free_meter(meter);
}

static void test_error_of_the_timeline_is_seen(void)
{
    struct sync_meter *meter = new_meter();
    sync_meter_set_drift(meter, 9 * MS);
    run(meter, 0, 0, 0);
    g_assert_cmpint(sync_meter_take(meter), ==, -9 * MS);
    free_meter(meter);
}

/* Sound whose timestamps begin to be off by 7 ms in mid-stream: the timeline of the element lays it end to
 * end with what came before, and follows only slowly. */
static void test_step_that_the_timeline_swallows_is_seen(void)
{
    struct sync_meter *meter = new_meter();
    struct dub_timeline timeline;
    dub_timeline_init(&timeline);
    for (int64_t i = 0; i < 5 * 47; i++) {
        int64_t at = i * FRAME_NS;
        int64_t source_ns = 7000 * S + at + (i >= 94 ? 7 * MS : 0);
        dub_timeline_place(&timeline, source_ns - 7000 * S, 1024, false);
        sync_meter_set_drift(meter, (int64_t)timeline.drift_samples * S / 48000);
        sync_meter_sound_in(meter, source_ns - 7000 * S, source_ns, FRAME_NS);
        sync_meter_picture_out(meter, at, 7000 * S + at);
        sync_meter_sound_out(meter, at);
        if (i == 93)
            g_assert_cmpint(llabs(sync_meter_take(meter)), <, MS);
    }
    int64_t delta_ns = sync_meter_take(meter);
    g_assert_cmpint(delta_ns, <, -4 * MS);
    g_assert_cmpint(delta_ns, >, -8 * MS);
    free_meter(meter);
}

/* A picture that could not go back in time. */
static void test_error_of_pictures_is_seen(void)
{
    struct sync_meter *meter = new_meter();
    sync_meter_sound_in(meter, 0, 0, FRAME_NS);
    sync_meter_picture_out(meter, 25 * MS, 0);
    sync_meter_sound_out(meter, 0);
    g_assert_cmpint(sync_meter_take(meter), ==, -25 * MS);
    free_meter(meter);
}

static void test_steps_of_the_source_are_no_error(void)
{
    static const int64_t steps[] = {-900 * MS, -100 * MS, 100 * MS, 900 * MS, -5000 * S, 5000 * S};
    struct sync_meter *meter = new_meter();
    int64_t source_ns = 10000 * S;
    run(meter, 0, source_ns, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(steps); i++) {
        source_ns += S + steps[i];
        run(meter, (i + 1) * S, source_ns, 0);
        g_assert_cmpint(sync_meter_take(meter), ==, 0);
    }
    free_meter(meter);
}

static void test_without_sound_the_last_is_told(void)
{
    struct sync_meter *meter = new_meter();
    g_assert_cmpint(sync_meter_take(meter), ==, 0);
    run(meter, 0, 0, 4 * MS);
    g_assert_cmpint(sync_meter_take(meter), ==, 4 * MS);
    /* Silence in place of sound that is missing has no source; sound without pictures no other side. */
    for (int64_t at = 2 * S; at < 5 * S; at += FRAME_NS)
        sync_meter_sound_out(meter, at);
    sync_meter_sound_in(meter, 8 * S, 8 * S, S);
    sync_meter_sound_out(meter, 8 * S);
    g_assert_false(meter->measured);
    g_assert_cmpint(sync_meter_take(meter), ==, 4 * MS);
    free_meter(meter);
}

static void test_memory_is_bounded(void)
{
    struct sync_meter *meter = new_meter();
    for (int64_t i = 0; i < 3 * SYNC_METER_SOUNDS; i++)
        sync_meter_sound_in(meter, i * FRAME_NS, i * FRAME_NS + 5 * MS, FRAME_NS);
    g_assert_cmpuint(meter->n_sounds, ==, SYNC_METER_SOUNDS);
    int64_t oldest = 2 * SYNC_METER_SOUNDS * FRAME_NS;
    sync_meter_picture_out(meter, oldest, oldest + 5 * MS);
    sync_meter_sound_out(meter, oldest);
    g_assert_true(meter->measured);
    g_assert_cmpint(sync_meter_take(meter), ==, 0);
    free_meter(meter);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sync-meter/what-is-in-step-measures-nothing", test_what_is_in_step_measures_nothing);
    g_test_add_func("/sync-meter/error-of-sound-is-seen", test_error_of_sound_is_seen);
    g_test_add_func("/sync-meter/error-of-the-timeline-is-seen", test_error_of_the_timeline_is_seen);
    g_test_add_func("/sync-meter/step-that-the-timeline-swallows-is-seen",
                    test_step_that_the_timeline_swallows_is_seen);
    g_test_add_func("/sync-meter/error-of-pictures-is-seen", test_error_of_pictures_is_seen);
    g_test_add_func("/sync-meter/steps-of-the-source-are-no-error", test_steps_of_the_source_are_no_error);
    g_test_add_func("/sync-meter/without-sound-the-last-is-told", test_without_sound_the_last_is_told);
    g_test_add_func("/sync-meter/memory-is-bounded", test_memory_is_bounded);
    return g_test_run();
}
