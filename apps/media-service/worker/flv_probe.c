/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flv_probe.h"

#include <dubbing_bytes.h>
#include <glib.h>
#include <string.h>

#define FILE_HEADER_BYTES 13
#define TAG_VIDEO 9
#define EXTENDED 0x80 /* Enhanced RTMP: a FourCC follows */
#define CODEC_AVC 7

static const struct {
    const char fourcc[5];
    const char *name;
} extended_codecs[] = {
    {"avc1", NULL}, {"hvc1", "H.265 (HEVC)"}, {"av01", "AV1"}, {"vp09", "VP9"}, {"vp08", "VP8"}};

static const char *extended_name(struct dub_reader *reader, char buffer[32])
{
    const uint8_t *fourcc = dub_read_bytes(reader, 4);

    for (size_t i = 0; fourcc && i < G_N_ELEMENTS(extended_codecs); i++)
        if (memcmp(fourcc, extended_codecs[i].fourcc, 4) == 0)
            return extended_codecs[i].name;
    g_snprintf(buffer, 32, "a codec we do not know");
    return buffer;
}

static const char *plain_name(unsigned codec, char buffer[32])
{
    switch (codec) {
    case CODEC_AVC:
        return NULL;
    case 2:
        return "Sorenson H.263";
    case 4:
    case 5:
        return "VP6";
    case 12:
        return "H.265 (HEVC)";
    default:
        g_snprintf(buffer, 32, "FLV codec %u", codec);
        return buffer;
    }
}

bool flv_probe_video(const uint8_t *data, size_t size, char buffer[32], const char **codec)
{
    struct dub_reader reader = dub_reader_on(data, size);

    if (size >= FILE_HEADER_BYTES && memcmp(data, "FLV", 3) == 0)
        dub_reader_skip(&reader, FILE_HEADER_BYTES);
    while (dub_reader_left(&reader) > 0 && !reader.failed) {
        uint8_t type = dub_read_u8(&reader);
        uint32_t payload_bytes = dub_read_be24(&reader);
        dub_reader_skip(&reader, 7);
        struct dub_reader payload = dub_reader_sub(&reader, payload_bytes);
        dub_reader_skip(&reader, 4);
        if (type != TAG_VIDEO || payload_bytes == 0 || payload.failed)
            continue;
        uint8_t flags = dub_read_u8(&payload);
        *codec = flags & EXTENDED ? extended_name(&payload, buffer) : plain_name(flags & 0x0f, buffer);
        return true;
    }
    return false;
}
