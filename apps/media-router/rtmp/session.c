/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session.h"

#include "../path_name.h"

#include <dubbing_clock.h>
#include <dubbing_log.h>
#include <string.h>

/* Most frames fit into one chunk of this size: no headers in the middle of them. */
#define OUT_CHUNK_BYTES 65536
#define STREAM_ID 1
/* Unfinished commands on all chunk streams; clients send one after the other. */
#define MAX_PARTIAL_COMMAND_BYTES (4 * RTMP_MAX_COMMAND_BYTES)
#define SET_DATA_FRAME "@setDataFrame"
#define STRING_HEADER_BYTES 3 /* of an AMF0 string: type, length */

static const char *const state_names[] = {
#define X(name) [RTMP_SESSION_##name] = #name,
    RTMP_SESSION_STATES(X)
#undef X
};

const char *rtmp_session_state_name(enum rtmp_session_state state)
{
    return state_names[state];
}

void rtmp_session_init(struct rtmp_session *session, const struct rtmp_session_events *events, void *user)
{
    memset(session, 0, sizeof *session);
    session->events = events;
    session->user = user;
    session->handshake = g_new(struct rtmp_handshake, 1);
    rtmp_handshake_init(session->handshake);
    rtmp_chunk_reader_init(&session->reader);
    session->reader.front_bytes = MEDIA_FRONT_BYTES;
    /* Who does not publish sends commands only. */
    session->reader.max_message_bytes = RTMP_MAX_COMMAND_BYTES;
    session->reader.max_partial_bytes = MAX_PARTIAL_COMMAND_BYTES;
    session->max_media_bytes = RTMP_MAX_MESSAGE_BYTES;
    rtmp_chunk_writer_init(&session->writer);
    rtmp_control_init(&session->control);
}

void rtmp_session_clear(struct rtmp_session *session)
{
    g_clear_pointer(&session->handshake, g_free);
    rtmp_chunk_reader_clear(&session->reader);
    rtmp_chunk_writer_clear(&session->writer);
    g_clear_pointer(&session->app, g_free);
    g_clear_pointer(&session->app_query, g_free);
}

static void set_state(struct rtmp_session *session, enum rtmp_session_state state)
{
    dub_log_debug("rtmp session: %s -> %s", state_names[session->state], state_names[state]);
    session->state = state;
}

/* Answers: _result with null for commands whose success says nothing more. */
static void send_result_null(struct rtmp_session *session, double transaction)
{
    GByteArray *body = rtmp_command_body("_result", transaction);
    amf_write_null(body);
    amf_write_null(body);
    rtmp_send_amf(&session->writer, RTMP_COMMAND_AMF0, 0, body);
}

static void send_result_number(struct rtmp_session *session, double transaction, double number)
{
    GByteArray *body = rtmp_command_body("_result", transaction);
    amf_write_null(body);
    amf_write_number(body, number);
    rtmp_send_amf(&session->writer, RTMP_COMMAND_AMF0, 0, body);
}

static void send_connect_result(struct rtmp_session *session, double transaction)
{
    GByteArray *body = rtmp_command_body("_result", transaction);
    amf_write_object_begin(body);
    amf_write_name(body, "fmsVer");
    amf_write_string(body, "FMS/3,0,1,123"); /* some encoders look for an FMS of at least 3 */
    amf_write_name(body, "capabilities");
    amf_write_number(body, 31);
    amf_write_object_end(body);
    amf_write_object_begin(body);
    amf_write_name(body, "level");
    amf_write_string(body, "status");
    amf_write_name(body, "code");
    amf_write_string(body, "NetConnection.Connect.Success");
    amf_write_name(body, "description");
    amf_write_string(body, "Connection succeeded.");
    amf_write_name(body, "objectEncoding");
    amf_write_number(body, 0);
    amf_write_object_end(body);
    rtmp_send_amf(&session->writer, RTMP_COMMAND_AMF0, 0, body);
}

static bool on_connect(struct rtmp_session *session, const struct rtmp_command *command,
                       struct dub_error *error)
{
    const struct amf_value *object = amf_at(command->values, 2);
    const char *app = amf_string_or(amf_member(object, "app"), NULL);
    const char *url = amf_string_or(amf_member(object, "tcUrl"), NULL);
    if (session->state != RTMP_SESSION_CONNECTING)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "a second connect");
    if (app == NULL && url == NULL)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "connect without app and tcUrl");
    path_split_app(url, app, &session->app, &session->app_query);
    rtmp_send_control(&session->writer, RTMP_WINDOW_ACK_SIZE, RTMP_WINDOW_BYTES);
    rtmp_send_peer_bandwidth(&session->writer, RTMP_WINDOW_BYTES);
    rtmp_chunk_writer_set_chunk_bytes(&session->writer, OUT_CHUNK_BYTES);
    send_connect_result(session, command->transaction);
    set_state(session, RTMP_SESSION_CONNECTED);
    return true;
}

static bool on_create_stream(struct rtmp_session *session, const struct rtmp_command *command,
                             struct dub_error *error)
{
    session->stream_id = STREAM_ID;
    send_result_number(session, command->transaction, STREAM_ID);
    return true;
}

/* releaseStream, FCSubscribe and others that want to hear that all is well. */
static bool on_acknowledge(struct rtmp_session *session, const struct rtmp_command *command,
                           struct dub_error *error)
{
    send_result_null(session, command->transaction);
    return true;
}

static void send_fc_status(struct rtmp_session *session, const char *name, const char *code)
{
    GByteArray *body = rtmp_command_body(name, 0);
    amf_write_null(body);
    amf_write_object_begin(body);
    amf_write_name(body, "code");
    amf_write_string(body, code);
    amf_write_name(body, "description");
    amf_write_string(body, "");
    amf_write_object_end(body);
    rtmp_send_amf(&session->writer, RTMP_COMMAND_AMF0, 0, body);
}

/* Flash Media Live Encoder and its like wait for onFCPublish. */
static bool on_fc_publish(struct rtmp_session *session, const struct rtmp_command *command,
                          struct dub_error *error)
{
    send_fc_status(session, "onFCPublish", "NetStream.Publish.Start");
    send_result_null(session, command->transaction);
    return true;
}

static bool on_get_stream_length(struct rtmp_session *session, const struct rtmp_command *command,
                                 struct dub_error *error)
{
    send_result_number(session, command->transaction, 0); /* live */
    return true;
}

static bool on_end(struct rtmp_session *session, const struct rtmp_command *command, struct dub_error *error)
{
    if (session->state != RTMP_SESSION_PUBLISHING && session->state != RTMP_SESSION_PLAYING)
        return true;
    if (session->state == RTMP_SESSION_PUBLISHING)
        rtmp_send_status(&session->writer, STREAM_ID, "status", "NetStream.Unpublish.Success", "unpublished");
    set_state(session, RTMP_SESSION_CONNECTED);
    session->events->ended(session->user);
    return true;
}

/* The end of what FCPublish began; deleteStream usually follows. */
static bool on_fc_unpublish(struct rtmp_session *session, const struct rtmp_command *command,
                            struct dub_error *error)
{
    send_fc_status(session, "onFCUnpublish", "NetStream.Unpublish.Success");
    send_result_null(session, command->transaction);
    return on_end(session, command, error);
}

/* The path and query that app and stream key make together; checks the state too. */
static bool resolve_path(struct rtmp_session *session, const struct rtmp_command *command, char **path,
                         char **query, struct dub_error *error)
{
    const char *key = amf_string_or(rtmp_command_argument(command, 0), NULL);
    if (session->state != RTMP_SESSION_CONNECTED || session->stream_id == 0)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "%s in state %s", command->name,
                             state_names[session->state]);
    if (key == NULL)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "%s without a stream key", command->name);
    return path_resolve(session->app, session->app_query, key, path, query, error);
}

static bool on_publish(struct rtmp_session *session, const struct rtmp_command *command,
                       struct dub_error *error)
{
    g_autofree char *path = NULL;
    g_autofree char *query = NULL;
    if (!resolve_path(session, command, &path, &query, error))
        return false;
    struct dub_error refusal = {0};
    if (!session->events->publish(path, query, &refusal, session->user)) {
        if (refusal.code == DUB_ERROR_AUTH_FAILED)
            rtmp_send_status(&session->writer, STREAM_ID, "error", "NetStream.Publish.Unauthorized",
                             "authentication failed");
        return dub_error_set(error, refusal.code, "%s", refusal.message);
    }
    session->reader.max_message_bytes = session->max_media_bytes;
    session->reader.max_partial_bytes = RTMP_MAX_PARTIAL_BYTES;
    set_state(session, RTMP_SESSION_PUBLISHING);
    rtmp_send_user_control(&session->writer, RTMP_STREAM_BEGIN, STREAM_ID);
    rtmp_send_status(&session->writer, STREAM_ID, "status", "NetStream.Publish.Start", "publish start");
    return true;
}

static void send_sample_access(struct rtmp_session *session)
{
    GByteArray *body = g_byte_array_new();
    amf_write_string(body, "|RtmpSampleAccess");
    amf_write_boolean(body, true);
    amf_write_boolean(body, true);
    rtmp_send_amf(&session->writer, RTMP_DATA_AMF0, STREAM_ID, body);
}

static void send_play_start(struct rtmp_session *session)
{
    rtmp_send_user_control(&session->writer, RTMP_STREAM_BEGIN, STREAM_ID);
    rtmp_send_status(&session->writer, STREAM_ID, "status", "NetStream.Play.Reset", "play reset");
    rtmp_send_status(&session->writer, STREAM_ID, "status", "NetStream.Play.Start", "play start");
    send_sample_access(session);
}

static bool on_play(struct rtmp_session *session, const struct rtmp_command *command, struct dub_error *error)
{
    g_autofree char *path = NULL;
    g_autofree char *query = NULL;
    if (!resolve_path(session, command, &path, &query, error))
        return false;
    struct dub_error refusal = {0};
    if (!session->events->play(path, query, &refusal, session->user)) {
        bool is_unauthorized = refusal.code == DUB_ERROR_AUTH_FAILED;
        rtmp_send_status(&session->writer, STREAM_ID, "error",
                         is_unauthorized ? "NetStream.Play.Failed" : "NetStream.Play.StreamNotFound",
                         is_unauthorized ? "authentication failed" : refusal.message);
        return dub_error_set(error, refusal.code, "%s", refusal.message);
    }
    set_state(session, RTMP_SESSION_PLAYING);
    send_play_start(session);
    session->events->playing(session->user);
    return true;
}

static const struct {
    const char *name;
    bool (*handle)(struct rtmp_session *session, const struct rtmp_command *command, struct dub_error *error);
} commands[] = {
    {"connect", on_connect},
    {"createStream", on_create_stream},
    {"releaseStream", on_acknowledge},
    {"FCPublish", on_fc_publish},
    {"FCUnpublish", on_fc_unpublish},
    {"FCSubscribe", on_acknowledge},
    {"getStreamLength", on_get_stream_length},
    {"publish", on_publish},
    {"play", on_play},
    {"deleteStream", on_end},
    {"closeStream", on_end},
};

static bool on_command(struct rtmp_session *session, const struct rtmp_message *message,
                       struct dub_error *error)
{
    struct rtmp_command command = {0};
    bool fine = true;
    if (!rtmp_command_read(message, &command, error))
        return false;
    if (session->state == RTMP_SESSION_CONNECTING && strcmp(command.name, "connect") != 0)
        fine = dub_error_set(error, DUB_ERROR_PROTOCOL, "%.64s before connect", command.name);
    for (size_t i = 0; fine && i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(command.name, commands[i].name) == 0) {
            fine = commands[i].handle(session, &command, error);
            break;
        }
    }
    rtmp_command_clear(&command);
    return fine;
}

/* True when the AMF0 that the data hold begins with this string. */
static bool begins_with(const uint8_t *data, gsize size, const char *text)
{
    gsize length = strlen(text);
    return size >= STRING_HEADER_BYTES + length && data[0] == AMF_STRING && data[1] == 0 &&
           data[2] == length && memcmp(data + STRING_HEADER_BYTES, text, length) == 0;
}

/* "@setDataFrame", "onMetaData", {...}: readers get it without the first (a data message's AMF begins with a
 * string, and its offset is all that is needed). */
static bool on_data(struct rtmp_session *session, const struct rtmp_message *message, struct dub_error *error)
{
    gsize size;
    const uint8_t *data = g_bytes_get_data(message->payload, &size);
    gsize skip = message->type == RTMP_DATA_AMF3 && size > 0 && data[0] == 0 ? 1 : 0;
    if (session->state != RTMP_SESSION_PUBLISHING)
        return true;
    if (size > RTMP_MAX_COMMAND_BYTES)
        return dub_error_set(error, DUB_ERROR_LIMIT, "metadata of %zu bytes, at most %u are taken", size,
                             RTMP_MAX_COMMAND_BYTES);
    if (begins_with(data + skip, size - skip, "@clearDataFrame"))
        return true; /* readers keep the metadata they have */
    if (begins_with(data + skip, size - skip, SET_DATA_FRAME))
        skip += STRING_HEADER_BYTES + strlen(SET_DATA_FRAME);
    GBytes *payload = g_bytes_new_from_bytes(message->payload, skip, size - skip);
    session->events->media(media_message_new(MEDIA_DATA, 0, payload), message->timestamp_ms, session->user);
    return true;
}

static bool is_media(uint8_t type)
{
    return type == RTMP_AUDIO || type == RTMP_VIDEO;
}

static enum media_kind kind_of(uint8_t type)
{
    return type == RTMP_AUDIO ? MEDIA_AUDIO : MEDIA_VIDEO;
}

static bool on_aggregate_part(const struct rtmp_message *part, struct dub_error *error, void *user)
{
    struct rtmp_session *session = user;
    if (!is_media(part->type))
        return part->type != RTMP_DATA_AMF0 || on_data(session, part, error);
    if (session->state == RTMP_SESSION_PUBLISHING)
        session->events->media(media_message_new(kind_of(part->type), 0, g_bytes_ref(part->payload)),
                               part->timestamp_ms, session->user);
    return true;
}

static bool on_message(struct rtmp_session *session, const struct rtmp_message *message,
                       struct dub_error *error)
{
    switch (message->type) {
    case RTMP_COMMAND_AMF0:
    case RTMP_COMMAND_AMF3:
        return on_command(session, message, error);
    case RTMP_DATA_AMF0:
    case RTMP_DATA_AMF3:
        return on_data(session, message, error);
    case RTMP_AGGREGATE:
        return rtmp_aggregate_each(message, on_aggregate_part, session, error);
    default: /* acknowledgements, shared objects: nothing to do */
        return rtmp_control_receive(&session->control, message, &session->writer, error);
    }
}

/* Audio and video stay in the memory that they came in. */
static void on_media(struct rtmp_session *session, struct rtmp_raw_message *take_raw)
{
    if (session->state == RTMP_SESSION_PUBLISHING)
        session->events->media(media_message_adopt(kind_of(take_raw->type), 0,
                                                   g_steal_pointer(&take_raw->memory), take_raw->size),
                               take_raw->timestamp_ms, session->user);
    g_clear_pointer(&take_raw->memory, g_free);
}

static bool on_raw_message(struct rtmp_session *session, struct rtmp_raw_message *take_raw,
                           struct dub_error *error)
{
    struct rtmp_message message = {0};
    if (is_media(take_raw->type)) {
        on_media(session, take_raw);
        return true;
    }
    rtmp_raw_message_wrap(&session->reader, take_raw, &message);
    bool fine = on_message(session, &message, error);
    rtmp_message_clear(&message);
    return fine;
}

static bool receive_handshake(struct rtmp_session *session, const uint8_t **data, size_t *size,
                              struct dub_error *error)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    if (!rtmp_handshake_receive(session->handshake, data, size, out, error))
        return false;
    if (out->len > 0)
        rtmp_chunk_writer_put_raw(&session->writer, out->data, out->len);
    if (!session->handshake->done)
        return true;
    g_clear_pointer(&session->handshake, g_free);
    set_state(session, RTMP_SESSION_CONNECTING);
    return true;
}

static bool handle(struct rtmp_session *session, const uint8_t *data, size_t size, struct dub_error *error)
{
    session->control.received_bytes += size;
    if (session->state == RTMP_SESSION_HANDSHAKE && !receive_handshake(session, &data, &size, error))
        return false;
    while (session->state != RTMP_SESSION_HANDSHAKE && session->state != RTMP_SESSION_CLOSING) {
        struct rtmp_raw_message message = {0};
        enum rtmp_chunk_result result =
            rtmp_chunk_reader_receive_raw(&session->reader, &data, &size, &message, error);
        if (result == RTMP_CHUNK_MORE)
            break;
        if (result == RTMP_CHUNK_ERROR || !on_raw_message(session, &message, error))
            return false;
    }
    if (session->state >= RTMP_SESSION_CONNECTED)
        rtmp_control_acknowledge(&session->control, &session->writer);
    return true;
}

bool rtmp_session_receive(struct rtmp_session *session, const uint8_t *data, size_t size,
                          struct dub_error *error)
{
    size_t before = rtmp_chunk_writer_pending(&session->writer);
    if (before == 0)
        session->answer_bytes = 0;
    if (session->answer_bytes > RTMP_MAX_ANSWER_BYTES)
        return dub_error_set(error, DUB_ERROR_LIMIT,
                             "%zu bytes of answers are waiting, the peer asks and does not read",
                             session->answer_bytes);
    bool fine = handle(session, data, size, error);
    session->answer_bytes += rtmp_chunk_writer_pending(&session->writer) - before;
    return fine;
}

static void unref_message(gpointer message)
{
    media_message_unref(message);
}

void rtmp_session_send_media(struct rtmp_session *session, struct media_message *take_message)
{
    static const struct {
        uint8_t type;
        unsigned csid;
    } wire[] = {
        [MEDIA_AUDIO] = {RTMP_AUDIO, RTMP_AUDIO_CSID},
        [MEDIA_VIDEO] = {RTMP_VIDEO, RTMP_VIDEO_CSID},
        [MEDIA_DATA] = {RTMP_DATA_AMF0, RTMP_DATA_CSID},
    };
    const struct rtmp_message out = {.type = wire[take_message->kind].type,
                                     .stream_id = STREAM_ID,
                                     .timestamp_ms = (uint32_t)(take_message->dts_ns / DUB_NS_PER_MS)};
    const struct rtmp_payload payload = {take_message->data, (uint32_t)take_message->size, take_message,
                                         unref_message};
    rtmp_chunk_writer_put_payload(&session->writer, wire[take_message->kind].csid, &out, &payload);
}

void rtmp_session_send_eof(struct rtmp_session *session)
{
    rtmp_send_user_control(&session->writer, RTMP_STREAM_EOF, STREAM_ID);
    rtmp_send_status(&session->writer, STREAM_ID, "status", "NetStream.Play.UnpublishNotify", "stream ended");
}
