/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admission.h"

#include <dubbing_log.h>
#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/resource.h>

#define LINES_PER_WINDOW 60
#define TICK_S 5
/* What is said about missing descriptors holds for a while. */
#define COMPLAIN_EVERY_NS (60 * DUB_NS_PER_S)
/* So many at a time are a flood, whose memory is worth giving back. */
#define FLOOD_CONNECTIONS 256

struct server {
    admission_make_room make_room;
    void *user;
};

struct admission {
    const struct router_limits *limits;
    const struct dub_clock *clock;
    struct router_counters *counters;
    GHashTable *hosts; /* host -> number of connections (GUINT_TO_POINTER) */
    int64_t total;
    int64_t most;    /* at a time, since memory was given back last */
    GArray *servers; /* struct server */
    struct log_budget budget;
    GSource *tick;
    int64_t complained_ns;
    bool has_complained;
};

static gboolean on_tick(gpointer user)
{
    struct admission *admission = user;
    log_budget_tick(&admission->budget);
    return G_SOURCE_CONTINUE;
}

struct admission *admission_new(const struct router_limits *limits, const struct dub_clock *clock,
                                struct router_counters *counters)
{
    struct admission *admission = g_new0(struct admission, 1);
    admission->limits = limits;
    admission->clock = clock;
    admission->counters = counters;
    admission->hosts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    admission->servers = g_array_new(FALSE, FALSE, sizeof(struct server));
    log_budget_init(&admission->budget, clock, "peers without a stream", LINES_PER_WINDOW);
    admission->tick = g_timeout_source_new_seconds(TICK_S);
    g_source_set_callback(admission->tick, on_tick, admission, NULL);
    g_source_attach(admission->tick, g_main_context_get_thread_default());
    return admission;
}

void admission_free(struct admission *admission)
{
    if (admission == NULL)
        return;
    g_source_destroy(admission->tick);
    g_source_unref(admission->tick);
    g_hash_table_unref(admission->hosts);
    g_array_unref(admission->servers);
    g_free(admission);
}

void admission_add_server(struct admission *admission, admission_make_room make_room, void *user)
{
    struct server server = {make_room, user};
    g_array_append_val(admission->servers, server);
}

void admission_remove_server(struct admission *admission, void *user)
{
    for (guint i = admission->servers->len; i-- > 0;)
        if (g_array_index(admission->servers, struct server, i).user == user)
            g_array_remove_index(admission->servers, i);
}

bool admission_may_log(struct admission *admission)
{
    bool may = log_budget_take(&admission->budget);
    admission->counters->log_lines_left_out += !may;
    return may;
}

/* "127.0.0.1:40112" -> "127.0.0.1". The caller's. */
static char *host_of(const char *remote_address)
{
    const char *colon = strrchr(remote_address, ':');
    return colon != NULL ? g_strndup(remote_address, (gsize)(colon - remote_address))
                         : g_strdup(remote_address);
}

static guint count_of(const struct admission *admission, const char *host)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(admission->hosts, host));
}

static const char *busiest_host(const struct admission *admission)
{
    GHashTableIter iter;
    gpointer host, count;
    const char *busiest = NULL;
    guint most = 0;
    g_hash_table_iter_init(&iter, admission->hosts);
    while (g_hash_table_iter_next(&iter, &host, &count)) {
        if (GPOINTER_TO_UINT(count) <= most)
            continue;
        most = GPOINTER_TO_UINT(count);
        busiest = host;
    }
    return busiest;
}

static bool close_idle(struct admission *admission, const char *host)
{
    for (guint i = 0; i < admission->servers->len; i++) {
        const struct server *server = &g_array_index(admission->servers, struct server, i);
        if (!server->make_room(host, server->user))
            continue;
        admission->counters->replaced++;
        return true;
    }
    return false;
}

static bool make_room(struct admission *admission)
{
    g_autofree char *host = g_strdup(busiest_host(admission));
    return (host != NULL && close_idle(admission, host)) || close_idle(admission, NULL);
}

static void log_refusal(struct admission *admission, const char *protocol, const char *remote_address,
                        const char *variable, int64_t limit)
{
    admission->counters->refused++;
    if (admission_may_log(admission))
        dub_log_warn("%s: %s refused: there are %" G_GINT64_FORMAT
                     " connections already, all with a stream; raise %s if that is too few",
                     protocol, remote_address, limit, variable);
}

bool admission_enter(struct admission *admission, const char *protocol, const char *remote_address)
{
    const struct router_limits *limits = admission->limits;
    g_autofree char *host = host_of(remote_address);
    if (limits->connections_per_address > 0 && count_of(admission, host) >= limits->connections_per_address &&
        !close_idle(admission, host)) {
        log_refusal(admission, protocol, remote_address, "ROUTER_MAX_CONNECTIONS_PER_ADDRESS",
                    limits->connections_per_address);
        return false;
    }
    if (admission->total >= limits->connections && !make_room(admission)) {
        log_refusal(admission, protocol, remote_address, "ROUTER_MAX_CONNECTIONS", limits->connections);
        return false;
    }
    admission->counters->accepted++;
    admission->total++;
    admission->most = MAX(admission->most, admission->total);
    guint count = count_of(admission, host) + 1;
    g_hash_table_insert(admission->hosts, g_steal_pointer(&host), GUINT_TO_POINTER(count));
    return true;
}

/* glibc keeps what a flood has taken, spread over the heap; once three quarters of it have gone that is given
 * back, which takes some milliseconds and so is not done for few. */
static void return_memory(struct admission *admission)
{
    if (admission->most < FLOOD_CONNECTIONS || admission->total > admission->most / 4)
        return;
    malloc_trim(0);
    admission->most = admission->total;
}

void admission_leave(struct admission *admission, const char *remote_address)
{
    g_autofree char *host = host_of(remote_address);
    guint count = count_of(admission, host);
    admission->total--;
    if (count <= 1)
        g_hash_table_remove(admission->hosts, host);
    else
        g_hash_table_insert(admission->hosts, g_steal_pointer(&host), GUINT_TO_POINTER(count - 1));
    return_memory(admission);
}

static void complain(struct admission *admission, const char *protocol, int problem)
{
    int64_t now = dub_clock_now_ns(admission->clock);
    struct rlimit limit = {0};
    if (admission->has_complained && now - admission->complained_ns < COMPLAIN_EVERY_NS)
        return;
    admission->has_complained = true;
    admission->complained_ns = now;
    getrlimit(RLIMIT_NOFILE, &limit);
    dub_log_error("%s: no connection can be accepted: %s (%" G_GINT64_FORMAT
                  " connections, %" G_GUINT64_FORMAT
                  " files may be open): raise LimitNOFILE (ulimit -n) or lower ROUTER_MAX_CONNECTIONS; tried "
                  "again every second",
                  protocol, g_strerror(problem), admission->total, (uint64_t)limit.rlim_cur);
}

bool admission_out_of_resources(struct admission *admission, const char *protocol, int problem)
{
    if (make_room(admission))
        return true;
    admission->counters->accept_pauses++;
    complain(admission, protocol, problem);
    return false;
}
