/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RTP and RTCP packets: headers, sequence numbers, timestamps. RFC 3550. */
#pragma once

#include <dubbing_bytes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RTP_HEADER_BYTES = 12 };

struct rtp_packet {
    bool marker;
    uint8_t payload_type;
    uint16_t sequence;
    uint32_t timestamp;
    uint32_t ssrc;
    const uint8_t *payload; /* borrowed; without padding, extension and contributing sources */
    size_t payload_size;
};

/* False for anything that is not RTP version 2 or does not hold what its header claims. */
bool rtp_packet_parse(const uint8_t *data, size_t size, struct rtp_packet *packet);
/* Appends the 12 bytes of a header without extension. */
void rtp_packet_write_header(GByteArray *out, const struct rtp_packet *packet);

enum rtp_order {
    RTP_IN_ORDER,
    RTP_AFTER_GAP, /* `lost` packets are missing before it */
    RTP_LATE,      /* repeated, or overtaken: to be thrown away */
    RTP_RESTART,   /* far away from what was expected: the sender counts anew */
};

struct rtp_sequence {
    bool has_next;
    uint16_t next;
};

/* Over TCP packets cannot overtake one another, so there is no reordering buffer: what comes late came late
 * to a relay already. */
enum rtp_order rtp_sequence_next(struct rtp_sequence *sequence, uint16_t number, unsigned *lost);

/* 32-bit timestamps as an unbroken count of ticks that starts at the first one's value; steps of less than
 * 2^31 either way are followed. */
struct rtp_ticks {
    bool has_last;
    int64_t last;
};

int64_t rtp_ticks_unwrap(struct rtp_ticks *ticks, uint32_t timestamp);
/* Exact (rounded down), also for negative values and days of ticks. rate_hz is not 0. */
int64_t rtp_ticks_to_ns(int64_t ticks, uint32_t rate_hz);
/* Rounded to the nearest. */
int64_t rtp_ns_to_ticks(int64_t ns, uint32_t rate_hz);

struct rtcp_sender_report {
    uint32_t ssrc;
    uint64_t ntp; /* 32.32 s since 1900; 0: the sender has no clock */
    uint32_t timestamp;
    uint32_t packets, bytes; /* wrap */
};

/* Finds the sender report in a compound packet. False when there is none, or a part is broken before it. */
bool rtcp_find_sender_report(const uint8_t *data, size_t size, struct rtcp_sender_report *report);
/* Appends a compound packet: sender report, source description with the canonical name (at most 255 bytes).
 */
void rtcp_write_sender_report(GByteArray *out, const struct rtcp_sender_report *report, const char *cname);
void rtcp_write_bye(GByteArray *out, uint32_t ssrc);
/* Unix time to NTP and back; 0 stays within the era that began in 1900 (until 2036). */
uint64_t rtcp_ntp_from_unix_ns(int64_t unix_ns);
int64_t rtcp_ntp_to_unix_ns(uint64_t ntp);
