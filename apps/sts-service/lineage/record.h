/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What became of one fragment, step by step: a copy of what a finished job knows, and its JSON.
 *
 * Made of named members only, so that nothing of the configuration (keys, URLs) can get in. */
#pragma once

#include "../pipeline/job.h"

#include <json-glib/json-glib.h>

/* Who made it. Borrowed strings that outlive the records; NULL where unknown. */
struct lineage_origin {
    const char *run_id;
    const char *instance_id;
    const char *engines[JOB_N_STAGES];
};

struct lineage_record {
    struct job_settings *settings;
    struct dub_fragment_data fragment; /* audio referenced, not copied */
    struct job_text text;
    struct dub_fragment_processed result; /* likewise */
    int64_t finished_ms;                  /* wall time */
    int64_t took_ns;                      /* since its arrival */
    int64_t waited_ns[JOB_N_STAGES];
};

/* Any thread; the job is not changed. now_ns on the clock of job->arrived_ns. */
struct lineage_record *lineage_record_new(const struct job *job, int64_t now_ns, int64_t wall_ms);
void lineage_record_free(struct lineage_record *record);
/* Of the audio that it keeps alive. */
int64_t lineage_record_bytes(const struct lineage_record *record);
/* fragment_file, dub_file: names for the reader to find the audio; NULL: there is none. */
JsonNode *lineage_record_to_json(const struct lineage_record *record, const struct lineage_origin *origin,
                                 const char *fragment_file, const char *dub_file);
