/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtp_aac.h"

#include "rtp_writer.h"

#include <dubbing_clock.h>

enum { FLV_AAC = 0xaf, AAC_SEQUENCE_HEADER = 0, AAC_RAW = 1 };

struct rtp_aac_reader {
    struct rtp_sink sink;
    struct sdp_aac fields;
    bool is_latm, is_latm_config_in_band;
    GBytes *asc; /* NULL: not known yet */
    struct aac_config config;
    struct latm_config latm;
    int64_t last_dts_ns;
    GByteArray *pending; /* an access unit, or AudioMuxElement, of which there is more to come */
    uint32_t pending_timestamp;
    size_t pending_size;  /* of the whole access unit */
    bool has_fragments;   /* MP4A-LATM: elements are larger than packets */
    bool skips_to_marker; /* MP4A-LATM: the beginning of this element is missing */
};

static bool set_config(struct rtp_aac_reader *reader, GBytes *asc)
{
    if (!aac_config_parse_bytes(asc, &reader->config))
        return false;
    g_clear_pointer(&reader->asc, g_bytes_unref);
    reader->asc = g_bytes_ref(asc);
    return true;
}

static bool set_latm_config(struct rtp_aac_reader *reader, GBytes *bytes)
{
    gsize size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    struct bits bits = bits_on(data, size);
    return latm_config_parse(&bits, &reader->latm) && set_config(reader, reader->latm.audio);
}

struct rtp_aac_reader *rtp_aac_reader_new(const struct sdp_track *track, struct rtp_sink sink,
                                          struct dub_error *error)
{
    struct rtp_aac_reader *reader = g_new0(struct rtp_aac_reader, 1);
    reader->sink = sink;
    reader->fields = track->aac;
    reader->is_latm = track->codec == SDP_CODEC_LATM;
    reader->is_latm_config_in_band = track->latm_config_in_band;
    reader->pending = g_byte_array_new();
    if (track->config == NULL ||
        (reader->is_latm ? set_latm_config(reader, track->config) : set_config(reader, track->config)))
        return reader;
    rtp_aac_reader_free(reader);
    dub_error_set(error, DUB_ERROR_UNSUPPORTED,
                  "the audio track's config= is no AAC configuration that can be read; publish AAC-LC");
    return NULL;
}

void rtp_aac_reader_free(struct rtp_aac_reader *reader)
{
    if (reader == NULL)
        return;
    g_clear_pointer(&reader->asc, g_bytes_unref);
    latm_config_clear(&reader->latm);
    g_byte_array_unref(reader->pending);
    g_free(reader);
}

bool rtp_aac_reader_get_config(const struct rtp_aac_reader *reader, struct aac_config *config)
{
    *config = reader->config;
    return reader->asc != NULL;
}

static void emit(struct rtp_aac_reader *reader, uint8_t type, int64_t dts_ns, const void *data, size_t size)
{
    GByteArray *body = g_byte_array_sized_new((guint)size + 2);
    dub_write_u8(body, FLV_AAC);
    dub_write_u8(body, type);
    dub_write_bytes(body, data, size);
    reader->last_dts_ns = MAX(reader->last_dts_ns, dts_ns);
    reader->sink.media(MEDIA_AUDIO, reader->last_dts_ns, g_byte_array_free_to_bytes(body), reader->sink.user);
}

static void emit_config(struct rtp_aac_reader *reader, int64_t dts_ns)
{
    emit(reader, AAC_SEQUENCE_HEADER, dts_ns, g_bytes_get_data(reader->asc, NULL),
         g_bytes_get_size(reader->asc));
}

void rtp_aac_reader_start(struct rtp_aac_reader *reader)
{
    if (reader->asc != NULL)
        emit_config(reader, 0);
}

/* Of the index-th access unit of a packet. */
static int64_t unit_time(const struct rtp_aac_reader *reader, int64_t pts_ns, unsigned index)
{
    return pts_ns +
           rtp_ticks_to_ns((int64_t)index * reader->config.frame_samples, reader->config.sample_rate_hz);
}

static void drop_pending(struct rtp_aac_reader *reader)
{
    if (reader->pending->len > 0)
        reader->sink.stats->dropped_units++;
    g_byte_array_set_size(reader->pending, 0);
}

/* One AU-header (RFC 3640 section 3.2.1.1): the size of its access unit. */
static size_t read_header(const struct sdp_aac *fields, struct bits *bits, bool is_first)
{
    size_t size = bits_read(bits, fields->size_bits);
    if (bits_read(bits, is_first ? fields->index_bits : fields->index_delta_bits) != 0)
        bits->failed = true; /* interleaved */
    if (fields->cts_bits > 0 && bits_flag(bits))
        bits_skip(bits, fields->cts_bits);
    if (fields->dts_bits > 0 && bits_flag(bits))
        bits_skip(bits, fields->dts_bits);
    bits_skip(bits, (fields->random_access ? 1 : 0) + fields->state_bits);
    return fields->constant_size > 0 ? fields->constant_size : size;
}

static bool has_headers(const struct sdp_aac *fields)
{
    return fields->size_bits + fields->index_bits + fields->index_delta_bits + fields->cts_bits +
                   fields->dts_bits + fields->state_bits >
               0 ||
           fields->random_access;
}

/* The section of AU-headers, in whole bytes behind its length; empty where the SDP gives them no fields. */
static struct bits read_header_section(const struct sdp_aac *fields, struct dub_reader *reader)
{
    if (!has_headers(fields))
        return (struct bits){0};
    size_t bits = dub_read_be16(reader);
    const uint8_t *data = dub_read_bytes(reader, (bits + 7) / 8);
    return (struct bits){.data = data, .size = data != NULL ? bits : 0};
}

static void skip_auxiliary(const struct sdp_aac *fields, struct dub_reader *reader)
{
    if (fields->auxiliary_size_bits == 0 || dub_reader_left(reader) == 0)
        return;
    struct bits bits = bits_on(reader->data + reader->at, dub_reader_left(reader));
    size_t total = fields->auxiliary_size_bits + (size_t)bits_read(&bits, fields->auxiliary_size_bits);
    dub_reader_skip(reader, (total + 7) / 8);
}

/* A packet that holds a part of one access unit only. */
static void add_part(struct rtp_aac_reader *reader, const struct rtp_packet *packet, size_t whole,
                     struct dub_reader *bytes, int64_t pts_ns)
{
    size_t size = dub_reader_left(bytes);
    if (reader->pending->len > 0 &&
        (reader->pending_timestamp != packet->timestamp || reader->pending_size != whole))
        drop_pending(reader);
    if (whole > RTP_AAC_MAX_UNIT_BYTES || reader->pending->len + size > whole) {
        reader->sink.stats->malformed++;
        drop_pending(reader);
        return;
    }
    reader->pending_timestamp = packet->timestamp;
    reader->pending_size = whole;
    dub_write_bytes(reader->pending, dub_read_bytes(bytes, size), size);
    if (reader->pending->len < whole)
        return;
    emit(reader, AAC_RAW, pts_ns, reader->pending->data, whole);
    g_byte_array_set_size(reader->pending, 0);
}

static bool is_pending(const struct rtp_aac_reader *reader, const struct rtp_packet *packet)
{
    return reader->pending->len > 0 && reader->pending_timestamp == packet->timestamp;
}

/* Units whose sizes stand in headers, or are all the same. */
static void read_generic(struct rtp_aac_reader *reader, const struct rtp_packet *packet, int64_t pts_ns)
{
    struct dub_reader bytes = dub_reader_on(packet->payload, packet->payload_size);
    struct bits headers = read_header_section(&reader->fields, &bytes);
    bool with_headers = has_headers(&reader->fields);
    skip_auxiliary(&reader->fields, &bytes);
    for (unsigned i = 0; with_headers ? bits_left(&headers) > 0 : dub_reader_left(&bytes) > 0; i++) {
        size_t size =
            with_headers ? read_header(&reader->fields, &headers, i == 0) : reader->fields.constant_size;
        bool is_part = i == 0 && bits_left(&headers) == 0 &&
                       (size > dub_reader_left(&bytes) || is_pending(reader, packet));
        if (!headers.failed && !bytes.failed && is_part) {
            add_part(reader, packet, size, &bytes, pts_ns);
            return;
        }
        drop_pending(reader);
        const uint8_t *unit = headers.failed ? NULL : dub_read_bytes(&bytes, size);
        if (unit == NULL || size == 0) {
            reader->sink.stats->malformed++;
            return;
        }
        emit(reader, AAC_RAW, unit_time(reader, pts_ns, i), unit, size);
    }
    reader->sink.stats->malformed += bytes.failed;
}

/* A StreamMuxConfig in the stream; false when it cannot be used. */
static bool read_latm_config(struct rtp_aac_reader *reader, struct bits *bits, int64_t pts_ns)
{
    struct latm_config latm;
    if (!latm_config_parse(bits, &latm))
        return false;
    bool is_new = reader->asc == NULL || !g_bytes_equal(reader->asc, latm.audio);
    latm_config_clear(&reader->latm);
    reader->latm = latm;
    if (!is_new)
        return true;
    if (!set_config(reader, latm.audio))
        return false;
    emit_config(reader, pts_ns);
    return true;
}

/* PayloadLengthInfo() and PayloadMux(); the bytes of a payload need not begin at a byte. */
static bool read_latm_unit(struct rtp_aac_reader *reader, struct bits *bits, int64_t pts_ns)
{
    size_t size = 0;
    uint32_t more = 255;
    while (more == 255 && !bits->failed) {
        more = bits_read(bits, 8);
        size += more;
    }
    if (bits->failed || size == 0 || size > bits_left(bits) / 8)
        return false;
    g_autoptr(GByteArray) unit = g_byte_array_sized_new((guint)size);
    for (size_t i = 0; i < size; i++)
        dub_write_u8(unit, (uint8_t)bits_read(bits, 8));
    emit(reader, AAC_RAW, pts_ns, unit->data, unit->len);
    return true;
}

/* AudioMuxElement(), ISO/IEC 14496-3 table 1.41. */
static bool read_latm_element(struct rtp_aac_reader *reader, int64_t pts_ns)
{
    struct bits bits = bits_on(reader->pending->data, reader->pending->len);
    if (reader->is_latm_config_in_band && !bits_flag(&bits) && !read_latm_config(reader, &bits, pts_ns))
        return false;
    if (reader->asc == NULL) {
        reader->sink.stats->dropped_units++; /* the configuration is still to come */
        return true;
    }
    for (unsigned i = 0; i < reader->latm.sub_frames; i++)
        if (!read_latm_unit(reader, &bits, unit_time(reader, pts_ns, i)))
            return false;
    return true;
}

static void read_latm(struct rtp_aac_reader *reader, const struct rtp_packet *packet, int64_t pts_ns)
{
    reader->has_fragments = reader->has_fragments || !packet->marker;
    if (reader->skips_to_marker) {
        reader->skips_to_marker = !packet->marker;
        reader->sink.stats->dropped_units += packet->marker;
        return;
    }
    if (reader->pending->len > 0 && reader->pending_timestamp != packet->timestamp)
        drop_pending(reader);
    if (reader->pending->len + packet->payload_size > RTP_AAC_MAX_UNIT_BYTES) {
        reader->sink.stats->malformed++;
        drop_pending(reader);
        return;
    }
    reader->pending_timestamp = packet->timestamp;
    dub_write_bytes(reader->pending, packet->payload, packet->payload_size);
    if (!packet->marker)
        return;
    reader->sink.stats->malformed += !read_latm_element(reader, pts_ns);
    g_byte_array_set_size(reader->pending, 0);
}

void rtp_aac_reader_packet(struct rtp_aac_reader *reader, const struct rtp_packet *packet, bool after_gap,
                           int64_t pts_ns)
{
    if (after_gap) {
        drop_pending(reader);
        reader->skips_to_marker = reader->has_fragments;
    }
    if (reader->is_latm)
        read_latm(reader, packet, pts_ns);
    else
        read_generic(reader, packet, pts_ns);
}

void rtp_aac_write(struct rtp_framer *framer, const uint8_t *unit, size_t size)
{
    enum { PREFIX_BYTES = 4, HEADER_BITS = RTP_AAC_SIZE_BITS + RTP_AAC_INDEX_BITS };
    const size_t most = RTP_WRITER_MTU - RTP_HEADER_BYTES - PREFIX_BYTES;
    const uint8_t prefix[PREFIX_BYTES] = {0, HEADER_BITS, (uint8_t)(size >> (8 - RTP_AAC_INDEX_BITS)),
                                          (uint8_t)(size << RTP_AAC_INDEX_BITS)};
    if (size >= 1u << RTP_AAC_SIZE_BITS)
        return;
    for (size_t at = 0; at < size; at += most) {
        size_t part = MIN(most, size - at);
        rtp_framer_packet(framer, at + part == size, prefix, sizeof prefix, unit + at, part);
    }
}
