/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a client sends on an RTSP connection: requests and responses (RFC 2326 sections 4 to 7) and
 * interleaved frames (section 10.12), without sockets.
 *
 * Bytes are put in as they come, whole items are taken out. Lines may end in LF alone, values may be folded,
 * empty lines before a message are skipped (RFC 2616 section 4.1). One thread per parser. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTSP_MAX_HEAD_BYTES 16384u /* first line and headers */
#define RTSP_MAX_HEADERS 64u       /* lines, those that are folded too */
#define RTSP_MAX_BODY_BYTES 65536u /* a session description has a few hundred bytes */
#define RTSP_FRAME_HEADER_BYTES 4u /* "$", channel, length in two bytes */

/* X(name): as on the wire. */
#define RTSP_METHODS(X)                                                                                      \
    X(OPTIONS)                                                                                               \
    X(DESCRIBE)                                                                                              \
    X(ANNOUNCE)                                                                                              \
    X(SETUP)                                                                                                 \
    X(PLAY)                                                                                                  \
    X(PAUSE)                                                                                                 \
    X(RECORD)                                                                                                \
    X(TEARDOWN)                                                                                              \
    X(GET_PARAMETER)                                                                                         \
    X(SET_PARAMETER)

enum rtsp_method {
#define X(name) RTSP_##name,
    RTSP_METHODS(X)
#undef X
        RTSP_METHOD_OTHER
};

/* "" for RTSP_METHOD_OTHER. */
const char *rtsp_method_name(enum rtsp_method method);

struct rtsp_header {
    char *name, *value; /* the value without white space around it */
};

struct rtsp_message {
    enum rtsp_method method; /* of a request */
    char *url;               /* of a request, as it came */
    unsigned status;         /* of a response; 0: it is a request */
    bool is_rtsp_1;          /* a request of version 1.x */
    GArray *headers;         /* struct rtsp_header */
    GBytes *body;            /* NULL without */
};

/* Frees what is inside; fine on zeroes and twice. */
void rtsp_message_clear(struct rtsp_message *message);
/* The first header of that name, in any case of letters; NULL without. Borrowed. */
const char *rtsp_message_header(const struct rtsp_message *message, const char *name);

struct rtsp_frame {
    uint8_t channel;
    const uint8_t *data; /* valid until the next call on the parser */
    size_t size;
};

enum rtsp_item {
    RTSP_ITEM_NONE,    /* put more bytes in */
    RTSP_ITEM_MESSAGE, /* the caller clears it */
    RTSP_ITEM_FRAME,
    RTSP_ITEM_ERROR, /* what follows cannot be understood any more: close */
};

struct rtsp_parser {
    GByteArray *bytes; /* what is not consumed begins at `at` */
    size_t at;
    size_t scanned; /* of what is not consumed: has no end of a head in it */
    size_t wanted;  /* size of the message whose head is known; 0: none is */
};

void rtsp_parser_init(struct rtsp_parser *parser);
void rtsp_parser_clear(struct rtsp_parser *parser);
void rtsp_parser_put(struct rtsp_parser *parser, const uint8_t *data, size_t size);
/* To be called until it gives RTSP_ITEM_NONE or _ERROR (DUB_ERROR_LIMIT or DUB_ERROR_PROTOCOL), so that no
 * more than one item is ever kept. */
enum rtsp_item rtsp_parser_take(struct rtsp_parser *parser, struct rtsp_message *message,
                                struct rtsp_frame *frame, struct dub_error *error);
