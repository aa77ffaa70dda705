/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "settings.h"

#include <dubbing_clock.h>
#include <stdlib.h>

/* arguments: separated by spaces. */
static enum dub_config_result load(const char *arguments, struct egress_settings *settings)
{
    g_autofree char *line = g_strdup_printf("egress-forwarder %s", arguments);
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    *settings = (struct egress_settings){0};
    return dub_config_load(&egress_program, (int)g_strv_length(argv), argv, settings, NULL);
}

static void test_defaults(void)
{
    struct egress_settings settings;
    g_assert_cmpint(
        load("--enabled=true --input-url rtmp://r/live/id/out --dest-url rtmp://d/app/key", &settings), ==,
        DUB_CONFIG_OK);
    g_assert_true(settings.enabled);
    g_assert_cmpint(settings.input_grace_ns, ==, 30 * DUB_NS_PER_S);
    g_assert_cmpint(settings.retry_base_ns, ==, 500 * DUB_NS_PER_MS);
    g_assert_cmpint(settings.retry_max_ns, ==, 10 * DUB_NS_PER_S);
    dub_config_clear(&egress_program, &settings);
}

static void test_switched_off_needs_nothing(void)
{
    struct egress_settings settings;
    g_assert_cmpint(load("--dest-url nonsense", &settings), ==, DUB_CONFIG_OK);
    g_assert_false(settings.enabled);
    dub_config_clear(&egress_program, &settings);
}

/* Runs in a child, whose complaints are looked at. */
static void assert_refused(const char *arguments, const char *says)
{
    if (g_test_subprocess()) {
        struct egress_settings settings;
        enum dub_config_result result = load(arguments, &settings);
        dub_config_clear(&egress_program, &settings);
        exit(result == DUB_CONFIG_EXIT_USAGE ? 2 : 0);
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr(says);
    g_test_trap_assert_stderr_unmatched("*s3cret*");
}

static void test_everything_wrong_is_said_at_once(void)
{
    assert_refused(
        "--enabled=true --input-url rtsp://r/live/id/out --dest-url http://d/app/s3cret --retry-base 20s "
        "--stream-id a/b --input-grace never",
        "*EGRESS_INPUT_GRACE*EGRESS_INPUT_URL*rtmp://*EGRESS_DEST_URL*rtmps://host*EGRESS_STREAM_ID*"
        "EGRESS_RETRY_BASE*EGRESS_RETRY_MAX*");
}

static void test_what_is_missing(void)
{
    assert_refused("--enabled=true --state-dir /x", "*EGRESS_INPUT_URL is empty*EGRESS_DEST_URL is empty*"
                                                    "EGRESS_STREAM_ID is empty*");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/egress-settings/defaults", test_defaults);
    g_test_add_func("/egress-settings/switched-off-needs-nothing", test_switched_off_needs_nothing);
    g_test_add_func("/egress-settings/everything-wrong-is-said-at-once",
                    test_everything_wrong_is_said_at_once);
    g_test_add_func("/egress-settings/what-is-missing", test_what_is_missing);
    return g_test_run();
}
