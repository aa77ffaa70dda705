/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stsdub_rig.h"

#include "sound/samples.h"
#include <string.h>

#define CAPS "audio/x-raw,format=S16LE,rate=48000,channels=2,layout=interleaved"

/* On the thread that pushes. */
static GstPadProbeReturn on_push(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
    struct rig *rig = user;
    pthread_mutex_lock(&rig->handover);
    pthread_mutex_unlock(&rig->handover);
    return GST_PAD_PROBE_OK;
}

struct rig *rig_new(const char *first_property, ...)
{
    struct rig *rig = g_new0(struct rig, 1);
    va_list properties;
    va_start(properties, first_property);
    rig->element = gst_element_factory_make("stsdub", NULL);
    g_object_set_valist(G_OBJECT(rig->element), first_property, properties);
    va_end(properties);
    rig->bus = gst_bus_new();
    gst_element_set_bus(rig->element, rig->bus);
    pthread_mutex_init(&rig->handover, NULL);
    g_autoptr(GstPad) src = gst_element_get_static_pad(rig->element, "src");
    gst_pad_add_probe(src, GST_PAD_PROBE_TYPE_BUFFER, on_push, rig, NULL);
    rig->harness = gst_harness_new_with_element(rig->element, "sink", "src");
    gst_harness_use_testclock(rig->harness);
    gst_harness_set_src_caps_str(rig->harness, CAPS);
    rig->output = g_byte_array_new();
    rig->first_pts = rig->next_pts = GST_CLOCK_TIME_NONE;
    return rig;
}

void rig_free(struct rig *rig)
{
    gst_harness_teardown(rig->harness);
    gst_element_set_bus(rig->element, NULL);
    gst_object_unref(rig->bus);
    gst_object_unref(rig->element);
    g_byte_array_unref(rig->output);
    pthread_mutex_destroy(&rig->handover);
    g_free(rig);
}

GstBuffer *rig_new_buffer(int64_t pts_ns, int64_t position, unsigned n_samples, signal_fn signal)
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

void rig_feed(struct rig *rig, int64_t until_ns, signal_fn signal)
{
    for (; rig->fed_ns < until_ns; rig->fed_ns += RIG_CHUNK_NS) {
        GstBuffer *buffer =
            rig_new_buffer(rig->fed_ns, dub_ns_to_samples(rig->fed_ns), RIG_CHUNK_SAMPLES, signal);
        g_assert_cmpint(gst_harness_push(rig->harness, buffer), ==, GST_FLOW_OK);
    }
}

void rig_collect(struct rig *rig, GstBuffer *buffer)
{
    pthread_mutex_lock(&rig->handover);
    pthread_mutex_unlock(&rig->handover);
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

GstTestClock *rig_clock(struct rig *rig)
{
    return gst_harness_get_testclock(rig->harness);
}

/* Lets the clock run to `until`, block by block, feeding the input 20 ms behind it (it arrives when it was
 * said). */
void rig_run(struct rig *rig, int64_t until_ns, signal_fn signal)
{
    g_autoptr(GstTestClock) clock = rig_clock(rig);
    if (rig->fed_ns == 0 && signal != NULL)
        rig_feed(rig, RIG_CHUNK_NS, signal);
    for (;;) {
        GstClockID id = NULL;
        gst_test_clock_wait_for_next_pending_id(clock, &id);
        GstClockTime due = gst_clock_id_get_time(id);
        gst_clock_id_unref(id);
        if (due > (GstClockTime)until_ns)
            break;
        if (signal != NULL)
            rig_feed(rig, (int64_t)due - RIG_CHUNK_NS, signal);
        gst_test_clock_crank(clock);
        rig_collect(rig, gst_harness_pull(rig->harness));
    }
    gst_test_clock_set_time(clock, (GstClockTime)until_ns);
}

const int16_t *rig_output_at(const struct rig *rig, int64_t position)
{
    g_assert_cmpint((position + 1) * 4, <=, rig->output->len);
    return (const int16_t *)(const void *)rig->output->data + position * 2;
}

void rig_assert_output_is(const struct rig *rig, int64_t from, int64_t to, signal_fn signal)
{
    for (int64_t i = from; i < to; i++) {
        int16_t left;
        int16_t right;
        signal(i, &left, &right);
        g_assert_cmpint(rig_output_at(rig, i)[0], ==, left);
        g_assert_cmpint(rig_output_at(rig, i)[1], ==, right);
    }
}

void rig_drain(struct rig *rig)
{
    g_assert_true(gst_harness_push_event(rig->harness, gst_event_new_eos()));
    rig_finish(rig);
}

void rig_finish(struct rig *rig)
{
    g_autoptr(GstTestClock) clock = rig_clock(rig);
    for (;;) {
        GstEvent *event = NULL;
        while ((event = gst_harness_try_pull_event(rig->harness)) != NULL) {
            rig->eos = rig->eos || GST_EVENT_TYPE(event) == GST_EVENT_EOS;
            gst_event_unref(event);
        }
        GstBuffer *buffer = NULL;
        while ((buffer = gst_harness_try_pull(rig->harness)) != NULL)
            rig_collect(rig, buffer);
        if (rig->eos)
            return;
        if (gst_test_clock_peek_id_count(clock) > 0)
            gst_test_clock_crank(clock);
        else
            g_thread_yield();
    }
}
