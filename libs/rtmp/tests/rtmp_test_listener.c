/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtmp_test_listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void rtmp_test_listener_init(struct rtmp_test_listener *listener)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;

    memset(listener, 0, sizeof *listener);
    rtmp_test_server_init(&listener->server);
    listener->peer = -1;
    listener->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(listener->listener, (struct sockaddr *)&address, sizeof address), ==, 0);
    g_assert_cmpint(listen(listener->listener, 1), ==, 0);
    g_assert_cmpint(getsockname(listener->listener, (struct sockaddr *)&address, &size), ==, 0);
    listener->url = g_strdup_printf("rtmp://127.0.0.1:%u/live/key", ntohs(address.sin_port));
}

void rtmp_test_listener_close_peer(struct rtmp_test_listener *listener)
{
    if (listener->peer >= 0)
        close(listener->peer);
    listener->peer = -1;
    listener->client_closed = true;
}

void rtmp_test_listener_clear(struct rtmp_test_listener *listener)
{
    rtmp_test_listener_close_peer(listener);
    if (listener->listener >= 0)
        close(listener->listener);
    rtmp_test_server_clear(&listener->server);
    g_free(listener->url);
}

void rtmp_test_listener_again(struct rtmp_test_listener *listener)
{
    rtmp_test_listener_close_peer(listener);
    listener->client_closed = false;
    rtmp_test_server_clear(&listener->server);
    rtmp_test_server_init(&listener->server);
}

void rtmp_test_listener_turn(struct rtmp_test_listener *listener)
{
    uint8_t bytes[4096];
    ssize_t n;

    if (listener->peer < 0 && !listener->client_closed)
        listener->peer = accept4(listener->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (listener->peer < 0 || listener->is_stalled)
        return;
    while ((n = recv(listener->peer, bytes, sizeof bytes, 0)) > 0)
        rtmp_test_server_receive(&listener->server, bytes, (size_t)n);
    listener->client_closed = n == 0 || (n < 0 && errno == ECONNRESET);
    /* Little enough for a socket's buffer. */
    while (!listener->client_closed &&
           (n = (ssize_t)rtmp_test_server_take_output(&listener->server, bytes, sizeof bytes)) > 0)
        g_assert_cmpint(send(listener->peer, bytes, (size_t)n, MSG_NOSIGNAL), ==, n);
}
