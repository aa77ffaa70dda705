/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtp_packet.h"

#include <string.h>

#define NS_PER_S INT64_C(1000000000)
/* From 1900 to 1970. */
#define NTP_UNIX_OFFSET_S INT64_C(2208988800)

enum { RTP_VERSION = 2, MARKER_BIT = 0x80, PADDING_BIT = 0x20, EXTENSION_BIT = 0x10, SOURCES_MASK = 0x0f };
enum { RTCP_SENDER_REPORT = 200, RTCP_SOURCE_DESCRIPTION = 202, RTCP_BYE = 203, SDES_CNAME = 1 };

static bool skip_extension(struct dub_reader *reader)
{
    dub_reader_skip(reader, 2);
    return dub_reader_skip(reader, (size_t)dub_read_be16(reader) * 4);
}

/* The last byte says how many there are, itself included. */
static bool strip_padding(struct rtp_packet *packet)
{
    uint8_t padding = packet->payload_size > 0 ? packet->payload[packet->payload_size - 1] : 0;
    if (padding == 0 || padding > packet->payload_size)
        return false;
    packet->payload_size -= padding;
    return true;
}

bool rtp_packet_parse(const uint8_t *data, size_t size, struct rtp_packet *packet)
{
    struct dub_reader reader = dub_reader_on(data, size);
    uint8_t first = dub_read_u8(&reader), second = dub_read_u8(&reader);
    *packet = (struct rtp_packet){.marker = second & MARKER_BIT, .payload_type = second & 0x7f};
    packet->sequence = dub_read_be16(&reader);
    packet->timestamp = dub_read_be32(&reader);
    packet->ssrc = dub_read_be32(&reader);
    dub_reader_skip(&reader, (size_t)(first & SOURCES_MASK) * 4);
    if (first & EXTENSION_BIT)
        skip_extension(&reader);
    if (reader.failed || first >> 6 != RTP_VERSION)
        return false;
    packet->payload_size = dub_reader_left(&reader);
    packet->payload = dub_read_bytes(&reader, packet->payload_size);
    return !(first & PADDING_BIT) || strip_padding(packet);
}

void rtp_packet_write_header(GByteArray *out, const struct rtp_packet *packet)
{
    dub_write_u8(out, RTP_VERSION << 6);
    dub_write_u8(out, (uint8_t)((packet->marker ? MARKER_BIT : 0) | packet->payload_type));
    dub_write_be16(out, packet->sequence);
    dub_write_be32(out, packet->timestamp);
    dub_write_be32(out, packet->ssrc);
}

/* RFC 3550 appendix A.1. */
enum rtp_order rtp_sequence_next(struct rtp_sequence *sequence, uint16_t number, unsigned *lost)
{
    enum { MAX_DROPOUT = 3000, MAX_MISORDER = 100 };
    uint16_t ahead = (uint16_t)(number - sequence->next);
    bool is_first = !sequence->has_next;
    *lost = 0;
    if (!is_first && ahead >= 0x10000 - MAX_MISORDER)
        return RTP_LATE;
    sequence->has_next = true;
    sequence->next = (uint16_t)(number + 1);
    if (is_first || ahead == 0)
        return RTP_IN_ORDER;
    if (ahead > MAX_DROPOUT)
        return RTP_RESTART;
    *lost = ahead;
    return RTP_AFTER_GAP;
}

int64_t rtp_ticks_unwrap(struct rtp_ticks *ticks, uint32_t timestamp)
{
    if (ticks->has_last)
        ticks->last += (int32_t)(timestamp - (uint32_t)ticks->last);
    else
        ticks->last = timestamp;
    ticks->has_last = true;
    return ticks->last;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

int64_t rtp_ticks_to_ns(int64_t ticks, uint32_t rate_hz)
{
    int64_t seconds = floor_div(ticks, rate_hz);
    return seconds * NS_PER_S + (ticks - seconds * rate_hz) * NS_PER_S / rate_hz;
}

int64_t rtp_ns_to_ticks(int64_t ns, uint32_t rate_hz)
{
    int64_t seconds = floor_div(ns, NS_PER_S);
    return seconds * rate_hz + ((ns - seconds * NS_PER_S) * rate_hz + NS_PER_S / 2) / NS_PER_S;
}

static struct rtcp_sender_report read_report(struct dub_reader *reader)
{
    struct rtcp_sender_report report = {0};
    report.ssrc = dub_read_be32(reader);
    report.ntp = dub_read_be64(reader);
    report.timestamp = dub_read_be32(reader);
    report.packets = dub_read_be32(reader);
    report.bytes = dub_read_be32(reader);
    return report;
}

bool rtcp_find_sender_report(const uint8_t *data, size_t size, struct rtcp_sender_report *report)
{
    struct dub_reader reader = dub_reader_on(data, size);
    while (dub_reader_left(&reader) > 0) {
        uint8_t first = dub_read_u8(&reader), type = dub_read_u8(&reader);
        struct dub_reader body = dub_reader_sub(&reader, (size_t)dub_read_be16(&reader) * 4);
        if (reader.failed || first >> 6 != RTP_VERSION)
            return false;
        if (type != RTCP_SENDER_REPORT)
            continue;
        *report = read_report(&body);
        return !body.failed;
    }
    return false;
}

static void write_rtcp_header(GByteArray *out, unsigned count, uint8_t type, size_t body_bytes)
{
    dub_write_u8(out, (uint8_t)(RTP_VERSION << 6 | count));
    dub_write_u8(out, type);
    dub_write_be16(out, (uint16_t)(body_bytes / 4));
}

/* One chunk: the source, its name, at least one zero byte up to a multiple of four. */
static void write_source_name(GByteArray *out, uint32_t ssrc, const char *cname)
{
    static const uint8_t zeroes[4] = {0};
    size_t length = MIN(strlen(cname), 255);
    size_t padding = 4 - (2 + length) % 4;
    write_rtcp_header(out, 1, RTCP_SOURCE_DESCRIPTION, 4 + 2 + length + padding);
    dub_write_be32(out, ssrc);
    dub_write_u8(out, SDES_CNAME);
    dub_write_u8(out, (uint8_t)length);
    dub_write_bytes(out, cname, length);
    dub_write_bytes(out, zeroes, padding);
}

void rtcp_write_sender_report(GByteArray *out, const struct rtcp_sender_report *report, const char *cname)
{
    enum { BODY_BYTES = 24 };
    write_rtcp_header(out, 0, RTCP_SENDER_REPORT, BODY_BYTES);
    dub_write_be32(out, report->ssrc);
    dub_write_be64(out, report->ntp);
    dub_write_be32(out, report->timestamp);
    dub_write_be32(out, report->packets);
    dub_write_be32(out, report->bytes);
    write_source_name(out, report->ssrc, cname);
}

void rtcp_write_bye(GByteArray *out, uint32_t ssrc)
{
    write_rtcp_header(out, 1, RTCP_BYE, 4);
    dub_write_be32(out, ssrc);
}

uint64_t rtcp_ntp_from_unix_ns(int64_t unix_ns)
{
    int64_t seconds = floor_div(unix_ns, NS_PER_S);
    uint64_t fraction = ((uint64_t)(unix_ns - seconds * NS_PER_S) << 32) / NS_PER_S;
    return (uint64_t)(seconds + NTP_UNIX_OFFSET_S) << 32 | fraction;
}

int64_t rtcp_ntp_to_unix_ns(uint64_t ntp)
{
    int64_t fraction_ns = (int64_t)(((ntp & UINT32_MAX) * NS_PER_S + (UINT64_C(1) << 31)) >> 32);
    return ((int64_t)(ntp >> 32) - NTP_UNIX_OFFSET_S) * NS_PER_S + fraction_ns;
}
