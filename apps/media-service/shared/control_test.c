/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control socket over real Unix sockets, as media-service uses it. */
#include "control.h"

#include <dubbing_json.h>
#include <dubbing_worker_control.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>

#define DEADLINE_MS 5000

struct rig {
    char *folder;
    struct control *control;
    int64_t asked_after;
    unsigned stops;
    bool timed_out;
};

static JsonNode *make_hello(void *user)
{
    struct dub_worker_hello hello = {.stream_id = (char *)"id",
                                     .run_id = (char *)"r",
                                     .instance_id = (char *)"i",
                                     .pid = 7,
                                     .version = (char *)"1"};
    return dub_worker_hello_to_json(&hello);
}

static void on_phrases(struct control_client *client, int64_t after, void *user)
{
    struct rig *rig = user;
    struct dub_ledger_line line = {.seq = after + 1};

    rig->asked_after = after;
    control_send(client, dub_worker_phrase_to_json(&line));
}

static void on_stop(void *user)
{
    struct rig *rig = user;
    rig->stops++;
}

static const struct control_events events = {make_hello, on_phrases, on_stop};

static void rig_init(struct rig *rig)
{
    struct dub_error error = {0};

    *rig = (struct rig){.folder = g_dir_make_tmp("control-XXXXXX", NULL), .asked_after = -1};
    rig->control = control_new(rig->folder, "workers", "id", &events, rig, &error);
    g_assert_cmpstr(error.message, ==, "");
    g_assert_nonnull(rig->control);
}

static void remove_in(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_remove(path);
    }
    g_rmdir(folder);
}

/* Lets what was cancelled come to its end, so that nothing of it is left. */
static void settle(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void rig_clear(struct rig *rig)
{
    g_autofree char *workers = g_build_filename(rig->folder, "workers", NULL);

    control_free(rig->control);
    settle();
    remove_in(workers);
    g_rmdir(rig->folder);
    g_free(rig->folder);
}

static gboolean on_deadline(gpointer data)
{
    *(bool *)data = true;
    return G_SOURCE_REMOVE;
}

/* Runs the main loop until the condition holds. */
#define WAIT_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        bool late = false;                                                                                   \
        guint timer = g_timeout_add(DEADLINE_MS, on_deadline, &late);                                        \
        while (!(condition) && !late)                                                                        \
            g_main_context_iteration(NULL, TRUE);                                                            \
        g_assert_false(late);                                                                                \
        g_source_remove(timer);                                                                              \
    } while (0)

static GSocketConnection *connect_client(struct rig *rig)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(control_path(rig->control));
    guint before = control_n_clients(rig->control);
    GSocketConnection *connection =
        g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, NULL);

    g_assert_nonnull(connection);
    WAIT_UNTIL(control_n_clients(rig->control) == before + 1);
    return connection;
}

static void send_line(GSocketConnection *connection, const char *line)
{
    GOutputStream *stream = g_io_stream_get_output_stream(G_IO_STREAM(connection));
    g_assert_true(g_output_stream_write_all(stream, line, strlen(line), NULL, NULL, NULL));
}

struct read_result {
    bool done;
    char *line;
};

static void on_line(GObject *stream, GAsyncResult *result, gpointer data)
{
    struct read_result *read = data;
    read->line = g_data_input_stream_read_line_finish(G_DATA_INPUT_STREAM(stream), result, NULL, NULL);
    read->done = true;
}

static JsonNode *read_node(GDataInputStream *stream)
{
    struct read_result read = {0};

    g_data_input_stream_read_line_async(stream, G_PRIORITY_DEFAULT, NULL, on_line, &read);
    WAIT_UNTIL(read.done);
    g_assert_nonnull(read.line);
    JsonNode *node = dub_json_parse(read.line, strlen(read.line), NULL);
    g_free(read.line);
    g_assert_nonnull(node);
    return node;
}

/* Until the other side hangs up. */
static gpointer count_lines(gpointer data)
{
    gpointer n = NULL;
    char *line;

    while ((line = g_data_input_stream_read_line(data, NULL, NULL, NULL)) != NULL) {
        n = GINT_TO_POINTER(GPOINTER_TO_INT(n) + 1);
        g_free(line);
    }
    return n;
}

static void test_greets_replays_and_stops(void)
{
    struct rig rig;

    rig_init(&rig);
    g_autoptr(GSocketConnection) connection = connect_client(&rig);
    g_autoptr(GDataInputStream) stream =
        g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(connection)));
    g_autoptr(JsonNode) hello = read_node(stream);
    g_assert_cmpint(dub_worker_message_type(hello), ==, DUB_WORKER_MESSAGE_HELLO);

    send_line(connection, "{\"command\":\"phrases\",\"after\":41}\n");
    g_autoptr(JsonNode) phrase = read_node(stream);
    g_assert_cmpint(dub_worker_message_type(phrase), ==, DUB_WORKER_MESSAGE_PHRASE);
    g_assert_cmpint(rig.asked_after, ==, 41);

    send_line(connection, "{\"comm");
    send_line(connection, "and\":\"stop\"}\n");
    WAIT_UNTIL(rig.stops == 1);
    rig_clear(&rig);
}

static void test_every_client_gets_a_broadcast(void)
{
    struct rig rig;

    rig_init(&rig);
    g_autoptr(GSocketConnection) one = connect_client(&rig);
    g_autoptr(GSocketConnection) two = connect_client(&rig);
    g_autoptr(GDataInputStream) from_one =
        g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(one)));
    g_autoptr(GDataInputStream) from_two =
        g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(two)));
    struct dub_ledger_line line = {.seq = 9};

    control_broadcast(rig.control, dub_worker_phrase_to_json(&line));
    GDataInputStream *streams[] = {from_one, from_two};
    for (int i = 0; i < 2; i++) {
        g_autoptr(JsonNode) hello = read_node(streams[i]);
        g_autoptr(JsonNode) phrase = read_node(streams[i]);
        g_assert_cmpint(dub_worker_message_type(phrase), ==, DUB_WORKER_MESSAGE_PHRASE);
    }
    rig_clear(&rig);
}

/* More than a socket holds, and the end right behind it: as a worker leaves. */
static void test_flush_leaves_nothing_unsaid(void)
{
    enum { LINES = 200 };
    struct rig rig;

    rig_init(&rig);
    g_autoptr(GSocketConnection) connection = connect_client(&rig);
    g_autoptr(GDataInputStream) stream =
        g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(connection)));
    g_autofree char *text = g_strnfill(10000, 'x');
    GThread *reader = g_thread_new("reader", count_lines, stream);
    for (int i = 1; i <= LINES; i++) {
        struct dub_ledger_line line = {.seq = i, .transcript = text};
        control_broadcast(rig.control, dub_worker_phrase_to_json(&line));
    }
    control_flush(rig.control, DEADLINE_MS);
    rig_clear(&rig);
    g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(reader)), ==, 1 + LINES);
}

static void test_flush_does_not_wait_for_ever(void)
{
    struct rig rig;

    rig_init(&rig);
    g_autoptr(GSocketConnection) connection = connect_client(&rig);
    g_autofree char *text = g_strnfill(100000, 'x');
    struct dub_ledger_line line = {.seq = 1, .transcript = text};
    for (int i = 0; i < 20; i++)
        control_broadcast(rig.control, dub_worker_phrase_to_json(&line));
    control_flush(rig.control, 1);
    g_assert_cmpuint(control_n_clients(rig.control), ==, 1);
    rig_clear(&rig);
}

static void test_nonsense_disturbs_nobody(void)
{
    struct rig rig;

    rig_init(&rig);
    g_autoptr(GSocketConnection) connection = connect_client(&rig);
    send_line(connection, "\n{\"command\":\"dance\"}\nnot json\n{\"command\":\"stop\"}\n");
    WAIT_UNTIL(rig.stops == 1);
    g_assert_cmpuint(control_n_clients(rig.control), ==, 1);
    rig_clear(&rig);
}

static void test_endless_line_ends_the_client(void)
{
    struct rig rig;

    rig_init(&rig);
    g_autoptr(GSocketConnection) connection = connect_client(&rig);
    g_autofree char *long_text = g_strnfill(16384, 'x');
    GOutputStream *stream = g_io_stream_get_output_stream(G_IO_STREAM(connection));
    for (int i = 0; i < 40 && control_n_clients(rig.control) > 0; i++) {
        g_output_stream_write_all(stream, long_text, 16384, NULL, NULL, NULL);
        settle();
    }
    WAIT_UNTIL(control_n_clients(rig.control) == 0);
    rig_clear(&rig);
}

static void test_client_that_does_not_read_is_dropped(void)
{
    struct rig rig;

    rig_init(&rig);
    g_autoptr(GSocketConnection) connection = connect_client(&rig);
    g_autofree char *text = g_strnfill(100000, 'x');
    struct dub_ledger_line line = {.seq = 1, .transcript = text};
    for (int i = 0; i < 100 && control_n_clients(rig.control) > 0; i++) {
        control_broadcast(rig.control, dub_worker_phrase_to_json(&line));
        settle();
    }
    g_assert_cmpuint(control_n_clients(rig.control), ==, 0);
    rig_clear(&rig);
}

static void test_client_that_leaves_is_forgotten(void)
{
    struct rig rig;

    rig_init(&rig);
    g_autoptr(GSocketConnection) connection = connect_client(&rig);
    g_io_stream_close(G_IO_STREAM(connection), NULL, NULL);
    WAIT_UNTIL(control_n_clients(rig.control) == 0);
    rig_clear(&rig);
}

static void test_one_worker_per_stream(void)
{
    struct rig rig;
    struct dub_error error = {0};

    rig_init(&rig);
    g_assert_null(control_new(rig.folder, "workers", "id", &events, &rig, &error));
    g_assert_cmpstr(error.message, !=, "");
    /* The refused one has not taken the socket away. */
    g_assert_true(g_file_test(control_path(rig.control), G_FILE_TEST_EXISTS));
    rig_clear(&rig);
}

static void test_socket_left_behind_is_replaced(void)
{
    struct rig rig;

    rig_init(&rig);
    control_free(rig.control);
    g_autofree char *path = g_build_filename(rig.folder, "workers", "id.sock", NULL);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_assert_true(g_file_set_contents(path, "", 0, NULL));
    rig.control = control_new(rig.folder, "workers", "id", &events, &rig, NULL);
    g_assert_nonnull(rig.control);
    g_autoptr(GSocketConnection) connection = connect_client(&rig);
    rig_clear(&rig);
}

/* Longer than the address of a socket; clients reach it by the same means. */
static void test_a_long_path_is_served(void)
{
    struct dub_error error = {0};
    struct rig rig;
    rig_init(&rig);
    control_free(rig.control);
    g_autofree char *name = g_strnfill(200, 'x');
    g_autofree char *folder = g_build_filename(rig.folder, name, NULL);
    g_autofree char *workers = g_build_filename(folder, "workers", NULL);
    g_autofree char *path = g_build_filename(workers, "id.sock", NULL);
    g_autofree char *lock = g_build_filename(workers, "id.lock", NULL);

    rig.control = control_new(folder, "workers", "id", &events, &rig, &error);
    g_assert_nonnull(rig.control);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    g_clear_pointer(&rig.control, control_free);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_unlink(lock);
    g_rmdir(workers);
    g_rmdir(folder);
    rig.control = control_new(rig.folder, "workers", "id", &events, &rig, &error);
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/control/greets-replays-and-stops", test_greets_replays_and_stops);
    g_test_add_func("/control/every-client-gets-a-broadcast", test_every_client_gets_a_broadcast);
    g_test_add_func("/control/flush-leaves-nothing-unsaid", test_flush_leaves_nothing_unsaid);
    g_test_add_func("/control/flush-does-not-wait-for-ever", test_flush_does_not_wait_for_ever);
    g_test_add_func("/control/nonsense-disturbs-nobody", test_nonsense_disturbs_nobody);
    g_test_add_func("/control/endless-line-ends-the-client", test_endless_line_ends_the_client);
    g_test_add_func("/control/client-that-does-not-read-is-dropped",
                    test_client_that_does_not_read_is_dropped);
    g_test_add_func("/control/client-that-leaves-is-forgotten", test_client_that_leaves_is_forgotten);
    g_test_add_func("/control/one-worker-per-stream", test_one_worker_per_stream);
    g_test_add_func("/control/socket-left-behind-is-replaced", test_socket_left_behind_is_replaced);
    g_test_add_func("/control/a-long-path-is-served", test_a_long_path_is_served);
    return g_test_run();
}
