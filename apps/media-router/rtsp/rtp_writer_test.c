/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The writer by itself, and what comes back when its packets are read again, through links of all kinds. */
#include "rtp_writer.h"

#include "../tests/rtp_rig.h"

#include <dubbing_clock.h>
#include <string.h>

#define MS RTP_RIG_MS
#define WALL_NS (INT64_C(1700000000) * DUB_NS_PER_S)
#define VIDEO_CONFIG "17 00 000000 01 64001e ff e1 001a" RTP_RIG_SPS "01 0004" RTP_RIG_PPS "fd f8 f8 00"

/* A path's stream with H.264 and AAC, and its writer. */
struct rig {
    struct stream stream;
    struct rtp_writer *writer;
};

static struct media_message *observe(struct rig *rig, enum media_kind kind, int64_t dts_ns,
                                     GBytes *take_payload)
{
    struct media_message *message = media_message_new(kind, dts_ns, take_payload);
    g_assert_true(stream_observe(&rig->stream, message));
    return message;
}

static void configure(struct rig *rig, enum media_kind kind, const char *hex)
{
    struct media_message *message = observe(rig, kind, 0, rtp_rig_bytes(hex));
    if (rig->writer != NULL)
        g_assert_null(rtp_writer_packets(rig->writer, message));
    media_message_unref(message);
}

static struct rig begin(void)
{
    struct rig rig = {0};
    stream_init(&rig.stream);
    configure(&rig, MEDIA_VIDEO, VIDEO_CONFIG);
    configure(&rig, MEDIA_AUDIO, "af 00 1190");
    rig.writer = rtp_writer_new(&rig.stream, WALL_NS, NULL);
    g_assert_nonnull(rig.writer);
    return rig;
}

static void end(struct rig *rig)
{
    rtp_writer_free(rig->writer);
    stream_clear(&rig->stream);
}

static struct rtp_packet packet_at(const struct rtp_packets *packets, unsigned index)
{
    struct rtp_packet packet = {0};
    struct dub_reader reader =
        dub_reader_on(g_bytes_get_data(packets->framed, NULL), g_bytes_get_size(packets->framed));
    for (unsigned i = 0; i <= index; i++) {
        g_assert_cmphex(dub_read_u8(&reader), ==, '$');
        g_assert_cmpuint(dub_read_u8(&reader), ==, 2 * packets->track);
        size_t size = dub_read_be16(&reader);
        g_assert_true(rtp_packet_parse(dub_read_bytes(&reader, size), size, &packet));
    }
    return packet;
}

static void test_tracks(void)
{
    struct rig rig = begin();
    const struct sdp_track *video = rtp_writer_tracks(rig.writer)->pdata[0];
    const struct sdp_track *audio = rtp_writer_tracks(rig.writer)->pdata[1];
    g_assert_cmpint(video->codec, ==, SDP_CODEC_H264);
    g_assert_cmpuint(video->payload_type, ==, 96);
    g_assert_cmpstr(video->control, ==, "trackID=0");
    g_assert_cmpuint(video->parameter_sets->len, ==, 2);
    g_assert_cmpint(audio->codec, ==, SDP_CODEC_AAC);
    g_assert_cmpuint(audio->payload_type, ==, 97);
    g_assert_cmpstr(audio->control, ==, "trackID=1");
    g_assert_cmpuint(audio->clock_rate_hz, ==, 48000);
    g_assert_cmpuint(audio->channels, ==, 2);
    rtp_rig_assert_bytes(audio->config, "1190");
    end(&rig);
}

static void test_made_once_for_all(void)
{
    struct rig rig = begin();
    struct media_message *picture =
        observe(&rig, MEDIA_VIDEO, 100 * MS, rtp_rig_bytes("17 01 00001e 00000003 658811"));
    const struct rtp_packets *packets = rtp_writer_packets(rig.writer, picture);
    g_assert_nonnull(packets);
    g_assert_true(rtp_writer_packets(rig.writer, picture) == packets);
    g_assert_cmpuint(packets->count, ==, 2);
    g_assert_cmpuint(packets->track, ==, 0);
    struct rtp_packet sets = packet_at(packets, 0), key = packet_at(packets, 1);
    g_assert_false(sets.marker);
    g_assert_true(key.marker);
    g_assert_cmpuint(sets.sequence, ==, packets->first_sequence);
    g_assert_cmpuint(key.timestamp, ==, packets->rtp_time);
    struct media_message *next =
        observe(&rig, MEDIA_VIDEO, 133 * MS, rtp_rig_bytes("27 01 000000 00000002 4188"));
    const struct rtp_packets *following = rtp_writer_packets(rig.writer, next);
    g_assert_cmpuint(following->first_sequence, ==, (uint16_t)(packets->first_sequence + 2));
    /* 130 ms was shown, 133 ms is. */
    g_assert_cmpuint(following->rtp_time - packets->rtp_time, ==, 3 * 90);
    media_message_unref(picture);
    media_message_unref(next);
    end(&rig);
}

/* The path lost its readers, and gets new ones, while the group of pictures is still there. */
static void test_packets_of_an_earlier_writer_are_made_anew(void)
{
    struct rig rig = begin();
    struct media_message *sound = observe(&rig, MEDIA_AUDIO, 0, rtp_rig_bytes("af 01 aabb"));
    g_autoptr(GBytes) old = g_bytes_ref(rtp_writer_packets(rig.writer, sound)->framed);
    rtp_writer_free(rig.writer);
    rig.writer = rtp_writer_new(&rig.stream, WALL_NS, NULL);
    const struct rtp_packets *packets = rtp_writer_packets(rig.writer, sound);
    g_assert_false(g_bytes_equal(old, packets->framed));
    g_assert_cmphex(packet_at(packets, 0).ssrc, ==, packets->writer_ssrc);
    media_message_unref(sound);
    end(&rig);
}

static void test_other_channels(void)
{
    struct rig rig = begin();
    struct media_message *picture =
        observe(&rig, MEDIA_VIDEO, 0, rtp_rig_bytes("17 01 000000 00000003 658811 00000002 6540"));
    const struct rtp_packets *packets = rtp_writer_packets(rig.writer, picture);
    g_autoptr(GBytes) same = rtp_packets_for_channel(packets, 0), other = rtp_packets_for_channel(packets, 6);
    g_assert_true(same == packets->framed);
    gsize size;
    const uint8_t *bytes = g_bytes_get_data(other, &size);
    struct dub_reader reader = dub_reader_on(bytes, size);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmphex(dub_read_u8(&reader), ==, '$');
        g_assert_cmpuint(dub_read_u8(&reader), ==, 6);
        dub_reader_skip(&reader, dub_read_be16(&reader));
    }
    g_assert_cmpuint(dub_reader_left(&reader), ==, 0);
    media_message_unref(picture);
    end(&rig);
}

static void test_new_parameter_sets_go_in_band(void)
{
    struct rig rig = begin();
    configure(&rig, MEDIA_VIDEO,
              "17 00 000000 01 42c00c ff e1 0019" RTP_RIG_BASELINE_SPS "01 0005" RTP_RIG_BASELINE_PPS);
    struct media_message *picture =
        observe(&rig, MEDIA_VIDEO, 0, rtp_rig_bytes("17 01 000000 00000002 6588"));
    struct rtp_packet sets = packet_at(rtp_writer_packets(rig.writer, picture), 0);
    g_autoptr(GBytes) payload = g_bytes_new(sets.payload, sets.payload_size);
    rtp_rig_assert_bytes(payload, "78 0019" RTP_RIG_BASELINE_SPS "0005" RTP_RIG_BASELINE_PPS);
    /* A later DESCRIBE tells of them. */
    const struct sdp_track *video = rtp_writer_tracks(rig.writer)->pdata[0];
    rtp_rig_assert_bytes(video->parameter_sets->pdata[0], RTP_RIG_BASELINE_SPS);
    g_assert_false(rtp_writer_is_stale(rig.writer));
    media_message_unref(picture);
    end(&rig);
}

static void test_another_audio_configuration_is_stale(void)
{
    struct rig rig = begin();
    configure(&rig, MEDIA_AUDIO, "af 00 1190");
    g_assert_false(rtp_writer_is_stale(rig.writer));
    configure(&rig, MEDIA_AUDIO, "af 00 1210");
    g_assert_true(rtp_writer_is_stale(rig.writer));
    struct media_message *sound = observe(&rig, MEDIA_AUDIO, 0, rtp_rig_bytes("af 01 aabb"));
    g_assert_null(rtp_writer_packets(rig.writer, sound));
    media_message_unref(sound);
    end(&rig);
}

static void test_nothing_to_send(void)
{
    static const struct {
        enum media_kind kind;
        const char *hex;
    } cases[] = {{MEDIA_VIDEO, "17 02 000000"}, {MEDIA_VIDEO, "27 01 000000 000000ff 41"},
                 {MEDIA_AUDIO, "af 01"},        {MEDIA_AUDIO, "2f ff"},
                 {MEDIA_VIDEO, "22 00"},        {MEDIA_DATA, "02 0001 61 05"}};
    struct rig rig = begin();
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct media_message *message = observe(&rig, cases[i].kind, 0, rtp_rig_bytes(cases[i].hex));
        g_assert_null(rtp_writer_packets(rig.writer, message));
        media_message_unref(message);
    }
    end(&rig);
}

static void test_streams_that_cannot_go_over_rtp(void)
{
    struct rig rig = {0};
    struct dub_error error = {0};
    stream_init(&rig.stream);
    configure(&rig, MEDIA_VIDEO, "90 68766331 01");
    configure(&rig, MEDIA_AUDIO, "af 00 00");
    g_assert_null(rtp_writer_new(&rig.stream, WALL_NS, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNSUPPORTED);
    g_assert_true(strstr(error.message, "H265") != NULL);
    /* What can, goes; numbered from the first. */
    configure(&rig, MEDIA_AUDIO, "af 00 1190");
    rig.writer = rtp_writer_new(&rig.stream, WALL_NS, &error);
    g_assert_nonnull(rig.writer);
    g_assert_cmpuint(rtp_writer_tracks(rig.writer)->len, ==, 1);
    struct media_message *picture = observe(&rig, MEDIA_VIDEO, 0, rtp_rig_bytes("91 68766331 000000 00"));
    g_assert_null(rtp_writer_packets(rig.writer, picture));
    media_message_unref(picture);
    end(&rig);
}

/* Both tracks' reports name the same instant by the same time. */
static void test_reports(void)
{
    struct rig rig = begin();
    g_autoptr(GByteArray) video_bytes = g_byte_array_new(), audio_bytes = g_byte_array_new();
    struct media_message *picture =
        observe(&rig, MEDIA_VIDEO, 2000 * MS, rtp_rig_bytes("27 01 000000 00000002 4188"));
    struct media_message *sound = observe(&rig, MEDIA_AUDIO, 2500 * MS, rtp_rig_bytes("af 01 aabb"));
    uint32_t video_time = rtp_writer_packets(rig.writer, picture)->rtp_time;
    uint32_t audio_time = rtp_writer_packets(rig.writer, sound)->rtp_time;
    struct rtcp_sender_report video, audio;
    g_assert_true(rtp_writer_report(rig.writer, 0, video_bytes));
    g_assert_true(rtp_writer_report(rig.writer, 1, audio_bytes));
    g_assert_false(rtp_writer_report(rig.writer, 2, audio_bytes));
    g_assert_true(rtcp_find_sender_report(video_bytes->data, video_bytes->len, &video));
    g_assert_true(rtcp_find_sender_report(audio_bytes->data, audio_bytes->len, &audio));
    g_assert_cmpuint(video.timestamp, ==, video_time);
    g_assert_cmpuint(audio.timestamp, ==, audio_time);
    g_assert_cmpuint(video.packets, ==, 1);
    g_assert_cmpuint(video.bytes, ==, 2);
    g_assert_cmpint(ABS(rtcp_ntp_to_unix_ns(video.ntp) - (WALL_NS + 2000 * MS)), <=, 1);
    g_assert_cmpint(ABS(rtcp_ntp_to_unix_ns(audio.ntp) - (WALL_NS + 2500 * MS)), <=, 1);
    guint before = audio_bytes->len;
    rtp_writer_bye(rig.writer, 1, audio_bytes);
    g_assert_cmphex(audio_bytes->data[audio_bytes->len - 7], ==, 203);
    g_assert_cmpuint(audio_bytes->len, ==, 2 * before + 8);
    rtp_writer_bye(rig.writer, 2, audio_bytes);
    media_message_unref(picture);
    media_message_unref(sound);
    end(&rig);
}

/* Pictures and sound of random sizes, in groups of random lengths with two levels of B-frames. */
enum { PICTURES = 400 };

static GBytes *random_picture(bool is_key, int64_t composition_ms)
{
    GByteArray *out = g_byte_array_new();
    dub_write_u8(out, is_key ? 0x17 : 0x27);
    dub_write_u8(out, 1);
    dub_write_be24(out, (uint32_t)composition_ms & 0xffffff);
    gint slices = g_test_rand_int_range(1, 4);
    for (gint i = 0; i < slices; i++) {
        gint size = g_test_rand_int_range(0, 8) == 0 ? g_test_rand_int_range(2, 20000)
                                                     : g_test_rand_int_range(2, 3000);
        dub_write_be32(out, (uint32_t)size);
        dub_write_u8(out, is_key ? 0x65 : 0x41);
        dub_write_u8(out, i == 0 ? 0x88 : 0x48); /* first_mb_in_slice 0, or not */
        for (gint k = 2; k < size; k++)
            dub_write_u8(out, (uint8_t)g_test_rand_int());
    }
    return g_byte_array_free_to_bytes(out);
}

static GBytes *random_sound(void)
{
    GByteArray *out = g_byte_array_new();
    dub_write_be16(out, 0xaf01);
    for (gint size = g_test_rand_int_range(1, 3000); size > 0; size--)
        dub_write_u8(out, (uint8_t)g_test_rand_int());
    return g_byte_array_free_to_bytes(out);
}

/* Decoding order of four: the last, the middle one, the two others; with a key frame that is the first. */
static GPtrArray *random_stream(struct rig *rig)
{
    static const int64_t shown[] = {3, 1, 0, 2}, shown_with_key[] = {0, 3, 1, 2};
    GPtrArray *sent = g_ptr_array_new_with_free_func((GDestroyNotify)media_message_unref);
    bool has_key = false;
    for (int i = 0; i < PICTURES; i++) {
        if (i % 4 == 0)
            has_key = i == 0 || g_test_rand_int_range(0, 6) == 0;
        int64_t dts_ms = 40 * i, pts_ms = 40 * (i / 4 * 4 + 2 + (has_key ? shown_with_key : shown)[i % 4]);
        GBytes *picture = random_picture(has_key && i % 4 == 0, pts_ms - dts_ms);
        g_ptr_array_add(sent, observe(rig, MEDIA_VIDEO, dts_ms * MS, picture));
        g_ptr_array_add(sent, observe(rig, MEDIA_AUDIO, (dts_ms + 80) * MS, random_sound()));
    }
    return sent;
}

struct link {
    int lose_per_mille, repeat_per_mille, swap_per_mille;
};

struct receiver {
    GPtrArray *seen;
    struct rtp_reader *reader;
};

static struct receiver receive_with(const struct rtp_writer *writer)
{
    struct receiver receiver = {.seen = rtp_rig_list()};
    g_autofree char *text = sdp_write(&(struct sdp_offer){
        .session_name = "x", .address = "127.0.0.1", .tracks = rtp_writer_tracks(writer)});
    struct sdp *sdp = sdp_parse(text, strlen(text), NULL);
    g_assert_nonnull(sdp);
    receiver.reader = rtp_reader_new(sdp, rtp_rig_catch, receiver.seen, NULL);
    sdp_free(sdp);
    rtp_reader_start(receiver.reader);
    return receiver;
}

static bool happens(int per_mille)
{
    return g_test_rand_int_range(0, 1000) < per_mille;
}

static void transmit(struct receiver *receiver, const struct link *link, unsigned track, GBytes *first,
                     GBytes *second)
{
    GBytes *order[] = {first, second};
    if (second != NULL && happens(link->swap_per_mille)) {
        order[0] = second;
        order[1] = first;
    }
    for (unsigned i = 0; i < 2 && order[i] != NULL; i++) {
        if (happens(link->lose_per_mille))
            continue;
        for (int n = happens(link->repeat_per_mille) ? 2 : 1; n > 0; n--)
            rtp_reader_rtp(receiver->reader, track, g_bytes_get_data(order[i], NULL),
                           g_bytes_get_size(order[i]), 0);
    }
}

static void send_packets(struct receiver *receiver, const struct link *link,
                         const struct rtp_packets *packets)
{
    gsize at = 0;
    const uint8_t *bytes = g_bytes_get_data(packets->framed, NULL);
    for (unsigned i = 0; i < packets->count; i += 2) {
        g_autoptr(GBytes) first = NULL, second = NULL;
        for (unsigned k = 0; k < 2 && i + k < packets->count; k++) {
            gsize size = (gsize)bytes[at + 2] << 8 | bytes[at + 3];
            *(k == 0 ? &first : &second) = g_bytes_new_from_bytes(packets->framed, at + 4, size);
            at += 4 + size;
        }
        transmit(receiver, link, packets->track, first, second);
    }
}

/* The index of the same payload among what was sent, from `from` on. Tag headers differ in composition time.
 */
static guint find_sent(const GPtrArray *sent, guint from, const struct rtp_rig_message *message)
{
    gsize size;
    const uint8_t *body = g_bytes_get_data(message->payload, &size);
    gsize header = message->kind == MEDIA_VIDEO ? 5 : 2;
    for (; from < sent->len; from++) {
        const struct media_message *candidate = sent->pdata[from];
        if (candidate->kind == message->kind && candidate->size == size && body[0] == candidate->data[0] &&
            memcmp(body + header, candidate->data + header, size - header) == 0)
            return from;
    }
    g_error("a message came out that never went in");
}

struct progress {
    guint next[2]; /* by kind: where to look on */
    guint count[2];
    bool has_shift;
    int64_t shift_ms;
};

static void check_message(const GPtrArray *sent, const struct rtp_rig_message *message,
                          struct progress *progress)
{
    guint at = find_sent(sent, progress->next[message->kind], message);
    const struct media_message *original = sent->pdata[at];
    bool is_gap = message->kind == MEDIA_VIDEO && at != progress->next[MEDIA_VIDEO];
    if (is_gap)
        g_assert_true(original->is_key);
    progress->next[message->kind] = at + (message->kind == MEDIA_VIDEO ? 2 : 1);
    progress->count[message->kind]++;
    if (message->kind == MEDIA_AUDIO)
        return;
    struct rtp_rig_message as_sent = {MEDIA_VIDEO, original->dts_ns, original->bytes};
    int64_t shift_ms = rtp_rig_pts_ms(message) - rtp_rig_pts_ms(&as_sent);
    if (!progress->has_shift)
        progress->shift_ms = shift_ms;
    progress->has_shift = true;
    g_assert_cmpint(ABS(shift_ms - progress->shift_ms), <=, 1);
    g_assert_cmpint(rtp_rig_pts_ms(message), >=, message->dts_ns / MS);
}

static struct progress run_link(const struct link *link)
{
    struct rig rig = begin();
    g_autoptr(GPtrArray) sent = random_stream(&rig);
    struct receiver receiver = receive_with(rig.writer);
    struct progress progress = {.next = {[MEDIA_AUDIO] = 1}};
    guint first = receiver.seen->len;
    for (guint i = 0; i < sent->len; i++)
        send_packets(&receiver, link, rtp_writer_packets(rig.writer, sent->pdata[i]));
    for (guint i = first; i < receiver.seen->len; i++)
        check_message(sent, rtp_rig_at(receiver.seen, i), &progress);
    rtp_reader_free(receiver.reader);
    g_ptr_array_unref(receiver.seen);
    end(&rig);
    return progress;
}

static void test_round_trip(void)
{
    struct progress progress = run_link(&(struct link){0});
    g_assert_cmpuint(progress.count[MEDIA_VIDEO], ==, PICTURES);
    g_assert_cmpuint(progress.count[MEDIA_AUDIO], ==, PICTURES);
}

/* Whatever the link does, only whole messages come out, and pictures go on with key frames. */
static void test_bad_links(void)
{
    static const struct link links[] = {{20, 0, 0}, {0, 100, 0}, {0, 0, 50}, {5, 20, 5}, {300, 300, 300}};
    for (size_t i = 0; i < G_N_ELEMENTS(links); i++) {
        struct progress progress = run_link(&links[i]);
        g_test_message("link %zu: %u pictures, %u sounds of %d", i, progress.count[MEDIA_VIDEO],
                       progress.count[MEDIA_AUDIO], PICTURES);
        if (links[i].lose_per_mille + links[i].swap_per_mille == 0)
            g_assert_cmpuint(progress.count[MEDIA_VIDEO], ==, PICTURES);
        else
            g_assert_cmpuint(progress.count[MEDIA_VIDEO], <, PICTURES);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtp-writer/tracks", test_tracks);
    g_test_add_func("/rtp-writer/made-once-for-all", test_made_once_for_all);
    g_test_add_func("/rtp-writer/packets-of-an-earlier-writer-are-made-anew",
                    test_packets_of_an_earlier_writer_are_made_anew);
    g_test_add_func("/rtp-writer/other-channels", test_other_channels);
    g_test_add_func("/rtp-writer/new-parameter-sets-go-in-band", test_new_parameter_sets_go_in_band);
    g_test_add_func("/rtp-writer/another-audio-configuration-is-stale",
                    test_another_audio_configuration_is_stale);
    g_test_add_func("/rtp-writer/nothing-to-send", test_nothing_to_send);
    g_test_add_func("/rtp-writer/streams-that-cannot-go-over-rtp", test_streams_that_cannot_go_over_rtp);
    g_test_add_func("/rtp-writer/reports", test_reports);
    g_test_add_func("/rtp-writer/round-trip", test_round_trip);
    g_test_add_func("/rtp-writer/bad-links", test_bad_links);
    return g_test_run();
}
