/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole service in one process, over a real socket. */
#include "app.h"

#include "tests/sts_peer.h"

#include <string.h>

static struct app *start(void)
{
    struct sts_settings settings = {
        .addr = (char *)"127.0.0.1",
        .max_connections = 8,
        .inflight_pause = 7,
        .inflight_max = 10,
        .queue_max_depth = 20,
        .asr_engine = (char *)"mock",
        .translation_engine = (char *)"mock",
        .tts_engine = (char *)"mock",
        .asr_workers = 2,
    };
    struct dub_error error = {0};
    int exit_code;
    struct app *app = app_new(&settings, &exit_code, &error);
    g_assert_cmpstr(error.message, ==, "");
    return app;
}

static void test_pipeline(void)
{
    struct app *app = start();
    struct sts_peer peer;
    sts_peer_connect(&peer, app_port(app), "");
    wait_until(peer.socket);
    sts_peer_send_init(&peer);
    for (int i = 0; i < 3; i++)
        sts_peer_send_fragment(
            &peer, i, (const char *const[]){STS_PEER_UUID(0), STS_PEER_UUID(1), STS_PEER_UUID(2)}[i]);
    wait_until(peer.n_processed == 3);
    for (int i = 0; i < 3; i++) {
        g_assert_cmpint((int)peer.processed[i].sequence_number, ==, i);
        g_assert_cmpstr(peer.processed[i].metadata.asr_model, !=, "");
    }
    sts_peer_clear(&peer);
    app_free(app);
}

static void test_stop_in_the_middle(void)
{
    for (int round = 0; round < 10; round++) {
        struct app *app = start();
        struct sts_peer peer;
        sts_peer_connect(&peer, app_port(app), "");
        wait_until(peer.socket);
        sts_peer_send_init(&peer);
        for (int i = 0; i < 3; i++)
            sts_peer_send_fragment(
                &peer, i, (const char *const[]){STS_PEER_UUID(0), STS_PEER_UUID(1), STS_PEER_UUID(2)}[i]);
        wait_until(peer.n_acks >= (unsigned)(round % 3) + 1);
        app_free(app);
        sts_peer_clear(&peer);
    }
}

static void test_engine_missing(void)
{
    struct sts_settings settings = {.addr = (char *)"127.0.0.1", .asr_engine = (char *)"nonsense"};
    struct dub_error error = {0};
    int exit_code = 0;
    g_assert_null(app_new(&settings, &exit_code, &error));
    g_assert_cmpint(exit_code, ==, STS_EXIT_ENGINE_MISSING);
    g_assert_nonnull(strstr(error.message, "nonsense"));
}

static void test_echo_on_any_address(void)
{
    static const char *const addresses[] = {"127.0.0.1", "localhost", "0.0.0.0"};
    for (guint i = 0; i < G_N_ELEMENTS(addresses); i++) {
        struct sts_settings settings = {
            .addr = (char *)addresses[i], .mode = STS_MODE_ECHO, .max_connections = 1};
        struct dub_error error = {0};
        int exit_code;
        struct app *app = app_new(&settings, &exit_code, &error);
        g_assert_cmpstr(error.message, ==, "");
        g_assert_cmpuint(app_port(app), >, 0);
        app_free(app);
    }
    app_free(NULL);
}

static void test_busy_port(void)
{
    struct app *app = start();
    struct sts_settings settings = {
        .addr = (char *)"127.0.0.1", .mode = STS_MODE_ECHO, .port = app_port(app)};
    struct dub_error error = {0};
    int exit_code = 0;
    g_assert_null(app_new(&settings, &exit_code, &error));
    g_assert_cmpint(exit_code, ==, STS_EXIT_ADDRESS_IN_USE);
    g_autofree char *port = g_strdup_printf("%u", app_port(app));
    g_assert_nonnull(strstr(error.message, port));
    app_free(app);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    g_test_add_func("/app/pipeline", test_pipeline);
    g_test_add_func("/app/stop-in-the-middle", test_stop_in_the_middle);
    g_test_add_func("/app/missing-engine", test_engine_missing);
    g_test_add_func("/app/echo-on-any-address", test_echo_on_any_address);
    g_test_add_func("/app/busy-port", test_busy_port);
    return g_test_run();
}
