/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "written_meter.h"

#include <dubbing_clock.h>

static void push(GstPad *pad, gsize bytes)
{
    g_assert_cmpint(gst_pad_push(pad, gst_buffer_new_allocate(NULL, bytes, NULL)), ==, GST_FLOW_OK);
}

static GstFlowReturn swallow(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    gst_buffer_unref(buffer);
    return GST_FLOW_OK;
}

static GstFlowReturn swallow_list(GstPad *pad, GstObject *parent, GstBufferList *list)
{
    gst_buffer_list_unref(list);
    return GST_FLOW_OK;
}

static void connect_pads(GstPad *source, GstPad *sink)
{
    GstSegment segment;
    gst_pad_set_chain_function(sink, swallow);
    gst_pad_set_chain_list_function(sink, swallow_list);
    gst_pad_set_active(source, TRUE);
    gst_pad_set_active(sink, TRUE);
    g_assert_cmpint(gst_pad_link(source, sink), ==, GST_PAD_LINK_OK);
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(source, gst_event_new_stream_start("s"));
    gst_pad_push_event(source, gst_event_new_segment(&segment));
}

static void test_buffers_and_lists_are_counted(void)
{
    struct written_meter meter = {0};
    g_autoptr(GstPad) source = gst_object_ref_sink(gst_pad_new("source", GST_PAD_SRC));
    g_autoptr(GstPad) sink = gst_object_ref_sink(gst_pad_new("sink", GST_PAD_SINK));
    connect_pads(source, sink);
    push(source, 1000);
    written_meter_watch(&meter, sink);
    g_assert_cmpint(written_meter_bytes(&meter), ==, 0);
    push(source, 7);
    GstBufferList *list = gst_buffer_list_new();
    gst_buffer_list_add(list, gst_buffer_new_allocate(NULL, 20, NULL));
    gst_buffer_list_add(list, gst_buffer_new_allocate(NULL, 300, NULL));
    g_assert_cmpint(gst_pad_push_list(source, list), ==, GST_FLOW_OK);
    g_assert_cmpint(written_meter_bytes(&meter), ==, 327);
    gst_pad_set_active(source, FALSE);
    gst_pad_set_active(sink, FALSE);
}

static void test_idle_begins_when_something_waits(void)
{
    int64_t begin_ns = dub_clock_now_ns(dub_clock_monotonic());
    struct written_meter meter = {0};
    g_assert_cmpint(written_meter_idle_ns(&meter), >=, begin_ns);
    written_meter_begin_waiting(&meter);
    int64_t idle_ns = written_meter_idle_ns(&meter);
    int64_t passed_ns = dub_clock_now_ns(dub_clock_monotonic()) - begin_ns;
    g_assert_cmpint(idle_ns, >=, 0);
    g_assert_cmpint(idle_ns, <=, passed_ns);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    gst_init(NULL, NULL);
    g_test_add_func("/written-meter/buffers-and-lists-are-counted", test_buffers_and_lists_are_counted);
    g_test_add_func("/written-meter/idle-begins-when-something-waits", test_idle_begins_when_something_waits);
    return g_test_run();
}
