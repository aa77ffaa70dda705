/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stream.h"

#include <dubbing_amf.h>
#include <dubbing_clock.h>
#include <string.h>

static const uint8_t avc_config[] = {0x17, 0, 0, 0, 0, 1};
static const uint8_t avc_config_2[] = {0x17, 0, 0, 0, 0, 2};
static const uint8_t avc_key[] = {0x17, 1, 0, 0, 0, 9};
static const uint8_t avc_inter[] = {0x27, 1, 0, 0, 0, 9};
static const uint8_t aac_config[] = {0xaf, 0, 0x11, 0x90};
static const uint8_t aac_frame[] = {0xaf, 1, 7};
static const uint8_t mp3_frame[] = {0x2f, 7};

static bool observe_bytes(struct stream *stream, enum media_kind kind, int64_t at_ms, GBytes *take_payload)
{
    struct media_message *message = media_message_new(kind, at_ms * DUB_NS_PER_MS, take_payload);
    bool usable = stream_observe(stream, message);
    media_message_unref(message);
    return usable;
}

#define VIDEO(stream, at, bytes)                                                                             \
    observe_bytes(stream, MEDIA_VIDEO, at, g_bytes_new_static((bytes), sizeof(bytes)))
#define AUDIO(stream, at, bytes)                                                                             \
    observe_bytes(stream, MEDIA_AUDIO, at, g_bytes_new_static((bytes), sizeof(bytes)))

/* The ids are left out where they are NULL; "7" is a number, "avc1" a text. */
static bool metadata(struct stream *stream, const char *video_id, const char *audio_id)
{
    const char *const ids[] = {video_id, audio_id};
    static const char *const names[] = {"videocodecid", "audiocodecid"};
    g_autoptr(GByteArray) body = g_byte_array_new();
    amf_write_string(body, "onMetaData");
    amf_write_object_begin(body);
    for (size_t i = 0; i < 2; i++) {
        if (ids[i] == NULL)
            continue;
        amf_write_name(body, names[i]);
        if (g_ascii_isdigit(*ids[i]))
            amf_write_number(body, g_ascii_strtod(ids[i], NULL));
        else
            amf_write_string(body, ids[i]);
    }
    amf_write_object_end(body);
    return observe_bytes(stream, MEDIA_DATA, 0, g_bytes_new(body->data, body->len));
}

static void count_message(struct media_message *message, void *user)
{
    guint *count = user;
    (*count)++;
}

static guint start_count(const struct stream *stream)
{
    guint count = 0;
    stream_for_each_start(stream, count_message, &count);
    return count;
}

static void test_announced_tracks_are_awaited(void)
{
    struct stream stream;
    stream_init(&stream);
    metadata(&stream, "7", "10");
    g_assert_false(stream.ready);
    VIDEO(&stream, 0, avc_config);
    g_assert_false(stream.ready);
    AUDIO(&stream, 0, aac_config);
    g_assert_true(stream.ready);
    g_assert_cmpint(stream.video.codec, ==, FLV_CODEC_H264);
    g_assert_cmpint(stream.audio.codec, ==, FLV_CODEC_AAC);
    stream_clear(&stream);
}

static void test_one_announced_track_is_enough(void)
{
    struct stream video;
    stream_init(&video);
    metadata(&video, "avc1", NULL);
    VIDEO(&video, 0, avc_config);
    g_assert_true(video.ready);
    g_assert_true(stream_has_video(&video));
    stream_clear(&video);

    struct stream audio;
    stream_init(&audio);
    metadata(&audio, NULL, "2");
    AUDIO(&audio, 0, mp3_frame);
    g_assert_true(audio.ready);
    g_assert_false(stream_has_video(&audio));
    stream_clear(&audio);
}

static void test_without_metadata_a_second_is_waited(void)
{
    struct stream stream;
    stream_init(&stream);
    AUDIO(&stream, 5000, aac_config);
    AUDIO(&stream, 5000, aac_frame);
    AUDIO(&stream, 5999, aac_frame);
    g_assert_false(stream.ready);
    AUDIO(&stream, 6000, aac_frame);
    g_assert_true(stream.ready);
    stream_clear(&stream);
}

static void test_an_announced_track_may_never_come(void)
{
    struct stream stream;
    stream_init(&stream);
    metadata(&stream, "7", "10");
    VIDEO(&stream, 0, avc_config);
    VIDEO(&stream, 0, avc_key);
    g_assert_false(stream.ready);
    VIDEO(&stream, 1000, avc_inter);
    g_assert_true(stream.ready);
    g_assert_cmpint(stream.audio.codec, ==, FLV_CODEC_NONE);
    stream_clear(&stream);
}

static void test_frames_without_config_are_no_track(void)
{
    struct stream stream;
    stream_init(&stream);
    VIDEO(&stream, 0, avc_key);
    VIDEO(&stream, 5000, avc_inter);
    g_assert_false(stream.ready);
    stream_clear(&stream);
}

static void test_start_is_configs_and_pictures(void)
{
    struct stream stream;
    stream_init(&stream);
    metadata(&stream, "7", "10");
    AUDIO(&stream, 0, aac_frame); /* before any key frame: of no use */
    VIDEO(&stream, 0, avc_config);
    AUDIO(&stream, 0, aac_config);
    VIDEO(&stream, 0, avc_inter);
    g_assert_cmpuint(start_count(&stream), ==, 3);
    VIDEO(&stream, 0, avc_key);
    AUDIO(&stream, 10, aac_frame);
    VIDEO(&stream, 20, avc_inter);
    g_assert_cmpuint(start_count(&stream), ==, 6);
    VIDEO(&stream, 40, avc_key);
    g_assert_cmpuint(start_count(&stream), ==, 4);
    g_assert_cmpuint(stream.gop_bytes, ==, sizeof avc_key);
    stream_clear(&stream);
}

/* Not while readers wait for the key frame. */
static void test_the_group_before_goes_with_the_next_message(void)
{
    struct stream stream;
    const uint64_t before = media_held_bytes();
    stream_init(&stream);
    VIDEO(&stream, 0, avc_key);
    const uint64_t picture = media_held_bytes() - before;
    VIDEO(&stream, 20, avc_inter);
    VIDEO(&stream, 40, avc_key);
    g_assert_cmpuint(start_count(&stream), ==, 1);
    g_assert_cmpuint(media_held_bytes() - before, ==, 3 * picture);
    VIDEO(&stream, 60, avc_inter);
    g_assert_cmpuint(media_held_bytes() - before, ==, 2 * picture);
    VIDEO(&stream, 80, avc_key);
    stream_forget_gop(&stream);
    g_assert_cmpuint(media_held_bytes(), ==, before);
    stream_clear(&stream);
}

static void test_another_config_forgets_the_pictures(void)
{
    struct stream stream;
    stream_init(&stream);
    VIDEO(&stream, 0, avc_config);
    VIDEO(&stream, 0, avc_key);
    VIDEO(&stream, 0, avc_config);
    g_assert_cmpuint(start_count(&stream), ==, 2);
    VIDEO(&stream, 0, avc_config_2);
    g_assert_cmpuint(start_count(&stream), ==, 1);
    stream_clear(&stream);
}

static void test_group_of_pictures_is_bounded(void)
{
    struct stream stream;
    stream_init(&stream);
    VIDEO(&stream, 0, avc_config);
    VIDEO(&stream, 0, avc_key);
    const gsize large = STREAM_GOP_MAX_BYTES;
    uint8_t *frame = g_malloc0(large);
    memcpy(frame, avc_inter, sizeof avc_inter);
    observe_bytes(&stream, MEDIA_VIDEO, 1, g_bytes_new_take(frame, large));
    g_assert_cmpuint(start_count(&stream), ==, 1);
    VIDEO(&stream, 2, avc_inter); /* nothing is kept until the next key frame */
    g_assert_cmpuint(start_count(&stream), ==, 1);
    VIDEO(&stream, 3, avc_key);
    for (guint i = 1; i < STREAM_GOP_MAX_MESSAGES; i++)
        VIDEO(&stream, 4, avc_inter);
    g_assert_cmpuint(start_count(&stream), ==, 1 + STREAM_GOP_MAX_MESSAGES);
    VIDEO(&stream, 5, avc_inter);
    g_assert_cmpuint(start_count(&stream), ==, 1);
    stream_clear(&stream);
}

static void test_unusable_messages(void)
{
    struct stream stream;
    static const uint8_t cut[] = {0x17};
    static const uint8_t broken[] = {0x02, 0, 9, 'x'};
    stream_init(&stream);
    g_assert_false(VIDEO(&stream, 0, cut));
    g_assert_false(observe_bytes(&stream, MEDIA_AUDIO, 0, g_bytes_new_static("", 0)));
    g_assert_false(observe_bytes(&stream, MEDIA_DATA, 0, g_bytes_new_static("", 0)));
    g_assert_false(observe_bytes(&stream, MEDIA_DATA, 0, g_bytes_new_static(broken, sizeof broken)));
    g_assert_cmpuint(start_count(&stream), ==, 0);
    stream_clear(&stream);
}

static void test_other_data_passes(void)
{
    struct stream stream;
    g_autoptr(GByteArray) body = g_byte_array_new();
    stream_init(&stream);
    amf_write_string(body, "onTextData");
    g_assert_true(observe_bytes(&stream, MEDIA_DATA, 0, g_bytes_new(body->data, body->len)));
    g_assert_cmpuint(start_count(&stream), ==, 0);
    stream_clear(&stream);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stream/announced-tracks-are-awaited", test_announced_tracks_are_awaited);
    g_test_add_func("/stream/one-announced-track-is-enough", test_one_announced_track_is_enough);
    g_test_add_func("/stream/without-metadata-a-second-is-waited", test_without_metadata_a_second_is_waited);
    g_test_add_func("/stream/an-announced-track-may-never-come", test_an_announced_track_may_never_come);
    g_test_add_func("/stream/frames-without-config-are-no-track", test_frames_without_config_are_no_track);
    g_test_add_func("/stream/start-is-configs-and-pictures", test_start_is_configs_and_pictures);
    g_test_add_func("/stream/the-group-before-goes-with-the-next-message",
                    test_the_group_before_goes_with_the_next_message);
    g_test_add_func("/stream/another-config-forgets-the-pictures", test_another_config_forgets_the_pictures);
    g_test_add_func("/stream/group-of-pictures-is-bounded", test_group_of_pictures_is_bounded);
    g_test_add_func("/stream/unusable-messages-are-dropped", test_unusable_messages);
    g_test_add_func("/stream/other-data-passes", test_other_data_passes);
    return g_test_run();
}
