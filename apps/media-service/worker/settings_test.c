/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "settings.h"

#include <dubbing_clock.h>
#include <dubbing_ids.h>
#include <stdlib.h>

/* arguments: separated by spaces. */
static enum dub_config_result load(const char *arguments, struct worker_settings *settings)
{
    g_autofree char *line = g_strdup_printf("media-worker %s", arguments);
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);

    *settings = (struct worker_settings){0};
    return worker_settings_load((int)g_strv_length(argv), argv, settings);
}

static void test_defaults(void)
{
    struct worker_settings settings;

    g_assert_cmpint(load("--input-url a.mp4 --output-url b.mp4", &settings), ==, DUB_CONFIG_OK);
    g_assert_cmpint(settings.latency_ns, ==, 3 * DUB_NS_PER_S);
    g_assert_cmpint(settings.max_lag_ns, ==, 2 * DUB_NS_PER_S);
    g_assert_cmpint(settings.input_grace_ns, ==, 30 * DUB_NS_PER_S);
    g_assert_cmpstr(worker_settings_sts_mode(&settings), ==, "enabled");
    g_assert_cmpstr(worker_settings_mix_mode(&settings), ==, "duck");
    g_assert_cmpstr(worker_settings_fallback(&settings), ==, "passthrough");
    g_assert_cmpstr(worker_settings_fragmenter(&settings), ==, "vad");
    g_assert_false(settings.realtime);
    worker_settings_clear(&settings);
}

static void test_preset(void)
{
    struct worker_settings settings;

    g_assert_cmpint(load("--input-url a.mp4 --output-url b.mp4 --preset quality", &settings), ==,
                    DUB_CONFIG_OK);
    g_assert_cmpint(settings.latency_ns, ==, 8 * DUB_NS_PER_S);
    worker_settings_clear(&settings);
    g_assert_cmpint(load("--input-url a.mp4 --output-url b.mp4 --preset quality --latency 4s", &settings), ==,
                    DUB_CONFIG_OK);
    g_assert_cmpint(settings.latency_ns, ==, 4 * DUB_NS_PER_S);
    worker_settings_clear(&settings);
}

/* Runs in a child, whose complaints are looked at. */
static void assert_refused(const char *arguments, const char *says)
{
    if (g_test_subprocess()) {
        struct worker_settings settings;
        enum dub_config_result result = load(arguments, &settings);
        worker_settings_clear(&settings);
        if (result == DUB_CONFIG_EXIT_USAGE)
            exit(2);
        exit(0);
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr(says);
}

static void test_missing_urls(void)
{
    assert_refused("", "*WORKER_INPUT_URL*WORKER_OUTPUT_URL*");
}

static void test_bad_locations(void)
{
    assert_refused("--input-url ftp://x/y --output-url b.avi", "*ftp://*.mp4, .flv or .ts*");
}

static void test_file_to_rtmp_needs_realtime(void)
{
    assert_refused("--input-url a.mp4 --output-url rtmp://h/live/x", "*--realtime*");
}

static void test_workers_without_a_name_differ(void)
{
    struct worker_settings one, two;

    g_assert_cmpint(load("--input-url a.mp4 --output-url b.mp4", &one), ==, DUB_CONFIG_OK);
    g_assert_cmpint(load("--input-url a.mp4 --output-url b.mp4", &two), ==, DUB_CONFIG_OK);
    g_assert_true(g_str_has_prefix(one.stream_id, "local-"));
    g_assert_true(dub_stream_id_is_valid(one.stream_id));
    g_assert_cmpstr(one.stream_id, !=, two.stream_id);
    worker_settings_clear(&one);
    worker_settings_clear(&two);
    g_assert_cmpint(load("--input-url a.mp4 --output-url b.mp4 --stream-id mine", &one), ==, DUB_CONFIG_OK);
    g_assert_cmpstr(one.stream_id, ==, "mine");
    worker_settings_clear(&one);
}

static void test_bad_stream_id(void)
{
    assert_refused("--input-url a.mp4 --output-url b.mp4 --stream-id a/b", "*WORKER_STREAM_ID*");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/settings/defaults", test_defaults);
    g_test_add_func("/settings/preset", test_preset);
    g_test_add_func("/settings/missing-urls", test_missing_urls);
    g_test_add_func("/settings/bad-locations", test_bad_locations);
    g_test_add_func("/settings/file-to-rtmp-needs-realtime", test_file_to_rtmp_needs_realtime);
    g_test_add_func("/settings/workers-without-a-name-differ", test_workers_without_a_name_differ);
    g_test_add_func("/settings/bad-stream-id", test_bad_stream_id);
    return g_test_run();
}
