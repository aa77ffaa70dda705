/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "feed.h"

#include <string.h>

/* What came out, as text: kind, time, and the last byte of the body, which names the tag. */
struct rig {
    struct feed feed;
    GString *seen;
};

static GstBuffer *make_tag(uint8_t type, uint32_t time_ms, const uint8_t *body, gsize n_body,
                           bool with_file_header)
{
    GByteArray *bytes = g_byte_array_new();
    const uint8_t head[] = {type,
                            0,
                            (uint8_t)(n_body >> 8),
                            (uint8_t)n_body,
                            (uint8_t)(time_ms >> 16),
                            (uint8_t)(time_ms >> 8),
                            (uint8_t)time_ms,
                            (uint8_t)(time_ms >> 24),
                            0,
                            0,
                            0};
    const uint8_t tail[] = {0, 0, 0, (uint8_t)(n_body + 11)};
    if (with_file_header)
        g_byte_array_append(bytes, (const guint8 *)"FLV\1\5\0\0\0\11\0\0\0\0", 13);
    g_byte_array_append(bytes, head, sizeof head);
    g_byte_array_append(bytes, body, (guint)n_body);
    g_byte_array_append(bytes, tail, sizeof tail);
    gsize size = bytes->len;
    return gst_buffer_new_wrapped(g_byte_array_free(bytes, FALSE), size);
}

static const char *name_of(const struct tag *tag)
{
    static const char *const names[] = {"meta", "avc", "aac", "KEY", "pic", "snd", "data"};
    return names[tag->kind];
}

static void on_output(GstBuffer *take_buffer, void *user)
{
    struct rig *rig = user;
    struct tag tag;
    gsize at;
    uint8_t last = 0;
    if (gst_buffer_get_size(take_buffer) == 13) {
        g_string_append(rig->seen, "FLV ");
    } else {
        g_assert_true(tag_read(&tag, take_buffer, &at));
        gst_buffer_extract(take_buffer, gst_buffer_get_size(take_buffer) - 5, &last, 1);
        g_string_append_printf(rig->seen, "%s@%u:%u ", name_of(&tag), tag.time_ms, last);
    }
    gst_buffer_unref(take_buffer);
}

static void rig_init(struct rig *rig)
{
    rig->seen = g_string_new(NULL);
    feed_init(&rig->feed, on_output, rig);
}

static void rig_clear(struct rig *rig)
{
    feed_clear(&rig->feed);
    g_string_free(rig->seen, TRUE);
}

static void give(struct rig *rig, GstBuffer *take_buffer, int64_t arrival_ms)
{
    feed_take(&rig->feed, take_buffer, arrival_ms);
    gst_buffer_unref(take_buffer);
}

static void metadata(struct rig *rig, uint8_t id)
{
    const uint8_t body[] = {2, 0, 10, 'o', 'n', 'M', 'e', 't', 'a', 'D', 'a', 't', 'a', id};
    give(rig, make_tag(18, 0, body, sizeof body, true), 0);
}

static void headers(struct rig *rig, uint8_t id)
{
    give(rig, make_tag(9, 0, (const uint8_t[]){0x17, 0, 0, 0, 0, id}, 6, false), 0);
    give(rig, make_tag(8, 0, (const uint8_t[]){0xaf, 0, id}, 3, false), 0);
}

static void picture(struct rig *rig, bool key, uint32_t time_ms, uint8_t id, int64_t arrival_ms)
{
    give(rig, make_tag(9, time_ms, (const uint8_t[]){key ? 0x17 : 0x27, 1, 0, 0, 0, id}, 6, false),
         arrival_ms);
}

static void sound(struct rig *rig, uint32_t time_ms, uint8_t id, int64_t arrival_ms)
{
    give(rig, make_tag(8, time_ms, (const uint8_t[]){0xaf, 1, id}, 3, false), arrival_ms);
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
    assert_seen(&rig, "FLV meta@0:1 avc@0:1 aac@0:1 KEY@0:20 snd@10:22 pic@40:23 ");
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
    assert_seen(&rig, "FLV meta@0:1 avc@0:1 aac@0:1 KEY@0:10 ");
    headers(&rig, 2);
    feed_output_begins(&rig.feed);
    picture(&rig, false, 2040, 21, 1040);
    picture(&rig, true, 3000, 30, 2000);
    assert_seen(&rig, "FLV meta@0:1 avc@0:2 aac@0:2 KEY@0:30 ");
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
    assert_seen(&rig, "FLV meta@0:1 avc@0:1 aac@0:1 KEY@0:10 pic@500:11 avc@500:2 aac@500:2 KEY@540:12 ");
    rig_clear(&rig);
}

static void test_other_data_goes_along(void)
{
    const uint8_t body[] = {2, 0, 10, 'o', 'n', 'T', 'e', 'x', 't', 'D', 'a', 't', 'a', 7};
    struct rig rig;
    rig_init(&rig);
    begin(&rig);
    feed_output_begins(&rig.feed);
    give(&rig, make_tag(18, 0, body, sizeof body, false), 0);
    picture(&rig, true, 1000, 10, 0);
    picture(&rig, false, 1040, 11, 40);
    give(&rig, make_tag(18, 0, body, sizeof body, false), 41);
    picture(&rig, false, 1080, 12, 80);
    assert_seen(&rig, "FLV meta@0:1 avc@0:1 aac@0:1 KEY@0:10 pic@40:11 data@40:7 pic@80:12 ");
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
    assert_seen(&rig, "FLV meta@0:1 avc@0:1 aac@0:1 KEY@0:10 pic@500:11 ");

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
    assert_seen(&rig, "FLV meta@0:1 avc@0:1 aac@0:1 KEY@0:10 pic@40:11 KEY@2000:17 pic@2040:18 ");

    /* Another connection is not behind. */
    g_assert_true(feed_set_backlog(&rig.feed, FEED_BACKLOG_MAX_BYTES + 1));
    feed_output_begins(&rig.feed);
    picture(&rig, true, 3000, 19, 3000);
    assert_seen(&rig, "FLV meta@0:1 avc@0:1 aac@0:1 KEY@0:19 ");
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
    assert_seen(&rig, "FLV meta@0:1 avc@0:1 aac@0:1 KEY@0:10 pic@40:11 ");
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
    assert_seen(&rig, "FLV meta@0:1 avc@0:1 aac@0:1 snd@0:12 ");

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
    assert_seen(&rig, "FLV meta@0:1 avc@0:1 aac@0:1 snd@0:12 ");
    rig_clear(&rig);
}

static void test_what_is_no_tag_is_left_out(void)
{
    struct rig rig;
    const uint8_t broken[][16] = {
        {9, 0, 0, 200, 0, 0, 0, 0, 0, 0, 0, 0x17}, /* longer than what is there */
        {9, 0, 0, 0},                              /* no body */
        {7, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x17, 0, 0, 0, 12},
    };
    rig_init(&rig);
    begin(&rig);
    feed_output_begins(&rig.feed);
    for (unsigned i = 0; i < G_N_ELEMENTS(broken); i++)
        for (gsize size = 1; size <= sizeof broken[i]; size++)
            give(&rig, gst_buffer_new_memdup(broken[i], size), 0);
    assert_seen(&rig, "");
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    gst_init(NULL, NULL);
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
    g_test_add_func("/feed/what-is-no-tag-is-left-out", test_what_is_no_tag_is_left_out);
    return g_test_run();
}
