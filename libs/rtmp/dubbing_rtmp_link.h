/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An RTMP client on a socket, plain or TLS (rtmps://): one attempt to connect, and the connection that comes
 * of it. It is thrown away when it breaks; when the next one is made is for its owner to say.
 *
 * It belongs to the thread that iterates its GMainContext, which has to be that thread's default one. A
 * message that is sent goes out at once on the thread that flushes; only what the socket does not take waits
 * for the context. */
#pragma once

#include "dubbing_rtmp_client.h"

#define RTMP_LINK_PATIENCE_S 5 /* for the connection, and then for the server to be ready */
#define RTMP_LINK_LINGER_S 1   /* for the server to close after us */

struct rtmp_link;

/* On the context's thread, but where said; NULL: not wanted. The link may be freed in on_ready, on_ended and
 * on_failed, of which the last two come once, and nothing after them. */
struct rtmp_link_events {
    void (*on_ready)(void *user); /* before anything that was sent is written */
    /* One message to a player, sound or picture; metadata and other script data. They may not call the link.
     */
    rtmp_client_message on_media, on_data;
    /* The socket has taken so much. On the thread that wrote; it may not call the link. */
    void (*on_written)(size_t bytes, void *user);
    /* Player: the stream is over. Publisher: after rtmp_link_finish, all is sent. */
    void (*on_ended)(void *user);
    /* No connection, refused, broken; reason may name host and stream. */
    void (*on_failed)(const char *reason, void *user);
};

/* Any thread; connecting begins when the context is next iterated. context: NULL is the default one. NULL
 * with an error when the URL is none. */
struct rtmp_link *rtmp_link_new(GMainContext *context, const char *url, enum rtmp_client_role role,
                                const struct rtmp_link_events *events, void *user, struct dub_error *error);
/* Breaks it off: no event comes afterwards. False while an attempt to connect is still being called off: a
 * context that nobody iterates after this is iterated until it is true. The context's thread. */
bool rtmp_link_stop(struct rtmp_link *link);
/* Closes it as it is; no event comes afterwards. NULL is fine. The context's thread, or once that has ended;
 * nobody sends any more. */
void rtmp_link_free(struct rtmp_link *link);

/* Any thread: as rtmp_client_send. Never waits. */
void rtmp_link_send(struct rtmp_link *link, uint8_t type, uint32_t timestamp_ms, GBytes *payload);
/* Any thread: writes what was sent as far as the socket takes it. Never waits. */
void rtmp_link_flush(struct rtmp_link *link);
/* Any thread: nothing more will be sent. on_ended or on_failed follows, unless the server hangs. */
void rtmp_link_finish(struct rtmp_link *link);
/* Any thread: what the socket has not taken yet. */
size_t rtmp_link_pending(struct rtmp_link *link);
