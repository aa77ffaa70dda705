/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include "config_yaml.h"

#include <string.h>

static struct router_config *configure(const char *yaml)
{
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    struct router_config *config = router_config_new();
    g_assert_true(
        config_yaml_apply(config, yaml, strlen(yaml), NULL, &(struct config_notes){notes, notes}, NULL));
    return config;
}

static void on_stopped(void *user)
{
    (*(unsigned *)user)++;
}

static void test_start_and_stop(void)
{
    unsigned n_stopped = 0;
    struct router_config *config = configure("{rtmpAddress: '127.0.0.1:0', rtspAddress: '127.0.0.1:0', "
                                             "apiAddress: '127.0.0.1:0', metricsAddress: '127.0.0.1:0'}");
    struct app *app = app_new(config, NULL);
    g_assert_nonnull(app);
    app_stop(app, on_stopped, &n_stopped); /* no command runs: at once */
    g_assert_cmpuint(n_stopped, ==, 1);
    app_free(app);
    router_config_free(config);
}

static void test_parts_can_be_switched_off(void)
{
    struct router_config *config =
        configure("{rtmp: no, rtsp: no, api: no, metrics: no, rtmpAddress: 'no.host.invalid:1'}");
    struct app *app = app_new(config, NULL);
    g_assert_nonnull(app);
    app_free(app);
    router_config_free(config);
    app_free(NULL);
}

/* What was started before the failure is stopped: the port is free again. */
static void test_failure_leaves_nothing(void)
{
    struct dub_error error = {0};
    struct router_config *config = configure(
        "{rtmpAddress: '127.0.0.1:0', rtspAddress: '127.0.0.1:0', apiAddress: 'no.host.invalid:1'}");
    g_assert_null(app_new(config, &error));
    g_assert_cmpstr(error.message, !=, "");
    router_config_free(config);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/app/start-and-stop", test_start_and_stop);
    g_test_add_func("/app/parts-can-be-switched-off", test_parts_can_be_switched_off);
    g_test_add_func("/app/failure-leaves-nothing", test_failure_leaves_nothing);
    return g_test_run();
}
