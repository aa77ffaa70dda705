/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ws_frames.h"

#include <limits.h>
#include <string.h>

#define PASS(frames, bytes) ws_frames_pass(&(frames), bytes, sizeof(bytes) - 1)

static void test_messages_are_measured(void)
{
    struct ws_frames frames = {0};
    PASS(frames, "\x81\x05hello");
    g_assert_cmpuint(frames.message_bytes, ==, 5);
    g_assert_cmpuint(frames.message_frames, ==, 1);
    PASS(frames, "\x82\x82mask\x01\x02");
    g_assert_cmpuint(frames.message_bytes, ==, 2);
    PASS(frames, "\x81\x00");
    g_assert_cmpuint(frames.message_bytes, ==, 0);
}

static void test_fragments_add_up_across_control_frames(void)
{
    struct ws_frames frames = {0};
    PASS(frames, "\x01\x02"
                 "ab"
                 "\x89\x03"
                 "png"
                 "\x00\x03"
                 "cde"
                 "\x8a\x00"
                 "\x80\x01"
                 "f");
    g_assert_cmpuint(frames.message_bytes, ==, 6);
    g_assert_cmpuint(frames.message_frames, ==, 3);
    g_assert_cmpuint(frames.n_pings, ==, 1);
    g_assert_cmpuint(frames.n_pongs, ==, 1);
}

static void test_long_sizes(void)
{
    struct ws_frames frames = {0};
    static const char payload[65536];
    PASS(frames, "\x82\x7e\x01\x00");
    ws_frames_pass(&frames, payload, 256);
    g_assert_cmpuint(frames.message_bytes, ==, 256);
    PASS(frames, "\x02\xff\0\0\0\0\0\x01\0\0mask");
    ws_frames_pass(&frames, payload, 65536);
    g_assert_cmpuint(frames.message_bytes, ==, 65536);
    PASS(frames, "\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff");
    g_assert_cmpuint(frames.message_bytes, ==, UINT64_MAX);
    g_assert_cmpuint(frames.message_frames, ==, 2);
}

static void test_how_the_bytes_are_cut_makes_no_difference(void)
{
    static const char bytes[] = "\x01\x82maskab\x89\x80mask\x80\xfe\x00\x03maskcde\x8a\x01x";
    for (gsize cut = 1; cut < sizeof bytes - 1; cut++) {
        struct ws_frames frames = {0};
        for (gsize at = 0; at < sizeof bytes - 1; at += cut)
            ws_frames_pass(&frames, bytes + at, MIN(cut, sizeof bytes - 1 - at));
        g_assert_cmpuint(frames.message_bytes, ==, 5);
        g_assert_cmpuint(frames.message_frames, ==, 2);
        g_assert_cmpuint(frames.n_pings + frames.n_pongs, ==, 2);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ws-frames/messages-are-measured", test_messages_are_measured);
    g_test_add_func("/ws-frames/fragments-add-up-across-control-frames",
                    test_fragments_add_up_across_control_frames);
    g_test_add_func("/ws-frames/long-sizes", test_long_sizes);
    g_test_add_func("/ws-frames/how-the-bytes-are-cut-makes-no-difference",
                    test_how_the_bytes_are_cut_makes_no_difference);
    return g_test_run();
}
