/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Over a pair of sockets of the kernel's. */
#include "counted_stream.h"

#include "test_peer.h"

#include <sys/socket.h>

struct pair {
    GSocketConnection *near;
    GSocketConnection *far;
    CountedStream *counted;
    GOutputStream *out;
};

static GSocketConnection *connection_on(int fd)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, &error);
    g_assert_no_error(error);
    return g_socket_connection_factory_create_connection(socket);
}

static void pair_open(struct pair *pair)
{
    int fds[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    pair->near = connection_on(fds[0]);
    pair->far = connection_on(fds[1]);
    pair->counted = counted_stream_new(G_IO_STREAM(pair->near), 1000);
    pair->out = g_io_stream_get_output_stream(G_IO_STREAM(pair->counted));
}

static void pair_close(struct pair *pair)
{
    g_object_unref(pair->counted);
    g_object_unref(pair->near);
    g_object_unref(pair->far);
}

static gssize write_some(struct pair *pair, gsize size, GError **error)
{
    static const char bytes[65536];
    g_assert_cmpuint(size, <=, sizeof bytes);
    return g_pollable_output_stream_write_nonblocking(G_POLLABLE_OUTPUT_STREAM(pair->out), bytes, size, NULL,
                                                      error);
}

static void test_counts_what_is_not_yet_written(void)
{
    struct pair pair;
    pair_open(&pair);
    g_assert_cmpuint(counted_stream_queued(pair.counted), ==, 0);
    counted_stream_add_queued(pair.counted, 100);
    g_assert_cmpint(write_some(&pair, 30, NULL), ==, 30);
    g_assert_cmpuint(counted_stream_queued(pair.counted), ==, 70);
    g_assert_true(g_output_stream_write_all(pair.out, "0123456789", 10, NULL, NULL, NULL));
    g_assert_cmpuint(counted_stream_queued(pair.counted), ==, 60);
    pair_close(&pair);
}

static void test_what_was_not_announced_never_turns_it_negative(void)
{
    struct pair pair;
    pair_open(&pair);
    counted_stream_add_queued(pair.counted, 10);
    write_some(&pair, 1000, NULL);
    g_assert_cmpuint(counted_stream_queued(pair.counted), ==, 0);
    counted_stream_add_queued(pair.counted, 5);
    g_assert_cmpuint(counted_stream_queued(pair.counted), ==, 5);
    pair_close(&pair);
}

static gboolean on_writable(GObject *stream, void *data)
{
    *(bool *)data = true;
    return G_SOURCE_REMOVE;
}

static void test_full_socket_leaves_the_count_and_wakes_when_read(void)
{
    struct pair pair;
    g_autoptr(GError) error = NULL;
    bool is_writable = false;
    pair_open(&pair);
    GPollableOutputStream *out = G_POLLABLE_OUTPUT_STREAM(pair.out);
    g_assert_true(g_pollable_output_stream_can_poll(out));
    gssize written = 0;
    gssize total = 0;
    while ((written = write_some(&pair, 65536, &error)) > 0)
        total += written;
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
    g_assert_false(g_pollable_output_stream_is_writable(out));
    counted_stream_add_queued(pair.counted, 7);
    g_assert_cmpint(write_some(&pair, 1, NULL), ==, -1);
    g_assert_cmpuint(counted_stream_queued(pair.counted), ==, 7);
    g_autoptr(GSource) source = g_pollable_output_stream_create_source(out, NULL);
    g_source_set_callback(source, G_SOURCE_FUNC(on_writable), &is_writable, NULL);
    g_source_attach(source, NULL);
    g_autofree char *sink = g_malloc((gsize)total);
    GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(pair.far));
    g_assert_true(g_input_stream_read_all(in, sink, (gsize)total, NULL, NULL, NULL));
    WAIT_FOR(is_writable);
    pair_close(&pair);
}

static void far_sends(struct pair *pair, const void *bytes, gsize size)
{
    GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(pair->far));
    g_assert_true(g_output_stream_write_all(out, bytes, size, NULL, NULL, NULL));
}

/* Reads what is there; how the reading ended. */
static GIOErrorEnum read_all(struct pair *pair)
{
    char bytes[4096];
    g_autoptr(GError) error = NULL;
    GPollableInputStream *in =
        G_POLLABLE_INPUT_STREAM(g_io_stream_get_input_stream(G_IO_STREAM(pair->counted)));
    g_assert_true(g_pollable_input_stream_can_poll(in));
    while (g_pollable_input_stream_is_readable(in)) {
        if (g_pollable_input_stream_read_nonblocking(in, bytes, sizeof bytes, NULL, &error) <= 0)
            return (GIOErrorEnum)error->code;
    }
    return G_IO_ERROR_WOULD_BLOCK;
}

static void test_endless_fragments_end_the_stream(void)
{
    static const char single[1004] = "\x82\x7e\x03\xe8";
    static const char first[1004] = "\x02\x7e\x03\xe8";
    static const char next[] = {'\0', '\1', 'x'};
    struct pair pair;
    pair_open(&pair);
    far_sends(&pair, single, sizeof single);
    far_sends(&pair, first, sizeof first);
    g_assert_cmpint(read_all(&pair), ==, G_IO_ERROR_WOULD_BLOCK);
    g_assert_cmpint(counted_stream_excess(pair.counted), ==, COUNTED_NO_EXCESS);
    far_sends(&pair, next, sizeof next);
    g_assert_cmpint(read_all(&pair), ==, G_IO_ERROR_MESSAGE_TOO_LARGE);
    g_assert_cmpint(counted_stream_excess(pair.counted), ==, COUNTED_LONG_MESSAGE);
    pair_close(&pair);
}

static void test_unanswered_pings_end_the_stream(void)
{
    static const guint16 ping = GUINT16_FROM_LE(0x0089);
    static const guint16 pong = GUINT16_FROM_LE(0x008a);
    guint16 pings[COUNTED_MAX_UNANSWERED_PINGS];
    guint16 pongs[COUNTED_MAX_UNANSWERED_PINGS];
    for (gsize i = 0; i < G_N_ELEMENTS(pings); i++) {
        pings[i] = ping;
        pongs[i] = pong;
    }
    struct pair pair;
    pair_open(&pair);
    far_sends(&pair, pings, sizeof pings);
    g_assert_cmpint(read_all(&pair), ==, G_IO_ERROR_WOULD_BLOCK);
    g_assert_true(g_output_stream_write_all(pair.out, pongs, sizeof pongs, NULL, NULL, NULL));
    far_sends(&pair, pings, sizeof pings);
    g_assert_cmpint(read_all(&pair), ==, G_IO_ERROR_WOULD_BLOCK);
    far_sends(&pair, &ping, sizeof ping);
    g_assert_cmpint(read_all(&pair), ==, G_IO_ERROR_MESSAGE_TOO_LARGE);
    g_assert_cmpint(counted_stream_excess(pair.counted), ==, COUNTED_PING_FLOOD);
    pair_close(&pair);
}

static void on_closed(GObject *stream, GAsyncResult *result, void *data)
{
    g_assert_true(g_io_stream_close_finish(G_IO_STREAM(stream), result, NULL));
    *(bool *)data = true;
}

/* Reads until it would block; the bytes. */
static gsize read_a_turn(struct pair *pair)
{
    GPollableInputStream *in =
        G_POLLABLE_INPUT_STREAM(g_io_stream_get_input_stream(G_IO_STREAM(pair->counted)));
    gsize total = 0;
    for (;;) {
        g_autoptr(GError) error = NULL;
        char bytes[8192];
        gssize n = g_pollable_input_stream_read_nonblocking(in, bytes, sizeof bytes, NULL, &error);
        if (n < 0) {
            g_assert_error(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
            return total;
        }
        total += (gsize)n;
    }
}

static gboolean on_readable(GObject *stream, void *data)
{
    *(bool *)data = true;
    return G_SOURCE_REMOVE;
}

/* Also where the kernel holds nothing more: what is left may lie in a buffer above it. */
static void test_a_busy_peer_leaves_others_their_turn(void)
{
    struct pair pair;
    pair_open(&pair);
    static const char zeros[COUNTED_TURN_BYTES + 8192];
    GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(pair.counted));
    GOutputStream *far = g_io_stream_get_output_stream(G_IO_STREAM(pair.far));
    g_assert_true(g_output_stream_write_all(far, zeros, sizeof zeros, NULL, NULL, NULL));
    g_assert_cmpuint(read_a_turn(&pair), ==, COUNTED_TURN_BYTES);
    bool woken = false;
    g_autoptr(GSource) source = g_pollable_input_stream_create_source(G_POLLABLE_INPUT_STREAM(in), NULL);
    g_source_set_callback(source, G_SOURCE_FUNC(on_readable), &woken, NULL);
    g_source_attach(source, NULL);
    WAIT_FOR(woken);
    g_assert_cmpuint(read_a_turn(&pair), ==, 8192);
    woken = false;
    g_autoptr(GSource) waiting = g_pollable_input_stream_create_source(G_POLLABLE_INPUT_STREAM(in), NULL);
    g_source_set_callback(waiting, G_SOURCE_FUNC(on_readable), &woken, NULL);
    g_source_attach(waiting, NULL);
    test_iterate();
    g_assert_false(woken);
    g_assert_true(g_output_stream_write_all(far, zeros, 1, NULL, NULL, NULL));
    WAIT_FOR(woken);
    pair_close(&pair);
}

/* Waits until the stream says that it can be read, as its reader does. */
static void wait_until_readable(struct pair *pair)
{
    GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(pair->counted));
    bool woken = false;
    g_autoptr(GSource) source = g_pollable_input_stream_create_source(G_POLLABLE_INPUT_STREAM(in), NULL);
    g_source_set_callback(source, G_SOURCE_FUNC(on_readable), &woken, NULL);
    g_source_attach(source, NULL);
    WAIT_FOR(woken);
    g_source_destroy(source);
}

/* Two seconds' worth at once, the rest only when it is due. */
static void test_a_rate_lets_the_peer_wait(void)
{
    enum { RATE = 32 * 1024, READ = 8192 };
    static const char zeros[COUNTED_BURST_SECONDS * RATE + 2 * READ];
    struct pair pair;
    pair_open(&pair);
    counted_stream_set_rate(pair.counted, RATE);
    int64_t start_us = g_get_monotonic_time();
    far_sends(&pair, zeros, sizeof zeros);
    gsize n = 0;
    while (n < sizeof zeros) {
        n += read_a_turn(&pair);
        double passed = (double)(g_get_monotonic_time() - start_us) / G_USEC_PER_SEC;
        /* The last read may be on credit. */
        g_assert_cmpfloat((double)n, <=, RATE * (COUNTED_BURST_SECONDS + passed) + READ);
        if (n < sizeof zeros)
            wait_until_readable(&pair);
    }
    pair_close(&pair);
}

static void test_no_rate_no_waiting(void)
{
    static const char zeros[24 * 1024];
    struct pair pair;
    pair_open(&pair);
    counted_stream_set_rate(pair.counted, 0);
    far_sends(&pair, zeros, sizeof zeros);
    g_assert_cmpuint(read_a_turn(&pair), ==, sizeof zeros);
    pair_close(&pair);
}

static void test_closing_closes_the_stream_beneath(void)
{
    struct pair pair;
    bool closed = false;
    pair_open(&pair);
    g_io_stream_close_async(G_IO_STREAM(pair.counted), G_PRIORITY_DEFAULT, NULL, on_closed, &closed);
    WAIT_FOR(closed);
    g_assert_true(g_io_stream_is_closed(G_IO_STREAM(pair.near)));
    pair_close(&pair);
    pair_open(&pair);
    g_assert_true(g_io_stream_close(G_IO_STREAM(pair.counted), NULL, NULL));
    g_assert_true(g_io_stream_is_closed(G_IO_STREAM(pair.near)));
    pair_close(&pair);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/counted-stream/counts-what-is-not-yet-written", test_counts_what_is_not_yet_written);
    g_test_add_func("/counted-stream/what-was-not-announced-never-turns-it-negative",
                    test_what_was_not_announced_never_turns_it_negative);
    g_test_add_func("/counted-stream/full-socket-leaves-the-count-and-wakes-when-read",
                    test_full_socket_leaves_the_count_and_wakes_when_read);
    g_test_add_func("/counted-stream/endless-fragments-end-the-stream",
                    test_endless_fragments_end_the_stream);
    g_test_add_func("/counted-stream/unanswered-pings-end-the-stream", test_unanswered_pings_end_the_stream);
    g_test_add_func("/counted-stream/busy-peer-leaves-others-their-turn",
                    test_a_busy_peer_leaves_others_their_turn);
    g_test_add_func("/counted-stream/rate-lets-the-peer-wait", test_a_rate_lets_the_peer_wait);
    g_test_add_func("/counted-stream/no-rate-no-waiting", test_no_rate_no_waiting);
    g_test_add_func("/counted-stream/closing-closes-the-stream-beneath",
                    test_closing_closes_the_stream_beneath);
    return g_test_run();
}
