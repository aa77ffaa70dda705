/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RTMP messages: their types, commands read from AMF, and the ones that we send (Adobe RTMP 1.0, section 5.4,
 * 6 and 7). Sending means putting a message into a chunk writer. */
#pragma once

#include "dubbing_amf.h"
#include "dubbing_rtmp_chunk.h"

enum rtmp_message_type {
    RTMP_SET_CHUNK_SIZE = 1,
    RTMP_ABORT = 2,
    RTMP_ACKNOWLEDGEMENT = 3,
    RTMP_USER_CONTROL = 4,
    RTMP_WINDOW_ACK_SIZE = 5,
    RTMP_SET_PEER_BANDWIDTH = 6,
    RTMP_AUDIO = 8,
    RTMP_VIDEO = 9,
    RTMP_DATA_AMF3 = 15,
    RTMP_COMMAND_AMF3 = 17,
    RTMP_DATA_AMF0 = 18,
    RTMP_COMMAND_AMF0 = 20,
    RTMP_AGGREGATE = 22,
};

/* Section 6.2: the 16 bits that begin a User Control message. */
enum rtmp_user_event {
    RTMP_STREAM_BEGIN = 0,
    RTMP_STREAM_EOF = 1,
    RTMP_SET_BUFFER_LENGTH = 3,
    RTMP_PING_REQUEST = 6,
    RTMP_PING_RESPONSE = 7,
};

/* Chunk streams by what they carry; 2 is fixed by the specification, the others are custom. */
enum rtmp_csid {
    RTMP_CONTROL_CSID = 2,
    RTMP_COMMAND_CSID = 3,
    RTMP_AUDIO_CSID = 4,
    RTMP_DATA_CSID = 5,
    RTMP_VIDEO_CSID = 6,
};

/* Commands and metadata are small; a larger one is refused before it is parsed. */
#define RTMP_MAX_COMMAND_BYTES (64u << 10)

struct rtmp_command {
    const char *name;   /* in values */
    double transaction; /* 0: no answer is wanted */
    GPtrArray *values;  /* name, transaction, command object, arguments */
};

/* Reads a message of type RTMP_COMMAND_AMF0 or RTMP_COMMAND_AMF3. On true the caller clears the command. */
bool rtmp_command_read(const struct rtmp_message *message, struct rtmp_command *command,
                       struct dub_error *error);
void rtmp_command_clear(struct rtmp_command *command);
/* Argument 0 is what stands behind the command object. */
const struct amf_value *rtmp_command_argument(const struct rtmp_command *command, guint index);

/* The FLV tags in a message of type RTMP_AGGREGATE (section 7.1.6), each handed out as a message of its own
 * whose payload is a copy: whoever keeps a part must not keep the whole with it. False when the message is
 * cut off, or as soon as on_part says so. */
bool rtmp_aggregate_each(const struct rtmp_message *message,
                         bool (*on_part)(const struct rtmp_message *part, struct dub_error *error,
                                         void *user),
                         void *user, struct dub_error *error);

/* AMF body as a message on a stream (0: the connection). Takes the body. */
void rtmp_send_amf(struct rtmp_chunk_writer *writer, uint8_t type, uint32_t stream_id, GByteArray *take_body);
/* Starts a command body: name, transaction; the command object is to be written next. */
GByteArray *rtmp_command_body(const char *name, double transaction);
/* onStatus {level, code, description}; level is "status" or "error". */
void rtmp_send_status(struct rtmp_chunk_writer *writer, uint32_t stream_id, const char *level,
                      const char *code, const char *description);
/* A protocol control message whose body is one number: types 3 and 5. */
void rtmp_send_control(struct rtmp_chunk_writer *writer, uint8_t type, uint32_t value);
/* Limit type "dynamic". */
void rtmp_send_peer_bandwidth(struct rtmp_chunk_writer *writer, uint32_t window_bytes);
void rtmp_send_user_control(struct rtmp_chunk_writer *writer, enum rtmp_user_event event, uint32_t value);
/* Set Buffer Length of a player. */
void rtmp_send_buffer_length(struct rtmp_chunk_writer *writer, uint32_t stream_id, uint32_t length_ms);
