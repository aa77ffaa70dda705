/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flv_probe.h"

#include <glib.h>
#include <string.h>

/* One tag with this payload, after the file's header when asked for. */
static GByteArray *make(uint8_t type, const char *payload, size_t size, bool header)
{
    static const uint8_t file_header[] = "FLV\1\5\0\0\0\x9\0\0\0";
    uint8_t head[11] = {type, 0, 0, (uint8_t)size};
    GByteArray *bytes = g_byte_array_new();

    if (header)
        g_byte_array_append(bytes, file_header, 13);
    g_byte_array_append(bytes, head, sizeof(head));
    g_byte_array_append(bytes, (const uint8_t *)payload, (guint)size);
    g_byte_array_append(bytes, (const uint8_t *)"\0\0\0\0", 4);
    return bytes;
}

static void assert_codec(const char *payload, size_t size, bool header, const char *expected)
{
    g_autoptr(GByteArray) bytes = make(9, payload, size, header);
    char buffer[32];
    const char *codec = "untouched";

    g_assert_true(flv_probe_video(bytes->data, bytes->len, buffer, &codec));
    g_assert_cmpstr(codec, ==, expected);
}

static void test_names(void)
{
    assert_codec("\x17\0\0\0\0", 5, false, NULL);
    assert_codec("\x17\0\0\0\0", 5, true, NULL);
    assert_codec("\x90hvc1..", 7, true, "H.265 (HEVC)");
    assert_codec("\x90"
                 "avc1..",
                 7, false, NULL);
    assert_codec("\x90"
                 "av01",
                 5, false, "AV1");
    assert_codec("\x1c", 1, false, "H.265 (HEVC)");
    assert_codec("\x12", 1, false, "Sorenson H.263");
    assert_codec("\x13", 1, false, "FLV codec 3");
    assert_codec("\x90hv", 3, false, "a codec we do not know");
}

static void test_other_tags_and_broken_ones(void)
{
    g_autoptr(GByteArray) audio = make(8, "\xaf\0..", 4, true);
    g_autoptr(GByteArray) video = make(9, "\x17....", 5, false);
    char buffer[32];
    const char *codec;

    g_assert_false(flv_probe_video(audio->data, audio->len, buffer, &codec));
    g_assert_false(flv_probe_video(NULL, 0, buffer, &codec));
    for (guint size = 0; size < 16; size++)
        g_assert_false(flv_probe_video(video->data, size, buffer, &codec));
    g_byte_array_append(audio, video->data, video->len);
    g_assert_true(flv_probe_video(audio->data, audio->len, buffer, &codec));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flv-probe/names", test_names);
    g_test_add_func("/flv-probe/other-tags-and-broken-ones", test_other_tags_and_broken_ones);
    return g_test_run();
}
