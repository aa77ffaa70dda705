/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gpu.h"

#include <string.h>

/* The metrics as they are read, with the library in this state. */
static char *exposition_with(const char *library, const char *wrong)
{
    struct sts_metrics metrics;
    sts_metrics_init(&metrics);
    g_setenv("FAKE_NVML", wrong, TRUE);
    struct gpu *gpu = gpu_new(&metrics, library);
    char *exposition = dub_metrics_format(metrics.registry);
    gpu_free(gpu);
    sts_metrics_clear(&metrics);
    return exposition;
}

static void test_with_a_gpu(void)
{
    g_autofree char *exposition = exposition_with(FAKE_NVML_PATH, "");
    g_assert_nonnull(strstr(exposition, "\nsts_gpu_utilization_percent 37\n"));
    g_assert_nonnull(strstr(exposition, "\nsts_gpu_memory_used_bytes 2147483648\n"));
}

static void test_without(void)
{
    static const struct {
        const char *library, *wrong;
    } cases[] = {{"/nonexistent/libnvidia-ml.so", ""},
                 {"libm.so.6", ""},
                 {FAKE_NVML_PATH, "driver"},
                 {FAKE_NVML_PATH, "none"}};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *exposition = exposition_with(cases[i].library, cases[i].wrong);
        g_assert_null(strstr(exposition, "sts_gpu"));
    }
    gpu_free(NULL);
}

static void test_mute(void)
{
    g_autofree char *exposition = exposition_with(FAKE_NVML_PATH, "mute");
    g_assert_null(strstr(exposition, "\nsts_gpu_utilization_percent"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gpu/with-a-gpu", test_with_a_gpu);
    g_test_add_func("/gpu/without-there-is-no-metric", test_without);
    g_test_add_func("/gpu/mute-driver", test_mute);
    return g_test_run();
}
