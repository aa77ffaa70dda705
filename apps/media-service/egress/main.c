/* SPDX-License-Identifier: GPL-3.0-or-later */
/* egress-forwarder: one stream, unchanged, to one RTMP destination. Exit codes: dubbing_main.h, settings.h.
 */
#include "forwarder.h"

#include <dubbing_log.h>
#include <dubbing_main.h>
#include <string.h>

static void on_signal(void *user)
{
    forwarder_stop(user);
}

/* The destination's key may have come as an option after all: it leaves the process title. */
static void hide_key(int argc, char **argv)
{
    static const char option[] = "--dest-url";
    for (int i = 1; i < argc; i++) {
        if (!g_str_has_prefix(argv[i], option))
            continue;
        char *value = argv[i] + strlen(option);
        if (*value == '=')
            memset(value + 1, '*', strlen(value + 1));
        else if (*value == '\0' && i + 1 < argc)
            memset(argv[i + 1], '*', strlen(argv[i + 1]));
    }
}

static int run(const struct egress_settings *settings)
{
    struct dub_error error = {0};
    struct forwarder *forwarder = forwarder_new(settings, &error);
    if (!forwarder) {
        dub_log_error("%s", error.message);
        return DUB_EXIT_FAILURE;
    }
    dub_main_on_signal(on_signal, forwarder);
    int exit_code = forwarder_run(forwarder);
    forwarder_free(forwarder);
    return exit_code;
}

static int run_with(const struct egress_settings *settings)
{
    int exit_code = DUB_EXIT_OK;
    const char *stream_id =
        settings->stream_id != NULL && *settings->stream_id != '\0' ? settings->stream_id : NULL;
    dub_main_start_log(egress_program.name, stream_id, &settings->common);
    if (settings->enabled) {
        exit_code = run(settings);
    } else {
        dub_log_info("EGRESS_ENABLED is false: nothing is forwarded");
    }
    dub_log_clear();
    return exit_code;
}

int main(int argc, char **argv)
{
    struct egress_settings settings = {0};
    int exit_code = DUB_EXIT_OK;
    enum dub_config_result result = dub_config_load(&egress_program, argc, argv, &settings, NULL);
    hide_key(argc, argv);
    if (result == DUB_CONFIG_EXIT_USAGE)
        exit_code = DUB_EXIT_USAGE;
    if (result == DUB_CONFIG_OK)
        exit_code = run_with(&settings);
    dub_config_clear(&egress_program, &settings);
    return exit_code;
}
