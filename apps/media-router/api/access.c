/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "access.h"

#include "../log_budget.h"

#include <dubbing_json.h>
#include <dubbing_log.h>

char *access_format_error(unsigned status, const char *code, const char *message)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "status", "error");
    json_object_set_string_member(object, "error", message);
    return dub_json_object_to_string_take(object);
}

static char *remote_address(SoupServerMessage *message)
{
    GSocketAddress *address = soup_server_message_get_remote_address(message);
    return G_IS_INET_SOCKET_ADDRESS(address)
               ? g_inet_address_to_string(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address)))
               : g_strdup("");
}

/* Of wrong names and passwords: a client that gives none at first is how HTTP Basic begins. */
static void log_refusal(const struct dub_http_request *request, const char *address,
                        const struct dub_error *error)
{
    static struct log_budget budget; /* of both servers, which are on one thread */
    if (budget.clock == NULL)
        log_budget_init(&budget, dub_clock_monotonic(), "refused requests to the API and the metrics", 10);
    if (log_budget_take(&budget))
        dub_log_warn("%s %s from %s: %s", request->method, request->path, address, error->message);
}

bool access_check(struct dub_http_request *request, const GPtrArray *users, enum auth_action action)
{
    struct dub_error error = {0};
    g_autofree char *user = NULL;
    g_autofree char *pass = NULL;
    SoupMessageHeaders *headers = soup_server_message_get_request_headers(request->message);
    auth_from_basic(soup_message_headers_get_one(headers, "Authorization"), &user, &pass);
    g_autofree char *address = remote_address(request->message);
    struct auth_request asked = {.action = action, .remote_address = address, .user = user, .pass = pass};
    if (auth_check(users, &asked, &error))
        return true;
    if (user != NULL)
        log_refusal(request, address, &error);
    soup_message_headers_replace(soup_server_message_get_response_headers(request->message),
                                 "WWW-Authenticate", "Basic realm=\"media-router\"");
    dub_http_reply_error(request, 401, "AUTH_FAILED", "authentication error");
    return false;
}
