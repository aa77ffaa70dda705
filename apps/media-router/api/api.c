/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api.h"

#include "access.h"
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

static JsonNode *object_node(JsonObject *take_object)
{
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, take_object);
    return node;
}

/* null while it has not come to pass. */
static void set_time(JsonObject *object, const char *name, bool is_set, int64_t wall_ms)
{
    char text[32];
    if (!is_set) {
        json_object_set_null_member(object, name);
        return;
    }
    dub_wall_time_format(wall_ms, text);
    json_object_set_string_member(object, name, text);
}

static JsonObject *peer_json(const char *type, const char *id)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "type", type);
    json_object_set_string_member(object, "id", id);
    return object;
}

static void add_track(JsonArray *tracks, JsonArray *tracks2, enum flv_codec codec)
{
    if (codec == FLV_CODEC_NONE)
        return;
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "codec", flv_codec_name(codec));
    json_object_set_null_member(object, "codecProps");
    json_array_add_string_element(tracks, flv_codec_name(codec));
    json_array_add_object_element(tracks2, object);
}

static void set_tracks(JsonObject *object, const struct router_path *path)
{
    JsonArray *tracks = json_array_new();
    JsonArray *tracks2 = json_array_new();
    if (path->ready) {
        add_track(tracks, tracks2, path->stream.video.codec);
        add_track(tracks, tracks2, path->stream.audio.codec);
    }
    json_object_set_array_member(object, "tracks", tracks);
    json_object_set_array_member(object, "tracks2", tracks2);
}

static void set_source(JsonObject *object, const struct router_publisher *publisher)
{
    if (publisher != NULL)
        json_object_set_object_member(object, "source", peer_json(publisher->ops->type, publisher->id));
    else
        json_object_set_null_member(object, "source");
}

static void set_readers(JsonObject *object, const struct router_path *path)
{
    JsonArray *readers = json_array_new();
    for (guint i = 0; i < path->readers->len; i++) {
        const struct router_reader *reader = path->readers->pdata[i];
        json_array_add_object_element(readers, peer_json(reader->ops->type, reader->id));
    }
    json_object_set_array_member(object, "readers", readers);
}

static void set_bytes(JsonObject *object, const char *name, uint64_t bytes)
{
    json_object_set_int_member(object, name, (gint64)bytes);
}

/* ready and available are one thing under an older and a newer name; online: somebody publishes. */
static JsonNode *path_json(const void *element)
{
    const struct router_path *path = element;
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "name", path->name);
    json_object_set_string_member(object, "confName", path->config->name);
    json_object_set_boolean_member(object, "ready", path->ready);
    set_time(object, "readyTime", path->ready, path->ready_wall_ms);
    json_object_set_boolean_member(object, "available", path->ready);
    set_time(object, "availableTime", path->ready, path->ready_wall_ms);
    json_object_set_boolean_member(object, "online", path->publisher != NULL);
    set_time(object, "onlineTime", path->publisher != NULL, path->online_wall_ms);
    set_source(object, path->publisher);
    set_tracks(object, path);
    set_readers(object, path);
    set_bytes(object, "inboundBytes", path->inbound_bytes);
    set_bytes(object, "outboundBytes", path->outbound_bytes);
    set_bytes(object, "bytesReceived", path->inbound_bytes);
    set_bytes(object, "bytesSent", path->outbound_bytes);
    return object_node(object);
}

static JsonNode *connection_json(const void *element)
{
    const struct rtmp_connection_info *info = element;
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "id", info->id);
    set_time(object, "created", true, info->created_wall_ms);
    json_object_set_string_member(object, "remoteAddr", info->remote_address);
    json_object_set_string_member(object, "state", info->state);
    json_object_set_string_member(object, "path", info->path);
    json_object_set_string_member(object, "query", info->query);
    set_bytes(object, "inboundBytes", info->received_bytes);
    set_bytes(object, "outboundBytes", info->sent_bytes);
    set_bytes(object, "outboundFramesDiscarded", info->dropped_messages);
    set_bytes(object, "bytesReceived", info->received_bytes);
    set_bytes(object, "bytesSent", info->sent_bytes);
    return object_node(object);
}

static JsonNode *rtsp_connection_json(const void *element)
{
    const struct rtsp_connection_info *info = element;
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "id", info->id);
    set_time(object, "created", true, info->created_wall_ms);
    json_object_set_string_member(object, "remoteAddr", info->remote_address);
    if (*info->session != '\0')
        json_object_set_string_member(object, "session", info->session);
    else
        json_object_set_null_member(object, "session");
    json_object_set_string_member(object, "tunnel", "none");
    set_bytes(object, "inboundBytes", info->received_bytes);
    set_bytes(object, "outboundBytes", info->sent_bytes);
    set_bytes(object, "bytesReceived", info->received_bytes);
    set_bytes(object, "bytesSent", info->sent_bytes);
    return object_node(object);
}

/* Every count under its present name and the one before. */
static void set_session_counts(JsonObject *object, const struct rtsp_connection_info *info)
{
    const struct {
        const char *name, *old_name;
        uint64_t value;
    } counts[] = {
        {"inboundBytes", "bytesReceived", info->received_bytes},
        {"inboundRTPPackets", "rtpPacketsReceived", info->received_packets},
        {"inboundRTPPacketsLost", "rtpPacketsLost", info->lost_packets},
        {"inboundRTPPacketsInError", "rtpPacketsInError", info->bad_packets},
        {"outboundBytes", "bytesSent", info->sent_bytes},
        {"outboundRTPPackets", "rtpPacketsSent", info->sent_packets},
        {"outboundFramesDiscarded", NULL, info->dropped_messages},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(counts); i++) {
        set_bytes(object, counts[i].name, counts[i].value);
        if (counts[i].old_name != NULL)
            set_bytes(object, counts[i].old_name, counts[i].value);
    }
}

static JsonNode *session_json(const void *element)
{
    const struct rtsp_connection_info *info = element;
    JsonObject *object = json_object_new();
    JsonArray *connections = json_array_new();
    json_array_add_string_element(connections, info->id);
    json_object_set_string_member(object, "id", info->session);
    set_time(object, "created", true, info->session_created_wall_ms);
    json_object_set_string_member(object, "remoteAddr", info->remote_address);
    json_object_set_string_member(object, "state", info->state);
    json_object_set_string_member(object, "path", info->path);
    json_object_set_string_member(object, "query", info->query);
    json_object_set_string_member(object, "transport", "TCP");
    json_object_set_array_member(object, "conns", connections);
    set_session_counts(object, info);
    return object_node(object);
}

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
    reply_page(request, paths, path_json);
}

static void on_paths_get(struct dub_http_request *request, void *user)
{
    struct router_api *api = user;
    const struct router_path *path = router_find_path(api->router, request->params[0]);
    if (path != NULL)
        dub_http_reply_json(request, 200, path_json(path));
    else
        dub_http_reply_error(request, 404, "NOT_FOUND", "path not found");
}

/* MediaMTX lists connections with and without TLS apart from each other. */
static void list_connections(struct dub_http_request *request, const struct router_api *api, bool encrypted)
{
    g_autoptr(GPtrArray) list = api->rtmp != NULL ? rtmp_server_list(api->rtmp) : g_ptr_array_new();
    for (guint i = list->len; i-- > 0;)
        if (((const struct rtmp_connection_info *)list->pdata[i])->is_encrypted != encrypted)
            g_ptr_array_remove_index(list, i);
    reply_page(request, list, connection_json);
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
        dub_http_reply_json(request, 200, connection_json(&info));
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
    dub_http_reply_json(request, 200, object_node(object));
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
    reply_page(request, list, rtsp_connection_json);
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
        dub_http_reply_json(request, 200, rtsp_connection_json(&info));
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
    reply_page(request, list, session_json);
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
        dub_http_reply_json(request, 200, session_json(&info));
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
    set_time(object, "started", true, api->started_wall_ms);
    dub_http_reply_json(request, 200, object_node(object));
}

static const struct dub_http_route routes[] = {
    {"GET", "/v3/info", on_info, 0},
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
    struct dub_http_config config = {.address = address,
                                     .admit = admit,
                                     .format_error = access_format_error,
                                     .max_connections = ACCESS_MAX_CONNECTIONS,
                                     .make_room = true,
                                     .request_timeout_ms = ACCESS_TIMEOUT_MS};
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
