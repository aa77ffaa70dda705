/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One RTMP connection of the router's load program, made to cost little: messages are sent from one block of
 * bytes that all share, and what comes is compared with that block where it stands in the receive buffer.
 *
 * Every message carries its number and the time at which it was sent; its bytes follow from its number, so
 * that a reader knows what each one must be. One thread; non-blocking sockets. */
#pragma once

#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum flow_role { FLOW_PUBLISH, FLOW_PLAY };

enum flow_state {
    FLOW_HANDSHAKE,
    FLOW_CONNECTING, /* the command is sent, its answer has not come */
    FLOW_CREATING,
    FLOW_STARTING,
    FLOW_RUNNING, /* publishing, or the first message has come */
    FLOW_CLOSED,  /* by the server, or it broke the protocol */
};

enum flow_kind { FLOW_AUDIO, FLOW_VIDEO, N_FLOW_KINDS };

/* A message of the stream as a reader has seen it. */
struct flow_seen {
    enum flow_kind kind;
    bool is_key;
    bool is_whole; /* every byte is what its number says */
    uint64_t number;
    int64_t sent_ns;
};

#define FLOW_CHUNK_STREAMS 64
/* FLV tag header, mark, number, time */
#define FLOW_HEAD_BYTES 29

struct flow_in {
    uint32_t length, filled;
    uint8_t type;
    bool extended, is_whole;
    uint8_t head[FLOW_HEAD_BYTES];
};

struct flow {
    int fd;
    enum flow_role role;
    enum flow_state state;
    char *app, *key;
    int64_t connected_ns; /* when connecting began */
    uint64_t sent[N_FLOW_KINDS];
    GByteArray *out; /* what the socket did not take */
    GByteArray *in;  /* a chunk header, or a handshake, that is cut off */
    struct flow_in streams[FLOW_CHUNK_STREAMS];
    unsigned current;    /* chunk stream whose payload is being read */
    uint32_t chunk_left; /* 0: a header is next */
    uint32_t in_chunk_bytes;
    void (*seen)(struct flow *flow, const struct flow_seen *seen, void *user);
    void *user;
};

int64_t flow_now_ns(void);
/* Connects to "app/key"; seen may be NULL. Exits the program when there is no socket to be had. */
void flow_open(struct flow *flow, enum flow_role role, const struct sockaddr_in *server, const char *app,
               const char *key);
void flow_close(struct flow *flow);
/* Reads what is there and goes on; false when the connection is over. */
bool flow_receive(struct flow *flow);
/* Writes what waits. */
void flow_flush(struct flow *flow);
/* One message of a running publisher. A publisher that cannot send waits; nothing is left out. */
void flow_send(struct flow *flow, enum flow_kind kind, bool is_key, uint32_t timestamp_ms, uint32_t bytes);
