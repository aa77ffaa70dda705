/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sts_stream.h"

#include <stdio.h>
#include <string.h>

static JsonNode *node_of(JsonObject *take_object)
{
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, take_object);
    return node;
}

static void send_init(struct bench_stream *stream)
{
    JsonObject *config = json_object_new();
    json_object_set_string_member(config, "source_language", "en");
    json_object_set_string_member(config, "target_language", "es");
    json_object_set_int_member(config, "sample_rate_hz", stream->config.rate_hz);
    json_object_set_int_member(config, "channels", 1);
    json_object_set_string_member(config, "format", "pcm_s16le");
    JsonObject *init = json_object_new();
    json_object_set_string_member(init, "stream_id", stream->config.id);
    json_object_set_string_member(init, "worker_id", "bench");
    json_object_set_int_member(init, "max_inflight", stream->config.max_inflight);
    json_object_set_int_member(init, "timeout_ms", stream->config.timeout_ms);
    json_object_set_object_member(init, "config", config);
    dub_sio_socket_emit_take(stream->socket, "stream:init", node_of(init));
}

static void on_connect(struct dub_sio_socket *socket, const struct dub_eio_handshake *handshake,
                       JsonNode *auth, void *user)
{
    struct bench_stream *stream = user;
    stream->socket = socket;
    send_init(stream);
}

static void fail(struct bench_stream *stream, const char *what, const char *detail)
{
    fprintf(stderr, "%s: %s: %s\n", stream->config.id, what, detail);
    stream->events->failed(what, stream->user);
}

static void on_event(struct dub_sio_socket *socket, const struct dub_sio_event *event, void *user)
{
    struct bench_stream *stream = user;
    JsonObject *object = dub_sio_event_object(event, 0);
    if (strcmp(event->name, "stream:ready") == 0)
        stream->events->ready(stream->user);
    else if (strcmp(event->name, "fragment:processed") == 0 && object != NULL)
        stream->events->processed(object, stream->user);
    else if (strcmp(event->name, "error") == 0)
        fail(stream, "the service answered with an error",
             object != NULL ? json_object_get_string_member_with_default(object, "message", "?") : "?");
}

static void on_disconnect(struct dub_sio_socket *socket, enum dub_eio_reason reason, void *user)
{
    ((struct bench_stream *)user)->socket = NULL;
}

static void on_connect_error(struct dub_sio_client *client, const char *space, const char *code,
                             const char *message, void *user)
{
    fail(user, "the service refused a connection", message);
}

static void on_closed(struct dub_sio_client *client, const struct dub_error *error, void *user)
{
    fail(user, "a connection was lost", error->message);
}

bool bench_stream_open(struct bench_stream *stream, const struct bench_stream_config *config,
                       const struct bench_stream_events *events, void *user)
{
    static const struct dub_sio_client_events client_events = {on_connect_error, on_closed};
    *stream = (struct bench_stream){.config = *config, .events = events, .user = user};
    const struct dub_sio_client_namespace space = {.space = {.name = "/",
                                                             .on_connect = on_connect,
                                                             .on_event = on_event,
                                                             .on_disconnect = on_disconnect,
                                                             .user = stream}};
    const char *const headers[] = {"X-Stream-ID", config->id, "X-Worker-ID", "bench", NULL};
    const struct dub_sio_client_config client = {
        .url = config->url, .headers = headers, .namespaces = &space, .n_namespaces = 1};
    struct dub_error error = {0};
    stream->client = dub_sio_client_new(&client, &client_events, stream, &error);
    if (stream->client == NULL)
        fprintf(stderr, "%s: %s\n", config->id, error.message);
    return stream->client != NULL;
}

void bench_stream_close(struct bench_stream *stream)
{
    dub_sio_client_free(g_steal_pointer(&stream->client));
}

static JsonObject *audio_of(const struct bench_stream *stream, const struct bench_clip *clip)
{
    JsonObject *audio = json_object_new();
    json_object_set_string_member(audio, "format", "pcm_s16le");
    json_object_set_int_member(audio, "sample_rate_hz", stream->config.rate_hz);
    json_object_set_int_member(audio, "channels", 1);
    json_object_set_int_member(audio, "duration_ms", clip->duration_ms);
    json_object_set_string_member(audio, "data_base64", clip->base64);
    return audio;
}

void bench_stream_send(struct bench_stream *stream, const char *fragment_id, const struct bench_clip *clip)
{
    JsonObject *fragment = json_object_new();
    json_object_set_string_member(fragment, "fragment_id", fragment_id);
    json_object_set_string_member(fragment, "stream_id", stream->config.id);
    json_object_set_int_member(fragment, "sequence_number", stream->sequence++);
    json_object_set_int_member(fragment, "timestamp", g_get_real_time() / 1000);
    json_object_set_object_member(fragment, "audio", audio_of(stream, clip));
    dub_sio_socket_emit_take(stream->socket, "fragment:data", node_of(fragment));
}
