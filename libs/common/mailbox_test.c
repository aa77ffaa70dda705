/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_mailbox.h>

#include "test_support.h"

struct receiver {
    struct dub_mailbox *box;
    GArray *got;         /* guint */
    unsigned free_after; /* frees the box while handling this many; 0: never */
    bool post_again;
};

static unsigned freed;

static void count_freed(void *message)
{
    freed++;
}

static void on_message(void *message, void *user)
{
    struct receiver *receiver = user;
    guint value = GPOINTER_TO_UINT(message);
    g_array_append_val(receiver->got, value);
    if (receiver->post_again && receiver->got->len < 100)
        g_assert_true(dub_mailbox_post_control(receiver->box, message));
    if (receiver->got->len == receiver->free_after)
        dub_mailbox_free(g_steal_pointer(&receiver->box));
}

static void set_up(struct receiver *receiver, unsigned capacity)
{
    *receiver = (struct receiver){.got = g_array_new(FALSE, FALSE, sizeof(guint))};
    receiver->box = dub_mailbox_new(NULL, capacity, on_message, count_freed, receiver);
    freed = 0;
}

static void tear_down(struct receiver *receiver)
{
    dub_mailbox_free(receiver->box);
    g_array_unref(receiver->got);
}

static void run_pending(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        continue;
}

static void test_posts_keep_their_order(void)
{
    struct receiver receiver;
    set_up(&receiver, 10);
    for (guint i = 1; i <= 10; i++)
        g_assert_true(i % 3 == 0 ? dub_mailbox_post_control(receiver.box, GUINT_TO_POINTER(i))
                                 : dub_mailbox_post(receiver.box, GUINT_TO_POINTER(i)));
    g_assert_cmpuint(receiver.got->len, ==, 0);
    run_pending();
    g_assert_cmpuint(receiver.got->len, ==, 10);
    for (guint i = 0; i < 10; i++)
        g_assert_cmpuint(g_array_index(receiver.got, guint, i), ==, i + 1);
    tear_down(&receiver);
}

static void test_data_is_refused_when_full_and_control_is_not(void)
{
    struct receiver receiver;
    set_up(&receiver, 2);
    g_assert_true(dub_mailbox_post(receiver.box, GUINT_TO_POINTER(1)));
    g_assert_true(dub_mailbox_post(receiver.box, GUINT_TO_POINTER(2)));
    g_assert_false(dub_mailbox_post(receiver.box, GUINT_TO_POINTER(3)));
    g_assert_true(dub_mailbox_post_control(receiver.box, GUINT_TO_POINTER(4)));
    run_pending();
    g_assert_cmpuint(receiver.got->len, ==, 3);
    g_assert_true(dub_mailbox_post(receiver.box, GUINT_TO_POINTER(5)));
    run_pending();
    g_assert_cmpuint(receiver.got->len, ==, 4);
    tear_down(&receiver);
}

static void test_close_frees_what_waits(void)
{
    struct receiver receiver;
    set_up(&receiver, 5);
    for (guint i = 1; i <= 3; i++)
        g_assert_true(dub_mailbox_post(receiver.box, GUINT_TO_POINTER(i)));
    dub_mailbox_close(receiver.box);
    run_pending();
    g_assert_cmpuint(receiver.got->len, ==, 0);
    g_assert_cmpuint(freed, ==, 3);
    g_assert_false(dub_mailbox_post(receiver.box, GUINT_TO_POINTER(4)));
    g_assert_false(dub_mailbox_post_control(receiver.box, GUINT_TO_POINTER(4)));
    tear_down(&receiver);
    dub_mailbox_free(NULL);
}

static void test_handler_may_free_the_box(void)
{
    struct receiver receiver;
    set_up(&receiver, 5);
    receiver.free_after = 2;
    for (guint i = 1; i <= 4; i++)
        g_assert_true(dub_mailbox_post(receiver.box, GUINT_TO_POINTER(i)));
    run_pending();
    g_assert_cmpuint(receiver.got->len, ==, 2);
    g_assert_cmpuint(freed, ==, 2);
    g_array_unref(receiver.got);
}

/* A handler that posts to its own box takes turns with the other sources. */
static void test_posting_handler_does_not_starve_others(void)
{
    struct receiver receiver;
    set_up(&receiver, 1);
    receiver.post_again = true;
    g_assert_true(dub_mailbox_post(receiver.box, GUINT_TO_POINTER(1)));
    g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(receiver.got->len, ==, 1);
    run_pending();
    g_assert_cmpuint(receiver.got->len, ==, 100);
    tear_down(&receiver);
}

static void *post_many(void *user)
{
    struct receiver *receiver = user;
    for (guint i = 0; i < 1000; i++)
        g_assert_true(dub_mailbox_post_control(receiver->box, GUINT_TO_POINTER(1)));
    return NULL;
}

static bool got_all(void *user)
{
    return ((struct receiver *)user)->got->len == 4000;
}

static void test_no_post_of_any_thread_is_lost(void)
{
    struct receiver receiver;
    GThread *threads[4];
    set_up(&receiver, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("poster", post_many, &receiver);
    g_assert_true(test_wait(got_all, &receiver));
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    tear_down(&receiver);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mailbox/posts-keep-their-order", test_posts_keep_their_order);
    g_test_add_func("/mailbox/data-is-refused-when-full-and-control-is-not",
                    test_data_is_refused_when_full_and_control_is_not);
    g_test_add_func("/mailbox/close-frees-what-waits", test_close_frees_what_waits);
    g_test_add_func("/mailbox/handler-may-free-the-box", test_handler_may_free_the_box);
    g_test_add_func("/mailbox/posting-handler-does-not-starve-others",
                    test_posting_handler_does_not_starve_others);
    g_test_add_func("/mailbox/no-post-of-any-thread-is-lost", test_no_post_of_any_thread_is_lost);
    return g_test_run();
}
