/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtp_h264.h"

#include "rtp_writer.h"

enum {
    EX_HEADER = 0x80,
    EX_CODED_FRAMES = 1,
    EX_CODED_FRAMES_X = 3,
    AVC_NALU = 1,
    MAX_PAYLOAD = RTP_WRITER_MTU - RTP_HEADER_BYTES
};
enum { FU_START = 0x80, FU_END = 0x40, FU_HEADER_BYTES = 2, NAL_REFERENCE_BITS = 0x60 };

/* A NAL unit, or a STAP-A of our own. */
struct unit {
    const uint8_t *data;
    size_t size;
};

void rtp_h264_writer_init(struct rtp_h264_writer *writer)
{
    *writer =
        (struct rtp_h264_writer){.length_bytes = 4, .units = g_array_new(FALSE, FALSE, sizeof(struct unit))};
}

void rtp_h264_writer_clear(struct rtp_h264_writer *writer)
{
    h264_parameters_clear(&writer->parameters);
    g_clear_pointer(&writer->units, g_array_unref);
}

bool rtp_h264_writer_config(struct rtp_h264_writer *writer, const uint8_t *body, size_t size)
{
    enum { TAG_HEADER_BYTES = 5 }; /* with a FourCC as without */
    struct h264_parameters parameters = {0};
    unsigned length_bytes = 0;
    if (size < TAG_HEADER_BYTES ||
        !h264_parameters_read(&parameters, body + TAG_HEADER_BYTES, size - TAG_HEADER_BYTES, &length_bytes)) {
        h264_parameters_clear(&parameters);
        return false;
    }
    h264_parameters_clear(&writer->parameters);
    writer->parameters = parameters;
    writer->length_bytes = length_bytes;
    return true;
}

/* Leaves the reader at the first NAL unit's length; false when there is no coded picture. */
static bool read_tag_header(struct dub_reader *reader, int32_t *composition_ms)
{
    uint8_t first = dub_read_u8(reader);
    bool is_extended = first & EX_HEADER;
    unsigned type = is_extended ? first & 0x0f : dub_read_u8(reader);
    *composition_ms = 0;
    if (is_extended)
        dub_reader_skip(reader, 4);
    if (is_extended ? type != EX_CODED_FRAMES && type != EX_CODED_FRAMES_X : type != AVC_NALU)
        return false;
    if (!is_extended || type == EX_CODED_FRAMES)
        *composition_ms = (int32_t)(dub_read_be24(reader) << 8) >> 8;
    return !reader->failed;
}

int32_t rtp_h264_composition_ms(const uint8_t *body, size_t size)
{
    struct dub_reader reader = dub_reader_on(body, size);
    int32_t composition_ms;
    return read_tag_header(&reader, &composition_ms) ? composition_ms : 0;
}

static size_t read_length(struct dub_reader *reader, unsigned bytes)
{
    size_t length = 0;
    for (unsigned i = 0; i < bytes; i++)
        length = length << 8 | dub_read_u8(reader);
    return length;
}

/* NAL types that RTP gives another meaning cannot go over it. False when a length is wrong, or there are so
 * many that their packets would be much larger than the message, which is what limits count. */
static bool read_units(struct rtp_h264_writer *writer, struct dub_reader *reader)
{
    g_array_set_size(writer->units, 0);
    while (dub_reader_left(reader) > 0) {
        struct unit unit = {.size = read_length(reader, writer->length_bytes)};
        unit.data = dub_read_bytes(reader, unit.size);
        if (unit.data == NULL || writer->units->len == RTP_H264_MAX_UNITS)
            return false;
        unsigned type = unit.size > 0 ? h264_nal_type(unit.data[0]) : 0;
        if (type != 0 && type < H264_NAL_STAP_A)
            g_array_append_val(writer->units, unit);
    }
    return writer->units->len > 0;
}

static bool has_type(const GArray *units, unsigned type)
{
    for (guint i = 0; i < units->len; i++)
        if (h264_nal_type(g_array_index(units, struct unit, i).data[0]) == type)
            return true;
    return false;
}

static void add_to_aggregate(GBytes *nal, void *user)
{
    GByteArray *out = user;
    dub_write_be16(out, (uint16_t)g_bytes_get_size(nal));
    dub_write_bytes(out, g_bytes_get_data(nal, NULL), g_bytes_get_size(nal));
}

static void add_unit(GBytes *nal, void *user)
{
    gsize size;
    struct unit unit = {.data = g_bytes_get_data(nal, &size)};
    unit.size = size;
    g_array_append_val((GArray *)user, unit);
}

/* In one packet where they fit, after an access unit delimiter, which has to be first. */
static void insert_parameter_sets(struct rtp_h264_writer *writer, GByteArray *aggregate)
{
    guint at = h264_nal_type(g_array_index(writer->units, struct unit, 0).data[0]) == H264_NAL_AUD;
    g_autoptr(GArray) sets = g_array_new(FALSE, FALSE, sizeof(struct unit));
    dub_write_u8(aggregate, NAL_REFERENCE_BITS | H264_NAL_STAP_A);
    h264_parameters_for_each(&writer->parameters, add_to_aggregate, aggregate);
    if (aggregate->len <= MAX_PAYLOAD) {
        struct unit unit = {.data = aggregate->data, .size = aggregate->len};
        g_array_append_val(sets, unit);
    } else {
        h264_parameters_for_each(&writer->parameters, add_unit, sets);
    }
    g_array_insert_vals(writer->units, at, sets->data, sets->len);
}

static void write_unit(struct rtp_framer *framer, const struct unit *unit, bool is_last)
{
    size_t most = MAX_PAYLOAD - FU_HEADER_BYTES;
    if (unit->size <= MAX_PAYLOAD) {
        rtp_framer_packet(framer, is_last, NULL, 0, unit->data, unit->size);
        return;
    }
    for (size_t at = 1; at < unit->size; at += most) {
        size_t size = MIN(most, unit->size - at);
        bool ends = at + size == unit->size;
        uint8_t header[FU_HEADER_BYTES] = {
            (uint8_t)((unit->data[0] & 0xe0) | H264_NAL_FU_A),
            (uint8_t)((at == 1 ? FU_START : 0) | (ends ? FU_END : 0) | (unit->data[0] & 0x1f))};
        rtp_framer_packet(framer, is_last && ends, header, sizeof header, unit->data + at, size);
    }
}

void rtp_h264_writer_picture(struct rtp_h264_writer *writer, const uint8_t *body, size_t size, bool is_key,
                             struct rtp_framer *framer)
{
    struct dub_reader reader = dub_reader_on(body, size);
    int32_t composition_ms;
    g_autoptr(GByteArray) aggregate = g_byte_array_new();
    if (!read_tag_header(&reader, &composition_ms) || !read_units(writer, &reader))
        return;
    if (is_key && !(has_type(writer->units, H264_NAL_SPS) && has_type(writer->units, H264_NAL_PPS)))
        insert_parameter_sets(writer, aggregate);
    for (guint i = 0; i < writer->units->len; i++)
        write_unit(framer, &g_array_index(writer->units, struct unit, i), i + 1 == writer->units->len);
}
