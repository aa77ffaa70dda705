/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Listening TCP sockets and the names of their peers. */
#pragma once

#include <dubbing_error.h>
#include <stdbool.h>
#include <stdint.h>

struct sockaddr;

/* Listens on "host:port" (":port": all interfaces; port 0: any free one). *fd is non-blocking and the
 * caller's. An address that is taken is DUB_ERROR_UNAVAILABLE. */
bool net_listen(const char *address, int *fd, uint16_t *port, struct dub_error *error);
/* "127.0.0.1:40112", "[::1]:40112". Owned by the caller. */
char *net_format_address(const struct sockaddr *address, unsigned size);
