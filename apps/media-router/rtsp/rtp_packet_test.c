/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtp_packet.h"

#include "../tests/rtp_rig.h"

static bool parse(const char *hex, struct rtp_packet *packet, GBytes **keep)
{
    *keep = rtp_rig_bytes(hex);
    return rtp_packet_parse(g_bytes_get_data(*keep, NULL), g_bytes_get_size(*keep), packet);
}

static void test_header(void)
{
    struct rtp_packet packet;
    g_autoptr(GBytes) keep = NULL;
    g_assert_true(parse("80 e0 1234 89abcdef 01020304 aabb", &packet, &keep));
    g_assert_true(packet.marker);
    g_assert_cmpuint(packet.payload_type, ==, 96);
    g_assert_cmphex(packet.sequence, ==, 0x1234);
    g_assert_cmphex(packet.timestamp, ==, 0x89abcdef);
    g_assert_cmphex(packet.ssrc, ==, 0x01020304);
    g_assert_cmpuint(packet.payload_size, ==, 2);
    g_assert_cmphex(packet.payload[0], ==, 0xaa);
    g_autoptr(GByteArray) out = g_byte_array_new();
    rtp_packet_write_header(out, &packet);
    g_autoptr(GBytes) written = g_bytes_new(out->data, out->len);
    rtp_rig_assert_bytes(written, "80 e0 1234 89abcdef 01020304");
}

static void test_sources_extension_and_padding(void)
{
    struct rtp_packet packet;
    g_autoptr(GBytes) keep = NULL;
    g_assert_true(
        parse("b2 60 0001 00000000 00000000 11111111 22222222 bede0001 aaaaaaaa 77 000002", &packet, &keep));
    g_assert_false(packet.marker);
    g_assert_cmpuint(packet.payload_size, ==, 2);
    g_assert_cmphex(packet.payload[0], ==, 0x77);
}

static void test_broken_headers(void)
{
    static const char *const cases[] = {
        "",
        "80",
        "80 e0 1234 89abcdef 010203",
        "40 e0 1234 89abcdef 01020304",
        "81 e0 1234 89abcdef 01020304",
        "90 e0 1234 89abcdef 01020304 bede",
        "90 e0 1234 89abcdef 01020304 bede0001 aabbcc",
        "a0 e0 1234 89abcdef 01020304",      /* padding without a byte */
        "a0 e0 1234 89abcdef 01020304 aa00", /* none of it */
        "a0 e0 1234 89abcdef 01020304 aa03", /* more than there is */
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct rtp_packet packet;
        g_autoptr(GBytes) keep = NULL;
        g_test_message("%s", cases[i]);
        g_assert_false(parse(cases[i], &packet, &keep));
    }
}

static void expect_order(struct rtp_sequence *sequence, uint16_t number, enum rtp_order order, unsigned lost)
{
    unsigned seen;
    g_assert_cmpint(rtp_sequence_next(sequence, number, &seen), ==, order);
    g_assert_cmpuint(seen, ==, lost);
}

static void test_sequence_numbers(void)
{
    struct rtp_sequence sequence = {0};
    expect_order(&sequence, 65533, RTP_IN_ORDER, 0);
    expect_order(&sequence, 65534, RTP_IN_ORDER, 0);
    expect_order(&sequence, 65534, RTP_LATE, 0);
    expect_order(&sequence, 1, RTP_AFTER_GAP, 2);
    expect_order(&sequence, 65535, RTP_LATE, 0);
    expect_order(&sequence, 2, RTP_IN_ORDER, 0);
    expect_order(&sequence, 2 + 3001, RTP_AFTER_GAP, 3000);
    expect_order(&sequence, 3003 + 1 + 3001, RTP_RESTART, 0);
    expect_order(&sequence, 5000, RTP_RESTART, 0);
    expect_order(&sequence, 5001, RTP_IN_ORDER, 0);
}

static void test_timestamps_do_not_wrap(void)
{
    struct rtp_ticks ticks = {0};
    g_assert_cmpint(rtp_ticks_unwrap(&ticks, 0xfffffff0), ==, 0xfffffff0);
    g_assert_cmpint(rtp_ticks_unwrap(&ticks, 0x10), ==, 0x100000010);
    g_assert_cmpint(rtp_ticks_unwrap(&ticks, 0xffffffff), ==, 0xffffffff);
    g_assert_cmpint(rtp_ticks_unwrap(&ticks, 0x7ffffffe), ==, 0x17ffffffe);
    /* Back, beyond the start. */
    ticks = (struct rtp_ticks){0};
    rtp_ticks_unwrap(&ticks, 5);
    g_assert_cmpint(rtp_ticks_unwrap(&ticks, 0xfffffffb), ==, -5);
}

static void test_ticks_and_nanoseconds(void)
{
    g_assert_cmpint(rtp_ticks_to_ns(90000, 90000), ==, 1000000000);
    g_assert_cmpint(rtp_ticks_to_ns(1, 90000), ==, 11111);
    g_assert_cmpint(rtp_ticks_to_ns(-1, 90000), ==, -11112);
    g_assert_cmpint(rtp_ns_to_ticks(11111, 90000), ==, 1);
    g_assert_cmpint(rtp_ns_to_ticks(-11112, 90000), ==, -1);
    /* A year does not drift. */
    const int64_t year_s = 31536000;
    g_assert_cmpint(rtp_ticks_to_ns(year_s * 44100 + 441, 44100), ==, year_s * 1000000000 + 10000000);
    g_assert_cmpint(rtp_ns_to_ticks(year_s * 1000000000 + 10000000, 44100), ==, year_s * 44100 + 441);
    for (int64_t tick = -100000; tick < 100000; tick += 7)
        g_assert_cmpint(rtp_ns_to_ticks(rtp_ticks_to_ns(tick, 44100), 44100), ==, tick);
}

static bool find(const char *hex, struct rtcp_sender_report *report)
{
    g_autoptr(GBytes) bytes = rtp_rig_bytes(hex);
    return rtcp_find_sender_report(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), report);
}

#define REPORT "80c80006 01020304 e000000180000000 00001000 00000007 00000900"

static void test_sender_reports_are_found(void)
{
    struct rtcp_sender_report report;
    g_assert_true(find(REPORT, &report));
    g_assert_cmphex(report.ssrc, ==, 0x01020304);
    g_assert_cmphex(report.ntp, ==, 0xe000000180000000);
    g_assert_cmpuint(report.timestamp, ==, 0x1000);
    g_assert_cmpuint(report.packets, ==, 7);
    g_assert_cmpuint(report.bytes, ==, 0x900);
    g_assert_true(find("80c90001 01020304" REPORT, &report)); /* behind a receiver report */
    g_assert_false(find("80c90001 01020304", &report));
    g_assert_false(find("", &report));
    g_assert_false(find("40c80006" REPORT, &report));
    g_assert_false(find("80c80002 01020304 e0000001", &report));
    g_assert_false(find("80c80006 01020304", &report));
}

static void test_sender_reports_are_written(void)
{
    struct rtcp_sender_report report = {0x01020304, 0xe000000180000000, 0x1000, 7, 0x900};
    g_autoptr(GByteArray) out = g_byte_array_new();
    rtcp_write_sender_report(out, &report, "abcdef");
    rtcp_write_bye(out, 0x01020304);
    g_autoptr(GBytes) bytes = g_bytes_new(out->data, out->len);
    rtp_rig_assert_bytes(bytes, REPORT "81ca0004 01020304 0106 616263646566 00000000 81cb0001 01020304");
    for (unsigned length = 0; length < 9; length++) {
        g_autofree char *name = g_strnfill(length, 'x');
        g_byte_array_set_size(out, 0);
        rtcp_write_sender_report(out, &report, name);
        g_assert_cmpuint(out->len % 4, ==, 0);
        g_assert_cmpuint(out->data[out->len - 1], ==, 0);
    }
}

static void test_ntp(void)
{
    g_assert_cmphex(rtcp_ntp_from_unix_ns(0), ==, UINT64_C(2208988800) << 32);
    g_assert_cmphex(rtcp_ntp_from_unix_ns(500000000), ==, UINT64_C(2208988800) << 32 | 0x80000000);
    g_assert_cmpint(rtcp_ntp_to_unix_ns(UINT64_C(2208988801) << 32), ==, 1000000000);
    for (int64_t ns = 1700000000123456789; ns < 1700000000123456889; ns++)
        g_assert_cmpint(ABS(rtcp_ntp_to_unix_ns(rtcp_ntp_from_unix_ns(ns)) - ns), <=, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtp-packet/header", test_header);
    g_test_add_func("/rtp-packet/sources-extension-and-padding", test_sources_extension_and_padding);
    g_test_add_func("/rtp-packet/broken-headers", test_broken_headers);
    g_test_add_func("/rtp-packet/sequence-numbers", test_sequence_numbers);
    g_test_add_func("/rtp-packet/timestamps-do-not-wrap", test_timestamps_do_not_wrap);
    g_test_add_func("/rtp-packet/ticks-and-nanoseconds", test_ticks_and_nanoseconds);
    g_test_add_func("/rtp-packet/sender-reports-are-found", test_sender_reports_are_found);
    g_test_add_func("/rtp-packet/sender-reports-are-written", test_sender_reports_are_written);
    g_test_add_func("/rtp-packet/ntp", test_ntp);
    return g_test_run();
}
