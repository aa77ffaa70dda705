/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An RTSP server on a real socket of the loopback interface, a fake clock, and clients in the same thread:
 * fixture of the RTSP connection's and server's tests. */
#pragma once

#include "rtsp/request.h"
#include "rtsp/server.h"

#define RTSP_DEADLINE_US (30 * G_USEC_PER_SEC)
#define RTSP_CLIENT_TRACKS 2 /* video at channels 0 and 1, audio at 2 and 3 */

struct rtsp_client {
    struct rtsp_parser parser;
    int fd;
    char *url; /* rtsp://127.0.0.1:port/live/... */
    unsigned cseq;
    GByteArray *pending; /* not sent yet */
    bool eof;            /* the server has closed */
    bool stalled;        /* it does not read */

    unsigned status; /* of the last reply; 0: none since the last request */
    struct rtsp_message reply;
    unsigned n_packets[RTSP_CLIENT_TRACKS], n_rtcp[RTSP_CLIENT_TRACKS];
    unsigned n_pictures, n_key_pictures; /* video packets with the marker; those that begin with an IDR */
    bool has_bye;
    uint16_t next_sequence[RTSP_CLIENT_TRACKS];
    bool has_gap;          /* sequence numbers that do not follow each other */
    bool is_key_after_gap; /* the first video packet after the first gap in the video */
    uint32_t first_time[RTSP_CLIENT_TRACKS], last_time[RTSP_CLIENT_TRACKS];

    uint16_t out_sequence[RTSP_CLIENT_TRACKS]; /* of what it publishes */
};

struct rtsp_fixture {
    struct router_config *config;
    struct hook_pool *hooks;
    struct router *router;
    struct rtsp_server *server;
    struct dub_fake_clock clock;
};

void rtsp_fixture_setup(struct rtsp_fixture *fixture, gconstpointer data);
void rtsp_fixture_teardown(struct rtsp_fixture *fixture, gconstpointer data);

/* path: "live/x", a query may follow. */
void rtsp_client_connect(struct rtsp_client *client, const struct rtsp_fixture *fixture, const char *path);
void rtsp_client_connect_to(struct rtsp_client *client, unsigned port, const char *path);
void rtsp_client_clear(struct rtsp_client *client);
/* Sends a request for the URL with a suffix; headers are whole lines. */
void rtsp_client_send(struct rtsp_client *client, const char *method, const char *suffix, const char *headers,
                      const char *body);
void rtsp_client_send_raw(struct rtsp_client *client, const void *data, size_t size);
/* The status of the reply, "" for no headers. */
unsigned rtsp_client_ask(struct rtsp_client *client, const char *method, const char *suffix,
                         const char *headers, const char *body);
/* Publishing, with the path ready. */
void rtsp_client_publish(struct rtsp_client *client, const struct rtsp_fixture *fixture, const char *path);
/* Both tracks are set up and playing. */
void rtsp_client_play(struct rtsp_client *client, const struct rtsp_fixture *fixture, const char *path);
/* Sender reports of both tracks: their timestamps 0 are the same instant. */
void rtsp_client_send_reports(struct rtsp_client *client);
/* `count` frames from `first` on, 40 ms apart, a key frame every tenth, sound between. */
void rtsp_client_send_frames(struct rtsp_client *client, unsigned first, unsigned count, size_t size);

/* One round of everything that can move without waiting. */
void rtsp_clients_turn(struct rtsp_client *const *clients, size_t count);

/* Turns until the condition holds; a test that waits too long fails here. */
#define RTSP_TURN_UNTIL(condition, ...)                                                                      \
    do {                                                                                                     \
        struct rtsp_client *const all[] = {__VA_ARGS__};                                                     \
        gint64 deadline = g_get_monotonic_time() + RTSP_DEADLINE_US;                                         \
        bool met;                                                                                            \
        while (!(met = (condition)) && g_get_monotonic_time() < deadline)                                    \
            rtsp_clients_turn(all, G_N_ELEMENTS(all));                                                       \
        if (!met)                                                                                            \
            g_error("line %d: waited in vain for " #condition, __LINE__);                                    \
    } while (0)
