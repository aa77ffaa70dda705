/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fair_queue.h"

#define PER_OWNER 1000

/* Items say by their place who put them there and as which one. */
static char items[8][PER_OWNER];

static void *item(uint64_t owner, unsigned nth)
{
    return &items[owner][nth];
}

static void push(struct fair_queue *queue, uint64_t owner, unsigned nth)
{
    g_assert_true(fair_queue_push(queue, owner, item(owner, nth)));
}

static void expect(struct fair_queue *queue, uint64_t owner, unsigned nth)
{
    g_assert_true(fair_queue_pop(queue) == item(owner, nth));
}

static void test_in_turn(void)
{
    struct fair_queue *queue = fair_queue_new(20);
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
    g_assert_null(fair_queue_pop(queue));
    fair_queue_free(queue);
}

static void test_full_for_the_greedy_only(void)
{
    struct fair_queue *queue = fair_queue_new(3);
    for (unsigned i = 0; i < 3; i++)
        push(queue, 1, i);
    g_assert_false(fair_queue_push(queue, 1, item(1, 3)));
    push(queue, 2, 0);
    g_assert_false(fair_queue_push(queue, 2, item(2, 1)));
    expect(queue, 1, 0);
    expect(queue, 2, 0);
    push(queue, 1, 3);
    g_assert_cmpuint(fair_queue_length(queue), ==, 3);
    fair_queue_free(queue);
}

static void test_remove(void)
{
    struct fair_queue *queue = fair_queue_new(20);
    g_autoptr(GPtrArray) removed = g_ptr_array_new();
    for (unsigned i = 0; i < 3; i++) {
        push(queue, 1, i);
        push(queue, 2, i);
    }
    expect(queue, 1, 0);
    fair_queue_remove(queue, 1, removed);
    fair_queue_remove(queue, 7, removed);
    g_assert_cmpuint(removed->len, ==, 2);
    g_assert_true(removed->pdata[0] == item(1, 1));
    g_assert_cmpuint(fair_queue_length(queue), ==, 3);
    for (unsigned i = 0; i < 3; i++)
        expect(queue, 2, i);
    fair_queue_free(queue);
}

/* Whatever is pushed and popped: nobody is served twice while another waits, and each owner's order holds. */
static void test_random_streams_get_their_share(void)
{
    struct fair_queue *queue = fair_queue_new(50);
    unsigned pushed[5] = {0}, popped[5] = {0}, passed_over[5] = {0};

    for (int step = 0; step < 20000; step++) {
        unsigned owner = (unsigned)g_test_rand_int_range(0, 5);
        if (g_test_rand_bit() && pushed[owner] < 900) {
            if (fair_queue_push(queue, owner, item(owner, pushed[owner])))
                pushed[owner]++;
            continue;
        }
        const char *got = fair_queue_pop(queue);
        if (!got)
            continue;
        size_t place = (size_t)(got - &items[0][0]);
        size_t served = place / PER_OWNER;
        g_assert_cmpuint(place % PER_OWNER, ==, popped[served]++);
        passed_over[served] = 0;
        for (unsigned other = 0; other < 5; other++) {
            if (other == served || pushed[other] == popped[other])
                continue;
            g_assert_cmpuint(++passed_over[other], <=, 5);
        }
    }
    fair_queue_free(queue);
    fair_queue_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fair-queue/owners-are-served-in-turn", test_in_turn);
    g_test_add_func("/fair-queue/full-for-the-greedy-only", test_full_for_the_greedy_only);
    g_test_add_func("/fair-queue/remove-takes-one-owner", test_remove);
    g_test_add_func("/fair-queue/random-streams-get-their-share", test_random_streams_get_their_share);
    return g_test_run();
}
