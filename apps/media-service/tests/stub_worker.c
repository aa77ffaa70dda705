/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stand-in for media-worker: it serves the control socket and does what STUB_... tells it. Its
 * configuration is the environment that media-service gives a worker, which it shows in its log. Given that
 * of an egress-forwarder, it stands in for one.
 *
 * STUB_EXIT=<code>  end at once with this code, after an error line
 * STUB_EGRESS_EXIT=<code>  the same for a forwarder
 * STUB_EGRESS_ERROR=<text>  what a forwarder says of its destination, which it does not reach then
 * STUB_IGNORE_TERM  do not end on SIGTERM
 * STUB_PHRASES=<n>  phrases to tell of, at once
 * STUB_STATUS_MS=<n>  how often to tell its status; 100 without it, a worker's second where there are many */
#include <dubbing_config.h>
#include <dubbing_json.h>
#include <dubbing_log.h>
#include <dubbing_main.h>
#include <dubbing_socket_path.h>
#include <dubbing_worker_control.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    GMainLoop *loop;
    GPtrArray *clients; /* GSocketConnection * */
    const char *stream_id;
    unsigned n_phrases;
    bool is_egress;
} stub;

static void send_line(GSocketConnection *client, JsonNode *take_node)
{
    g_autofree char *text = dub_json_to_string(take_node);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    json_node_unref(take_node);
    if (!g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(client)), line, strlen(line),
                                   NULL, NULL, NULL))
        g_ptr_array_remove(stub.clients, client);
}

static void send_egress_status(GSocketConnection *client)
{
    const char *error = g_getenv("STUB_EGRESS_ERROR");
    struct dub_worker_status status = {
        .state = error == NULL ? DUB_WORKER_RUNNING : DUB_WORKER_CONNECTING,
        .input = {.url = (char *)g_getenv("EGRESS_INPUT_URL"), .connected = true},
        .output = {.connected = error == NULL, .bytes = 1234, .reconnects = 1, .last_error = (char *)error},
        .sts = {.mode = (char *)"disabled"},
    };
    send_line(client, dub_worker_status_to_json(&status));
}

static void send_status(GSocketConnection *client)
{
    if (stub.is_egress) {
        send_egress_status(client);
        return;
    }
    struct dub_worker_status status = {
        .state = DUB_WORKER_RUNNING,
        .uptime_ms = 1000,
        .source_lang = (char *)"en",
        .target_lang = (char *)g_getenv("WORKER_TARGET_LANG"),
        .latency_ms = 3000,
        .delay_ms = 3001,
        .late_blocks = 4,
        .input = {.url = (char *)g_getenv("WORKER_INPUT_URL"), .connected = true, .reconnects = 2},
        .output = {.url = (char *)g_getenv("WORKER_OUTPUT_URL"), .connected = true},
        .sts = {.mode = (char *)"enabled",
                .connected = true,
                .rtt_counts = {0, 1, 2},
                .rtt_sum_ms = 500,
                .fragments = 3},
    };
    if (status.target_lang == NULL)
        status.target_lang = (char *)"es";
    dub_counts_add(&status.fallbacks, "TIMEOUT", 1);
    send_line(client, dub_worker_status_to_json(&status));
    dub_counts_clear(&status.fallbacks);
}

static void send_phrase(GSocketConnection *client, unsigned seq)
{
    struct dub_ledger_line line = {.seq = seq,
                                   .start_ms = seq * 1000,
                                   .end_ms = seq * 1000 + 900,
                                   .state = DUB_PHRASE_DUBBED,
                                   .transcript = (char *)"hello",
                                   .translated_text = (char *)"hola"};
    send_line(client, dub_worker_phrase_to_json(&line));
}

static void on_line(GObject *source, GAsyncResult *result, void *user);

static void read_line(GDataInputStream *input, GSocketConnection *client)
{
    g_data_input_stream_read_line_async(input, G_PRIORITY_DEFAULT, NULL, on_line, client);
}

static void on_line(GObject *source, GAsyncResult *result, void *user)
{
    GDataInputStream *input = G_DATA_INPUT_STREAM(source);
    struct dub_worker_command command;
    gsize size = 0;
    g_autofree char *text = g_data_input_stream_read_line_finish(input, result, &size, NULL);
    g_autoptr(JsonNode) node = text != NULL ? dub_json_parse(text, size, NULL) : NULL;
    if (node == NULL || !dub_worker_command_read(&command, node, NULL)) {
        g_ptr_array_remove(stub.clients, user);
        g_object_unref(input);
        return;
    }
    if (command.type == DUB_WORKER_COMMAND_STOP)
        g_main_loop_quit(stub.loop);
    for (unsigned seq = 1; command.type == DUB_WORKER_COMMAND_PHRASES && seq <= stub.n_phrases; seq++)
        if (seq > command.after)
            send_phrase(user, seq);
    read_line(input, user);
}

static gboolean on_client(GSocketService *service, GSocketConnection *client, GObject *source, void *user)
{
    struct dub_worker_hello hello = {.stream_id = (char *)stub.stream_id,
                                     .run_id = (char *)g_getenv("RUN_ID"),
                                     .instance_id = (char *)"stub",
                                     .pid = getpid(),
                                     .version = (char *)"0"};
    g_ptr_array_add(stub.clients, g_object_ref(client));
    send_line(client, dub_worker_hello_to_json(&hello));
    send_status(client);
    read_line(g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(client))), client);
    return TRUE;
}

static gboolean on_status_due(void *user)
{
    for (guint i = stub.clients->len; i > 0; i--)
        send_status(stub.clients->pdata[i - 1]);
    return G_SOURCE_CONTINUE;
}

static void on_stop(void *user)
{
    if (g_getenv("STUB_IGNORE_TERM") == NULL)
        g_main_loop_quit(stub.loop);
}

static unsigned number_of(const char *variable)
{
    const char *text = g_getenv(variable);
    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : 0;
}

static unsigned status_interval_ms(void)
{
    unsigned interval_ms = number_of("STUB_STATUS_MS");
    return interval_ms != 0 ? interval_ms : 100;
}

static void serve(const char *path)
{
    g_autoptr(GSocketService) service = g_socket_service_new();
    struct dub_socket_path at;
    g_autoptr(GError) error = NULL;
    if (!dub_socket_path_init(&at, path, NULL))
        exit(1);
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(at.address.sun_path);
    g_unlink(path);
    if (!g_socket_listener_add_address(G_SOCKET_LISTENER(service), address, G_SOCKET_TYPE_STREAM,
                                       G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, &error)) {
        dub_log_error("%s: %s", path, error->message);
        exit(1);
    }
    g_signal_connect(service, "incoming", G_CALLBACK(on_client), NULL);
    g_timeout_add(status_interval_ms(), on_status_due, NULL);
    g_main_loop_run(stub.loop);
    g_unlink(path);
}

int main(void)
{
    dub_log_init(&(struct dub_log_config){.component = "stub-worker", .level = "info", .format = "json"});
    stub.is_egress = g_getenv("EGRESS_STREAM_ID") != NULL;
    stub.stream_id = g_getenv(stub.is_egress ? "EGRESS_STREAM_ID" : "WORKER_STREAM_ID");
    stub.n_phrases = number_of("STUB_PHRASES");
    stub.clients = g_ptr_array_new_with_free_func(g_object_unref);
    stub.loop = g_main_loop_new(NULL, FALSE);
    dub_main_on_signal(on_stop, NULL);
    if (stub.is_egress)
        dub_log_info("forwards %s", g_getenv("EGRESS_INPUT_URL"));
    else
        dub_log_info("input %s lang %s", g_getenv("WORKER_INPUT_URL"), g_getenv("WORKER_TARGET_LANG"));
    const char *exit_code = stub.is_egress ? "STUB_EGRESS_EXIT" : "STUB_EXIT";
    if (g_getenv(exit_code) != NULL) {
        dub_log_error("ending as told");
        return (int)number_of(exit_code);
    }
    g_autofree char *path = g_strdup_printf("%s/%s/%s.sock", g_getenv("ORCH_STATE_DIR"),
                                            stub.is_egress ? "egress" : "workers", stub.stream_id);
    serve(path);
    g_ptr_array_unref(stub.clients);
    g_main_loop_unref(stub.loop);
    return 0;
}
