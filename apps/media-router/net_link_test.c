/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A link on one end of a pair of sockets, OpenSSL's client on the other. */
#include "net_link.h"

#include "openssl_calls.h"
#include "tests/tls_files.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOAD_BYTES 300000

struct fixture {
    struct tls_files files;
    struct net_tls *tls;
    struct net_link *link;
    int peer;
    SSL_CTX *context;
    SSL *ssl; /* the client's, on peer */
    struct dub_error error;
};

static void open_pair(struct fixture *fixture, struct net_tls *tls)
{
    int pair[2];
    const int small = 4096;
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), ==, 0);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    fixture->link = net_link_new(pair[0], tls);
    fixture->peer = pair[1];
}

static void setup(struct fixture *fixture, gconstpointer data)
{
    memset(fixture, 0, sizeof *fixture);
    tls_files_make(&fixture->files);
    fixture->tls = net_tls_new(fixture->files.certificate, fixture->files.key, &fixture->error);
    g_assert_nonnull(fixture->tls);
    fixture->context = SSL_CTX_new(TLS_client_method());
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    SSL_free(fixture->ssl);
    SSL_CTX_free(fixture->context);
    g_clear_pointer(&fixture->link, net_link_free);
    close(fixture->peer);
    net_tls_free(fixture->tls);
    tls_files_clear(&fixture->files);
}

static void start_tls(struct fixture *fixture)
{
    open_pair(fixture, fixture->tls);
    fixture->ssl = SSL_new(fixture->context);
    SSL_set_fd(fixture->ssl, fixture->peer);
    char nothing;
    for (unsigned i = 0; SSL_connect(fixture->ssl) != 1; i++) {
        g_assert_cmpuint(i, <, 100);
        g_assert_cmpint(net_link_receive(fixture->link, &nothing, 1), ==, -1);
        g_assert_cmpint(errno, ==, EAGAIN);
        g_assert_cmpint(net_link_condition(fixture->link, false), ==, G_IO_IN);
    }
}

static void test_plain(struct fixture *fixture, gconstpointer data)
{
    char buffer[16];
    struct iovec iov[] = {{(char *)"he", 2}, {(char *)"llo", 3}};
    open_pair(fixture, NULL);
    g_assert_cmpint(net_link_receive(fixture->link, buffer, sizeof buffer), ==, -1);
    g_assert_cmpint(errno, ==, EAGAIN);
    g_assert_cmpint(net_link_send(fixture->link, iov, 2), ==, 5);
    g_assert_cmpint(recv(fixture->peer, buffer, sizeof buffer, 0), ==, 5);
    g_assert_true(memcmp(buffer, "hello", 5) == 0);
    g_assert_cmpint(send(fixture->peer, "0123456789abcdefg", 17, 0), ==, 17);
    ssize_t n = net_link_receive(fixture->link, buffer, sizeof buffer);
    g_assert_true(net_link_has_more(fixture->link, n, sizeof buffer));
    n = net_link_receive(fixture->link, buffer, sizeof buffer);
    g_assert_false(net_link_has_more(fixture->link, n, sizeof buffer));
    net_link_finish(fixture->link);
    g_assert_cmpint(recv(fixture->peer, buffer, sizeof buffer, 0), ==, 0);
    shutdown(fixture->peer, SHUT_RDWR);
    g_assert_cmpint(net_link_send(fixture->link, iov, 2), ==, -1);
    g_assert_cmpstr(net_link_problem(fixture->link), ==, g_strerror(EPIPE));
}

/* More than the sockets hold: sending stops and goes on, nothing is lost or doubled. */
static void test_large_amounts(struct fixture *fixture, gconstpointer data)
{
    g_autofree uint8_t *sent = g_malloc(LOAD_BYTES);
    g_autofree uint8_t *seen = g_malloc0(LOAD_BYTES);
    for (size_t i = 0; i < LOAD_BYTES; i++)
        sent[i] = (uint8_t)(i * 7 + i / 1000);
    start_tls(fixture);
    size_t at = 0;
    size_t fill = 0;
    unsigned n_blocked = 0;
    for (unsigned turn = 0; fill < LOAD_BYTES; turn++) {
        struct iovec iov[] = {{sent + at, MIN(1000, LOAD_BYTES - at)}, {NULL, 0}};
        iov[1] = (struct iovec){sent + at + iov[0].iov_len, LOAD_BYTES - at - iov[0].iov_len};
        ssize_t n = at < LOAD_BYTES ? net_link_send(fixture->link, iov, 2) : 0;
        g_assert_cmpuint(turn, <, 100000);
        g_assert_true(n >= 0 || errno == EAGAIN);
        at += n > 0 ? (size_t)n : 0;
        if (n > 0 && turn % 3 != 0)
            continue;
        n_blocked += n < 0;
        g_assert_true(n >= 0 || (net_link_condition(fixture->link, true) & G_IO_OUT) != 0);
        int got = SSL_read(fixture->ssl, seen + fill, (int)(LOAD_BYTES - fill));
        fill += got > 0 ? (size_t)got : 0;
    }
    g_assert_cmpuint(n_blocked, >, 0);
    g_assert_true(memcmp(sent, seen, LOAD_BYTES) == 0);
}

/* Decrypted bytes that the caller has not taken: the socket has nothing more, the link says that it has. */
static void test_pending(struct fixture *fixture, gconstpointer data)
{
    char buffer[1000];
    start_tls(fixture);
    g_assert_cmpint(SSL_write(fixture->ssl, buffer, 100), ==, 100);
    ssize_t n = net_link_receive(fixture->link, buffer, 60);
    g_assert_cmpint(n, ==, 60);
    g_assert_true(net_link_has_more(fixture->link, n, sizeof buffer));
    g_assert_cmpint(net_link_receive(fixture->link, buffer, sizeof buffer), ==, 40);
    n = net_link_receive(fixture->link, buffer, sizeof buffer);
    g_assert_false(net_link_has_more(fixture->link, n, sizeof buffer));
    g_assert_false(net_link_is_readable(fixture->link, G_IO_OUT));
    g_assert_true(net_link_is_readable(fixture->link, G_IO_IN));
}

/* A peer that renews its keys without end gets its turn as others do, and says something between. */
static void test_new_keys_in_a_row(struct fixture *fixture, gconstpointer data)
{
    char buffer[100];
    start_tls(fixture);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpint(SSL_key_update(fixture->ssl, SSL_KEY_UPDATE_NOT_REQUESTED), ==, 1);
        g_assert_cmpint(SSL_do_handshake(fixture->ssl), ==, 1);
    }
    g_assert_cmpint(SSL_write(fixture->ssl, "hello", 5), ==, 5);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpint(net_link_receive(fixture->link, buffer, sizeof buffer), ==, -1);
        g_assert_cmpint(errno, ==, EAGAIN);
        g_assert_cmpint(net_link_condition(fixture->link, false), ==, G_IO_IN);
    }
    g_assert_cmpint(net_link_receive(fixture->link, buffer, sizeof buffer), ==, 5);
}

static void test_ends(struct fixture *fixture, gconstpointer data)
{
    char buffer[100];
    start_tls(fixture);
    SSL_shutdown(fixture->ssl);
    g_assert_cmpint(net_link_receive(fixture->link, buffer, sizeof buffer), ==, 0);
    net_link_finish(fixture->link);
    g_assert_cmpint(SSL_read(fixture->ssl, buffer, sizeof buffer), ==, 0);
    g_assert_cmpint(SSL_get_error(fixture->ssl, 0), ==, SSL_ERROR_ZERO_RETURN);
}

/* As encoders do that are killed. */
static void test_end_without_a_word(struct fixture *fixture, gconstpointer data)
{
    char buffer[100];
    struct iovec iov = {buffer, sizeof buffer};
    start_tls(fixture);
    shutdown(fixture->peer, SHUT_RDWR);
    g_assert_cmpint(net_link_receive(fixture->link, buffer, sizeof buffer), ==, 0);
    g_assert_cmpint(net_link_send(fixture->link, &iov, 1), ==, -1);
    g_assert_cmpint(errno, !=, EAGAIN);
}

static void test_plain_rtmp_at_the_tls_port(struct fixture *fixture, gconstpointer data)
{
    char buffer[1537] = {3};
    open_pair(fixture, fixture->tls);
    g_assert_cmpint(send(fixture->peer, buffer, sizeof buffer, 0), ==, sizeof buffer);
    g_assert_cmpint(net_link_receive(fixture->link, buffer, sizeof buffer), ==, -1);
    g_assert_cmpint(errno, ==, EIO);
    g_assert_nonnull(strstr(net_link_problem(fixture->link), "version"));
    net_link_finish(fixture->link);
}

static void assert_refused(struct fixture *fixture, const char *certificate, const char *key,
                           const char *named)
{
    g_assert_null(net_tls_new(certificate, key, &fixture->error));
    g_assert_cmpint(fixture->error.code, ==, DUB_ERROR_INVALID_CONFIG);
    g_assert_nonnull(strstr(fixture->error.message, named));
}

static void test_bad_files(struct fixture *fixture, gconstpointer data)
{
    struct tls_files others;
    open_pair(fixture, NULL);
    tls_files_make(&others);
    assert_refused(fixture, "/nonexistent.crt", fixture->files.key, "/nonexistent.crt");
    assert_refused(fixture, fixture->files.certificate, "/nonexistent.key", "/nonexistent.key");
    assert_refused(fixture, fixture->files.key, fixture->files.key, fixture->files.key);
    assert_refused(fixture, fixture->files.certificate, others.key, others.key); /* of another certificate */
    tls_files_clear(&others);
}

static void test_missing_library(struct fixture *fixture, gconstpointer data)
{
    struct openssl_calls calls = {0};
    open_pair(fixture, NULL);
    g_assert_false(openssl_calls_load(&calls, "libnot-there.so.9", &fixture->error));
    g_assert_nonnull(strstr(fixture->error.message, "libnot-there.so.9"));
    g_assert_nonnull(strstr(fixture->error.message, "libssl3"));
    g_assert_false(openssl_calls_load(&calls, "libc.so.6", &fixture->error)); /* another one */
    g_assert_nonnull(strstr(fixture->error.message, "ERR_clear_error"));
    g_assert_true(calls.SSL_new == NULL);
}

#define ADD(name, function) g_test_add("/net-link/" name, struct fixture, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    ADD("plain", test_plain);
    ADD("large-amounts", test_large_amounts);
    ADD("decrypted-bytes-that-wait", test_pending);
    ADD("new-keys-in-a-row", test_new_keys_in_a_row);
    ADD("ends", test_ends);
    ADD("end-without-a-word", test_end_without_a_word);
    ADD("plain-rtmp-at-the-tls-port", test_plain_rtmp_at_the_tls_port);
    ADD("bad-files-are-named", test_bad_files);
    ADD("a-missing-library-is-named", test_missing_library);
    return g_test_run();
}
