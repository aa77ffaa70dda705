/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"
#include "config_yaml.h"
#include "fd_watch.h"

#include <dubbing_clock.h>
#include <dubbing_config.h>
#include <dubbing_log.h>
#include <dubbing_main.h>
#include <string.h>

enum { EXIT_ADDRESS_IN_USE = 10 };

struct settings {
    struct dub_common_settings common;
    char *config_file;
    char *rtmp_address, *rtsp_address, *api_address, *metrics_address;
    struct router_limits limits;
};

static const struct dub_config_item items[] = {
    {"ROUTER_CONFIG", "config", DUB_CONFIG_STRING, NULL, "a MediaMTX YAML file; none: every path may be used",
     offsetof(struct settings, config_file)},
    {"ROUTER_RTMP_ADDRESS", "rtmp-address", DUB_CONFIG_ADDRESS, ROUTER_DEFAULT_RTMP_ADDRESS,
     "where RTMP listens; a value other than the default wins over the file",
     offsetof(struct settings, rtmp_address)},
    {"ROUTER_RTSP_ADDRESS", "rtsp-address", DUB_CONFIG_ADDRESS, ROUTER_DEFAULT_RTSP_ADDRESS,
     "where RTSP listens; hooks are told the port in RTSP_PORT", offsetof(struct settings, rtsp_address)},
    {"ROUTER_API_ADDRESS", "api-address", DUB_CONFIG_ADDRESS, ROUTER_DEFAULT_API_ADDRESS,
     "where the Control API listens", offsetof(struct settings, api_address)},
    {"ROUTER_METRICS_ADDRESS", "metrics-address", DUB_CONFIG_ADDRESS, ROUTER_DEFAULT_METRICS_ADDRESS,
     "where /metrics is served", offsetof(struct settings, metrics_address)},
    {"ROUTER_MAX_CONNECTIONS", "max-connections", DUB_CONFIG_INT, ROUTER_DEFAULT_MAX_CONNECTIONS,
     "RTMP, RTMPS and RTSP connections together; beyond it one without a stream is closed for a new one",
     offsetof(struct settings, limits.connections), 1, 100000},
    {"ROUTER_MAX_CONNECTIONS_PER_ADDRESS", "max-connections-per-address", DUB_CONFIG_INT, "0",
     "the same for one address; 0: no limit of its own",
     offsetof(struct settings, limits.connections_per_address), 0, 100000},
    {"ROUTER_MAX_PATHS", "max-paths", DUB_CONFIG_INT, ROUTER_DEFAULT_MAX_PATHS,
     "paths in use at a time; beyond it publishers to new paths are refused",
     offsetof(struct settings, limits.paths), 1, 100000},
    {"ROUTER_MAX_HOOKS", "max-hooks", DUB_CONFIG_INT, ROUTER_DEFAULT_MAX_HOOKS,
     "hook processes at a time; further ones wait for their turn", offsetof(struct settings, limits.hooks), 1,
     10000},
    {"ROUTER_HANDSHAKE_TIMEOUT", "handshake-timeout", DUB_CONFIG_DURATION, ROUTER_DEFAULT_HANDSHAKE_TIMEOUT,
     "a connection that neither publishes nor plays is closed after it",
     offsetof(struct settings, limits.handshake_ns), DUB_NS_PER_S, 3600 * DUB_NS_PER_S},
    {"ROUTER_MEDIA_TIMEOUT", "media-timeout", DUB_CONFIG_DURATION, ROUTER_DEFAULT_MEDIA_TIMEOUT,
     "a publisher that sends no whole message of media is closed after it, whatever else it sends",
     offsetof(struct settings, limits.media_ns), DUB_NS_PER_S, 3600 * DUB_NS_PER_S},
    {"ROUTER_MAX_MESSAGE", "max-message", DUB_CONFIG_BYTES, ROUTER_DEFAULT_MAX_MESSAGE,
     "longest RTMP message that is taken", offsetof(struct settings, limits.message_bytes), 64 << 10,
     16 << 20},
    {"ROUTER_GOP_CACHE", "gop-cache", DUB_CONFIG_BYTES, ROUTER_DEFAULT_GOP_CACHE,
     "what a path keeps of its present group of pictures, for readers to begin with at once; 0: nothing",
     offsetof(struct settings, limits.gop_bytes), 0, 48 << 20},
    {"ROUTER_MAX_MEMORY", "max-memory", DUB_CONFIG_BYTES, ROUTER_DEFAULT_MAX_MEMORY,
     "media that all paths and readers together may hold; beyond it the oldest groups of pictures are "
     "forgotten, then readers that are behind lose what waits for them",
     offsetof(struct settings, limits.held_bytes), 16 << 20, INT64_C(1) << 40},
    {NULL},
};

static const struct dub_config_program program = {
    .name = "media-router",
    .summary = "RTMP and RTSP router with MediaMTX's paths, hooks and Control API",
    .items = items,
};

static void override_address(char **target, const char *setting, const char *default_value)
{
    if (strcmp(setting, default_value) == 0)
        return;
    g_free(*target);
    *target = g_strdup(setting);
}

static void log_notes(const struct settings *settings, const struct config_notes *notes)
{
    bool has_file = settings->config_file != NULL && *settings->config_file != '\0';
    const char *file = has_file ? settings->config_file : "no file";
    for (guint i = 0; i < notes->warnings->len; i++)
        dub_log_warn("configuration (%s): %s", file, (const char *)notes->warnings->pdata[i]);
    for (guint i = 0; i < notes->problems->len; i++)
        dub_log_error("configuration (%s): %s", file, (const char *)notes->problems->pdata[i]);
}

/* The file and MTX_ variables first; a setting that says something else than the default has the last word.
 */
static bool build_config(const struct settings *settings, struct router_config *config)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) environment = g_get_environ();
    struct config_notes notes = {warnings, problems};
    bool fine =
        config_yaml_load(config, settings->config_file, (const char *const *)environment, &notes, NULL);
    log_notes(settings, &notes);
    if (!fine)
        return false;
    override_address(&config->rtmp_address, settings->rtmp_address, ROUTER_DEFAULT_RTMP_ADDRESS);
    override_address(&config->rtsp_address, settings->rtsp_address, ROUTER_DEFAULT_RTSP_ADDRESS);
    override_address(&config->api_address, settings->api_address, ROUTER_DEFAULT_API_ADDRESS);
    override_address(&config->metrics_address, settings->metrics_address, ROUTER_DEFAULT_METRICS_ADDRESS);
    config->limits = settings->limits;
    return true;
}

struct run {
    GMainLoop *loop;
    struct app *app;
};

static void on_stopped(void *user)
{
    struct run *run = user;
    g_main_loop_quit(run->loop);
}

static void on_stop(void *user)
{
    struct run *run = user;
    dub_log_info("stopping");
    app_stop(run->app, on_stopped, run);
}

static int exit_code_of(const struct dub_error *error)
{
    switch (error->code) {
    case DUB_ERROR_UNAVAILABLE:
        return EXIT_ADDRESS_IN_USE;
    case DUB_ERROR_INVALID_CONFIG:
        return DUB_EXIT_USAGE;
    default:
        return DUB_EXIT_FAILURE;
    }
}

static int run_router(const struct router_config *config)
{
    struct dub_error error = {0};
    struct run run = {.loop = g_main_loop_new(NULL, TRUE)};
    run.app = app_new(config, &error);
    if (run.app == NULL) {
        dub_log_error("%s", error.message);
        g_main_loop_unref(run.loop);
        return exit_code_of(&error);
    }
    dub_main_on_signal(on_stop, &run);
    fd_watch_run(run.loop);
    app_free(run.app);
    g_main_loop_unref(run.loop);
    return DUB_EXIT_OK;
}

static int run_with(const struct settings *settings)
{
    struct router_config *config = router_config_new();
    int code = DUB_EXIT_USAGE;
    dub_main_start_log(program.name, NULL, &settings->common);
    if (build_config(settings, config)) {
        router_limits_raise_descriptors(&config->limits);
        code = run_router(config);
    }
    router_config_free(config);
    dub_log_clear();
    return code;
}

int main(int argc, char **argv)
{
    struct settings settings = {0};
    enum dub_config_result result = dub_config_load(&program, argc, argv, &settings, NULL);
    int code = result == DUB_CONFIG_OK             ? run_with(&settings)
               : result == DUB_CONFIG_EXIT_SUCCESS ? DUB_EXIT_OK
                                                   : DUB_EXIT_USAGE;
    dub_config_clear(&program, &settings);
    return code;
}
