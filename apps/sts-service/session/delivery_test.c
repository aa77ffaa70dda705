/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "delivery.h"

#include <glib.h>

static int items[DELIVERY_MAX + 1];

static int index_of(const void *item)
{
    return (int)((const int *)item - items);
}

/* Announces n items, finishes them in this order, and takes what can be taken after each. */
static void check_order(const int *order, int n)
{
    struct delivery delivery = {.first = 5};
    bool finished[DELIVERY_MAX] = {false};
    int taken = 0;

    for (int i = 0; i < n; i++)
        g_assert_true(delivery_announce(&delivery, &items[i]));
    for (int step = 0; step < n; step++) {
        g_assert_true(delivery_finish(&delivery, &items[order[step]]));
        finished[order[step]] = true;
        for (void *item; (item = delivery_take(&delivery)); taken++)
            g_assert_cmpint(index_of(item), ==, taken);
        /* As far as it can be, and no further. */
        g_assert_true(taken == n || !finished[taken]);
        g_assert_cmpuint(delivery_count(&delivery), ==, (unsigned)(n - taken));
    }
    g_assert_cmpint(taken, ==, n);
}

static void permute(int *order, int n, int from)
{
    if (from == n) {
        check_order(order, n);
        return;
    }
    for (int i = from; i < n; i++) {
        int kept = order[from];
        order[from] = order[i];
        order[i] = kept;
        permute(order, n, from + 1);
        order[i] = order[from];
        order[from] = kept;
    }
}

static void test_every_order(void)
{
    for (int n = 1; n <= 8; n++) {
        int order[] = {0, 1, 2, 3, 4, 5, 6, 7};
        permute(order, n, 0);
    }
}

static void test_full_ring_in_random_orders(void)
{
    for (int round = 0; round < 500; round++) {
        int order[DELIVERY_MAX];
        for (int i = 0; i < DELIVERY_MAX; i++)
            order[i] = i;
        for (int i = DELIVERY_MAX - 1; i > 0; i--) {
            int j = g_test_rand_int_range(0, i + 1);
            int kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
        check_order(order, DELIVERY_MAX);
    }
}

/* A long stream with a few under way at any time. */
static void test_long_stream(void)
{
    struct delivery delivery = {0};
    int announced = 0, taken = 0;
    bool finished[10001] = {false};
    static int many[10001];

    while (taken < 10000) {
        if (announced < 10000 && announced - taken < 10 && g_test_rand_bit())
            g_assert_true(delivery_announce(&delivery, &many[announced++]));
        int pick = taken + g_test_rand_int_range(0, 10);
        if (pick < announced && !finished[pick]) {
            g_assert_true(delivery_finish(&delivery, &many[pick]));
            finished[pick] = true;
        }
        for (int *item; (item = delivery_take(&delivery)); taken++)
            g_assert_true(item == &many[taken]);
        g_assert_true(!finished[taken]);
    }
    g_assert_cmpuint(delivery_count(&delivery), ==, 0);
}

static void test_bounds(void)
{
    struct delivery delivery = {0};
    g_assert_null(delivery_take(&delivery));
    g_assert_null(delivery_at(&delivery, 0));
    g_assert_false(delivery_finish(&delivery, &items[0]));
    for (int i = 0; i < DELIVERY_MAX; i++)
        g_assert_true(delivery_announce(&delivery, &items[i]));
    g_assert_false(delivery_announce(&delivery, &items[DELIVERY_MAX]));
    g_assert_true(delivery_at(&delivery, 3) == &items[3]);
    g_assert_null(delivery_at(&delivery, DELIVERY_MAX));
    g_assert_true(delivery_finish(&delivery, &items[3]));
    g_assert_true(delivery_is_finished_at(&delivery, 3));
    g_assert_false(delivery_is_finished_at(&delivery, 0));
    g_assert_false(delivery_is_finished_at(&delivery, DELIVERY_MAX));
    g_assert_null(delivery_take(&delivery));
    g_assert_true(delivery_finish(&delivery, &items[0]));
    g_assert_true(delivery_take(&delivery) == &items[0]);
    g_assert_true(delivery_announce(&delivery, &items[DELIVERY_MAX]));
}

static void test_inserted_item_takes_its_place(void)
{
    struct delivery delivery = {.first = DELIVERY_MAX - 2};
    for (int i = 1; i <= 3; i++)
        g_assert_true(delivery_announce(&delivery, &items[i]));
    g_assert_true(delivery_finish(&delivery, &items[2]));
    g_assert_false(delivery_announce_at(&delivery, &items[0], 4));
    g_assert_true(delivery_announce_at(&delivery, &items[0], 1));
    static const int order[] = {1, 0, 2, 3};
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmpint(index_of(delivery_at(&delivery, i)), ==, order[i]);
        g_assert_cmpint(delivery_is_finished_at(&delivery, i), ==, order[i] == 2);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/delivery/every-order-of-up-to-eight", test_every_order);
    g_test_add_func("/delivery/full-ring-in-random-orders", test_full_ring_in_random_orders);
    g_test_add_func("/delivery/long-stream", test_long_stream);
    g_test_add_func("/delivery/bounds", test_bounds);
    g_test_add_func("/delivery/inserted-item-takes-its-place", test_inserted_item_takes_its_place);
    return g_test_run();
}
