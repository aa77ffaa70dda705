/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hook_output.h"

#include <dubbing_clock.h>
#include <glib/gstdio.h>
#include <string.h>

static unsigned admitted(struct hook_output *output, unsigned lines, int64_t now_ns)
{
    unsigned n = 0;
    for (unsigned i = 0; i < lines; i++)
        n += hook_output_admit(output, now_ns);
    return n;
}

/* A burst is logged whole, a flood at a steady pace, and after a pause there is room again, but no more than
 * a burst. */
static void test_a_flood_gets_its_part(void)
{
    struct hook_output output;
    int64_t now_ns = DUB_NS_PER_S;
    hook_output_init(&output, "runOnReady", "live/demo/in");
    g_assert_cmpuint(admitted(&output, HOOK_OUTPUT_BURST, now_ns), ==, HOOK_OUTPUT_BURST);
    g_assert_cmpuint(output.left_out, ==, 0);
    g_assert_cmpuint(admitted(&output, 1000, now_ns), ==, 0);
    g_assert_cmpuint(output.left_out, ==, 1000);
    now_ns += DUB_NS_PER_S;
    g_assert_cmpuint(admitted(&output, 1000, now_ns), ==, HOOK_OUTPUT_PER_SECOND);
    now_ns += 3600 * DUB_NS_PER_S;
    g_assert_cmpuint(admitted(&output, 1000, now_ns), ==, HOOK_OUTPUT_BURST);
    hook_output_clear(&output);
}

static void assert_stream(const char *path, const char *expected)
{
    struct hook_output output;
    hook_output_init(&output, "runOnReady", path);
    g_assert_cmpstr(output.stream_id, ==, expected);
    hook_output_clear(&output);
}

static void test_the_stream_is_named(void)
{
    assert_stream("live/demo/in", "demo");
    assert_stream("live/demo/out", "demo");
    assert_stream("live/demo/in/more", NULL);
    assert_stream("live/demo", NULL);
    assert_stream("live//in", NULL);
    assert_stream("cam/demo/in", NULL);
}

/* The log's own file shows what an operator finds there. */
static void test_lines_in_the_log(void)
{
    struct hook_output output;
    g_autofree char *dir = g_dir_make_tmp("hook-output-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(dir, "router.log", NULL);
    g_autofree char *text = NULL;
    dub_log_init(&(struct dub_log_config){
        .component = "router", .level = "info", .format = "json", .dir = dir, .max_files = 1});
    hook_output_init(&output, "runOnReady", "live/demo/in");
    for (unsigned i = 0; i < HOOK_OUTPUT_BURST + 3; i++)
        hook_output_line(&output, "hello \"there\"", DUB_NS_PER_S);
    hook_output_line(&output, "later", 2 * DUB_NS_PER_S);
    hook_output_flush(&output);
    dub_log_clear();
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    g_auto(GStrv) lines = g_strsplit(text, "\n", 0);
    g_assert_cmpuint(g_strv_length(lines), ==, HOOK_OUTPUT_BURST + 3);
    g_assert_nonnull(strstr(lines[0], "path live/demo/in: runOnReady: hello"));
    g_assert_nonnull(strstr(lines[0], "\"streamId\":\"demo\""));
    g_assert_nonnull(strstr(lines[HOOK_OUTPUT_BURST], "3 lines of its output were left out"));
    g_assert_nonnull(strstr(lines[HOOK_OUTPUT_BURST + 1], "runOnReady: later"));
    hook_output_clear(&output);
    g_unlink(file);
    g_rmdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hook-output/a-flood-gets-its-part", test_a_flood_gets_its_part);
    g_test_add_func("/hook-output/the-stream-is-named", test_the_stream_is_named);
    g_test_add_func("/hook-output/lines-in-the-log", test_lines_in_the_log);
    return g_test_run();
}
