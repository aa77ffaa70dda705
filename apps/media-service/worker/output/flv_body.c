/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flv_body.h"

#include <dubbing_amf.h>
#include <dubbing_bytes.h>

#define AVC_SEQUENCE_HEADER 0
#define AVC_NALU 1
#define VIDEO_KEY_AVC 0x17   /* frame type 1, codec 7 */
#define VIDEO_INTER_AVC 0x27 /* frame type 2, codec 7 */
#define AUDIO_AAC 0xaf       /* codec 10; rate, size and channels are fixed for AAC */
#define AAC_SEQUENCE_HEADER 0
#define AAC_RAW 1

static void write_number(GByteArray *body, const char *name, double value)
{
    amf_write_name(body, name);
    amf_write_number(body, value);
}

GBytes *flv_body_metadata(int width, int height)
{
    GByteArray *body = g_byte_array_new();
    bool is_sized = width > 0 && height > 0;

    amf_write_string(body, "onMetaData");
    amf_write_ecma_array_begin(body, is_sized ? 6 : 4);
    write_number(body, "videocodecid", 7);
    write_number(body, "audiocodecid", 10);
    write_number(body, "audiosamplerate", 48000);
    write_number(body, "audiochannels", 2);
    if (is_sized) {
        write_number(body, "width", width);
        write_number(body, "height", height);
    }
    amf_write_object_end(body);
    return g_byte_array_free_to_bytes(body);
}

static GBytes *append_payload(GByteArray *take_head, GstBuffer *payload)
{
    guint head_bytes = take_head->len;
    gsize payload_bytes = gst_buffer_get_size(payload);

    g_byte_array_set_size(take_head, head_bytes + (guint)payload_bytes);
    gst_buffer_extract(payload, 0, take_head->data + head_bytes, payload_bytes);
    return g_byte_array_free_to_bytes(take_head);
}

static GBytes *video(uint8_t kind, uint8_t packet_type, int32_t offset_ms, GstBuffer *payload)
{
    GByteArray *body = g_byte_array_sized_new(5 + (guint)gst_buffer_get_size(payload));

    dub_write_u8(body, kind);
    dub_write_u8(body, packet_type);
    dub_write_be24(body, (uint32_t)offset_ms & 0xffffff);
    return append_payload(body, payload);
}

static GBytes *audio(uint8_t packet_type, GstBuffer *payload)
{
    GByteArray *body = g_byte_array_sized_new(2 + (guint)gst_buffer_get_size(payload));

    dub_write_u8(body, AUDIO_AAC);
    dub_write_u8(body, packet_type);
    return append_payload(body, payload);
}

GBytes *flv_body_video_header(GstBuffer *codec_data)
{
    return video(VIDEO_KEY_AVC, AVC_SEQUENCE_HEADER, 0, codec_data);
}

GBytes *flv_body_audio_header(GstBuffer *codec_data)
{
    return audio(AAC_SEQUENCE_HEADER, codec_data);
}

GBytes *flv_body_video(int32_t offset_ms, bool key, GstBuffer *payload)
{
    return video(key ? VIDEO_KEY_AVC : VIDEO_INTER_AVC, AVC_NALU, offset_ms, payload);
}

GBytes *flv_body_audio(GstBuffer *payload)
{
    return audio(AAC_RAW, payload);
}
