/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration of media-service, protocol.md section 6. */
#pragma once

#include <dubbing_config.h>

enum capture_mode { CAPTURE_METADATA, CAPTURE_MEDIA };

struct service_settings {
    struct dub_common_settings common;
    char *http_addr;
    char *api_key;
    int64_t grace_ns;
    int64_t max_workers;
    char *state_dir;
    char *worker_command;
    char *egress_command;
    bool egress_enabled;
    char *egress_dest_url;
    char *streams_dir;
    char *router_rtmp_url;
    char *router_rtsp_url;
    char *router_api_url;
    char *bundle_root;
    int capture_mode; /* enum capture_mode */
    int64_t capture_max_bytes;
    int64_t capture_max_age_ns;
};

extern const struct dub_config_program service_program;
