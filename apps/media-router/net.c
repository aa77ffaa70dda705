/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net.h"

#include <dubbing_config.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024 /* the kernel has its own limit, somaxconn */

static int listen_on(const struct addrinfo *info)
{
    const int yes = 1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int problem = errno;
    close(fd);
    errno = problem;
    return -1;
}

static uint16_t bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t size = sizeof address;
    if (getsockname(fd, &address.any, &size) != 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static bool report(const char *address, int problem, struct dub_error *error)
{
    if (problem == EADDRINUSE)
        return dub_error_set(error, DUB_ERROR_UNAVAILABLE,
                             "address %s is in use: stop the other program or choose another port", address);
    return dub_error_set_errno(error, DUB_ERROR_IO, problem, "cannot listen on %s", address);
}

/* -1 with errno, or with *unknown set to what the resolver said. */
static int listen_on_host(const char *host, uint16_t port, const char **unknown)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    g_autofree char *service = g_strdup_printf("%u", port);
    int result = getaddrinfo(host, service, &hints, &found);
    if (result != 0) {
        *unknown = gai_strerror(result);
        return -1;
    }
    int fd = listen_on(found);
    int problem = errno;
    freeaddrinfo(found);
    errno = problem;
    return fd;
}

/* The IPv6 wildcard takes IPv4 too; a host without IPv6 has only the other. */
static int listen_everywhere(uint16_t port, const char **unknown)
{
    int fd = listen_on_host("::", port, unknown);
    return fd < 0 && errno == EAFNOSUPPORT ? listen_on_host("0.0.0.0", port, unknown) : fd;
}

bool net_listen(const char *address, int *fd, uint16_t *port, struct dub_error *error)
{
    g_autofree char *host = NULL;
    const char *unknown = NULL;
    if (!dub_parse_address(address, &host, port))
        return dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT, "%s is not an address: use host:port",
                             address);
    *fd = *host == '\0' ? listen_everywhere(*port, &unknown) : listen_on_host(host, *port, &unknown);
    if (*fd < 0 && unknown != NULL)
        return dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT, "host %s: %s", host, unknown);
    if (*fd < 0)
        return report(address, errno, error);
    *port = bound_port(*fd);
    return true;
}

/* IPv4 peers of an IPv6 wildcard listener look like what they are. */
static const char *without_mapping(const char *host)
{
    static const char mapped[] = "::ffff:";
    bool is_mapped = g_str_has_prefix(host, mapped) && strchr(host, '.') != NULL;
    return is_mapped ? host + strlen(mapped) : host;
}

char *net_format_address(const struct sockaddr *address, unsigned size)
{
    char host[NI_MAXHOST];
    char service[NI_MAXSERV];
    if (getnameinfo(address, size, host, sizeof host, service, sizeof service,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return g_strdup("unknown");
    const char *name = without_mapping(host);
    bool is_ipv6 = strchr(name, ':') != NULL;
    return g_strdup_printf("%s%s%s:%s", is_ipv6 ? "[" : "", name, is_ipv6 ? "]" : "", service);
}
