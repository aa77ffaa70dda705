/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first bytes of FLV tag bodies: which codec, is it a sequence header, is it a key frame.
 * Sources: Adobe Video File Format 10.1, annex E.4; Enhanced RTMP v1 and v2 (FourCC video and sound). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(enum suffix, name in the Control API, needs a sequence header) */
#define FLV_CODECS(X)                                                                                        \
    X(NONE, "", false)                                                                                       \
    X(H264, "H264", true)                                                                                    \
    X(H265, "H265", true)                                                                                    \
    X(AV1, "AV1", true)                                                                                      \
    X(VP9, "VP9", true)                                                                                      \
    X(AAC, "MPEG-4 Audio", true)                                                                             \
    X(MP3, "MPEG-1/2 Audio", false)                                                                          \
    X(PCM, "LPCM", false)                                                                                    \
    X(G711, "G711", false)                                                                                   \
    X(OTHER, "Generic", false)

enum flv_codec {
#define X(name, text, config) FLV_CODEC_##name,
    FLV_CODECS(X)
#undef X
        FLV_CODEC_COUNT
};

const char *flv_codec_name(enum flv_codec codec);
/* False for codecs whose first frame is enough to start with. */
bool flv_codec_needs_config(enum flv_codec codec);

struct flv_tag {
    enum flv_codec codec;
    bool is_config; /* AVCDecoderConfigurationRecord, AudioSpecificConfig, ... */
    bool is_frame;  /* sound, or a picture; neither: the end of a sequence and the like */
    bool is_key;
    int32_t composition_ms; /* PTS - DTS of a picture */
    size_t data_at;         /* where the codec's own bytes begin in the body */
};

/* False when the body is too short to be a tag of its kind. */
bool flv_parse_video(const uint8_t *body, size_t size, struct flv_tag *tag);
bool flv_parse_audio(const uint8_t *body, size_t size, struct flv_tag *tag);
