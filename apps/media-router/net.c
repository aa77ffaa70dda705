/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net.h"

#include <dubbing_config.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 128

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
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    getsockname(fd, (struct sockaddr *)&address, &size);
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

/* All interfaces: the IPv6 wildcard takes IPv4 too; a host without IPv6 has only the other. */
static bool find_addresses(const char *host, uint16_t port, struct addrinfo **found, struct dub_error *error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    g_autofree char *service = g_strdup_printf("%u", port);
    const char *node = *host != '\0' ? host : "::";
    int result = getaddrinfo(node, service, &hints, found);
    if (result == 0)
        return true;
    return dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT, "host %s: %s", host, gai_strerror(result));
}

static bool report(const char *address, int problem, struct dub_error *error)
{
    if (problem == EADDRINUSE)
        return dub_error_set(error, DUB_ERROR_UNAVAILABLE,
                             "address %s is in use: stop the other program or choose another port", address);
    return dub_error_set_errno(error, DUB_ERROR_IO, problem, "cannot listen on %s", address);
}

bool net_listen(const char *address, int *fd, uint16_t *port, struct dub_error *error)
{
    g_autofree char *host = NULL;
    struct addrinfo *found = NULL;
    if (!dub_parse_address(address, &host, port))
        return dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT, "%s is not an address: use host:port",
                             address);
    if (!find_addresses(host, *port, &found, error))
        return false;
    *fd = listen_on(found);
    int problem = errno;
    freeaddrinfo(found);
    if (*fd < 0 && *host == '\0' && problem == EAFNOSUPPORT) {
        g_autofree char *ipv4 = g_strdup_printf("0.0.0.0:%u", *port);
        return net_listen(ipv4, fd, port, error);
    }
    if (*fd < 0)
        return report(address, problem, error);
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
