/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include "../api/api.h"
#include "../orch/reconcile.h"
#include "../orch/registry.h"
#include "metrics.h"

#include <dubbing_log.h>
#include <dubbing_main.h>
#include <dubbing_process.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 200
#define BUNDLE_TICK_S 60
#define STOP_MAX_MS (WORKER_STOP_GRACE_MS + 2000)
/* A worker gives up on its input later than we do: the decision is ours. */
#define WORKER_EXTRA_GRACE_NS (5 * DUB_NS_PER_S)

struct app {
    const struct service_settings *settings;
    GMainLoop *loop;
    char **worker_argv, **egress_argv;
    char **worker_environment;
    char *router_rtmp_url, *router_api_url; /* without a slash at the end */
    struct state_dir *state_dir;
    struct bundle_store *bundles;
    struct service_metrics *metrics;
    struct registry *registry;
    struct reconcile *reconcile;
    struct api *api;
    guint tick, bundle_tick;
};

static char *without_last_slash(const char *url)
{
    char *copy = g_strdup(url);
    size_t length = strlen(copy);
    while (length > 0 && copy[length - 1] == '/')
        copy[--length] = '\0';
    return copy;
}

/* The program in one of the folders beside this one, as installed or as built, else the one in PATH. */
static char *find_program(const char *name, const char *built_in)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(self != NULL ? self : "");
    g_autofree char *beside = g_build_filename(folder, name, NULL);
    g_autofree char *built = g_build_filename(folder, built_in, name, NULL);
    if (g_file_test(beside, G_FILE_TEST_IS_EXECUTABLE))
        return g_steal_pointer(&beside);
    return g_file_test(built, G_FILE_TEST_IS_EXECUTABLE) ? g_steal_pointer(&built) : g_strdup(name);
}

static char **make_argv(const char *command, const char *name, const char *built_in, struct dub_error *error)
{
    if (*command != '\0')
        return dub_command_split(command, NULL, error);
    char **argv = g_new0(char *, 2);
    argv[0] = find_program(name, built_in);
    return argv;
}

/* What every worker gets, whatever its stream: our log settings, and nothing that is ours alone. */
static char **make_worker_environment(const struct service_settings *settings)
{
    GPtrArray *environment = g_ptr_array_new();
    const struct dub_common_settings *common = &settings->common;
    const char *grace = g_getenv("WORKER_INPUT_GRACE");
    g_ptr_array_add(environment, g_strdup_printf("LOG_LEVEL=%s", common->log_level));
    g_ptr_array_add(environment, g_strdup("LOG_FORMAT=json"));
    g_ptr_array_add(environment, g_strdup_printf("LOG_DIR=%s", common->log_dir));
    g_ptr_array_add(environment, g_strdup_printf("LOG_MAX_BYTES=%" G_GINT64_FORMAT, common->log_max_bytes));
    g_ptr_array_add(environment, g_strdup_printf("LOG_MAX_FILES=%" G_GINT64_FORMAT, common->log_max_files));
    g_ptr_array_add(environment, g_strdup("INSTANCE_ID="));
    g_ptr_array_add(environment, g_strdup("ORCH_API_KEY="));
    g_ptr_array_add(environment, g_strdup("ORCH_API_KEY_FILE="));
    g_ptr_array_add(environment, g_strdup("EGRESS_DEST_URL="));
    g_ptr_array_add(environment, g_strdup("EGRESS_DEST_URL_FILE="));
    if (grace == NULL || *grace == '\0')
        g_ptr_array_add(environment,
                        g_strdup_printf("WORKER_INPUT_GRACE=%" G_GINT64_FORMAT "ms",
                                        (settings->grace_ns + WORKER_EXTRA_GRACE_NS) / DUB_NS_PER_MS));
    g_ptr_array_add(environment, NULL);
    return (char **)g_ptr_array_free(environment, FALSE);
}

static void on_state(struct stream *stream, void *user)
{
    struct app *app = user;
    if (app->api != NULL)
        api_on_state(app->api, stream);
}

static void on_phrase(struct stream *stream, JsonNode *line, void *user)
{
    struct app *app = user;
    if (app->api != NULL)
        api_on_phrase(app->api, stream, line);
}

static void on_worker_restart(struct stream *stream, void *user)
{
    service_metrics_count_restart(((struct app *)user)->metrics, stream->id);
}

static void on_forgotten(struct stream *stream, void *user)
{
    service_metrics_forget(((struct app *)user)->metrics, stream->id);
}

static void make_registry(struct app *app)
{
    static const struct registry_events events = {on_state, on_phrase, on_worker_restart, on_forgotten};
    const struct service_settings *settings = app->settings;
    app->registry = registry_new(
        &(struct registry_config){.clock = dub_clock_monotonic(),
                                  .workers = &worker_process_ops,
                                  .state_dir = app->state_dir,
                                  .worker_argv = (const char *const *)app->worker_argv,
                                  .worker_environment = (const char *const *)app->worker_environment,
                                  .egress_argv = (const char *const *)app->egress_argv,
                                  .egress_enabled = settings->egress_enabled,
                                  .egress_dest_url = settings->egress_dest_url,
                                  .router_rtmp_url = app->router_rtmp_url,
                                  .streams_dir = settings->streams_dir,
                                  .bundles = app->bundles,
                                  .captures_media = settings->capture_mode == CAPTURE_MEDIA,
                                  .grace_ns = settings->grace_ns,
                                  .max_workers = settings->max_workers},
        &events, app);
}

static gboolean on_bundle_tick(void *user)
{
    bundle_store_tick(((struct app *)user)->bundles);
    return G_SOURCE_CONTINUE;
}

static gboolean on_tick(void *user)
{
    registry_tick(((struct app *)user)->registry);
    return G_SOURCE_CONTINUE;
}

static int set_up(struct app *app, struct dub_error *error)
{
    const struct service_settings *settings = app->settings;
    app->worker_argv = make_argv(settings->worker_command, "media-worker", "worker", error);
    app->egress_argv = make_argv(settings->egress_command, "egress-forwarder", "egress", error);
    if (app->worker_argv == NULL || app->egress_argv == NULL)
        return DUB_EXIT_USAGE;
    app->state_dir = state_dir_open(settings->state_dir, error);
    if (app->state_dir == NULL)
        return error->code == DUB_ERROR_UNAVAILABLE ? SERVICE_EXIT_STATE_DIR_LOCKED : DUB_EXIT_USAGE;
    app->worker_environment = make_worker_environment(settings);
    app->router_rtmp_url = without_last_slash(settings->router_rtmp_url);
    app->router_api_url = without_last_slash(settings->router_api_url);
    app->bundles = bundle_store_new(&(struct bundle_store_config){
        .root = settings->bundle_root,
        .retention = {.max_age_ms = settings->capture_max_age_ns / DUB_NS_PER_MS,
                      .max_bytes = settings->capture_max_bytes}});
    app->metrics = service_metrics_new();
    make_registry(app);
    app->reconcile = reconcile_new(app->router_api_url, app->registry);
    app->api = api_new(settings->http_addr, settings->api_key,
                       &(struct api_deps){.registry = app->registry,
                                          .reconcile = app->reconcile,
                                          .metrics = app->metrics,
                                          .state_dir = app->state_dir,
                                          .workers = &worker_process_ops,
                                          .clock = dub_clock_monotonic(),
                                          .worker_program = app->worker_argv[0]},
                       error);
    if (app->api == NULL)
        return error->code == DUB_ERROR_UNAVAILABLE ? SERVICE_EXIT_ADDRESS_IN_USE : DUB_EXIT_FAILURE;
    return DUB_EXIT_OK;
}

static void clear(struct app *app)
{
    g_clear_handle_id(&app->tick, g_source_remove);
    g_clear_handle_id(&app->bundle_tick, g_source_remove);
    g_clear_pointer(&app->api, api_free);
    reconcile_free(app->reconcile);
    registry_free(app->registry);
    bundle_store_free(app->bundles);
    service_metrics_free(app->metrics);
    state_dir_close(app->state_dir);
    g_strfreev(app->worker_argv);
    g_strfreev(app->egress_argv);
    g_strfreev(app->worker_environment);
    g_free(app->router_rtmp_url);
    g_free(app->router_api_url);
    g_main_loop_unref(app->loop);
}

static void on_all_stopped(void *user)
{
    g_main_loop_quit(((struct app *)user)->loop);
}

static gboolean on_stop_takes_too_long(void *user)
{
    dub_log_error("not all workers ended in time");
    on_all_stopped(user);
    return G_SOURCE_REMOVE;
}

static void on_signal(void *user)
{
    struct app *app = user;
    dub_log_info("stopping: the workers are ended first");
    g_timeout_add(STOP_MAX_MS, on_stop_takes_too_long, app);
    registry_stop_all(app->registry, on_all_stopped, app);
}

static bool is_loopback(const char *host)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);
    return address != NULL ? g_inet_address_get_is_loopback(address) != FALSE
                           : strcmp(host, "localhost") == 0;
}

static void log_address(const struct app *app)
{
    g_autofree char *host = NULL;
    uint16_t port = 0;
    if (!dub_parse_address(app->settings->http_addr, &host, &port))
        return;
    if (*app->settings->api_key == '\0' && !is_loopback(host))
        dub_log_warn("ORCH_API_KEY is not set: hooks and other calls that change something are accepted from "
                     "loopback only");
    dub_log_info("listening on %s:%u", *host != '\0' ? host : "0.0.0.0", api_port(app->api));
}

int app_run(const struct service_settings *settings)
{
    struct app app = {.settings = settings, .loop = g_main_loop_new(NULL, FALSE)};
    struct dub_error error = {0};
    int code = set_up(&app, &error);
    if (code == DUB_EXIT_OK) {
        dub_main_on_signal(on_signal, &app);
        registry_adopt(app.registry);
        /* Now that the runs of adopted workers are known. */
        bundle_store_clean_up(app.bundles);
        app.bundle_tick = g_timeout_add_seconds(BUNDLE_TICK_S, on_bundle_tick, &app);
        app.tick = g_timeout_add(TICK_MS, on_tick, &app);
        log_address(&app);
        g_main_loop_run(app.loop);
        dub_log_info("stopped");
    } else {
        dub_log_error("%s", error.message);
    }
    clear(&app);
    return code;
}
