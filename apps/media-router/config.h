/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the router is told to do: the values of the ROUTER_ variables, of a MediaMTX YAML file, and of
 * MTX_<KEY> overrides in the environment, in one structure. */
#pragma once

#include "auth.h"
#include "router_limits.h"

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* One entry of `paths`, or `pathDefaults`. */
struct path_config {
    char *name;    /* "live/demo/in", "~^live/(.+)$", "all_others" */
    GRegex *regex; /* of a "~" name, else NULL */
    bool override_publisher;
    int64_t max_readers; /* 0: no limit */
    char *run_on_ready;  /* "" where there is none */
    bool run_on_ready_restart;
    char *run_on_not_ready;
};

/* rtmpEncryption, rtspEncryption: on the plain address only, on both, on the encrypted one only. */
enum router_encryption { ROUTER_ENCRYPTION_NO, ROUTER_ENCRYPTION_OPTIONAL, ROUTER_ENCRYPTION_STRICT };

struct router_config {
    char *rtmp_address, *rtsp_address, *api_address, *metrics_address;
    char *rtmps_address, *rtmp_server_key, *rtmp_server_cert; /* PEM files */
    char *rtsps_address, *rtsp_server_key, *rtsp_server_cert;
    enum router_encryption rtmp_encryption, rtsp_encryption;
    bool rtsp_basic, rtsp_digest;            /* how credentials may be told in RTSP */
    bool api_encryption, metrics_encryption; /* HTTPS instead of HTTP */
    char *api_server_key, *api_server_cert;
    char *metrics_server_key, *metrics_server_cert;
    bool rtmp, rtsp, api, metrics; /* listen at all */
    int64_t read_timeout_ns, write_timeout_ns;
    int64_t write_queue_messages; /* what a reader may be behind */
    struct router_limits limits;  /* of the ROUTER_ variables; the file has none of them */
    GPtrArray *users;             /* struct auth_user (auth.h) */
    struct path_config defaults;
    GPtrArray *paths; /* struct path_config, in the order of the file */
};

#define ROUTER_DEFAULT_RTMP_ADDRESS "127.0.0.1:1935"
#define ROUTER_DEFAULT_RTMPS_ADDRESS "127.0.0.1:1936"
#define ROUTER_DEFAULT_RTSP_ADDRESS "127.0.0.1:8554"
#define ROUTER_DEFAULT_RTSPS_ADDRESS "127.0.0.1:8322"
#define ROUTER_DEFAULT_API_ADDRESS "127.0.0.1:9997"
#define ROUTER_DEFAULT_METRICS_ADDRESS "127.0.0.1:9998"

#define ROUTER_ALL_OTHERS "all_others"

/* Defaults, on loopback, and no paths yet. */
struct router_config *router_config_new(void);
void router_config_free(struct router_config *config);
/* Adds an entry that has what the defaults say at this moment. Borrowed. */
struct path_config *router_config_add_path(struct router_config *config, const char *name);
/* The entry that a path falls under: its own name, else the matching "~regex" whose text sorts first, else
 * all_others; NULL when there is none. *groups gets the regex's groups as "G1=...", owned by the caller
 * (g_strfreev), NULL otherwise. */
const struct path_config *router_config_find_path(const struct router_config *config, const char *name,
                                                  char ***groups);
/* The entry that has this name in the file; NULL when there is none. */
const struct path_config *router_config_find_entry(const struct router_config *config, const char *name);
