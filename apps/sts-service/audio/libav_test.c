/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "libav.h"

#include <dubbing_log.h>
#include <libavutil/error.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <string.h>

static void say_something(void)
{
    libav_start();
    av_log(NULL, AV_LOG_ERROR, "a library's complaint\n");
    av_log(NULL, AV_LOG_INFO, "a library's chatter\n");
}

static void start_log(const char *level)
{
    struct dub_log_config config = {
        .component = "test", .level = level, .format = "json", .max_bytes = 1 << 20, .max_files = 1};
    dub_log_init(&config);
}

static void test_words_at_debug(void)
{
    if (g_test_subprocess()) {
        start_log("debug");
        say_something();
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*\"level\":\"debug\"*a library's complaint*");
    g_test_trap_assert_stderr_unmatched("*chatter*");
}

static void test_words_at_info(void)
{
    if (g_test_subprocess()) {
        start_log("info");
        say_something();
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr_unmatched("*library*");
}

static void test_blocks_are_bounded(void)
{
    libav_start();
    g_assert_null(av_malloc(LIBAV_MAX_ALLOC_BYTES + 1));
    void *block = av_malloc(1 << 20);
    g_assert_nonnull(block);
    av_free(block);
}

static void test_codes_become_errors(void)
{
    struct dub_error error = {0};
    g_assert_false(libav_invalid(&error, "reading", AVERROR_INVALIDDATA));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    g_assert_cmpstr(error.message, ==, "M4A: reading: Invalid data found when processing input");
    g_assert_false(libav_broken(&error, "writing", AVERROR(ENOMEM)));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INTERNAL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/libav/its-words-are-for-debugging", test_words_at_debug);
    g_test_add_func("/libav/it-is-silent-otherwise", test_words_at_info);
    g_test_add_func("/libav/blocks-are-bounded", test_blocks_are_bounded);
    g_test_add_func("/libav/codes-become-errors", test_codes_become_errors);
    return g_test_run();
}
