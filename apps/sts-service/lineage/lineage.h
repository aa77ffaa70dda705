/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keeps the lineage of every fragment that the pipeline has finished: which transcript, which translation,
 * which audio (requirement D7), as files (store.h).
 *
 * A thread of its own writes, so that a slow, full or read-only disk delays nobody: what it cannot take is
 * dropped and counted, a disk that refuses is said once. */
#pragma once

#include "../metrics.h"
#include "store.h"

struct lineage;

struct lineage_config {
    struct store_config store;
    struct sts_metrics *metrics;
    unsigned max_waiting;      /* records; 0: 64 */
    int64_t max_waiting_bytes; /* of audio; 0: 64 MiB */
};

/* Copies the folder's name; the other strings and the metrics outlive it. */
struct lineage *lineage_new(const struct lineage_config *config);
/* Any thread; does not wait. The job is finished and stays the caller's. now_ns on the clock of
 * job->arrived_ns. */
void lineage_note(struct lineage *lineage, const struct job *job, int64_t now_ns);
/* Writes what waits, for at most a few seconds. NULL is fine. */
void lineage_free(struct lineage *lineage);
