/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tag.h"

#include <dubbing_bytes.h>
#include <string.h>

#define FILE_HEADER_BYTES 13
#define HEADER_BYTES 11
#define TRAILER_BYTES 4
#define TIME_AT 4
#define TYPE_AUDIO 8
#define TYPE_VIDEO 9
#define TYPE_SCRIPT 18
#define AMF_STRING 2
#define CODEC_AAC 10
#define CODEC_EXTENDED_AUDIO 9
#define CODEC_AVC 7
#define EXTENDED_VIDEO 0x80
#define PACKET_HEADER 0
#define PACKET_PICTURE 1
#define PACKET_PICTURE_X 3 /* without a composition time */
#define FRAME_KEY 1
#define FRAME_COMMAND 5
#define LOOK_BYTES 48 /* enough for a header and the names of the metadata */

static bool is_named(struct dub_reader *body, const char *name)
{
    if (dub_read_u8(body) != AMF_STRING || dub_read_be16(body) != strlen(name))
        return false;
    const uint8_t *bytes = dub_read_bytes(body, strlen(name));
    return bytes != NULL && memcmp(bytes, name, strlen(name)) == 0;
}

/* Some servers hand the publisher's command on with the data. */
static enum tag_kind kind_of_script(const struct dub_reader *body)
{
    struct dub_reader first = *body, second = *body;
    if (is_named(&first, "onMetaData"))
        return TAG_METADATA;
    return is_named(&second, "@setDataFrame") && is_named(&second, "onMetaData") ? TAG_METADATA : TAG_DATA;
}

static enum tag_kind kind_of_audio(struct dub_reader *body)
{
    uint8_t flags = dub_read_u8(body);
    if (flags >> 4 == CODEC_EXTENDED_AUDIO)
        return (flags & 0x0f) == 0 ? TAG_AUDIO_HEADER : TAG_SOUND;
    return flags >> 4 == CODEC_AAC && dub_read_u8(body) == 0 && !body->failed ? TAG_AUDIO_HEADER : TAG_SOUND;
}

/* Of an AVC or extended packet only the types that hold a picture can be one to begin with. */
static enum tag_kind kind_of_video(struct dub_reader *body)
{
    uint8_t flags = dub_read_u8(body);
    unsigned frame = flags >> 4 & 0x07, packet = flags & 0x0f;
    bool is_extended = (flags & EXTENDED_VIDEO) != 0, has_packet = is_extended || packet == CODEC_AVC;
    if (!is_extended && packet == CODEC_AVC)
        packet = dub_read_u8(body);
    if (body->failed || frame == FRAME_COMMAND)
        return TAG_PICTURE;
    if (has_packet && packet == PACKET_HEADER)
        return TAG_VIDEO_HEADER;
    bool has_picture = !has_packet || packet == PACKET_PICTURE || (is_extended && packet == PACKET_PICTURE_X);
    return frame == FRAME_KEY && has_picture ? TAG_KEY_PICTURE : TAG_PICTURE;
}

bool tag_read(struct tag *tag, GstBuffer *buffer, gsize *at)
{
    uint8_t start[FILE_HEADER_BYTES + LOOK_BYTES];
    gsize n_start = gst_buffer_extract(buffer, 0, start, sizeof start);
    *at = n_start >= FILE_HEADER_BYTES && memcmp(start, "FLV", 3) == 0 ? FILE_HEADER_BYTES : 0;

    struct dub_reader reader = dub_reader_on(start + *at, n_start - *at);
    uint8_t type = dub_read_u8(&reader);
    uint32_t n_body = dub_read_be24(&reader);
    uint32_t time_ms = dub_read_be24(&reader);
    tag->time_ms = time_ms | (uint32_t)dub_read_u8(&reader) << 24;
    dub_reader_skip(&reader, 3);
    if (reader.failed || n_body == 0 ||
        gst_buffer_get_size(buffer) - *at != HEADER_BYTES + (gsize)n_body + TRAILER_BYTES)
        return false;
    struct dub_reader body = dub_reader_sub(&reader, MIN(n_body, dub_reader_left(&reader)));
    if (type == TYPE_SCRIPT)
        tag->kind = kind_of_script(&body);
    else if (type == TYPE_AUDIO)
        tag->kind = kind_of_audio(&body);
    else if (type == TYPE_VIDEO)
        tag->kind = kind_of_video(&body);
    else
        return false;
    return true;
}

GstBuffer *tag_with_time(GstBuffer *buffer, gsize at, uint32_t time_ms)
{
    GstBuffer *copy = gst_buffer_new_allocate(NULL, HEADER_BYTES, NULL);
    uint8_t header[HEADER_BYTES];
    gst_buffer_extract(buffer, at, header, sizeof header);
    header[TIME_AT] = (uint8_t)(time_ms >> 16);
    header[TIME_AT + 1] = (uint8_t)(time_ms >> 8);
    header[TIME_AT + 2] = (uint8_t)time_ms;
    header[TIME_AT + 3] = (uint8_t)(time_ms >> 24);
    gst_buffer_fill(copy, 0, header, sizeof header);
    gst_buffer_copy_into(copy, buffer, GST_BUFFER_COPY_MEMORY, at + HEADER_BYTES, (gsize)-1);
    return copy;
}
