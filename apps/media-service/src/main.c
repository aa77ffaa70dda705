/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include <dubbing_log.h>
#include <dubbing_main.h>

int main(int argc, char **argv)
{
    struct service_settings settings = {0};
    int code = DUB_EXIT_OK;
    enum dub_config_result result = dub_config_load(&service_program, argc, argv, &settings, NULL);
    if (result == DUB_CONFIG_EXIT_USAGE)
        code = DUB_EXIT_USAGE;
    if (result == DUB_CONFIG_OK) {
        dub_main_start_log(service_program.name, NULL, &settings.common);
        code = app_run(&settings);
        dub_log_clear();
    }
    dub_config_clear(&service_program, &settings);
    return code;
}
