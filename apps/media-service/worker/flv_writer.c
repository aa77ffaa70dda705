/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flv_writer.h"

#include <dubbing_bytes.h>
#include <string.h>

#define TAG_HEADER_BYTES 11
#define TAG_AUDIO 8
#define TAG_VIDEO 9
#define TAG_SCRIPT 18

#define AVC_SEQUENCE_HEADER 0
#define AVC_NALU 1
#define VIDEO_KEY_AVC 0x17   /* frame type 1, codec 7 */
#define VIDEO_INTER_AVC 0x27 /* frame type 2, codec 7 */
#define AUDIO_AAC 0xaf       /* codec 10; rate, size and channels are fixed for AAC */
#define AAC_SEQUENCE_HEADER 0
#define AAC_RAW 1

#define AMF_NUMBER 0
#define AMF_STRING 2
#define AMF_ECMA_ARRAY 8
#define AMF_OBJECT_END 9

static GstMemory *take_memory(GByteArray *take_bytes)
{
    gsize size = take_bytes->len;
    guint8 *data = g_byte_array_free(take_bytes, FALSE);
    return gst_memory_new_wrapped(0, data, size, 0, size, data, g_free);
}

static GByteArray *begin_tag(uint8_t type, uint32_t time_ms, size_t data_bytes)
{
    GByteArray *bytes = g_byte_array_sized_new(TAG_HEADER_BYTES + 8);

    dub_write_u8(bytes, type);
    dub_write_be24(bytes, (uint32_t)data_bytes);
    dub_write_be24(bytes, time_ms & 0xffffff);
    dub_write_u8(bytes, (uint8_t)(time_ms >> 24));
    dub_write_be24(bytes, 0); /* stream id */
    return bytes;
}

/* Header with its first data bytes, the payload's own memory, and the size of all that once more. */
static GstBuffer *finish_tag(GByteArray *take_head, GstBuffer *payload)
{
    GstBuffer *tag = gst_buffer_new();
    GByteArray *tail = g_byte_array_sized_new(4);
    gsize size = take_head->len + (payload ? gst_buffer_get_size(payload) : 0);

    gst_buffer_append_memory(tag, take_memory(take_head));
    if (payload)
        gst_buffer_copy_into(tag, payload, GST_BUFFER_COPY_MEMORY, 0, (gsize)-1);
    dub_write_be32(tail, (uint32_t)size);
    gst_buffer_append_memory(tag, take_memory(tail));
    return tag;
}

GstBuffer *flv_write_file_header(void)
{
    static const uint8_t header[] = {'F', 'L', 'V', 1, 0x05 /* audio and video */, 0, 0, 0, 9, 0, 0, 0, 0};
    return gst_buffer_new_memdup(header, sizeof(header));
}

static void write_name(GByteArray *bytes, const char *name)
{
    dub_write_be16(bytes, (uint16_t)strlen(name));
    dub_write_bytes(bytes, name, strlen(name));
}

static void write_number(GByteArray *bytes, const char *name, double value)
{
    write_name(bytes, name);
    dub_write_u8(bytes, AMF_NUMBER);
    dub_write_be_double(bytes, value);
}

GstBuffer *flv_write_metadata(int width, int height)
{
    bool sized = width > 0 && height > 0;
    g_autoptr(GByteArray) data = g_byte_array_new();

    dub_write_u8(data, AMF_STRING);
    write_name(data, "onMetaData");
    dub_write_u8(data, AMF_ECMA_ARRAY);
    dub_write_be32(data, sized ? 6 : 4);
    write_number(data, "videocodecid", 7);
    write_number(data, "audiocodecid", 10);
    write_number(data, "audiosamplerate", 48000);
    write_number(data, "audiochannels", 2);
    if (sized) {
        write_number(data, "width", width);
        write_number(data, "height", height);
    }
    write_name(data, "");
    dub_write_u8(data, AMF_OBJECT_END);

    GByteArray *tag = begin_tag(TAG_SCRIPT, 0, data->len);
    dub_write_bytes(tag, data->data, data->len);
    return finish_tag(tag, NULL);
}

static GstBuffer *write_video(uint32_t time_ms, uint8_t kind, uint8_t packet_type, int32_t offset_ms,
                              GstBuffer *payload)
{
    GByteArray *tag = begin_tag(TAG_VIDEO, time_ms, gst_buffer_get_size(payload) + 5);

    dub_write_u8(tag, kind);
    dub_write_u8(tag, packet_type);
    dub_write_be24(tag, (uint32_t)offset_ms & 0xffffff);
    return finish_tag(tag, payload);
}

static GstBuffer *write_audio(uint32_t time_ms, uint8_t packet_type, GstBuffer *payload)
{
    GByteArray *tag = begin_tag(TAG_AUDIO, time_ms, gst_buffer_get_size(payload) + 2);

    dub_write_u8(tag, AUDIO_AAC);
    dub_write_u8(tag, packet_type);
    return finish_tag(tag, payload);
}

GstBuffer *flv_write_video_header(uint32_t time_ms, GstBuffer *codec_data)
{
    return write_video(time_ms, VIDEO_KEY_AVC, AVC_SEQUENCE_HEADER, 0, codec_data);
}

GstBuffer *flv_write_audio_header(uint32_t time_ms, GstBuffer *codec_data)
{
    return write_audio(time_ms, AAC_SEQUENCE_HEADER, codec_data);
}

GstBuffer *flv_write_video(uint32_t time_ms, int32_t offset_ms, bool key, GstBuffer *payload)
{
    return write_video(time_ms, key ? VIDEO_KEY_AVC : VIDEO_INTER_AVC, AVC_NALU, offset_ms, payload);
}

GstBuffer *flv_write_audio(uint32_t time_ms, GstBuffer *payload)
{
    return write_audio(time_ms, AAC_RAW, payload);
}
