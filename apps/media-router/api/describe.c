/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "describe.h"

#include "../config_keys.h"

#include <dubbing_clock.h>

JsonNode *describe_object_take(JsonObject *take_object)
{
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, take_object);
    return node;
}

void describe_time(JsonObject *object, const char *name, bool is_set, int64_t wall_ms)
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
JsonNode *describe_path(const void *element)
{
    const struct router_path *path = element;
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "name", path->name);
    json_object_set_string_member(object, "confName", path->config->name);
    json_object_set_boolean_member(object, "ready", path->ready);
    describe_time(object, "readyTime", path->ready, path->ready_wall_ms);
    json_object_set_boolean_member(object, "available", path->ready);
    describe_time(object, "availableTime", path->ready, path->ready_wall_ms);
    json_object_set_boolean_member(object, "online", path->publisher != NULL);
    describe_time(object, "onlineTime", path->publisher != NULL, path->online_wall_ms);
    set_source(object, path->publisher);
    set_tracks(object, path);
    set_readers(object, path);
    set_bytes(object, "inboundBytes", path->inbound_bytes);
    set_bytes(object, "outboundBytes", path->outbound_bytes);
    set_bytes(object, "bytesReceived", path->inbound_bytes);
    set_bytes(object, "bytesSent", path->outbound_bytes);
    return describe_object_take(object);
}

JsonNode *describe_rtmp_connection(const void *element)
{
    const struct rtmp_connection_info *info = element;
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "id", info->id);
    describe_time(object, "created", true, info->created_wall_ms);
    json_object_set_string_member(object, "remoteAddr", info->remote_address);
    json_object_set_string_member(object, "state", info->state);
    json_object_set_string_member(object, "path", info->path);
    json_object_set_string_member(object, "query", info->query);
    set_bytes(object, "inboundBytes", info->received_bytes);
    set_bytes(object, "outboundBytes", info->sent_bytes);
    set_bytes(object, "outboundFramesDiscarded", info->dropped_messages);
    set_bytes(object, "bytesReceived", info->received_bytes);
    set_bytes(object, "bytesSent", info->sent_bytes);
    return describe_object_take(object);
}

JsonNode *describe_rtsp_connection(const void *element)
{
    const struct rtsp_connection_info *info = element;
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "id", info->id);
    describe_time(object, "created", true, info->created_wall_ms);
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
    return describe_object_take(object);
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

JsonNode *describe_rtsp_session(const void *element)
{
    const struct rtsp_connection_info *info = element;
    JsonObject *object = json_object_new();
    JsonArray *connections = json_array_new();
    json_array_add_string_element(connections, info->id);
    json_object_set_string_member(object, "id", info->session);
    describe_time(object, "created", true, info->session_created_wall_ms);
    json_object_set_string_member(object, "remoteAddr", info->remote_address);
    json_object_set_string_member(object, "state", info->state);
    json_object_set_string_member(object, "path", info->path);
    json_object_set_string_member(object, "query", info->query);
    json_object_set_string_member(object, "transport", "TCP");
    json_object_set_array_member(object, "conns", connections);
    set_session_counts(object, info);
    return describe_object_take(object);
}

/* "name" comes first, as everywhere. */
JsonNode *describe_path_config(const void *element)
{
    const struct path_config *path = element;
    JsonObject *object = json_object_new();
    if (path->name != NULL)
        json_object_set_string_member(object, "name", path->name);
    config_keys_describe_path(path, object);
    return describe_object_take(object);
}

static void set_list(JsonObject *object, const char *name, const char *const *values)
{
    JsonArray *array = json_array_new();
    for (; *values != NULL; values++)
        json_array_add_string_element(array, *values);
    json_object_set_array_member(object, name, array);
}

JsonNode *describe_global_config(const struct router_config *config)
{
    const char *const methods[] = {"basic", config->rtsp_digest ? "digest" : NULL, NULL};
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "authMethod", "internal");
    config_keys_describe_global(config, object);
    set_list(object, "rtspTransports", (const char *const[]){"tcp", NULL});
    set_list(object, "rtspAuthMethods", &methods[config->rtsp_basic ? 0 : 1]);
    return describe_object_take(object);
}
