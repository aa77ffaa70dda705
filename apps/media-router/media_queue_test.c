/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "media_queue.h"

enum frame { CONFIG, KEY, PICTURE, SOUND };

static struct media_message *make(enum frame frame, int64_t at, gsize size)
{
    enum media_kind kind = frame == SOUND ? MEDIA_AUDIO : MEDIA_VIDEO;
    struct media_message *message = media_message_new(kind, at, g_bytes_new_take(g_malloc0(size), size));
    message->is_config = frame == CONFIG;
    message->is_key = frame == KEY;
    return message;
}

static enum media_queue_result push_sized(struct media_queue *queue, enum frame frame, int64_t at, gsize size)
{
    struct media_message *message = make(frame, at, size);
    enum media_queue_result result = media_queue_push(queue, message, true);
    media_message_unref(message);
    return result;
}

static enum media_queue_result push(struct media_queue *queue, enum frame frame, int64_t at)
{
    return push_sized(queue, frame, at, 10);
}

/* -1: empty. */
static int64_t pop(struct media_queue *queue)
{
    struct media_message *message = media_queue_pop(queue);
    int64_t at = message != NULL ? message->dts_ns : -1;
    media_message_unref(message);
    return at;
}

static void test_waits_for_a_key_frame(void)
{
    struct media_queue queue;
    media_queue_init(&queue, 10);
    media_queue_begin(&queue, true);
    g_assert_cmpint(push(&queue, SOUND, 1), ==, MEDIA_QUEUE_DROPPED);
    g_assert_cmpint(push(&queue, CONFIG, 2), ==, MEDIA_QUEUE_ACCEPTED);
    g_assert_cmpint(push(&queue, PICTURE, 3), ==, MEDIA_QUEUE_DROPPED);
    g_assert_cmpint(push(&queue, KEY, 4), ==, MEDIA_QUEUE_ACCEPTED);
    g_assert_cmpint(push(&queue, SOUND, 5), ==, MEDIA_QUEUE_ACCEPTED);
    g_assert_cmpint(pop(&queue), ==, 2);
    g_assert_cmpint(pop(&queue), ==, 4);
    g_assert_cmpint(pop(&queue), ==, 5);
    g_assert_cmpint(pop(&queue), ==, -1);
    g_assert_cmpuint(queue.dropped, ==, 0); /* it is not slow, it begins */
    g_assert_cmpuint(queue.bytes, ==, 0);
    media_queue_clear(&queue);
}

static void test_order_holds_while_the_ring_turns_and_grows(void)
{
    struct media_queue queue;
    media_queue_init(&queue, 1000);
    media_queue_begin(&queue, false);
    int64_t pushed = 0, popped = 0;
    for (unsigned ahead = 1; ahead < 100; ahead++) { /* each time one more waits, from another place on */
        while (pushed - popped < ahead)
            push(&queue, SOUND, pushed++);
        g_assert_cmpint(media_queue_peek(&queue, ahead - 1)->dts_ns, ==, pushed - 1);
        for (unsigned i = 0; i < 3 && popped < pushed; i++)
            g_assert_cmpint(pop(&queue), ==, popped++);
    }
    while (popped < pushed)
        g_assert_cmpint(pop(&queue), ==, popped++);
    g_assert_cmpint(pop(&queue), ==, -1);
    g_assert_cmpuint(queue.room, <=, 8); /* a reader that has caught up costs no more than others */
    media_queue_clear(&queue);
}

static void test_overflow_keeps_the_same_wherever_the_ring_stands(void)
{
    for (unsigned turned = 0; turned < 16; turned++) {
        struct media_queue queue;
        struct media_message *held[] = {make(CONFIG, 0, 10), make(CONFIG, 1, 10), make(KEY, 2, 10)};
        media_queue_init(&queue, 3);
        media_queue_begin(&queue, false);
        for (unsigned i = 0; i < turned; i++) {
            push(&queue, SOUND, i);
            pop(&queue);
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(held); i++)
            media_queue_push(&queue, held[i], true);
        g_assert_cmpint(push(&queue, PICTURE, 3), ==, MEDIA_QUEUE_DROPPED);
        g_assert_cmpint(pop(&queue), ==, 1);
        g_assert_cmpint(pop(&queue), ==, -1);
        media_queue_clear(&queue);
        for (unsigned i = 0; i < G_N_ELEMENTS(held); i++)
            media_message_unref(held[i]);
    }
}

static void test_audio_alone_starts_at_once(void)
{
    struct media_queue queue;
    media_queue_init(&queue, 10);
    media_queue_begin(&queue, false);
    g_assert_cmpint(push(&queue, SOUND, 1), ==, MEDIA_QUEUE_ACCEPTED);
    media_queue_clear(&queue);
}

static void test_overflow_goes_on_at_a_key_frame(void)
{
    struct media_queue queue;
    media_queue_init(&queue, 3);
    media_queue_begin(&queue, true);
    push(&queue, CONFIG, 0);
    push(&queue, KEY, 1);
    push(&queue, PICTURE, 2);
    g_assert_cmpint(push(&queue, PICTURE, 3), ==, MEDIA_QUEUE_DROPPED);
    g_assert_cmpint(push(&queue, SOUND, 4), ==, MEDIA_QUEUE_DROPPED);
    g_assert_cmpint(push(&queue, KEY, 5), ==, MEDIA_QUEUE_ACCEPTED);
    g_assert_cmpint(pop(&queue), ==, 0); /* the sequence header survives */
    g_assert_cmpint(pop(&queue), ==, 5);
    g_assert_cmpint(pop(&queue), ==, -1);
    g_assert_cmpuint(queue.dropped, ==, 4);
    media_queue_clear(&queue);
}

/* A publisher that repeats its headers does not fill the queue of a reader that takes nothing. */
static void test_only_the_newest_configuration_is_kept(void)
{
    struct media_queue queue;
    media_queue_init(&queue, 10);
    media_queue_begin(&queue, true);
    for (int64_t i = 0; i < 12; i++)
        push(&queue, CONFIG, i);
    g_assert_cmpuint(queue.length, ==, 3);
    g_assert_cmpint(pop(&queue), ==, 9); /* the newest when it overflowed */
    g_assert_cmpint(pop(&queue), ==, 10);
    g_assert_cmpint(pop(&queue), ==, 11);
    g_assert_cmpuint(queue.bytes, ==, 0);
    g_assert_cmpuint(queue.dropped, ==, 9);
    media_queue_clear(&queue);
}

static void test_again_and_again_is_too_slow(void)
{
    struct media_queue queue;
    media_queue_init(&queue, 1);
    media_queue_begin(&queue, true);
    struct router_counters counters = {0};
    queue.counters = &counters;
    push(&queue, KEY, 0);
    for (unsigned i = 0; i < MEDIA_QUEUE_MAX_OVERFLOWS; i++)
        g_assert_cmpint(push(&queue, KEY, i), ==, MEDIA_QUEUE_ACCEPTED);
    g_assert_cmpuint(counters.too_slow, ==, 0);
    g_assert_cmpint(push(&queue, KEY, 9), ==, MEDIA_QUEUE_TOO_SLOW);
    g_assert_cmpuint(counters.too_slow, ==, 1);
    g_assert_cmpuint(counters.discarded, ==, queue.dropped);
    media_queue_clear(&queue);
}

static void test_catching_up_is_forgiven(void)
{
    struct media_queue queue;
    media_queue_init(&queue, 1);
    media_queue_begin(&queue, true);
    for (unsigned i = 0; i < 5 * MEDIA_QUEUE_MAX_OVERFLOWS; i++) {
        g_assert_cmpint(push(&queue, KEY, i), ==, MEDIA_QUEUE_ACCEPTED);
        g_assert_cmpint(push(&queue, KEY, i), ==, MEDIA_QUEUE_ACCEPTED);
        pop(&queue);
    }
    media_queue_clear(&queue);
}

static void test_bytes_are_limited(void)
{
    struct media_queue queue;
    media_queue_init(&queue, 1000);
    media_queue_begin(&queue, true);
    push_sized(&queue, KEY, 0, MEDIA_QUEUE_MAX_BYTES - 10);
    g_assert_cmpint(push(&queue, PICTURE, 1), ==, MEDIA_QUEUE_ACCEPTED);
    g_assert_cmpint(push(&queue, PICTURE, 2), ==, MEDIA_QUEUE_DROPPED);
    g_assert_cmpuint(queue.bytes, ==, 0);
    media_queue_clear(&queue);
}

/* What a reader starts with does not count against what it may be behind. */
static void test_backlog_is_extra(void)
{
    struct media_queue queue;
    media_queue_init(&queue, 2);
    media_queue_begin(&queue, true);
    for (int64_t i = 0; i < 100; i++) {
        struct media_message *message = make(i == 0 ? KEY : PICTURE, i, 10);
        media_queue_push_backlog(&queue, message);
        media_message_unref(message);
    }
    g_assert_cmpint(push(&queue, PICTURE, 100), ==, MEDIA_QUEUE_ACCEPTED);
    g_assert_cmpint(push(&queue, PICTURE, 101), ==, MEDIA_QUEUE_ACCEPTED);
    for (int64_t i = 0; i < 102; i++)
        g_assert_cmpint(pop(&queue), ==, i);
    push(&queue, PICTURE, 200);
    push(&queue, PICTURE, 201);
    g_assert_cmpint(push(&queue, PICTURE, 202), ==, MEDIA_QUEUE_DROPPED);
    media_queue_clear(&queue);
}

/* Whoever is far behind gives it up, whoever is not keeps its few. */
static void test_memory_of_all(void)
{
    struct media_queue queue;
    media_queue_init(&queue, 1000);
    media_queue_begin(&queue, true);
    queue.max_held_bytes = media_held_bytes() + MEDIA_QUEUE_FAIR_BYTES / 2;
    g_assert_cmpint(push_sized(&queue, KEY, 1, MEDIA_QUEUE_FAIR_BYTES - 10), ==, MEDIA_QUEUE_ACCEPTED);
    g_assert_cmpint(push_sized(&queue, PICTURE, 2, 20), ==, MEDIA_QUEUE_ACCEPTED);
    g_assert_cmpint(push_sized(&queue, PICTURE, 3, 20), ==, MEDIA_QUEUE_DROPPED);
    g_assert_cmpint(push_sized(&queue, KEY, 4, 20), ==, MEDIA_QUEUE_ACCEPTED);
    g_assert_cmpint(pop(&queue), ==, 4);
    media_queue_clear(&queue);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/media-queue/waits-for-a-key-frame", test_waits_for_a_key_frame);
    g_test_add_func("/media-queue/order-holds-while-the-ring-turns-and-grows",
                    test_order_holds_while_the_ring_turns_and_grows);
    g_test_add_func("/media-queue/overflow-keeps-the-same-wherever-the-ring-stands",
                    test_overflow_keeps_the_same_wherever_the_ring_stands);
    g_test_add_func("/media-queue/audio-alone-starts-at-once", test_audio_alone_starts_at_once);
    g_test_add_func("/media-queue/overflow-goes-on-at-a-key-frame", test_overflow_goes_on_at_a_key_frame);
    g_test_add_func("/media-queue/only-the-newest-configuration-is-kept",
                    test_only_the_newest_configuration_is_kept);
    g_test_add_func("/media-queue/again-and-again-is-too-slow", test_again_and_again_is_too_slow);
    g_test_add_func("/media-queue/catching-up-is-forgiven", test_catching_up_is_forgiven);
    g_test_add_func("/media-queue/bytes-are-limited", test_bytes_are_limited);
    g_test_add_func("/media-queue/backlog-is-extra", test_backlog_is_extra);
    g_test_add_func("/media-queue/memory-of-all", test_memory_of_all);
    return g_test_run();
}
