/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may connect: the limits that all listeners share, whom to close so that others have room, and how much
 * of it is said in the log.
 *
 * Where every place is taken, a connection that neither publishes nor plays has to go: the oldest one of the
 * address that has the most. So silent and slow clients keep nobody out, a flood from one address pushes out
 * itself first, and who has a stream is never touched. One thread. */
#pragma once

#include "log_budget.h"
#include "router_limits.h"

struct admission;

/* limits, clock and counters are borrowed. */
struct admission *admission_new(const struct router_limits *limits, const struct dub_clock *clock,
                                struct router_counters *counters);
/* NULL is fine. */
void admission_free(struct admission *admission);

/* A server's side: closes, at once, its oldest idle connection, of this host if host is not NULL. False when
 * it has none. */
typedef bool (*admission_make_room)(const char *host, void *user);
void admission_add_server(struct admission *admission, admission_make_room make_room, void *user);
void admission_remove_server(struct admission *admission, void *user);

/* For one connection; remote_address is "host:port". False: close it, the log says why. After true the
 * connection's end is told with admission_leave. */
bool admission_enter(struct admission *admission, const char *protocol, const char *remote_address);
void admission_leave(struct admission *admission, const char *remote_address);
/* accept has failed with errno for want of something. True when a connection was closed for it: try again. */
bool admission_out_of_resources(struct admission *admission, const char *protocol, int problem);

/* True when a line about a peer that has no stream may be written to the log. */
bool admission_may_log(struct admission *admission);
