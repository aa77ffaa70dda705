/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A management library for tests: two GPUs, of which the second does not tell how busy it is. FAKE_NVML says
 * what is wrong with it: "driver", "none", "mute". */
#include <stdlib.h>
#include <string.h>

#define FAILURE 999

static int is(const char *what)
{
    const char *wrong = getenv("FAKE_NVML");
    return wrong && strcmp(wrong, what) == 0;
}

int nvmlInit_v2(void);
int nvmlShutdown(void);
int nvmlDeviceGetCount_v2(unsigned *count);
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device);
int nvmlDeviceGetUtilizationRates(void *device, unsigned *utilization);
int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *memory);

static char devices[2];

int nvmlInit_v2(void)
{
    return is("driver") ? FAILURE : 0;
}

int nvmlShutdown(void)
{
    return 0;
}

int nvmlDeviceGetCount_v2(unsigned *count)
{
    *count = is("none") ? 0 : 2;
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device)
{
    *device = &devices[index];
    return is("mute") ? FAILURE : 0;
}

int nvmlDeviceGetUtilizationRates(void *device, unsigned *utilization)
{
    utilization[0] = 37;
    utilization[1] = 11;
    return device == &devices[0] ? 0 : FAILURE;
}

int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *memory)
{
    memory[0] = 80ULL << 30;
    memory[1] = 79ULL << 30;
    memory[2] = 1ULL << 30;
    return 0;
}
