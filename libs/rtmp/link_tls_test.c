/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A link over TLS. The server has a thread of its own: GIO's server side of TLS is simplest with calls that
 * wait. */
#include "dubbing_rtmp_link.h"
#include "tests/rtmp_test_server.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>

#define DEADLINE_US (30 * G_USEC_PER_SEC)

struct fixture {
    char *folder, *url;
    GSocketListener *listener;
    uint16_t port;
    GTlsCertificate *certificate;
    GCancellable *stops;
    pthread_t thread;
    bool stalls; /* atomic: it stops reading as soon as somebody publishes */

    pthread_mutex_t lock; /* guards what follows */
    struct rtmp_test_server server;
    bool is_stalled;

    struct rtmp_link *link; /* these are the main thread's */
    bool is_ready, has_ended;
    char *failure;
};

static bool serve_some(struct fixture *fixture, GIOStream *stream)
{
    uint8_t in[4096], out[4096];
    gssize n = g_input_stream_read(g_io_stream_get_input_stream(stream), in, sizeof in, fixture->stops, NULL);
    if (n <= 0)
        return false;
    pthread_mutex_lock(&fixture->lock);
    rtmp_test_server_receive(&fixture->server, in, (size_t)n);
    size_t n_out = rtmp_test_server_take_output(&fixture->server, out, sizeof out);
    bool stalls = strstr(fixture->server.heard->str, "publish") != NULL &&
                  __atomic_load_n(&fixture->stalls, __ATOMIC_ACQUIRE);
    fixture->is_stalled = stalls;
    pthread_mutex_unlock(&fixture->lock);
    return g_output_stream_write_all(g_io_stream_get_output_stream(stream), out, n_out, NULL, fixture->stops,
                                     NULL) &&
           !stalls;
}

static void *serve(void *data)
{
    struct fixture *fixture = data;
    g_autoptr(GSocketConnection) plain =
        g_socket_listener_accept(fixture->listener, NULL, fixture->stops, NULL);
    g_autoptr(GIOStream) stream =
        plain ? g_tls_server_connection_new(G_IO_STREAM(plain), fixture->certificate, NULL) : NULL;

    if (stream == NULL || !g_tls_connection_handshake(G_TLS_CONNECTION(stream), fixture->stops, NULL))
        return NULL;
    while (serve_some(fixture, stream))
        ;
    /* The connection stays open while it stalls. */
    GPollFD stop;
    pthread_mutex_lock(&fixture->lock);
    bool is_stalled = fixture->is_stalled;
    pthread_mutex_unlock(&fixture->lock);
    if (is_stalled && g_cancellable_make_pollfd(fixture->stops, &stop)) {
        g_poll(&stop, 1, -1);
        g_cancellable_release_fd(fixture->stops);
    }
    /* Not in order: the client may not be there to answer. */
    g_socket_shutdown(g_socket_connection_get_socket(plain), TRUE, TRUE, NULL);
    return NULL;
}

static char *path_of(struct fixture *fixture, const char *name)
{
    return g_build_filename(fixture->folder, name, NULL);
}

static void make_certificate(struct fixture *fixture, const char *key_name, const char *certificate_name)
{
    g_autofree char *key_path = path_of(fixture, key_name);
    g_autofree char *certificate_path = path_of(fixture, certificate_name);
    g_autofree char *command = g_strdup_printf(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=%s -addext subjectAltName=IP:127.0.0.1 "
        "-keyout '%s' -out '%s'",
        certificate_name, key_path, certificate_path);
    g_autofree char *said = NULL;
    int status = -1;
    g_assert_true(g_spawn_command_line_sync(command, NULL, &said, &status, NULL));
    g_assert_cmpint(status, ==, 0);
}

static void read_certificate(struct fixture *fixture)
{
    g_autofree char *key_path = path_of(fixture, "key.pem");
    g_autofree char *certificate_path = path_of(fixture, "cert.pem");
    g_autoptr(GError) error = NULL;
    fixture->certificate = g_tls_certificate_new_from_files(certificate_path, key_path, &error);
    g_assert_no_error(error);
}

static void remove_file(struct fixture *fixture, const char *name)
{
    g_autofree char *path = path_of(fixture, name);
    g_remove(path);
}

/* Nothing but this certificate: reading those of the system takes seconds under a sanitizer. */
static void trust(struct fixture *fixture, const char *certificate_name)
{
    g_autofree char *path = path_of(fixture, certificate_name);
    g_autoptr(GError) error = NULL;
    g_autoptr(GTlsDatabase) database = g_tls_file_database_new(path, &error);
    g_assert_no_error(error);
    g_tls_backend_set_default_database(g_tls_backend_get_default(), database);
}

static void setup(struct fixture *fixture, gconstpointer data)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->folder = g_dir_make_tmp("dub-link-XXXXXX", NULL);
    make_certificate(fixture, "key.pem", "cert.pem");
    read_certificate(fixture);
    trust(fixture, "cert.pem");
    pthread_mutex_init(&fixture->lock, NULL);
    rtmp_test_server_init(&fixture->server);
    fixture->stops = g_cancellable_new();
    fixture->listener = g_socket_listener_new();
    g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new(loopback, 0);
    g_autoptr(GSocketAddress) bound = NULL;
    g_assert_true(g_socket_listener_add_address(fixture->listener, any, G_SOCKET_TYPE_STREAM,
                                                G_SOCKET_PROTOCOL_TCP, NULL, &bound, NULL));
    fixture->port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
    fixture->url = g_strdup_printf("rtmps://127.0.0.1:%u/live/key", fixture->port);
    g_assert_cmpint(pthread_create(&fixture->thread, NULL, serve, fixture), ==, 0);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    rtmp_link_free(fixture->link);
    g_cancellable_cancel(fixture->stops);
    pthread_join(fixture->thread, NULL);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_false(fixture->server.broken);
    g_object_unref(fixture->listener);
    g_object_unref(fixture->certificate);
    g_object_unref(fixture->stops);
    rtmp_test_server_clear(&fixture->server);
    pthread_mutex_destroy(&fixture->lock);
    remove_file(fixture, "key.pem");
    remove_file(fixture, "cert.pem");
    remove_file(fixture, "other-key.pem");
    remove_file(fixture, "other.pem");
    g_rmdir(fixture->folder);
    g_free(fixture->folder);
    g_free(fixture->url);
    g_free(fixture->failure);
}

static void on_ready(void *user)
{
    ((struct fixture *)user)->is_ready = true;
}

static void on_ended(void *user)
{
    struct fixture *fixture = user;
    fixture->has_ended = true;
    g_clear_pointer(&fixture->link, rtmp_link_free);
}

static void on_failed(const char *reason, void *user)
{
    struct fixture *fixture = user;
    fixture->failure = g_strdup(reason);
    g_clear_pointer(&fixture->link, rtmp_link_free);
}

static void begin(struct fixture *fixture)
{
    static const struct rtmp_link_events events = {
        .on_ready = on_ready, .on_ended = on_ended, .on_failed = on_failed};
    fixture->link = rtmp_link_new(NULL, fixture->url, RTMP_CLIENT_PUBLISHER, &events, fixture, NULL);
    g_assert_nonnull(fixture->link);
}

static gboolean on_tick(gpointer data)
{
    return G_SOURCE_CONTINUE;
}

#define WAIT_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        gint64 deadline = g_get_monotonic_time() + DEADLINE_US;                                              \
        guint tick = g_timeout_add(5, on_tick, NULL);                                                        \
        while (!(condition) && g_get_monotonic_time() < deadline)                                            \
            g_main_context_iteration(NULL, TRUE);                                                            \
        g_source_remove(tick);                                                                               \
        if (!(condition))                                                                                    \
            g_error("line %d: waited in vain for " #condition, __LINE__);                                    \
    } while (0)

static unsigned n_received(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->lock);
    unsigned n = g_queue_get_length(&fixture->server.messages);
    pthread_mutex_unlock(&fixture->lock);
    return n;
}

static bool has_stalled(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->lock);
    bool is_stalled = fixture->is_stalled;
    pthread_mutex_unlock(&fixture->lock);
    return is_stalled;
}

static void send_bytes(struct fixture *fixture, size_t size)
{
    g_autoptr(GBytes) body = g_bytes_new_take(g_malloc0(size), size);
    rtmp_link_send(fixture->link, RTMP_VIDEO, 0, body);
    rtmp_link_flush(fixture->link);
}

static void test_publishes(struct fixture *fixture, gconstpointer data)
{
    begin(fixture);
    WAIT_UNTIL(fixture->is_ready);
    for (unsigned i = 0; i < 50; i++)
        send_bytes(fixture, 100000);
    WAIT_UNTIL(n_received(fixture) == 50);
    rtmp_link_finish(fixture->link);
    WAIT_UNTIL(fixture->has_ended);
}

/* Nobody vouches for the server: not a word of RTMP is said. */
static void test_unknown_certificate(struct fixture *fixture, gconstpointer data)
{
    make_certificate(fixture, "other-key.pem", "other.pem");
    trust(fixture, "other.pem");
    begin(fixture);
    WAIT_UNTIL(fixture->failure);
    g_test_message("it failed: %s", fixture->failure);
    g_assert_true(strstr(fixture->failure, "certificate") != NULL);
    g_assert_cmpuint(fixture->server.heard->len, ==, 0);
}

/* The link's socket, found by its peer, gets the smallest buffer: the kernel keeps room in a larger one when
 * it says that there is none. */
static void shrink_buffer(struct fixture *fixture)
{
    int smallest = 1, n_found = 0;
    for (int fd = 0; fd < 256; fd++) {
        struct sockaddr_in peer = {0};
        socklen_t size = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0 || peer.sin_family != AF_INET ||
            ntohs(peer.sin_port) != fixture->port)
            continue;
        n_found++;
        g_assert_cmpint(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest), ==, 0);
    }
    g_assert_cmpint(n_found, ==, 1);
}

/* Until nothing has moved for some turns: the server's kernel takes what fits there, and then nothing. */
static void wait_until_full(struct fixture *fixture)
{
    size_t before = 0;
    for (unsigned n_same = 0; n_same < 100;) {
        size_t pending = rtmp_link_pending(fixture->link);
        n_same = pending == before ? n_same + 1 : 0;
        before = pending;
        g_main_context_iteration(NULL, FALSE);
        g_usleep(2000);
    }
    g_assert_cmpuint(before, >, 0);
}

/* Closing TLS in order means one more message, for which there is no room: whoever frees the link does not
 * wait for that. */
static void test_a_stalled_server_is_left_at_once(struct fixture *fixture, gconstpointer data)
{
    __atomic_store_n(&fixture->stalls, true, __ATOMIC_RELEASE);
    begin(fixture);
    WAIT_UNTIL(fixture->is_ready);
    WAIT_UNTIL(has_stalled(fixture));
    shrink_buffer(fixture);
    for (unsigned i = 0; i < 300; i++)
        send_bytes(fixture, 100000);
    wait_until_full(fixture);
    g_clear_pointer(&fixture->link, rtmp_link_free);
}

/* The sanitizer asks for them. What its search for leaks notes of thread-local memory in libraries that are
 * loaded late (TLS is) is wrong for threads that still run at the end, those of GLib's pool, and it falls
 * over it. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "intercept_tls_get_addr=0";
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function)                                                                                  \
    g_test_add("/rtmp/link-tls/" name, struct fixture, NULL, setup, function, teardown)
    ADD("publishes", test_publishes);
    ADD("unknown-certificate", test_unknown_certificate);
    ADD("a-stalled-server-is-left-at-once", test_a_stalled_server_is_left_at_once);
    return g_test_run();
}
