/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A listening socket that accepts whom the admission lets in. One thread: that of the GMainContext which is
 * thread-default at listener_new. */
#pragma once

#include "admission.h"

struct listener;

/* Takes a connected, non-blocking socket and its "host:port". The receiver says admission_leave at its end.
 */
typedef void (*listener_accepted)(int take_fd, char *take_remote_address, void *user);

/* Takes the socket of net_listen. protocol ("rtmp") is for the log, static. admission is borrowed. */
struct listener *listener_new(int take_fd, const char *protocol, struct admission *admission,
                              listener_accepted accepted, void *user);
/* NULL is fine. */
void listener_free(struct listener *listener);
