/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net.h"

#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_any_free_port(void)
{
    int fd;
    uint16_t port = 0;
    g_assert_true(net_listen("127.0.0.1:0", &fd, &port, NULL));
    g_assert_cmpuint(port, >, 0);
    close(fd);
}

static void test_all_interfaces(void)
{
    int fd;
    uint16_t port = 0;
    g_assert_true(net_listen(":0", &fd, &port, NULL));
    g_assert_cmpuint(port, >, 0);
    struct sockaddr_in loopback = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(client, (struct sockaddr *)&loopback, sizeof loopback), ==, 0);
    close(client);
    close(fd);
}

static void assert_refused(const char *address, enum dub_error_code code, const char *word)
{
    int fd;
    uint16_t port;
    struct dub_error error = {0};
    g_assert_false(net_listen(address, &fd, &port, &error));
    g_assert_cmpint(error.code, ==, code);
    g_assert_nonnull(strstr(error.message, word));
}

static void test_refusals(void)
{
    int fd;
    uint16_t port;
    g_assert_true(net_listen("127.0.0.1:0", &fd, &port, NULL));
    g_autofree char *taken = g_strdup_printf("127.0.0.1:%u", port);
    assert_refused(taken, DUB_ERROR_UNAVAILABLE, taken);
    assert_refused("nonsense", DUB_ERROR_INVALID_ARGUMENT, "host:port");
    assert_refused("no.such.host.invalid:1", DUB_ERROR_INVALID_ARGUMENT, "no.such.host.invalid");
    assert_refused("192.0.2.1:0", DUB_ERROR_IO, "192.0.2.1"); /* TEST-NET-1: not ours */
    close(fd);
}

static void assert_format(const char *ip, const char *expected)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
    bool is_v4 = inet_pton(AF_INET, ip, &v4.sin_addr) == 1;
    g_assert_true(is_v4 || inet_pton(AF_INET6, ip, &v6.sin6_addr) == 1);
    g_autofree char *text = is_v4 ? net_format_address((struct sockaddr *)&v4, sizeof v4)
                                  : net_format_address((struct sockaddr *)&v6, sizeof v6);
    g_assert_cmpstr(text, ==, expected);
}

static void test_formats(void)
{
    assert_format("10.1.2.3", "10.1.2.3:80");
    assert_format("2001:db8::1", "[2001:db8::1]:80");
    assert_format("::ffff:10.1.2.3", "10.1.2.3:80");
    struct sockaddr nothing = {.sa_family = AF_UNSPEC};
    g_autofree char *text = net_format_address(&nothing, sizeof nothing);
    g_assert_cmpstr(text, ==, "unknown");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/any-free-port", test_any_free_port);
    g_test_add_func("/net/all-interfaces-take-ipv4", test_all_interfaces);
    g_test_add_func("/net/refusals-say-why", test_refusals);
    g_test_add_func("/net/formats", test_formats);
    return g_test_run();
}
