/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Control API and the metrics over HTTP. */
#include "api.h"
#include "metrics.h"

#include <dubbing_json.h>
#include <dubbing_rtmp_message.h>
#include <libsoup/soup.h>
#include <string.h>

#define NOBODY "00000000-0000-4000-8000-000000000000" /* an id of no connection */

struct fixture {
    struct router_config *config;
    struct hook_pool *hooks;
    struct router *router;
    struct rtmp_server *rtmp;
    struct rtsp_server *rtsp;
    struct router_api *api;
    struct router_metrics *metrics;
    SoupSession *session;
    struct router_publisher publisher;
    GSocketConnection *connection; /* an RTMP client that says nothing */
};

static void on_close(struct router_publisher *publisher, const char *reason)
{
}

static const struct router_publisher_ops publisher_ops = {"fakeConn", on_close};

static void publish_something(struct fixture *fixture)
{
    static const uint8_t avc[] = {0x17, 0, 0, 0, 0, 1};
    static const uint8_t aac[] = {0xaf, 0, 0x11, 0x90};
    fixture->publisher = (struct router_publisher){&publisher_ops, (char *)"some-id", NULL};
    g_assert_true(router_publish(fixture->router, "live/demo/in", "", &fixture->publisher, NULL));
    router_write(fixture->router, &fixture->publisher,
                 media_message_new(MEDIA_VIDEO, 0, g_bytes_new_static(avc, sizeof avc)));
    router_write(fixture->router, &fixture->publisher,
                 media_message_new(MEDIA_AUDIO, 0, g_bytes_new_static(aac, sizeof aac)));
}

static void connect_client(struct fixture *fixture)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    guint16 port = (guint16)rtmp_server_port(fixture->rtmp);
    fixture->connection = g_socket_client_connect_to_host(client, "127.0.0.1", port, NULL, NULL);
    g_assert_nonnull(fixture->connection);
    for (unsigned i = 0; i < 1000; i++) {
        g_autoptr(GPtrArray) list = rtmp_server_list(fixture->rtmp);
        if (list->len == 1)
            return;
        g_main_context_iteration(NULL, TRUE);
    }
    g_assert_not_reached();
}

static void setup(struct fixture *fixture, gconstpointer data)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->config = router_config_new();
    router_config_add_path(fixture->config, ROUTER_ALL_OTHERS);
    router_config_add_path(fixture->config, "fixed");
    g_free(fixture->config->rtmp_address);
    fixture->config->rtmp_address = g_strdup("127.0.0.1:0");
    fixture->hooks = hook_pool_new(NULL, NULL);
    fixture->router = router_new(fixture->config, fixture->hooks, 0);
    fixture->rtmp = rtmp_server_new(fixture->router, fixture->config, dub_clock_monotonic(), NULL);
    struct rtsp_listener listener;
    g_assert_true(rtsp_listen("127.0.0.1:0", &listener, NULL));
    fixture->rtsp = rtsp_server_new(fixture->router, fixture->config, dub_clock_monotonic(), listener);
    fixture->api = router_api_new("127.0.0.1:0", fixture->router, fixture->rtmp, fixture->rtsp, NULL);
    fixture->metrics = router_metrics_new("127.0.0.1:0", fixture->router, fixture->rtmp, fixture->rtsp, NULL);
    fixture->session = soup_session_new();
    g_assert_true(fixture->rtmp != NULL && fixture->api != NULL && fixture->metrics != NULL);
    publish_something(fixture);
    connect_client(fixture);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    soup_session_abort(fixture->session);
    g_object_unref(fixture->session);
    g_object_unref(fixture->connection);
    router_metrics_free(fixture->metrics);
    router_api_free(fixture->api);
    rtmp_server_free(fixture->rtmp);
    rtsp_server_free(fixture->rtsp);
    router_free(fixture->router);
    hook_pool_free(fixture->hooks);
    router_config_free(fixture->config);
}

static void on_answer(GObject *object, GAsyncResult *result, gpointer user)
{
    GBytes **body = user;
    *body = soup_session_send_and_read_finish(SOUP_SESSION(object), result, NULL);
    g_assert_nonnull(*body);
}

/* The body of the answer; the caller's. */
static char *ask(struct fixture *fixture, const char *method, unsigned port, const char *path,
                 unsigned status)
{
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u%s", port, path);
    g_autoptr(SoupMessage) message = soup_message_new(method, url);
    GBytes *body = NULL;
    soup_session_send_and_read_async(fixture->session, message, G_PRIORITY_DEFAULT, NULL, on_answer, &body);
    while (body == NULL)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(soup_message_get_status(message), ==, status);
    gsize size;
    const char *data = g_bytes_get_data(body, &size);
    char *text = g_strndup(data, size);
    g_bytes_unref(body);
    return text;
}

static JsonNode *ask_json(struct fixture *fixture, const char *method, const char *path, unsigned status)
{
    g_autofree char *text = ask(fixture, method, router_api_port(fixture->api), path, status);
    JsonNode *node = dub_json_parse(text, strlen(text), NULL);
    g_assert_nonnull(node);
    return node;
}

static void assert_error(struct fixture *fixture, const char *method, const char *path, unsigned status,
                         const char *word)
{
    g_autoptr(JsonNode) node = ask_json(fixture, method, path, status);
    JsonObject *object = json_node_get_object(node);
    g_assert_cmpstr(json_object_get_string_member(object, "status"), ==, "error");
    g_assert_nonnull(strstr(json_object_get_string_member(object, "error"), word));
}

static void assert_demo_path(JsonObject *path)
{
    g_assert_cmpstr(json_object_get_string_member(path, "name"), ==, "live/demo/in");
    g_assert_cmpstr(json_object_get_string_member(path, "confName"), ==, "all_others");
    g_assert_true(json_object_get_boolean_member(path, "ready"));
    g_assert_true(json_object_get_boolean_member(path, "available"));
    g_assert_true(json_object_get_boolean_member(path, "online"));
    g_assert_nonnull(strchr(json_object_get_string_member(path, "readyTime"), 'T'));
    JsonObject *source = json_object_get_object_member(path, "source");
    g_assert_cmpstr(json_object_get_string_member(source, "type"), ==, "fakeConn");
    g_assert_cmpstr(json_object_get_string_member(source, "id"), ==, "some-id");
    JsonArray *tracks = json_object_get_array_member(path, "tracks");
    g_assert_cmpstr(json_array_get_string_element(tracks, 0), ==, "H264");
    g_assert_cmpstr(json_array_get_string_element(tracks, 1), ==, "MPEG-4 Audio");
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(path, "readers")), ==, 0);
    g_assert_cmpint(json_object_get_int_member(path, "inboundBytes"), ==, 10);
    g_assert_cmpint(json_object_get_int_member(path, "bytesReceived"), ==, 10);
}

static void test_paths_list(struct fixture *fixture, gconstpointer data)
{
    g_autoptr(JsonNode) node = ask_json(fixture, "GET", "/v3/paths/list", 200);
    JsonObject *page = json_node_get_object(node);
    JsonArray *items = json_object_get_array_member(page, "items");
    g_assert_cmpint(json_object_get_int_member(page, "itemCount"), ==, 2);
    g_assert_cmpint(json_object_get_int_member(page, "pageCount"), ==, 1);
    JsonObject *fixed = json_array_get_object_element(items, 0);
    g_assert_cmpstr(json_object_get_string_member(fixed, "name"), ==, "fixed");
    g_assert_false(json_object_get_boolean_member(fixed, "ready"));
    g_assert_true(json_object_get_null_member(fixed, "readyTime"));
    g_assert_true(json_object_get_null_member(fixed, "source"));
    assert_demo_path(json_array_get_object_element(items, 1));
}

static void test_paths_pages(struct fixture *fixture, gconstpointer data)
{
    g_autoptr(JsonNode) node = ask_json(fixture, "GET", "/v3/paths/list?itemsPerPage=1&page=1", 200);
    JsonObject *page = json_node_get_object(node);
    g_assert_cmpint(json_object_get_int_member(page, "pageCount"), ==, 2);
    assert_demo_path(json_array_get_object_element(json_object_get_array_member(page, "items"), 0));
    assert_error(fixture, "GET", "/v3/paths/list?itemsPerPage=0", 400, "itemsPerPage");
    assert_error(fixture, "GET", "/v3/paths/list?page=x", 400, "page");
    assert_error(fixture, "GET", "/v3/paths/list?page=-1", 400, "page");
    assert_error(fixture, "GET", "/v3/rtmpconns/list?itemsPerPage=2147483648", 400, "itemsPerPage");
    g_autoptr(JsonNode) beyond = ask_json(fixture, "GET", "/v3/paths/list?itemsPerPage=&page=9", 200);
    JsonObject *last = json_node_get_object(beyond);
    g_assert_cmpint(json_object_get_int_member(last, "itemCount"), ==, 2);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(last, "items")), ==, 0);
}

static void test_paths_get(struct fixture *fixture, gconstpointer data)
{
    static const char *const spellings[] = {"/v3/paths/get/live/demo/in", "/v3/paths/get/live%2Fdemo%2Fin"};
    for (size_t i = 0; i < G_N_ELEMENTS(spellings); i++) {
        g_autoptr(JsonNode) node = ask_json(fixture, "GET", spellings[i], 200);
        assert_demo_path(json_node_get_object(node));
    }
    assert_error(fixture, "GET", "/v3/paths/get/live/nobody", 404, "path not found");
    assert_error(fixture, "GET", "/v3/nothing", 404, "");
    assert_error(fixture, "POST", "/v3/paths/list", 405, "");
}

static void test_configuration(struct fixture *fixture, gconstpointer data)
{
    g_autoptr(JsonNode) global = ask_json(fixture, "GET", "/v3/config/global/get", 200);
    JsonObject *object = json_node_get_object(global);
    g_assert_cmpstr(json_object_get_string_member(object, "readTimeout"), ==, "10s");
    g_assert_cmpstr(json_object_get_string_member(object, "rtmpAddress"), ==, "127.0.0.1:0");
    g_assert_cmpstr(json_object_get_string_member(object, "authMethod"), ==, "internal");
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(object, "rtspTransports")), ==, 1);
    g_assert_false(json_object_has_member(object, "authInternalUsers"));
    g_autoptr(JsonNode) defaults = ask_json(fixture, "GET", "/v3/config/pathdefaults/get", 200);
    g_assert_true(json_object_get_boolean_member(json_node_get_object(defaults), "overridePublisher"));
    assert_error(fixture, "PATCH", "/v3/config/global/patch", 404, "");
    assert_error(fixture, "PATCH", "/v3/config/global/get", 405, "");
}

static void test_configured_paths(struct fixture *fixture, gconstpointer data)
{
    g_autoptr(JsonNode) node = ask_json(fixture, "GET", "/v3/config/paths/list?itemsPerPage=1&page=1", 200);
    JsonObject *page = json_node_get_object(node);
    JsonObject *second =
        json_array_get_object_element(json_object_get_array_member(page, "items"), 0); /* by name */
    g_assert_cmpint(json_object_get_int_member(page, "itemCount"), ==, 2);
    g_assert_cmpstr(json_object_get_string_member(second, "name"), ==, "fixed");
    g_autoptr(JsonNode) one = ask_json(fixture, "GET", "/v3/config/paths/get/all_others", 200);
    g_assert_cmpstr(json_object_get_string_member(json_node_get_object(one), "name"), ==, "all_others");
    g_assert_cmpstr(json_object_get_string_member(json_node_get_object(one), "runOnReady"), ==, "");
    assert_error(fixture, "GET", "/v3/config/paths/get/live/demo/in", 404, "path configuration not found");
    assert_error(fixture, "GET", "/v3/config/paths/list?page=x", 400, "page");
}

static void test_connections(struct fixture *fixture, gconstpointer data)
{
    g_autoptr(JsonNode) node = ask_json(fixture, "GET", "/v3/rtmpconns/list", 200);
    JsonArray *items = json_object_get_array_member(json_node_get_object(node), "items");
    JsonObject *first = json_array_get_object_element(items, 0);
    const char *id = json_object_get_string_member(first, "id");
    g_assert_cmpstr(json_object_get_string_member(first, "state"), ==, "idle");
    g_autofree char *get = g_strconcat("/v3/rtmpconns/get/", id, NULL);
    g_autofree char *kick = g_strconcat("/v3/rtmpconns/kick/", id, NULL);
    g_autoptr(JsonNode) one = ask_json(fixture, "GET", get, 200);
    g_assert_cmpstr(json_object_get_string_member(json_node_get_object(one), "id"), ==, id);
    assert_error(fixture, "GET", "/v3/rtmpconns/get/" NOBODY, 404, "connection not found");
    assert_error(fixture, "POST", "/v3/rtmpconns/kick/" NOBODY, 404, "connection not found");
    assert_error(fixture, "GET", "/v3/rtmpconns/get/nobody", 400, "UUID");
    assert_error(fixture, "POST", "/v3/rtmpconns/kick/%22", 400, "UUID");
    assert_error(fixture, "GET", kick, 405, "");
    g_autoptr(JsonNode) kicked = ask_json(fixture, "POST", kick, 200);
    g_assert_cmpstr(json_object_get_string_member(json_node_get_object(kicked), "status"), ==, "ok");
    uint8_t byte;
    GInputStream *input = g_io_stream_get_input_stream(G_IO_STREAM(fixture->connection));
    g_assert_cmpint(g_input_stream_read(input, &byte, 1, NULL, NULL), ==, 0); /* the server has closed */
}

static void test_info(struct fixture *fixture, gconstpointer data)
{
    g_autoptr(JsonNode) node = ask_json(fixture, "GET", "/v3/info", 200);
    g_assert_nonnull(
        strstr(json_object_get_string_member(json_node_get_object(node), "version"), DUB_VERSION));
    g_assert_nonnull(json_object_get_string_member(json_node_get_object(node), "started"));
}

static void test_metrics(struct fixture *fixture, gconstpointer data)
{
    g_autofree char *text = ask(fixture, "GET", router_metrics_port(fixture->metrics), "/metrics", 200);
    static const char *const lines[] = {
        "# TYPE paths gauge\n",
        "paths{name=\"live/demo/in\",state=\"ready\"} 1\n",
        "paths{name=\"fixed\",state=\"notReady\"} 1\n",
        "paths_readers{name=\"live/demo/in\",state=\"ready\",readerType=\"\"} 0\n",
        "paths_inbound_bytes{name=\"live/demo/in\",state=\"ready\"} 10\n",
        "paths_bytes_received{name=\"live/demo/in\",state=\"ready\"} 10\n",
        "state=\"idle\"} 1\n",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
        if (strstr(text, lines[i]) == NULL)
            g_error("no line %s in %s", lines[i], text);
}

/* A file that keeps others out of the API and the metrics keeps them out here too. */
static void test_users_are_asked(struct fixture *fixture, gconstpointer data)
{
    g_ptr_array_set_size(fixture->config->users, 0);
    assert_error(fixture, "GET", "/v3/paths/list", 401, "authentication error");
    assert_error(fixture, "POST", "/v3/rtmpconns/kick/" NOBODY, 401, "authentication error");
    g_autofree char *text = ask(fixture, "GET", router_metrics_port(fixture->metrics), "/metrics", 401);
    g_assert_nonnull(strstr(text, "authentication error"));
    struct auth_user *user = auth_users_add(fixture->config->users, "any", "", NULL);
    g_assert_true(auth_user_permit(user, "metrics", NULL, NULL));
    g_autofree char *metrics = ask(fixture, "GET", router_metrics_port(fixture->metrics), "/metrics", 200);
    assert_error(fixture, "GET", "/v3/info", 401, "authentication error");
}

/* One that has said nothing yet: a connection without a session. */
static void test_rtsp_connections(struct fixture *fixture, gconstpointer data)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    guint16 port = (guint16)rtsp_server_port(fixture->rtsp);
    g_autoptr(GSocketConnection) connection =
        g_socket_client_connect_to_host(client, "127.0.0.1", port, NULL, NULL);
    g_autofree char *id = NULL;
    while (id == NULL) {
        g_autoptr(GPtrArray) list = rtsp_server_list(fixture->rtsp);
        if (list->len == 1)
            id = g_strdup(((struct rtsp_connection_info *)list->pdata[0])->id);
        else
            g_main_context_iteration(NULL, TRUE);
    }
    g_autofree char *path = g_strdup_printf("/v3/rtspconns/get/%s", id);
    g_autofree char *one = ask(fixture, "GET", router_api_port(fixture->api), path, 200);
    g_assert_nonnull(strstr(one, id));
    g_assert_nonnull(strstr(one, "\"session\":null"));
    g_autofree char *all = ask(fixture, "GET", router_api_port(fixture->api), "/v3/rtspconns/list", 200);
    g_assert_nonnull(strstr(all, "\"itemCount\":1"));
    g_autofree char *none = ask(fixture, "GET", router_api_port(fixture->api), "/v3/rtspsessions/list", 200);
    g_assert_nonnull(strstr(none, "\"itemCount\":0"));
    assert_error(fixture, "GET", "/v3/rtspconns/get/" NOBODY, 404, "connection not found");
    assert_error(fixture, "GET", "/v3/rtspsessions/get/" NOBODY, 404, "session not found");
    assert_error(fixture, "POST", "/v3/rtspsessions/kick/" NOBODY, 404, "session not found");
    assert_error(fixture, "GET", "/v3/rtspsessions/get/x", 400, "UUID");
    g_autofree char *metrics = ask(fixture, "GET", router_metrics_port(fixture->metrics), "/metrics", 200);
    g_autofree char *line = g_strdup_printf("rtsp_conns{id=\"%s\"} 1\n", id);
    g_assert_nonnull(strstr(metrics, line));
}

static void test_ports_in_use(struct fixture *fixture, gconstpointer data)
{
    struct dub_error error = {0};
    g_autofree char *address = g_strdup_printf("127.0.0.1:%u", router_api_port(fixture->api));
    g_assert_null(router_api_new(address, fixture->router, NULL, NULL, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_null(router_metrics_new(address, fixture->router, NULL, NULL, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
}

#define ADD(name, function) g_test_add("/api/" name, struct fixture, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("paths-list", test_paths_list);
    ADD("paths-pages", test_paths_pages);
    ADD("paths-get", test_paths_get);
    ADD("configuration", test_configuration);
    ADD("configured-paths", test_configured_paths);
    ADD("connections", test_connections);
    ADD("info", test_info);
    ADD("metrics", test_metrics);
    ADD("users-are-asked", test_users_are_asked);
    ADD("rtsp-connections", test_rtsp_connections);
    ADD("ports-in-use", test_ports_in_use);
    return g_test_run();
}
