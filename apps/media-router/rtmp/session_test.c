/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session.h"

#include "tests/rtmp_peer.h"

#include <string.h>

/* A session with a client on the other end and a note of what the session asked for. */
struct fixture {
    struct rtmp_session session;
    struct rtmp_peer peer;
    struct dub_error error;
    bool alive;
    const char *refusal; /* what publish and play are refused with; NULL: allowed */
    enum dub_error_code refusal_code;
    char *path, *query;
    unsigned n_publish, n_play, n_playing, n_ended;
    GPtrArray *media;    /* "V 40 5": kind, timestamp, size */
    GPtrArray *messages; /* struct media_message *: the same whole */
};

static bool admit(struct fixture *fixture, const char *path, const char *query, struct dub_error *error)
{
    g_free(fixture->path);
    g_free(fixture->query);
    fixture->path = g_strdup(path);
    fixture->query = g_strdup(query);
    return fixture->refusal == NULL || dub_error_set(error, fixture->refusal_code, "%s", fixture->refusal);
}

static bool on_publish(const char *path, const char *query, struct dub_error *error, void *user)
{
    ((struct fixture *)user)->n_publish++;
    return admit(user, path, query, error);
}

static bool on_play(const char *path, const char *query, struct dub_error *error, void *user)
{
    ((struct fixture *)user)->n_play++;
    return admit(user, path, query, error);
}

static void on_playing(void *user)
{
    ((struct fixture *)user)->n_playing++;
}

static void on_media(struct media_message *take_message, uint32_t timestamp_ms, void *user)
{
    struct fixture *fixture = user;
    g_ptr_array_add(fixture->media, g_strdup_printf("%c %u %zu", "AVD"[take_message->kind], timestamp_ms,
                                                    take_message -> size));
    g_ptr_array_add(fixture->messages, take_message);
}

static void unref_message(gpointer message)
{
    media_message_unref(message);
}

static void on_ended(void *user)
{
    ((struct fixture *)user)->n_ended++;
}

static const struct rtmp_session_events events = {on_publish, on_play, on_playing, on_media, on_ended};

/* Bytes back and forth until both are silent. */
static void exchange(struct fixture *fixture)
{
    for (;;) {
        g_autoptr(GByteArray) up = rtmp_peer_take_output(&fixture->peer);
        if (up->len == 0 && rtmp_chunk_writer_pending(&fixture->session.writer) == 0)
            return;
        if (fixture->alive)
            fixture->alive = rtmp_session_receive(&fixture->session, up->data, up->len, &fixture->error);
        struct iovec iov;
        while (rtmp_chunk_writer_peek(&fixture->session.writer, &iov, 1) > 0) {
            rtmp_peer_receive(&fixture->peer, iov.iov_base, iov.iov_len);
            rtmp_chunk_writer_advance(&fixture->session.writer, iov.iov_len);
        }
    }
}

static void setup(struct fixture *fixture, gconstpointer data)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->alive = true;
    fixture->refusal_code = DUB_ERROR_NOT_FOUND;
    fixture->media = g_ptr_array_new_with_free_func(g_free);
    fixture->messages = g_ptr_array_new_with_free_func(unref_message);
    rtmp_session_init(&fixture->session, &events, fixture);
    rtmp_peer_init(&fixture->peer);
    exchange(fixture); /* the handshake */
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    g_assert_false(fixture->peer.broken);
    rtmp_session_clear(&fixture->session);
    rtmp_peer_clear(&fixture->peer);
    g_ptr_array_unref(fixture->media);
    g_ptr_array_unref(fixture->messages);
    g_free(fixture->path);
    g_free(fixture->query);
}

static void connect(struct fixture *fixture)
{
    rtmp_peer_connect(&fixture->peer, "live", "rtmp://h/live?a=1");
    exchange(fixture);
    g_assert_true(fixture->alive);
    g_assert_cmpint(fixture->session.state, ==, RTMP_SESSION_CONNECTED);
}

static void start(struct fixture *fixture, const char *verb, const char *key)
{
    connect(fixture);
    rtmp_peer_start(&fixture->peer, verb, key);
    exchange(fixture);
}

static void assert_status(struct fixture *fixture, const char *expected)
{
    g_autofree char *code = rtmp_peer_take_status(&fixture->peer);
    g_assert_cmpstr(code, ==, expected);
}

static void assert_ends(struct fixture *fixture, enum dub_error_code code)
{
    exchange(fixture);
    g_assert_false(fixture->alive);
    g_assert_cmpint(fixture->error.code, ==, code);
    g_assert_cmpstr(fixture->error.message, !=, "");
}

static void test_publish(struct fixture *fixture, gconstpointer data)
{
    start(fixture, "publish", "demo/in?b=2");
    g_assert_cmpstr(fixture->path, ==, "live/demo/in");
    g_assert_cmpstr(fixture->query, ==, "a=1&b=2");
    g_assert_cmpint(fixture->session.state, ==, RTMP_SESSION_PUBLISHING);
    g_assert_cmpstr(rtmp_session_state_name(fixture->session.state), ==, "PUBLISHING");
    assert_status(fixture, "NetStream.Publish.Start");
    rtmp_peer_send_audio(&fixture->peer, 20, 100);
    rtmp_peer_send_video(&fixture->peer, 40, true, 5000);
    exchange(fixture);
    g_assert_cmpuint(fixture->media->len, ==, 2);
    g_assert_cmpstr(fixture->media->pdata[0], ==, "A 20 100");
    g_assert_cmpstr(fixture->media->pdata[1], ==, "V 40 5000");
}

/* What FMLE, OBS and ffmpeg say around publish. */
static void test_encoder_courtesies(struct fixture *fixture, gconstpointer data)
{
    connect(fixture);
    rtmp_peer_command(&fixture->peer, "releaseStream", 2, "demo");
    rtmp_peer_command(&fixture->peer, "FCPublish", 3, "demo");
    rtmp_peer_command(&fixture->peer, "_checkbw", 4, NULL);
    rtmp_peer_command(&fixture->peer, "getStreamLength", 5, "demo");
    rtmp_peer_command(&fixture->peer, "FCSubscribe", 6, "demo");
    rtmp_peer_start(&fixture->peer, "publish", "demo");
    exchange(fixture);
    assert_status(fixture, "NetStream.Publish.Start");
    rtmp_peer_command(&fixture->peer, "FCUnpublish", 7, "demo");
    rtmp_peer_command(&fixture->peer, "deleteStream", 8, NULL);
    exchange(fixture);
    g_assert_true(fixture->alive);
    g_assert_cmpuint(fixture->n_ended, ==, 1);
    rtmp_peer_send_audio(&fixture->peer, 20, 100); /* late: nobody wants it */
    exchange(fixture);
    g_assert_cmpuint(fixture->media->len, ==, 0);
    rtmp_peer_start(&fixture->peer, "publish", "again");
    exchange(fixture);
    g_assert_cmpuint(fixture->n_publish, ==, 2);
}

/* The commands between connect and publish, as encoders order them. */
static void test_orders_of_commands(struct fixture *fixture, gconstpointer data)
{
    static const char *const orders[][5] = {
        {"releaseStream", "FCPublish", "createStream", NULL},             /* FMLE, OBS, librtmp */
        {"releaseStream", "FCPublish", "createStream", "_checkbw", NULL}, /* ffmpeg */
        {"createStream", "releaseStream", "FCPublish", NULL},
        {"createStream", NULL}, /* the specification's */
        {"FCPublish", "createStream", "createStream", NULL},
    };
    connect(fixture);
    for (size_t i = 0; i < G_N_ELEMENTS(orders); i++) {
        for (unsigned j = 0; orders[i][j] != NULL; j++)
            rtmp_peer_command(&fixture->peer, orders[i][j], j + 2,
                              strcmp(orders[i][j], "createStream") == 0 ? NULL : "demo/in");
        rtmp_peer_command(&fixture->peer, "publish", 9, "demo/in");
        exchange(fixture);
        assert_status(fixture, "NetStream.Publish.Start");
        g_assert_cmpint(fixture->session.state, ==, RTMP_SESSION_PUBLISHING);
        rtmp_peer_command(&fixture->peer, "FCUnpublish", 0, "demo/in");
        rtmp_peer_command(&fixture->peer, "deleteStream", 0, NULL);
        exchange(fixture);
        assert_status(fixture, "NetStream.Unpublish.Success");
        g_assert_cmpuint(fixture->n_ended, ==, i + 1);
    }
}

static void test_metadata_without_set_data_frame(struct fixture *fixture, gconstpointer data)
{
    start(fixture, "publish", "in");
    rtmp_peer_send_metadata(&fixture->peer, true, true);
    exchange(fixture);
    g_assert_cmpuint(fixture->media->len, ==, 1);
    /* "onMetaData", an object with two names of 12 letters and numbers, the object's end */
    g_assert_cmpstr(fixture->media->pdata[0], ==, "D 0 63");
    static const uint8_t amf3[] = {0, 2, 0, 1, 'x'};
    rtmp_peer_send(&fixture->peer, 5, RTMP_DATA_AMF3, 7, amf3, sizeof amf3);
    exchange(fixture);
    g_assert_cmpstr(fixture->media->pdata[1], ==, "D 7 4");
}

static void test_play(struct fixture *fixture, gconstpointer data)
{
    static const uint8_t frame[] = {0x17, 1, 0, 0, 0, 1, 2, 3};
    start(fixture, "play", "demo/out");
    g_assert_cmpuint(fixture->n_playing, ==, 1);
    assert_status(fixture, "NetStream.Play.Reset");
    assert_status(fixture, "NetStream.Play.Start");
    struct media_message *message = media_message_new(MEDIA_VIDEO, INT64_C(0x100000005) * 1000000,
                                                      g_bytes_new_static(frame, sizeof frame));
    rtmp_session_send_media(&fixture->session, media_message_ref(message));
    exchange(fixture);
    struct rtmp_message *received = rtmp_peer_take(&fixture->peer, RTMP_VIDEO);
    g_assert_nonnull(received);
    g_assert_cmpuint(received->timestamp_ms, ==, 5); /* modulo 2^32 */
    g_assert_true(g_bytes_equal(received->payload, message->bytes));
    rtmp_peer_free_message(received);
    media_message_unref(message);
    rtmp_session_send_eof(&fixture->session);
    exchange(fixture);
    assert_status(fixture, "NetStream.Play.UnpublishNotify");
    rtmp_peer_command(&fixture->peer, "closeStream", 0, NULL);
    exchange(fixture);
    g_assert_cmpuint(fixture->n_ended, ==, 1);
}

static void test_refused_player_is_told(struct fixture *fixture, gconstpointer data)
{
    fixture->refusal = "no one is publishing to path live/x";
    start(fixture, "play", "x");
    g_assert_false(fixture->alive);
    g_assert_cmpstr(fixture->error.message, ==, fixture->refusal);
    assert_status(fixture, "NetStream.Play.StreamNotFound");
}

static void test_refused_publisher_sees_the_end(struct fixture *fixture, gconstpointer data)
{
    fixture->refusal = "taken";
    start(fixture, "publish", "x");
    g_assert_false(fixture->alive);
    assert_status(fixture, NULL);
}

/* What makes OBS stop trying and tell its user. */
static void test_wrong_credentials_are_told(struct fixture *fixture, gconstpointer data)
{
    fixture->refusal = "user x may not publish";
    fixture->refusal_code = DUB_ERROR_AUTH_FAILED;
    start(fixture, "publish", "x?user=x&pass=y");
    g_assert_false(fixture->alive);
    g_assert_cmpint(fixture->error.code, ==, DUB_ERROR_AUTH_FAILED);
    assert_status(fixture, "NetStream.Publish.Unauthorized");
    assert_status(fixture, NULL);
}

static void test_wrong_credentials_of_a_player(struct fixture *fixture, gconstpointer data)
{
    fixture->refusal = "user x may not read";
    fixture->refusal_code = DUB_ERROR_AUTH_FAILED;
    start(fixture, "play", "x");
    g_assert_false(fixture->alive);
    assert_status(fixture, "NetStream.Play.Failed");
}

/* The name of the next command, NULL when there is none. The caller's. */
static char *take_command(struct fixture *fixture)
{
    struct rtmp_message *message = rtmp_peer_take(&fixture->peer, RTMP_COMMAND_AMF0);
    struct rtmp_command command = {0};
    if (message == NULL)
        return NULL;
    g_assert_true(rtmp_command_read(message, &command, NULL));
    char *name = g_strdup(command.name);
    rtmp_command_clear(&command);
    rtmp_peer_free_message(message);
    return name;
}

static void test_unpublish_is_answered(struct fixture *fixture, gconstpointer data)
{
    static const char *const answers[] = {"onFCUnpublish", "_result", "onStatus"};
    start(fixture, "publish", "in");
    assert_status(fixture, "NetStream.Publish.Start");
    rtmp_peer_command(&fixture->peer, "FCUnpublish", 7, "in");
    exchange(fixture);
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_autofree char *name = take_command(fixture);
        g_assert_cmpstr(name, ==, answers[i]);
    }
    g_assert_cmpuint(fixture->n_ended, ==, 1);
    rtmp_peer_start(&fixture->peer, "publish", "in");
    exchange(fixture);
    assert_status(fixture, "NetStream.Publish.Start");
    rtmp_peer_command(&fixture->peer, "deleteStream", 0, NULL);
    exchange(fixture);
    assert_status(fixture, "NetStream.Unpublish.Success");
    g_assert_cmpuint(fixture->n_ended, ==, 2);
}

static void test_peer_bandwidth(struct fixture *fixture, gconstpointer data)
{
    static const uint8_t limit[] = {0, 0, 0x20, 0, 2};
    connect(fixture);
    g_queue_clear_full(&fixture->peer.messages, (GDestroyNotify)(void (*)(void))rtmp_peer_free_message);
    rtmp_peer_send(&fixture->peer, 2, RTMP_SET_PEER_BANDWIDTH, 0, limit, sizeof limit);
    rtmp_peer_send(&fixture->peer, 2, RTMP_SET_PEER_BANDWIDTH, 0, limit, sizeof limit); /* nothing new */
    exchange(fixture);
    struct rtmp_message *window = rtmp_peer_take(&fixture->peer, RTMP_WINDOW_ACK_SIZE);
    g_assert_nonnull(window);
    g_assert_true(memcmp(g_bytes_get_data(window->payload, NULL), limit, 4) == 0);
    rtmp_peer_free_message(window);
    g_assert_null(rtmp_peer_take(&fixture->peer, RTMP_WINDOW_ACK_SIZE));
    rtmp_peer_send(&fixture->peer, 2, RTMP_SET_PEER_BANDWIDTH, 0, limit, 3);
    assert_ends(fixture, DUB_ERROR_PROTOCOL);
}

/* The count of what was received passes 2^32: acknowledgements go on. */
static void test_acknowledges_beyond_4_gib(struct fixture *fixture, gconstpointer data)
{
    start(fixture, "publish", "in");
    fixture->session.control.received_bytes = fixture->session.control.acknowledged_bytes =
        UINT32_MAX - UINT64_C(1000);
    fixture->session.control.ack_window_bytes = 4096;
    rtmp_peer_send_video(&fixture->peer, 0, true, 5000);
    exchange(fixture);
    struct rtmp_message *ack = rtmp_peer_take(&fixture->peer, RTMP_ACKNOWLEDGEMENT);
    g_assert_nonnull(ack);
    struct dub_reader reader = dub_reader_on(g_bytes_get_data(ack->payload, NULL), 4);
    g_assert_cmpuint(dub_read_be32(&reader), ==, (uint32_t)fixture->session.control.received_bytes);
    g_assert_cmpuint(fixture->session.control.received_bytes, >, UINT32_MAX);
    rtmp_peer_free_message(ack);
}

static void test_clear_data_frame(struct fixture *fixture, gconstpointer data)
{
    static const char clear[] = "\2\0\17@clearDataFrame\2\0\12onMetaData";
    start(fixture, "publish", "in");
    rtmp_peer_send(&fixture->peer, 5, RTMP_DATA_AMF0, 0, clear, sizeof clear - 1);
    exchange(fixture);
    g_assert_true(fixture->alive);
    g_assert_cmpuint(fixture->media->len, ==, 0);
}

static void test_chunk_size_at_any_time(struct fixture *fixture, gconstpointer data)
{
    static const uint32_t sizes[] = {4096, 1, 128, 65536, 7, 0xFFFFFF};
    rtmp_chunk_writer_set_chunk_bytes(&fixture->peer.writer, 256); /* OBS does it before connect */
    start(fixture, "publish", "in");
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        rtmp_chunk_writer_set_chunk_bytes(&fixture->peer.writer, sizes[i]);
        rtmp_peer_send_video(&fixture->peer, 40 * i, true, 3000 + i);
        rtmp_peer_send_audio(&fixture->peer, 40 * i, 300 + i);
    }
    exchange(fixture);
    g_assert_cmpuint(fixture->media->len, ==, 2 * G_N_ELEMENTS(sizes));
    g_assert_cmpstr(fixture->media->pdata[0], ==, "V 0 3000");
    g_assert_cmpstr(fixture->media->pdata[11], ==, "A 200 305");
}

/* Only who publishes may send what is longer than a command. */
static void test_long_messages_are_for_publishers(struct fixture *fixture, gconstpointer data)
{
    connect(fixture);
    rtmp_peer_send_video(&fixture->peer, 0, true, RTMP_MAX_COMMAND_BYTES + 1);
    assert_ends(fixture, DUB_ERROR_LIMIT);
}

/* Nor many that never end. */
static void test_unfinished_commands(struct fixture *fixture, gconstpointer data)
{
    enum { EACH = 60000 };
    g_autofree uint8_t *zeros = g_malloc0(EACH);
    connect(fixture);
    const uint8_t size[] = {0x02, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, EACH >> 8, EACH & 0xff};
    rtmp_chunk_writer_put_raw(&fixture->peer.writer, size, sizeof size);
    for (uint8_t csid = 10; csid < 15; csid++) {
        const uint8_t head[] = {csid, 0, 0, 0, 0, 0xf0, 0, 20, 0, 0, 0, 0};
        rtmp_chunk_writer_put_raw(&fixture->peer.writer, head, sizeof head);
        rtmp_chunk_writer_put_raw(&fixture->peer.writer, zeros, EACH);
    }
    assert_ends(fixture, DUB_ERROR_LIMIT);
}

static void test_long_messages_of_a_publisher(struct fixture *fixture, gconstpointer data)
{
    fixture->session.max_media_bytes = 200000;
    start(fixture, "publish", "in");
    rtmp_peer_send_video(&fixture->peer, 0, true, 200000);
    exchange(fixture);
    g_assert_cmpuint(fixture->media->len, ==, 1);
    rtmp_peer_send_video(&fixture->peer, 40, true, 200001);
    assert_ends(fixture, DUB_ERROR_LIMIT);
}

/* Nothing of what the session answers is read, or all of it after each piece. */
static void flood(struct fixture *fixture, bool reads)
{
    for (unsigned i = 0; i < 5000; i++)
        rtmp_peer_command(&fixture->peer, "releaseStream", 2, "x");
    g_autoptr(GByteArray) commands = rtmp_peer_take_output(&fixture->peer);
    fixture->alive = true;
    for (guint at = 0; at < commands->len && fixture->alive; at += 1000) {
        fixture->alive = rtmp_session_receive(&fixture->session, commands->data + at,
                                              MIN(1000, commands->len - at), &fixture->error);
        if (reads)
            rtmp_chunk_writer_advance(&fixture->session.writer,
                                      rtmp_chunk_writer_pending(&fixture->session.writer));
    }
}

static void test_answers_have_to_be_read(struct fixture *fixture, gconstpointer data)
{
    connect(fixture);
    flood(fixture, true);
    g_assert_true(fixture->alive);
    flood(fixture, false);
    g_assert_false(fixture->alive);
    g_assert_cmpint(fixture->error.code, ==, DUB_ERROR_LIMIT);
    g_assert_cmpuint(rtmp_chunk_writer_pending(&fixture->session.writer), <, RTMP_MAX_ANSWER_BYTES + 10000);
}

static void test_invalid_path(struct fixture *fixture, gconstpointer data)
{
    start(fixture, "publish", "../etc/passwd");
    g_assert_false(fixture->alive);
    g_assert_cmpuint(fixture->n_publish, ==, 0);
}

static void test_ping(struct fixture *fixture, gconstpointer data)
{
    static const uint8_t ping[] = {0, RTMP_PING_REQUEST, 1, 2, 3, 4};
    connect(fixture);
    g_queue_clear_full(&fixture->peer.messages, (GDestroyNotify)(void (*)(void))rtmp_peer_free_message);
    rtmp_peer_send(&fixture->peer, 2, RTMP_USER_CONTROL, 0, ping, sizeof ping);
    rtmp_peer_send(&fixture->peer, 2, RTMP_USER_CONTROL, 0, ping, 1); /* cut: no answer, no harm */
    exchange(fixture);
    struct rtmp_message *pong = rtmp_peer_take(&fixture->peer, RTMP_USER_CONTROL);
    const uint8_t *body = g_bytes_get_data(pong->payload, NULL);
    g_assert_cmpuint(body[1], ==, RTMP_PING_RESPONSE);
    g_assert_true(memcmp(body + 2, ping + 2, 4) == 0);
    rtmp_peer_free_message(pong);
    g_assert_null(rtmp_peer_take(&fixture->peer, RTMP_USER_CONTROL));
}

static void test_acknowledges(struct fixture *fixture, gconstpointer data)
{
    static const uint8_t window[] = {0, 0, 0x10, 0};
    start(fixture, "publish", "in");
    rtmp_peer_send(&fixture->peer, 2, RTMP_WINDOW_ACK_SIZE, 0, window, sizeof window);
    rtmp_peer_send_video(&fixture->peer, 0, true, 5000);
    exchange(fixture);
    struct rtmp_message *ack = rtmp_peer_take(&fixture->peer, RTMP_ACKNOWLEDGEMENT);
    g_assert_nonnull(ack);
    gsize size;
    struct dub_reader reader = dub_reader_on(g_bytes_get_data(ack->payload, &size), 4);
    g_assert_cmpuint(dub_read_be32(&reader), ==, fixture->session.control.received_bytes);
    rtmp_peer_free_message(ack);
    rtmp_peer_send(&fixture->peer, 2, RTMP_WINDOW_ACK_SIZE, 0, "\0\0\0", 4);
    assert_ends(fixture, DUB_ERROR_PROTOCOL);
}

static void test_aggregate(struct fixture *fixture, gconstpointer data)
{
    /* sound, a null where metadata stands, a picture 40 ms later */
    static const uint8_t tags[] = {8,  0,  0, 3, 0, 0, 100, 0,   0, 0, 0, 0xaf, 1,    9, 0, 0, 0,
                                   14, 18, 0, 0, 1, 0, 0,   100, 0, 0, 0, 0,    0x05, 0, 0, 0, 12,
                                   9,  0,  0, 2, 0, 0, 140, 0,   0, 0, 0, 0x27, 1,    0, 0, 0, 13};
    start(fixture, "publish", "in");
    rtmp_peer_send(&fixture->peer, 6, RTMP_AGGREGATE, 1000, tags, sizeof tags);
    exchange(fixture);
    g_assert_cmpuint(fixture->media->len, ==, 3);
    g_assert_cmpstr(fixture->media->pdata[0], ==, "A 1000 3");
    g_assert_cmpstr(fixture->media->pdata[1], ==, "D 1000 1");
    g_assert_cmpstr(fixture->media->pdata[2], ==, "V 1040 2");
    rtmp_peer_send(&fixture->peer, 6, RTMP_AGGREGATE, 1000, tags, sizeof tags - 1);
    assert_ends(fixture, DUB_ERROR_PROTOCOL);
}

/* Whoever keeps a small part does not keep the whole message with it, which no limit would count. */
static void test_aggregate_is_let_go(struct fixture *fixture, gconstpointer data)
{
    static const uint8_t tags[] = {9, 0, 0, 2, 0, 0, 100, 0, 0, 0, 0, 0x17, 1, 0, 0, 0, 13,
                                   9, 0, 0, 2, 0, 0, 140, 0, 0, 0, 0, 0x27, 1, 0, 0, 0, 13};
    enum { APART_IN_MESSAGE = sizeof tags / 2 };
    start(fixture, "publish", "in");
    rtmp_peer_send(&fixture->peer, 6, RTMP_AGGREGATE, 1000, tags, sizeof tags);
    exchange(fixture);
    g_assert_cmpuint(fixture->messages->len, ==, 2);
    const struct media_message *first = fixture->messages->pdata[0], *second = fixture->messages->pdata[1];
    g_assert_true(second->data != first->data + APART_IN_MESSAGE);
}

static void test_out_of_order(struct fixture *fixture, gconstpointer data)
{
    rtmp_peer_command(&fixture->peer, "publish", 3, "in");
    assert_ends(fixture, DUB_ERROR_PROTOCOL);
}

static void test_publish_without_stream(struct fixture *fixture, gconstpointer data)
{
    connect(fixture);
    rtmp_peer_command(&fixture->peer, "publish", 3, "in");
    assert_ends(fixture, DUB_ERROR_PROTOCOL);
}

static void test_publish_without_key(struct fixture *fixture, gconstpointer data)
{
    connect(fixture);
    rtmp_peer_start(&fixture->peer, "publish", NULL);
    assert_ends(fixture, DUB_ERROR_PROTOCOL);
}

static void test_publish_twice(struct fixture *fixture, gconstpointer data)
{
    start(fixture, "publish", "in");
    rtmp_peer_command(&fixture->peer, "publish", 4, "in");
    assert_ends(fixture, DUB_ERROR_PROTOCOL);
}

static void test_connect_twice(struct fixture *fixture, gconstpointer data)
{
    connect(fixture);
    rtmp_peer_connect(&fixture->peer, "live", NULL);
    assert_ends(fixture, DUB_ERROR_PROTOCOL);
}

static void test_connect_without_app(struct fixture *fixture, gconstpointer data)
{
    rtmp_peer_command(&fixture->peer, "connect", 1, NULL);
    assert_ends(fixture, DUB_ERROR_PROTOCOL);
}

static void test_not_rtmp(struct fixture *fixture, gconstpointer data)
{
    static const char http[] = "GET / HTTP/1.1\r\n\r\n";
    rtmp_session_clear(&fixture->session);
    rtmp_session_init(&fixture->session, &events, fixture);
    g_assert_false(
        rtmp_session_receive(&fixture->session, (const uint8_t *)http, strlen(http), &fixture->error));
    g_assert_nonnull(strstr(fixture->error.message, "not RTMP"));
}

static void test_commands_without_name(struct fixture *fixture, gconstpointer data)
{
    static const uint8_t number[] = {0, 0, 0, 0, 0, 0, 0, 0, 0};
    connect(fixture);
    rtmp_peer_send(&fixture->peer, 3, RTMP_COMMAND_AMF0, 0, number, sizeof number);
    assert_ends(fixture, DUB_ERROR_PROTOCOL);
}

static void test_broken_amf(struct fixture *fixture, gconstpointer data)
{
    connect(fixture);
    rtmp_peer_send(&fixture->peer, 3, RTMP_COMMAND_AMF3, 0, "\0\2\0\7x", 5);
    assert_ends(fixture, DUB_ERROR_PROTOCOL);
}

static void test_large_command(struct fixture *fixture, gconstpointer data)
{
    static const uint8_t body[RTMP_MAX_COMMAND_BYTES + 1];
    connect(fixture);
    rtmp_peer_send(&fixture->peer, 3, RTMP_COMMAND_AMF0, 0, body, sizeof body);
    assert_ends(fixture, DUB_ERROR_LIMIT);
}

static void test_large_metadata(struct fixture *fixture, gconstpointer data)
{
    static const uint8_t body[RTMP_MAX_COMMAND_BYTES + 1];
    start(fixture, "publish", "in");
    rtmp_peer_send(&fixture->peer, 5, RTMP_DATA_AMF0, 0, body, sizeof body);
    assert_ends(fixture, DUB_ERROR_LIMIT);
}

#define ADD(name, function) g_test_add("/session/" name, struct fixture, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("publish", test_publish);
    ADD("encoder-courtesies", test_encoder_courtesies);
    ADD("orders-of-commands", test_orders_of_commands);
    ADD("metadata-loses-set-data-frame", test_metadata_without_set_data_frame);
    ADD("play", test_play);
    ADD("refused-player-is-told", test_refused_player_is_told);
    ADD("refused-publisher-sees-the-end", test_refused_publisher_sees_the_end);
    ADD("wrong-credentials-are-told", test_wrong_credentials_are_told);
    ADD("wrong-credentials-of-a-player", test_wrong_credentials_of_a_player);
    ADD("unpublish-is-answered", test_unpublish_is_answered);
    ADD("peer-bandwidth-is-answered", test_peer_bandwidth);
    ADD("acknowledges-beyond-4-gib", test_acknowledges_beyond_4_gib);
    ADD("clear-data-frame", test_clear_data_frame);
    ADD("chunk-size-at-any-time", test_chunk_size_at_any_time);
    ADD("long-messages-are-for-publishers", test_long_messages_are_for_publishers);
    ADD("unfinished-commands-are-limited", test_unfinished_commands);
    ADD("long-messages-of-a-publisher-are-limited", test_long_messages_of_a_publisher);
    ADD("answers-have-to-be-read", test_answers_have_to_be_read);
    ADD("invalid-path-ends", test_invalid_path);
    ADD("ping-is-answered", test_ping);
    ADD("bytes-are-acknowledged", test_acknowledges);
    ADD("aggregate-is-taken-apart", test_aggregate);
    ADD("aggregate-is-let-go", test_aggregate_is_let_go);
    ADD("publish-before-connect-ends", test_out_of_order);
    ADD("publish-without-stream-ends", test_publish_without_stream);
    ADD("publish-without-key-ends", test_publish_without_key);
    ADD("publish-twice-ends", test_publish_twice);
    ADD("connect-twice-ends", test_connect_twice);
    ADD("connect-without-app-ends", test_connect_without_app);
    ADD("other-protocol-ends", test_not_rtmp);
    ADD("command-without-name-ends", test_commands_without_name);
    ADD("broken-amf-ends", test_broken_amf);
    ADD("large-command-ends", test_large_command);
    ADD("large-metadata-ends", test_large_metadata);
    return g_test_run();
}
