/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"
#include "models/models.h"

#include <dubbing_log.h>
#include <dubbing_main.h>
#include <stdio.h>
#include <string.h>

static void on_stop(void *user)
{
    dub_log_info("stopping");
    g_main_loop_quit(user);
}

static int run(const struct sts_settings *settings)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    struct dub_error error;
    int exit_code = DUB_EXIT_FAILURE;

    struct app *app = app_new(settings, &exit_code, &error);
    if (!app) {
        dub_log_error("%s", error.message);
        return exit_code;
    }
    dub_main_on_signal(on_stop, loop);
    dub_log_info("listening on %s:%u", settings->addr, app_port(app));
    g_main_loop_run(loop);
    app_stop(app);
    app_free(app);
    return DUB_EXIT_OK;
}

/* sts-service models ...: the folder is that of the environment, as for the service. */
static int run_models(char **argv)
{
    struct sts_settings settings = {0};
    int exit_code = DUB_EXIT_USAGE;
    if (dub_config_load(&sts_program, 1, argv, &settings, NULL) == DUB_CONFIG_OK) {
        GString *out = g_string_new(NULL);
        GString *complaint = g_string_new(NULL);
        exit_code = models_command(model_manifest, settings.model_cache_dir, (int)g_strv_length(argv + 2),
                                   argv + 2, out, complaint);
        fputs(out->str, stdout);
        fputs(complaint->str, stderr);
        g_string_free(out, TRUE);
        g_string_free(complaint, TRUE);
    }
    dub_config_clear(&sts_program, &settings);
    return exit_code;
}

int main(int argc, char **argv)
{
    struct sts_settings settings = {0};
    int exit_code = DUB_EXIT_USAGE;

    if (argc > 1 && strcmp(argv[1], "models") == 0)
        return run_models(argv);

    switch (dub_config_load(&sts_program, argc, argv, &settings, NULL)) {
    case DUB_CONFIG_EXIT_SUCCESS:
        exit_code = DUB_EXIT_OK;
        break;
    case DUB_CONFIG_EXIT_USAGE:
        break;
    case DUB_CONFIG_OK:
        dub_main_start_log("sts-service", NULL, &settings.common);
        exit_code = run(&settings);
        dub_log_clear();
        break;
    }
    dub_config_clear(&sts_program, &settings);
    return exit_code;
}
