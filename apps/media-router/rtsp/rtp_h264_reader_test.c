/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../tests/rtp_rig.h"
#include "rtp_h264.h"

#include <malloc.h>
#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

#define HIGH_CONFIG "17 00 000000 01 64001e ff e1 001a" RTP_RIG_SPS "01 0004" RTP_RIG_PPS "fd f8 f8 00"
#define BASELINE_CONFIG                                                                                      \
    "17 00 000000 01 42c00c ff e1 0019" RTP_RIG_BASELINE_SPS "01 0005" RTP_RIG_BASELINE_PPS
#define IDR "65 88 11 22"
#define SLICE "41 9a 33"
#define RECOVERY_SEI "06 06 01 c4 80"

struct rig {
    GPtrArray *seen;
    struct rtp_reader_stats stats;
    struct rtp_h264_reader *reader;
    struct rtp_rig_source source;
    bool after_gap;
};

/* sets: NULL: none in the SDP. */
static struct rig *begin(const char *sps, const char *pps)
{
    struct rig *rig = g_new0(struct rig, 1);
    g_autoptr(GPtrArray) sets = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    if (sps != NULL && pps != NULL) {
        g_ptr_array_add(sets, rtp_rig_bytes(sps));
        g_ptr_array_add(sets, rtp_rig_bytes(pps));
    }
    rig->seen = rtp_rig_list();
    struct rtp_sink sink = {.media = rtp_rig_catch, .user = rig->seen, .stats = &rig->stats};
    rig->reader = rtp_h264_reader_new(sets, sink);
    rtp_h264_reader_start(rig->reader);
    return rig;
}

static void end(struct rig *rig)
{
    rtp_h264_reader_free(rig->reader);
    g_ptr_array_unref(rig->seen);
    g_free(rig);
}

/* time_ms is timestamp and presentation time. */
static void send_bytes(struct rig *rig, int64_t time_ms, bool marker, const uint8_t *payload, gsize size)
{
    struct rtp_packet packet = {
        .marker = marker, .timestamp = (uint32_t)(time_ms * 90), .payload = payload, .payload_size = size};
    rtp_h264_reader_packet(rig->reader, &packet, rig->after_gap, time_ms * RTP_RIG_MS);
    rig->after_gap = false;
}

static void send(struct rig *rig, int64_t time_ms, bool marker, const char *hex)
{
    g_autoptr(GBytes) payload = rtp_rig_bytes(hex);
    send_bytes(rig, time_ms, marker, g_bytes_get_data(payload, NULL), g_bytes_get_size(payload));
}

static void expect(const struct rig *rig, guint index, const char *hex)
{
    rtp_rig_assert_bytes(rtp_rig_at(rig->seen, index)->payload, hex);
}

static void test_single_nals(void)
{
    struct rig *rig = begin(RTP_RIG_BASELINE_SPS, RTP_RIG_BASELINE_PPS);
    expect(rig, 0, BASELINE_CONFIG);
    send(rig, 40, false, "09 10"); /* the delimiter goes */
    send(rig, 40, false, "06 05 01 aa 80");
    send(rig, 40, false, IDR);
    send(rig, 40, true, "65 0f 55");
    send(rig, 80, true, SLICE);
    g_assert_cmpuint(rig->seen->len, ==, 3);
    expect(rig, 1, "17 01 000000 00000005 0605 01aa80 00000004" IDR "00000003 650f55");
    expect(rig, 2, "27 01 000000 00000003" SLICE);
    g_assert_cmpint(rtp_rig_at(rig->seen, 2)->dts_ns, ==, 80 * RTP_RIG_MS);
    end(rig);
}

static void test_parameter_sets_in_band(void)
{
    struct rig *rig = begin(NULL, NULL);
    unsigned width, height;
    g_assert_cmpuint(rig->seen->len, ==, 0);
    g_assert_false(rtp_h264_reader_get_size(rig->reader, &width, &height));
    send(rig, 0, true, IDR); /* cannot be described yet */
    g_assert_cmpuint(rig->seen->len, ==, 0);
    send(rig, 40, false, "78 001a" RTP_RIG_SPS "0004" RTP_RIG_PPS "0005" RECOVERY_SEI);
    send(rig, 40, true, IDR);
    g_assert_cmpuint(rig->seen->len, ==, 2);
    expect(rig, 0, HIGH_CONFIG);
    expect(rig, 1, "17 01 000028 00000005" RECOVERY_SEI "00000004" IDR);
    g_assert_true(rtp_h264_reader_get_size(rig->reader, &width, &height));
    g_assert_cmpuint(width, ==, 640);
    g_assert_cmpuint(height, ==, 360);
    g_assert_cmpuint(rig->stats.dropped_units, ==, 1);
    /* The same again is no change, others are: the header comes first, with the picture's time. */
    send(rig, 80, false, RTP_RIG_SPS);
    send(rig, 80, true, IDR);
    g_assert_cmpuint(rig->seen->len, ==, 3);
    send(rig, 120, false, RTP_RIG_BASELINE_SPS);
    send(rig, 120, false, RTP_RIG_BASELINE_PPS);
    send(rig, 120, true, IDR);
    g_assert_cmpuint(rig->seen->len, ==, 5);
    expect(rig, 3, BASELINE_CONFIG);
    g_assert_cmpint(rtp_rig_at(rig->seen, 3)->dts_ns, ==, rtp_rig_at(rig->seen, 4)->dts_ns);
    end(rig);
}

static void test_fragments(void)
{
    struct rig *rig = begin(RTP_RIG_BASELINE_SPS, RTP_RIG_BASELINE_PPS);
    send(rig, 40, false, "7c 85 88 01 02");
    send(rig, 40, false, "7c 05 03 04");
    send(rig, 40, false, "7c 45 05");
    send(rig, 40, false, "5c 81 80 99");
    send(rig, 40, true, "5c 41 98");
    expect(rig, 1, "17 01 000000 00000007 65880102030405 00000004 41809998");
    end(rig);
}

static void test_fragments_whole(void)
{
    struct rig *rig = begin(NULL, NULL);
    /* Even parameter sets may come in pieces, and a piece may be all there is. */
    send(rig, 40, false, "7c 87 64001eacd940a02ff97011000003000100000300");
    send(rig, 40, false, "7c 47 3c0f162d96");
    send(rig, 40, false, RTP_RIG_PPS);
    send(rig, 40, true, "7c c5 881122");
    expect(rig, 0, HIGH_CONFIG);
    expect(rig, 1, "17 01 000028 00000004" IDR);
    end(rig);
}

static void test_broken_fragments_damage_the_picture(void)
{
    static const struct {
        const char *packets[3];
    } cases[] = {
        {{"5c 01 80", "5c 41 99", NULL}}, /* no start */
        {{"5c 81 80 99", SLICE, NULL}},   /* no end, another unit */
        {{"5c 81 80 99", NULL, NULL}},    /* no end, nothing more */
        {{"5c 81 80 99", "5c 81 80", "5c 41 99"}},
        {{"5c", NULL, NULL}},
        {{"78 0005 41 9a", NULL, NULL}}, /* an aggregate that is cut */
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct rig *rig = begin(RTP_RIG_BASELINE_SPS, RTP_RIG_BASELINE_PPS);
        send(rig, 0, true, IDR);
        for (unsigned k = 0; k < 3 && cases[i].packets[k] != NULL; k++)
            send(rig, 40, false, cases[i].packets[k]);
        send(rig, 80, true, SLICE);
        g_assert_cmpuint(rig->seen->len, ==, 2);
        send(rig, 120, true, IDR);
        g_assert_cmpuint(rig->seen->len, ==, 3);
        g_assert_cmpuint(rig->stats.dropped_units, >=, 1);
        end(rig);
    }
}

static void test_no_marker(void)
{
    struct rig *rig = begin(RTP_RIG_BASELINE_SPS, RTP_RIG_BASELINE_PPS);
    send(rig, 0, false, IDR);
    g_assert_cmpuint(rig->seen->len, ==, 1);
    send(rig, 40, false, SLICE);
    g_assert_cmpuint(rig->seen->len, ==, 2);
    send(rig, 40, false, "");
    rtp_h264_reader_flush(rig->reader);
    rtp_h264_reader_flush(rig->reader);
    g_assert_cmpuint(rig->seen->len, ==, 3);
    end(rig);
}

static void test_loss_waits_for_a_key_frame(void)
{
    struct rig *rig = begin(RTP_RIG_BASELINE_SPS, RTP_RIG_BASELINE_PPS);
    send(rig, 0, true, SLICE); /* nothing to start from */
    send(rig, 40, true, IDR);
    send(rig, 80, false, SLICE);
    rig->after_gap = true;
    send(rig, 120, true, SLICE);
    send(rig, 160, true, SLICE);
    g_assert_cmpuint(rig->seen->len, ==, 2);
    g_assert_cmpuint(rig->stats.dropped_units, ==, 4);
    send(rig, 200, false, RECOVERY_SEI);
    send(rig, 200, true, SLICE);
    expect(rig, 2, "17 01 000000 00000005" RECOVERY_SEI "00000003" SLICE);
    send(rig, 240, true, SLICE);
    g_assert_cmpuint(rig->seen->len, ==, 4);
    end(rig);
}

/* Open groups of pictures: what is shown before the picture to start from needs what came before it. */
static void test_leading_pictures_are_dropped(void)
{
    struct rig *rig = begin(RTP_RIG_SPS, RTP_RIG_PPS);
    send(rig, 1000, false, RECOVERY_SEI);
    send(rig, 1000, true, SLICE);
    send(rig, 920, true, SLICE);
    send(rig, 960, true, SLICE);
    g_assert_cmpuint(rig->seen->len, ==, 2);
    g_assert_cmpuint(rig->stats.dropped_units, ==, 2);
    send(rig, 1120, true, SLICE);
    send(rig, 1040, true, SLICE);
    /* In the middle of a stream they are fine. */
    send(rig, 1240, false, RECOVERY_SEI);
    send(rig, 1240, true, SLICE);
    send(rig, 1160, true, SLICE);
    g_assert_cmpuint(rig->seen->len, ==, 6);
    g_assert_cmpint(rtp_rig_pts_ms(rtp_rig_at(rig->seen, 5)), ==, 1160);
    end(rig);
}

static void test_the_head_of_a_key_frame_is_lost(void)
{
    struct rig *rig = begin(RTP_RIG_BASELINE_SPS, RTP_RIG_BASELINE_PPS);
    rig->after_gap = true;
    send(rig, 40, true, "65 0f 55"); /* not the first slice */
    g_assert_cmpuint(rig->seen->len, ==, 1);
    rig->after_gap = true;
    send(rig, 80, true, IDR); /* lost before it, nothing of it */
    g_assert_cmpuint(rig->seen->len, ==, 2);
    end(rig);
}

static void test_other_types_are_counted(void)
{
    static const char *const types[] = {"1a 0001", "1d 81 00", "00", "9e 00", "67 64", "78 0002 1c00"};
    struct rig *rig = begin(RTP_RIG_BASELINE_SPS, RTP_RIG_BASELINE_PPS);
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        send(rig, 0, false, types[i]);
    send(rig, 0, true, IDR);
    g_assert_cmpuint(rig->stats.malformed, ==, G_N_ELEMENTS(types));
    expect(rig, 1, "17 01 000000 00000004" IDR);
    end(rig);
}

static void test_a_picture_too_large(void)
{
    struct rig *rig = begin(RTP_RIG_BASELINE_SPS, RTP_RIG_BASELINE_PPS);
    g_autofree uint8_t *payload = g_malloc0(60000);
    payload[0] = 0x65;
    payload[1] = 0x88;
    for (unsigned i = 0; i < RTP_MAX_UNIT_BYTES / 60000 + 1; i++)
        send_bytes(rig, 40, false, payload, 60000);
    send(rig, 80, true, IDR);
    g_assert_cmpuint(rig->stats.dropped_units, ==, 1);
    g_assert_cmpuint(rig->seen->len, ==, 2);
    end(rig);
}

static size_t allocated_bytes(void)
{
#ifdef __SANITIZE_ADDRESS__
    return __sanitizer_get_current_allocated_bytes();
#else
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#endif
}

/* Not even their headers are kept of fragments that have no room, however long the picture goes on. */
static void test_fragments_without_end(void)
{
    enum { COUNT = 400000, MOST_BYTES = 500000 };
    static const uint8_t fragment[] = {0x7c, 0xc5};
    struct rig *rig = begin(RTP_RIG_BASELINE_SPS, RTP_RIG_BASELINE_PPS);
    send(rig, 40, false, "78 ffff 65"); /* cut off: the picture is damaged */
    size_t before = allocated_bytes();
    for (unsigned i = 0; i < COUNT; i++)
        send_bytes(rig, 40, false, fragment, sizeof fragment);
    g_assert_cmpuint(allocated_bytes(), <, before + MOST_BYTES);
    send(rig, 80, true, IDR);
    g_assert_cmpuint(rig->stats.dropped_units, ==, 1);
    g_assert_cmpuint(rig->seen->len, ==, 2);
    end(rig);
}

/* I P b b as the encoder sends them; the SPS says two pictures of reordering. */
static void test_decoding_times(void)
{
    static const int64_t shown[] = {100, 220, 180, 140, 340, 300, 260};
    struct rig *rig = begin(RTP_RIG_SPS, RTP_RIG_PPS);
    g_assert_cmpint(rtp_h264_reader_lead_ns(rig->reader), ==, 2 * 33333333);
    for (size_t i = 0; i < G_N_ELEMENTS(shown); i++)
        send(rig, shown[i], true, i == 0 ? IDR : SLICE);
    static const int64_t decoded_ms[] = {33, 66, 100, 140, 180, 220, 260};
    for (size_t i = 0; i < G_N_ELEMENTS(shown); i++) {
        const struct rtp_rig_message *message = rtp_rig_at(rig->seen, (guint)i + 1);
        g_assert_cmpint(message->dts_ns / RTP_RIG_MS, ==, decoded_ms[i]);
        g_assert_cmpint(rtp_rig_pts_ms(message), ==, shown[i]);
    }
    end(rig);
}

/* A baseline stream must not reorder; one that does keeps its decoding order, and times that make sense. */
static void test_more_reordering_than_said(void)
{
    static const int64_t shown[] = {100, 220, 140, 180, 340, 260, 300};
    struct rig *rig = begin(RTP_RIG_BASELINE_SPS, RTP_RIG_BASELINE_PPS);
    for (size_t i = 0; i < G_N_ELEMENTS(shown); i++)
        send(rig, shown[i], true, i == 0 ? IDR : SLICE);
    g_assert_cmpuint(rig->seen->len, ==, 1 + G_N_ELEMENTS(shown));
    for (guint i = 1; i < rig->seen->len; i++)
        g_assert_cmpint(rtp_rig_pts_ms(rtp_rig_at(rig->seen, i)), >=,
                        rtp_rig_at(rig->seen, i)->dts_ns / RTP_RIG_MS);
    g_assert_cmpint(rtp_rig_pts_ms(rtp_rig_at(rig->seen, 7)), ==, 300);
    end(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtp-h264-reader/single-nals", test_single_nals);
    g_test_add_func("/rtp-h264-reader/parameter-sets-in-band", test_parameter_sets_in_band);
    g_test_add_func("/rtp-h264-reader/fragments", test_fragments);
    g_test_add_func("/rtp-h264-reader/fragments-of-anything", test_fragments_whole);
    g_test_add_func("/rtp-h264-reader/broken-fragments-damage-the-picture",
                    test_broken_fragments_damage_the_picture);
    g_test_add_func("/rtp-h264-reader/no-marker", test_no_marker);
    g_test_add_func("/rtp-h264-reader/loss-waits-for-a-key-frame", test_loss_waits_for_a_key_frame);
    g_test_add_func("/rtp-h264-reader/leading-pictures-are-dropped", test_leading_pictures_are_dropped);
    g_test_add_func("/rtp-h264-reader/the-head-of-a-key-frame-is-lost", test_the_head_of_a_key_frame_is_lost);
    g_test_add_func("/rtp-h264-reader/other-types-are-counted", test_other_types_are_counted);
    g_test_add_func("/rtp-h264-reader/a-picture-too-large", test_a_picture_too_large);
    g_test_add_func("/rtp-h264-reader/fragments-without-end", test_fragments_without_end);
    g_test_add_func("/rtp-h264-reader/decoding-times", test_decoding_times);
    g_test_add_func("/rtp-h264-reader/more-reordering-than-said", test_more_reordering_than_said);
    return g_test_run();
}
