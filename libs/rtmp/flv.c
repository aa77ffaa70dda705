/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_flv.h"

#include <dubbing_bytes.h>

enum {
    VIDEO_KEY_FRAME = 1,
    VIDEO_EX_HEADER = 0x80,
    AUDIO_EX_HEADER = 9,
    AVC_SEQUENCE_HEADER = 0,
    AAC_SEQUENCE_HEADER = 0
};

#define FOURCC(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static const struct {
    const char *name;
    bool needs_config;
} codecs[] = {
#define X(name, text, config) [FLV_CODEC_##name] = {text, config},
    FLV_CODECS(X)
#undef X
};

const char *flv_codec_name(enum flv_codec codec)
{
    return codecs[codec].name;
}

bool flv_codec_needs_config(enum flv_codec codec)
{
    return codecs[codec].needs_config;
}

/* CodecID, annex E.4.3.1; 12 is what encoders in the field use for HEVC without the enhanced header. */
static enum flv_codec codec_of_video_number(unsigned number)
{
    switch (number) {
    case 7:
        return FLV_CODEC_H264;
    case 12:
        return FLV_CODEC_H265;
    default:
        return FLV_CODEC_OTHER;
    }
}

/* SoundFormat, annex E.4.2.1. */
static enum flv_codec codec_of_audio_number(unsigned number)
{
    switch (number) {
    case 0:
    case 3:
        return FLV_CODEC_PCM;
    case 2:
    case 14:
        return FLV_CODEC_MP3;
    case 7:
    case 8:
        return FLV_CODEC_G711;
    case 10:
        return FLV_CODEC_AAC;
    default:
        return FLV_CODEC_OTHER;
    }
}

static enum flv_codec codec_of_fourcc(uint32_t fourcc)
{
    switch (fourcc) {
    case FOURCC('a', 'v', 'c', '1'):
        return FLV_CODEC_H264;
    case FOURCC('h', 'v', 'c', '1'):
        return FLV_CODEC_H265;
    case FOURCC('a', 'v', '0', '1'):
        return FLV_CODEC_AV1;
    case FOURCC('v', 'p', '0', '9'):
        return FLV_CODEC_VP9;
    default:
        return FLV_CODEC_OTHER;
    }
}

/* A signed number of 24 bits. */
static int32_t read_composition(struct dub_reader *reader)
{
    uint32_t value = dub_read_be24(reader);
    return value & 0x800000 ? (int32_t)value - 0x1000000 : (int32_t)value;
}

static bool has_avc_header(enum flv_codec codec)
{
    return codec == FLV_CODEC_H264 || codec == FLV_CODEC_H265;
}

/* PacketType; the tag's flags have been read. */
static bool parse_enhanced_video(struct dub_reader *reader, uint8_t first, struct flv_tag *tag)
{
    enum { SEQUENCE_START = 0, CODED_FRAMES = 1, CODED_FRAMES_X = 3 };
    unsigned type = first & 0x0f;
    tag->codec = codec_of_fourcc(dub_read_be32(reader));
    tag->is_config = type == SEQUENCE_START;
    tag->is_frame = type == CODED_FRAMES || type == CODED_FRAMES_X;
    tag->is_key = (first >> 4 & 7) == VIDEO_KEY_FRAME && !tag->is_config;
    if (type == CODED_FRAMES && has_avc_header(tag->codec))
        tag->composition_ms = read_composition(reader);
    tag->data_at = reader->at;
    return !reader->failed;
}

bool flv_parse_video(const uint8_t *body, size_t size, struct flv_tag *tag)
{
    enum { COMMAND_FRAME = 5, NALU = 1 };
    struct dub_reader reader = dub_reader_on(body, size);
    uint8_t first = dub_read_u8(&reader);
    *tag = (struct flv_tag){0};
    if (reader.failed)
        return false;
    if (first & VIDEO_EX_HEADER)
        return parse_enhanced_video(&reader, first, tag);
    tag->codec = codec_of_video_number(first & 0x0f);
    tag->is_key = first >> 4 == VIDEO_KEY_FRAME;
    tag->is_frame = first >> 4 != COMMAND_FRAME;
    if (has_avc_header(tag->codec)) {
        uint8_t type = dub_read_u8(&reader);
        tag->is_config = first >> 4 != COMMAND_FRAME && type == AVC_SEQUENCE_HEADER;
        tag->is_frame = tag->is_frame && type == NALU;
        tag->composition_ms = read_composition(&reader);
        tag->is_key = tag->is_key && !tag->is_config;
    }
    tag->data_at = reader.at;
    return !reader.failed;
}

/* AudioPacketType; the tag's flags have been read. */
static bool parse_enhanced_audio(struct dub_reader *reader, uint8_t first, struct flv_tag *tag)
{
    enum { SEQUENCE_START = 0, CODED_FRAMES = 1 };
    tag->codec = FLV_CODEC_OTHER;
    tag->is_config = (first & 0x0f) == SEQUENCE_START;
    tag->is_frame = (first & 0x0f) == CODED_FRAMES;
    dub_reader_skip(reader, 4); /* FourCC */
    tag->data_at = reader->at;
    return !reader->failed;
}

bool flv_parse_audio(const uint8_t *body, size_t size, struct flv_tag *tag)
{
    struct dub_reader reader = dub_reader_on(body, size);
    uint8_t first = dub_read_u8(&reader);
    *tag = (struct flv_tag){0};
    if (reader.failed)
        return false;
    if (first >> 4 == AUDIO_EX_HEADER)
        return parse_enhanced_audio(&reader, first, tag);
    tag->codec = codec_of_audio_number(first >> 4);
    if (tag->codec == FLV_CODEC_AAC)
        tag->is_config = dub_read_u8(&reader) == AAC_SEQUENCE_HEADER;
    tag->is_frame = !tag->is_config;
    tag->data_at = reader.at;
    return !reader.failed;
}
