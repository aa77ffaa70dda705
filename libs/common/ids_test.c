/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_ids.h>

#include <glib.h>
#include <string.h>

static void test_stream_ids(void)
{
    g_autofree char *longest = g_strnfill(DUB_STREAM_ID_MAX, 'x');
    g_autofree char *too_long = g_strnfill(DUB_STREAM_ID_MAX + 1, 'x');
    static const char *const wrong[] = {"", "a b", "a/b", "a.b", "..", "\xc3\xa9", "a\n", NULL};
    g_assert_true(dub_stream_id_is_valid("demo"));
    g_assert_true(dub_stream_id_is_valid("A-Z_09"));
    g_assert_true(dub_stream_id_is_valid(longest));
    g_assert_false(dub_stream_id_is_valid(too_long));
    g_assert_false(dub_stream_id_is_valid(NULL));
    for (unsigned i = 0; wrong[i] != NULL; i++)
        g_assert_false(dub_stream_id_is_valid(wrong[i]));
}

static void test_stream_id_from_path(void)
{
    static const char *const wrong[] = {
        "live/demo/out", "live/in",     "live//in", "live/a/b/in", "/live/demo/in", "live/demo/in/",
        "other/demo/in", "live/a b/in", "",         NULL};
    g_autofree char *id = dub_stream_id_from_path("live/demo/in");
    g_assert_cmpstr(id, ==, "demo");
    for (unsigned i = 0; wrong[i] != NULL; i++)
        g_assert_null(dub_stream_id_from_path(wrong[i]));
    g_assert_null(dub_stream_id_from_path(NULL));
}

static void test_run_ids_sort_by_time(void)
{
    g_autofree char *first = dub_run_id_new();
    g_autofree char *second = dub_run_id_new();
    g_assert_cmpuint(strlen(first), ==, strlen("20260102T030405.678Z-4f9a1c2e"));
    g_assert_cmpstr(first, !=, second);
    first[20] = second[20] = '\0';
    g_assert_cmpint(strcmp(first, second), <=, 0);
}

static void test_uuids(void)
{
    g_autofree char *uuid = dub_uuid_new();
    g_assert_true(dub_uuid_is_valid(uuid));
    g_assert_true(dub_uuid_is_valid("6BA7B810-9DAD-11D1-80B4-00C04FD430C8"));
    g_assert_false(dub_uuid_is_valid("6ba7b810-9dad-11d1-80b4-00c04fd430c"));
    g_assert_false(dub_uuid_is_valid("not a uuid"));
    g_assert_false(dub_uuid_is_valid(NULL));
}

static void test_urls_are_masked(void)
{
    static const struct {
        const char *url, *masked;
    } cases[] = {
        {"rtmp://live.example.com/app/secret-key", "rtmp://live.example.com/app/***"},
        {"rtmp://host[:port]/app/key",
         "rtmp://host[:port]/app/key"}, /* what to write, in a message of ours */
        {"rtmps://live.example.com:443/app/key?x=1", "rtmps://live.example.com:443/app/***?x=1"},
        {"rtmp://127.0.0.1:1935/live/demo/in", "rtmp://127.0.0.1:1935/live/demo/in"},
        {"rtmp://[::1]:1935/live/demo/in", "rtmp://[::1]:1935/live/demo/in"},
        {"rtmp://localhost/live/demo/in?pass=abc&lang=es", "rtmp://localhost/live/demo/in?pass=***&lang=es"},
        {"rtmp://127.0.0.1.example.com@evil.example/app/key",
         "rtmp://127.0.0.1.example.com@evil.example/app/***"},
        {"https://user:pw@example.com/x?streamKey=1&a=2&token=3#frag",
         "https://user:***@example.com/x?streamKey=***&a=2&token=***#frag"},
        {"srt://h:7001?mode=caller&passphrase=0123456789&streamid=key&latency=200",
         "srt://h:7001?mode=caller&passphrase=***&streamid=***&latency=200"},
        {"http://user@example.com/", "http://user@example.com/"},
        {"rtmp://h", "rtmp://h"},
        {"rtmp://h/app/", "rtmp://h/app/"},
        {"clip.mp4", "clip.mp4"},
        {"", ""},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *masked = dub_url_mask(cases[i].url);
        g_assert_cmpstr(masked, ==, cases[i].masked);
    }
    g_assert_null(dub_url_mask(NULL));
}

static void test_urls_in_a_text_are_masked(void)
{
    static const struct {
        const char *text, *masked;
    } cases[] = {
        {"", ""},
        {"nothing: here // at all", "nothing: here // at all"},
        {"lost \"rtmp://u:pw@h.example/app/key?x=1\", retry",
         "lost \"rtmp://u:***@h.example/app/***?x=1\", retry"},
        {"(RTMPS://h.example/app/key); srt://h:1?passphrase=p.",
         "(RTMPS://h.example/app/***); srt://h:1?passphrase=***."},
        {"rtmp://h.example/app/key", "rtmp://h.example/app/***"},
        {"\xff rtmp://h.example/app/\xc3\xa9!", "\xef\xbf\xbd rtmp://h.example/app/***!"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *masked = dub_url_mask_in(cases[i].text);
        g_assert_cmpstr(masked, ==, cases[i].masked);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ids/stream-ids", test_stream_ids);
    g_test_add_func("/ids/stream-id-from-path", test_stream_id_from_path);
    g_test_add_func("/ids/run-ids-sort-by-time", test_run_ids_sort_by_time);
    g_test_add_func("/ids/uuids", test_uuids);
    g_test_add_func("/ids/urls-are-masked", test_urls_are_masked);
    g_test_add_func("/ids/urls-in-a-text-are-masked", test_urls_in_a_text_are_masked);
    return g_test_run();
}
