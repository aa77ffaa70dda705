/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net_link.h"

#include "openssl_calls.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORD_BYTES 16384 /* the most that one TLS record holds */

struct net_tls {
    SSL_CTX *context;
};

struct net_link {
    int fd;
    SSL *ssl; /* NULL: plain */
    bool read_wants_write, write_wants_read;
    int problem; /* errno of the last failure; 0: see problem_text */
    char problem_text[256];
};

/* Filled by the first net_tls_new; a link with TLS comes after it. */
static struct openssl_calls openssl;

/* What OpenSSL says last about the failure; its queue is empty afterwards. */
static void take_ssl_error(char *text, size_t size)
{
    unsigned long code = openssl.ERR_peek_last_error();
    const char *reason = code != 0 ? openssl.ERR_reason_error_string(code) : NULL;
    g_strlcpy(text, reason != NULL ? reason : "unknown error", size);
    openssl.ERR_clear_error();
}

/* A key with a passphrase would be asked for on the terminal. */
static int refuse_passphrase(char *buffer, int size, int is_writing, void *user)
{
    return -1;
}

static bool fail_file(const char *key, const char *file, struct dub_error *error)
{
    char reason[128];
    take_ssl_error(reason, sizeof reason);
    return dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "%s: %.120s cannot be used: %s", key, file, reason);
}

static bool load(SSL_CTX *context, const char *certificate_file, const char *key_file,
                 struct dub_error *error)
{
    openssl.ERR_clear_error();
    openssl.SSL_CTX_set_default_passwd_cb(context, refuse_passphrase);
    openssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
    openssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL);
    openssl.SSL_CTX_set_num_tickets(context, 0);
    openssl.SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    /* The chunk writer's memory moves, and its head is what is offered again. */
    openssl.SSL_CTX_ctrl(
        context, SSL_CTRL_MODE,
        SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS, NULL);
    /* Else one read goes on for as long as a peer sends new keys, and nobody else has a turn. */
    openssl.SSL_CTX_ctrl(context, SSL_CTRL_CLEAR_MODE, SSL_MODE_AUTO_RETRY, NULL);
    if (openssl.SSL_CTX_use_certificate_chain_file(context, certificate_file) != 1)
        return fail_file("certificate", certificate_file, error);
    if (openssl.SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1)
        return fail_file("key", key_file, error);
    return true;
}

struct net_tls *net_tls_new(const char *certificate_file, const char *key_file, struct dub_error *error)
{
    if (openssl.SSL_new == NULL && !openssl_calls_load(&openssl, OPENSSL_LIBRARY, error))
        return NULL;
    SSL_CTX *context = openssl.SSL_CTX_new(openssl.TLS_server_method());
    if (context == NULL) {
        dub_error_set(error, DUB_ERROR_INTERNAL, "TLS cannot be set up");
        return NULL;
    }
    if (!load(context, certificate_file, key_file, error)) {
        openssl.SSL_CTX_free(context);
        return NULL;
    }
    struct net_tls *tls = g_new0(struct net_tls, 1);
    tls->context = context;
    return tls;
}

void net_tls_free(struct net_tls *tls)
{
    if (tls == NULL)
        return;
    openssl.SSL_CTX_free(tls->context);
    g_free(tls);
}

struct net_link *net_link_new(int take_fd, struct net_tls *tls)
{
    struct net_link *link = g_new0(struct net_link, 1);
    link->fd = take_fd;
    if (tls == NULL)
        return link;
    link->ssl = openssl.SSL_new(tls->context);
    openssl.SSL_set_fd(link->ssl, take_fd);
    openssl.SSL_set_accept_state(link->ssl);
    return link;
}

void net_link_free(struct net_link *link)
{
    if (link->ssl != NULL)
        openssl.SSL_free(link->ssl);
    close(link->fd);
    g_free(link);
}

static void note_ssl_error(struct net_link *link)
{
    char reason[128];
    take_ssl_error(reason, sizeof reason);
    g_snprintf(link->problem_text, sizeof link->problem_text, "%s: %s",
               openssl.SSL_is_init_finished(link->ssl) ? "TLS" : "the TLS handshake failed", reason);
}

/* TLS's many ways to fail as what recv and send say; *other is set when the other direction is waited for. */
static ssize_t explain(struct net_link *link, int result, int *other, bool is_read)
{
    int system = errno;
    int code = openssl.SSL_get_error(link->ssl, result);
    link->problem = 0;
    *other = code == (is_read ? SSL_ERROR_WANT_WRITE : SSL_ERROR_WANT_READ);
    if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) {
        errno = EAGAIN;
        return -1;
    }
    if (code == SSL_ERROR_ZERO_RETURN)
        return 0;
    if (code == SSL_ERROR_SYSCALL && openssl.ERR_peek_error() == 0 && system != 0)
        link->problem = system;
    else
        note_ssl_error(link);
    errno = EIO;
    return -1;
}

static ssize_t note_errno(struct net_link *link, ssize_t n)
{
    if (n < 0)
        link->problem = errno;
    return n;
}

/* A peer that goes without saying so (most encoders) has ended all the same. */
static bool is_bare_end(const struct net_link *link)
{
    return link->problem == 0 && strstr(link->problem_text, "unexpected eof") != NULL;
}

ssize_t net_link_receive(struct net_link *link, void *buffer, size_t size)
{
    int other = 0;
    if (link->ssl == NULL)
        return note_errno(link, recv(link->fd, buffer, size, 0));
    openssl.ERR_clear_error();
    errno = 0;
    int n = openssl.SSL_read(link->ssl, buffer, (int)MIN(size, (size_t)INT_MAX));
    if (n > 0) {
        link->read_wants_write = false;
        return n;
    }
    ssize_t result = explain(link, n, &other, true);
    link->read_wants_write = other != 0;
    return result < 0 && errno == EIO && is_bare_end(link) ? 0 : result;
}

/* One record from several pieces: a record of its own for each chunk header would double the bytes. */
static size_t gather(const struct iovec *iov, unsigned count, uint8_t *record)
{
    size_t fill = 0;
    for (unsigned i = 0; i < count && fill < RECORD_BYTES; i++) {
        size_t n = MIN(iov[i].iov_len, RECORD_BYTES - fill);
        memcpy(record + fill, iov[i].iov_base, n);
        fill += n;
    }
    return fill;
}

ssize_t net_link_send(struct net_link *link, struct iovec *iov, unsigned count)
{
    static uint8_t record[RECORD_BYTES]; /* one thread */
    int other = 0;
    if (link->ssl == NULL) {
        struct msghdr header = {.msg_iov = iov, .msg_iovlen = count};
        return note_errno(link, sendmsg(link->fd, &header, MSG_NOSIGNAL));
    }
    size_t size = gather(iov, count, record);
    openssl.ERR_clear_error();
    errno = 0;
    int n = openssl.SSL_write(link->ssl, record, (int)size);
    link->write_wants_read = false;
    if (n > 0)
        return n;
    ssize_t result = explain(link, n, &other, false);
    link->write_wants_read = other != 0;
    if (result == 0)
        errno = link->problem = EPIPE;
    return -1;
}

bool net_link_has_more(const struct net_link *link, ssize_t received, size_t size)
{
    return link->ssl != NULL ? received > 0 : received == (ssize_t)size;
}

bool net_link_is_readable(const struct net_link *link, GIOCondition condition)
{
    return (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR)) != 0 ||
           ((condition & G_IO_OUT) != 0 && link->read_wants_write);
}

GIOCondition net_link_condition(const struct net_link *link, bool blocked)
{
    bool wants_write = (blocked && !link->write_wants_read) || link->read_wants_write;
    return wants_write ? G_IO_IN | G_IO_OUT : G_IO_IN;
}

const char *net_link_problem(const struct net_link *link)
{
    return link->problem != 0 || link->ssl == NULL ? g_strerror(link->problem) : link->problem_text;
}

void net_link_finish(struct net_link *link)
{
    if (link->ssl != NULL) {
        if (openssl.SSL_is_init_finished(link->ssl))
            openssl.SSL_shutdown(link->ssl);
        openssl.ERR_clear_error();
    }
    shutdown(link->fd, SHUT_WR);
}
