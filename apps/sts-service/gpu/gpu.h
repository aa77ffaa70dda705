/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The metrics of the GPU, where there is one: read every few seconds on a thread of its own, because a driver
 * may take its time. */
#pragma once

#include "../metrics.h"

struct gpu;

/* NULL where there is no GPU; the metrics are then not there either. library: NULL for the real one. Before
 * anybody reads the metrics, which outlive it. */
struct gpu *gpu_new(struct sts_metrics *metrics, const char *library);
/* NULL is fine. */
void gpu_free(struct gpu *gpu);
