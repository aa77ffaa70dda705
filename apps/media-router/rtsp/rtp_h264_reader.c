/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtp_h264.h"

#include <dubbing_clock.h>
#include <dubbing_decode_times.h>

#define PICTURE_NS_GUESS (DUB_NS_PER_S / 30)
/* Decoding times are not further ahead than this at the start, whatever the SPS says. */
#define LEAD_MAX_NS DUB_NS_PER_S

enum { FLV_KEY_AVC = 0x17, FLV_INTER_AVC = 0x27, AVC_NALU = 1, TAG_HEADER_BYTES = 5, NAL_LENGTH_BYTES = 4 };
enum { FU_START = 0x80, FU_END = 0x40, FU_HEADER_BYTES = 2, FIRST_MB_IS_0 = 0x80 };

/* The access unit that is being put together: a tag's header, to be filled in, then NAL units with lengths.
 */
struct unit {
    uint32_t timestamp;
    int64_t pts_ns;
    GByteArray *bytes; /* NULL: none is open */
    bool has_slice, is_key, is_damaged;
    bool is_suspect; /* came after a loss: its beginning may be missing */
    bool has_fragment;
    guint fragment_at; /* where the fragmented NAL unit's length stands */
};

struct rtp_h264_reader {
    struct rtp_sink sink;
    struct h264_parameters parameters;
    GBytes *config; /* as handed out last; NULL: none yet */
    struct h264_sps sps;
    struct dub_decode_times times;
    int64_t last_dts_ns;
    bool needs_key, is_after_gap;
    bool is_leading;      /* no picture has come yet that is shown after the key frame that was begun with */
    int64_t start_pts_ns; /* of that one */
    struct unit unit;
};

static int64_t picture_ns(const struct h264_sps *sps)
{
    int64_t said_ns = sps->picture_ns > 0 ? sps->picture_ns : PICTURE_NS_GUESS;
    return MIN(said_ns, LEAD_MAX_NS / (sps->reorder_depth + 1));
}

/* True when there is a new sequence header in reader->config. */
static bool update_config(struct rtp_h264_reader *reader)
{
    struct h264_sps sps;
    if (!reader->parameters.changed || !h264_parameters_get_sps(&reader->parameters, &sps))
        return false;
    GBytes *body = h264_parameters_flv_body(&reader->parameters);
    if (body == NULL)
        return false;
    bool is_first = reader->config == NULL;
    reader->parameters.changed = false;
    if (is_first || sps.reorder_depth != reader->sps.reorder_depth)
        dub_decode_times_init(&reader->times, (int)sps.reorder_depth, picture_ns(&sps));
    reader->sps = sps;
    g_clear_pointer(&reader->config, g_bytes_unref);
    reader->config = body;
    return true;
}

struct rtp_h264_reader *rtp_h264_reader_new(const GPtrArray *parameter_sets, struct rtp_sink sink)
{
    struct rtp_h264_reader *reader = g_new0(struct rtp_h264_reader, 1);
    reader->sink = sink;
    reader->needs_key = true;
    reader->last_dts_ns = -1;
    for (guint i = 0; i < parameter_sets->len; i++) {
        gsize size;
        const uint8_t *nal = g_bytes_get_data(parameter_sets->pdata[i], &size);
        h264_parameters_put(&reader->parameters, nal, size);
    }
    update_config(reader);
    return reader;
}

void rtp_h264_reader_free(struct rtp_h264_reader *reader)
{
    if (reader == NULL)
        return;
    h264_parameters_clear(&reader->parameters);
    g_clear_pointer(&reader->config, g_bytes_unref);
    g_clear_pointer(&reader->unit.bytes, g_byte_array_unref);
    g_free(reader);
}

int64_t rtp_h264_reader_lead_ns(const struct rtp_h264_reader *reader)
{
    return reader->config != NULL ? reader->sps.reorder_depth * picture_ns(&reader->sps) : 0;
}

gsize rtp_h264_reader_unfinished_bytes(const struct rtp_h264_reader *reader)
{
    return reader->unit.bytes != NULL ? reader->unit.bytes->len : 0;
}

bool rtp_h264_reader_get_size(const struct rtp_h264_reader *reader, unsigned *width, unsigned *height)
{
    *width = reader->sps.width;
    *height = reader->sps.height;
    return reader->config != NULL;
}

static void emit_config(struct rtp_h264_reader *reader, int64_t dts_ns)
{
    reader->sink.media(MEDIA_VIDEO, dts_ns, g_bytes_ref(reader->config), reader->sink.user);
}

void rtp_h264_reader_start(struct rtp_h264_reader *reader)
{
    if (reader->config != NULL)
        emit_config(reader, 0);
}

static void begin_unit(struct rtp_h264_reader *reader, uint32_t timestamp, int64_t pts_ns)
{
    static const uint8_t room[TAG_HEADER_BYTES] = {0};
    struct unit *unit = &reader->unit;
    *unit = (struct unit){.timestamp = timestamp,
                          .pts_ns = pts_ns,
                          .is_suspect = reader->is_after_gap,
                          .bytes = g_byte_array_new()};
    g_byte_array_append(unit->bytes, room, sizeof room);
    reader->is_after_gap = false;
}

/* Milliseconds of both times are rounded before they are subtracted, as RTMP rounds them. */
static void write_tag_header(struct unit *unit, int64_t pts_ns, int64_t dts_ns)
{
    int64_t composition_ms = pts_ns / DUB_NS_PER_MS - dts_ns / DUB_NS_PER_MS;
    uint8_t *header = unit->bytes->data;
    header[0] = unit->is_key ? FLV_KEY_AVC : FLV_INTER_AVC;
    header[1] = AVC_NALU;
    header[2] = (uint8_t)(composition_ms >> 16);
    header[3] = (uint8_t)(composition_ms >> 8);
    header[4] = (uint8_t)composition_ms;
}

static void emit_unit(struct rtp_h264_reader *reader, bool has_new_config)
{
    struct unit *unit = &reader->unit;
    int64_t next_ns = dub_decode_times_next(&reader->times, unit->pts_ns);
    int64_t dts_ns = MAX(next_ns, reader->last_dts_ns + 1);
    /* A picture that should have been shown already, by what the SPS says, is shown at once. */
    int64_t pts_ns = MAX(unit->pts_ns, dts_ns);
    reader->last_dts_ns = dts_ns;
    reader->needs_key = false;
    if (has_new_config)
        emit_config(reader, dts_ns);
    write_tag_header(unit, pts_ns, dts_ns);
    reader->sink.media(MEDIA_VIDEO, dts_ns, g_byte_array_free_to_bytes(g_steal_pointer(&unit->bytes)),
                       reader->sink.user);
}

/* Pictures that are shown before the key frame that was begun with refer to pictures that are missing. */
static bool is_decodable(struct rtp_h264_reader *reader)
{
    const struct unit *unit = &reader->unit;
    if (unit->is_key && reader->needs_key) {
        reader->is_leading = true;
        reader->start_pts_ns = unit->pts_ns;
        return true;
    }
    reader->is_leading = reader->is_leading && unit->pts_ns < reader->start_pts_ns;
    return !reader->needs_key && !reader->is_leading;
}

static void finish_unit(struct rtp_h264_reader *reader)
{
    struct unit *unit = &reader->unit;
    if (unit->bytes == NULL)
        return;
    if (unit->is_damaged || unit->has_fragment)
        reader->needs_key = true;
    else if (unit->has_slice && is_decodable(reader)) {
        bool has_new_config = update_config(reader);
        if (reader->config != NULL)
            emit_unit(reader, has_new_config);
    }
    if (unit->has_slice && unit->bytes != NULL)
        reader->sink.stats->dropped_units++;
    g_clear_pointer(&unit->bytes, g_byte_array_unref);
}

void rtp_h264_reader_flush(struct rtp_h264_reader *reader)
{
    finish_unit(reader);
}

/* Takes note of a whole NAL unit; false when it is not to stay in the picture. */
static bool take_nal(struct rtp_h264_reader *reader, const uint8_t *nal, size_t size)
{
    struct unit *unit = &reader->unit;
    unsigned type = h264_nal_type(nal[0]);
    if (type == 0 || type >= H264_NAL_STAP_A) {
        reader->sink.stats->malformed++;
        return false;
    }
    if (type == H264_NAL_SPS || type == H264_NAL_PPS) {
        reader->sink.stats->malformed += !h264_parameters_put(&reader->parameters, nal, size);
        return false;
    }
    if (type == H264_NAL_SEI)
        unit->is_key = unit->is_key || h264_sei_has_recovery_point(nal, size);
    if (h264_nal_is_slice(type)) {
        bool is_beginning = size > 1 && nal[1] & FIRST_MB_IS_0;
        unit->is_damaged = unit->is_damaged || (unit->is_suspect && !unit->has_slice && !is_beginning);
        unit->is_key = unit->is_key || type == H264_NAL_IDR;
        unit->has_slice = true;
    }
    return type != H264_NAL_AUD;
}

static bool has_room(struct unit *unit, size_t size)
{
    if (size + NAL_LENGTH_BYTES + unit->bytes->len > RTP_MAX_UNIT_BYTES)
        unit->is_damaged = true;
    return !unit->is_damaged;
}

static void add_nal(struct rtp_h264_reader *reader, const uint8_t *nal, size_t size)
{
    struct unit *unit = &reader->unit;
    if (size == 0 || !take_nal(reader, nal, size) || !has_room(unit, size))
        return;
    dub_write_be32(unit->bytes, (uint32_t)size);
    dub_write_bytes(unit->bytes, nal, size);
}

/* RFC 6184 section 5.7.1. */
static void add_aggregate(struct rtp_h264_reader *reader, const uint8_t *payload, size_t size)
{
    struct dub_reader bytes = dub_reader_on(payload + 1, size - 1);
    while (dub_reader_left(&bytes) > 0) {
        size_t nal_size = dub_read_be16(&bytes);
        const uint8_t *nal = dub_read_bytes(&bytes, nal_size);
        if (nal == NULL) {
            reader->sink.stats->malformed++;
            reader->unit.is_damaged = true;
            return;
        }
        add_nal(reader, nal, nal_size);
    }
}

static void drop_fragment(struct unit *unit)
{
    if (!unit->has_fragment)
        return;
    g_byte_array_set_size(unit->bytes, unit->fragment_at);
    unit->has_fragment = false;
    unit->is_damaged = true;
}

static void end_fragment(struct rtp_h264_reader *reader)
{
    struct unit *unit = &reader->unit;
    uint8_t *length = unit->bytes->data + unit->fragment_at;
    guint size = unit->bytes->len - unit->fragment_at - NAL_LENGTH_BYTES;
    for (unsigned i = 0; i < NAL_LENGTH_BYTES; i++)
        length[i] = (uint8_t)(size >> (24 - 8 * i));
    unit->has_fragment = false;
    if (!take_nal(reader, length + NAL_LENGTH_BYTES, size))
        g_byte_array_set_size(unit->bytes, unit->fragment_at);
}

/* RFC 6184 section 5.8. */
static void add_fragment(struct rtp_h264_reader *reader, const uint8_t *payload, size_t size)
{
    struct unit *unit = &reader->unit;
    uint8_t flags = size >= FU_HEADER_BYTES ? payload[1] : 0;
    if (size < FU_HEADER_BYTES || (!(flags & FU_START) && !unit->has_fragment)) {
        reader->sink.stats->malformed += size < FU_HEADER_BYTES;
        unit->is_damaged = true;
        unit->has_slice = true; /* of which most is missing */
        return;
    }
    if (flags & FU_START) {
        drop_fragment(unit);
        if (!has_room(unit, size)) {
            unit->has_slice = true; /* which is left out */
            return;
        }
        unit->has_fragment = true;
        unit->fragment_at = unit->bytes->len;
        dub_write_be32(unit->bytes, 0);
        dub_write_u8(unit->bytes, (uint8_t)((payload[0] & 0xe0) | (flags & 0x1f)));
    }
    if (has_room(unit, size))
        dub_write_bytes(unit->bytes, payload + FU_HEADER_BYTES, size - FU_HEADER_BYTES);
    if (flags & FU_END)
        end_fragment(reader);
}

static void add_payload(struct rtp_h264_reader *reader, const uint8_t *payload, size_t size)
{
    unsigned type = h264_nal_type(payload[0]);
    if (type == H264_NAL_FU_A) {
        add_fragment(reader, payload, size);
        return;
    }
    drop_fragment(&reader->unit);
    if (type == H264_NAL_STAP_A)
        add_aggregate(reader, payload, size);
    else
        add_nal(reader, payload, size);
}

void rtp_h264_reader_packet(struct rtp_h264_reader *reader, const struct rtp_packet *packet, bool after_gap,
                            int64_t pts_ns)
{
    struct unit *unit = &reader->unit;
    if (after_gap) {
        unit->is_damaged = true;
        reader->needs_key = reader->is_after_gap = true;
    }
    if (unit->bytes != NULL && unit->timestamp != packet->timestamp)
        finish_unit(reader);
    if (packet->payload_size == 0)
        return;
    if (unit->bytes == NULL)
        begin_unit(reader, packet->timestamp, pts_ns);
    add_payload(reader, packet->payload, packet->payload_size);
    if (packet->marker)
        finish_unit(reader);
}
