/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "aac_config.h"

enum {
    AOT_SBR = 5,
    AOT_SCALABLE = 6,
    AOT_BSAC = 22,
    AOT_LD = 23,
    AOT_PS = 29,
    AOT_ESCAPE = 31,
    AOT_ELD = 39
};

static unsigned read_object_type(struct bits *bits)
{
    unsigned type = bits_read(bits, 5);
    return type == AOT_ESCAPE ? 32 + bits_read(bits, 6) : type;
}

/* 0 for a reserved index. */
static unsigned read_sample_rate(struct bits *bits)
{
    static const unsigned rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                     22050, 16000, 12000, 11025, 8000,  7350};
    unsigned index = bits_read(bits, 4);
    if (index == 15)
        return bits_read(bits, 24);
    return index < G_N_ELEMENTS(rates) ? rates[index] : 0;
}

static unsigned channels_of(unsigned configuration)
{
    static const unsigned channels[] = {0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8};
    return configuration < G_N_ELEMENTS(channels) ? channels[configuration] : 0;
}

/* Those with a GASpecificConfig. */
static bool is_general_audio(unsigned type)
{
    return (type >= 1 && type <= 4) || type == AOT_SCALABLE || type == 7 || type == 17 ||
           (type >= 19 && type <= AOT_LD);
}

/* Each is one channel, or with its first bit set a pair. */
static unsigned read_elements(struct bits *bits, unsigned count)
{
    unsigned channels = 0;
    for (unsigned i = 0; i < count; i++) {
        channels += bits_flag(bits) ? 2 : 1;
        bits_skip(bits, 4);
    }
    return channels;
}

/* program_config_element(), table 4.2; start: where the configuration began, to which it is aligned. */
static unsigned read_program_config(struct bits *bits, size_t start)
{
    bits_skip(bits, 4 + 2 + 4);
    unsigned mains = bits_read(bits, 4), sides = bits_read(bits, 4), backs = bits_read(bits, 4);
    unsigned low = bits_read(bits, 2), data = bits_read(bits, 3), coupling = bits_read(bits, 4);
    for (unsigned i = 0; i < 2; i++)
        if (bits_flag(bits))
            bits_skip(bits, 4);
    if (bits_flag(bits))
        bits_skip(bits, 3);
    unsigned channels = read_elements(bits, mains + sides + backs) + low;
    bits_skip(bits, 4 * (low + data) + 5 * coupling);
    bits_skip(bits, (8 - (bits->at - start) % 8) % 8);
    bits_skip(bits, (size_t)bits_read(bits, 8) * 8);
    return channels;
}

static void read_extension(struct bits *bits, unsigned type)
{
    if (type == AOT_BSAC)
        bits_skip(bits, 16);
    if (type == 17 || type == 19 || type == 20 || type == AOT_LD)
        bits_skip(bits, 3);
    bits_skip(bits, 1);
}

static void read_general_audio(struct bits *bits, struct aac_config *config, unsigned channel_config,
                               size_t start)
{
    bool is_short = bits_flag(bits);
    if (config->object_type == AOT_LD)
        config->frame_samples = is_short ? 480 : 512;
    else
        config->frame_samples = is_short ? 960 : 1024;
    if (bits_flag(bits))
        bits_skip(bits, 14);
    bool has_extension = bits_flag(bits);
    if (channel_config == 0)
        config->channels = read_program_config(bits, start);
    if (config->object_type == AOT_SCALABLE || config->object_type == 20)
        bits_skip(bits, 3);
    if (has_extension)
        read_extension(bits, config->object_type);
}

/* The signalling of SBR and PS behind a configuration that older decoders read (section 1.6.5.3): skipped. */
static void skip_sync_extension(struct bits *bits)
{
    enum { SBR_SYNC = 0x2b7, PS_SYNC = 0x548, SYNC_BITS = 11 };
    struct bits ahead = *bits;
    if (bits_read(&ahead, SYNC_BITS) != SBR_SYNC || read_object_type(&ahead) != AOT_SBR)
        return;
    if (bits_flag(&ahead)) {
        read_sample_rate(&ahead);
        struct bits further = ahead;
        if (bits_read(&further, SYNC_BITS) == PS_SYNC)
            bits_skip(&ahead, SYNC_BITS + 1);
    }
    if (!ahead.failed)
        *bits = ahead;
}

bool aac_config_parse(struct bits *bits, struct aac_config *config, bool *is_sized)
{
    size_t start = bits->at;
    *config = (struct aac_config){.frame_samples = 1024};
    config->object_type = read_object_type(bits);
    config->sample_rate_hz = read_sample_rate(bits);
    unsigned channel_config = bits_read(bits, 4);
    config->channels = channels_of(channel_config);
    if (config->object_type == AOT_SBR || config->object_type == AOT_PS) {
        read_sample_rate(bits);
        config->object_type = read_object_type(bits);
        if (config->object_type == AOT_BSAC)
            bits_skip(bits, 4);
    }
    *is_sized = is_general_audio(config->object_type);
    if (*is_sized) {
        read_general_audio(bits, config, channel_config, start);
        skip_sync_extension(bits);
    } else if (config->object_type == AOT_ELD) {
        config->frame_samples = bits_flag(bits) ? 480 : 512;
    }
    return !bits->failed && config->object_type != 0 && config->sample_rate_hz > 0;
}

bool aac_config_parse_bytes(GBytes *bytes, struct aac_config *config)
{
    gsize size = 0;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    struct bits bits = bits_on(data, size);
    bool is_sized = false;
    return aac_config_parse(&bits, config, &is_sized);
}

/* LatmGetValue(), table 1.45. */
static uint32_t read_latm_value(struct bits *bits)
{
    unsigned bytes = bits_read(bits, 2) + 1;
    return bits_read(bits, 8 * bytes);
}

/* The bits from `from` on, moved to the start of bytes. */
static GBytes *copy_bits(const struct bits *bits, size_t from, size_t count)
{
    struct bits source = {.data = bits->data, .size = from + count, .at = from};
    GByteArray *out = g_byte_array_new();
    while (bits_left(&source) > 0) {
        unsigned n = (unsigned)MIN(bits_left(&source), 8);
        uint8_t byte = (uint8_t)(bits_read(&source, n) << (8 - n));
        g_byte_array_append(out, &byte, 1);
    }
    return g_byte_array_free_to_bytes(out);
}

static bool read_audio_config(struct bits *bits, bool has_length, struct latm_config *latm)
{
    struct aac_config config;
    bool is_sized = false;
    size_t length = has_length ? read_latm_value(bits) : 0;
    size_t start = bits->at;
    if (!aac_config_parse(bits, &config, &is_sized))
        return false;
    if (has_length) {
        if (bits->at - start > length)
            return false;
        bits_skip(bits, length - (bits->at - start));
    }
    if (bits->failed || (!has_length && !is_sized))
        return false;
    latm->audio = copy_bits(bits, start, bits->at - start);
    return true;
}

/* The length of what follows the payloads, in bits. */
static unsigned read_other_bits(struct bits *bits, bool is_version_1)
{
    uint32_t length = 0;
    bool more = true;
    if (!bits_flag(bits))
        return 0;
    if (is_version_1)
        return read_latm_value(bits);
    while (more && !bits->failed) {
        more = bits_flag(bits);
        length = length << 8 | bits_read(bits, 8);
    }
    return length;
}

bool latm_config_parse(struct bits *bits, struct latm_config *config)
{
    enum { LEAST_REST = 3 + 8 + 1 + 1 }; /* GStreamer's payloader leaves it out; it says nothing then */
    *config = (struct latm_config){0};
    bool is_version_1 = bits_flag(bits);
    if (is_version_1 && bits_flag(bits))
        return false; /* reserved */
    if (is_version_1)
        read_latm_value(bits); /* taraBufferFullness */
    bool same_framing = bits_flag(bits);
    config->sub_frames = bits_read(bits, 6) + 1;
    bool is_one = bits_read(bits, 4 + 3) == 0; /* program, layer */
    if (bits->failed || !same_framing || !is_one || !read_audio_config(bits, is_version_1, config))
        return false;
    if (bits_left(bits) < LEAST_REST)
        return true;
    bool has_lengths = bits_read(bits, 3) == 0; /* frameLengthType */
    bits_skip(bits, 8);
    config->other_bits = read_other_bits(bits, is_version_1);
    if (bits_flag(bits))
        bits_skip(bits, 8); /* checksum */
    if (!bits->failed && has_lengths)
        return true;
    latm_config_clear(config);
    return false;
}

void latm_config_clear(struct latm_config *config)
{
    g_clear_pointer(&config->audio, g_bytes_unref);
}
