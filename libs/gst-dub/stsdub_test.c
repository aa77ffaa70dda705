/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The element in a GstHarness on a test clock, with the fake exchange: no real time anywhere. */
#include "dubbing_gst.h"
#include "fake_exchange.h"
#include "samples.h"

#include <gst/check/gstharness.h>
#include <math.h>
#include <string.h>

#define CAPS "audio/x-raw,format=S16LE,rate=48000,channels=2,layout=interleaved"
#define D_NS (3 * DUB_NS_PER_S)
#define CHUNK_SAMPLES 960
#define CHUNK_NS (20 * DUB_NS_PER_MS)

struct rig {
    GstHarness *harness;
    GstElement *element;
    GstBus *bus;
    GByteArray *output; /* all samples that came out */
    GstClockTime first_pts;
    GstClockTime next_pts; /* of the next block; the output must have no gap */
    int64_t fed_ns;        /* input pushed so far */
    bool eos;
};

typedef void (*signal_fn)(int64_t position, int16_t *left, int16_t *right);

static void tone(int64_t position, int16_t *left, int16_t *right)
{
    *left = (int16_t)lrint(6000 * sin(2 * M_PI * 300 * (double)position / DUB_RATE_HZ));
    *right = (int16_t)(position % 7000);
}

static struct rig *rig_new(const char *first_property, ...)
{
    struct rig *rig = g_new0(struct rig, 1);
    va_list properties;
    va_start(properties, first_property);
    rig->element = gst_element_factory_make("stsdub", NULL);
    g_object_set_valist(G_OBJECT(rig->element), first_property, properties);
    va_end(properties);
    rig->bus = gst_bus_new();
    gst_element_set_bus(rig->element, rig->bus);
    rig->harness = gst_harness_new_with_element(rig->element, "sink", "src");
    gst_harness_use_testclock(rig->harness);
    gst_harness_set_src_caps_str(rig->harness, CAPS);
    rig->output = g_byte_array_new();
    rig->first_pts = rig->next_pts = GST_CLOCK_TIME_NONE;
    return rig;
}

static void rig_free(struct rig *rig)
{
    gst_harness_teardown(rig->harness);
    gst_element_set_bus(rig->element, NULL);
    gst_object_unref(rig->bus);
    gst_object_unref(rig->element);
    g_byte_array_unref(rig->output);
    g_free(rig);
}

static GstBuffer *new_buffer(int64_t pts_ns, int64_t position, unsigned n_samples, signal_fn signal)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, n_samples * 4, NULL);
    GstMapInfo map;
    g_assert_true(gst_buffer_map(buffer, &map, GST_MAP_WRITE));
    int16_t *samples = (int16_t *)(void *)map.data;
    for (unsigned i = 0; i < n_samples; i++)
        signal(position + i, &samples[2 * i], &samples[2 * i + 1]);
    gst_buffer_unmap(buffer, &map);
    GST_BUFFER_PTS(buffer) = (GstClockTime)pts_ns;
    GST_BUFFER_DURATION(buffer) = (GstClockTime)dub_samples_to_ns(n_samples);
    return buffer;
}

static void feed(struct rig *rig, int64_t until_ns, signal_fn signal)
{
    for (; rig->fed_ns < until_ns; rig->fed_ns += CHUNK_NS) {
        GstBuffer *buffer = new_buffer(rig->fed_ns, dub_ns_to_samples(rig->fed_ns), CHUNK_SAMPLES, signal);
        g_assert_cmpint(gst_harness_push(rig->harness, buffer), ==, GST_FLOW_OK);
    }
}

static void collect(struct rig *rig, GstBuffer *buffer)
{
    GstMapInfo map;
    if (!GST_CLOCK_TIME_IS_VALID(rig->next_pts))
        rig->first_pts = rig->next_pts = GST_BUFFER_PTS(buffer);
    g_assert_cmpuint(GST_BUFFER_PTS(buffer), ==, rig->next_pts);
    rig->next_pts += GST_BUFFER_DURATION(buffer);
    g_assert_true(gst_buffer_map(buffer, &map, GST_MAP_READ));
    g_assert_cmpuint(map.size * 1000000 / 192, ==, GST_BUFFER_DURATION(buffer));
    g_byte_array_append(rig->output, map.data, (guint)map.size);
    gst_buffer_unmap(buffer, &map);
    gst_buffer_unref(buffer);
}

static GstTestClock *rig_clock(struct rig *rig)
{
    return gst_harness_get_testclock(rig->harness);
}

/* Lets the clock run to `until`, block by block, feeding the input 20 ms behind it (it arrives when it was
 * said). */
static void run(struct rig *rig, int64_t until_ns, signal_fn signal)
{
    g_autoptr(GstTestClock) clock = rig_clock(rig);
    for (;;) {
        GstClockID id = NULL;
        gst_test_clock_wait_for_next_pending_id(clock, &id);
        GstClockTime due = gst_clock_id_get_time(id);
        gst_clock_id_unref(id);
        if (due > (GstClockTime)until_ns)
            break;
        if (signal != NULL)
            feed(rig, (int64_t)due - CHUNK_NS, signal);
        gst_test_clock_crank(clock);
        collect(rig, gst_harness_pull(rig->harness));
    }
    gst_test_clock_set_time(clock, (GstClockTime)until_ns);
}

static const int16_t *output_at(const struct rig *rig, int64_t position)
{
    g_assert_cmpint((position + 1) * 4, <=, rig->output->len);
    return (const int16_t *)(const void *)rig->output->data + position * 2;
}

static void assert_output_is(const struct rig *rig, int64_t from, int64_t to, signal_fn signal)
{
    for (int64_t i = from; i < to; i++) {
        int16_t left;
        int16_t right;
        signal(i, &left, &right);
        g_assert_cmpint(output_at(rig, i)[0], ==, left);
        g_assert_cmpint(output_at(rig, i)[1], ==, right);
    }
}

static void drain(struct rig *rig)
{
    g_assert_true(gst_harness_push_event(rig->harness, gst_event_new_eos()));
    g_autoptr(GstTestClock) clock = rig_clock(rig);
    for (;;) {
        GstEvent *event = NULL;
        while ((event = gst_harness_try_pull_event(rig->harness)) != NULL) {
            rig->eos = rig->eos || GST_EVENT_TYPE(event) == GST_EVENT_EOS;
            gst_event_unref(event);
        }
        GstBuffer *buffer = NULL;
        while ((buffer = gst_harness_try_pull(rig->harness)) != NULL)
            collect(rig, buffer);
        if (rig->eos)
            return;
        if (gst_test_clock_peek_id_count(clock) > 0)
            gst_test_clock_crank(clock);
        else
            g_thread_yield();
    }
}

static void test_output_is_input_by_d(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    g_autoptr(GstTestClock) clock = rig_clock(rig);
    feed(rig, CHUNK_NS, tone);
    GstClockID id = NULL;
    gst_test_clock_wait_for_next_pending_id(clock, &id);
    g_assert_cmpuint(gst_clock_id_get_time(id), ==, D_NS - DUB_GST_OUTPUT_MARGIN_NS);
    gst_clock_id_unref(id);
    run(rig, 10 * DUB_NS_PER_S, tone);
    g_assert_cmpuint(rig->first_pts, ==, 0);
    g_assert_cmpint(rig->output->len / 4, ==, DUB_MS_TO_SAMPLES(7020) + DUB_BLOCK_SAMPLES);
    assert_output_is(rig, 0, rig->output->len / 4, tone);
    rig_free(rig);
}

static void test_eos_drains(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    feed(rig, 2 * DUB_NS_PER_S, tone);
    /* An end in the middle of a block. */
    GstBuffer *last = new_buffer(rig->fed_ns, dub_ns_to_samples(rig->fed_ns), 123, tone);
    g_assert_cmpint(gst_harness_push(rig->harness, last), ==, GST_FLOW_OK);
    drain(rig);
    g_assert_cmpint(rig->output->len / 4, ==, 2 * DUB_RATE_HZ + 123);
    assert_output_is(rig, 0, 2 * DUB_RATE_HZ + 123, tone);
    rig_free(rig);
}

static void test_eos_without_input(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    drain(rig);
    g_assert_cmpuint(rig->output->len, ==, 0);
    rig_free(rig);
}

static void test_latency_query(void)
{
    struct rig *rig = rig_new("latency", (guint64)5 * GST_SECOND, NULL);
    gst_harness_set_upstream_latency(rig->harness, 40 * GST_MSECOND);
    g_assert_cmpuint(gst_harness_query_latency(rig->harness), ==, 5 * GST_SECOND + 40 * GST_MSECOND);
    feed(rig, CHUNK_NS, tone);
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
    feed(rig, DUB_NS_PER_S, tone);
    run(rig, 6 * DUB_NS_PER_S, NULL);
    g_assert_cmpint(rig->output->len / 4, >, 3 * DUB_RATE_HZ);
    for (int64_t i = DUB_RATE_HZ + 120; i < rig->output->len / 4; i++)
        g_assert_cmpint(output_at(rig, i)[0], ==, 0);
    rig_free(rig);
}

int main(int argc, char **argv)
{
    gst_init(NULL, NULL);
    g_test_init(&argc, &argv, NULL);
    g_assert_true(dub_gst_register());
    g_test_add_func("/stsdub/output-is-input-by-d", test_output_is_input_by_d);
    g_test_add_func("/stsdub/eos-drains", test_eos_drains);
    g_test_add_func("/stsdub/eos-without-input", test_eos_without_input);
    g_test_add_func("/stsdub/latency-query", test_latency_query);
    g_test_add_func("/stsdub/missing-input-is-silence", test_missing_input_is_silence);
    return g_test_run();
}
