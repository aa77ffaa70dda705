/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server's side of one RTSP connection as a state machine without sockets (RFC 2326): bytes in, replies
 * out, and a table of calls to whoever routes media.
 *
 * Media goes through the connection itself (interleaved), so a session belongs to its connection: there is at
 * most one at a time, and another connection's requests for it get 454. One thread. */
#pragma once

#include "request.h"
#include "sdp.h"

/* Told to clients, which then say something at least that often; the owner ends what stays silent. */
#define RTSP_SESSION_TIMEOUT_S 60

/* X(name): IDLE without a session; ANNOUNCED and RECORDING publish, READY and PLAYING read. */
#define RTSP_SESSION_STATES(X)                                                                               \
    X(IDLE)                                                                                                  \
    X(ANNOUNCED)                                                                                             \
    X(RECORDING)                                                                                             \
    X(READY)                                                                                                 \
    X(PLAYING)                                                                                               \
    X(CLOSING)

enum rtsp_session_state {
#define X(name) RTSP_SESSION_##name,
    RTSP_SESSION_STATES(X)
#undef X
};

const char *rtsp_session_state_name(enum rtsp_session_state state);

/* What a request asks for. Strings are borrowed; the path is valid (path_name.h). */
struct rtsp_target {
    const char *path, *query;
    bool is_publish;
    const char *method;        /* "SETUP" */
    const char *url;           /* as it came */
    const char *authorization; /* the header's value; NULL without */
};

struct rtsp_start {
    bool is_known; /* false: leave RTP-Info out */
    uint16_t sequence;
    uint32_t rtp_time; /* at the one instant that all tracks start from */
};

/* What the session asks of its owner. On false error says why: DUB_ERROR_AUTH_FAILED gets 401, _NOT_FOUND
 * 404, _UNSUPPORTED 415, _LIMIT and _UNAVAILABLE 503, others 400. */
struct rtsp_session_events {
    /* challenge: appended to when the client may try again with other credentials: values for
     * WWW-Authenticate headers (char *, owned by the array). */
    bool (*authorize)(const struct rtsp_target *target, GPtrArray *challenges, struct dub_error *error,
                      void *user);
    /* *text: the session description, the caller's. */
    bool (*describe)(const struct rtsp_target *target, char **text, struct dub_error *error, void *user);
    /* A new session, whose id is session->id from here on; sdp is the session's and lives as long. */
    bool (*announce)(const struct rtsp_target *target, const struct sdp *sdp, struct dub_error *error,
                     void *user);
    /* session->tracks says which tracks were set up. */
    bool (*record)(struct dub_error *error, void *user);
    /* A new session: the first SETUP of a reader. */
    bool (*read)(const struct rtsp_target *target, unsigned *n_tracks, struct dub_error *error, void *user);
    /* Media may be sent after the reply. starts: RTSP_MAX_TRACKS, filled for the tracks that are set up. */
    void (*play)(struct rtsp_start *starts, void *user);
    void (*pause)(void *user);
    /* Of a publisher's track that is set up, while it records. */
    void (*packet)(unsigned track, bool is_rtcp, const uint8_t *data, size_t size, void *user);
    /* The session is over; the connection may go on with another. */
    void (*ended)(void *user);
    /* One of the calls above has said no, or the description cannot be used; the peer has been told. */
    void (*refused)(const char *reason, void *user);
};

#define RTSP_MAX_TRACKS SDP_MAX_TRACKS

struct rtsp_track {
    bool is_set_up;
    uint8_t rtp_channel, rtcp_channel;
};

struct rtsp_session {
    enum rtsp_session_state state;
    const char *peer;
    const struct rtsp_session_events *events;
    void *user;
    struct rtsp_parser parser;
    GByteArray *out; /* replies; the owner takes them */
    char *id;        /* UUID; NULL while IDLE */
    char *path, *query;
    char *base_url;    /* of ANNOUNCE */
    struct sdp *sdp;   /* of ANNOUNCE */
    unsigned n_tracks; /* of what is read or published */
    struct rtsp_track tracks[RTSP_MAX_TRACKS];
    bool must_wait;    /* set by a callback: what came behind its request stays where it is */
    uint64_t requests; /* understood so far: a sign of life */
    uint64_t received_bytes;
    uint64_t stray_frames; /* on channels that nobody has set up */
};

/* peer names the connection in the log; borrowed. */
void rtsp_session_init(struct rtsp_session *session, const char *peer,
                       const struct rtsp_session_events *events, void *user);
void rtsp_session_clear(struct rtsp_session *session);
/* Handles bytes from the peer. False: close the connection after sending what is in `out`; error says why.
 * Stops early when a callback put the session into CLOSING, or had it wait: once the owner has taken back
 * must_wait, a call without bytes goes on. */
bool rtsp_session_receive(struct rtsp_session *session, const uint8_t *data, size_t size,
                          struct dub_error *error);
