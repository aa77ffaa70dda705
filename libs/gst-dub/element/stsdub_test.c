/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time, input, states and properties of the element, in a GstHarness on a test clock, with the fake exchange:
 * no real time anywhere. stsdub_speech_test.c has the phrases. */
#include "dubbing_gst.h"
#include "fake_exchange.h"
#include "sound/samples.h"
#include "stsdub_talk.h"

#include <math.h>
#include <string.h>

static void test_output_is_input_by_d(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    g_autoptr(GstTestClock) clock = rig_clock(rig);
    rig_feed(rig, RIG_CHUNK_NS, tone);
    GstClockID id = NULL;
    gst_test_clock_wait_for_next_pending_id(clock, &id);
    g_assert_cmpuint(gst_clock_id_get_time(id), ==, D_NS - DUB_GST_OUTPUT_MARGIN_NS);
    gst_clock_id_unref(id);
    rig_run(rig, 10 * DUB_NS_PER_S, tone);
    g_assert_cmpuint(rig->first_pts, ==, 0);
    g_assert_cmpint(rig->output->len / 4, ==, DUB_MS_TO_SAMPLES(7040));
    rig_assert_output_is(rig, 0, rig->output->len / 4, tone);
    rig_free(rig);
}

static void test_eos_drains(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    rig_feed(rig, 2 * DUB_NS_PER_S, tone);
    /* An end in the middle of a block. */
    GstBuffer *last = rig_new_buffer(rig->fed_ns, dub_ns_to_samples(rig->fed_ns), 123, tone);
    g_assert_cmpint(gst_harness_push(rig->harness, last), ==, GST_FLOW_OK);
    rig_drain(rig);
    g_assert_cmpint(rig->output->len / 4, ==, 2 * DUB_RATE_HZ + 123);
    rig_assert_output_is(rig, 0, 2 * DUB_RATE_HZ + 123, tone);
    rig_free(rig);
}

static void test_eos_without_input(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    rig_drain(rig);
    g_assert_cmpuint(rig->output->len, ==, 0);
    rig_free(rig);
}

static void test_latency_query(void)
{
    struct rig *rig = rig_new("latency", (guint64)5 * GST_SECOND, NULL);
    gst_harness_set_upstream_latency(rig->harness, 40 * GST_MSECOND);
    g_assert_cmpuint(gst_harness_query_latency(rig->harness), ==, 5 * GST_SECOND + 40 * GST_MSECOND);
    rig_feed(rig, RIG_CHUNK_NS, tone);
    g_autoptr(GstTestClock) clock = rig_clock(rig);
    GstClockID id = NULL;
    gst_test_clock_wait_for_next_pending_id(clock, &id);
    g_assert_cmpuint(gst_clock_id_get_time(id), ==,
                     5 * GST_SECOND + 40 * GST_MSECOND - DUB_GST_OUTPUT_MARGIN_NS);
    gst_clock_id_unref(id);
    rig_free(rig);
}

static void test_missing_input_is_silence(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    rig_feed(rig, DUB_NS_PER_S, tone);
    rig_run(rig, 6 * DUB_NS_PER_S, NULL);
    g_assert_cmpint(rig->output->len / 4, >, 3 * DUB_RATE_HZ);
    for (int64_t i = DUB_RATE_HZ + 120; i < rig->output->len / 4; i++)
        g_assert_cmpint(rig_output_at(rig, i)[0], ==, 0);
    rig_free(rig);
}

static void test_flush_starts_anew(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    struct dub_exchange_fragment fragment = take_first_fragment(rig);
    g_free(fragment.samples);
    g_assert_true(gst_harness_push_event(rig->harness, gst_event_new_flush_start()));
    g_assert_true(gst_harness_push_event(rig->harness, gst_event_new_flush_stop(TRUE)));
    assert_phrase(rig, "dropped", "FLUSHED");
    /* An answer from before the flush changes nothing. */
    fake_exchange_answer_tone(fragment.id, 600, 0.2, DUB_NS_PER_S, 24000);
    GstBuffer *old;
    while ((old = gst_harness_try_pull(rig->harness)) != NULL)
        gst_buffer_unref(old);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = segment.position = 20 * GST_SECOND;
    segment.base = (guint64)clock_ns(rig);
    g_assert_true(gst_harness_push_event(rig->harness, gst_event_new_segment(&segment)));
    g_byte_array_set_size(rig->output, 0);
    rig->next_pts = GST_CLOCK_TIME_NONE;
    for (int i = 0; i < 50; i++) {
        GstBuffer *buffer = rig_new_buffer(20 * DUB_NS_PER_S + i * RIG_CHUNK_NS, i * RIG_CHUNK_SAMPLES,
                                           RIG_CHUNK_SAMPLES, tone);
        g_assert_cmpint(gst_harness_push(rig->harness, buffer), ==, GST_FLOW_OK);
    }
    rig_drain(rig);
    g_assert_cmpuint(rig->first_pts, ==, 20 * GST_SECOND);
    g_assert_cmpint(rig->output->len / 4, ==, DUB_RATE_HZ);
    rig_assert_output_is(rig, 0, DUB_RATE_HZ, tone);
    rig_free(rig);
}

static void test_sound_that_begins_late_has_silence_before(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    rig->fed_ns = DUB_NS_PER_S;
    rig_feed(rig, DUB_NS_PER_S + RIG_CHUNK_NS, tone);
    rig_run(rig, 6 * DUB_NS_PER_S, tone);
    g_assert_cmpuint(rig->first_pts, ==, 0);
    for (int64_t i = 0; i < DUB_RATE_HZ; i++)
        g_assert_cmpint(rig_output_at(rig, i)[1], ==, 0);
    rig_assert_output_is(rig, DUB_RATE_HZ + 120, rig->output->len / 4, tone);
    g_assert_cmpuint(stat_of(rig, "late-blocks"), ==, 0);
    rig_free(rig);
    /* What D cannot reach is not made up for. */
    rig = rig_new("sts-mode", 2, "latency", (guint64)GST_SECOND, NULL);
    rig->fed_ns = 3 * DUB_NS_PER_S;
    rig_feed(rig, 4 * DUB_NS_PER_S, tone);
    rig_drain(rig);
    g_assert_cmpuint(rig->first_pts, ==, 2 * GST_SECOND);
    g_assert_cmpint(rig->output->len / 4, ==, 2 * DUB_RATE_HZ);
    rig_free(rig);
}

/* As on a machine that is too busy: the thread runs 70 ms after the buffer was due, then catches up. */
static void test_late_blocks_are_counted(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    g_autoptr(GstTestClock) clock = rig_clock(rig);
    GstClockID id = NULL;
    rig_feed(rig, DUB_NS_PER_S, tone);
    gst_test_clock_wait_for_next_pending_id(clock, &id);
    gst_test_clock_set_time(clock, gst_clock_id_get_time(id) + 70 * GST_MSECOND);
    gst_clock_id_unref(id);
    for (int i = 0; i < 6; i++) {
        gst_test_clock_crank(clock);
        rig_collect(rig, gst_harness_pull(rig->harness));
    }
    g_assert_cmpuint(stat_of(rig, "late-blocks"), ==, 2);
    rig_run(rig, 4 * DUB_NS_PER_S, tone);
    g_assert_cmpuint(stat_of(rig, "late-blocks"), ==, 2);
    rig_free(rig);
}

static void test_gap_event_is_silence(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    rig_feed(rig, DUB_NS_PER_S, tone);
    g_assert_true(gst_harness_push_event(rig->harness, gst_event_new_gap(GST_SECOND, GST_SECOND)));
    rig->fed_ns = 2 * DUB_NS_PER_S;
    rig_feed(rig, 3 * DUB_NS_PER_S, tone);
    rig_drain(rig);
    g_assert_cmpint(rig->output->len / 4, ==, 3 * DUB_RATE_HZ);
    for (int64_t i = DUB_RATE_HZ + 120; i < 2 * DUB_RATE_HZ; i++)
        g_assert_cmpint(rig_output_at(rig, i)[1], ==, 0);
    rig_assert_output_is(rig, 2 * DUB_RATE_HZ + 120, 3 * DUB_RATE_HZ, tone);
    rig_free(rig);
}

/* Sound whose time stamps are off by a little is not torn; how much too early it lies is told. */
static void test_drift_is_told(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    rig_feed(rig, DUB_NS_PER_S, tone);
    rig->fed_ns += 5 * DUB_NS_PER_MS;
    rig_feed(rig, 2 * DUB_NS_PER_S, tone);
    g_autoptr(GstStructure) stats = NULL;
    gint64 drift_samples = 0;
    g_object_get(rig->element, "stats", &stats, NULL);
    g_assert_true(gst_structure_get_int64(stats, "drift-samples", &drift_samples));
    g_assert_cmpint(drift_samples, >, 2 * 48);
    g_assert_cmpint(drift_samples, <, 5 * 48);
    g_assert_cmpuint(stat_of(rig, "silence-samples"), ==, 0);
    rig_drain(rig);
    rig_free(rig);
}

/* A hole of a minute, longer than any ring. */
static void test_long_hole_in_a_file(void)
{
    struct rig *rig = rig_new("sts-mode", 2, "live", FALSE, NULL);
    rig_feed(rig, DUB_NS_PER_S, tone);
    rig->fed_ns = 61 * DUB_NS_PER_S;
    rig_feed(rig, 62 * DUB_NS_PER_S, tone);
    rig_drain(rig);
    g_assert_cmpint(rig->output->len / 4, ==, 62 * DUB_RATE_HZ);
    rig_assert_output_is(rig, 61 * DUB_RATE_HZ + 120, 62 * DUB_RATE_HZ, tone);
    rig_free(rig);
}

static void test_late_input_is_told_once(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    rig_feed(rig, DUB_NS_PER_S, tone);
    rig_run(rig, 6 * DUB_NS_PER_S, NULL);
    rig_feed(rig, 2 * DUB_NS_PER_S, tone);
    g_autoptr(GstMessage) message = gst_bus_pop_filtered(rig->bus, GST_MESSAGE_ELEMENT);
    g_assert_nonnull(message);
    const GstStructure *structure = gst_message_get_structure(message);
    g_assert_true(gst_structure_has_name(structure, DUB_GST_INPUT_LATE_NAME));
    g_assert_cmpint(number_in(structure, "lateness") / DUB_NS_PER_MS, ==, 2042);
    g_assert_null(gst_bus_pop_filtered(rig->bus, GST_MESSAGE_ELEMENT));
    g_assert_cmpuint(stat_of(rig, "late-samples"), ==, DUB_RATE_HZ);
    rig_free(rig);
}

static gpointer push_minute(gpointer data)
{
    struct rig *rig = data;
    for (; rig->fed_ns < 60 * DUB_NS_PER_S; rig->fed_ns += RIG_CHUNK_NS) {
        GstBuffer *buffer =
            rig_new_buffer(rig->fed_ns, dub_ns_to_samples(rig->fed_ns), RIG_CHUNK_SAMPLES, talk);
        if (gst_harness_push(rig->harness, buffer) != GST_FLOW_OK)
            break;
    }
    return NULL;
}

/* With the first phrase unanswered, what is held stays bounded; and a stop gets through to the waiting input.
 */
static void test_stop_frees_a_waiting_input(void)
{
    struct rig *rig = rig_new("live", FALSE, NULL);
    struct dub_exchange_fragment fragment;
    GThread *pusher = g_thread_new("pusher", push_minute, rig);
    /* The phrases that fit into the ring; one more never comes. */
    for (int i = 0; i < 10; i++) {
        g_assert_true(fake_exchange_take(&fragment));
        g_free(fragment.samples);
    }
    gst_element_set_state(rig->element, GST_STATE_NULL);
    g_thread_join(pusher);
    g_assert_cmpint(rig->fed_ns, <, 50 * DUB_NS_PER_S);
    g_assert_cmpuint(stat_of(rig, "phrases-dubbed"), ==, 0);
    g_assert_cmpuint(stat_of(rig, "phrases-passthrough") + stat_of(rig, "phrases-dropped"), >=, 10);
    rig_free(rig);
}

static void test_settings_are_refused_while_playing(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    guint64 latency = 0;
    g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*latency*READY*");
    g_object_set(rig->element, "latency", (guint64)GST_SECOND, NULL);
    g_test_assert_expected_messages();
    g_object_get(rig->element, "latency", &latency, NULL);
    g_assert_cmpuint(latency, ==, D_NS);
    rig_free(rig);
}

static void test_every_property_reads_back(void)
{
    GstElement *element = gst_element_factory_make("stsdub", NULL);
    guint n_specs = 0;
    g_autofree GParamSpec **specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &n_specs);
    guint checked = 0;
    for (guint i = 0; i < n_specs; i++) {
        if (specs[i]->owner_type != G_OBJECT_TYPE(element) || (specs[i]->flags & G_PARAM_WRITABLE) == 0)
            continue;
        GValue value = G_VALUE_INIT;
        g_object_get_property(G_OBJECT(element), specs[i]->name, &value);
        g_assert_true(g_param_value_defaults(specs[i], &value));
        g_object_set_property(G_OBJECT(element), specs[i]->name, &value);
        g_value_unset(&value);
        checked++;
    }
    g_assert_cmpuint(checked, ==, 21);
    gst_object_unref(element);
}

static void test_buffers_without_a_time_follow_on(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    for (int i = 0; i < 100; i++) {
        GstBuffer *buffer = rig_new_buffer(0, i * RIG_CHUNK_SAMPLES, RIG_CHUNK_SAMPLES, tone);
        GST_BUFFER_PTS(buffer) = GST_CLOCK_TIME_NONE;
        g_assert_cmpint(gst_harness_push(rig->harness, buffer), ==, GST_FLOW_OK);
    }
    rig_drain(rig);
    g_assert_cmpint(rig->output->len / 4, ==, 2 * DUB_RATE_HZ);
    rig_assert_output_is(rig, 0, 2 * DUB_RATE_HZ, tone);
    rig_free(rig);
}

/* Pieces of more than the ring are taken bit by bit; what lies before the segment is left out. */
static void test_one_huge_buffer(void)
{
    struct rig *rig = rig_new("sts-mode", 2, "live", FALSE, NULL);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = GST_SECOND;
    gst_harness_push_event(rig->harness, gst_event_new_segment(&segment));
    GstBuffer *buffer = rig_new_buffer(0, 0, 60 * DUB_RATE_HZ, tone);
    g_assert_cmpint(gst_harness_push(rig->harness, buffer), ==, GST_FLOW_OK);
    rig_drain(rig);
    g_assert_cmpint(rig->output->len / 4, >=, 59 * DUB_RATE_HZ);
    rig_free(rig);
}

static void test_pause_holds_and_resumes(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    rig_run(rig, 4 * DUB_NS_PER_S, tone);
    g_assert_cmpint(gst_element_set_state(rig->element, GST_STATE_PAUSED), ==, GST_STATE_CHANGE_NO_PREROLL);
    guint64 blocks = stat_of(rig, "blocks");
    g_autoptr(GstTestClock) clock = rig_clock(rig);
    gst_test_clock_set_time(clock, 9 * GST_SECOND);
    g_assert_cmpuint(stat_of(rig, "blocks"), ==, blocks);
    /* As a pipeline does: the running time goes on where it stopped. */
    gst_element_set_base_time(rig->element, 5 * GST_SECOND);
    gst_element_set_state(rig->element, GST_STATE_PLAYING);
    rig_feed(rig, 5 * DUB_NS_PER_S, tone);
    rig_drain(rig);
    g_assert_cmpint(rig->output->len / 4, ==, 5 * DUB_RATE_HZ);
    rig_assert_output_is(rig, 0, 5 * DUB_RATE_HZ, tone);
    rig_free(rig);
}

static GstPadProbeReturn refuse(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
    gst_buffer_unref(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_PAD_PROBE_INFO_FLOW_RETURN(info) = GST_FLOW_ERROR;
    return GST_PAD_PROBE_HANDLED;
}

/* What downstream says reaches upstream, and the application. */
static void test_downstream_error_is_passed_on(void)
{
    struct rig *rig = rig_new("sts-mode", 2, "live", FALSE, NULL);
    g_autoptr(GstPad) src = gst_element_get_static_pad(rig->element, "src");
    gst_pad_add_probe(src, GST_PAD_PROBE_TYPE_BUFFER, refuse, NULL, NULL);
    GstFlowReturn flow = GST_FLOW_OK;
    for (int64_t ns = 0; flow == GST_FLOW_OK && ns < 120 * DUB_NS_PER_S; ns += RIG_CHUNK_NS)
        flow = gst_harness_push(rig->harness, rig_new_buffer(ns, 0, RIG_CHUNK_SAMPLES, tone));
    g_assert_cmpint(flow, ==, GST_FLOW_ERROR);
    g_autoptr(GstMessage) message = gst_bus_pop_filtered(rig->bus, GST_MESSAGE_ERROR);
    g_assert_nonnull(message);
    rig_free(rig);
}

static void test_states(void)
{
    GstElement *element = gst_element_factory_make("stsdub", NULL);
    g_assert_cmpint(gst_element_set_state(element, GST_STATE_PAUSED), ==, GST_STATE_CHANGE_NO_PREROLL);
    g_assert_cmpint(gst_element_set_state(element, GST_STATE_NULL), ==, GST_STATE_CHANGE_SUCCESS);
    g_object_set(element, "live", FALSE, NULL);
    g_assert_cmpint(gst_element_set_state(element, GST_STATE_PAUSED), ==, GST_STATE_CHANGE_SUCCESS);
    g_assert_cmpint(gst_element_set_state(element, GST_STATE_NULL), ==, GST_STATE_CHANGE_SUCCESS);
    gst_object_unref(element);
}

static void test_other_speeds_are_refused(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    g_autoptr(GstPad) src = gst_element_get_static_pad(rig->element, "src");
    GstEvent *seek = gst_event_new_seek(2.0, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0,
                                        GST_SEEK_TYPE_NONE, 0);
    g_assert_false(gst_pad_send_event(src, seek));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_BYTES);
    gst_harness_push_event(rig->harness, gst_event_new_segment(&segment));
    g_autoptr(GstMessage) message = gst_bus_pop_filtered(rig->bus, GST_MESSAGE_ERROR);
    g_assert_nonnull(message);
    rig_free(rig);
}

int main(int argc, char **argv)
{
    static const struct talk_test tests[] = {
        {"/stsdub/output-is-input-by-d", test_output_is_input_by_d},
        {"/stsdub/eos-drains", test_eos_drains},
        {"/stsdub/eos-without-input", test_eos_without_input},
        {"/stsdub/latency-query", test_latency_query},
        {"/stsdub/missing-input-is-silence", test_missing_input_is_silence},
        {"/stsdub/flush-starts-anew", test_flush_starts_anew},
        {"/stsdub/sound-that-begins-late-has-silence-before", test_sound_that_begins_late_has_silence_before},
        {"/stsdub/late-blocks-are-counted", test_late_blocks_are_counted},
        {"/stsdub/gap-event-is-silence", test_gap_event_is_silence},
        {"/stsdub/drift-is-told", test_drift_is_told},
        {"/stsdub/long-hole-in-a-file", test_long_hole_in_a_file},
        {"/stsdub/late-input-is-told-once", test_late_input_is_told_once},
        {"/stsdub/stop-frees-a-waiting-input", test_stop_frees_a_waiting_input},
        {"/stsdub/settings-are-refused-while-playing", test_settings_are_refused_while_playing},
        {"/stsdub/every-property-reads-back", test_every_property_reads_back},
        {"/stsdub/buffers-without-a-time-follow-on", test_buffers_without_a_time_follow_on},
        {"/stsdub/one-huge-buffer", test_one_huge_buffer},
        {"/stsdub/pause-holds-and-resumes", test_pause_holds_and_resumes},
        {"/stsdub/downstream-error-is-passed-on", test_downstream_error_is_passed_on},
        {"/stsdub/states", test_states},
        {"/stsdub/other-speeds-are-refused", test_other_speeds_are_refused},
    };
    return talk_test_run(argc, argv, tests, G_N_ELEMENTS(tests));
}
