/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mock engines and jobs for tests of the pipeline. */
#pragma once

#include "../pipeline/engines.h"
#include "../pipeline/job.h"

#define MOCK_RATE_HZ 24000

/* What the engines are told; a zeroed one is the mocks' defaults. */
struct mock_script {
    const char *heard, *translated;
    int64_t asr_delay_ns;
    unsigned workers; /* 0: 1 */
};

void mock_engines_open(struct engines *engines, const struct mock_script *script);
/* English to Spanish, mono at MOCK_RATE_HZ. */
struct job_settings *mock_settings_new(void);
/* A tone of this amplitude, to be done within 20 s. */
struct job *mock_job_new(struct job_settings *settings, GCancellable *cancellable, uint64_t owner,
                         int duration_ms, double level);
