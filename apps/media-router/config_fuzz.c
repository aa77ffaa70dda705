/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config_yaml.h"

#include "fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dub_error error;
    struct router_config *config = router_config_new();
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    config_yaml_apply(config, (const char *)data, size, NULL, &(struct config_notes){warnings, problems},
                      &error);
    router_config_free(config);
    return 0;
}
