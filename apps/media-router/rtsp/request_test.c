/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "request.h"

#include <string.h>

struct fixture {
    struct rtsp_parser parser;
    struct rtsp_message message;
    struct rtsp_frame frame;
    struct dub_error error;
};

static void setup(struct fixture *fixture, gconstpointer data)
{
    memset(fixture, 0, sizeof *fixture);
    rtsp_parser_init(&fixture->parser);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    rtsp_message_clear(&fixture->message);
    rtsp_parser_clear(&fixture->parser);
}

static enum rtsp_item take(struct fixture *fixture)
{
    rtsp_message_clear(&fixture->message);
    return rtsp_parser_take(&fixture->parser, &fixture->message, &fixture->frame, &fixture->error);
}

static void put(struct fixture *fixture, const void *data, size_t size)
{
    rtsp_parser_put(&fixture->parser, data, size);
}

static void put_text(struct fixture *fixture, const char *text)
{
    put(fixture, text, strlen(text));
}

static void test_request(struct fixture *fixture, gconstpointer data)
{
    put_text(fixture,
             "DESCRIBE rtsp://h/live/x?lang=es RTSP/1.0\r\nCSeq: 2\r\nuser-AGENT:  a b \r\nEmpty:\r\n"
             "\r\n");
    g_assert_cmpint(take(fixture), ==, RTSP_ITEM_MESSAGE);
    g_assert_cmpint(fixture->message.method, ==, RTSP_DESCRIBE);
    g_assert_cmpstr(fixture->message.url, ==, "rtsp://h/live/x?lang=es");
    g_assert_true(fixture->message.is_rtsp_1);
    g_assert_cmpuint(fixture->message.status, ==, 0);
    g_assert_cmpstr(rtsp_message_header(&fixture->message, "cseq"), ==, "2");
    g_assert_cmpstr(rtsp_message_header(&fixture->message, "User-Agent"), ==, "a b");
    g_assert_cmpstr(rtsp_message_header(&fixture->message, "Empty"), ==, "");
    g_assert_null(rtsp_message_header(&fixture->message, "Session"));
    g_assert_null(fixture->message.body);
    g_assert_cmpint(take(fixture), ==, RTSP_ITEM_NONE);
}

static void test_every_method(struct fixture *fixture, gconstpointer data)
{
    for (enum rtsp_method method = 0; method <= RTSP_METHOD_OTHER; method++) {
        const char *name = method == RTSP_METHOD_OTHER ? "REDIRECT" : rtsp_method_name(method);
        g_autofree char *text = g_strdup_printf("%s * RTSP/1.0\r\n\r\n", name);
        put_text(fixture, text);
        g_assert_cmpint(take(fixture), ==, RTSP_ITEM_MESSAGE);
        g_assert_cmpint(fixture->message.method, ==, method);
        g_assert_cmpstr(fixture->message.url, ==, "*");
    }
}

/* Everything that a connection may carry, one byte at a time. */
static void test_bytes_one_by_one(struct fixture *fixture, gconstpointer data)
{
    static const char all[] =
        "\r\n\nANNOUNCE rtsp://h/a RTSP/1.0\nCSeq: 1\nContent-Length: 5\nX: one\n  two\n"
        "\tthree\n\nv=0\r\n"
        "$\x02\x00\x03"
        "abc"
        "$\x03\x00\x00"
        "RTSP/1.0 200 OK\r\nCSeq: 7\r\n\r\n"
        "OPTIONS * RTSP/2.0\r\n\r\n";
    unsigned n = 0;
    for (size_t i = 0; i < sizeof all - 1; i++) {
        put(fixture, all + i, 1);
        enum rtsp_item item = take(fixture);
        if (item == RTSP_ITEM_NONE)
            continue;
        switch (n++) {
        case 0:
            g_assert_cmpint(item, ==, RTSP_ITEM_MESSAGE);
            g_assert_cmpint(fixture->message.method, ==, RTSP_ANNOUNCE);
            g_assert_cmpstr(rtsp_message_header(&fixture->message, "X"), ==, "one two three");
            g_assert_cmpuint(g_bytes_get_size(fixture->message.body), ==, 5);
            break;
        case 1:
            g_assert_cmpint(item, ==, RTSP_ITEM_FRAME);
            g_assert_cmpuint(fixture->frame.channel, ==, 2);
            g_assert_cmpuint(fixture->frame.size, ==, 3);
            g_assert_cmpint(memcmp(fixture->frame.data, "abc", 3), ==, 0);
            break;
        case 2:
            g_assert_cmpint(item, ==, RTSP_ITEM_FRAME);
            g_assert_cmpuint(fixture->frame.size, ==, 0);
            break;
        case 3:
            g_assert_cmpint(item, ==, RTSP_ITEM_MESSAGE);
            g_assert_cmpuint(fixture->message.status, ==, 200);
            break;
        default:
            g_assert_cmpint(item, ==, RTSP_ITEM_MESSAGE);
            g_assert_cmpint(fixture->message.method, ==, RTSP_OPTIONS);
            g_assert_false(fixture->message.is_rtsp_1);
        }
    }
    g_assert_cmpuint(n, ==, 5);
}

static void test_several_at_once(struct fixture *fixture, gconstpointer data)
{
    put_text(fixture, "OPTIONS * RTSP/1.0\r\n\r\n$\x01\x01\x01");
    g_assert_cmpint(take(fixture), ==, RTSP_ITEM_MESSAGE);
    g_assert_cmpint(take(fixture), ==, RTSP_ITEM_NONE);
    uint8_t payload[0x101];
    memset(payload, '$', sizeof payload);
    put(fixture, payload, sizeof payload);
    put_text(fixture, "PLAY * RTSP/1.0\r\n\r\nPAUSE * RTSP/1.0\r\n\r\n");
    g_assert_cmpint(take(fixture), ==, RTSP_ITEM_FRAME);
    g_assert_cmpuint(fixture->frame.size, ==, 0x101);
    g_assert_cmpuint(fixture->frame.data[0x100], ==, '$');
    g_assert_cmpint(take(fixture), ==, RTSP_ITEM_MESSAGE);
    g_assert_cmpint(take(fixture), ==, RTSP_ITEM_MESSAGE);
    g_assert_cmpint(fixture->message.method, ==, RTSP_PAUSE);
}

static void assert_refused(struct fixture *fixture, enum dub_error_code code)
{
    g_assert_cmpint(take(fixture), ==, RTSP_ITEM_ERROR);
    g_assert_cmpint(fixture->error.code, ==, code);
    g_assert_cmpstr(fixture->error.message, !=, "");
}

static void test_broken_messages(struct fixture *fixture, gconstpointer data)
{
    static const char *const texts[] = {
        "OPTIONS\r\n\r\n",
        "OPTIONS *\r\n\r\n",
        "OPTIONS * RTSP/1.0 x\r\n\r\n",
        " * RTSP/1.0\r\n\r\n",
        "OPTIONS  RTSP/1.0\r\n\r\n",
        "OPTIONS * RTSP/1.0\r\nno colon\r\n\r\n",
        "OPTIONS * RTSP/1.0\r\n: no name\r\n\r\n",
        "OPTIONS * RTSP/1.0\r\n folded\r\n\r\n",
        "OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\n",
        "OPTIONS * RTSP/1.0\r\nContent-Length: 1x\r\n\r\n",
        "OPTIONS * RTSP/1.0\r\nContent-Length: \r\n\r\n",
        "RTSP/1.0\r\n\r\n",
        "RTSP/1.0 99 Low\r\n\r\n",
        "RTSP/1.0 1000 High\r\n\r\n",
        "OPTIONS \xff RTSP/1.0\r\n\r\n",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        teardown(fixture, NULL);
        setup(fixture, NULL);
        put_text(fixture, texts[i]);
        assert_refused(fixture, DUB_ERROR_PROTOCOL);
    }
}

/* What is said about a request line goes into the log. */
static void test_passwords_are_not_repeated(struct fixture *fixture, gconstpointer data)
{
    put_text(fixture, "PLAY rtsp://me:secret@h/a b RTSP/1.0\r\n\r\n");
    assert_refused(fixture, DUB_ERROR_PROTOCOL);
    g_assert_nonnull(strstr(fixture->error.message, "PLAY"));
    g_assert_null(strstr(fixture->error.message, "secret"));
}

static void test_nul_is_refused(struct fixture *fixture, gconstpointer data)
{
    static const char text[] = "OPTIONS * RTSP/1.0\r\nX: \0\r\n\r\n";
    put(fixture, text, sizeof text - 1);
    assert_refused(fixture, DUB_ERROR_PROTOCOL);
}

static void test_head_without_end(struct fixture *fixture, gconstpointer data)
{
    g_autofree char *piece = g_strnfill(RTSP_MAX_HEAD_BYTES / 2, 'A');
    put_text(fixture, piece);
    g_assert_cmpint(take(fixture), ==, RTSP_ITEM_NONE);
    put_text(fixture, piece);
    g_assert_cmpint(take(fixture), ==, RTSP_ITEM_NONE);
    put_text(fixture, "A");
    assert_refused(fixture, DUB_ERROR_LIMIT);
}

static void test_long_head_in_one_piece(struct fixture *fixture, gconstpointer data)
{
    g_autofree char *value = g_strnfill(RTSP_MAX_HEAD_BYTES, 'A');
    g_autofree char *text = g_strdup_printf("OPTIONS * RTSP/1.0\r\nX: %s\r\n\r\n", value);
    put_text(fixture, text);
    assert_refused(fixture, DUB_ERROR_LIMIT);
}

static void test_number_of_headers(struct fixture *fixture, gconstpointer data)
{
    for (unsigned more = 0; more < 2; more++) {
        g_autoptr(GString) text = g_string_new("OPTIONS * RTSP/1.0\r\n");
        for (unsigned i = 0; i < RTSP_MAX_HEADERS + more; i++)
            g_string_append(text, "A: b\r\n");
        g_string_append(text, "\r\n");
        put_text(fixture, text->str);
        if (more)
            assert_refused(fixture, DUB_ERROR_LIMIT);
        else
            g_assert_cmpint(take(fixture), ==, RTSP_ITEM_MESSAGE);
    }
}

/* Each copies what is there of the value already. */
static void test_number_of_folded_lines(struct fixture *fixture, gconstpointer data)
{
    g_autoptr(GString) text = g_string_new("OPTIONS * RTSP/1.0\r\nA: b\r\n");
    for (unsigned i = 0; i < RTSP_MAX_HEADERS; i++)
        g_string_append(text, " c\r\n");
    g_string_append(text, "\r\n");
    put_text(fixture, text->str);
    assert_refused(fixture, DUB_ERROR_LIMIT);
}

static void test_large_body(struct fixture *fixture, gconstpointer data)
{
    g_autofree char *body = g_strnfill(RTSP_MAX_BODY_BYTES, 'b');
    g_autofree char *head =
        g_strdup_printf("ANNOUNCE * RTSP/1.0\r\nContent-Length: %u\r\n\r\n", RTSP_MAX_BODY_BYTES);
    put_text(fixture, head);
    g_assert_cmpint(take(fixture), ==, RTSP_ITEM_NONE);
    put_text(fixture, body);
    g_assert_cmpint(take(fixture), ==, RTSP_ITEM_MESSAGE);
    g_assert_cmpuint(g_bytes_get_size(fixture->message.body), ==, RTSP_MAX_BODY_BYTES);
    g_autofree char *too_long =
        g_strdup_printf("ANNOUNCE * RTSP/1.0\r\nContent-Length: %u\r\n\r\n", RTSP_MAX_BODY_BYTES + 1);
    put_text(fixture, too_long);
    assert_refused(fixture, DUB_ERROR_LIMIT);
}

#define ADD(name, function) g_test_add("/request/" name, struct fixture, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("request", test_request);
    ADD("every-method", test_every_method);
    ADD("bytes-one-by-one", test_bytes_one_by_one);
    ADD("several-at-once", test_several_at_once);
    ADD("broken-messages", test_broken_messages);
    ADD("nul-is-refused", test_nul_is_refused);
    ADD("passwords-are-not-repeated", test_passwords_are_not_repeated);
    ADD("head-without-end", test_head_without_end);
    ADD("long-head-in-one-piece", test_long_head_in_one_piece);
    ADD("number-of-headers", test_number_of_headers);
    ADD("number-of-folded-lines", test_number_of_folded_lines);
    ADD("large-body", test_large_body);
    return g_test_run();
}
