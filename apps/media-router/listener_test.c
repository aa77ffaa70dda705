/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "listener.h"

#include "net.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEADLINE_US (30 * G_USEC_PER_SEC)

struct fixture {
    struct router_limits limits;
    struct router_counters counters;
    struct admission *admission;
    struct listener *listener;
    uint16_t port;
    GArray *accepted; /* int */
};

static void on_accepted(int take_fd, char *take_remote_address, void *user)
{
    struct fixture *fixture = user;
    g_assert_true(g_str_has_prefix(take_remote_address, "127.0.0.1:"));
    g_free(take_remote_address);
    g_array_append_val(fixture->accepted, take_fd);
}

static void setup(struct fixture *fixture, gconstpointer data)
{
    int fd;
    memset(fixture, 0, sizeof *fixture);
    fixture->limits.connections = 1000;
    fixture->admission = admission_new(&fixture->limits, dub_clock_monotonic(), &fixture->counters);
    fixture->accepted = g_array_new(FALSE, FALSE, sizeof(int));
    g_assert_true(net_listen("127.0.0.1:0", &fd, &fixture->port, NULL));
    fixture->listener = listener_new(fd, "test", fixture->admission, on_accepted, fixture);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    listener_free(fixture->listener);
    listener_free(NULL);
    for (guint i = 0; i < fixture->accepted->len; i++)
        close(g_array_index(fixture->accepted, int, i));
    g_array_unref(fixture->accepted);
    admission_free(fixture->admission);
}

static int connect_one(const struct fixture *fixture)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(fixture->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(connect(fd, (const struct sockaddr *)&address, sizeof address), ==, 0);
    return fd;
}

static gboolean on_deadline(gpointer user)
{
    return G_SOURCE_CONTINUE;
}

#define WAIT_FOR(condition)                                                                                  \
    do {                                                                                                     \
        gint64 deadline = g_get_monotonic_time() + DEADLINE_US;                                              \
        guint tick = g_timeout_add(10, on_deadline, NULL);                                                   \
        while (!(condition) && g_get_monotonic_time() < deadline)                                            \
            g_main_context_iteration(NULL, TRUE);                                                            \
        g_source_remove(tick);                                                                               \
        g_assert_true(condition);                                                                            \
    } while (0)

static void test_accepts(struct fixture *fixture, gconstpointer data)
{
    int clients[100]; /* more than one turn takes */
    for (size_t i = 0; i < G_N_ELEMENTS(clients); i++)
        clients[i] = connect_one(fixture);
    WAIT_FOR(fixture->accepted->len == G_N_ELEMENTS(clients));
    for (size_t i = 0; i < G_N_ELEMENTS(clients); i++)
        close(clients[i]);
    g_assert_cmpuint(fixture->counters.accepted, ==, G_N_ELEMENTS(clients));
}

static void test_refused_are_closed(struct fixture *fixture, gconstpointer data)
{
    fixture->limits.connections = 1;
    int first = connect_one(fixture), second = connect_one(fixture);
    char byte;
    WAIT_FOR(fixture->counters.refused == 1);
    g_assert_cmpuint(fixture->accepted->len, ==, 1);
    g_assert_cmpint(recv(second, &byte, 1, 0), ==, 0);
    close(first);
    close(second);
}

/* It pauses instead of spinning, and goes on by itself when there are descriptors again. */
static void test_out_of_descriptors(struct fixture *fixture, gconstpointer data)
{
    struct rlimit before = {0};
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    int client = connect_one(fixture);
    struct rlimit none = {.rlim_cur = (rlim_t)client + 1, .rlim_max = before.rlim_max};
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
    WAIT_FOR(fixture->counters.accept_pauses >= 1);
    for (unsigned i = 0; i < 1000; i++)
        g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(fixture->counters.accept_pauses, <=, 2); /* once a second */
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
    WAIT_FOR(fixture->accepted->len == 1);
    close(client);
}

#define ADD(name, function) g_test_add("/listener/" name, struct fixture, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("accepts-many", test_accepts);
    ADD("refused-are-closed", test_refused_are_closed);
    ADD("out-of-descriptors", test_out_of_descriptors);
    return g_test_run();
}
