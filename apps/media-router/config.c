/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <dubbing_clock.h>
#include <string.h>

static void path_config_free(gpointer data)
{
    struct path_config *path = data;
    g_free(path->name);
    g_clear_pointer(&path->regex, g_regex_unref);
    g_free(path->run_on_ready);
    g_free(path->run_on_not_ready);
    g_free(path);
}

struct path_config *router_config_add_path(struct router_config *config, const char *name)
{
    struct path_config *path = g_new0(struct path_config, 1);
    path->name = g_strdup(name);
    path->override_publisher = config->defaults.override_publisher;
    path->max_readers = config->defaults.max_readers;
    path->run_on_ready = g_strdup(config->defaults.run_on_ready);
    path->run_on_ready_restart = config->defaults.run_on_ready_restart;
    path->run_on_not_ready = g_strdup(config->defaults.run_on_not_ready);
    g_ptr_array_add(config->paths, path);
    return path;
}

struct router_config *router_config_new(void)
{
    struct router_config *config = g_new0(struct router_config, 1);
    config->rtmp_address = g_strdup(ROUTER_DEFAULT_RTMP_ADDRESS);
    config->rtsp_address = g_strdup(ROUTER_DEFAULT_RTSP_ADDRESS);
    config->api_address = g_strdup(ROUTER_DEFAULT_API_ADDRESS);
    config->metrics_address = g_strdup(ROUTER_DEFAULT_METRICS_ADDRESS);
    config->rtmps_address = g_strdup(ROUTER_DEFAULT_RTMPS_ADDRESS);
    config->rtmp_server_key = g_strdup("server.key");
    config->rtmp_server_cert = g_strdup("server.crt");
    config->rtsps_address = g_strdup(ROUTER_DEFAULT_RTSPS_ADDRESS);
    config->rtsp_server_key = g_strdup("server.key");
    config->rtsp_server_cert = g_strdup("server.crt");
    config->api_server_key = g_strdup("server.key");
    config->api_server_cert = g_strdup("server.crt");
    config->metrics_server_key = g_strdup("server.key");
    config->metrics_server_cert = g_strdup("server.crt");
    config->rtmp = config->rtsp = config->api = config->metrics = true;
    config->rtsp_basic = true;
    config->read_timeout_ns = config->write_timeout_ns = 10 * DUB_NS_PER_S;
    config->write_queue_messages = 512;
    router_limits_init(&config->limits);
    config->users = auth_users_new();
    auth_users_set_default(config->users);
    config->defaults.override_publisher = true;
    config->defaults.run_on_ready = g_strdup("");
    config->defaults.run_on_not_ready = g_strdup("");
    config->paths = g_ptr_array_new_with_free_func(path_config_free);
    return config;
}

void router_config_free(struct router_config *config)
{
    if (config == NULL)
        return;
    g_free(config->rtmp_address);
    g_free(config->rtmps_address);
    g_free(config->rtmp_server_key);
    g_free(config->rtmp_server_cert);
    g_free(config->rtsp_address);
    g_free(config->rtsps_address);
    g_free(config->rtsp_server_key);
    g_free(config->rtsp_server_cert);
    g_free(config->api_address);
    g_free(config->metrics_address);
    g_free(config->api_server_key);
    g_free(config->api_server_cert);
    g_free(config->metrics_server_key);
    g_free(config->metrics_server_cert);
    g_free(config->defaults.run_on_ready);
    g_free(config->defaults.run_on_not_ready);
    g_ptr_array_unref(config->paths);
    g_ptr_array_unref(config->users);
    g_free(config);
}

const struct path_config *router_config_find_entry(const struct router_config *config, const char *name)
{
    for (guint i = 0; i < config->paths->len; i++) {
        const struct path_config *path = config->paths->pdata[i];
        if (strcmp(path->name, name) == 0)
            return path;
    }
    return NULL;
}

static char **matched_groups(GMatchInfo *match)
{
    g_autoptr(GStrvBuilder) groups = g_strv_builder_new();
    for (int i = 1; i < g_match_info_get_match_count(match); i++) {
        g_autofree char *text = g_match_info_fetch(match, i);
        g_autofree char *variable = g_strdup_printf("G%d=%s", i, text);
        g_strv_builder_add(groups, variable);
    }
    return g_strv_builder_end(groups);
}

static bool regex_matches(const struct path_config *path, const char *name, char ***groups)
{
    g_autoptr(GMatchInfo) match = NULL;
    if (path->regex == NULL || !g_regex_match(path->regex, name, 0, &match))
        return false;
    *groups = matched_groups(match);
    return true;
}

/* The first by name, as MediaMTX has it, whatever the order in the file. */
static const struct path_config *find_regex(const struct router_config *config, const char *name,
                                            char ***groups)
{
    const struct path_config *first = NULL;
    for (guint i = 0; i < config->paths->len; i++) {
        const struct path_config *path = config->paths->pdata[i];
        char **found = NULL;
        if ((first != NULL && strcmp(path->name, first->name) > 0) || !regex_matches(path, name, &found))
            continue;
        g_strfreev(*groups);
        *groups = found;
        first = path;
    }
    return first;
}

const struct path_config *router_config_find_path(const struct router_config *config, const char *name,
                                                  char ***groups)
{
    const struct path_config *all_others = router_config_find_entry(config, ROUTER_ALL_OTHERS);
    const struct path_config *own = router_config_find_entry(config, name);
    *groups = NULL;
    if (own != NULL && own != all_others)
        return own;
    const struct path_config *matching = find_regex(config, name, groups);
    return matching != NULL ? matching : all_others;
}
