/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connect, write the request, read the head of the answer, check it: one struct attempt goes through these as
 * the data of a GTask. */
#include "ws_connect.h"

#include <libsoup/soup.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>

/* RFC 6455 section 1.3 */
#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_BYTES 16

struct attempt {
    GUri *uri;
    GTlsCertificate *ca; /* NULL: none */
    GSocketConnection *connection;
    char *key; /* Sec-WebSocket-Key, base64 */
    GString *request;
    GString *head; /* of the answer, as far as it has come */
    GSource *readable;
};

static void clear_readable(struct attempt *attempt)
{
    if (attempt->readable == NULL)
        return;
    g_source_destroy(attempt->readable);
    g_clear_pointer(&attempt->readable, g_source_unref);
}

static void attempt_free(void *data)
{
    struct attempt *attempt = data;
    clear_readable(attempt);
    g_uri_unref(attempt->uri);
    g_clear_object(&attempt->ca);
    g_clear_object(&attempt->connection);
    g_free(attempt->key);
    g_string_free(attempt->request, TRUE);
    g_string_free(attempt->head, TRUE);
    g_free(attempt);
}

static bool is_secure(const struct attempt *attempt)
{
    return strcmp(g_uri_get_scheme(attempt->uri), "wss") == 0;
}

static guint16 default_port(const struct attempt *attempt)
{
    return is_secure(attempt) ? 443 : 80;
}

static char *random_key(void)
{
    guint32 random[KEY_BYTES / sizeof(guint32)];
    for (gsize i = 0; i < G_N_ELEMENTS(random); i++)
        random[i] = g_random_int();
    return g_base64_encode((const guchar *)random, sizeof random);
}

/* Owned by the caller. */
static char *accept_for(const char *key)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA1);
    guint8 digest[20];
    gsize size = sizeof digest;
    g_checksum_update(checksum, (const guchar *)key, -1);
    g_checksum_update(checksum, (const guchar *)ACCEPT_GUID, -1);
    g_checksum_get_digest(checksum, digest, &size);
    return g_base64_encode(digest, size);
}

static void append_host(GString *request, const struct attempt *attempt)
{
    const char *host = g_uri_get_host(attempt->uri);
    int port = g_uri_get_port(attempt->uri);
    bool is_ipv6 = strchr(host, ':') != NULL;
    g_string_append_printf(request, "Host: %s%s%s", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "");
    if (port > 0 && port != default_port(attempt))
        g_string_append_printf(request, ":%d", port);
    g_string_append(request, "\r\n");
}

/* False when a header would end its line. */
static bool append_headers(GString *request, const char *const *headers)
{
    for (; headers != NULL && headers[0] != NULL; headers += 2) {
        if (strpbrk(headers[0], "\r\n") != NULL || strpbrk(headers[1], "\r\n") != NULL)
            return false;
        g_string_append_printf(request, "%s: %s\r\n", headers[0], headers[1]);
    }
    return true;
}

static bool compose_request(struct attempt *attempt, const char *const *headers)
{
    const char *path = g_uri_get_path(attempt->uri);
    const char *query = g_uri_get_query(attempt->uri);
    g_string_append_printf(attempt->request, "GET %s%s%s HTTP/1.1\r\n", path[0] != '\0' ? path : "/",
                           query != NULL ? "?" : "", query != NULL ? query : "");
    append_host(attempt->request, attempt);
    g_string_append_printf(attempt->request,
                           "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                           "Sec-WebSocket-Key: %s\r\n",
                           attempt->key);
    if (!append_headers(attempt->request, headers))
        return false;
    g_string_append(attempt->request, "\r\n");
    return true;
}

/* Takes the task. */
static void fail(GTask *task, GError *take_error)
{
    g_task_return_error(task, take_error);
    g_object_unref(task);
}

/* NULL when the answer opens the WebSocket, else what is wrong with it; owned by the caller. */
static char *problem_of_answer(const struct attempt *attempt)
{
    g_autoptr(SoupMessageHeaders) headers = soup_message_headers_new(SOUP_MESSAGE_HEADERS_RESPONSE);
    SoupHTTPVersion version;
    guint status = 0;
    g_autofree char *phrase = NULL;
    g_autofree char *accept = accept_for(attempt->key);
    /* libsoup's parser wants the head without the empty line. */
    int size = (int)attempt->head->len - 2;
    if (!soup_headers_parse_response(attempt->head->str, size, headers, &version, &status, &phrase))
        return g_strdup("the server's answer is no HTTP");
    if (status != SOUP_STATUS_SWITCHING_PROTOCOLS)
        return g_strdup_printf("the server answered HTTP %u %s", status, soup_status_get_phrase(status));
    const char *accepted = soup_message_headers_get_one(headers, "Sec-WebSocket-Accept");
    if (!soup_message_headers_header_equals(headers, "Upgrade", "websocket") ||
        !soup_message_headers_header_contains(headers, "Connection", "upgrade") ||
        g_strcmp0(accepted, accept) != 0)
        return g_strdup("the server's answer is no WebSocket handshake");
    if (soup_message_headers_get_list(headers, "Sec-WebSocket-Extensions") != NULL ||
        soup_message_headers_get_one(headers, "Sec-WebSocket-Protocol") != NULL)
        return g_strdup("the server chose an extension or protocol that was not offered");
    return NULL;
}

static void check_answer(GTask *task)
{
    struct attempt *attempt = g_task_get_task_data(task);
    g_autofree char *problem = problem_of_answer(attempt);
    if (problem != NULL) {
        fail(task, g_error_new_literal(G_IO_ERROR, G_IO_ERROR_INVALID_DATA, problem));
        return;
    }
    g_task_return_pointer(task, g_steal_pointer(&attempt->connection), g_object_unref);
    g_object_unref(task);
}

/* 1: read, 0: not there yet, -1: there will be none. */
static int read_byte(struct attempt *attempt, GError **error)
{
    GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(attempt->connection));
    char byte;
    g_autoptr(GError) problem = NULL;
    gssize n =
        g_pollable_input_stream_read_nonblocking(G_POLLABLE_INPUT_STREAM(in), &byte, 1, NULL, &problem);
    if (n > 0) {
        g_string_append_c(attempt->head, byte);
        return 1;
    }
    if (g_error_matches(problem, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        return 0;
    if (n == 0)
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the server closed without an answer");
    else
        g_propagate_error(error, g_steal_pointer(&problem));
    return -1;
}

static bool is_head_complete(const GString *head)
{
    return head->len >= 4 && memcmp(head->str + head->len - 4, "\r\n\r\n", 4) == 0;
}

/* One byte at a time, so that nothing of the first frames is taken, which may stand right behind. As
 * read_byte. */
static int read_head(struct attempt *attempt, GError **error)
{
    while (!is_head_complete(attempt->head)) {
        if (attempt->head->len == WS_CONNECT_HEAD_BYTES_MAX) {
            g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                                "the head of the server's answer has no end");
            return -1;
        }
        int result = read_byte(attempt, error);
        if (result <= 0)
            return result;
    }
    return 1;
}

static gboolean on_readable(GObject *stream, void *user)
{
    GTask *task = user;
    struct attempt *attempt = g_task_get_task_data(task);
    GError *error = NULL;
    int result = g_cancellable_set_error_if_cancelled(g_task_get_cancellable(task), &error)
                     ? -1
                     : read_head(attempt, &error);
    if (result == 0)
        return G_SOURCE_CONTINUE;
    clear_readable(attempt);
    if (result < 0)
        fail(task, error);
    else
        check_answer(task);
    return G_SOURCE_REMOVE;
}

static void on_request_written(GObject *out, GAsyncResult *result, void *user)
{
    GTask *task = user;
    struct attempt *attempt = g_task_get_task_data(task);
    GError *error = NULL;
    if (!g_output_stream_write_all_finish(G_OUTPUT_STREAM(out), result, NULL, &error)) {
        fail(task, error);
        return;
    }
    GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(attempt->connection));
    attempt->readable =
        g_pollable_input_stream_create_source(G_POLLABLE_INPUT_STREAM(in), g_task_get_cancellable(task));
    g_source_set_callback(attempt->readable, G_SOURCE_FUNC(on_readable), task, NULL);
    g_source_attach(attempt->readable, g_task_get_context(task));
}

/* The TLS connection, if it is one, outlives the attempt. */
static void forget_certificate(struct attempt *attempt)
{
    if (!G_IS_TCP_WRAPPER_CONNECTION(attempt->connection))
        return;
    GIOStream *tls =
        g_tcp_wrapper_connection_get_base_io_stream(G_TCP_WRAPPER_CONNECTION(attempt->connection));
    g_signal_handlers_disconnect_by_data(tls, attempt);
}

static void on_connected(GObject *client, GAsyncResult *result, void *user)
{
    GTask *task = user;
    struct attempt *attempt = g_task_get_task_data(task);
    GError *error = NULL;
    attempt->connection = g_socket_client_connect_finish(G_SOCKET_CLIENT(client), result, &error);
    if (attempt->connection == NULL) {
        fail(task, error);
        return;
    }
    forget_certificate(attempt);
    /* Small packets (pings, acknowledgements) must not wait for the peer's delayed ACK. */
    g_socket_set_option(g_socket_connection_get_socket(attempt->connection), IPPROTO_TCP, TCP_NODELAY, 1,
                        NULL);
    g_output_stream_write_all_async(g_io_stream_get_output_stream(G_IO_STREAM(attempt->connection)),
                                    attempt->request->str, attempt->request->len, G_PRIORITY_DEFAULT,
                                    g_task_get_cancellable(task), on_request_written, task);
}

/* What the system's authorities do not know may still be signed by the one that the caller named. */
static gboolean on_accept_certificate(GTlsConnection *tls, GTlsCertificate *certificate,
                                      GTlsCertificateFlags errors, void *data)
{
    const struct attempt *attempt = data;
    if (attempt->ca == NULL)
        return FALSE;
    g_autoptr(GSocketConnectable) host =
        g_network_address_new(g_uri_get_host(attempt->uri), default_port(attempt));
    return g_tls_certificate_verify(certificate, host, attempt->ca) == G_TLS_CERTIFICATE_NO_FLAGS;
}

static void on_client_event(GSocketClient *client, GSocketClientEvent event, GSocketConnectable *connectable,
                            GIOStream *connection, void *user)
{
    if (event == G_SOCKET_CLIENT_TLS_HANDSHAKING)
        g_signal_connect(connection, "accept-certificate", G_CALLBACK(on_accept_certificate), user);
}

/* With the scheme that a proxy's rules are about. */
static GSocketConnectable *address_of(const struct attempt *attempt)
{
    int port = g_uri_get_port(attempt->uri);
    return g_object_new(G_TYPE_NETWORK_ADDRESS, "hostname", g_uri_get_host(attempt->uri), "port",
                        port > 0 ? (unsigned)port : default_port(attempt), "scheme",
                        is_secure(attempt) ? "https" : "http", NULL);
}

void ws_connect_async(GUri *uri, const char *const *headers, GTlsCertificate *ca, GCancellable *cancellable,
                      GAsyncReadyCallback callback, void *user)
{
    GTask *task = g_task_new(NULL, cancellable, callback, user);
    struct attempt *attempt = g_new0(struct attempt, 1);
    g_task_set_task_data(task, attempt, attempt_free);
    attempt->uri = g_uri_ref(uri);
    attempt->ca = ca != NULL ? g_object_ref(ca) : NULL;
    attempt->key = random_key();
    attempt->request = g_string_new(NULL);
    attempt->head = g_string_new(NULL);
    if (!compose_request(attempt, headers)) {
        fail(task,
             g_error_new_literal(G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "a header holds a line break"));
        return;
    }
    g_autoptr(GSocketConnectable) address = address_of(attempt);
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_socket_client_set_tls(client, is_secure(attempt));
    g_signal_connect(client, "event", G_CALLBACK(on_client_event), attempt);
    g_socket_client_connect_async(client, address, cancellable, on_connected, task);
}

GIOStream *ws_connect_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}
