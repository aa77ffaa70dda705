/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hook_post.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX_BYTES 4096

struct url {
    char host[256];
    char authority[300]; /* as it stands in the Host header */
    char port[8];
    char prefix[512]; /* without a slash at the end */
};

struct post {
    int64_t deadline_ms;
    char *message;
    size_t message_size;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

__attribute__((format(printf, 2, 3))) static bool fail(struct post *post, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is, one line above */
    vsnprintf(post->message, post->message_size, format, args);
    va_end(args);
    return false;
}

static bool copy_part(char *to, size_t size, const char *from, size_t length)
{
    if (length >= size)
        return false;
    memcpy(to, from, length);
    to[length] = '\0';
    return true;
}

/* host, host:port, [v6], [v6]:port */
static bool split_authority(struct url *url, const char *authority, size_t length)
{
    const char *end = authority + length;
    const char *host = authority;
    const char *host_end = memchr(authority, ':', length);
    if (length > 0 && *authority == '[') {
        host_end = memchr(authority, ']', length);
        if (host_end == NULL)
            return false;
        host++;
    }
    const char *after = host_end == NULL ? end : host_end + (host != authority);
    if (!copy_part(url->host, sizeof(url->host), host, (size_t)((host_end != NULL ? host_end : end) - host)))
        return false;
    if (after == end)
        return copy_part(url->port, sizeof(url->port), "80", 2);
    size_t port_length = (size_t)(end - after) - 1;
    return *after == ':' && strspn(after + 1, "0123456789") >= port_length && port_length > 0 &&
           copy_part(url->port, sizeof(url->port), after + 1, port_length);
}

static bool parse_url(struct url *url, const char *text)
{
    static const char scheme[] = "http://";
    /* A line break would end up in our request's head. */
    if (strncmp(text, scheme, strlen(scheme)) != 0 || strpbrk(text, " \r\n\t") != NULL)
        return false;
    const char *authority = text + strlen(scheme);
    size_t length = strcspn(authority, "/?#");
    size_t prefix_length = strcspn(authority + length, "?#");
    while (prefix_length > 0 && authority[length + prefix_length - 1] == '/')
        prefix_length--;
    return split_authority(url, authority, length) && *url->host != '\0' &&
           copy_part(url->authority, sizeof(url->authority), authority, length) &&
           copy_part(url->prefix, sizeof(url->prefix), authority + length, prefix_length);
}

static bool wait_for(const struct post *post, int fd, short events)
{
    struct pollfd entry = {.fd = fd, .events = events};
    int64_t left_ms = post->deadline_ms - now_ms();
    if (left_ms <= 0)
        return false;
    return poll(&entry, 1, (int)left_ms) > 0;
}

/* 0, or the errno of why there is no connection. */
static int finish_connect(const struct post *post, int fd)
{
    int error = 0;
    socklen_t size = sizeof(error);
    if (!wait_for(post, fd, POLLOUT))
        return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

static int connect_to(const struct post *post, const struct addrinfo *address)
{
    int error = 0;
    int fd =
        socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->ai_protocol);
    if (fd < 0)
        return -1;
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0)
        error = errno == EINPROGRESS ? finish_connect(post, fd) : errno;
    if (error == 0)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

static int open_connection(struct post *post, const struct url *url)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    int code = getaddrinfo(url->host, url->port, &hints, &addresses);
    if (code != 0) {
        fail(post, "cannot resolve %s: %s", url->host, gai_strerror(code));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *address = addresses; address != NULL && fd < 0; address = address->ai_next)
        fd = connect_to(post, address);
    if (fd < 0)
        fail(post, "cannot connect: %s", strerror(errno));
    freeaddrinfo(addresses);
    return fd;
}

static bool send_all(struct post *post, int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            if (!wait_for(post, fd, POLLOUT))
                return fail(post, "the request could not be sent in time");
            continue;
        }
        if (n < 0)
            return fail(post, "cannot send: %s", strerror(errno));
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

static bool send_request(struct post *post, int fd, const struct url *url, const char *event,
                         const char *body, const char *api_key)
{
    char head[2048];
    bool has_key = api_key != NULL && *api_key != '\0';
    int size =
        snprintf(head, sizeof(head),
                 "POST %s/v1/mediamtx/events/%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                 "Content-Length: %zu\r\nConnection: close\r\n%s%s%s\r\n",
                 url->prefix, event, url->authority, strlen(body), has_key ? "Authorization: Bearer " : "",
                 has_key ? api_key : "", has_key ? "\r\n" : "");
    if (size < 0 || (size_t)size >= sizeof(head))
        return fail(post, "ORCHESTRATOR_URL or ORCH_API_KEY is too long");
    return send_all(post, fd, head, (size_t)size) && send_all(post, fd, body, strlen(body));
}

/* What there is of the answer when it ends or the buffer is full. */
static bool read_answer(struct post *post, int fd, char answer[ANSWER_MAX_BYTES])
{
    size_t length = 0;
    for (;;) {
        ssize_t n = recv(fd, answer + length, ANSWER_MAX_BYTES - 1 - length, 0);
        if (n < 0 && errno == EAGAIN) {
            if (!wait_for(post, fd, POLLIN))
                return fail(post, "no answer in time");
            continue;
        }
        if (n < 0)
            return fail(post, "cannot read the answer: %s", strerror(errno));
        length += (size_t)n;
        answer[length] = '\0';
        if (n == 0 || length == ANSWER_MAX_BYTES - 1)
            return true;
    }
}

static enum hook_result judge(struct post *post, char *answer)
{
    int status = 0;
    if (sscanf(answer, "HTTP/1.%*1d %3d", &status) != 1) {
        fail(post, "the answer is not HTTP");
        return HOOK_FAILED;
    }
    if (status >= 200 && status <= 299)
        return HOOK_DONE;
    char *text = strstr(answer, "\r\n\r\n");
    text = text != NULL ? text + 4 : answer;
    text[strcspn(text, "\r\n")] = '\0';
    fail(post, "it answers %d: %.300s", status, text);
    return status >= 500 ? HOOK_FAILED : HOOK_REFUSED;
}

enum hook_result hook_post(const char *url_text, const char *event, const char *body, const char *api_key,
                           int timeout_ms, char *message, size_t message_size)
{
    struct post post = {now_ms() + timeout_ms, message, message_size};
    struct url url;
    char answer[ANSWER_MAX_BYTES] = "";
    if (!parse_url(&url, url_text) || (api_key != NULL && strpbrk(api_key, "\r\n") != NULL)) {
        fail(&post, "ORCHESTRATOR_URL must be http://host:port, and a key one line");
        return HOOK_REFUSED;
    }
    int fd = open_connection(&post, &url);
    if (fd < 0)
        return HOOK_FAILED;
    bool answered = send_request(&post, fd, &url, event, body, api_key) && read_answer(&post, fd, answer);
    close(fd);
    return answered ? judge(&post, answer) : HOOK_FAILED;
}
