/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "router_limits.h"

#include <dubbing_clock.h>
#include <dubbing_log.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

/* Beside the peers: the HTTP servers and their clients, the log, and the pipes of each hook. */
#define OTHER_DESCRIPTORS 300
#define DESCRIPTORS_PER_HOOK 4

void router_limits_init(struct router_limits *limits)
{
    *limits = (struct router_limits){.connections = 1000,
                                     .paths = 1000,
                                     .hooks = 500,
                                     .handshake_ns = 10 * DUB_NS_PER_S,
                                     .media_ns = 30 * DUB_NS_PER_S,
                                     .message_bytes = 10 << 20,
                                     .gop_bytes = 32 << 20,
                                     .held_bytes = 512 << 20};
}

void router_limits_raise_descriptors(const struct router_limits *limits)
{
    struct rlimit limit;
    rlim_t need = (rlim_t)(limits->connections + OTHER_DESCRIPTORS + DESCRIPTORS_PER_HOOK * limits->hooks);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
        return;
    limit.rlim_cur = MIN(need, limit.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        dub_log_warn("the limit of open files cannot be raised to %" G_GUINT64_FORMAT ": %s",
                     (uint64_t)limit.rlim_cur, g_strerror(errno));
    else if (limit.rlim_cur < need)
        dub_log_warn("only %" G_GUINT64_FORMAT " files may be open, ROUTER_MAX_CONNECTIONS=%" G_GINT64_FORMAT
                     " needs %" G_GUINT64_FORMAT
                     ": raise the hard limit (ulimit -Hn, LimitNOFILE) or lower it",
                     (uint64_t)limit.rlim_cur, limits->connections, (uint64_t)need);
}
