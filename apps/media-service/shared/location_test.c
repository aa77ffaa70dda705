/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "location.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

static void assert_problem(bool (*check)(const char *, struct dub_error *), const char *location,
                           const char *says)
{
    struct dub_error error = {0};

    g_assert_false(check(location, &error));
    if (!strstr(error.message, says))
        g_error("\"%s\": \"%s\" does not say \"%s\"", location, error.message, says);
}

static void test_inputs(void)
{
    struct dub_error error;

    g_assert_true(input_location_check("rtmp://127.0.0.1:1935/live/id/in?user=a", &error));
    g_assert_true(input_location_check("rtmps://host/live/id/in", &error));
    g_assert_true(input_location_check("clip with spaces.mp4", &error));
    g_assert_true(input_location_check("file:///clip.mp4", &error));
    g_assert_true(input_location_check("rtsp://user:word@camera/stream1", &error));
    g_assert_true(input_location_check("srt://host:7001", &error));
    g_assert_true(input_location_check("srt://:7001?mode=listener&latency=200", &error));
    g_assert_true(input_location_check("srt://host:7001?passphrase=0123456789&mode=caller", &error));
    assert_problem(input_location_check, "http://host/x",
                   "rtmp://, rtmps://, rtsp://, srt://, file:// or a path");
    assert_problem(input_location_check, "rtsp:///x", "host");
    assert_problem(input_location_check, "srt://host", "port");
    assert_problem(input_location_check, "srt://:7001", "needs a host");
    assert_problem(input_location_check, "srt://host:7001?mode=rendezvous", "caller or listener");
    assert_problem(input_location_check, "srt://host:7001?passphrase=short", "10 to 79");
    assert_problem(input_location_check, "rtmp:///live/x", "rtmp://host[:port]/app/key");
    assert_problem(input_location_check, "rtmp://host/live", "rtmp://host[:port]/app/key");
    assert_problem(input_location_check, "file://other-host/x.mp4", "file:///");
}

static void test_outputs(void)
{
    g_autofree char *folder = g_dir_make_tmp("location-XXXXXX", NULL);
    g_autofree char *good = g_build_filename(folder, "out.MP4", NULL);
    g_autofree char *bad = g_build_filename(folder, "missing", "out.mp4", NULL);
    g_autofree char *uri = g_filename_to_uri(good, NULL, NULL);
    g_autofree char *is_folder = g_build_filename(folder, "folder.ts", NULL);
    struct dub_error error;

    g_mkdir(is_folder, 0700);
    g_assert_true(output_location_check(good, &error));
    g_assert_true(output_location_check(uri, &error));
    g_assert_true(output_location_check("rtmp://host/live/id/out", &error));
    g_assert_true(output_location_check("rtsp://host:8554/live/id/out", &error));
    g_assert_true(output_location_check("srt://127.0.0.1:7001?mode=listener", &error));
    assert_problem(output_location_check, "srt://host:7001?mode=rendezvous", "caller or listener");
    assert_problem(output_location_check, bad, "missing");
    assert_problem(output_location_check, "out.mkv", ".mp4, .flv or .ts");
    assert_problem(output_location_check, "srtx://host", "srtx://");
    assert_problem(output_location_check, is_folder, "is a folder");
    g_rmdir(is_folder);
    g_rmdir(folder);
}

static void assert_content(const char *head, gsize size, enum container expected)
{
    struct dub_error error = {0};
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("container-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_close(fd, NULL);
    g_assert_true(g_file_set_contents(path, head, (gssize)size, NULL));
    g_assert_cmpint(container_from_content(path, &error), ==, expected);
    g_assert_cmpint(error.code, ==, expected == CONTAINER_UNKNOWN ? DUB_ERROR_UNSUPPORTED : DUB_ERROR_NONE);
    g_unlink(path);
}

static void test_content(void)
{
    struct dub_error error = {0};
    char ts[189] = {0x47};

    ts[188] = 0x47;
    assert_content("FLV\1", 4, CONTAINER_FLV);
    assert_content("\0\0\0\30ftypisom", 12, CONTAINER_MP4);
    assert_content("\0\0\0\10moov", 8, CONTAINER_MP4);
    assert_content(ts, sizeof(ts), CONTAINER_TS);
    assert_content(ts, sizeof(ts) - 1, CONTAINER_UNKNOWN);
    assert_content("", 0, CONTAINER_UNKNOWN);
    assert_content("\0\0\0\30fty", 7, CONTAINER_UNKNOWN);
    g_assert_cmpint(container_from_content("/nowhere/at.all", &error), ==, CONTAINER_UNKNOWN);
    g_assert_cmpint(error.code, ==, DUB_ERROR_NOT_FOUND);
    g_assert_cmpint(container_from_content("/", &error), ==, CONTAINER_UNKNOWN);
}

static void test_paths(void)
{
    g_autofree char *from_uri = location_file_path("file:///a%20b/c.mp4");
    g_autofree char *plain = location_file_path("a b.mp4");

    g_assert_cmpstr(from_uri, ==, "/a b/c.mp4");
    g_assert_cmpstr(plain, ==, "a b.mp4");
    g_assert_null(location_file_path("rtmp://host/a/b"));
    g_assert_cmpint(location_kind("rtmps://host/a/b"), ==, LOCATION_RTMP);
    g_assert_cmpint(location_kind("rtsp://host/a"), ==, LOCATION_RTSP);
    g_assert_cmpint(location_kind("srt://host:1"), ==, LOCATION_SRT);
    g_assert_cmpint(location_kind("x.flv"), ==, LOCATION_FILE);
    g_assert_true(location_is_listener("srt://:1?latency=20&mode=listener"));
    g_assert_false(location_is_listener("srt://host:1?mode=caller"));
    g_assert_false(location_is_listener("srt://host:1"));
    g_assert_false(location_is_listener("rtmp://host/a/b?mode=listener"));
}

static void assert_masked(const char *location, const char *text, const char *expected)
{
    g_autofree char *masked = location_mask_in(location, text);
    g_assert_cmpstr(masked, ==, expected);
}

static void test_masking(void)
{
    assert_masked("rtsp://joe:s3cret@camera/x", "no answer from rtsp://joe:s3cret@camera/x (s3cret)",
                  "no answer from rtsp://joe:***@camera/x (***)");
    assert_masked("srt://h:1?passphrase=quite%20secret", "quite secret is wrong", "*** is wrong");
    assert_masked("srt://h:1?passphrase=quitesecret", "at srt://h:1?passphrase=quitesecret",
                  "at srt://h:1?passphrase=***");
    assert_masked("rtsp://camera/x", "not found", "not found");
    assert_masked("clip.mp4", "clip.mp4 is damaged", "clip.mp4 is damaged");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/location/inputs", test_inputs);
    g_test_add_func("/location/outputs", test_outputs);
    g_test_add_func("/location/content", test_content);
    g_test_add_func("/location/paths", test_paths);
    g_test_add_func("/location/masking", test_masking);
    return g_test_run();
}
