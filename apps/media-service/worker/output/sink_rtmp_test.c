/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink.h"

#include <dubbing_clock.h>
#include <string.h>
#include <tests/rtmp_test_listener.h>

#define DEADLINE_US (30 * G_USEC_PER_SEC)

/* A sink and its server, moved by the same thread. */
struct fixture {
    struct rtmp_test_listener listener;
    struct written_meter meter;
    struct sink sink;
};

static void setup(struct fixture *fixture, gconstpointer data)
{
    memset(fixture, 0, sizeof *fixture);
    rtmp_test_listener_init(&fixture->listener);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    sink_clear(&fixture->sink);
    rtmp_test_listener_clear(&fixture->listener);
}

static void push_key_picture(struct fixture *fixture)
{
    g_autoptr(GstBuffer) codec_data = gst_buffer_new_memdup("\1\x64\0\x1e\xff\xe0\0", 7);
    g_autoptr(GstBuffer) picture = gst_buffer_new_memdup("\0\0\0\2ab", 6);
    g_autoptr(GstCaps) caps = gst_caps_new_simple("video/x-h264", "stream-format", G_TYPE_STRING, "avc",
                                                  "codec_data", GST_TYPE_BUFFER, codec_data, NULL);
    const struct packet packet = {.track = TRACK_VIDEO, .key = true, .buffer = picture, .caps = caps};

    g_assert_true(sink_push(&fixture->sink, &packet));
    sink_flush(&fixture->sink);
}

static void turn(struct fixture *fixture)
{
    rtmp_test_listener_turn(&fixture->listener);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

/* The next message of these types on the sink's bus, while server and main loop go on. The caller's. */
static GstMessage *await(struct fixture *fixture, GstMessageType types)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(fixture->sink.pipeline);
    gint64 deadline = g_get_monotonic_time() + DEADLINE_US;
    GstMessage *message = NULL;

    while (!message && g_get_monotonic_time() < deadline) {
        turn(fixture);
        message = gst_bus_pop_filtered(bus, types);
    }
    if (!message) /* not g_assert_nonnull: static analysis knows only of g_error that it does not return */
        g_error("no message of the awaited types (0x%x) came", (guint)types);
    return message;
}

/* Whatever the meter knows of a connection before: a picture that comes while this one is being made does not
 * look as if the peer had read nothing for all that time. */
static void test_connecting_is_no_stall(struct fixture *fixture, gconstpointer data)
{
    sink_init(&fixture->sink, fixture->listener.url, &fixture->meter);
    push_key_picture(fixture);
    g_assert_cmpint(sink_backlog_bytes(&fixture->sink), >, 0);
    g_assert_cmpint(written_meter_idle_ns(&fixture->meter), <, 60 * DUB_NS_PER_S);
}

static void test_media_alone_is_output(struct fixture *fixture, gconstpointer data)
{
    sink_init(&fixture->sink, fixture->listener.url, &fixture->meter);
    gint64 deadline = g_get_monotonic_time() + DEADLINE_US;
    while (!strstr(fixture->listener.server.heard->str, "publish ") && g_get_monotonic_time() < deadline)
        turn(fixture);
    g_assert_cmpint(written_meter_bytes(&fixture->meter), ==, 0); /* connected, and nothing sent */
    for (int i = 0; i < 10; i++)
        turn(fixture);
    push_key_picture(fixture);
    g_autoptr(GstMessage) connected = await(fixture, GST_MESSAGE_APPLICATION);
    g_assert_true(gst_structure_has_name(gst_message_get_structure(connected), "connected"));
    g_assert_cmpint(written_meter_bytes(&fixture->meter), >, 0);
    sink_end(&fixture->sink);
    while (!fixture->listener.client_closed && g_get_monotonic_time() < deadline)
        turn(fixture);
    rtmp_test_listener_close_peer(&fixture->listener);
    g_autoptr(GstMessage) end = await(fixture, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    g_assert_cmpint(GST_MESSAGE_TYPE(end), ==, GST_MESSAGE_EOS);
    /* Metadata, two codec headers and the picture. */
    g_assert_cmpuint(g_queue_get_length(&fixture->listener.server.messages), ==, 4);
}

static void test_refused_is_no_output(struct fixture *fixture, gconstpointer data)
{
    fixture->listener.server.refuses = "publish";
    fixture->listener.server.code = "NetStream.Publish.BadName";
    sink_init(&fixture->sink, fixture->listener.url, &fixture->meter);
    push_key_picture(fixture);
    g_autoptr(GstMessage) error = await(fixture, GST_MESSAGE_APPLICATION | GST_MESSAGE_ERROR);
    g_assert_cmpint(GST_MESSAGE_TYPE(error), ==, GST_MESSAGE_ERROR);
    g_assert_cmpint(written_meter_bytes(&fixture->meter), ==, 0);
}

int main(int argc, char **argv)
{
    gst_init(NULL, NULL);
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/sink-rtmp/" name, struct fixture, NULL, setup, function, teardown)
    ADD("connecting-is-no-stall", test_connecting_is_no_stall);
    ADD("media-alone-is-output", test_media_alone_is_output);
    ADD("refused-is-no-output", test_refused_is_no_output);
    return g_test_run();
}
