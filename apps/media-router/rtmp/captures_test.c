/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions of real encoders, recorded on the wire (tests/captures/README.md), against the session: whatever
 * the pieces in which the bytes arrive, the same media come out, and they are what another reader found in
 * them. */
#include "session.h"

#include "../stream.h"

#include <string.h>

struct replay {
    struct rtmp_session session;
    struct stream stream;
    char *path, *query;
    GChecksum *sums[2]; /* by enum media_kind: time and body of each message */
    unsigned counts[2];
    unsigned n_ended;
};

static bool on_publish(const char *path, const char *query, struct dub_error *error, void *user)
{
    struct replay *replay = user;
    g_assert_null(replay->path);
    replay->path = g_strdup(path);
    replay->query = g_strdup(query);
    return true;
}

static bool on_play(const char *path, const char *query, struct dub_error *error, void *user)
{
    g_assert_not_reached();
}

static void on_playing(void *user)
{
    g_assert_not_reached();
}

static void note_media(struct replay *replay, const struct media_message *message, uint32_t timestamp_ms)
{
    const uint8_t time[] = {(uint8_t)(timestamp_ms >> 24), (uint8_t)(timestamp_ms >> 16),
                            (uint8_t)(timestamp_ms >> 8), (uint8_t)timestamp_ms};
    g_checksum_update(replay->sums[message->kind], time, sizeof time);
    if (message->size > 0)
        g_checksum_update(replay->sums[message->kind], message->data, (gssize)message->size);
    replay->counts[message->kind]++;
}

static void on_media(struct media_message *take_message, uint32_t timestamp_ms, void *user)
{
    struct replay *replay = user;
    take_message->dts_ns = timestamp_ms;
    g_assert_true(stream_observe(&replay->stream, take_message) || take_message->kind != MEDIA_DATA);
    if (take_message->kind != MEDIA_DATA)
        note_media(replay, take_message, timestamp_ms);
    media_message_unref(take_message);
}

static void on_ended(void *user)
{
    ((struct replay *)user)->n_ended++;
}

static const struct rtmp_session_events events = {on_publish, on_play, on_playing, on_media, on_ended};

static void replay_init(struct replay *replay)
{
    memset(replay, 0, sizeof *replay);
    stream_init(&replay->stream);
    replay->sums[MEDIA_AUDIO] = g_checksum_new(G_CHECKSUM_SHA256);
    replay->sums[MEDIA_VIDEO] = g_checksum_new(G_CHECKSUM_SHA256);
    rtmp_session_init(&replay->session, &events, replay);
}

static void replay_clear(struct replay *replay)
{
    rtmp_session_clear(&replay->session);
    stream_clear(&replay->stream);
    g_checksum_free(replay->sums[MEDIA_AUDIO]);
    g_checksum_free(replay->sums[MEDIA_VIDEO]);
    g_free(replay->path);
    g_free(replay->query);
}

/* Lines of what the recorder's own reader found: "key in?lang=es", "audio 175 <SHA-256>". */
static void assert_as_expected(const struct replay *replay, const char *expected)
{
    g_autofree char *audio = g_strdup_printf("audio %u %s\n", replay->counts[MEDIA_AUDIO],
                                             g_checksum_get_string(replay->sums[MEDIA_AUDIO]));
    g_autofree char *video = g_strdup_printf("video %u %s\n", replay->counts[MEDIA_VIDEO],
                                             g_checksum_get_string(replay->sums[MEDIA_VIDEO]));
    g_autofree char *key = g_strdup_printf("key in%s%s\n", *replay->query != '\0' ? "?" : "", replay->query);
    g_assert_cmpstr(replay->path, ==, "live/demo/in");
    g_assert_nonnull(strstr(expected, key));
    g_assert_nonnull(strstr(expected, audio));
    g_assert_nonnull(strstr(expected, video));
    g_assert_true(replay->stream.ready);
    g_assert_cmpint(replay->stream.video.codec, ==, FLV_CODEC_H264);
    g_assert_cmpint(replay->stream.audio.codec, ==, FLV_CODEC_AAC);
    g_assert_cmpuint(replay->n_ended, ==, strstr(expected, "command deleteStream") != NULL ? 1 : 0);
}

static size_t all_at_once(size_t left)
{
    return left;
}

static size_t byte_by_byte(size_t left)
{
    return 1;
}

/* As a network does: single bytes, parts of headers, and large pieces. */
static size_t random_pieces(size_t left)
{
    static const gint32 most[] = {2, 20, 200, 2000, 70000};
    return (size_t)g_test_rand_int_range(1, most[g_test_rand_int_range(0, G_N_ELEMENTS(most))] + 1);
}

static void feed(struct replay *replay, const char *bytes, gsize size, size_t (*cut)(size_t left))
{
    struct dub_error error = {0};
    for (gsize at = 0; at < size;) {
        size_t wanted = cut(size - at);
        size_t piece = MIN(wanted, size - at);
        if (!rtmp_session_receive(&replay->session, (const uint8_t *)bytes + at, piece, &error))
            g_error("at byte %zu of %zu: %s", at, size, error.message);
        rtmp_chunk_writer_advance(&replay->session.writer,
                                  rtmp_chunk_writer_pending(&replay->session.writer));
        at += piece;
    }
}

static void test_capture(gconstpointer data)
{
    static size_t (*const cuts[])(size_t) = {all_at_once,   byte_by_byte,  random_pieces, random_pieces,
                                             random_pieces, random_pieces, random_pieces};
    const char *file = data;
    g_autofree char *stem = g_strndup(file, strlen(file) - strlen(".rtmp"));
    g_autofree char *expected_file = g_strconcat(stem, ".expected", NULL);
    g_autofree char *bytes = NULL;
    g_autofree char *expected = NULL;
    gsize size = 0;
    g_assert_true(g_file_get_contents(file, &bytes, &size, NULL));
    g_assert_true(g_file_get_contents(expected_file, &expected, NULL, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(cuts); i++) {
        struct replay replay;
        replay_init(&replay);
        feed(&replay, bytes, size, cuts[i]);
        assert_as_expected(&replay, expected);
        replay_clear(&replay);
    }
}

static unsigned add_tests(void)
{
    unsigned n_files = 0;
    const char *name = NULL;
    g_autofree char *folder =
        g_test_build_filename(G_TEST_DIST, "apps", "media-router", "tests", "captures", NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        if (!g_str_has_suffix(name, ".rtmp"))
            continue;
        g_autofree char *test = g_strconcat("/captures/", name, NULL);
        g_test_add_data_func_full(test, g_build_filename(folder, name, NULL), test_capture, g_free);
        n_files++;
    }
    return n_files;
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (add_tests() == 0)
        g_error("there are no captures: G_TEST_SRCDIR must be the root of the source");
    return g_test_run();
}
