/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_rtmp_client.h"

#include <dubbing_log.h>
#include <string.h>

/* Most frames fit into one chunk of this size: no headers in the middle of them. */
#define OUT_CHUNK_BYTES 65536
/* A server that paces what it sends by the player's buffer sends ahead by this much. */
#define BUFFER_LENGTH_MS 300

/* The transaction of a command tells which one an answer is for. */
enum {
    CONNECT = 1,
    RELEASE_STREAM,
    FC_PUBLISH,
    CREATE_STREAM,
    START,
    FC_UNPUBLISH,
    DELETE_STREAM,
};

static void free_message(gpointer data)
{
    rtmp_message_clear(data);
    g_free(data);
}

void rtmp_client_init(struct rtmp_client *client, enum rtmp_client_role role, const struct rtmp_url *url,
                      rtmp_client_message on_media, rtmp_client_message on_data, void *user)
{
    g_autoptr(GByteArray) hello = g_byte_array_new();

    *client = (struct rtmp_client){
        .role = role, .url = url, .on_media = on_media, .on_data = on_data, .user = user};
    client->handshake = g_new(struct rtmp_client_handshake, 1);
    rtmp_chunk_reader_init(&client->reader);
    rtmp_chunk_writer_init(&client->writer);
    rtmp_control_init(&client->control);
    g_queue_init(&client->early);
    rtmp_client_handshake_begin(client->handshake, hello);
    rtmp_chunk_writer_put_raw(&client->writer, hello->data, hello->len);
}

void rtmp_client_clear(struct rtmp_client *client)
{
    g_clear_pointer(&client->handshake, g_free);
    rtmp_chunk_reader_clear(&client->reader);
    rtmp_chunk_writer_clear(&client->writer);
    g_queue_clear_full(&client->early, free_message);
}

/* On the connection itself, which is stream 0. */
static void send_command(struct rtmp_client *client, GByteArray *take_body)
{
    rtmp_send_amf(&client->writer, RTMP_COMMAND_AMF0, 0, take_body);
}

/* A command with null for its object and the stream's key. */
static void send_key_command(struct rtmp_client *client, const char *name, double transaction)
{
    GByteArray *body = rtmp_command_body(name, transaction);
    amf_write_null(body);
    amf_write_string(body, client->url->key);
    send_command(client, body);
}

static void write_text(GByteArray *body, const char *name, const char *value)
{
    amf_write_name(body, name);
    amf_write_string(body, value);
}

static void write_number(GByteArray *body, const char *name, double value)
{
    amf_write_name(body, name);
    amf_write_number(body, value);
}

/* What a player can take (section 7.2.1.1): servers leave out tracks that it does not name. */
static void write_player(GByteArray *body)
{
    enum { EVERY_SOUND = 0x0fff, EVERY_VIDEO = 0x00ff, SEEK = 1 };
    write_text(body, "flashVer", "LNX 9,0,124,2");
    write_number(body, "capabilities", 15);
    write_number(body, "audioCodecs", EVERY_SOUND);
    write_number(body, "videoCodecs", EVERY_VIDEO);
    write_number(body, "videoFunction", SEEK);
}

static void write_publisher(GByteArray *body)
{
    write_text(body, "type", "nonprivate");
    write_text(body, "flashVer", "FMLE/3.0 (compatible; live-dubbing)");
}

static void send_connect(struct rtmp_client *client)
{
    GByteArray *body = rtmp_command_body("connect", CONNECT);
    amf_write_object_begin(body);
    write_text(body, "app", client->url->app);
    write_text(body, "tcUrl", client->url->tc_url);
    (client->role == RTMP_CLIENT_PLAYER ? write_player : write_publisher)(body);
    amf_write_object_end(body);
    send_command(client, body);
    client->state = RTMP_CLIENT_CONNECTING;
}

/* releaseStream and FCPublish are what encoders say, and some servers wait for; others refuse them, and are
 * right too. */
static bool on_connected(struct rtmp_client *client, const struct rtmp_command *command,
                         struct dub_error *error)
{
    rtmp_send_control(&client->writer, RTMP_WINDOW_ACK_SIZE, RTMP_WINDOW_BYTES);
    if (client->role == RTMP_CLIENT_PUBLISHER) {
        rtmp_chunk_writer_set_chunk_bytes(&client->writer, OUT_CHUNK_BYTES);
        send_key_command(client, "releaseStream", RELEASE_STREAM);
        send_key_command(client, "FCPublish", FC_PUBLISH);
    }
    GByteArray *body = rtmp_command_body("createStream", CREATE_STREAM);
    amf_write_null(body);
    send_command(client, body);
    client->state = RTMP_CLIENT_CREATING;
    return true;
}

static void send_publish(struct rtmp_client *client)
{
    GByteArray *body = rtmp_command_body("publish", START);
    amf_write_null(body);
    amf_write_string(body, client->url->key);
    amf_write_string(body, "live");
    rtmp_send_amf(&client->writer, RTMP_COMMAND_AMF0, client->stream_id, body);
}

static void send_play(struct rtmp_client *client)
{
    enum { LIVE_OR_RECORDED = -2 };
    GByteArray *body = rtmp_command_body("play", START);
    amf_write_null(body);
    amf_write_string(body, client->url->key);
    amf_write_number(body, LIVE_OR_RECORDED);
    rtmp_send_amf(&client->writer, RTMP_COMMAND_AMF0, client->stream_id, body);
    rtmp_send_buffer_length(&client->writer, client->stream_id, BUFFER_LENGTH_MS);
}

static bool on_created(struct rtmp_client *client, const struct rtmp_command *command,
                       struct dub_error *error)
{
    double number = amf_number_or(rtmp_command_argument(command, 0), 0);
    if (!(number >= 1 && number <= UINT32_MAX))
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "the server created a stream without a number");
    client->stream_id = (uint32_t)number;
    client->state = RTMP_CLIENT_STARTING;
    (client->role == RTMP_CLIENT_PLAYER ? send_play : send_publish)(client);
    return true;
}

static bool on_result(struct rtmp_client *client, const struct rtmp_command *command, struct dub_error *error)
{
    if (command->transaction == CONNECT && client->state == RTMP_CLIENT_CONNECTING)
        return on_connected(client, command, error);
    if (command->transaction == CREATE_STREAM && client->state == RTMP_CLIENT_CREATING)
        return on_created(client, command, error);
    return true;
}

/* In the server's words, from a command's information object. */
static bool refused(const struct rtmp_command *command, struct dub_error *error)
{
    const struct amf_value *info = rtmp_command_argument(command, 0);
    const char *code = amf_string_or(amf_member(info, "code"), "");
    const char *description = amf_string_or(amf_member(info, "description"), "");
    return dub_error_set(error, DUB_ERROR_IO, "the server says %.100s%s%.200s", *code ? code : "no",
                         *description ? ": " : "", description);
}

static bool on_error(struct rtmp_client *client, const struct rtmp_command *command, struct dub_error *error)
{
    if (command->transaction == CONNECT || command->transaction == CREATE_STREAM)
        return refused(command, error);
    return true;
}

static bool is_one_of(const char *code, const char *const *codes)
{
    return g_strv_contains(codes, code);
}

static void become_ready(struct rtmp_client *client)
{
    struct rtmp_message *message;

    client->state = RTMP_CLIENT_READY;
    while ((message = g_queue_pop_head(&client->early)) != NULL) {
        rtmp_client_send(client, message->type, message->timestamp_ms, message->payload);
        free_message(message);
    }
    client->early_bytes = 0;
    if (client->ends_when_ready)
        rtmp_client_finish(client);
}

static bool on_status(struct rtmp_client *client, const struct rtmp_command *command, struct dub_error *error)
{
    static const char *const starts[] = {"NetStream.Play.Start", "NetStream.Publish.Start", NULL};
    static const char *const ends[] = {"NetStream.Play.UnpublishNotify", "NetStream.Play.Stop",
                                       "NetStream.Play.Complete", NULL};
    /* Said with the level "status" by some. */
    static const char *const refusals[] = {"NetConnection.Connect.Rejected", "NetConnection.Connect.Closed",
                                           "NetStream.Publish.BadName",      "NetStream.Play.StreamNotFound",
                                           "NetStream.Play.Failed",          NULL};
    const struct amf_value *info = rtmp_command_argument(command, 0);
    const char *code = amf_string_or(amf_member(info, "code"), "");
    const char *level = amf_string_or(amf_member(info, "level"), "");

    if (client->state == RTMP_CLIENT_FINISHING)
        return true;
    if (strcmp(level, "error") == 0 || is_one_of(code, refusals))
        return refused(command, error);
    if (client->state == RTMP_CLIENT_STARTING && is_one_of(code, starts))
        become_ready(client);
    else if (client->role == RTMP_CLIENT_PLAYER && is_one_of(code, ends))
        client->state = RTMP_CLIENT_ENDED;
    return true;
}

static const struct {
    const char *name;
    bool (*handle)(struct rtmp_client *client, const struct rtmp_command *command, struct dub_error *error);
} commands[] = {
    {"_result", on_result},
    {"_error", on_error},
    {"onStatus", on_status},
};

static bool on_command(struct rtmp_client *client, const struct rtmp_message *message,
                       struct dub_error *error)
{
    struct rtmp_command command = {0};
    bool fine = true;
    if (!rtmp_command_read(message, &command, error))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        if (strcmp(command.name, commands[i].name) == 0)
            fine = commands[i].handle(client, &command, error);
    rtmp_command_clear(&command);
    return fine;
}

static rtmp_client_message taker_of(const struct rtmp_client *client, uint8_t type)
{
    switch (type) {
    case RTMP_AUDIO:
    case RTMP_VIDEO:
        return client->on_media;
    case RTMP_DATA_AMF0:
        return client->on_data;
    default:
        return NULL;
    }
}

static bool hand_out(struct rtmp_client *client, const struct rtmp_message *message)
{
    rtmp_client_message take = taker_of(client, message->type);
    if (take != NULL && (client->state == RTMP_CLIENT_STARTING || client->state == RTMP_CLIENT_READY))
        take(message, client->user);
    return true;
}

static bool on_part(const struct rtmp_message *part, struct dub_error *error, void *user)
{
    return hand_out(user, part);
}

static void note_eof(struct rtmp_client *client, const struct rtmp_message *message)
{
    gsize size;
    const uint8_t *body = g_bytes_get_data(message->payload, &size);
    if (client->role == RTMP_CLIENT_PLAYER && client->state == RTMP_CLIENT_READY && size >= 2 &&
        (body[0] << 8 | body[1]) == RTMP_STREAM_EOF)
        client->state = RTMP_CLIENT_ENDED;
}

static bool on_message(struct rtmp_client *client, const struct rtmp_message *message,
                       struct dub_error *error)
{
    switch (message->type) {
    case RTMP_COMMAND_AMF0:
    case RTMP_COMMAND_AMF3:
        return on_command(client, message, error);
    case RTMP_AUDIO:
    case RTMP_VIDEO:
    case RTMP_DATA_AMF0:
        return hand_out(client, message);
    case RTMP_AGGREGATE:
        return rtmp_aggregate_each(message, on_part, client, error);
    case RTMP_USER_CONTROL:
        note_eof(client, message);
        break;
    default:
        break;
    }
    return rtmp_control_receive(&client->control, message, &client->writer, error);
}

static bool receive_handshake(struct rtmp_client *client, const uint8_t **data, size_t *size,
                              struct dub_error *error)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    if (!rtmp_client_handshake_receive(client->handshake, data, size, out, error))
        return false;
    if (out->len > 0)
        rtmp_chunk_writer_put_raw(&client->writer, out->data, out->len);
    if (!client->handshake->done)
        return true;
    g_clear_pointer(&client->handshake, g_free);
    send_connect(client);
    return true;
}

bool rtmp_client_receive(struct rtmp_client *client, const uint8_t *data, size_t size,
                         struct dub_error *error)
{
    client->control.received_bytes += size;
    if (client->handshake != NULL && !receive_handshake(client, &data, &size, error))
        return false;
    while (client->handshake == NULL && client->state != RTMP_CLIENT_ENDED) {
        struct rtmp_message message = {0};
        enum rtmp_chunk_result result =
            rtmp_chunk_reader_receive(&client->reader, &data, &size, &message, error);
        if (result == RTMP_CHUNK_MORE)
            break;
        bool fine = result == RTMP_CHUNK_MESSAGE && on_message(client, &message, error);
        rtmp_message_clear(&message);
        if (!fine)
            return false;
    }
    if (client->handshake == NULL)
        rtmp_control_acknowledge(&client->control, &client->writer);
    return true;
}

static void keep_early(struct rtmp_client *client, uint8_t type, uint32_t timestamp_ms, GBytes *payload)
{
    struct rtmp_message *message = g_new(struct rtmp_message, 1);
    *message =
        (struct rtmp_message){.type = type, .timestamp_ms = timestamp_ms, .payload = g_bytes_ref(payload)};
    g_queue_push_tail(&client->early, message);
    client->early_bytes += g_bytes_get_size(payload);
}

static unsigned csid_of(uint8_t type)
{
    switch (type) {
    case RTMP_AUDIO:
        return RTMP_AUDIO_CSID;
    case RTMP_VIDEO:
        return RTMP_VIDEO_CSID;
    default:
        return RTMP_DATA_CSID;
    }
}

/* The payload with the command in front of it that makes a server keep it, where it is metadata that lacks
 * it. */
static GBytes *as_published(uint8_t type, GBytes *payload)
{
    static const char metadata[] = "\2\0\12onMetaData";
    gsize size;
    const uint8_t *data = g_bytes_get_data(payload, &size);

    if (type != RTMP_DATA_AMF0 || size < sizeof metadata - 1 ||
        memcmp(data, metadata, sizeof metadata - 1) != 0)
        return g_bytes_ref(payload);
    GByteArray *body = g_byte_array_new();
    amf_write_string(body, "@setDataFrame");
    g_byte_array_append(body, data, (guint)size);
    return g_byte_array_free_to_bytes(body);
}

void rtmp_client_send(struct rtmp_client *client, uint8_t type, uint32_t timestamp_ms, GBytes *payload)
{
    g_autoptr(GBytes) body = as_published(type, payload);
    struct rtmp_message message = {
        .type = type, .stream_id = client->stream_id, .timestamp_ms = timestamp_ms, .payload = body};
    if (client->state < RTMP_CLIENT_READY && !client->ends_when_ready)
        keep_early(client, type, timestamp_ms, body);
    else if (client->state == RTMP_CLIENT_READY)
        rtmp_chunk_writer_put(&client->writer, csid_of(type), &message);
}

size_t rtmp_client_pending(const struct rtmp_client *client)
{
    return client->early_bytes + rtmp_chunk_writer_pending(&client->writer);
}

void rtmp_client_finish(struct rtmp_client *client)
{
    client->ends_when_ready = true;
    if (client->state != RTMP_CLIENT_READY)
        return;
    if (client->role == RTMP_CLIENT_PUBLISHER)
        send_key_command(client, "FCUnpublish", FC_UNPUBLISH);
    GByteArray *body = rtmp_command_body("deleteStream", DELETE_STREAM);
    amf_write_null(body);
    amf_write_number(body, client->stream_id);
    send_command(client, body);
    client->state = RTMP_CLIENT_FINISHING;
}
