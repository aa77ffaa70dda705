/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api.h"

#include "access.h"
#include "describe.h"
#include "page.h"

#include <dubbing_http.h>
#include <dubbing_json.h>
#include <string.h>

struct router_api {
    struct dub_http_server *http;
    struct router *router;
    struct rtmp_server *rtmp;
    struct rtsp_server *rtsp;
    int64_t started_wall_ms;
};

static void reply_page(struct dub_http_request *request, GPtrArray *list,
                       JsonNode *(*item)(const void *element))
{
    struct page page;
    if (page_parse(request->query, &page))
        dub_http_reply_json(request, 200, page_to_json(&page, list, item));
    else
        dub_http_reply_error(request, 400, "INVALID_ARGUMENT",
                             "itemsPerPage must be a number from 1 to %d, page one from 0 to %d", G_MAXINT32,
                             G_MAXINT32);
}

static void on_paths_list(struct dub_http_request *request, void *user)
{
    struct router_api *api = user;
    g_autoptr(GPtrArray) paths = router_list_paths(api->router);
    reply_page(request, paths, describe_path);
}

static void on_paths_get(struct dub_http_request *request, void *user)
{
    struct router_api *api = user;
    const struct router_path *path = router_find_path(api->router, request->params[0]);
    if (path != NULL)
        dub_http_reply_json(request, 200, describe_path(path));
    else
        dub_http_reply_error(request, 404, "NOT_FOUND", "path not found");
}

static void on_config_global(struct dub_http_request *request, void *user)
{
    const struct router_api *api = user;
    dub_http_reply_json(request, 200, describe_global_config(router_config_of(api->router)));
}

static void on_config_defaults(struct dub_http_request *request, void *user)
{
    const struct router_api *api = user;
    dub_http_reply_json(request, 200, describe_path_config(&router_config_of(api->router)->defaults));
}

static int compare_entries(gconstpointer a, gconstpointer b)
{
    const struct path_config *const *first = a;
    const struct path_config *const *second = b;
    return strcmp((*first)->name, (*second)->name);
}

static void on_config_paths_list(struct dub_http_request *request, void *user)
{
    const struct router_api *api = user;
    g_autoptr(GPtrArray) entries = g_ptr_array_copy(router_config_of(api->router)->paths, NULL, NULL);
    g_ptr_array_set_free_func(entries, NULL);
    g_ptr_array_sort(entries, compare_entries);
    reply_page(request, entries, describe_path_config);
}

static void on_config_paths_get(struct dub_http_request *request, void *user)
{
    const struct router_api *api = user;
    const struct path_config *entry =
        router_config_find_entry(router_config_of(api->router), request->params[0]);
    if (entry != NULL)
        dub_http_reply_json(request, 200, describe_path_config(entry));
    else
        dub_http_reply_error(request, 404, "NOT_FOUND", "path configuration not found");
}

/* MediaMTX lists connections with and without TLS apart from each other. */
static void list_connections(struct dub_http_request *request, const struct router_api *api, bool encrypted)
{
    g_autoptr(GPtrArray) list = api->rtmp != NULL ? rtmp_server_list(api->rtmp) : g_ptr_array_new();
    for (guint i = list->len; i-- > 0;)
        if (((const struct rtmp_connection_info *)list->pdata[i])->is_encrypted != encrypted)
            g_ptr_array_remove_index(list, i);
    reply_page(request, list, describe_rtmp_connection);
}

static void on_connections_list(struct dub_http_request *request, void *user)
{
    list_connections(request, user, false);
}

static void on_encrypted_list(struct dub_http_request *request, void *user)
{
    list_connections(request, user, true);
}

/* Answers 400 for what cannot be an id. */
static const char *get_id_or_refuse(struct dub_http_request *request)
{
    if (g_uuid_string_is_valid(request->params[0]))
        return request->params[0];
    dub_http_reply_error(request, 400, "INVALID_ARGUMENT", "the id \"%.60s\" is not a UUID",
                         request->params[0]);
    return NULL;
}

/* False when it has answered already. */
static bool find_or_refuse(struct dub_http_request *request, const struct router_api *api, bool encrypted,
                           struct rtmp_connection_info *info)
{
    const char *id = get_id_or_refuse(request);
    if (id == NULL)
        return false;
    if (api->rtmp != NULL && rtmp_server_find(api->rtmp, id, info) && info->is_encrypted == encrypted)
        return true;
    dub_http_reply_error(request, 404, "NOT_FOUND", "connection not found");
    return false;
}

static void get_connection(struct dub_http_request *request, const struct router_api *api, bool encrypted)
{
    struct rtmp_connection_info info;
    if (find_or_refuse(request, api, encrypted, &info))
        dub_http_reply_json(request, 200, describe_rtmp_connection(&info));
}

static void on_connections_get(struct dub_http_request *request, void *user)
{
    get_connection(request, user, false);
}

static void on_encrypted_get(struct dub_http_request *request, void *user)
{
    get_connection(request, user, true);
}

static void reply_ok(struct dub_http_request *request)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "status", "ok");
    dub_http_reply_json(request, 200, describe_object_take(object));
}

static void kick_connection(struct dub_http_request *request, const struct router_api *api, bool encrypted)
{
    struct rtmp_connection_info info;
    if (!find_or_refuse(request, api, encrypted, &info))
        return;
    rtmp_server_kick(api->rtmp, info.id);
    reply_ok(request);
}

static void on_connections_kick(struct dub_http_request *request, void *user)
{
    kick_connection(request, user, false);
}

static void on_encrypted_kick(struct dub_http_request *request, void *user)
{
    kick_connection(request, user, true);
}

static void keep_kind(GPtrArray *list, bool encrypted)
{
    for (guint i = list->len; i-- > 0;)
        if (((const struct rtsp_connection_info *)list->pdata[i])->is_encrypted != encrypted)
            g_ptr_array_remove_index(list, i);
}

static void list_rtsp_connections(struct dub_http_request *request, const struct router_api *api,
                                  bool encrypted)
{
    g_autoptr(GPtrArray) list = api->rtsp != NULL ? rtsp_server_list(api->rtsp) : g_ptr_array_new();
    keep_kind(list, encrypted);
    reply_page(request, list, describe_rtsp_connection);
}

static void on_rtsp_connections_list(struct dub_http_request *request, void *user)
{
    list_rtsp_connections(request, user, false);
}

static void on_rtsps_connections_list(struct dub_http_request *request, void *user)
{
    list_rtsp_connections(request, user, true);
}

static void get_rtsp_connection(struct dub_http_request *request, const struct router_api *api,
                                bool encrypted)
{
    struct rtsp_connection_info info;
    const char *id = get_id_or_refuse(request);
    if (id == NULL)
        return;
    if (api->rtsp != NULL && rtsp_server_find(api->rtsp, id, &info) && info.is_encrypted == encrypted)
        dub_http_reply_json(request, 200, describe_rtsp_connection(&info));
    else
        dub_http_reply_error(request, 404, "NOT_FOUND", "connection not found");
}

static void on_rtsp_connections_get(struct dub_http_request *request, void *user)
{
    get_rtsp_connection(request, user, false);
}

static void on_rtsps_connections_get(struct dub_http_request *request, void *user)
{
    get_rtsp_connection(request, user, true);
}

static void list_sessions(struct dub_http_request *request, const struct router_api *api, bool encrypted)
{
    g_autoptr(GPtrArray) list = api->rtsp != NULL ? rtsp_server_list_sessions(api->rtsp) : g_ptr_array_new();
    keep_kind(list, encrypted);
    reply_page(request, list, describe_rtsp_session);
}

static void on_sessions_list(struct dub_http_request *request, void *user)
{
    list_sessions(request, user, false);
}

static void on_encrypted_sessions_list(struct dub_http_request *request, void *user)
{
    list_sessions(request, user, true);
}

/* False when it has answered already. */
static bool find_session_or_refuse(struct dub_http_request *request, const struct router_api *api,
                                   bool encrypted, struct rtsp_connection_info *info)
{
    const char *id = get_id_or_refuse(request);
    if (id == NULL)
        return false;
    if (api->rtsp != NULL && rtsp_server_find_session(api->rtsp, id, info) && info->is_encrypted == encrypted)
        return true;
    dub_http_reply_error(request, 404, "NOT_FOUND", "session not found");
    return false;
}

static void get_session(struct dub_http_request *request, const struct router_api *api, bool encrypted)
{
    struct rtsp_connection_info info;
    if (find_session_or_refuse(request, api, encrypted, &info))
        dub_http_reply_json(request, 200, describe_rtsp_session(&info));
}

static void on_sessions_get(struct dub_http_request *request, void *user)
{
    get_session(request, user, false);
}

static void on_encrypted_sessions_get(struct dub_http_request *request, void *user)
{
    get_session(request, user, true);
}

static void kick_session(struct dub_http_request *request, const struct router_api *api, bool encrypted)
{
    struct rtsp_connection_info info;
    if (!find_session_or_refuse(request, api, encrypted, &info))
        return;
    rtsp_server_kick_session(api->rtsp, info.session);
    reply_ok(request);
}

static void on_sessions_kick(struct dub_http_request *request, void *user)
{
    kick_session(request, user, false);
}

static void on_encrypted_sessions_kick(struct dub_http_request *request, void *user)
{
    kick_session(request, user, true);
}

static void on_info(struct dub_http_request *request, void *user)
{
    struct router_api *api = user;
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "version", "media-router " DUB_VERSION);
    describe_time(object, "started", true, api->started_wall_ms);
    dub_http_reply_json(request, 200, describe_object_take(object));
}

static const struct dub_http_route routes[] = {
    {"GET", "/v3/info", on_info, 0},
    {"GET", "/v3/config/global/get", on_config_global, 0},
    {"GET", "/v3/config/pathdefaults/get", on_config_defaults, 0},
    {"GET", "/v3/config/paths/list", on_config_paths_list, 0},
    {"GET", "/v3/config/paths/get/{name...}", on_config_paths_get, 0},
    {"GET", "/v3/paths/list", on_paths_list, 0},
    {"GET", "/v3/paths/get/{name...}", on_paths_get, 0},
    {"GET", "/v3/rtmpconns/list", on_connections_list, 0},
    {"GET", "/v3/rtmpconns/get/{id}", on_connections_get, 0},
    {"POST", "/v3/rtmpconns/kick/{id}", on_connections_kick, DUB_HTTP_WRITES},
    {"GET", "/v3/rtmpsconns/list", on_encrypted_list, 0},
    {"GET", "/v3/rtmpsconns/get/{id}", on_encrypted_get, 0},
    {"POST", "/v3/rtmpsconns/kick/{id}", on_encrypted_kick, DUB_HTTP_WRITES},
    {"GET", "/v3/rtspconns/list", on_rtsp_connections_list, 0},
    {"GET", "/v3/rtspconns/get/{id}", on_rtsp_connections_get, 0},
    {"GET", "/v3/rtspsessions/list", on_sessions_list, 0},
    {"GET", "/v3/rtspsessions/get/{id}", on_sessions_get, 0},
    {"POST", "/v3/rtspsessions/kick/{id}", on_sessions_kick, DUB_HTTP_WRITES},
    {"GET", "/v3/rtspsconns/list", on_rtsps_connections_list, 0},
    {"GET", "/v3/rtspsconns/get/{id}", on_rtsps_connections_get, 0},
    {"GET", "/v3/rtspssessions/list", on_encrypted_sessions_list, 0},
    {"GET", "/v3/rtspssessions/get/{id}", on_encrypted_sessions_get, 0},
    {"POST", "/v3/rtspssessions/kick/{id}", on_encrypted_sessions_kick, DUB_HTTP_WRITES},
    {NULL},
};

static bool admit(struct dub_http_request *request, void *user)
{
    const struct router_api *api = user;
    return access_check(request, router_config_of(api->router)->users, AUTH_API);
}

struct router_api *router_api_new(const char *address, struct router *router, struct rtmp_server *rtmp,
                                  struct rtsp_server *rtsp, struct dub_error *error)
{
    struct router_api *api = g_new0(struct router_api, 1);
    const struct router_config *settings = router_config_of(router);
    struct dub_http_config config = {.address = address,
                                     .admit = admit,
                                     .format_error = access_format_error,
                                     .max_connections = ACCESS_MAX_CONNECTIONS,
                                     .make_room = true,
                                     .request_timeout_ms = ACCESS_TIMEOUT_MS};
    if (settings->api_encryption) {
        config.tls_cert = settings->api_server_cert;
        config.tls_key = settings->api_server_key;
    }
    api->router = router;
    api->rtmp = rtmp;
    api->rtsp = rtsp;
    api->started_wall_ms = dub_wall_time_ms();
    api->http = dub_http_server_new(&config, routes, api, error);
    if (api->http == NULL)
        g_clear_pointer(&api, g_free);
    return api;
}

unsigned router_api_port(const struct router_api *api)
{
    return dub_http_server_port(api->http);
}

void router_api_free(struct router_api *api)
{
    if (api == NULL)
        return;
    dub_http_server_free(api->http);
    g_free(api);
}
