/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_rtmp_client.h"
#include "tests/rtmp_test_server.h"

#include <string.h>

struct fixture {
    struct rtmp_url url;
    struct rtmp_client client;
    struct rtmp_test_server server;
    struct dub_error error;
    bool is_broken;  /* the client wants no more */
    GString *played; /* type, timestamp and first byte of what came to a player */
    size_t piece;    /* bytes that travel at once */
};

static void on_message(const struct rtmp_message *message, void *user)
{
    struct fixture *fixture = user;
    gsize size;
    const uint8_t *body = g_bytes_get_data(message->payload, &size);
    g_string_append_printf(fixture->played, "%u@%u:%02x ", message->type, message->timestamp_ms,
                           size > 0 ? body[0] : 0);
}

static void begin(struct fixture *fixture, enum rtmp_client_role role)
{
    rtmp_client_message take = role == RTMP_CLIENT_PLAYER ? on_message : NULL;
    rtmp_client_init(&fixture->client, role, &fixture->url, take, take, fixture);
}

static void setup(struct fixture *fixture, gconstpointer data)
{
    memset(fixture, 0, sizeof *fixture);
    g_assert_true(rtmp_url_parse("rtmp://host/live/a/key?user=me", &fixture->url, NULL));
    rtmp_test_server_init(&fixture->server);
    fixture->played = g_string_new("");
    fixture->piece = 1000;
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    g_assert_false(fixture->server.broken);
    rtmp_client_clear(&fixture->client);
    rtmp_test_server_clear(&fixture->server);
    rtmp_url_clear(&fixture->url);
    g_string_free(fixture->played, TRUE);
}

static bool to_server(struct fixture *fixture)
{
    struct iovec piece;
    if (rtmp_chunk_writer_peek(&fixture->client.writer, &piece, 1) == 0)
        return false;
    size_t n = MIN(piece.iov_len, fixture->piece);
    rtmp_test_server_receive(&fixture->server, piece.iov_base, n);
    rtmp_chunk_writer_advance(&fixture->client.writer, n);
    return true;
}

static bool to_client(struct fixture *fixture)
{
    uint8_t bytes[1000];
    size_t n = rtmp_test_server_take_output(&fixture->server, bytes, MIN(fixture->piece, sizeof bytes));
    if (n > 0 && !fixture->is_broken)
        fixture->is_broken = !rtmp_client_receive(&fixture->client, bytes, n, &fixture->error);
    return n > 0;
}

/* Until nobody has anything to say. */
static void talk(struct fixture *fixture)
{
    bool moved = true;
    while (moved) {
        moved = to_server(fixture);
        moved = to_client(fixture) || moved;
    }
}

static void test_publishes(struct fixture *fixture, gconstpointer data)
{
    g_autoptr(GBytes) first = g_bytes_new_static("first", 5);
    g_autoptr(GBytes) second = g_bytes_new_static("second", 6);
    begin(fixture, RTMP_CLIENT_PUBLISHER);
    rtmp_client_send(&fixture->client, RTMP_VIDEO, 40, first); /* before anybody has answered */
    g_assert_cmpuint(rtmp_client_pending(&fixture->client), >=, 5 + RTMP_HANDSHAKE_BYTES);
    talk(fixture);
    g_assert_cmpint(fixture->client.state, ==, RTMP_CLIENT_READY);
    g_assert_cmpstr(fixture->server.heard->str, ==, "connect releaseStream FCPublish createStream publish ");
    g_assert_cmpstr(fixture->server.app, ==, "live/a");
    g_assert_cmpstr(fixture->server.key, ==, "key?user=me");
    rtmp_client_send(&fixture->client, RTMP_AUDIO, 50, second);
    talk(fixture);
    g_assert_cmpuint(rtmp_client_pending(&fixture->client), ==, 0);
    static const struct {
        uint8_t type;
        uint32_t timestamp_ms;
        const char *body;
    } expected[] = {{RTMP_VIDEO, 40, "first"}, {RTMP_AUDIO, 50, "second"}};
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        struct rtmp_message *message = rtmp_test_server_take(&fixture->server);
        g_assert_nonnull(message);
        gsize size;
        const char *body = g_bytes_get_data(message->payload, &size);
        g_assert_cmpuint(message->type, ==, expected[i].type);
        g_assert_cmpuint(message->timestamp_ms, ==, expected[i].timestamp_ms);
        g_assert_cmpuint(message->stream_id, ==, 7);
        g_assert_cmpint(strncmp(body, expected[i].body, size), ==, 0);
        rtmp_message_clear(message);
        g_free(message);
    }
}

static void test_plays(struct fixture *fixture, gconstpointer data)
{
    begin(fixture, RTMP_CLIENT_PLAYER);
    talk(fixture);
    g_assert_cmpint(fixture->client.state, ==, RTMP_CLIENT_READY);
    g_assert_cmpstr(fixture->server.heard->str, ==, "connect createStream play ");
    rtmp_test_server_send(&fixture->server, RTMP_VIDEO, 40, "\x17", 1);
    rtmp_test_server_send(&fixture->server, RTMP_AUDIO, 45, "\xaf", 1);
    rtmp_test_server_send(&fixture->server, RTMP_DATA_AMF0, 45, "\x02", 1);
    talk(fixture);
    g_assert_cmpstr(fixture->played->str, ==, "9@40:17 8@45:af 18@45:02 ");
}

static void test_plays_without_data(struct fixture *fixture, gconstpointer data)
{
    rtmp_client_init(&fixture->client, RTMP_CLIENT_PLAYER, &fixture->url, on_message, NULL, fixture);
    talk(fixture);
    rtmp_test_server_send(&fixture->server, RTMP_DATA_AMF0, 40, "\x02", 1);
    rtmp_test_server_send(&fixture->server, RTMP_AUDIO, 45, "\xaf", 1);
    talk(fixture);
    g_assert_cmpstr(fixture->played->str, ==, "8@45:af ");
}

static void assert_published(struct fixture *fixture, const void *body, size_t size)
{
    struct rtmp_message *message = rtmp_test_server_take(&fixture->server);
    g_autoptr(GBytes) expected = g_bytes_new(body, size);
    g_assert_nonnull(message);
    g_assert_true(g_bytes_equal(message->payload, expected));
    rtmp_message_clear(message);
    g_free(message);
}

/* Metadata as a player gets it becomes what a publisher says; everything else is left as it is. */
static void test_publishes_metadata(struct fixture *fixture, gconstpointer data)
{
    static const char published[] = "\2\0\15@setDataFrame\2\0\12onMetaData\10rest";
    static const char played[] = "\2\0\12onMetaData\10rest", text[] = "\2\0\12onTextData\10rest";
    static const struct {
        uint8_t type;
        const char *body;
        size_t size;
    } sent[] = {
        {RTMP_DATA_AMF0, played, sizeof played - 1}, {RTMP_DATA_AMF0, published, sizeof published - 1},
        {RTMP_DATA_AMF0, text, sizeof text - 1},     {RTMP_DATA_AMF0, played, 12}, /* cut off */
        {RTMP_AUDIO, played, sizeof played - 1},
    };
    begin(fixture, RTMP_CLIENT_PUBLISHER);
    for (size_t i = 0; i < 2 * G_N_ELEMENTS(sent); i++) {
        size_t which = i % G_N_ELEMENTS(sent);
        g_autoptr(GBytes) body = g_bytes_new_static(sent[which].body, sent[which].size);
        rtmp_client_send(&fixture->client, sent[which].type, 0, body);
        if (i == G_N_ELEMENTS(sent) - 1)
            talk(fixture); /* those before wait for the server */
    }
    talk(fixture);
    for (size_t i = 0; i < 2 * G_N_ELEMENTS(sent); i++) {
        size_t which = i % G_N_ELEMENTS(sent);
        bool is_completed = which == 0;
        assert_published(fixture, is_completed ? published : sent[which].body,
                         is_completed ? sizeof published - 1 : sent[which].size);
    }
}

/* Two tags of one byte at 100 and 120, sent as one message at 5000. */
static void test_plays_aggregates(struct fixture *fixture, gconstpointer data)
{
    static const uint8_t aggregate[] = {9, 0, 0, 1, 0, 0, 100, 0, 0, 0, 0, 0x17, 0, 0, 0, 12,
                                        8, 0, 0, 1, 0, 0, 120, 0, 0, 0, 0, 0xaf, 0, 0, 0, 12};
    begin(fixture, RTMP_CLIENT_PLAYER);
    talk(fixture);
    rtmp_test_server_send(&fixture->server, RTMP_AGGREGATE, 5000, aggregate, sizeof aggregate);
    talk(fixture);
    g_assert_cmpstr(fixture->played->str, ==, "9@5000:17 8@5020:af ");
    rtmp_test_server_send(&fixture->server, RTMP_AGGREGATE, 5000, aggregate, sizeof aggregate - 1);
    talk(fixture);
    g_assert_cmpint(fixture->error.code, ==, DUB_ERROR_PROTOCOL);
}

/* However the bytes come. */
static void test_any_pieces(struct fixture *fixture, gconstpointer data)
{
    fixture->piece = 1;
    begin(fixture, RTMP_CLIENT_PLAYER);
    talk(fixture);
    g_assert_cmpint(fixture->client.state, ==, RTMP_CLIENT_READY);
}

static void test_ends(struct fixture *fixture, gconstpointer data)
{
    static const char *const codes[] = {"NetStream.Play.UnpublishNotify", "NetStream.Play.Stop",
                                        "NetStream.Play.Complete", NULL};
    const char *code = codes[GPOINTER_TO_UINT(data)];
    begin(fixture, RTMP_CLIENT_PLAYER);
    talk(fixture);
    if (code)
        rtmp_send_status(&fixture->server.writer, 7, "status", code, "over");
    else
        rtmp_send_user_control(&fixture->server.writer, RTMP_STREAM_EOF, 7);
    rtmp_test_server_send(&fixture->server, RTMP_AUDIO, 45, "\xaf", 1); /* nobody wants it any more */
    talk(fixture);
    g_assert_cmpint(fixture->client.state, ==, RTMP_CLIENT_ENDED);
    g_assert_false(fixture->is_broken);
    g_assert_cmpstr(fixture->played->str, ==, "");
}

static void assert_refused(struct fixture *fixture, enum rtmp_client_role role, const char *command,
                           const char *code)
{
    fixture->server.refuses = command;
    fixture->server.code = code;
    begin(fixture, role);
    talk(fixture);
    g_assert_true(fixture->is_broken);
    g_assert_cmpint(fixture->error.code, ==, DUB_ERROR_IO);
    g_assert_cmpint(fixture->client.state, <, RTMP_CLIENT_READY);
    g_assert_true(strstr(fixture->error.message, code) != NULL);
}

static void test_connect_refused(struct fixture *fixture, gconstpointer data)
{
    assert_refused(fixture, RTMP_CLIENT_PUBLISHER, "connect", "NetConnection.Connect.Rejected");
}

static void test_stream_refused(struct fixture *fixture, gconstpointer data)
{
    assert_refused(fixture, RTMP_CLIENT_PLAYER, "createStream", "NetConnection.Call.Failed");
}

static void test_publish_refused(struct fixture *fixture, gconstpointer data)
{
    assert_refused(fixture, RTMP_CLIENT_PUBLISHER, "publish", "NetStream.Publish.BadName");
    g_assert_true(strstr(fixture->error.message, "not for you") != NULL);
}

static void test_play_refused(struct fixture *fixture, gconstpointer data)
{
    assert_refused(fixture, RTMP_CLIENT_PLAYER, "play", "NetStream.Play.StreamNotFound");
}

/* Servers that know nothing of releaseStream and FCPublish say so, and go on. */
static void test_encoder_commands_refused(struct fixture *fixture, gconstpointer data)
{
    fixture->server.refuses = data;
    fixture->server.code = "NetConnection.Call.Failed";
    begin(fixture, RTMP_CLIENT_PUBLISHER);
    talk(fixture);
    g_assert_cmpint(fixture->client.state, ==, RTMP_CLIENT_READY);
}

static void test_finishes(struct fixture *fixture, gconstpointer data)
{
    g_autoptr(GBytes) body = g_bytes_new_static("x", 1);
    begin(fixture, RTMP_CLIENT_PUBLISHER);
    talk(fixture);
    rtmp_client_send(&fixture->client, RTMP_AUDIO, 1, body);
    rtmp_client_finish(&fixture->client);
    rtmp_client_send(&fixture->client, RTMP_AUDIO, 2, body); /* too late */
    talk(fixture);
    g_assert_true(g_str_has_suffix(fixture->server.heard->str, "publish FCUnpublish deleteStream "));
    g_assert_cmpuint(g_queue_get_length(&fixture->server.messages), ==, 1);
}

/* What was sent before the server was ready is not lost by an end that came before it too. */
static void test_finishes_early(struct fixture *fixture, gconstpointer data)
{
    g_autoptr(GBytes) body = g_bytes_new_static("x", 1);
    begin(fixture, RTMP_CLIENT_PUBLISHER);
    rtmp_client_send(&fixture->client, RTMP_AUDIO, 1, body);
    rtmp_client_finish(&fixture->client);
    rtmp_client_send(&fixture->client, RTMP_AUDIO, 2, body);
    talk(fixture);
    g_assert_true(g_str_has_suffix(fixture->server.heard->str, "publish FCUnpublish deleteStream "));
    g_assert_cmpuint(g_queue_get_length(&fixture->server.messages), ==, 1);
    g_assert_cmpint(fixture->client.state, ==, RTMP_CLIENT_FINISHING);
}

static void test_no_rtmp(struct fixture *fixture, gconstpointer data)
{
    begin(fixture, RTMP_CLIENT_PLAYER);
    g_assert_false(
        rtmp_client_receive(&fixture->client, (const uint8_t *)"HTTP/1.1 400", 12, &fixture->error));
    g_assert_cmpint(fixture->error.code, ==, DUB_ERROR_PROTOCOL);
}

/* A server that counts what is acknowledged stops sending otherwise. */
static void test_acknowledges(struct fixture *fixture, gconstpointer data)
{
    static const uint8_t body[RTMP_WINDOW_BYTES];
    begin(fixture, RTMP_CLIENT_PLAYER);
    talk(fixture);
    rtmp_test_server_send(&fixture->server, RTMP_VIDEO, 0, body, sizeof body);
    talk(fixture);
    g_assert_cmpuint(fixture->client.control.acknowledged_bytes, >, RTMP_WINDOW_BYTES / 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD_WITH(name, data, function)                                                                       \
    g_test_add("/rtmp/client/" name, struct fixture, data, setup, function, teardown)
#define ADD(name, function) ADD_WITH(name, NULL, function)
    ADD("publishes", test_publishes);
    ADD("plays", test_plays);
    ADD("plays-without-data", test_plays_without_data);
    ADD("publishes-metadata", test_publishes_metadata);
    ADD("plays-aggregates", test_plays_aggregates);
    ADD("any-pieces", test_any_pieces);
    ADD_WITH("ends/unpublished", GUINT_TO_POINTER(0), test_ends);
    ADD_WITH("ends/stopped", GUINT_TO_POINTER(1), test_ends);
    ADD_WITH("ends/complete", GUINT_TO_POINTER(2), test_ends);
    ADD_WITH("ends/eof", GUINT_TO_POINTER(3), test_ends);
    ADD("connect-refused", test_connect_refused);
    ADD("create-stream-refused", test_stream_refused);
    ADD("publish-refused", test_publish_refused);
    ADD("play-refused", test_play_refused);
    ADD_WITH("release-stream-refused", "releaseStream", test_encoder_commands_refused);
    ADD_WITH("fc-publish-refused", "FCPublish", test_encoder_commands_refused);
    ADD("finishes", test_finishes);
    ADD("finishes-early", test_finishes_early);
    ADD("no-rtmp", test_no_rtmp);
    ADD("acknowledges", test_acknowledges);
    return g_test_run();
}
