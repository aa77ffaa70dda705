/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client against a worker that says what a test tells it to. */
#include "control_client.h"

#include <dubbing_clock.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE_NS (20 * DUB_NS_PER_S)

struct fixture {
    char *folder, *path;
    GSocketService *service;
    GSocketConnection *connection; /* the last one that came */
    unsigned n_connections;
    const char *greeting; /* what each connection is sent; NULL: nothing */
    struct control_client *client;
    unsigned n_hellos, n_statuses, n_phrases;
    pid_t peer;
    bool refuse_hello;
};

static void say(struct fixture *fixture, const char *text, gsize size)
{
    GOutputStream *output = g_io_stream_get_output_stream(G_IO_STREAM(fixture->connection));
    g_output_stream_write_all(output, text, size, NULL, NULL, NULL);
}

static gboolean on_connection(GSocketService *service, GSocketConnection *connection, GObject *source,
                              void *user)
{
    struct fixture *fixture = user;
    g_clear_object(&fixture->connection);
    fixture->connection = g_object_ref(connection);
    fixture->n_connections++;
    if (fixture->greeting != NULL)
        say(fixture, fixture->greeting, strlen(fixture->greeting));
    return TRUE;
}

static void listen_there(struct fixture *fixture)
{
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(fixture->path);
    fixture->service = g_socket_service_new();
    g_assert_true(g_socket_listener_add_address(G_SOCKET_LISTENER(fixture->service), address,
                                                G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL,
                                                NULL));
    g_signal_connect(fixture->service, "incoming", G_CALLBACK(on_connection), fixture);
}

static bool on_hello(const struct dub_worker_hello *hello, pid_t peer_pid, void *user)
{
    struct fixture *fixture = user;
    fixture->n_hellos++;
    fixture->peer = peer_pid;
    return !fixture->refuse_hello;
}

static void on_status(const struct dub_worker_status *status, void *user)
{
    ((struct fixture *)user)->n_statuses++;
}

static void on_phrase(const struct dub_ledger_line *line, void *user)
{
    ((struct fixture *)user)->n_phrases++;
}

static void set_up(struct fixture *fixture, const void *data)
{
    fixture->folder = g_dir_make_tmp("dubbing-test-XXXXXX", NULL);
    fixture->path = g_build_filename(fixture->folder, "w.sock", NULL);
    listen_there(fixture);
}

static void tear_down(struct fixture *fixture, const void *data)
{
    control_client_free(fixture->client);
    g_clear_object(&fixture->connection);
    g_signal_handlers_disconnect_by_data(fixture->service, fixture);
    g_socket_service_stop(fixture->service);
    g_socket_listener_close(G_SOCKET_LISTENER(fixture->service));
    g_object_unref(fixture->service);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    g_unlink(fixture->path);
    g_rmdir(fixture->folder);
    g_free(fixture->path);
    g_free(fixture->folder);
}

static void open_client(struct fixture *fixture)
{
    static const struct control_client_events events = {on_hello, on_status, on_phrase};
    fixture->client = control_client_new(fixture->path, &events, fixture);
}

static gboolean tick(void *user)
{
    return G_SOURCE_CONTINUE;
}

static void wait_until(const unsigned *counter, unsigned value)
{
    int64_t deadline_ns = dub_clock_now_ns(dub_clock_monotonic()) + DEADLINE_NS;
    guint source = g_timeout_add(5, tick, NULL);
    while (*counter < value && dub_clock_now_ns(dub_clock_monotonic()) < deadline_ns)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(source);
    g_assert_cmpuint(*counter, >=, value);
}

#define HELLO                                                                                                \
    "{\"type\":\"hello\",\"streamId\":\"demo\",\"runId\":\"r\",\"instanceId\":\"i\",\"pid\":1,\"version\":"  \
    "\"0\"}\n"
#define PHRASE                                                                                               \
    "{\"type\":\"phrase\",\"phrase\":{\"seq\":1,\"fragmentId\":\"\",\"startMs\":0,\"endMs\":1,\"state\":"    \
    "\"dubbed\","                                                                                            \
    "\"reason\":\"\",\"transcript\":\"\",\"translatedText\":\"\",\"lagMs\":0,\"speedRatio\":1,"              \
    "\"sts\":{\"rttMs\":0,\"asrMs\":0,\"translationMs\":0,\"ttsMs\":0}}}\n"

static void test_peer_is_known_by_the_kernel(struct fixture *fixture, const void *data)
{
    fixture->greeting = HELLO;
    open_client(fixture);
    wait_until(&fixture->n_hellos, 1);
    g_assert_cmpint(fixture->peer, ==, getpid());
    g_assert_cmpint(control_client_probe(fixture->path), ==, getpid());
    g_assert_cmpint(control_client_probe("/nonexistent"), ==, 0);
}

/* A line may arrive in any number of pieces. */
static void test_lines_in_pieces(struct fixture *fixture, const void *data)
{
    static const char text[] = HELLO PHRASE "{\"type\":\"of a newer worker\"}\n" PHRASE;
    open_client(fixture);
    wait_until(&fixture->n_connections, 1);
    for (gsize i = 0; i < strlen(text); i++) {
        say(fixture, text + i, 1);
        while (g_main_context_iteration(NULL, FALSE))
            continue;
    }
    wait_until(&fixture->n_phrases, 2);
    g_assert_cmpuint(fixture->n_connections, ==, 1);
}

/* Nonsense ends the connection, not the client. */
static void test_nonsense_makes_it_connect_again(struct fixture *fixture, const void *data)
{
    static const char *const texts[] = {"\n", HELLO "{\"type\":\"status\"}\n", PHRASE, "\xff\n", NULL};
    open_client(fixture);
    for (unsigned i = 0; texts[i] != NULL; i++) {
        wait_until(&fixture->n_connections, i + 1);
        say(fixture, texts[i], strlen(texts[i]));
    }
    fixture->greeting = HELLO PHRASE;
    wait_until(&fixture->n_phrases, 1);
    g_assert_cmpuint(fixture->n_statuses, ==, 0);
}

/* 100, 200, 400, 800 ms: a second has at most four connections. */
static void test_connections_that_do_not_last_get_rarer(struct fixture *fixture, const void *data)
{
    gint64 begin_us = g_get_monotonic_time();
    fixture->greeting = "nonsense\n";
    open_client(fixture);
    wait_until(&fixture->n_connections, 5);
    g_assert_cmpint(g_get_monotonic_time() - begin_us, >=, 1400 * 1000);
}

static gboolean count_turn(void *user)
{
    (*(unsigned *)user)++;
    return G_SOURCE_CONTINUE;
}

/* Three megabytes of phrases: one at once, the rest at the pace of a patient reader, to whom others have time
 * to talk. */
static void test_a_flood_is_read_slowly(struct fixture *fixture, const void *data)
{
    const unsigned n = 3 * 1024 * 1024 / (unsigned)strlen(PHRASE);
    unsigned n_sent = 0, n_turns = 0;
    gint64 begin_us = g_get_monotonic_time();
    fixture->greeting = HELLO;
    open_client(fixture);
    wait_until(&fixture->n_hellos, 1);
    GSocket *socket = g_socket_connection_get_socket(fixture->connection);
    g_socket_set_blocking(socket, FALSE);
    guint source = g_timeout_add(5, count_turn, &n_turns);
    gsize at = 0;
    while (fixture->n_phrases < n) {
        gssize size = n_sent < n ? g_socket_send(socket, &(PHRASE)[at], strlen(PHRASE) - at, NULL, NULL) : 0;
        at = (at + (gsize)MAX(size, 0)) % strlen(PHRASE);
        n_sent += size > 0 && at == 0;
        g_main_context_iteration(NULL, size <= 0);
    }
    g_source_remove(source);
    g_assert_cmpint(g_get_monotonic_time() - begin_us, >=, 2 * G_USEC_PER_SEC);
    g_assert_cmpuint(n_turns, >=, 20);
    g_assert_cmpuint(fixture->n_connections, ==, 1);
}

static void test_endless_line_is_cut_off(struct fixture *fixture, const void *data)
{
    open_client(fixture);
    wait_until(&fixture->n_connections, 1);
    g_autofree char *chunk = g_strnfill(16 * 1024, 'x');
    g_socket_set_blocking(g_socket_connection_get_socket(fixture->connection), FALSE);
    for (unsigned i = 0; i < 10000 && fixture->n_connections == 1; i++) {
        g_socket_send(g_socket_connection_get_socket(fixture->connection), chunk, 16 * 1024, NULL, NULL);
        g_main_context_iteration(NULL, FALSE);
    }
    wait_until(&fixture->n_connections, 2);
}

static void test_another_worker_is_not_listened_to(struct fixture *fixture, const void *data)
{
    fixture->refuse_hello = true;
    fixture->greeting = HELLO PHRASE;
    open_client(fixture);
    wait_until(&fixture->n_hellos, 2);
    g_assert_cmpuint(fixture->n_phrases, ==, 0);
}

static void test_commands_need_a_connection(struct fixture *fixture, const void *data)
{
    struct dub_worker_command command = {.type = DUB_WORKER_COMMAND_PHRASES, .after = 7};
    char received[64] = "";
    g_autofree char *elsewhere = g_strconcat(fixture->path, "2", NULL);
    static const struct control_client_events events = {on_hello, on_status, on_phrase};
    struct control_client *lost = control_client_new(elsewhere, &events, fixture);
    g_assert_false(control_client_send(lost, &command));
    control_client_drain(lost);
    control_client_free(lost);
    control_client_free(NULL);
    open_client(fixture);
    wait_until(&fixture->n_connections, 1);
    g_assert_true(control_client_send(fixture->client, &command));
    GInputStream *input = g_io_stream_get_input_stream(G_IO_STREAM(fixture->connection));
    g_assert_cmpint(g_input_stream_read(input, received, sizeof(received) - 1, NULL, NULL), >, 0);
    g_assert_cmpstr(received, ==, "{\"command\":\"phrases\",\"after\":7}\n");
}

/* The last words of a worker that ended before anybody looked. */
static void test_drain_takes_what_is_there(struct fixture *fixture, const void *data)
{
    fixture->greeting = HELLO;
    open_client(fixture);
    wait_until(&fixture->n_hellos, 1);
    for (unsigned i = 0; i < 50; i++)
        say(fixture, PHRASE, strlen(PHRASE));
    g_io_stream_close(G_IO_STREAM(fixture->connection), NULL, NULL);
    control_client_drain(fixture->client);
    g_assert_cmpuint(fixture->n_phrases, ==, 50);
}

#define ADD(name, function)                                                                                  \
    g_test_add("/control-client/" name, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("peer-is-known-by-the-kernel", test_peer_is_known_by_the_kernel);
    ADD("lines-in-pieces", test_lines_in_pieces);
    ADD("nonsense-makes-it-connect-again", test_nonsense_makes_it_connect_again);
    ADD("connections-that-do-not-last-get-rarer", test_connections_that_do_not_last_get_rarer);
    ADD("a-flood-is-read-slowly", test_a_flood_is_read_slowly);
    ADD("endless-line-is-cut-off", test_endless_line_is_cut_off);
    ADD("another-worker-is-not-listened-to", test_another_worker_is_not_listened_to);
    ADD("commands-need-a-connection", test_commands_need_a_connection);
    ADD("drain-takes-what-is-there", test_drain_takes_what_is_there);
    return g_test_run();
}
