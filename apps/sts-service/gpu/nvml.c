/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nvml.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

#define SUCCESS 0

/* The parts of nvml.h that are used, by its documentation. */
struct nvml_device;

struct utilization {
    unsigned gpu, memory; /* percent */
};

struct memory {
    unsigned long long total, free, used; /* bytes */
};

struct nvml {
    void *library;
    int (*init)(void);
    int (*shutdown)(void);
    int (*get_count)(unsigned *count);
    int (*get_handle)(unsigned index, struct nvml_device **device);
    int (*get_utilization)(struct nvml_device *device, struct utilization *utilization);
    int (*get_memory)(struct nvml_device *device, struct memory *memory);
    unsigned n_devices;
};

static bool load(struct nvml *nvml)
{
    const struct {
        const char *name;
        void *where; /* of the function pointer */
    } symbols[] = {
        {"nvmlInit_v2", &nvml->init},
        {"nvmlShutdown", &nvml->shutdown},
        {"nvmlDeviceGetCount_v2", &nvml->get_count},
        {"nvmlDeviceGetHandleByIndex_v2", &nvml->get_handle},
        {"nvmlDeviceGetUtilizationRates", &nvml->get_utilization},
        {"nvmlDeviceGetMemoryInfo", &nvml->get_memory},
    };
    for (size_t i = 0; i < sizeof(symbols) / sizeof(*symbols); i++) {
        void *symbol = dlsym(nvml->library, symbols[i].name);
        if (!symbol)
            return false;
        *(void **)symbols[i].where = symbol;
    }
    return true;
}

struct nvml *nvml_open(const char *library)
{
    struct nvml *nvml = calloc(1, sizeof(*nvml));
    if (!nvml)
        return NULL;
    nvml->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!nvml->library || !load(nvml) || nvml->init() != SUCCESS) {
        if (nvml->library)
            dlclose(nvml->library);
        free(nvml);
        return NULL;
    }
    if (nvml->get_count(&nvml->n_devices) == SUCCESS && nvml->n_devices > 0)
        return nvml;
    nvml_close(nvml);
    return NULL;
}

void nvml_close(struct nvml *nvml)
{
    if (!nvml)
        return;
    nvml->shutdown();
    dlclose(nvml->library);
    free(nvml);
}

static bool add_device(struct nvml *nvml, unsigned index, struct nvml_sample *sample)
{
    struct nvml_device *device;
    struct utilization utilization = {0};
    struct memory memory = {0};
    if (nvml->get_handle(index, &device) != SUCCESS || nvml->get_memory(device, &memory) != SUCCESS)
        return false;
    /* Some GPUs, such as parts of a divided one, do not tell how busy they are. */
    if (nvml->get_utilization(device, &utilization) == SUCCESS &&
        utilization.gpu > sample->utilization_percent)
        sample->utilization_percent = utilization.gpu;
    sample->memory_used_bytes += memory.used;
    return true;
}

bool nvml_read(struct nvml *nvml, struct nvml_sample *sample)
{
    bool any = false;
    *sample = (struct nvml_sample){0};
    for (unsigned i = 0; i < nvml->n_devices; i++)
        any |= add_device(nvml, i, sample);
    return any;
}
