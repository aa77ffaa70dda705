/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_flv.h"

#include <glib.h>

struct expected {
    uint8_t body[8];
    size_t size;
    bool usable;
    struct flv_tag tag;
};

static void check(const struct expected *expected, size_t count,
                  bool (*parse)(const uint8_t *body, size_t size, struct flv_tag *tag))
{
    for (size_t i = 0; i < count; i++) {
        struct flv_tag tag;
        g_test_message("case %zu", i);
        g_assert_cmpint(parse(expected[i].body, expected[i].size, &tag), ==, expected[i].usable);
        if (!expected[i].usable)
            continue;
        g_assert_cmpint(tag.codec, ==, expected[i].tag.codec);
        g_assert_cmpint(tag.is_config, ==, expected[i].tag.is_config);
        g_assert_cmpint(tag.is_frame, ==, expected[i].tag.is_frame);
        g_assert_cmpint(tag.is_key, ==, expected[i].tag.is_key);
        g_assert_cmpint(tag.composition_ms, ==, expected[i].tag.composition_ms);
        g_assert_cmpuint(tag.data_at, ==, expected[i].tag.data_at);
    }
}

static void test_video(void)
{
    static const struct expected cases[] = {
        /* codec, is_config, is_frame, is_key, composition_ms, data_at */
        {{0x17, 0, 0, 0, 0, 1}, 6, true, {FLV_CODEC_H264, true, false, false, 0, 5}},
        {{0x17, 1, 0, 0, 0, 1}, 6, true, {FLV_CODEC_H264, false, true, true, 0, 5}},
        {{0x27, 1, 0, 0, 9, 1}, 6, true, {FLV_CODEC_H264, false, true, false, 9, 5}},
        {{0x27, 1, 0xff, 0xff, 0xfe, 1}, 6, true, {FLV_CODEC_H264, false, true, false, -2, 5}},
        {{0x17, 2, 0, 0, 0}, 5, true, {FLV_CODEC_H264, false, false, true, 0, 5}}, /* end of sequence */
        {{0x57, 1, 0, 0, 0},
         5,
         true,
         {FLV_CODEC_H264, false, false, false, 0, 5}}, /* a command for the player */
        {{0x57, 0, 0, 0, 0}, 5, true, {FLV_CODEC_H264, false, false, false, 0, 5}},
        {{0x1c, 0, 0, 0, 0}, 5, true, {FLV_CODEC_H265, true, false, false, 0, 5}},
        {{0x12, 7}, 2, true, {FLV_CODEC_OTHER, false, true, true, 0, 1}}, /* Sorenson H.263 */
        {{0x90, 'h', 'v', 'c', '1', 0}, 6, true, {FLV_CODEC_H265, true, false, false, 0, 5}},
        {{0x91, 'a', 'v', '0', '1', 0}, 6, true, {FLV_CODEC_AV1, false, true, true, 0, 5}},
        {{0xa3, 'v', 'p', '0', '9', 0}, 6, true, {FLV_CODEC_VP9, false, true, false, 0, 5}},
        {{0x91, 'a', 'v', 'c', '1', 0, 0, 7}, 8, true, {FLV_CODEC_H264, false, true, true, 7, 8}},
        {{0x93, 'a', 'v', 'c', '1', 0, 0, 7}, 8, true, {FLV_CODEC_H264, false, true, true, 0, 5}},
        {{0x92, 'a', 'v', 'c', '1'}, 5, true, {FLV_CODEC_H264, false, false, true, 0, 5}},
        {{0x91, 'x', 'x', 'x', 'x', 0}, 6, true, {FLV_CODEC_OTHER, false, true, true, 0, 5}},
        {{0}, 0, false, {0}},
        {{0x17}, 1, false, {0}},
        {{0x17, 1, 0, 0}, 4, false, {0}},
        {{0x91, 'h', 'v', 'c'}, 4, false, {0}},
        {{0x91, 'a', 'v', 'c', '1', 0}, 6, false, {0}},
    };
    check(cases, G_N_ELEMENTS(cases), flv_parse_video);
}

static void test_audio(void)
{
    static const struct expected cases[] = {
        {{0xaf, 0, 0x11}, 3, true, {FLV_CODEC_AAC, true, false, false, 0, 2}},
        {{0xaf, 1, 0x21}, 3, true, {FLV_CODEC_AAC, false, true, false, 0, 2}},
        {{0x2f, 9}, 2, true, {FLV_CODEC_MP3, false, true, false, 0, 1}},
        {{0x3f}, 1, true, {FLV_CODEC_PCM, false, true, false, 0, 1}},
        {{0x7f}, 1, true, {FLV_CODEC_G711, false, true, false, 0, 1}},
        {{0x5f}, 1, true, {FLV_CODEC_OTHER, false, true, false, 0, 1}},
        {{0x90, 'O', 'p', 'u', 's'}, 5, true, {FLV_CODEC_OTHER, true, false, false, 0, 5}},
        {{0x91, 'O', 'p', 'u', 's', 1}, 6, true, {FLV_CODEC_OTHER, false, true, false, 0, 5}},
        {{0x92, 'O', 'p', 'u', 's'}, 5, true, {FLV_CODEC_OTHER, false, false, false, 0, 5}}, /* the end */
        {{0}, 0, false, {0}},
        {{0xaf}, 1, false, {0}},
        {{0x90, 'O', 'p', 'u'}, 4, false, {0}},
    };
    check(cases, G_N_ELEMENTS(cases), flv_parse_audio);
}

static void test_names(void)
{
    g_assert_cmpstr(flv_codec_name(FLV_CODEC_H264), ==, "H264");
    g_assert_cmpstr(flv_codec_name(FLV_CODEC_AAC), ==, "MPEG-4 Audio");
    g_assert_true(flv_codec_needs_config(FLV_CODEC_AAC));
    g_assert_false(flv_codec_needs_config(FLV_CODEC_MP3));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flv/video-tags", test_video);
    g_test_add_func("/flv/audio-tags", test_audio);
    g_test_add_func("/flv/names", test_names);
    return g_test_run();
}
