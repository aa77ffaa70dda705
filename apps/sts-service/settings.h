/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The service's variables and flags: protocol.md section 6. */
#pragma once

#include "engines/http/providers.h"

#include <dubbing_config.h>

#define STS_VOICES_FILE_DEFAULT "config/voices.json"

/* As many as a session can have under way. */
#define STS_INFLIGHT_MAX 64

enum sts_fallback { STS_FALLBACK_FAIL, STS_FALLBACK_SOURCE };
enum sts_mode { STS_MODE_FULL, STS_MODE_ECHO };

struct sts_settings {
    struct dub_common_settings common;
    int64_t port;
    char *addr;
    int mode; /* enum sts_mode */
    char *api_key;
    bool require_auth;
    char *tls_cert, *tls_key;
    int64_t max_connections;
    int64_t ping_interval_ns, ping_timeout_ns;
    int64_t init_timeout_ns, idle_timeout_ns; /* 0: never */
    int64_t rate_limit;                       /* events a second; 0: no limit */
    int64_t rate_limit_bytes;                 /* bytes a second; 0: no limit */
    int64_t inflight_pause, inflight_max;
    int64_t http_max_connections;
    int64_t http_timeout_ns;
    int64_t http_rate_limit; /* a second; 0: no limit */
    int64_t queue_max_depth;
    int translation_fallback; /* enum sts_fallback */
    char *asr_engine, *translation_engine, *tts_engine;
    char *asr_model, *translation_model, *tts_model;
    int device; /* index for sts_device_name */
    char *model_cache_dir;
    char *voices_file;
    char *glossary_file;
    int64_t asr_workers, translation_workers, tts_workers; /* 0: by cores */
    int64_t echo_delay_ms;
    struct engine_providers providers;
    char *artifact_dir; /* empty: no lineage is kept */
    int64_t artifact_max_bytes;
    int64_t artifact_max_age_ns;
};

extern const struct dub_config_program sts_program;

/* "auto", "cpu", "cuda". */
const char *sts_device_name(int device);
/* The voices file to read; NULL: none, the built-in voices serve. The default one need not exist, one that
 * somebody has named must. Borrowed. */
const char *sts_voices_path(const struct sts_settings *settings);
