/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "h264_sps.h"

#include "bits.h"

#include <glib.h>
#include <string.h>

enum { MAX_DPB_FRAMES = 16, MAX_MACROBLOCKS_A_SIDE = 1024, PROFILE_BASELINE = 66, SEI_RECOVERY_POINT = 6 };

/* Without the NAL header and the emulation prevention bytes (section 7.4.1): 00 00 03 stands for 00 00. */
static size_t unescape(const uint8_t *nal, size_t size, uint8_t *out, size_t max)
{
    size_t written = 0;
    unsigned zeroes = 0;
    for (size_t i = 1; i < size && written < max; i++) {
        if (zeroes >= 2 && nal[i] == 3) {
            zeroes = 0;
            continue;
        }
        zeroes = nal[i] == 0 ? zeroes + 1 : 0;
        out[written++] = nal[i];
    }
    return written;
}

static bool has_chroma_info(uint8_t profile)
{
    static const uint8_t profiles[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
    return memchr(profiles, profile, sizeof profiles) != NULL;
}

static void skip_scaling_list(struct bits *bits, unsigned entries)
{
    int last = 8, next = 8;
    for (unsigned i = 0; i < entries && !bits->failed; i++) {
        if (next != 0)
            next = (int)((uint32_t)(last + bits_se(bits) % 256 + 256) & 255);
        last = next == 0 ? last : next;
    }
}

static void read_chroma_info(struct bits *bits, struct h264_sps *sps)
{
    sps->chroma_format = bits_ue(bits);
    if (sps->chroma_format == 3)
        bits_skip(bits, 1);
    sps->luma_depth = 8 + bits_ue(bits);
    sps->chroma_depth = 8 + bits_ue(bits);
    bits_skip(bits, 1);
    if (!bits_flag(bits))
        return;
    for (unsigned i = 0; i < (sps->chroma_format == 3 ? 12u : 8u); i++)
        if (bits_flag(bits))
            skip_scaling_list(bits, i < 6 ? 16 : 64);
}

/* Returns pic_order_cnt_type. */
static uint32_t read_order_count(struct bits *bits)
{
    uint32_t type = bits_ue(bits);
    if (type == 0)
        bits_ue(bits);
    if (type != 1)
        return type;
    bits_skip(bits, 1);
    bits_se(bits);
    bits_se(bits);
    uint32_t cycle = bits_ue(bits);
    if (cycle > 255)
        bits->failed = true;
    for (uint32_t i = 0; i < cycle && !bits->failed; i++)
        bits_se(bits);
    return type;
}

/* E.1.2. */
static void skip_hrd(struct bits *bits)
{
    uint32_t count = bits_ue(bits) + 1;
    if (count > 32)
        bits->failed = true;
    bits_skip(bits, 8);
    for (uint32_t i = 0; i < count && !bits->failed; i++) {
        bits_ue(bits);
        bits_ue(bits);
        bits_skip(bits, 1);
    }
    bits_skip(bits, 20);
}

static void skip_vui_display(struct bits *bits)
{
    enum { EXTENDED_ASPECT = 255 };
    if (bits_flag(bits) && bits_read(bits, 8) == EXTENDED_ASPECT)
        bits_skip(bits, 32);
    if (bits_flag(bits))
        bits_skip(bits, 1);
    if (bits_flag(bits)) {
        bits_skip(bits, 4);
        if (bits_flag(bits))
            bits_skip(bits, 24);
    }
    if (bits_flag(bits)) {
        bits_ue(bits);
        bits_ue(bits);
    }
}

/* Two ticks make a frame (E.2.1). Nonsense is as good as nothing said. */
static int64_t read_picture_ns(struct bits *bits)
{
    const int64_t shortest = 1000 * 1000, longest = INT64_C(10) * 1000 * 1000 * 1000;
    uint64_t units = bits_read(bits, 32), scale = bits_read(bits, 32);
    bits_skip(bits, 1);
    if (units == 0 || scale == 0)
        return 0;
    int64_t ns = (int64_t)(units * 2000000000 / scale);
    return ns >= shortest && ns <= longest ? ns : 0;
}

/* False when there is no bitstream restriction, which is where the depth stands. */
static bool read_vui(struct bits *bits, struct h264_sps *sps)
{
    skip_vui_display(bits);
    if (bits_flag(bits))
        sps->picture_ns = read_picture_ns(bits);
    bool nal_hrd = bits_flag(bits);
    if (nal_hrd)
        skip_hrd(bits);
    bool vcl_hrd = bits_flag(bits);
    if (vcl_hrd)
        skip_hrd(bits);
    bits_skip(bits, nal_hrd || vcl_hrd ? 2 : 1);
    if (!bits_flag(bits))
        return false;
    bits_skip(bits, 1);
    for (unsigned i = 0; i < 4; i++)
        bits_ue(bits);
    sps->reorder_depth = bits_ue(bits);
    return !bits->failed;
}

/* MaxDpbMbs of table A-1, over the macroblocks of a frame. */
static unsigned depth_of_level(const struct h264_sps *sps, uint32_t macroblocks)
{
    static const struct {
        uint8_t level;
        uint32_t macroblocks;
    } levels[] = {{10, 396},    {11, 900},    {13, 2376},   {20, 2376},  {21, 4752},
                  {30, 8100},   {31, 18000},  {32, 20480},  {41, 32768}, {42, 34816},
                  {50, 110400}, {52, 184320}, {255, 696320}};
    size_t i = 0;
    while (levels[i].level < sps->level)
        i++;
    return MIN(levels[i].macroblocks / macroblocks, MAX_DPB_FRAMES);
}

/* What section E.2.1 has a decoder assume where the stream does not say. */
static unsigned assumed_depth(const struct h264_sps *sps, uint32_t order_type, uint32_t macroblocks)
{
    static const uint8_t intra_profiles[] = {44, 86, 100, 110, 122, 244};
    enum { CONSTRAINT_SET3 = 0x10 };
    if (order_type == 2 || sps->profile == PROFILE_BASELINE)
        return 0;
    if (sps->constraints & CONSTRAINT_SET3 &&
        memchr(intra_profiles, sps->profile, sizeof intra_profiles) != NULL)
        return 0;
    return depth_of_level(sps, macroblocks);
}

/* Returns the macroblocks of a frame, 0 when the size is absurd. */
static uint32_t read_size(struct bits *bits, struct h264_sps *sps)
{
    uint32_t across = bits_ue(bits) + 1, down = bits_ue(bits) + 1, crop[4] = {0};
    bool frames_only = bits_flag(bits);
    if (bits->failed || across > MAX_MACROBLOCKS_A_SIDE || down > MAX_MACROBLOCKS_A_SIDE)
        return 0;
    bits_skip(bits, frames_only ? 1 : 2);
    down *= frames_only ? 1 : 2;
    for (unsigned i = 0; i < 4 && (i > 0 || bits_flag(bits)); i++)
        crop[i] = bits_ue(bits);
    uint64_t unit_x = sps->chroma_format == 1 || sps->chroma_format == 2 ? 2 : 1;
    uint64_t unit_y = (sps->chroma_format == 1 ? 2u : 1u) * (frames_only ? 1u : 2u);
    uint64_t cut_x = unit_x * ((uint64_t)crop[0] + crop[1]), cut_y = unit_y * ((uint64_t)crop[2] + crop[3]);
    if (cut_x >= across * 16u || cut_y >= down * 16u)
        return 0;
    sps->width = across * 16 - (unsigned)cut_x;
    sps->height = down * 16 - (unsigned)cut_y;
    return across * down;
}

bool h264_sps_parse(const uint8_t *nal, size_t size, struct h264_sps *sps)
{
    uint8_t plain[H264_MAX_PARAMETER_SET_BYTES];
    struct bits bits = bits_on(plain, unescape(nal, size, plain, sizeof plain));
    *sps = (struct h264_sps){.chroma_format = 1, .luma_depth = 8, .chroma_depth = 8};
    sps->profile = (uint8_t)bits_read(&bits, 8);
    sps->constraints = (uint8_t)bits_read(&bits, 8);
    sps->level = (uint8_t)bits_read(&bits, 8);
    sps->id = bits_ue(&bits);
    if (has_chroma_info(sps->profile))
        read_chroma_info(&bits, sps);
    bits_ue(&bits); /* log2_max_frame_num_minus4 */
    uint32_t order_type = read_order_count(&bits);
    bits_ue(&bits); /* max_num_ref_frames */
    bits_skip(&bits, 1);
    uint32_t macroblocks = read_size(&bits, sps);
    if (bits.failed || macroblocks == 0 || size > H264_MAX_PARAMETER_SET_BYTES || sps->id > 31 ||
        sps->chroma_format > 3 || sps->luma_depth > 14 || sps->chroma_depth > 14)
        return false;
    /* Encoders in the field cut the VUI short; what came before holds. */
    if (!bits_flag(&bits) || !read_vui(&bits, sps))
        sps->reorder_depth = assumed_depth(sps, order_type, macroblocks);
    sps->reorder_depth = MIN(sps->reorder_depth, MAX_DPB_FRAMES);
    return true;
}

bool h264_pps_parse_id(const uint8_t *nal, size_t size, unsigned *id)
{
    uint8_t plain[16];
    struct bits bits = bits_on(plain, unescape(nal, size, plain, sizeof plain));
    *id = bits_ue(&bits);
    return bits_ue(&bits) <= 31 && !bits.failed && *id <= 255 && size <= H264_MAX_PARAMETER_SET_BYTES;
}

/* Payload types and sizes are runs of 255 and a rest (7.3.2.3.1). */
static uint32_t read_sei_number(struct bits *bits)
{
    uint32_t sum = 0, byte;
    do {
        byte = bits_read(bits, 8);
        sum += byte;
    } while (byte == 255);
    return sum;
}

bool h264_sei_has_recovery_point(const uint8_t *nal, size_t size)
{
    uint8_t plain[H264_MAX_PARAMETER_SET_BYTES];
    struct bits bits = bits_on(plain, unescape(nal, size, plain, sizeof plain));
    while (bits_left(&bits) > 16) {
        uint32_t type = read_sei_number(&bits);
        uint32_t bytes = read_sei_number(&bits);
        if (bits.failed || type == SEI_RECOVERY_POINT)
            return !bits.failed;
        bits_skip(&bits, (size_t)bytes * 8);
    }
    return false;
}
