/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include <dubbing_log.h>
#include <dubbing_main.h>
#include <glib.h>
#include <sys/resource.h>

#define FILES_WANTED 65536

/* A stream takes about six of them: the 1024 that a session usually begins with would do for 150 streams. The
 * main loop polls, so that high numbers do no harm. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= FILES_WANTED)
        return;
    limit.rlim_cur = MIN(limit.rlim_max, FILES_WANTED);
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    struct service_settings settings = {0};
    int code = DUB_EXIT_OK;
    enum dub_config_result result = dub_config_load(&service_program, argc, argv, &settings, NULL);
    if (result == DUB_CONFIG_EXIT_USAGE)
        code = DUB_EXIT_USAGE;
    if (result == DUB_CONFIG_OK) {
        dub_main_start_log(service_program.name, NULL, &settings.common);
        raise_file_limit();
        code = app_run(&settings);
        dub_log_clear();
    }
    dub_config_clear(&service_program, &settings);
    return code;
}
