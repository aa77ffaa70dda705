/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "source_rtmp.h"

#include <dubbing_clock.h>
#include <inttypes.h>
#include <string.h>
#include <tests/rtmp_test_listener.h>

#define DEADLINE_US (30 * G_USEC_PER_SEC)

/* A server here, a source with a thread of its own; what it says is written down. */
struct fixture {
    struct rtmp_test_listener listener;
    struct source_rtmp *source;
    pthread_mutex_t lock; /* guards what follows */
    GString *said;
    int64_t first_dts_ms; /* -1: none yet */
    bool is_over;
};

G_GNUC_PRINTF(2, 3) static void say(struct fixture *fixture, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&fixture->lock);
    g_string_append_vprintf(fixture->said, format, arguments);
    pthread_mutex_unlock(&fixture->lock);
    va_end(arguments);
}

static void on_caps(enum track track, const GstCaps *caps, void *user)
{
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    int rate_hz = 0;
    gst_structure_get_int(structure, "rate", &rate_hz);
    say(user, "caps %s %d; ", gst_structure_get_name(structure), rate_hz);
}

/* Times relative to the first packet's. */
static void on_packet(enum track track, GstSample *sample, void *user)
{
    struct fixture *fixture = user;
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    int64_t dts_ms = (int64_t)GST_BUFFER_DTS(buffer) / DUB_NS_PER_MS;
    int64_t pts_ms = (int64_t)GST_BUFFER_PTS(buffer) / DUB_NS_PER_MS;

    g_assert_nonnull(gst_sample_get_caps(sample));
    if (fixture->first_dts_ms < 0)
        fixture->first_dts_ms = dts_ms;
    say(fixture, "%s%" PRId64 "+%" PRId64 "%s %zu; ", track == TRACK_VIDEO ? "v" : "a",
        dts_ms - fixture->first_dts_ms, pts_ms - dts_ms,
        GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT) ? "" : "k", gst_buffer_get_size(buffer));
}

static void on_unusable(enum track track, const char *codec, void *user)
{
    say(user, "unusable %s; ", codec);
}

static void on_over(const char *failure, void *user)
{
    struct fixture *fixture = user;
    say(fixture, "over %s; ", failure ? failure : "well");
    pthread_mutex_lock(&fixture->lock);
    fixture->is_over = true;
    pthread_mutex_unlock(&fixture->lock);
}

static void setup(struct fixture *fixture, gconstpointer data)
{
    static const struct source_rtmp_events events = {on_caps, on_packet, on_unusable, on_over};

    memset(fixture, 0, sizeof *fixture);
    rtmp_test_listener_init(&fixture->listener);
    pthread_mutex_init(&fixture->lock, NULL);
    fixture->said = g_string_new("");
    fixture->first_dts_ms = -1;
    fixture->source = source_rtmp_new(fixture->listener.url, &events, fixture, NULL);
    g_assert_nonnull(fixture->source);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    source_rtmp_free(fixture->source);
    rtmp_test_listener_clear(&fixture->listener);
    g_string_free(fixture->said, TRUE);
    pthread_mutex_destroy(&fixture->lock);
}

static void send(struct fixture *fixture, uint8_t type, uint32_t timestamp_ms, const char *body, size_t size)
{
    rtmp_test_server_send(&fixture->listener.server, type, timestamp_ms, body, size);
}

#define SEND(type, timestamp_ms, body) send(fixture, type, timestamp_ms, (body), sizeof(body) - 1)
#define AVC_CONFIG "\x17\0\0\0\0\1\x64\0\x1e\xff\xe0\0"
#define AAC_CONFIG "\xaf\0\x11\x90" /* LC, 48 kHz, stereo */

static bool is_over(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->lock);
    bool over = fixture->is_over;
    pthread_mutex_unlock(&fixture->lock);
    return over;
}

static void serve_until_over(struct fixture *fixture)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_US;

    while (!is_over(fixture) && g_get_monotonic_time() < deadline)
        rtmp_test_listener_turn(&fixture->listener);
    g_assert_true(is_over(fixture));
}

/* Sends the end and holds what was said against what is expected. */
static void assert_said(struct fixture *fixture, const char *expected)
{
    rtmp_send_user_control(&fixture->listener.server.writer, RTMP_STREAM_EOF, 7);
    serve_until_over(fixture);
    g_assert_cmpstr(fixture->said->str, ==, expected);
}

static void play(struct fixture *fixture)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_US;

    while (!strstr(fixture->listener.server.heard->str, "play ") && g_get_monotonic_time() < deadline)
        rtmp_test_listener_turn(&fixture->listener);
}

static void test_packets(struct fixture *fixture, gconstpointer data)
{
    play(fixture);
    SEND(RTMP_VIDEO, 0, "\x17\1\0\0\0early"); /* no codec data yet */
    SEND(RTMP_VIDEO, 1000, AVC_CONFIG);
    SEND(RTMP_AUDIO, 1000, AAC_CONFIG);
    SEND(RTMP_VIDEO, 1000, "\x17\1\0\0\x42key");
    SEND(RTMP_AUDIO, 980, "\xaf\1sound"); /* a little older */
    SEND(RTMP_VIDEO, 1033, "\x27\1\xff\xff\xdfinter");
    SEND(RTMP_VIDEO, 1066, "\x17\2\0\0\0"); /* end of sequence */
    SEND(RTMP_VIDEO, 1066, "\x27\1\0\0\0"); /* nothing in it */
    SEND(RTMP_AUDIO, 1003, "\xaf\1more");
    assert_said(fixture,
                "caps video/x-h264 0; caps audio/mpeg 48000; v0+66k 3; a-20+0k 5; v33+-33 5; a3+0k 4; "
                "over well; ");
}

static void test_codec_data_again(struct fixture *fixture, gconstpointer data)
{
    play(fixture);
    SEND(RTMP_AUDIO, 0, AAC_CONFIG);
    SEND(RTMP_AUDIO, 0, "\xaf\1x");
    SEND(RTMP_AUDIO, 0, AAC_CONFIG); /* the same: no news */
    SEND(RTMP_AUDIO, 21, "\xaf\1x");
    SEND(RTMP_AUDIO, 0, "\xaf\0\x12\x10"); /* 44.1 kHz now */
    SEND(RTMP_AUDIO, 42, "\xaf\1x");
    assert_said(fixture,
                "caps audio/mpeg 48000; a0+0k 1; a21+0k 1; caps audio/mpeg 44100; a42+0k 1; over well; ");
}

/* After 49.7 days: time goes on. */
static void test_wrap(struct fixture *fixture, gconstpointer data)
{
    play(fixture);
    SEND(RTMP_AUDIO, 0, AAC_CONFIG);
    SEND(RTMP_AUDIO, UINT32_MAX - 9, "\xaf\1x");
    SEND(RTMP_AUDIO, 11, "\xaf\1x");
    SEND(RTMP_AUDIO, UINT32_MAX - 4, "\xaf\1x"); /* and may step back over it a little */
    assert_said(fixture, "caps audio/mpeg 48000; a0+0k 1; a21+0k 1; a5+0k 1; over well; ");
}

static void test_other_codecs(struct fixture *fixture, gconstpointer data)
{
    play(fixture);
    SEND(RTMP_VIDEO, 0, "\x90hvc1x");
    SEND(RTMP_VIDEO, 40, "\x91hvc1\0\0\0x"); /* named once */
    SEND(RTMP_AUDIO, 0, "\x2fx");
    assert_said(fixture, "unusable H.265 (HEVC); unusable MPEG-1/2 Audio; over well; ");
}

static void test_refused(struct fixture *fixture, gconstpointer data)
{
    fixture->listener.server.refuses = "play";
    fixture->listener.server.code = "NetStream.Play.StreamNotFound";
    serve_until_over(fixture);
    g_assert_true(g_str_has_prefix(fixture->said->str, "over the server says NetStream.Play.StreamNotFound"));
}

static void test_lost(struct fixture *fixture, gconstpointer data)
{
    play(fixture);
    rtmp_test_listener_close_peer(&fixture->listener);
    serve_until_over(fixture);
    g_assert_true(g_str_has_prefix(fixture->said->str, "over "));
    g_assert_false(g_str_has_prefix(fixture->said->str, "over well"));
}

static void test_bad_url(void)
{
    struct dub_error error = {0};
    g_assert_null(source_rtmp_new("rtmp://host", &(struct source_rtmp_events){0}, NULL, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_ARGUMENT);
}

int main(int argc, char **argv)
{
    gst_init(NULL, NULL);
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/source-rtmp/" name, struct fixture, NULL, setup, function, teardown)
    ADD("packets", test_packets);
    ADD("codec-data-again", test_codec_data_again);
    ADD("wrap", test_wrap);
    ADD("other-codecs", test_other_codecs);
    ADD("refused", test_refused);
    ADD("lost", test_lost);
    g_test_add_func("/source-rtmp/bad-url", test_bad_url);
    return g_test_run();
}
