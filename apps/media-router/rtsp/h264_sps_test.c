/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "h264_sps.h"

#include "../tests/rtp_rig.h"

#define FPS_NS(n, d) (INT64_C(1000000000) * (d) / (n))

struct expected {
    const char *name, *hex;
    uint8_t profile, level;
    unsigned width, height, chroma_format, luma_depth, reorder_depth;
    int64_t picture_ns;
};

/* Parameter sets of x264, with the settings they are named for. */
static const struct expected encoders[] = {
    {"high", RTP_RIG_SPS, 100, 30, 640, 360, 1, 8, 2, FPS_NS(30, 1)},
    {"baseline", RTP_RIG_BASELINE_SPS, 66, 12, 320, 180, 1, 8, 0, FPS_NS(25, 1)},
    {"interlaced with HRD", "67640028acd94078044fde022000000300200000064c4c001e848003d09498601f162d96", 100,
     40, 1920, 1080, 1, 8, 2, FPS_NS(25, 1)},
    {"4:4:4", "67f4001e919b281405ff138088000003000800000301e078b16cb0", 244, 30, 640, 360, 3, 8, 2,
     FPS_NS(30, 1)},
    {"no pyramid", "67640020acd9005005bb011000003e90001d4c00f1831120", 100, 32, 1280, 720, 1, 8, 1,
     FPS_NS(60000, 1001)},
    {"10 bits", "676e000da6cd94141fb0110000030001000003003c0f142996", 110, 13, 320, 240, 1, 10, 2,
     FPS_NS(30, 1)},
};

static void check(const struct expected *expected)
{
    struct h264_sps sps;
    g_autoptr(GBytes) nal = rtp_rig_bytes(expected->hex);
    g_test_message("%s", expected->name);
    g_assert_true(h264_sps_parse(g_bytes_get_data(nal, NULL), g_bytes_get_size(nal), &sps));
    g_assert_cmpuint(sps.profile, ==, expected->profile);
    g_assert_cmpuint(sps.level, ==, expected->level);
    g_assert_cmpuint(sps.width, ==, expected->width);
    g_assert_cmpuint(sps.height, ==, expected->height);
    g_assert_cmpuint(sps.chroma_format, ==, expected->chroma_format);
    g_assert_cmpuint(sps.luma_depth, ==, expected->luma_depth);
    g_assert_cmpuint(sps.reorder_depth, ==, expected->reorder_depth);
    g_assert_cmpint(sps.picture_ns, ==, expected->picture_ns);
}

static void test_encoders(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(encoders); i++)
        check(&encoders[i]);
}

/* Written bit by bit. */
struct writer {
    uint8_t data[1024];
    size_t at;
};

static void put(struct writer *writer, unsigned count, uint32_t value)
{
    for (unsigned i = count; i > 0; i--, writer->at++)
        if (value >> (i - 1) & 1)
            writer->data[writer->at / 8] |= (uint8_t)(0x80 >> writer->at % 8);
}

static void put_ue(struct writer *writer, uint32_t value)
{
    unsigned length = 0;
    while ((value + 1) >> (length + 1) != 0)
        length++;
    put(writer, length, 0);
    put(writer, length + 1, value + 1);
}

static void put_head(struct writer *writer, uint8_t profile, uint8_t constraints, uint8_t level)
{
    put(writer, 8, 0x67);
    put(writer, 8, profile);
    put(writer, 8, constraints);
    put(writer, 8, level);
    put_ue(writer, 0);
}

/* From log2_max_frame_num to the cropping; progressive. */
static void put_middle(struct writer *writer, unsigned order_type, unsigned across, unsigned down)
{
    put_ue(writer, 0);
    put_ue(writer, order_type);
    if (order_type == 0)
        put_ue(writer, 0);
    if (order_type == 1) {
        put(writer, 1, 0);
        put_ue(writer, 3);
        put_ue(writer, 4);
        put_ue(writer, 2);
        put_ue(writer, 1);
        put_ue(writer, 2);
    }
    put_ue(writer, 1);
    put(writer, 1, 0);
    put_ue(writer, across - 1);
    put_ue(writer, down - 1);
    put(writer, 2, 3);
    put(writer, 1, 0);
}

/* The same, without VUI. */
static void put_tail(struct writer *writer, unsigned order_type, unsigned across, unsigned down)
{
    put_middle(writer, order_type, across, down);
    put(writer, 2, 1);
}

static bool parse(const struct writer *writer, struct h264_sps *sps)
{
    return h264_sps_parse(writer->data, writer->at / 8 + 1, sps);
}

/* A.3.1: what the level's buffer can hold, where nothing is said. */
static void test_depth_of_the_level(void)
{
    static const struct {
        uint8_t profile, constraints, level;
        unsigned order_type, across, down, depth;
    } cases[] = {
        {77, 0, 40, 0, 120, 68, 4}, {77, 0, 31, 0, 80, 45, 5},    {77, 0, 40, 0, 20, 15, 16},
        {77, 0, 9, 0, 11, 9, 4},    {77, 0, 40, 2, 120, 68, 0},   {77, 0, 40, 1, 120, 68, 4},
        {66, 0, 40, 0, 120, 68, 0}, {77, 0, 62, 0, 240, 135, 16}, {77, 0x10, 40, 0, 120, 68, 4},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct writer writer = {0};
        struct h264_sps sps;
        put_head(&writer, cases[i].profile, cases[i].constraints, cases[i].level);
        put_tail(&writer, cases[i].order_type, cases[i].across, cases[i].down);
        g_assert_true(parse(&writer, &sps));
        g_assert_cmpuint(sps.reorder_depth, ==, cases[i].depth);
        g_assert_cmpuint(sps.width, ==, cases[i].across * 16);
        g_assert_cmpint(sps.picture_ns, ==, 0);
    }
}

static void put_high(struct writer *writer, unsigned chroma_format, bool with_lists)
{
    put_ue(writer, chroma_format);
    if (chroma_format == 3)
        put(writer, 1, 0);
    put_ue(writer, 0);
    put_ue(writer, 0);
    put(writer, 1, 0);
    put(writer, 1, with_lists);
    for (unsigned i = 0; with_lists && i < (chroma_format == 3 ? 12u : 8u); i++) {
        put(writer, 1, i % 2);
        if (i % 2 == 0)
            continue;
        /* One entry 9, then -9: the last scale repeats to the end. */
        put_ue(writer, 1);
        put_ue(writer, 18);
    }
}

static void put_hrd(struct writer *writer, unsigned buffers)
{
    put_ue(writer, buffers - 1);
    put(writer, 8, 0x34);
    for (unsigned i = 0; i < buffers; i++) {
        put_ue(writer, 1000);
        put_ue(writer, 2000);
        put(writer, 1, 1);
    }
    put(writer, 20, 0x12345);
}

/* Everything that E.1.1 has, before the two things that are of interest. */
static void put_vui(struct writer *writer, unsigned buffers, uint32_t ticks, uint32_t scale, unsigned depth)
{
    put(writer, 1, 1);
    put(writer, 8, 255);
    put(writer, 32, 0x00010001);
    put(writer, 2, 2);
    put(writer, 1, 1);
    put(writer, 4, 0xa);
    put(writer, 1, 1);
    put(writer, 24, 0x010101);
    put(writer, 1, 1);
    put_ue(writer, 1);
    put_ue(writer, 2);
    put(writer, 1, 1);
    put(writer, 32, ticks);
    put(writer, 32, scale);
    put(writer, 1, 1);
    for (unsigned i = 0; i < 2; i++) {
        put(writer, 1, 1);
        put_hrd(writer, buffers);
    }
    put(writer, 3, 1); /* low_delay, pic_struct, bitstream_restriction */
    put(writer, 1, 1);
    for (unsigned i = 0; i < 4; i++)
        put_ue(writer, i);
    put_ue(writer, depth);
}

static void test_everything_in_the_vui(void)
{
    static const struct {
        unsigned buffers, depth, expected_depth;
        uint32_t ticks, scale;
        int64_t picture_ns;
    } cases[] = {
        {2, 1, 1, 3, 150, 40000000},
        {32, 3, 3, 3, 0, 0},
        {1, 99, 16, 0x00100001, 4000000000u, 0},
        {1, 2, 2, 4000000000u, 0x01010101, 0},
        {33, 1, 4, 3, 150, 40000000}, /* too many buffers: what comes behind is
                                not read */
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct writer writer = {0};
        struct h264_sps sps;
        put_head(&writer, 77, 0, 40);
        put_middle(&writer, 0, 120, 68);
        put(&writer, 1, 1);
        put_vui(&writer, cases[i].buffers, cases[i].ticks, cases[i].scale, cases[i].depth);
        g_assert_true(parse(&writer, &sps));
        g_assert_cmpint(sps.picture_ns, ==, cases[i].picture_ns);
        g_assert_cmpuint(sps.reorder_depth, ==, cases[i].expected_depth);
    }
}

static void test_scaling_lists_and_intra_profiles(void)
{
    for (unsigned chroma = 1; chroma <= 3; chroma += 2) {
        struct writer writer = {0};
        struct h264_sps sps;
        put_head(&writer, 244, 0x10, 40);
        put_high(&writer, chroma, true);
        put_tail(&writer, 0, 120, 68);
        g_assert_true(parse(&writer, &sps));
        g_assert_cmpuint(sps.height, ==, 1088);
        g_assert_cmpuint(sps.chroma_format, ==, chroma);
        g_assert_cmpuint(sps.reorder_depth, ==, 0); /* High 4:4:4 Intra */
    }
}

static void test_nonsense_is_refused(void)
{
    struct h264_sps sps;
    struct writer huge = {0}, chroma = {0}, cycle = {0};
    put_head(&huge, 77, 0, 40);
    put_tail(&huge, 0, 2000, 68);
    g_assert_false(parse(&huge, &sps));
    put_head(&chroma, 100, 0, 40);
    put_high(&chroma, 4, false);
    put_tail(&chroma, 0, 20, 15);
    g_assert_false(parse(&chroma, &sps));
    put_head(&cycle, 77, 0, 40);
    put_ue(&cycle, 0);
    put_ue(&cycle, 1);
    put(&cycle, 1, 0);
    put_ue(&cycle, 0);
    put_ue(&cycle, 0);
    put_ue(&cycle, 256);
    g_assert_false(parse(&cycle, &sps));
    g_assert_false(h264_sps_parse(NULL, 0, &sps));
}

/* What is cut off before the VUI is broken; behind that there is enough. */
static void test_cut_short(void)
{
    g_autoptr(GBytes) nal = rtp_rig_bytes(RTP_RIG_SPS);
    for (gsize size = 0; size < g_bytes_get_size(nal); size++) {
        struct h264_sps sps;
        g_autofree uint8_t *copy = g_memdup2(g_bytes_get_data(nal, NULL), size);
        bool fine = h264_sps_parse(copy, size, &sps);
        if (size < 10)
            g_assert_false(fine);
        if (fine)
            g_assert_cmpuint(sps.width, ==, 640);
    }
}

static void test_pps_id(void)
{
    unsigned id;
    static const uint8_t first[] = {0x68, 0xef, 0xbc, 0xb0}, fourth[] = {0x68, 0x24, 0x80},
                         far[] = {0x68, 0, 0x80, 0x80};
    g_assert_true(h264_pps_parse_id(first, sizeof first, &id));
    g_assert_cmpuint(id, ==, 0);
    g_assert_true(h264_pps_parse_id(fourth, sizeof fourth, &id));
    g_assert_cmpuint(id, ==, 3);
    g_assert_false(h264_pps_parse_id(far, sizeof far, &id)); /* 256 */
    g_assert_false(h264_pps_parse_id(first, 1, &id));
}

static void test_recovery_point(void)
{
    static const uint8_t recovery[] = {0x06, 0x06, 0x01, 0xc4, 0x80};
    static const uint8_t behind[] = {0x06, 0x05, 0x02, 0xaa, 0xbb, 0x06, 0x01, 0xc4, 0x80};
    static const uint8_t other[] = {0x06, 0x05, 0x02, 0xaa, 0xbb, 0x80},
                         cut[] = {0x06, 0x05, 0xff, 0xff, 0xff};
    static const uint8_t large_type[] = {0x06, 0xff, 0x06, 0x01, 0xc4, 0x80};
    g_assert_true(h264_sei_has_recovery_point(recovery, sizeof recovery));
    g_assert_true(h264_sei_has_recovery_point(behind, sizeof behind));
    g_assert_false(h264_sei_has_recovery_point(other, sizeof other));
    g_assert_false(h264_sei_has_recovery_point(cut, sizeof cut));
    g_assert_false(h264_sei_has_recovery_point(large_type, sizeof large_type));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/h264-sps/encoders", test_encoders);
    g_test_add_func("/h264-sps/depth-of-the-level", test_depth_of_the_level);
    g_test_add_func("/h264-sps/everything-in-the-vui", test_everything_in_the_vui);
    g_test_add_func("/h264-sps/scaling-lists-and-intra-profiles", test_scaling_lists_and_intra_profiles);
    g_test_add_func("/h264-sps/nonsense-is-refused", test_nonsense_is_refused);
    g_test_add_func("/h264-sps/cut-short", test_cut_short);
    g_test_add_func("/h264-sps/pps-id", test_pps_id);
    g_test_add_func("/h264-sps/recovery-point", test_recovery_point);
    return g_test_run();
}
