/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_rtmp_url.h"

#include <glib.h>

static void assert_parts(const char *text, const char *expected)
{
    struct rtmp_url url;
    g_assert_true(rtmp_url_parse(text, &url, NULL));
    g_autofree char *parts = g_strdup_printf("%s %s %u %s %s %s", url.is_encrypted ? "tls" : "plain",
                                             url.host, url.port, url.app, url.key, url.tc_url);
    g_assert_cmpstr(parts, ==, expected);
    rtmp_url_clear(&url);
    rtmp_url_clear(&url);
}

static void test_parts(void)
{
    assert_parts("rtmp://example.org/live/key",
                 "plain example.org 1935 live key rtmp://example.org:1935/live");
    assert_parts("rtmps://example.org/live/key", "tls example.org 443 live key rtmps://example.org:443/live");
    assert_parts("rtmp://127.0.0.1:99/live/a/source?user=me&pass=x%20y",
                 "plain 127.0.0.1 99 live/a source?user=me&pass=x%20y rtmp://127.0.0.1:99/live/a");
    assert_parts("rtmps://example.org:2935/live/_definst_/key?sign=a/b",
                 "tls example.org 2935 live/_definst_ key?sign=a/b rtmps://example.org:2935/live/_definst_");
    assert_parts("rtmp://[::1]:99/live/key", "plain ::1 99 live key rtmp://[::1]:99/live");
    assert_parts("rtmp://user:secret@host/live/key", "plain host 1935 live key rtmp://host:1935/live");
}

static void test_refusals(void)
{
    static const char *const texts[] = {"",
                                        "rtmp://",
                                        "rtmp:///live/key",
                                        "rtmp://host",
                                        "rtmp://host/live",
                                        "rtmp://host/live/",
                                        "rtmp://host//key",
                                        "rtsp://host/live/key",
                                        "host/live/key"};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        struct rtmp_url url;
        struct dub_error error = {0};
        g_assert_false(rtmp_url_parse(texts[i], &url, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_ARGUMENT);
        g_assert_null(url.host);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtmp/url/parts", test_parts);
    g_test_add_func("/rtmp/url/refusals", test_refusals);
    return g_test_run();
}
