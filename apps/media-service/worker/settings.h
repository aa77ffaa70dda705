/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a media-worker can be told: protocol.md section 6, media-worker. */
#pragma once

#include <dubbing_config.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Exit codes beyond those of dubbing_main.h. */
enum worker_exit {
    WORKER_EXIT_INPUT_LOST = 10,        /* the input never came, or stayed away longer than its grace */
    WORKER_EXIT_UNSUPPORTED_VIDEO = 11, /* not H.264, or not a container we read */
    WORKER_EXIT_TRACK_MISSING = 12,     /* no audio track, no video track, or audio that is not AAC */
    WORKER_EXIT_OUTPUT_LOST = 13,       /* the output could not be written for its whole grace */
};

enum worker_sts_mode { WORKER_STS_ENABLED, WORKER_STS_PASSTHROUGH, WORKER_STS_DISABLED };

/* Filled by worker_settings_load. Strings are owned; an empty optional one is NULL or "". */
struct worker_settings {
    struct dub_common_settings common;
    char *stream_id; /* never empty */
    char *input_url, *output_url;
    bool realtime; /* a file input is paced as if it were live */
    int64_t latency_ns;
    int preset;
    int64_t max_lag_ns;
    int sts_mode; /* enum worker_sts_mode */
    char *sts_url, *sts_api_key;
    int64_t sts_timeout_ms;
    char *source_lang, *target_lang, *voice;
    int mix_mode, fallback, fragmenter; /* index into the choices, see worker_settings_*_name */
    int64_t segment_duration_ns;
    int64_t max_inflight;
    int64_t input_grace_ns, output_grace_ns;
    char *state_dir;   /* where the control socket is served; "": none */
    char *capture_dir; /* a folder for the audio of each fragment; "": none */
    char *ledger;      /* a file for the phrases, one JSON object per line; "": none */
};

extern const struct dub_config_program worker_program;

/* Reads everything, checks it across values, applies the preset. settings is zeroed by the caller. */
enum dub_config_result worker_settings_load(int argc, char **argv, struct worker_settings *settings);
void worker_settings_clear(struct worker_settings *settings);

/* As the values are written in configuration and on the stsdub element. */
const char *worker_settings_sts_mode(const struct worker_settings *settings);
const char *worker_settings_mix_mode(const struct worker_settings *settings);
const char *worker_settings_fallback(const struct worker_settings *settings);
const char *worker_settings_fragmenter(const struct worker_settings *settings);
