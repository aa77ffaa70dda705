/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admission.h"

#include <errno.h>
#include <string.h>

/* Its idle connections are a list of addresses, the oldest first. */
struct fake_server {
    struct admission *admission;
    GQueue idle; /* char * */
    GString *closed;
};

struct fixture {
    struct dub_fake_clock clock;
    struct router_limits limits;
    struct router_counters counters;
    struct admission *admission;
    struct fake_server server, other;
};

static bool make_room(const char *host, void *user)
{
    struct fake_server *server = user;
    for (GList *link = server->idle.head; link != NULL; link = link->next) {
        g_autofree char *address = link->data;
        if (host != NULL && !g_str_has_prefix(address, host)) {
            g_steal_pointer(&address);
            continue;
        }
        g_queue_delete_link(&server->idle, link);
        g_string_append_printf(server->closed, "%s ", address);
        admission_leave(server->admission, address);
        return true;
    }
    return false;
}

static void init_server(struct fixture *fixture, struct fake_server *server)
{
    server->admission = fixture->admission;
    server->closed = g_string_new("");
    g_queue_init(&server->idle);
    admission_add_server(fixture->admission, make_room, server);
}

static void clear_server(struct fake_server *server)
{
    admission_remove_server(server->admission, server);
    g_queue_clear_full(&server->idle, g_free);
    g_string_free(server->closed, TRUE);
}

static void setup(struct fixture *fixture, gconstpointer data)
{
    memset(fixture, 0, sizeof *fixture);
    dub_fake_clock_init(&fixture->clock, 0);
    fixture->limits = (struct router_limits){.connections = 4};
    fixture->admission = admission_new(&fixture->limits, &fixture->clock.clock, &fixture->counters);
    init_server(fixture, &fixture->server);
    init_server(fixture, &fixture->other);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    clear_server(&fixture->server);
    clear_server(&fixture->other);
    admission_free(fixture->admission);
    admission_free(NULL);
}

static bool enter(struct fixture *fixture, const char *address)
{
    return admission_enter(fixture->admission, "rtmp", address);
}

static void enter_idle(struct fixture *fixture, struct fake_server *server, const char *address)
{
    g_assert_true(enter(fixture, address));
    g_queue_push_tail(&server->idle, g_strdup(address));
}

static void test_those_with_a_stream_stay(struct fixture *fixture, gconstpointer data)
{
    for (unsigned i = 0; i < 4; i++)
        g_assert_true(enter(fixture, "10.0.0.1:1000"));
    g_assert_false(enter(fixture, "10.0.0.2:1000"));
    g_assert_cmpuint(fixture->counters.refused, ==, 1);
    admission_leave(fixture->admission, "10.0.0.1:1000");
    g_assert_true(enter(fixture, "10.0.0.2:1000"));
    g_assert_cmpuint(fixture->counters.accepted, ==, 5);
}

/* The address with the most goes first, its oldest first; then the others. */
static void test_the_busiest_makes_room(struct fixture *fixture, gconstpointer data)
{
    enter_idle(fixture, &fixture->other, "10.0.0.1:1");
    enter_idle(fixture, &fixture->server, "10.0.0.9:1");
    enter_idle(fixture, &fixture->server, "10.0.0.9:2");
    enter_idle(fixture, &fixture->other, "10.0.0.9:3");
    g_assert_true(enter(fixture, "10.0.0.2:1"));
    g_assert_true(enter(fixture, "10.0.0.2:2"));
    g_assert_cmpstr(fixture->server.closed->str, ==, "10.0.0.9:1 10.0.0.9:2 ");
    g_assert_true(enter(fixture, "10.0.0.2:3"));
    g_assert_true(enter(fixture, "10.0.0.2:4"));
    g_assert_cmpuint(fixture->other.idle.length, ==, 0);
    g_assert_false(enter(fixture, "10.0.0.2:5"));
    g_assert_cmpuint(fixture->counters.replaced, ==, 4);
}

static void test_one_address(struct fixture *fixture, gconstpointer data)
{
    fixture->limits.connections_per_address = 2;
    g_assert_true(enter(fixture, "[::1]:1"));
    enter_idle(fixture, &fixture->server, "[::1]:2");
    enter_idle(fixture, &fixture->server, "10.0.0.1:1");
    g_assert_true(enter(fixture, "[::1]:3")); /* for its own idle one */
    g_assert_cmpstr(fixture->server.closed->str, ==, "[::1]:2 ");
    g_assert_false(enter(fixture, "[::1]:4"));
    g_assert_true(enter(fixture, "10.0.0.1:2"));
    admission_leave(fixture->admission, "[::1]:1");
    admission_leave(fixture->admission, "10.0.0.1:2");
    g_assert_true(enter(fixture, "[::1]:5"));
}

static void test_out_of_descriptors(struct fixture *fixture, gconstpointer data)
{
    enter_idle(fixture, &fixture->server, "10.0.0.1:1");
    g_assert_true(admission_out_of_resources(fixture->admission, "rtmp", EMFILE));
    g_assert_false(admission_out_of_resources(fixture->admission, "rtmp", EMFILE));
    g_assert_false(admission_out_of_resources(fixture->admission, "rtmp", EMFILE));
    g_assert_cmpuint(fixture->counters.accept_pauses, ==, 2);
}

static void test_lines_are_limited(struct fixture *fixture, gconstpointer data)
{
    unsigned lines = 0;
    for (unsigned i = 0; i < 1000; i++)
        lines += admission_may_log(fixture->admission);
    g_assert_cmpuint(lines, >, 10);
    g_assert_cmpuint(lines, <, 100);
    g_assert_cmpuint(fixture->counters.log_lines_left_out, ==, 1000 - lines);
}

#define ADD(name, function) g_test_add("/admission/" name, struct fixture, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("those-with-a-stream-stay", test_those_with_a_stream_stay);
    ADD("the-busiest-address-makes-room", test_the_busiest_makes_room);
    ADD("one-address", test_one_address);
    ADD("out-of-descriptors", test_out_of_descriptors);
    ADD("lines-are-limited", test_lines_are_limited);
    return g_test_run();
}
