/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A server with one resource, asked with credentials and without, and by clients that say nothing. */
#include "access.h"

#include <libsoup/soup.h>
#include <string.h>

struct fixture {
    GPtrArray *users;
    struct dub_http_server *server;
    SoupSession *session;
};

static bool admit(struct dub_http_request *request, void *user)
{
    const struct fixture *fixture = user;
    return access_check(request, fixture->users, AUTH_API);
}

static void on_get(struct dub_http_request *request, void *user)
{
    dub_http_reply_text(request, 200, "text/plain", g_strdup("welcome"));
}

static const struct dub_http_route routes[] = {{"GET", "/", on_get, 0}, {NULL}};

static void setup(struct fixture *fixture, gconstpointer data)
{
    fixture->users = auth_users_new();
    auth_users_set_default(fixture->users);
    fixture->server = dub_http_server_new(&(struct dub_http_config){.address = "127.0.0.1:0",
                                                                    .admit = admit,
                                                                    .format_error = access_format_error,
                                                                    .max_connections = ACCESS_MAX_CONNECTIONS,
                                                                    .make_room = true,
                                                                    .request_timeout_ms = ACCESS_TIMEOUT_MS},
                                          routes, fixture, NULL);
    fixture->session = soup_session_new();
    g_assert_nonnull(fixture->server);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    soup_session_abort(fixture->session);
    g_object_unref(fixture->session);
    dub_http_server_free(fixture->server);
    g_ptr_array_unref(fixture->users);
}

/* Only this user, with any address. */
static void let_in_only(struct fixture *fixture, const char *name, const char *pass, const char *action)
{
    g_ptr_array_set_size(fixture->users, 0);
    struct auth_user *user = auth_users_add(fixture->users, name, pass, NULL);
    g_assert_true(user != NULL && auth_user_permit(user, action, NULL, NULL));
}

static void on_answer(GObject *object, GAsyncResult *result, gpointer user)
{
    GBytes **body = user;
    *body = soup_session_send_and_read_finish(SOUP_SESSION(object), result, NULL);
    g_assert_nonnull(*body);
}

/* The message, answered; *body is the caller's. */
static SoupMessage *ask(struct fixture *fixture, const char *method, const char *path,
                        const char *authorization, char **text)
{
    g_autofree char *url =
        g_strdup_printf("http://127.0.0.1:%u%s", dub_http_server_port(fixture->server), path);
    SoupMessage *message = soup_message_new(method, url);
    GBytes *body = NULL;
    soup_message_add_flags(message, SOUP_MESSAGE_DO_NOT_USE_AUTH_CACHE);
    if (authorization != NULL)
        soup_message_headers_replace(soup_message_get_request_headers(message), "Authorization",
                                     authorization);
    soup_session_send_and_read_async(fixture->session, message, G_PRIORITY_DEFAULT, NULL, on_answer, &body);
    while (body == NULL)
        g_main_context_iteration(NULL, TRUE);
    gsize size;
    const char *bytes = g_bytes_get_data(body, &size);
    *text = g_strndup(bytes, size);
    g_bytes_unref(body);
    return message;
}

static void expect(struct fixture *fixture, const char *authorization, unsigned status)
{
    g_autofree char *text = NULL;
    g_autoptr(SoupMessage) message = ask(fixture, "GET", "/", authorization, &text);
    const char *challenge =
        soup_message_headers_get_one(soup_message_get_response_headers(message), "WWW-Authenticate");
    g_assert_cmpuint(soup_message_get_status(message), ==, status);
    if (status == 200) {
        g_assert_cmpstr(text, ==, "welcome");
        return;
    }
    g_assert_cmpstr(text, ==, "{\"status\":\"error\",\"error\":\"authentication error\"}");
    g_assert_true(challenge != NULL && g_str_has_prefix(challenge, "Basic realm="));
}

static void expect_at(struct fixture *fixture, const char *method, const char *path,
                      const char *authorization, unsigned status)
{
    g_autofree char *text = NULL;
    g_autoptr(SoupMessage) message = ask(fixture, method, path, authorization, &text);
    g_assert_cmpuint(soup_message_get_status(message), ==, status);
}

static char *basic(const char *text)
{
    g_autofree char *encoded = g_base64_encode((const guchar *)text, strlen(text));
    return g_strconcat("Basic ", encoded, NULL);
}

static void test_this_host_by_default(struct fixture *fixture, gconstpointer data)
{
    expect(fixture, NULL, 200);
}

static void test_name_and_password(struct fixture *fixture, gconstpointer data)
{
    static const char *const wrong[] = {"admin:wrong", "admin", "other:s3cret:", ":", "", "admin:s3cret\n"};
    static const char *const malformed[] = {"Basic", "Basic ", "Basic %%%", "Bearer s3cret", ""};
    g_autofree char *right = basic("admin:s3cret");
    let_in_only(fixture, "admin", "s3cret", "api");
    expect(fixture, right, 200);
    expect(fixture, NULL, 401);
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *header = basic(wrong[i]);
        expect(fixture, header, 401);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(malformed); i++)
        expect(fixture, malformed[i], 401);
    expect_at(fixture, "GET", "/nothing", NULL, 401); /* strangers learn nothing */
    expect_at(fixture, "POST", "/", NULL, 401);
    expect_at(fixture, "GET", "/nothing", right, 404);
    expect_at(fixture, "POST", "/", right, 405);
}

static void test_a_permission_for_something_else(struct fixture *fixture, gconstpointer data)
{
    g_autofree char *right = basic("admin:s3cret");
    let_in_only(fixture, "admin", "s3cret", "metrics");
    expect(fixture, right, 401);
}

/* More of them than there may be connections. */
static void test_silent_clients_keep_out_nobody(struct fixture *fixture, gconstpointer data)
{
    g_autoptr(GPtrArray) silent = g_ptr_array_new_with_free_func(g_object_unref);
    g_autoptr(GSocketClient) client = g_socket_client_new();
    guint16 port = (guint16)dub_http_server_port(fixture->server);
    for (unsigned i = 0; i < ACCESS_MAX_CONNECTIONS + 20; i++)
        g_ptr_array_add(silent, g_socket_client_connect_to_host(client, "127.0.0.1", port, NULL, NULL));
    expect(fixture, NULL, 200);
}

#define ADD(name, function) g_test_add("/access/" name, struct fixture, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("this-host-by-default", test_this_host_by_default);
    ADD("name-and-password", test_name_and_password);
    ADD("a-permission-for-something-else", test_a_permission_for_something_else);
    ADD("silent-clients-keep-out-nobody", test_silent_clients_keep_out_nobody);
    return g_test_run();
}
