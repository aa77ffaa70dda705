/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "feed.h"

#include <string.h>

/* What came out, as text: kind, time, and the last byte of the body, which names the message. */
struct rig {
    struct feed feed;
    GString *seen;
    const void *given; /* the body that was given last */
    size_t n_by_reference;
};

static const char *name_of(enum feed_kind kind)
{
    static const char *const names[] = {"meta", "avc", "aac", "KEY", "pic", "snd", "data"};
    return names[kind];
}

static void on_output(const struct rtmp_message *message, void *user)
{
    struct rig *rig = user;
    gsize size;
    const uint8_t *body = g_bytes_get_data(message->payload, &size);
    g_string_append_printf(rig->seen, "%s@%u:%u ", name_of(feed_kind_of(message)), message->timestamp_ms,
                           body[size - 1]);
    rig->n_by_reference += body == rig->given;
}

static void rig_init(struct rig *rig)
{
    *rig = (struct rig){.seen = g_string_new(NULL)};
    feed_init(&rig->feed, on_output, rig);
}

static void rig_clear(struct rig *rig)
{
    feed_clear(&rig->feed);
    g_string_free(rig->seen, TRUE);
}

static void give(struct rig *rig, uint8_t type, uint32_t time_ms, const void *body, size_t size,
                 int64_t arrival_ms)
{
    g_autoptr(GBytes) payload = g_bytes_new(body, size);
    struct rtmp_message message = {.type = type, .stream_id = 1, .timestamp_ms = time_ms, .payload = payload};
    rig->given = g_bytes_get_data(payload, NULL);
    feed_take(&rig->feed, &message, arrival_ms);
}

static void metadata(struct rig *rig, uint8_t id)
{
    const uint8_t body[] = {2, 0, 10, 'o', 'n', 'M', 'e', 't', 'a', 'D', 'a', 't', 'a', id};
    give(rig, RTMP_DATA_AMF0, 0, body, sizeof body, 0);
}

static void headers(struct rig *rig, uint8_t id)
{
    give(rig, RTMP_VIDEO, 0, (const uint8_t[]){0x17, 0, 0, 0, 0, id}, 6, 0);
    give(rig, RTMP_AUDIO, 0, (const uint8_t[]){0xaf, 0, id}, 3, 0);
}

static void picture(struct rig *rig, bool key, uint32_t time_ms, uint8_t id, int64_t arrival_ms)
{
    give(rig, RTMP_VIDEO, time_ms, (const uint8_t[]){key ? 0x17 : 0x27, 1, 0, 0, 0, id}, 6, arrival_ms);
}

static void sound(struct rig *rig, uint32_t time_ms, uint8_t id, int64_t arrival_ms)
{
    give(rig, RTMP_AUDIO, time_ms, (const uint8_t[]){0xaf, 1, id}, 3, arrival_ms);
}

static void assert_seen(struct rig *rig, const char *expected)
{
    g_assert_cmpstr(rig->seen->str, ==, expected);
    g_string_set_size(rig->seen, 0);
}

static void begin(struct rig *rig)
{
    feed_input_begins(&rig->feed);
    metadata(rig, 1);
    headers(rig, 1);
}

static void test_a_connection_begins_with_headers_and_a_key_picture(void)
{
    struct rig rig;
    rig_init(&rig);
    begin(&rig);
    picture(&rig, true, 1000, 10, 0);
    assert_seen(&rig, "");
    feed_output_begins(&rig.feed);
    picture(&rig, false, 1040, 11, 40);
    sound(&rig, 1050, 12, 50);
    assert_seen(&rig, "");
    picture(&rig, true, 2000, 20, 1000);
    sound(&rig, 1990, 21, 1001);
    sound(&rig, 2010, 22, 1010);
    picture(&rig, false, 2040, 23, 1040);
    assert_seen(&rig, "meta@0:1 avc@0:1 aac@0:1 KEY@0:20 snd@10:22 pic@40:23 ");
    rig_clear(&rig);
}

static void test_each_connection_begins_anew(void)
{
    struct rig rig;
    rig_init(&rig);
    begin(&rig);
    feed_output_begins(&rig.feed);
    picture(&rig, true, 1000, 10, 0);
    feed_output_ends(&rig.feed);
    picture(&rig, true, 2000, 20, 1000);
    assert_seen(&rig, "meta@0:1 avc@0:1 aac@0:1 KEY@0:10 ");
    headers(&rig, 2);
    feed_output_begins(&rig.feed);
    picture(&rig, false, 2040, 21, 1040);
    picture(&rig, true, 3000, 30, 2000);
    assert_seen(&rig, "meta@0:1 avc@0:2 aac@0:2 KEY@0:30 ");
    rig_clear(&rig);
}

static void test_headers_in_mid_stream_have_the_time_of_their_place(void)
{
    struct rig rig;
    rig_init(&rig);
    begin(&rig);
    feed_output_begins(&rig.feed);
    picture(&rig, true, 1000, 10, 0);
    picture(&rig, false, 1500, 11, 500);
    headers(&rig, 2);
    picture(&rig, true, 1540, 12, 540);
    assert_seen(&rig, "meta@0:1 avc@0:1 aac@0:1 KEY@0:10 pic@500:11 avc@500:2 aac@500:2 KEY@540:12 ");
    rig_clear(&rig);
}

static void test_other_data_goes_along(void)
{
    const uint8_t body[] = {2, 0, 10, 'o', 'n', 'T', 'e', 'x', 't', 'D', 'a', 't', 'a', 7};
    struct rig rig;
    rig_init(&rig);
    begin(&rig);
    feed_output_begins(&rig.feed);
    give(&rig, RTMP_DATA_AMF0, 0, body, sizeof body, 0);
    picture(&rig, true, 1000, 10, 0);
    picture(&rig, false, 1040, 11, 40);
    give(&rig, RTMP_DATA_AMF0, 0, body, sizeof body, 41);
    picture(&rig, false, 1080, 12, 80);
    assert_seen(&rig, "meta@0:1 avc@0:1 aac@0:1 KEY@0:10 pic@40:11 data@40:7 pic@80:12 ");
    rig_clear(&rig);
}

static void test_an_input_that_comes_back_goes_on_in_time(void)
{
    struct rig rig;
    rig_init(&rig);
    begin(&rig);
    feed_output_begins(&rig.feed);
    picture(&rig, true, 90000, 10, 1000);
    picture(&rig, false, 90500, 11, 1500);
    assert_seen(&rig, "meta@0:1 avc@0:1 aac@0:1 KEY@0:10 pic@500:11 ");

    /* Two seconds later, from 0 again: its headers go at once, its pictures from a key picture on. */
    feed_input_begins(&rig.feed);
    metadata(&rig, 2);
    headers(&rig, 2);
    picture(&rig, false, 0, 12, 3499);
    picture(&rig, true, 40, 13, 3540);
    sound(&rig, 20, 14, 3541);
    sound(&rig, 50, 15, 3550);
    assert_seen(&rig, "meta@500:2 avc@500:2 aac@500:2 KEY@2540:13 snd@2550:15 ");
    rig_clear(&rig);
}

static void test_a_destination_that_is_behind_goes_on_at_a_key_picture(void)
{
    struct rig rig;
    rig_init(&rig);
    begin(&rig);
    feed_output_begins(&rig.feed);
    g_assert_false(feed_set_backlog(&rig.feed, 0));
    picture(&rig, true, 0, 10, 0);
    g_assert_false(feed_set_backlog(&rig.feed, FEED_BACKLOG_MAX_BYTES));
    picture(&rig, false, 40, 11, 40);
    g_assert_true(feed_set_backlog(&rig.feed, FEED_BACKLOG_MAX_BYTES + 1));
    picture(&rig, false, 80, 12, 80);
    g_assert_false(feed_set_backlog(&rig.feed, FEED_BACKLOG_MAX_BYTES + 1));
    picture(&rig, true, 1000, 13, 1000);
    g_assert_false(feed_set_backlog(&rig.feed, FEED_BACKLOG_MAX_BYTES / 2));
    sound(&rig, 1010, 14, 1010);
    picture(&rig, true, 1020, 15, 1020);
    g_assert_false(feed_set_backlog(&rig.feed, FEED_BACKLOG_MAX_BYTES / 2 - 1));
    picture(&rig, false, 1040, 16, 1040);
    g_assert_false(feed_set_backlog(&rig.feed, FEED_BACKLOG_MAX_BYTES - 1));
    picture(&rig, true, 2000, 17, 2000);
    picture(&rig, false, 2040, 18, 2040);
    assert_seen(&rig, "meta@0:1 avc@0:1 aac@0:1 KEY@0:10 pic@40:11 KEY@2000:17 pic@2040:18 ");

    /* Another connection is not behind. */
    g_assert_true(feed_set_backlog(&rig.feed, FEED_BACKLOG_MAX_BYTES + 1));
    feed_output_begins(&rig.feed);
    picture(&rig, true, 3000, 19, 3000);
    assert_seen(&rig, "meta@0:1 avc@0:1 aac@0:1 KEY@0:19 ");
    rig_clear(&rig);
}

static void test_time_wraps_without_a_step(void)
{
    struct rig rig;
    rig_init(&rig);
    begin(&rig);
    feed_output_begins(&rig.feed);
    picture(&rig, true, UINT32_MAX - 9, 10, 0);
    picture(&rig, false, 30, 11, 40);
    assert_seen(&rig, "meta@0:1 avc@0:1 aac@0:1 KEY@0:10 pic@40:11 ");
    rig_clear(&rig);
}

static void test_sound_alone_passes_after_a_while(void)
{
    struct rig rig;
    rig_init(&rig);
    begin(&rig);
    feed_output_begins(&rig.feed);
    sound(&rig, 100, 10, 0);
    sound(&rig, 100 + FEED_SOUND_ONLY_AFTER_MS - 1, 11, 1);
    assert_seen(&rig, "");
    sound(&rig, 100 + FEED_SOUND_ONLY_AFTER_MS, 12, 2);
    assert_seen(&rig, "meta@0:1 avc@0:1 aac@0:1 snd@0:12 ");

    /* A picture that comes late begins with a key picture too. */
    picture(&rig, false, 4000, 13, 3);
    picture(&rig, true, 4040, 14, 4);
    picture(&rig, false, 4080, 15, 5);
    assert_seen(&rig, "KEY@940:14 pic@980:15 ");

    feed_output_begins(&rig.feed);
    picture(&rig, false, 5000, 16, 6);
    sound(&rig, 9000, 17, 7);
    assert_seen(&rig, "");
    rig_clear(&rig);
}

static void test_an_input_may_come_back_without_pictures(void)
{
    struct rig rig;
    rig_init(&rig);
    begin(&rig);
    picture(&rig, true, 0, 10, 0);
    feed_output_begins(&rig.feed);
    begin(&rig);
    sound(&rig, 0, 11, 100);
    sound(&rig, FEED_SOUND_ONLY_AFTER_MS, 12, 3100);
    assert_seen(&rig, "meta@0:1 avc@0:1 aac@0:1 snd@0:12 ");
    rig_clear(&rig);
}

/* A publisher that begins anew without its connection to the router, or the router's to us, being lost. */
static void test_time_goes_on_where_timestamps_step_back(void)
{
    struct rig rig;
    rig_init(&rig);
    begin(&rig);
    feed_output_begins(&rig.feed);
    picture(&rig, true, 90000, 10, 1000);
    sound(&rig, 90010, 11, 1010);
    picture(&rig, true, 500, 12, 1040);
    sound(&rig, 510, 13, 1050);
    assert_seen(&rig, "meta@0:1 avc@0:1 aac@0:1 KEY@0:10 snd@10:11 KEY@40:12 snd@50:13 ");

    /* Another connection of the input has timestamps of its own. */
    begin(&rig);
    picture(&rig, true, 7000, 14, 2049);
    sound(&rig, 7010, 15, 2059);
    assert_seen(&rig, "meta@50:1 avc@50:1 aac@50:1 KEY@1050:14 snd@1060:15 ");
    rig_clear(&rig);
}

static void test_bodies_pass_by_reference(void)
{
    struct rig rig;
    rig_init(&rig);
    begin(&rig);
    feed_output_begins(&rig.feed);
    picture(&rig, true, 1000, 10, 0);
    sound(&rig, 1010, 11, 10);
    headers(&rig, 2);
    metadata(&rig, 2);
    assert_seen(&rig, "meta@0:1 avc@0:1 aac@0:1 KEY@0:10 snd@10:11 avc@10:2 aac@10:2 meta@10:2 ");
    /* All but the three that were kept. */
    g_assert_cmpuint(rig.n_by_reference, ==, 5);
    rig_clear(&rig);
}

static void test_what_is_no_media_is_left_out(void)
{
    static const uint8_t types[] = {RTMP_AUDIO, RTMP_VIDEO, RTMP_DATA_AMF0};
    struct rig rig;
    rig_init(&rig);
    begin(&rig);
    feed_output_begins(&rig.feed);
    picture(&rig, true, 0, 10, 0);
    assert_seen(&rig, "meta@0:1 avc@0:1 aac@0:1 KEY@0:10 ");
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++)
        give(&rig, types[i], 0, NULL, 0, 0);
    for (unsigned type = 0; type <= 22; type++)
        if (memchr(types, (int)type, sizeof types) == NULL)
            give(&rig, (uint8_t)type, 0, "\x17\1\0\0\0", 5, 0);
    assert_seen(&rig, "");
    rig_clear(&rig);
}

static void test_kinds(void)
{
    static const struct {
        uint8_t type;
        const char *body;
        gsize n_body;
        enum feed_kind kind;
    } cases[] = {
        {18, "\2\0\12onMetaData\10", 14, FEED_METADATA},
        {18, "\2\0\15@setDataFrame\2\0\12onMetaData\10", 30, FEED_METADATA},
        {18, "\2\0\12onTextData\10", 14, FEED_DATA},
        {18, "\2\0\12onMeta", 9, FEED_DATA},
        {18, "\0\0\0", 3, FEED_DATA},
        {8, "\xaf\0\x11\x90", 4, FEED_AUDIO_HEADER},
        {8, "\xaf\1\x21", 3, FEED_SOUND},
        {8, "\xaf", 1, FEED_SOUND},
        {8, "\x2f\0", 2, FEED_SOUND}, /* MP3 has no header */
        {8, "\x90Opus", 5, FEED_AUDIO_HEADER},
        {8, "\x91Opus\1", 6, FEED_SOUND},
        {9, "\x17\0\0\0\0\1", 6, FEED_VIDEO_HEADER},
        {9, "\x17\1\0\0\0\1", 6, FEED_KEY_PICTURE},
        {9, "\x27\1\0\0\0\1", 6, FEED_PICTURE},
        {9, "\x17\2\0\0\0", 5, FEED_PICTURE}, /* the end of the sequence */
        {9, "\x17", 1, FEED_PICTURE},
        {9, "\x57\0", 2, FEED_PICTURE}, /* a command to the player */
        {9, "\x57\0\0\0\0", 5, FEED_PICTURE},
        {9, "\x12\0", 2, FEED_KEY_PICTURE},
        {9, "\x90hvc1\1", 6, FEED_VIDEO_HEADER},
        {9, "\x91hvc1\0\0\0\1", 9, FEED_KEY_PICTURE},
        {9, "\x93hvc1\1", 6, FEED_KEY_PICTURE},
        {9, "\xa1hvc1\0\0\0\1", 9, FEED_PICTURE},
        {9, "\x92hvc1\1", 6, FEED_PICTURE},
        {9, "", 0, FEED_NOTHING},
        {20, "\2\0\12onMetaData\10", 14, FEED_NOTHING},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GBytes) body = g_bytes_new_static(cases[i].body, cases[i].n_body);
        struct rtmp_message message = {.type = cases[i].type, .payload = body};
        g_test_message("case %u", i);
        g_assert_cmpint(feed_kind_of(&message), ==, cases[i].kind);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/feed/a-connection-begins-with-headers-and-a-key-picture",
                    test_a_connection_begins_with_headers_and_a_key_picture);
    g_test_add_func("/feed/each-connection-begins-anew", test_each_connection_begins_anew);
    g_test_add_func("/feed/headers-in-mid-stream-have-the-time-of-their-place",
                    test_headers_in_mid_stream_have_the_time_of_their_place);
    g_test_add_func("/feed/other-data-goes-along", test_other_data_goes_along);
    g_test_add_func("/feed/an-input-that-comes-back-goes-on-in-time",
                    test_an_input_that_comes_back_goes_on_in_time);
    g_test_add_func("/feed/a-destination-that-is-behind-goes-on-at-a-key-picture",
                    test_a_destination_that_is_behind_goes_on_at_a_key_picture);
    g_test_add_func("/feed/time-wraps-without-a-step", test_time_wraps_without_a_step);
    g_test_add_func("/feed/sound-alone-passes-after-a-while", test_sound_alone_passes_after_a_while);
    g_test_add_func("/feed/an-input-may-come-back-without-pictures",
                    test_an_input_may_come_back_without_pictures);
    g_test_add_func("/feed/time-goes-on-where-timestamps-step-back",
                    test_time_goes_on_where_timestamps_step_back);
    g_test_add_func("/feed/bodies-pass-by-reference", test_bodies_pass_by_reference);
    g_test_add_func("/feed/what-is-no-media-is-left-out", test_what_is_no_media_is_left_out);
    g_test_add_func("/feed/kinds", test_kinds);
    return g_test_run();
}
