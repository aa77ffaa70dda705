/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_rtmp_handshake.h"

#include <string.h>

enum { ANSWER_BYTES = 1 + 2 * RTMP_HANDSHAKE_BYTES, HELLO_BYTES = 1 + RTMP_HANDSHAKE_BYTES };

/* With a version where the plain form has zeros, as clients of the digest form say it (ffmpeg, Flash): they
 * are told version 0, do without the digest, and compare S2 with what they sent. */
static void fill_hello(uint8_t hello[HELLO_BYTES])
{
    for (size_t i = 0; i < HELLO_BYTES; i++)
        hello[i] = (uint8_t)(i * 13);
    hello[0] = RTMP_VERSION;
}

/* C0, C1, C2 and two bytes of the chunk stream, in pieces. */
static void shake_hands(size_t piece)
{
    uint8_t bytes[HELLO_BYTES + RTMP_HANDSHAKE_BYTES + 2] = {0};
    struct rtmp_handshake handshake;
    g_autoptr(GByteArray) out = g_byte_array_new();
    size_t used = 0;
    fill_hello(bytes);
    rtmp_handshake_init(&handshake);
    while (used < sizeof bytes && !handshake.done) {
        const uint8_t *data = bytes + used;
        size_t size = MIN(piece, sizeof bytes - used);
        size_t before = size;
        g_assert_true(rtmp_handshake_receive(&handshake, &data, &size, out, NULL));
        used += before - size;
    }
    g_assert_true(handshake.done);
    g_assert_cmpuint(used, ==, HELLO_BYTES + RTMP_HANDSHAKE_BYTES);
    g_assert_cmpuint(out->len, ==, ANSWER_BYTES);
    g_assert_cmpuint(out->data[0], ==, RTMP_VERSION);
    g_assert_true(memcmp(out->data + 1, (const uint8_t[8]){0}, 8) == 0); /* no version: no digest */
    g_assert_true(memcmp(out->data + 1 + RTMP_HANDSHAKE_BYTES, bytes + 1, RTMP_HANDSHAKE_BYTES) == 0);
}

static void test_any_pieces(void)
{
    static const size_t pieces[] = {1, 2, 700, 1536, 1537, 1538, 3073, 5000};
    for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++)
        shake_hands(pieces[i]);
}

/* Both halves, with what travels cut into pieces. */
static void test_client_and_server(void)
{
    static const size_t pieces[] = {1, 700, 1536, 1537, 5000};
    for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++) {
        struct rtmp_handshake server;
        struct rtmp_client_handshake client;
        g_autoptr(GByteArray) to_server = g_byte_array_new(), to_client = g_byte_array_new();
        size_t heard_by_server = 0, heard_by_client = 0;
        rtmp_handshake_init(&server);
        rtmp_client_handshake_begin(&client, to_server);
        while (!server.done || !client.done) {
            const uint8_t *data = to_server->data + heard_by_server;
            size_t size = MIN(pieces[i], to_server->len - heard_by_server), given = size;
            g_assert_true(rtmp_handshake_receive(&server, &data, &size, to_client, NULL));
            heard_by_server += given - size;
            data = to_client->data + heard_by_client;
            size = given = MIN(pieces[i], to_client->len - heard_by_client);
            g_assert_true(rtmp_client_handshake_receive(&client, &data, &size, to_server, NULL));
            heard_by_client += given - size;
        }
        g_assert_cmpuint(to_server->len, ==, HELLO_BYTES + RTMP_HANDSHAKE_BYTES);
        g_assert_cmpuint(heard_by_server, ==, to_server->len);
        g_assert_cmpuint(heard_by_client, ==, ANSWER_BYTES);
        /* C2 is S1, S2 is C1 */
        g_assert_true(memcmp(to_server->data + HELLO_BYTES, to_client->data + 1, RTMP_HANDSHAKE_BYTES) == 0);
        g_assert_true(memcmp(to_client->data + HELLO_BYTES, to_server->data + 1, RTMP_HANDSHAKE_BYTES) == 0);
    }
}

static void test_client_hears_no_rtmp(void)
{
    struct rtmp_client_handshake client;
    struct dub_error error = {0};
    g_autoptr(GByteArray) out = g_byte_array_new();
    const uint8_t *data = (const uint8_t *)"HTTP";
    size_t size = 4;
    rtmp_client_handshake_begin(&client, out);
    g_assert_false(rtmp_client_handshake_receive(&client, &data, &size, out, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_PROTOCOL);
}

static void assert_refused(uint8_t first, enum dub_error_code code, const char *word)
{
    struct rtmp_handshake handshake;
    struct dub_error error = {0};
    g_autoptr(GByteArray) out = g_byte_array_new();
    const uint8_t *data = &first;
    size_t size = 1;
    rtmp_handshake_init(&handshake);
    g_assert_false(rtmp_handshake_receive(&handshake, &data, &size, out, &error));
    g_assert_cmpint(error.code, ==, code);
    g_assert_nonnull(strstr(error.message, word));
    g_assert_cmpuint(out->len, ==, 0);
}

static void test_other_protocols(void)
{
    assert_refused('G', DUB_ERROR_PROTOCOL, "0x47");      /* GET / HTTP/1.1 */
    assert_refused(0x16, DUB_ERROR_PROTOCOL, "not RTMP"); /* TLS */
    assert_refused(6, DUB_ERROR_UNSUPPORTED, "rtmpe");
}

static void test_nothing_is_fine(void)
{
    struct rtmp_handshake handshake;
    g_autoptr(GByteArray) out = g_byte_array_new();
    const uint8_t *data = NULL;
    size_t size = 0;
    rtmp_handshake_init(&handshake);
    g_assert_true(rtmp_handshake_receive(&handshake, &data, &size, out, NULL));
    g_assert_cmpuint(out->len, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/handshake/works-in-any-pieces", test_any_pieces);
    g_test_add_func("/handshake/client-and-server", test_client_and_server);
    g_test_add_func("/handshake/client-hears-no-rtmp", test_client_hears_no_rtmp);
    g_test_add_func("/handshake/other-protocols-are-refused-at-the-first-byte", test_other_protocols);
    g_test_add_func("/handshake/nothing-is-fine", test_nothing_is_fine);
    return g_test_run();
}
