/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "packet_queue.h"

#include <glib.h>

#define NOW 1000
#define MS INT64_C(1000000)

static struct packet *make(enum track track, int64_t due_ns, gsize bytes)
{
    struct packet *packet = g_new0(struct packet, 1);
    packet->track = track;
    packet->due_ns = due_ns;
    packet->buffer = gst_buffer_new_allocate(NULL, bytes, NULL);
    return packet;
}

static void push(struct packet_queue *queue, enum track track, int64_t due_ns)
{
    g_assert_true(packet_queue_push(queue, make(track, due_ns, 10), NOW, NULL));
}

static void assert_pop(struct packet_queue *queue, int64_t now_ns, enum track track, int64_t due_ns)
{
    struct packet *packet = packet_queue_pop_due(queue, now_ns);
    g_assert_nonnull(packet);
    g_assert_cmpint(packet->track, ==, track);
    g_assert_cmpint(packet->due_ns, ==, due_ns);
    packet_free(packet);
}

static void test_leaves_in_order_of_both_tracks(void)
{
    struct packet_queue queue;

    packet_queue_init(&queue, 1000, 1000);
    push(&queue, TRACK_VIDEO, 1100);
    push(&queue, TRACK_VIDEO, 1200);
    push(&queue, TRACK_AUDIO, 1050);
    push(&queue, TRACK_AUDIO, 1100);
    push(&queue, TRACK_AUDIO, 1150);
    assert_pop(&queue, 2000, TRACK_AUDIO, 1050);
    assert_pop(&queue, 2000, TRACK_VIDEO, 1100);
    assert_pop(&queue, 2000, TRACK_AUDIO, 1100);
    assert_pop(&queue, 2000, TRACK_AUDIO, 1150);
    assert_pop(&queue, 2000, TRACK_VIDEO, 1200);
    g_assert_cmpint(queue.bytes, ==, 0);
}

static void test_nothing_leaves_before_its_time(void)
{
    struct packet_queue queue;

    packet_queue_init(&queue, 1000, 1000);
    g_assert_cmpint(packet_queue_wake_ns(&queue), ==, INT64_MAX);
    g_assert_null(packet_queue_pop_due(&queue, INT64_MAX - 1));
    push(&queue, TRACK_VIDEO, 1100);
    g_assert_cmpint(packet_queue_wake_ns(&queue), ==, 1100);
    g_assert_null(packet_queue_pop_due(&queue, 1099));
    assert_pop(&queue, 1100, TRACK_VIDEO, 1100);
}

static void test_sound_leaves_early_but_not_before_a_picture(void)
{
    struct packet_queue queue;

    packet_queue_init(&queue, 1000, 1000 * MS);
    push(&queue, TRACK_VIDEO, 100 * MS);
    push(&queue, TRACK_VIDEO, 133 * MS);
    push(&queue, TRACK_AUDIO, 110 * MS);
    push(&queue, TRACK_AUDIO, 131 * MS);
    push(&queue, TRACK_AUDIO, 152 * MS);
    g_assert_null(packet_queue_pop_due(&queue, 99 * MS));
    assert_pop(&queue, 100 * MS, TRACK_VIDEO, 100 * MS);
    assert_pop(&queue, 100 * MS, TRACK_AUDIO, 110 * MS);
    g_assert_null(packet_queue_pop_due(&queue, 100 * MS));
    assert_pop(&queue, 112 * MS, TRACK_AUDIO, 131 * MS);
    /* The next picture comes before that sound. */
    g_assert_null(packet_queue_pop_due(&queue, 132 * MS));
    packet_queue_clear(&queue);
}

static void test_sound_waits_for_a_picture_that_comes_soon(void)
{
    struct packet_queue queue;

    packet_queue_init(&queue, 1000, 1000 * MS);
    push(&queue, TRACK_AUDIO, 100 * MS);
    g_assert_cmpint(packet_queue_wake_ns(&queue), ==, 100 * MS);
    push(&queue, TRACK_VIDEO, 115 * MS);
    g_assert_cmpint(packet_queue_wake_ns(&queue), ==, 100 * MS);
    assert_pop(&queue, 100 * MS, TRACK_AUDIO, 100 * MS);
    push(&queue, TRACK_AUDIO, 102 * MS);
    g_assert_cmpint(packet_queue_wake_ns(&queue), ==, 115 * MS);
    assert_pop(&queue, 115 * MS, TRACK_AUDIO, 102 * MS);
    assert_pop(&queue, 115 * MS, TRACK_VIDEO, 115 * MS);
    packet_queue_clear(&queue);
}

static void assert_refused(struct packet_queue *queue, struct packet *packet, const char *says)
{
    struct dub_error error = {0};

    g_assert_false(packet_queue_push(queue, packet, NOW, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_LIMIT);
    g_assert_nonnull(g_strstr_len(error.message, -1, says));
    packet_free(packet);
}

static void test_bounds(void)
{
    struct packet_queue queue;

    packet_queue_init(&queue, 25, 500);
    push(&queue, TRACK_VIDEO, 1100);
    push(&queue, TRACK_VIDEO, 1101);
    assert_refused(&queue, make(TRACK_VIDEO, 1102, 6), "WORKER_LATENCY");
    assert_refused(&queue, make(TRACK_AUDIO, 1501, 1), "timestamps");
    packet_queue_clear(&queue);
    g_assert_cmpint(queue.bytes, ==, 0);
    push(&queue, TRACK_AUDIO, 1500);
    packet_queue_clear(&queue);
}

int main(int argc, char **argv)
{
    gst_init(NULL, NULL);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/packet-queue/leaves-in-order-of-both-tracks", test_leaves_in_order_of_both_tracks);
    g_test_add_func("/packet-queue/nothing-leaves-before-its-time", test_nothing_leaves_before_its_time);
    g_test_add_func("/packet-queue/sound-leaves-early-but-not-before-a-picture",
                    test_sound_leaves_early_but_not_before_a_picture);
    g_test_add_func("/packet-queue/sound-waits-for-a-picture-that-comes-soon",
                    test_sound_waits_for_a_picture_that_comes_soon);
    g_test_add_func("/packet-queue/bounds", test_bounds);
    return g_test_run();
}
