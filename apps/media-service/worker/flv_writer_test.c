/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flv_writer.h"

#include <dubbing_bytes.h>
#include <string.h>

struct tag {
    uint8_t type;
    uint32_t time_ms;
    uint8_t data[64];
    size_t size;
};

/* Reads one tag back by the specification and holds its sizes against each other. Takes the buffer. */
static struct tag read_tag(GstBuffer *take_buffer)
{
    struct tag tag = {0};
    GstMapInfo map;

    g_assert_true(gst_buffer_map(take_buffer, &map, GST_MAP_READ));
    struct dub_reader reader = dub_reader_on(map.data, map.size);
    tag.type = dub_read_u8(&reader);
    tag.size = dub_read_be24(&reader);
    tag.time_ms = dub_read_be24(&reader);
    tag.time_ms |= (uint32_t)dub_read_u8(&reader) << 24;
    g_assert_cmpuint(dub_read_be24(&reader), ==, 0);
    const uint8_t *data = dub_read_bytes(&reader, tag.size);
    g_assert_nonnull(data);
    memcpy(tag.data, data, MIN(tag.size, sizeof(tag.data)));
    g_assert_cmpuint(dub_read_be32(&reader), ==, tag.size + 11);
    g_assert_cmpuint(dub_reader_left(&reader), ==, 0);
    gst_buffer_unmap(take_buffer, &map);
    gst_buffer_unref(take_buffer);
    return tag;
}

static void assert_bytes(const uint8_t *bytes, size_t size, const char *expected, size_t expected_size)
{
    g_assert_cmpuint(size, ==, expected_size);
    g_assert_true(memcmp(bytes, expected, size) == 0);
}

static void test_video(void)
{
    g_autoptr(GstBuffer) payload = gst_buffer_new_memdup("\0\0\0\2ab", 6);
    struct tag key = read_tag(flv_write_video(0x01020304, 66, true, payload));
    struct tag inter = read_tag(flv_write_video(40, -2, false, payload));

    g_assert_cmpuint(key.type, ==, 9);
    g_assert_cmphex(key.time_ms, ==, 0x01020304);
    assert_bytes(key.data, key.size, "\x17\1\0\0\x42\0\0\0\2ab", 11);
    assert_bytes(inter.data, inter.size, "\x27\1\xff\xff\xfe\0\0\0\2ab", 11);
}

static void test_payload_is_shared(void)
{
    g_autoptr(GstBuffer) payload = gst_buffer_new_memdup("abcdef", 6);
    g_autoptr(GstBuffer) tag = flv_write_audio(1, payload);

    g_assert_true(gst_buffer_peek_memory(tag, 1) == gst_buffer_peek_memory(payload, 0));
}

static void test_audio_and_headers(void)
{
    g_autoptr(GstBuffer) payload = gst_buffer_new_memdup("xy", 2);
    struct tag audio = read_tag(flv_write_audio(21, payload));
    struct tag audio_header = read_tag(flv_write_audio_header(0, payload));
    struct tag video_header = read_tag(flv_write_video_header(0, payload));

    g_assert_cmpuint(audio.type, ==, 8);
    assert_bytes(audio.data, audio.size, "\xaf\1xy", 4);
    assert_bytes(audio_header.data, audio_header.size, "\xaf\0xy", 4);
    assert_bytes(video_header.data, video_header.size, "\x17\0\0\0\0xy", 7);
}

static void test_metadata(void)
{
    struct tag sized = read_tag(flv_write_metadata(1280, 720));
    struct tag plain = read_tag(flv_write_metadata(0, 0));

    g_assert_cmpuint(sized.type, ==, 18);
    assert_bytes(sized.data, 13, "\2\0\12onMetaData", 13);
    assert_bytes(sized.data + 13, 5, "\x08\0\0\0\6", 5);
    g_assert_cmpuint(sized.size - plain.size, ==, (2 + 5 + 9) + (2 + 6 + 9));
}

static void test_file_header(void)
{
    g_autoptr(GstBuffer) header = flv_write_file_header();
    GstMapInfo map;

    gst_buffer_map(header, &map, GST_MAP_READ);
    assert_bytes(map.data, map.size, "FLV\1\5\0\0\0\x9\0\0\0\0", 13);
    gst_buffer_unmap(header, &map);
}

int main(int argc, char **argv)
{
    gst_init(NULL, NULL);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flv-writer/video", test_video);
    g_test_add_func("/flv-writer/payload-is-shared", test_payload_is_shared);
    g_test_add_func("/flv-writer/audio-and-headers", test_audio_and_headers);
    g_test_add_func("/flv-writer/metadata", test_metadata);
    g_test_add_func("/flv-writer/file-header", test_file_header);
    return g_test_run();
}
