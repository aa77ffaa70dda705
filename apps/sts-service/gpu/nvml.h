/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NVIDIA's management library, if the machine has it: loaded while running, so that nothing is needed to
 * build or to run without a GPU. https://docs.nvidia.com/deploy/nvml-api/ */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define NVML_LIBRARY "libnvidia-ml.so.1"

struct nvml;

/* Of all GPUs together. */
struct nvml_sample {
    unsigned utilization_percent; /* of the busiest one, over its last sampling period */
    uint64_t memory_used_bytes;
};

/* NULL where there is no library, no driver or no GPU. May take a second. */
struct nvml *nvml_open(const char *library);
/* NULL is fine. */
void nvml_close(struct nvml *nvml);
/* May block for some milliseconds. False when the driver gives no answer. */
bool nvml_read(struct nvml *nvml, struct nvml_sample *sample);
