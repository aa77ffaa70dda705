/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes of one accepted connection, as they are or inside TLS (OpenSSL, nowhere else), on a non-blocking
 * socket.
 *
 * Plain connections are written with sendmsg straight from the caller's memory. Calls look like recv and
 * sendmsg, so that a protocol's connection is one code for both. The process ignores SIGPIPE (dub_main does).
 */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

struct net_tls;
struct net_link;

/* A certificate chain and its key, both PEM files, for any number of connections; TLS 1.2 and newer. NULL
 * with an error that names the file. */
struct net_tls *net_tls_new(const char *certificate_file, const char *key_file, struct dub_error *error);
/* After the last link. NULL is fine. */
void net_tls_free(struct net_tls *tls);

/* Takes the fd. tls is borrowed; NULL: plain. The handshake of TLS happens inside receive and send. */
struct net_link *net_link_new(int take_fd, struct net_tls *tls);
/* Closes the fd. */
void net_link_free(struct net_link *link);

/* Bytes read, 0 at the end, -1 with errno: EAGAIN (wait for net_link_condition) or a failure
 * (net_link_problem). */
ssize_t net_link_receive(struct net_link *link, void *buffer, size_t size);
/* As sendmsg: bytes taken, or -1. After EAGAIN the next call offers the same bytes again, and may offer more.
 */
ssize_t net_link_send(struct net_link *link, struct iovec *iov, unsigned count);
/* True when receive has more at once, though the socket may have nothing: it is not to be waited for. */
bool net_link_has_more(const struct net_link *link, ssize_t received, size_t size);
/* True when receive may do something after the socket said `condition`. */
bool net_link_is_readable(const struct net_link *link, GIOCondition condition);
/* What to wait for; blocked: send has returned EAGAIN. */
GIOCondition net_link_condition(const struct net_link *link, bool blocked);
/* What went wrong, for a log. Borrowed until the next call. */
const char *net_link_problem(const struct net_link *link);
/* Nothing more will be sent. */
void net_link_finish(struct net_link *link);
