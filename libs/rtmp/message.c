/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_rtmp_message.h"

bool rtmp_command_read(const struct rtmp_message *message, struct rtmp_command *command,
                       struct dub_error *error)
{
    gsize size;
    const void *data = g_bytes_get_data(message->payload, &size);
    if (size > RTMP_MAX_COMMAND_BYTES)
        return dub_error_set(error, DUB_ERROR_LIMIT, "a command of %zu bytes, at most %u are taken", size,
                             RTMP_MAX_COMMAND_BYTES);
    struct dub_reader reader = dub_reader_on(data, size);
    if (message->type == RTMP_COMMAND_AMF3)
        dub_reader_skip(&reader, 1); /* the format of what follows: AMF0 in every client that is */
    command->values = amf_read_all(&reader, error);
    if (command->values == NULL)
        return false;
    command->name = amf_string_or(amf_at(command->values, 0), NULL);
    command->transaction = amf_number_or(amf_at(command->values, 1), 0);
    if (command->name != NULL)
        return true;
    rtmp_command_clear(command);
    return dub_error_set(error, DUB_ERROR_PROTOCOL, "a command without a name");
}

void rtmp_command_clear(struct rtmp_command *command)
{
    g_clear_pointer(&command->values, g_ptr_array_unref);
    command->name = NULL;
}

const struct amf_value *rtmp_command_argument(const struct rtmp_command *command, guint index)
{
    return amf_at(command->values, index + 3);
}

/* A tag has an 11-byte header, and its size behind it; times are relative to the first tag's. */
bool rtmp_aggregate_each(const struct rtmp_message *message,
                         bool (*on_part)(const struct rtmp_message *part, struct dub_error *error,
                                         void *user),
                         void *user, struct dub_error *error)
{
    enum { STREAM_ID_BYTES = 3, BACK_POINTER_BYTES = 4 };
    gsize size;
    const void *data = g_bytes_get_data(message->payload, &size);
    struct dub_reader reader = dub_reader_on(data, size);
    uint32_t first_ms = 0;
    for (bool is_first = true; dub_reader_left(&reader) > 0; is_first = false) {
        struct rtmp_message part = {.type = dub_read_u8(&reader), .stream_id = message->stream_id};
        uint32_t length = dub_read_be24(&reader);
        uint32_t time_ms = dub_read_be24(&reader);
        time_ms |= (uint32_t)dub_read_u8(&reader) << 24;
        dub_reader_skip(&reader, STREAM_ID_BYTES);
        const uint8_t *body = dub_read_bytes(&reader, length);
        dub_reader_skip(&reader, BACK_POINTER_BYTES);
        if (reader.failed)
            return dub_error_set(error, DUB_ERROR_PROTOCOL, "an aggregate message that is cut off");
        first_ms = is_first ? time_ms : first_ms;
        part.timestamp_ms = message->timestamp_ms + (time_ms - first_ms);
        part.payload = g_bytes_new(body, length);
        bool goes_on = on_part(&part, error, user);
        rtmp_message_clear(&part);
        if (!goes_on)
            return false;
    }
    return true;
}

static void send_body(struct rtmp_chunk_writer *writer, unsigned csid, uint8_t type, uint32_t stream_id,
                      GByteArray *take_body)
{
    g_autoptr(GBytes) payload = g_byte_array_free_to_bytes(take_body);
    rtmp_chunk_writer_put(writer, csid,
                          &(struct rtmp_message){.type = type, .stream_id = stream_id, .payload = payload});
}

void rtmp_send_amf(struct rtmp_chunk_writer *writer, uint8_t type, uint32_t stream_id, GByteArray *take_body)
{
    unsigned csid = type == RTMP_DATA_AMF0 ? RTMP_DATA_CSID : RTMP_COMMAND_CSID;
    send_body(writer, csid, type, stream_id, take_body);
}

GByteArray *rtmp_command_body(const char *name, double transaction)
{
    GByteArray *body = g_byte_array_new();
    amf_write_string(body, name);
    amf_write_number(body, transaction);
    return body;
}

void rtmp_send_status(struct rtmp_chunk_writer *writer, uint32_t stream_id, const char *level,
                      const char *code, const char *description)
{
    GByteArray *body = rtmp_command_body("onStatus", 0);
    amf_write_null(body);
    amf_write_object_begin(body);
    amf_write_name(body, "level");
    amf_write_string(body, level);
    amf_write_name(body, "code");
    amf_write_string(body, code);
    amf_write_name(body, "description");
    amf_write_string(body, description);
    amf_write_object_end(body);
    rtmp_send_amf(writer, RTMP_COMMAND_AMF0, stream_id, body);
}

void rtmp_send_control(struct rtmp_chunk_writer *writer, uint8_t type, uint32_t value)
{
    GByteArray *body = g_byte_array_new();
    dub_write_be32(body, value);
    send_body(writer, RTMP_CONTROL_CSID, type, 0, body);
}

void rtmp_send_peer_bandwidth(struct rtmp_chunk_writer *writer, uint32_t window_bytes)
{
    enum { LIMIT_DYNAMIC = 2 };
    GByteArray *body = g_byte_array_new();
    dub_write_be32(body, window_bytes);
    dub_write_u8(body, LIMIT_DYNAMIC);
    send_body(writer, RTMP_CONTROL_CSID, RTMP_SET_PEER_BANDWIDTH, 0, body);
}

void rtmp_send_user_control(struct rtmp_chunk_writer *writer, enum rtmp_user_event event, uint32_t value)
{
    GByteArray *body = g_byte_array_new();
    dub_write_be16(body, (uint16_t)event);
    dub_write_be32(body, value);
    send_body(writer, RTMP_CONTROL_CSID, RTMP_USER_CONTROL, 0, body);
}

void rtmp_send_buffer_length(struct rtmp_chunk_writer *writer, uint32_t stream_id, uint32_t length_ms)
{
    GByteArray *body = g_byte_array_new();
    dub_write_be16(body, RTMP_SET_BUFFER_LENGTH);
    dub_write_be32(body, stream_id);
    dub_write_be32(body, length_ms);
    send_body(writer, RTMP_CONTROL_CSID, RTMP_USER_CONTROL, 0, body);
}
