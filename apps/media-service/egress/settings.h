/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an egress-forwarder can be told: protocol.md section 6, egress-forwarder. */
#pragma once

#include <dubbing_config.h>
#include <stdbool.h>
#include <stdint.h>

/* Exit codes beyond those of dubbing_main.h; the same as a media-worker's. */
enum egress_exit {
    EGRESS_EXIT_INPUT_LOST = 10, /* the input never came, or stayed away longer than its grace */
};

struct egress_settings {
    struct dub_common_settings common;
    bool enabled;
    char *stream_id; /* may be empty without a state_dir */
    char *input_url, *dest_url;
    int64_t input_grace_ns;
    int64_t retry_base_ns, retry_max_ns;
    char *state_dir; /* where the control socket is served; "": none */
};

extern const struct dub_config_program egress_program;
