/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fair_queue.h"

#define PER_STREAM 1000
#define N_STREAMS 8

/* Items say by their place who put them there and as which one. */
static char items[N_STREAMS][PER_STREAM];

static void *item(uint64_t stream, unsigned nth)
{
    return &items[stream][nth];
}

static size_t stream_of(const void *got)
{
    return (size_t)((const char *)got - &items[0][0]) / PER_STREAM;
}

static void push(struct fair_queue *queue, uint64_t stream, unsigned nth)
{
    fair_queue_push(queue, stream, item(stream, nth));
}

/* The next item, done in no time. */
static void expect(struct fair_queue *queue, uint64_t stream, unsigned nth)
{
    g_assert_true(fair_queue_pop(queue, 0) == item(stream, nth));
    fair_queue_done(queue, stream, 0, 0);
}

static bool is_of_stream(const void *got, const void *user)
{
    return stream_of(got) == *(const uint64_t *)user;
}

static void test_in_turn(void)
{
    struct fair_queue *queue = fair_queue_new(1);
    for (unsigned i = 0; i < 4; i++)
        push(queue, 1, i);
    push(queue, 2, 0);
    push(queue, 3, 0);
    push(queue, 3, 1);
    g_assert_cmpuint(fair_queue_length(queue), ==, 7);
    expect(queue, 1, 0);
    expect(queue, 2, 0);
    expect(queue, 3, 0);
    expect(queue, 1, 1);
    expect(queue, 3, 1);
    expect(queue, 1, 2);
    push(queue, 2, 1);
    expect(queue, 1, 3);
    expect(queue, 2, 1);
    g_assert_null(fair_queue_pop(queue, 0));
    g_assert_cmpuint(fair_queue_length(queue), ==, 0);
    fair_queue_free(queue);
    fair_queue_free(NULL);
}

static void test_remove(void)
{
    struct fair_queue *queue = fair_queue_new(1);
    g_autoptr(GPtrArray) removed = g_ptr_array_new();
    uint64_t one = 1, nobody = 7;
    for (unsigned i = 0; i < 3; i++) {
        push(queue, 1, i);
        push(queue, 2, i);
    }
    expect(queue, 1, 0);
    fair_queue_remove(queue, is_of_stream, &one, removed);
    fair_queue_remove(queue, is_of_stream, &nobody, removed);
    g_assert_cmpuint(removed->len, ==, 2);
    g_assert_true(removed->pdata[0] == item(1, 1));
    g_assert_cmpuint(fair_queue_length(queue), ==, 3);
    for (unsigned i = 0; i < 3; i++)
        expect(queue, 2, i);
    fair_queue_free(queue);
}

static unsigned pop_all(struct fair_queue *queue, int64_t now_ns)
{
    unsigned n_popped = 0;
    while (fair_queue_pop(queue, now_ns))
        n_popped++;
    return n_popped;
}

/* Four threads; one stream floods, the other has just said something and pauses: two threads stay free for
 * it.
 */
static void test_threads_are_kept_in_a_pause(void)
{
    struct fair_queue *queue = fair_queue_new(4);
    fair_queue_join(queue, 1, 0);
    fair_queue_join(queue, 2, 0);
    push(queue, 2, 0);
    expect(queue, 2, 0);
    for (unsigned i = 0; i < 8; i++)
        push(queue, 1, i);
    g_assert_cmpuint(pop_all(queue, FAIR_QUEUE_PAUSE_NS - 1), ==, 2);
    push(queue, 2, 1);
    g_assert_true(fair_queue_pop(queue, FAIR_QUEUE_PAUSE_NS - 1) == item(2, 1));
    fair_queue_done(queue, 2, 0, FAIR_QUEUE_PAUSE_NS - 1);
    g_assert_cmpuint(pop_all(queue, FAIR_QUEUE_PAUSE_NS), ==, 0);
    /* Once the other has ended, all threads are the first one's. */
    fair_queue_leave(queue, 2);
    fair_queue_leave(queue, 7);
    g_assert_cmpuint(pop_all(queue, FAIR_QUEUE_PAUSE_NS), ==, 2);
    fair_queue_free(queue);
}

/* Those that stay but say nothing for longer, or have never said anything, cost the others nothing. */
static void test_quiet_streams_keep_no_threads(void)
{
    struct fair_queue *queue = fair_queue_new(4);
    for (uint64_t stream = 1; stream < 5; stream++)
        fair_queue_join(queue, stream, 0);
    push(queue, 2, 0);
    expect(queue, 2, 0);
    for (unsigned i = 0; i < 8; i++)
        push(queue, 1, i);
    g_assert_cmpuint(pop_all(queue, FAIR_QUEUE_PAUSE_NS), ==, 4);
    /* When it speaks again it has its part, as soon as a thread is free. */
    push(queue, 2, 1);
    push(queue, 2, 2);
    fair_queue_done(queue, 1, 1, FAIR_QUEUE_PAUSE_NS);
    fair_queue_done(queue, 1, 1, FAIR_QUEUE_PAUSE_NS);
    g_assert_true(fair_queue_pop(queue, FAIR_QUEUE_PAUSE_NS) == item(2, 1));
    g_assert_true(fair_queue_pop(queue, FAIR_QUEUE_PAUSE_NS) == item(2, 2));
    g_assert_cmpuint(pop_all(queue, FAIR_QUEUE_PAUSE_NS), ==, 0);
    fair_queue_free(queue);
}

static void test_more_streams_than_threads(void)
{
    struct fair_queue *queue = fair_queue_new(2);
    for (unsigned stream = 0; stream < 5; stream++) {
        push(queue, stream, 0);
        push(queue, stream, 1);
    }
    for (unsigned stream = 0; stream < 5; stream++)
        g_assert_true(fair_queue_pop(queue, 0) == item(stream, 0));
    /* Each has its one thread and no more. */
    g_assert_null(fair_queue_pop(queue, 0));
    fair_queue_done(queue, 3, 0, 0);
    g_assert_true(fair_queue_pop(queue, 0) == item(3, 1));
    fair_queue_free(queue);
}

/* One stream's fragments take ten times as long; on one thread both get the same time, not the same number.
 */
static void test_slow_stream_pays(void)
{
    static const int64_t cost_ns[] = {10, 1};
    struct fair_queue *queue = fair_queue_new(1);
    int64_t served_ns[2] = {0};
    unsigned n_served[2] = {0};
    for (unsigned i = 0; i < 500; i++) {
        push(queue, 0, i);
        push(queue, 1, i);
    }
    while (n_served[1] < 400) {
        size_t stream = stream_of(fair_queue_pop(queue, 0));
        n_served[stream]++;
        served_ns[stream] += cost_ns[stream];
        fair_queue_done(queue, stream, cost_ns[stream], 0);
        g_assert_cmpint(ABS(served_ns[0] - served_ns[1]), <=, 10);
    }
    fair_queue_free(queue);
}

/* A stream that was silent does not catch up at the others' cost. */
static void test_silence_earns_nothing(void)
{
    struct fair_queue *queue = fair_queue_new(1);
    fair_queue_join(queue, 2, 0);
    for (unsigned i = 0; i < 200; i++)
        push(queue, 1, i);
    for (unsigned i = 0; i < 100; i++) {
        g_assert_nonnull(fair_queue_pop(queue, 0));
        fair_queue_done(queue, 1, 5, 0);
    }
    for (unsigned i = 0; i < 100; i++)
        push(queue, 2, i);
    unsigned n_first = 0;
    for (unsigned i = 0; i < 20; i++) {
        size_t stream = stream_of(fair_queue_pop(queue, 0));
        n_first += stream == 1;
        fair_queue_done(queue, stream, 5, 0);
    }
    g_assert_cmpuint(n_first, >=, 9);
    fair_queue_free(queue);
}

/* A stream that is not announced and has one item at a time is not next again and again. */
static void test_coming_and_going_earns_nothing(void)
{
    struct fair_queue *queue = fair_queue_new(1);
    unsigned n_first = 0;
    for (unsigned i = 0; i < 100; i++)
        push(queue, 1, i);
    for (unsigned i = 0; i < 20; i++) {
        push(queue, 2, i);
        size_t stream = stream_of(fair_queue_pop(queue, 0));
        n_first += stream == 1;
        fair_queue_done(queue, stream, 5, 0);
    }
    g_assert_cmpuint(n_first, >=, 9);
    fair_queue_free(queue);
}

/* Whatever is pushed and popped: nobody is served more than twice while another waits, and each stream's
 * order holds.
 */
static void test_random_streams_get_their_share(void)
{
    struct fair_queue *queue = fair_queue_new(1);
    unsigned pushed[5] = {0}, popped[5] = {0}, passed_over[5] = {0};

    for (int step = 0; step < 20000; step++) {
        unsigned stream = (unsigned)g_test_rand_int_range(0, 5);
        if (g_test_rand_bit() && pushed[stream] < 900) {
            push(queue, stream, pushed[stream]++);
            continue;
        }
        const char *got = fair_queue_pop(queue, 0);
        if (!got)
            continue;
        size_t served = stream_of(got);
        g_assert_true(got == item(served, popped[served]++));
        fair_queue_done(queue, served, 3, 0);
        passed_over[served] = 0;
        for (unsigned other = 0; other < 5; other++) {
            if (other == served || pushed[other] == popped[other])
                continue;
            g_assert_cmpuint(++passed_over[other], <=, 2 * 4);
        }
    }
    fair_queue_free(queue);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fair-queue/streams-are-served-in-turn", test_in_turn);
    g_test_add_func("/fair-queue/remove-takes-what-matches", test_remove);
    g_test_add_func("/fair-queue/threads-are-kept-in-a-pause", test_threads_are_kept_in_a_pause);
    g_test_add_func("/fair-queue/quiet-streams-keep-no-threads", test_quiet_streams_keep_no_threads);
    g_test_add_func("/fair-queue/more-streams-than-threads", test_more_streams_than_threads);
    g_test_add_func("/fair-queue/slow-stream-pays-for-its-slowness", test_slow_stream_pays);
    g_test_add_func("/fair-queue/silence-earns-nothing", test_silence_earns_nothing);
    g_test_add_func("/fair-queue/coming-and-going-earns-nothing", test_coming_and_going_earns_nothing);
    g_test_add_func("/fair-queue/random-streams-get-their-share", test_random_streams_get_their_share);
    return g_test_run();
}
