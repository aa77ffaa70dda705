/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flv_body.h"

#include <dubbing_amf.h>
#include <dubbing_flv.h>
#include <string.h>

/* Takes the body. */
static void assert_bytes(GBytes *take_body, const char *expected, gsize expected_size)
{
    gsize size;
    const void *data = g_bytes_get_data(take_body, &size);

    g_assert_cmpuint(size, ==, expected_size);
    g_assert_true(data && memcmp(data, expected, expected_size) == 0);
    g_bytes_unref(take_body);
}

static void test_video(void)
{
    g_autoptr(GstBuffer) payload = gst_buffer_new_memdup("\0\0\0\2ab", 6);

    assert_bytes(flv_body_video(66, true, payload), "\x17\1\0\0\x42\0\0\0\2ab", 11);
    assert_bytes(flv_body_video(-2, false, payload), "\x27\1\xff\xff\xfe\0\0\0\2ab", 11);
}

/* What is written is what the parser of the library reads. */
static void test_read_back(void)
{
    g_autoptr(GstBuffer) payload = gst_buffer_new_memdup("\0\0\0\2ab", 6);
    g_autoptr(GBytes) body = flv_body_video(-2, true, payload);
    struct flv_tag tag;
    gsize size;
    const uint8_t *data = g_bytes_get_data(body, &size);

    g_assert_true(flv_parse_video(data, size, &tag));
    g_assert_cmpint(tag.codec, ==, FLV_CODEC_H264);
    g_assert_true(tag.is_frame && tag.is_key && !tag.is_config);
    g_assert_cmpint(tag.composition_ms, ==, -2);
    g_assert_cmpuint(tag.data_at, ==, 5);
}

static void test_audio_and_headers(void)
{
    g_autoptr(GstBuffer) payload = gst_buffer_new_memdup("xy", 2);

    assert_bytes(flv_body_audio(payload), "\xaf\1xy", 4);
    assert_bytes(flv_body_audio_header(payload), "\xaf\0xy", 4);
    assert_bytes(flv_body_video_header(payload), "\x17\0\0\0\0xy", 7);
}

static GPtrArray *read_values(GBytes *body)
{
    gsize size;
    const void *data = g_bytes_get_data(body, &size);
    struct dub_reader reader = dub_reader_on(data, size);
    GPtrArray *values = amf_read_all(&reader, NULL);

    g_assert_nonnull(values);
    return values;
}

static void test_metadata(void)
{
    g_autoptr(GBytes) sized = flv_body_metadata(1280, 720), plain = flv_body_metadata(0, 0);
    g_autoptr(GPtrArray) values = read_values(sized), plain_values = read_values(plain);
    const struct amf_value *object = amf_at(values, 1);

    g_assert_cmpstr(amf_string_or(amf_at(values, 0), NULL), ==, "onMetaData");
    g_assert_cmpfloat(amf_number_or(amf_member(object, "width"), 0), ==, 1280);
    g_assert_cmpfloat(amf_number_or(amf_member(object, "height"), 0), ==, 720);
    g_assert_cmpfloat(amf_number_or(amf_member(object, "videocodecid"), 0), ==, 7);
    g_assert_cmpfloat(amf_number_or(amf_member(object, "audiosamplerate"), 0), ==, 48000);
    g_assert_null(amf_member(amf_at(plain_values, 1), "width"));
}

int main(int argc, char **argv)
{
    gst_init(NULL, NULL);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flv-body/video", test_video);
    g_test_add_func("/flv-body/read-back", test_read_back);
    g_test_add_func("/flv-body/audio-and-headers", test_audio_and_headers);
    g_test_add_func("/flv-body/metadata", test_metadata);
    return g_test_run();
}
