/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include "api/api.h"
#include "api/metrics.h"
#include "fd_watch.h"
#include "rtmp/server.h"
#include "rtsp/server.h"

#include <dubbing_config.h>
#include <dubbing_log.h>

#define STOP_AFTER_S 12 /* later than the hooks kill what ignores SIGINT */

struct app {
    const struct router_config *config;
    struct hook_pool *hooks;
    struct router *router;
    struct rtmp_server *rtmp;
    struct rtsp_server *rtsp;
    struct router_api *api;
    struct router_metrics *metrics;
    guint stop_timer;
    void (*on_stopped)(void *user);
    void *user;
};

/* The host as it was written, with the port that is bound. */
static void log_listening(const char *what, const char *address, unsigned port)
{
    g_autofree char *host = NULL;
    uint16_t wanted;
    if (dub_parse_address(address, &host, &wanted))
        dub_log_info("%s listening on %s:%u", what, host, port);
}

static bool start_rtmp(struct app *app, struct dub_error *error)
{
    if (!app->config->rtmp)
        return true;
    app->rtmp = rtmp_server_new(app->router, app->config, fd_watch_clock(), error);
    if (app->rtmp == NULL)
        return false;
    if (rtmp_server_port(app->rtmp) != 0)
        log_listening("RTMP", app->config->rtmp_address, rtmp_server_port(app->rtmp));
    if (rtmp_server_encrypted_port(app->rtmp) != 0)
        log_listening("RTMPS", app->config->rtmps_address, rtmp_server_encrypted_port(app->rtmp));
    return true;
}

static bool start_api(struct app *app, struct dub_error *error)
{
    if (!app->config->api)
        return true;
    app->api = router_api_new(app->config->api_address, app->router, app->rtmp, app->rtsp, error);
    if (app->api == NULL)
        return false;
    log_listening("API", app->config->api_address, router_api_port(app->api));
    return true;
}

static bool start_metrics(struct app *app, struct dub_error *error)
{
    if (!app->config->metrics)
        return true;
    app->metrics = router_metrics_new(app->config->metrics_address, app->router, app->rtmp, app->rtsp, error);
    if (app->metrics == NULL)
        return false;
    log_listening("metrics", app->config->metrics_address, router_metrics_port(app->metrics));
    return true;
}

/* Hooks are told the port of RTSP even where somebody else serves it. */
static unsigned port_for_hooks(const struct router_config *config, const struct rtsp_listener *listener)
{
    g_autofree char *host = NULL;
    uint16_t port = 0;
    if (listener->fd >= 0)
        return listener->port;
    dub_parse_address(config->rtsp_address, &host, &port);
    return port;
}

static bool start_rtsp(struct app *app, struct rtsp_listener listener, struct dub_error *error)
{
    const struct router_config *config = app->config;
    app->rtsp = rtsp_server_new(app->router, config, fd_watch_clock(), listener);
    if (rtsp_server_port(app->rtsp) != 0)
        log_listening("RTSP", config->rtsp_address, rtsp_server_port(app->rtsp));
    if (config->rtsp_encryption == ROUTER_ENCRYPTION_NO)
        return true;
    if (!rtsp_server_listen_encrypted(app->rtsp, error))
        return false;
    log_listening("RTSPS", config->rtsps_address, rtsp_server_encrypted_port(app->rtsp));
    return true;
}

/* Listens before there is a router, which has to know the port. */
static bool start_router_and_rtsp(struct app *app, struct dub_error *error)
{
    const struct router_config *config = app->config;
    struct rtsp_listener listener = {.fd = -1};
    bool is_plain = config->rtsp && config->rtsp_encryption != ROUTER_ENCRYPTION_STRICT;
    if (is_plain && !rtsp_listen(config->rtsp_address, &listener, error))
        return false;
    app->router = router_new(config, app->hooks, port_for_hooks(config, &listener));
    return !config->rtsp || start_rtsp(app, listener, error);
}

static void finish_stop(struct app *app)
{
    g_clear_handle_id(&app->stop_timer, g_source_remove);
    void (*on_stopped)(void *user) = app->on_stopped;
    app->on_stopped = NULL;
    if (on_stopped != NULL)
        on_stopped(app->user);
}

static void on_hooks_idle(void *user)
{
    finish_stop(user);
}

static gboolean on_stop_timeout(gpointer user)
{
    struct app *app = user;
    app->stop_timer = 0;
    dub_log_warn("%u commands still run %d s after the stop: they are left behind",
                 hook_pool_running(app->hooks), STOP_AFTER_S);
    finish_stop(app);
    return G_SOURCE_REMOVE;
}

struct app *app_new(const struct router_config *config, struct dub_error *error)
{
    struct app *app = g_new0(struct app, 1);
    app->config = config;
    app->hooks = hook_pool_new(on_hooks_idle, app);
    if (start_router_and_rtsp(app, error) && start_rtmp(app, error) && start_api(app, error) &&
        start_metrics(app, error))
        return app;
    app_free(app);
    return NULL;
}

static void stop_listening(struct app *app)
{
    g_clear_pointer(&app->metrics, router_metrics_free);
    g_clear_pointer(&app->api, router_api_free);
    g_clear_pointer(&app->rtmp, rtmp_server_free);
    g_clear_pointer(&app->rtsp, rtsp_server_free);
    g_clear_pointer(&app->router, router_free);
}

void app_stop(struct app *app, void (*on_stopped)(void *user), void *user)
{
    app->on_stopped = on_stopped;
    app->user = user;
    stop_listening(app);
    if (hook_pool_running(app->hooks) == 0)
        finish_stop(app);
    else if (app->on_stopped != NULL)
        app->stop_timer = g_timeout_add_seconds(STOP_AFTER_S, on_stop_timeout, app);
}

void app_free(struct app *app)
{
    if (app == NULL)
        return;
    g_clear_handle_id(&app->stop_timer, g_source_remove);
    stop_listening(app);
    hook_pool_free(app->hooks);
    g_free(app);
}
