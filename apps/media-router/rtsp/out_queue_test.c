/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out_queue.h"

#include <string.h>

static void push(struct out_queue *queue, const char *text)
{
    out_queue_push(queue, g_bytes_new(text, strlen(text)));
}

/* Takes up to `size` bytes as a socket would. */
static char *take(struct out_queue *queue, size_t size)
{
    struct iovec iov[2];
    GString *text = g_string_new(NULL);
    unsigned n = out_queue_peek(queue, iov, G_N_ELEMENTS(iov));
    for (unsigned i = 0; i < n; i++)
        g_string_append_len(text, iov[i].iov_base, (gssize)iov[i].iov_len);
    g_string_truncate(text, MIN(size, text->len));
    out_queue_advance(queue, text->len);
    return g_string_free(text, FALSE);
}

static void assert_takes(struct out_queue *queue, size_t size, const char *expected)
{
    g_autofree char *text = take(queue, size);
    g_assert_cmpstr(text, ==, expected);
}

static void test_pieces(void)
{
    struct out_queue queue;
    out_queue_init(&queue);
    push(&queue, "abc");
    push(&queue, "");
    push(&queue, "de");
    push(&queue, "fgh");
    g_assert_cmpuint(queue.pending_bytes, ==, 8);
    assert_takes(&queue, 2, "ab");
    assert_takes(&queue, 2, "cd");
    g_assert_cmpuint(queue.pending_bytes, ==, 4);
    assert_takes(&queue, 100, "efgh");
    g_assert_cmpuint(queue.pending_bytes, ==, 0);
    assert_takes(&queue, 100, "");
    out_queue_clear(&queue);
}

static void test_clear_in_the_middle(void)
{
    struct out_queue queue;
    out_queue_init(&queue);
    push(&queue, "abc");
    assert_takes(&queue, 2, "ab");
    out_queue_clear(&queue);
    g_assert_cmpuint(queue.pending_bytes, ==, 0);
    push(&queue, "xy");
    assert_takes(&queue, 100, "xy");
    out_queue_clear(&queue);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/out-queue/pieces", test_pieces);
    g_test_add_func("/out-queue/clear-in-the-middle", test_clear_in_the_middle);
    return g_test_run();
}
