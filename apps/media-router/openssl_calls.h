/* SPDX-License-Identifier: GPL-3.0-or-later */
/* OpenSSL, loaded when a listener is encrypted and not before: linked, it would be a fifth of what a router
 * holds that encrypts nothing. Types and constants come from its headers, the calls through this table. */
#pragma once

#include <dubbing_error.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#define OPENSSL_CALLS(X)                                                                                     \
    X(ERR_clear_error)                                                                                       \
    X(ERR_peek_error)                                                                                        \
    X(ERR_peek_last_error)                                                                                   \
    X(ERR_reason_error_string)                                                                               \
    X(SSL_CTX_ctrl)                                                                                          \
    X(SSL_CTX_free)                                                                                          \
    X(SSL_CTX_new)                                                                                           \
    X(SSL_CTX_set_default_passwd_cb)                                                                         \
    X(SSL_CTX_set_num_tickets)                                                                               \
    X(SSL_CTX_set_options)                                                                                   \
    X(SSL_CTX_use_PrivateKey_file)                                                                           \
    X(SSL_CTX_use_certificate_chain_file)                                                                    \
    X(SSL_free)                                                                                              \
    X(SSL_get_error)                                                                                         \
    X(SSL_is_init_finished)                                                                                  \
    X(SSL_new)                                                                                               \
    X(SSL_read)                                                                                              \
    X(SSL_set_accept_state)                                                                                  \
    X(SSL_set_fd)                                                                                            \
    X(SSL_shutdown)                                                                                          \
    X(SSL_write)                                                                                             \
    X(TLS_server_method)

struct openssl_calls {
#define X(name) __typeof__(name) *(name);
    OPENSSL_CALLS(X)
#undef X
};

/* file: OPENSSL_LIBRARY, the one that belongs to the headers. It stays loaded. False, with what to do about
 * it, when it is not there or lacks a call. */
bool openssl_calls_load(struct openssl_calls *calls, const char *file, struct dub_error *error);
