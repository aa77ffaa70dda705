/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Listeners over real sockets, with times that a test can wait for. What the whole program does with them:
 * tests/test_events.py. */
#include "events.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEADLINE_S 30
#define RECEIVE_BYTES 4096 /* of a listener's buffer: it is full soon */

struct fixture {
    struct events *events;
    struct dub_http_server *server;
    int client;
};

static void on_request(struct dub_http_request *request, void *user)
{
    events_add_listener(((struct fixture *)user)->events, request);
}

static void set_up(struct fixture *fixture, const void *data)
{
    static const struct dub_http_route routes[] = {{"GET", "/events", on_request, 0}, {NULL}};
    struct dub_error error = {0};
    fixture->events = events_new(&(struct events_times){.keep_alive_ms = 20, .peer_timeout_ms = 300});
    fixture->server =
        dub_http_server_new(&(struct dub_http_config){.address = "127.0.0.1:0"}, routes, fixture, &error);
    g_assert_nonnull(fixture->server);
    fixture->client = -1;
}

static void tear_down(struct fixture *fixture, const void *data)
{
    if (fixture->client >= 0)
        close(fixture->client);
    events_free(fixture->events);
    dub_http_server_free(fixture->server);
}

static gboolean on_deadline(void *user)
{
    g_error("not within %d s", DEADLINE_S);
    return G_SOURCE_REMOVE;
}

static void wait_for_listeners(const struct fixture *fixture, unsigned count)
{
    guint deadline = g_timeout_add_seconds(DEADLINE_S, on_deadline, NULL);
    while (events_count_listeners(fixture->events) != count)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(deadline);
}

static void listen_to_events(struct fixture *fixture)
{
    static const char request[] = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)dub_http_server_port(fixture->server)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int size = RECEIVE_BYTES;
    fixture->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(setsockopt(fixture->client, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), ==, 0);
    g_assert_cmpint(connect(fixture->client, (const struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(write(fixture->client, request, strlen(request)), ==, (gssize)strlen(request));
    wait_for_listeners(fixture, 1);
}

/* More than its buffer holds, less than what makes us drop it for its backlog. */
static void test_one_that_vanishes_is_let_go(struct fixture *fixture, const void *data)
{
    g_autofree char *text = g_strnfill(100000, 'x');
    listen_to_events(fixture);
    events_send(fixture->events, "state", text);
    wait_for_listeners(fixture, 0);
}

static gboolean note(void *user)
{
    *(bool *)user = true;
    return G_SOURCE_REMOVE;
}

/* For several times as long as a peer may be silent. */
static void test_one_that_reads_stays(struct fixture *fixture, const void *data)
{
    char bytes[65536];
    bool over = false;
    gsize n_read = 0;
    listen_to_events(fixture);
    g_timeout_add(1000, note, &over);
    while (!over) {
        g_main_context_iteration(NULL, TRUE);
        ssize_t n = recv(fixture->client, bytes, sizeof(bytes), MSG_DONTWAIT);
        g_assert_true(n > 0 || (n < 0 && errno == EAGAIN));
        n_read += n > 0 ? (gsize)n : 0;
    }
    g_assert_cmpuint(events_count_listeners(fixture->events), ==, 1);
    g_assert_cmpuint(n_read, >, 100);
}

#define ADD(name, function) g_test_add("/events/" name, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("one-that-vanishes-is-let-go", test_one_that_vanishes_is_let_go);
    ADD("one-that-reads-stays", test_one_that_reads_stays);
    return g_test_run();
}
