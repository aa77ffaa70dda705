/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything goes through two handlers on "/": an early one, when the headers are there, which refuses bodies
 * that are too large before they are read, and the late one, which finds the route, checks the key and calls
 * it. */
#include <dubbing_http.h>

#include "http_guard.h"
#include "http_routes.h"

#include <dubbing_config.h>
#include <dubbing_json.h>
#include <dubbing_log.h>
#include <dubbing_secret.h>
#include <string.h>
#include <sys/socket.h>

#define DEFAULT_MAX_BODY_BYTES (1024 * 1024)
#define BACKLOG 1024 /* connections that wait to be accepted; the system may allow fewer */
#define MAX_HEADER_FIELDS 100
#define JSON_TYPE "application/json"

struct dub_http_server {
    SoupServer *soup;
    const struct dub_http_route *routes; /* borrowed */
    void *user;
    char *api_key; /* NULL: none */
    gsize max_body_bytes;
    bool (*admit)(struct dub_http_request *request, void *user);
    char *(*format_error)(unsigned status, const char *code, const char *message);
    struct http_guard *guard;
    unsigned port;
};

static char *default_format_error(unsigned status, const char *code, const char *message)
{
    JsonObject *error = json_object_new();
    JsonObject *body = json_object_new();
    json_object_set_string_member(error, "code", code);
    json_object_set_string_member(error, "message", message);
    json_object_set_object_member(body, "error", error);
    return dub_json_object_to_string_take(body);
}

static void reply_take(SoupServerMessage *message, unsigned status, const char *content_type, char *text)
{
    gsize size = strlen(text);
    soup_server_message_set_status(message, status, NULL);
    soup_server_message_set_response(message, content_type, SOUP_MEMORY_TAKE, text, size);
}

static void refuse(struct dub_http_server *server, SoupServerMessage *message, unsigned status,
                   const char *code, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    reply_take(message, status, JSON_TYPE, server->format_error(status, code, valid));
}

void dub_http_reply_json(struct dub_http_request *request, unsigned status, JsonNode *take_body)
{
    reply_take(request->message, status, JSON_TYPE, dub_json_to_string(take_body));
    json_node_unref(take_body);
}

void dub_http_reply_text(struct dub_http_request *request, unsigned status, const char *content_type,
                         char *take_text)
{
    reply_take(request->message, status, content_type, take_text);
}

void dub_http_reply_error(struct dub_http_request *request, unsigned status, const char *code,
                          const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    refuse(request->server, request->message, status, code, text);
}

void dub_http_request_stream(struct dub_http_request *request)
{
    http_guard_let_stream(request->message);
}

JsonObject *dub_http_request_json(struct dub_http_request *request)
{
    struct dub_error error;
    g_autoptr(JsonNode) node = dub_json_parse(request->body, request->body_size, &error);
    if (node == NULL) {
        dub_http_reply_error(request, 400, "BAD_REQUEST", "%s", error.message);
        return NULL;
    }
    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        dub_http_reply_error(request, 400, "BAD_REQUEST", "the body must be a JSON object");
        return NULL;
    }
    return json_node_dup_object(node);
}

bool dub_http_bearer_matches(const char *authorization_header, const char *api_key)
{
    static const char scheme[] = "Bearer ";
    if (authorization_header == NULL || api_key == NULL || *api_key == '\0')
        return false;
    if (g_ascii_strncasecmp(authorization_header, scheme, strlen(scheme)) != 0)
        return false;
    return dub_secret_equal(authorization_header + strlen(scheme), api_key);
}

/* A socket for both families calls 127.0.0.1 ::ffff:127.0.0.1 (RFC 4291, 2.5.5.2). */
bool dub_http_is_loopback(GInetAddress *address)
{
    static const guint8 mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
    if (g_inet_address_get_is_loopback(address))
        return true;
    return g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV6 &&
           memcmp(g_inet_address_to_bytes(address), mapped, sizeof mapped) == 0;
}

static bool is_from_loopback(SoupServerMessage *message)
{
    GSocketAddress *address = soup_server_message_get_remote_address(message);
    if (!G_IS_INET_SOCKET_ADDRESS(address))
        return false;
    return dub_http_is_loopback(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address)));
}

/* A proxy on this machine passes on what comes from elsewhere. What such a header says is never believed,
 * that it is there is enough. */
static bool was_forwarded(SoupMessageHeaders *headers)
{
    static const char *const names[] = {"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP",
                                        "Via"};
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (soup_message_headers_get_list(headers, names[i]) != NULL)
            return true;
    return false;
}

/* A browser on this machine sends what a page from elsewhere makes it send, and names that page's origin
 * (https://fetch.spec.whatwg.org/#origin-header). */
static bool is_from_foreign_page(SoupMessageHeaders *headers)
{
    const char *origin = soup_message_headers_get_list(headers, "Origin");
    if (origin == NULL)
        return false;
    g_autoptr(GUri) uri = g_uri_parse(origin, G_URI_FLAGS_NONE, NULL);
    const char *host = uri != NULL ? g_uri_get_host(uri) : NULL;
    if (host == NULL)
        return true;
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);
    return address != NULL ? !dub_http_is_loopback(address) : g_ascii_strcasecmp(host, "localhost") != 0;
}

static bool is_local_caller(SoupServerMessage *message)
{
    SoupMessageHeaders *headers = soup_server_message_get_request_headers(message);
    return is_from_loopback(message) && !was_forwarded(headers) && !is_from_foreign_page(headers);
}

/* Answers 401 or 403 and returns false where the caller may not. */
static bool is_allowed(struct dub_http_server *server, SoupServerMessage *message, unsigned flags)
{
    if (server->api_key != NULL && (flags & (DUB_HTTP_WRITES | DUB_HTTP_KEYED))) {
        SoupMessageHeaders *headers = soup_server_message_get_request_headers(message);
        if (dub_http_bearer_matches(soup_message_headers_get_one(headers, "Authorization"), server->api_key))
            return true;
        soup_message_headers_replace(soup_server_message_get_response_headers(message), "WWW-Authenticate",
                                     "Bearer");
        refuse(server, message, 401, "UNAUTHORIZED",
               "the API key is missing or wrong: send Authorization: Bearer");
        return false;
    }
    if (server->api_key == NULL && (flags & DUB_HTTP_WRITES) && !is_local_caller(message)) {
        refuse(server, message, 403, "FORBIDDEN", "without an API key this is allowed from loopback only");
        return false;
    }
    return true;
}

/* Before anything is said about what there is. */
static bool is_admitted(struct dub_http_server *server, SoupServerMessage *message, const char *path,
                        GHashTable *query)
{
    static const char *const no_params[] = {NULL};
    struct dub_http_request request = {
        .server = server,
        .message = message,
        .method = soup_server_message_get_method(message),
        .path = path,
        .params = no_params,
        .query = query,
        .body = "",
        .from_loopback = is_from_loopback(message),
    };
    return server->admit == NULL || server->admit(&request, server->user);
}

/* Answers 404 or 405 where there is none. */
static const struct dub_http_route *find_route_or_refuse(struct dub_http_server *server,
                                                         SoupServerMessage *message, GPtrArray *params)
{
    g_autoptr(GString) allowed = g_string_new(NULL);
    const struct dub_http_route *route =
        http_routes_find(server->routes, soup_server_message_get_method(message),
                         g_uri_get_path(soup_server_message_get_uri(message)), params, allowed);
    if (route != NULL)
        return route;
    if (allowed->len == 0) {
        refuse(server, message, 404, "NOT_FOUND", "there is nothing at this path");
        return NULL;
    }
    soup_message_headers_replace(soup_server_message_get_response_headers(message), "Allow", allowed->str);
    refuse(server, message, 405, "METHOD_NOT_ALLOWED", "this path has other methods, see the Allow header");
    return NULL;
}

static void refuse_large_body(struct dub_http_server *server, SoupServerMessage *message)
{
    g_autofree char *text =
        g_strdup_printf("the body is larger than %" G_GSIZE_FORMAT " bytes", server->max_body_bytes);
    refuse(server, message, 413, "PAYLOAD_TOO_LARGE", text);
    SoupMessageBody *body = soup_server_message_get_request_body(message);
    soup_message_body_set_accumulate(body, FALSE);
    soup_message_body_truncate(body);
}

/* Health and metrics are answered all the same: they are asked for most when it is crowded. */
static bool is_crowded_out(struct dub_http_server *server, SoupServerMessage *message, unsigned flags)
{
    if ((flags & DUB_HTTP_ALWAYS) || !http_guard_is_over(server->guard, message))
        return false;
    soup_message_headers_replace(soup_server_message_get_response_headers(message), "Retry-After", "1");
    refuse(server, message, 503, "TOO_MANY_CONNECTIONS", "too many connections are open: try again");
    return true;
}

static bool has_too_many_headers(struct dub_http_server *server, SoupServerMessage *message)
{
    SoupMessageHeadersIter iter;
    const char *name, *value;
    unsigned n = 0;
    soup_message_headers_iter_init(&iter, soup_server_message_get_request_headers(message));
    while (n <= MAX_HEADER_FIELDS && soup_message_headers_iter_next(&iter, &name, &value))
        n++;
    if (n <= MAX_HEADER_FIELDS)
        return false;
    refuse(server, message, 431, "TOO_MANY_HEADERS", "the request has too many header fields");
    return true;
}

static bool takes_a_body(SoupServerMessage *message)
{
    const char *method = soup_server_message_get_method(message);
    return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
}

/* A body without a Content-Length is counted as it comes. */
static void on_body_chunk(SoupServerMessage *message, GBytes *chunk, void *data)
{
    struct dub_http_server *server = data;
    SoupMessageBody *body = soup_server_message_get_request_body(message);
    if (soup_server_message_get_status(message) == 0 && (gsize)body->length > server->max_body_bytes)
        refuse_large_body(server, message);
}

/* One request per connection: libsoup 3.2 never closes a connection whose client leaves between two requests.
 * Also for the answers of other handlers on the same server; a WebSocket's handshake writes its own header.
 */
static void close_afterwards(SoupServerMessage *message)
{
    soup_message_headers_replace(soup_server_message_get_response_headers(message), "Connection", "close");
}

static void on_request_read(SoupServer *soup, SoupServerMessage *message, void *data)
{
    close_afterwards(message);
}

/* Refusing here keeps libsoup from sending "100 Continue" and from keeping the body. */
static void on_headers(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
                       void *data)
{
    struct dub_http_server *server = data;
    close_afterwards(message);
    g_autoptr(GPtrArray) params = g_ptr_array_new_with_free_func(g_free);
    SoupMessageHeaders *headers = soup_server_message_get_request_headers(message);
    goffset announced = soup_message_headers_get_encoding(headers) == SOUP_ENCODING_CONTENT_LENGTH
                            ? soup_message_headers_get_content_length(headers)
                            : 0;
    if (announced > (goffset)server->max_body_bytes) {
        refuse_large_body(server, message);
        return;
    }
    bool may_ask = !has_too_many_headers(server, message) && is_admitted(server, message, path, query);
    const struct dub_http_route *route = may_ask ? find_route_or_refuse(server, message, params) : NULL;
    bool is_refused = route == NULL || is_crowded_out(server, message, route->flags) ||
                      !is_allowed(server, message, route->flags);
    if (is_refused || !takes_a_body(message)) {
        soup_message_body_set_accumulate(soup_server_message_get_request_body(message), FALSE);
        return;
    }
    g_signal_connect(message, "got-chunk", G_CALLBACK(on_body_chunk), server);
}

static void on_request(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
                       void *data)
{
    struct dub_http_server *server = data;
    g_autoptr(GPtrArray) params = g_ptr_array_new_with_free_func(g_free);
    const struct dub_http_route *route = find_route_or_refuse(server, message, params);
    if (route == NULL)
        return;
    g_ptr_array_add(params, NULL);
    SoupMessageBody *kept = soup_server_message_get_request_body(message);
    g_autoptr(GBytes) body =
        soup_message_body_get_accumulate(kept) ? soup_message_body_flatten(kept) : g_bytes_new(NULL, 0);
    gsize size = 0;
    const char *bytes = g_bytes_get_data(body, &size);
    g_autofree char *text = g_strndup("", size);
    if (size > 0)
        memcpy(text, bytes, size);
    struct dub_http_request request = {
        .server = server,
        .message = message,
        .method = soup_server_message_get_method(message),
        .path = path,
        .params = (const char *const *)params->pdata,
        .query = query,
        .body = text,
        .body_size = size,
        .from_loopback = is_from_loopback(message),
    };
    route->handler(&request, server->user);
}

static bool load_certificate(struct dub_http_server *server, const struct dub_http_config *config,
                             struct dub_error *error)
{
    bool has_cert = config->tls_cert != NULL && *config->tls_cert != '\0';
    bool has_key = config->tls_key != NULL && *config->tls_key != '\0';
    if (!has_cert && !has_key)
        return true;
    if (!has_cert || !has_key)
        return dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "TLS needs both a certificate and a key file");
    g_autoptr(GError) gerror = NULL;
    g_autoptr(GTlsCertificate) certificate =
        g_tls_certificate_new_from_files(config->tls_cert, config->tls_key, &gerror);
    if (certificate == NULL) {
        g_autofree char *prefix = g_strdup_printf("cannot use the TLS certificate %s with the key %s",
                                                  config->tls_cert, config->tls_key);
        return dub_error_take_gerror(error, DUB_ERROR_INVALID_CONFIG, prefix, &gerror);
    }
    soup_server_set_tls_certificate(server->soup, certificate);
    return true;
}

/* The first address of the host; "" means all interfaces and gives NULL without an error. */
static GSocketAddress *resolve(const char *host, uint16_t port, GError **gerror)
{
    g_autoptr(GSocketConnectable) connectable = g_network_address_new(host, port);
    g_autoptr(GSocketAddressEnumerator) addresses = g_socket_connectable_enumerate(connectable);
    return g_socket_address_enumerator_next(addresses, NULL, gerror);
}

static bool listen_on(struct dub_http_server *server, const char *host, uint16_t port, GError **gerror)
{
    SoupServerListenOptions options =
        soup_server_get_tls_certificate(server->soup) != NULL ? SOUP_SERVER_LISTEN_HTTPS : 0;
    if (*host == '\0')
        return soup_server_listen_all(server->soup, port, options, gerror) != FALSE;
    g_autoptr(GSocketAddress) address = resolve(host, port, gerror);
    return address != NULL && soup_server_listen(server->soup, address, options, gerror);
}

/* GLib lets ten connections wait: who comes eleventh in a pause of ours is told nothing and tries again after
 * a whole second. To listen again only changes that number. */
static void lengthen_backlog(struct dub_http_server *server)
{
    g_autoptr(GSList) sockets = soup_server_get_listeners(server->soup);
    for (GSList *item = sockets; item != NULL; item = item->next)
        (void)listen(g_socket_get_fd(item->data), BACKLOG);
}

static bool start_listening(struct dub_http_server *server, const char *address, struct dub_error *error)
{
    g_autofree char *host = NULL;
    uint16_t port = 0;
    g_autoptr(GError) gerror = NULL;
    if (!dub_parse_address(address, &host, &port))
        return dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "\"%s\" is not host:port", address);
    if (listen_on(server, host, port, &gerror))
        return true;
    if (g_error_matches(gerror, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE))
        return dub_error_set(error, DUB_ERROR_UNAVAILABLE,
                             "%s is in use by another program: stop it or choose another port", address);
    g_autofree char *prefix = g_strdup_printf("cannot listen on %s", address);
    return dub_error_take_gerror(error, DUB_ERROR_IO, prefix, &gerror);
}

static unsigned bound_port(SoupServer *soup)
{
    GSList *uris = soup_server_get_uris(soup);
    unsigned port = uris != NULL ? (unsigned)g_uri_get_port(uris->data) : 0;
    g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
    return port;
}

struct dub_http_server *dub_http_server_new(const struct dub_http_config *config,
                                            const struct dub_http_route *routes, void *user,
                                            struct dub_error *error)
{
    struct dub_http_server *server = g_new0(struct dub_http_server, 1);
    /* Raw paths: a segment may hold an encoded slash. */
    server->soup = soup_server_new("raw-paths", TRUE, NULL);
    server->routes = routes;
    server->user = user;
    server->api_key = config->api_key != NULL && *config->api_key != '\0' ? g_strdup(config->api_key) : NULL;
    server->max_body_bytes = config->max_body_bytes != 0 ? config->max_body_bytes : DEFAULT_MAX_BODY_BYTES;
    server->admit = config->admit;
    server->format_error = config->format_error != NULL ? config->format_error : default_format_error;
    g_signal_connect(server->soup, "request-read", G_CALLBACK(on_request_read), NULL);
    soup_server_add_early_handler(server->soup, NULL, on_headers, server, NULL);
    soup_server_add_handler(server->soup, NULL, on_request, server, NULL);
    if (!load_certificate(server, config, error) || !start_listening(server, config->address, error)) {
        dub_http_server_free(server);
        return NULL;
    }
    server->guard =
        http_guard_new(server->soup, &(struct http_guard_limits){.max_connections = config->max_connections,
                                                                 .max_per_address = config->max_per_address,
                                                                 .timeout_ms = config->request_timeout_ms,
                                                                 .make_room = config->make_room});
    lengthen_backlog(server);
    server->port = bound_port(server->soup);
    return server;
}

unsigned dub_http_server_port(const struct dub_http_server *server)
{
    return server->port;
}

SoupServer *dub_http_server_soup(struct dub_http_server *server)
{
    return server->soup;
}

void dub_http_server_free(struct dub_http_server *server)
{
    if (server == NULL)
        return;
    soup_server_disconnect(server->soup);
    http_guard_free(server->guard);
    g_object_unref(server->soup);
    g_free(server->api_key);
    g_free(server);
}
