/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tag.h"

#include <string.h>

static GstBuffer *make_tag(uint8_t type, const uint8_t *body, gsize n_body)
{
    uint8_t bytes[128] = {type, 0, 0, (uint8_t)n_body, 0x22, 0x33, 0x44, 0x11};
    memcpy(bytes + 11, body, n_body);
    bytes[11 + n_body + 3] = (uint8_t)(11 + n_body);
    return gst_buffer_new_memdup(bytes, 11 + n_body + 4);
}

static void test_kinds(void)
{
    static const struct {
        uint8_t type;
        const char *body;
        gsize n_body;
        enum tag_kind kind;
    } cases[] = {
        {18, "\2\0\12onMetaData\10", 14, TAG_METADATA},
        {18, "\2\0\15@setDataFrame\2\0\12onMetaData\10", 30, TAG_METADATA},
        {18, "\2\0\12onTextData\10", 14, TAG_DATA},
        {18, "\0\0\0", 3, TAG_DATA},
        {8, "\xaf\0\x11\x90", 4, TAG_AUDIO_HEADER},
        {8, "\xaf\1\x21", 3, TAG_SOUND},
        {8, "\xaf", 1, TAG_SOUND},
        {8, "\x2f\0", 2, TAG_SOUND}, /* MP3 has no header */
        {8, "\x90Opus", 5, TAG_AUDIO_HEADER},
        {8, "\x91Opus\1", 6, TAG_SOUND},
        {9, "\x17\0\0\0\0\1", 6, TAG_VIDEO_HEADER},
        {9, "\x17\1\0\0\0\1", 6, TAG_KEY_PICTURE},
        {9, "\x27\1\0\0\0\1", 6, TAG_PICTURE},
        {9, "\x17\2\0\0\0", 5, TAG_PICTURE}, /* the end of the sequence */
        {9, "\x17", 1, TAG_PICTURE},
        {9, "\x57\0", 2, TAG_PICTURE}, /* a command to the player */
        {9, "\x12\0", 2, TAG_KEY_PICTURE},
        {9, "\x90hvc1\1", 6, TAG_VIDEO_HEADER},
        {9, "\x91hvc1\1", 6, TAG_KEY_PICTURE},
        {9, "\x93hvc1\1", 6, TAG_KEY_PICTURE},
        {9, "\xa1hvc1\1", 6, TAG_PICTURE},
        {9, "\x92hvc1\1", 6, TAG_PICTURE},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct tag tag;
        gsize at;
        g_autoptr(GstBuffer) buffer =
            make_tag(cases[i].type, (const uint8_t *)cases[i].body, cases[i].n_body);
        g_assert_true(tag_read(&tag, buffer, &at));
        g_assert_cmpint(tag.kind, ==, cases[i].kind);
        g_assert_cmpuint(tag.time_ms, ==, 0x11223344);
        g_assert_cmpuint(at, ==, 0);
    }
}

static void test_only_the_time_changes(void)
{
    g_autoptr(GstBuffer) buffer = make_tag(9, (const uint8_t *)"\x17\1\0\0\0body", 9);
    g_autoptr(GstBuffer) file = gst_buffer_new_memdup("FLV\1\5\0\0\0\11\0\0\0\0", 13);
    uint8_t before[64], after[64];
    struct tag tag;
    gsize at, size = gst_buffer_extract(buffer, 0, before, sizeof before);
    file = gst_buffer_append(g_steal_pointer(&file), gst_buffer_ref(buffer));
    g_assert_true(tag_read(&tag, file, &at));
    g_assert_cmpuint(at, ==, 13);
    g_autoptr(GstBuffer) moved = tag_with_time(file, at, 0xa1b2c3d4);
    g_assert_cmpuint(gst_buffer_extract(moved, 0, after, sizeof after), ==, size);
    g_assert_true(memcmp(after + 4, "\xb2\xc3\xd4\xa1", 4) == 0);
    memcpy(after + 4, before + 4, 4);
    g_assert_true(memcmp(after, before, size) == 0);
}

int main(int argc, char **argv)
{
    gst_init(NULL, NULL);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tag/kinds", test_kinds);
    g_test_add_func("/tag/only-the-time-changes", test_only_the_time_changes);
    return g_test_run();
}
