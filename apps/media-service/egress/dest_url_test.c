/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dest_url.h"

#include <glib.h>
#include <string.h>

static void test_good_ones(void)
{
    static const char *const good[] = {
        "rtmp://a.example/live/key",
        "rtmps://live.example:443/rtmp/FB-1-0-AbCd?s_bl=1&a=Sec",
        "rtmp://127.0.0.1:1936/app/instance/key",
        "rtmp://user:pass@h.example/a/b",
        "rtmp://[::1]:1935/live/key",
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        struct dub_error error = {0};
        g_assert_true(egress_dest_check(good[i], &error));
    }
}

static void test_bad_ones_are_told_what_is_allowed(void)
{
    g_autofree char *filler = g_strnfill(EGRESS_DEST_MAX_BYTES, 'x');
    g_autofree char *too_long = g_strconcat("rtmp://h/live/", filler, NULL);
    const char *bad[] = {"",
                         "rtmp",
                         "rtmp://",
                         "rtmp:///live/s3cretkey",
                         "rtmp://h",
                         "rtmp://h/live",
                         "rtmp://h/live/",
                         "rtmp://h//s3cretkey",
                         "rtmp://h:0/live/s3cretkey",
                         "rtmp://h:99999/live/s3cretkey",
                         "rtmp://h:port/live/s3cretkey",
                         "http://h/live/s3cretkey",
                         "file:///live/s3cretkey",
                         "srt://h:1/live/s3cretkey",
                         "rtmp://h/live/s3cret key",
                         "rtmp://h/live/s3cretkey\n",
                         "rtmp://h/live/s3cretkey#x",
                         "rtmp://h/live/s3cretk\xc3\xa9y",
                         too_long};
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        struct dub_error error = {0};
        g_assert_false(egress_dest_check(bad[i], &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_ARGUMENT);
        g_assert_nonnull(strstr(error.message, "rtmps://host[:port]/app/key"));
        g_assert_null(strstr(error.message, "s3cret"));
    }
}

static void test_the_key_is_hidden_whatever_the_host(void)
{
    static const char *const cases[][2] = {
        {"rtmp://a.example/live/key", "rtmp://a.example/live/***"},
        {"rtmp://127.0.0.1:1936/app/instance/key", "rtmp://127.0.0.1:1936/app/instance/***"},
        {"rtmps://h:443/rtmp/FB-1?s_bl=1&a=Sec", "rtmps://h:443/rtmp/***"},
        {"rtmp://user:pass@h/a/b", "rtmp://***@h/a/***"},
        {"rtmp://[::1]:1935/live/key", "rtmp://[::1]:1935/live/***"},
        {"no address at all", "***"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *masked = egress_dest_mask(cases[i][0]);
        g_assert_cmpstr(masked, ==, cases[i][1]);
    }
}

static void test_messages_are_cleaned(void)
{
    static const char *const url = "rtmp://u:p%40ssword@h.example/live/s3cret%2Dkey?sign=abcdef";
    static const char *const text =
        "cannot open rtmp://u:p%40ssword@h.example/live/s3cret%2Dkey?sign=abcdef: publish "
        "s3cret-key?sign=abcdef "
        "refused for p@ssword at h.example";
    g_autofree char *clean = egress_dest_mask_in(url, text);
    g_assert_cmpstr(
        clean, ==, "cannot open rtmp://***@h.example/live/***: publish ***?*** refused for *** at h.example");
    g_autofree char *kept = egress_dest_mask_in("rtmp://h/live/out", "without a way out");
    g_assert_cmpstr(kept, ==, "without a way out");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dest-url/good-ones", test_good_ones);
    g_test_add_func("/dest-url/bad-ones-are-told-what-is-allowed", test_bad_ones_are_told_what_is_allowed);
    g_test_add_func("/dest-url/the-key-is-hidden-whatever-the-host",
                    test_the_key_is_hidden_whatever_the_host);
    g_test_add_func("/dest-url/messages-are-cleaned", test_messages_are_cleaned);
    return g_test_run();
}
