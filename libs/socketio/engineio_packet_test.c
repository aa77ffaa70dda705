/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engineio_packet.h"

#include <string.h>

static void test_types_and_payloads(void)
{
    const char *const texts[] = {"0{}", "1", "2probe", "3", "4hello", "5", "6"};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        enum eio_packet_type type = EIO_NOOP;
        const char *payload = NULL;
        gsize size = 0;
        g_assert_true(eio_packet_decode(texts[i], strlen(texts[i]), &type, &payload, &size, NULL));
        g_assert_cmpint(type, ==, (unsigned char)texts[i][0]);
        g_assert_cmpuint(size, ==, strlen(texts[i]) - 1);
        g_assert_cmpstr(payload, ==, texts[i] + 1);
    }
}

static void test_every_other_first_byte_is_refused(void)
{
    for (int c = 0; c < 256; c++) {
        const char text[2] = {(char)c, 'x'};
        enum eio_packet_type type;
        const char *payload;
        gsize size;
        struct dub_error error = {0};
        bool ok = eio_packet_decode(text, 2, &type, &payload, &size, &error);
        g_assert_true(ok == (c >= '0' && c <= '6'));
        g_assert_true(ok == (error.code == DUB_ERROR_NONE));
        g_assert_false(eio_packet_decode(text, 0, &type, &payload, &size, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_PROTOCOL);
    }
}

static void test_open_packet_both_ways(void)
{
    struct eio_open open = {"abc-DEF_1", 25000, 10000, 1000000};
    g_autofree char *text = eio_open_encode(&open);
    g_assert_cmpstr(text, ==,
                    "0{\"sid\":\"abc-DEF_1\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":10000,"
                    "\"maxPayload\":1000000}");
    struct eio_open read;
    g_assert_true(eio_open_decode(text + 1, strlen(text) - 1, &read, NULL));
    g_assert_cmpstr(read.sid, ==, open.sid);
    g_assert_cmpint(read.ping_interval_ms, ==, 25000);
    g_assert_cmpint(read.ping_timeout_ms, ==, 10000);
    g_assert_cmpint(read.max_payload_bytes, ==, 1000000);
}

static void test_open_packet_of_an_older_server(void)
{
    const char text[] =
        "{\"sid\":\"x\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,\"pingTimeout\":5000}";
    struct eio_open open;
    g_assert_true(eio_open_decode(text, strlen(text), &open, NULL));
    g_assert_cmpint(open.max_payload_bytes, ==, 0);
}

static void test_open_packets_that_are_refused(void)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "7",
        "{}",
        "{\"sid\":7,\"pingInterval\":25000,\"pingTimeout\":5000}",
        "{\"sid\":\"x\",\"pingTimeout\":5000}",
        "{\"sid\":\"x\",\"pingInterval\":25000}",
        "{\"sid\":\"x\",\"pingInterval\":0,\"pingTimeout\":5000}",
        "{\"sid\":\"x\",\"pingInterval\":-1,\"pingTimeout\":5000}",
        "{\"sid\":\"x\",\"pingInterval\":99999999999,\"pingTimeout\":5000}",
        "{\"sid\":\"x\",\"pingInterval\":\"25000\",\"pingTimeout\":5000}",
        "{\"sid\":\"x\",\"pingInterval\":25000,\"pingTimeout\":5000,\"maxPayload\":-5}",
        "{\"sid\":\"x\",\"pingInterval\":25000,\"pingTimeout\":5000}}",
        "{\"sid\":\"\xff\",\"pingInterval\":25000,\"pingTimeout\":5000}",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        struct eio_open open;
        struct dub_error error = {0};
        g_autofree char *shown = g_strescape(texts[i], NULL);
        g_test_message("%s", shown);
        g_assert_false(eio_open_decode(texts[i], strlen(texts[i]), &open, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_PROTOCOL);
        g_assert_cmpstr(error.message, !=, "");
    }
    g_autofree char *long_sid = g_strnfill(200, 'a');
    g_autofree char *text =
        g_strdup_printf("{\"sid\":\"%s\",\"pingInterval\":25000,\"pingTimeout\":5000}", long_sid);
    struct eio_open open;
    g_assert_false(eio_open_decode(text, strlen(text), &open, NULL));
    g_autofree char *huge = g_strnfill(5000, ' ');
    g_assert_false(eio_open_decode(huge, strlen(huge), &open, NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engineio-packet/types-and-payloads", test_types_and_payloads);
    g_test_add_func("/engineio-packet/every-other-first-byte-is-refused",
                    test_every_other_first_byte_is_refused);
    g_test_add_func("/engineio-packet/open-packet-both-ways", test_open_packet_both_ways);
    g_test_add_func("/engineio-packet/open-packet-of-an-older-server", test_open_packet_of_an_older_server);
    g_test_add_func("/engineio-packet/open-packets-that-are-refused", test_open_packets_that_are_refused);
    return g_test_run();
}
