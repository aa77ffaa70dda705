/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The test server on a socket of the loopback interface, for one client. It moves when it is told to. */
#pragma once

#include "rtmp_test_server.h"

struct rtmp_test_listener {
    struct rtmp_test_server server;
    char *url; /* rtmp://127.0.0.1:port/live/key */
    int listener;
    int peer;           /* -1 until accepted, and once closed */
    bool client_closed; /* the end of the client's bytes has come */
    bool is_stalled;    /* it reads and writes nothing */
};

void rtmp_test_listener_init(struct rtmp_test_listener *listener);
void rtmp_test_listener_clear(struct rtmp_test_listener *listener);
/* Accepts, reads and writes what there is; never waits. */
void rtmp_test_listener_turn(struct rtmp_test_listener *listener);
/* Closes the connection, and takes no other. */
void rtmp_test_listener_close_peer(struct rtmp_test_listener *listener);
/* As at the beginning, on the same port. */
void rtmp_test_listener_again(struct rtmp_test_listener *listener);
