/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtp_reader.h"

#include "../tests/rtp_rig.h"

#include <dubbing_amf.h>
#include <dubbing_flv.h>
#include <string.h>

#define MS RTP_RIG_MS
#define START (200 * MS) /* where the first packet is put */
#define SDP                                                                                                  \
    "v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n"                                                    \
    "a=fmtp:96 sprop-parameter-sets=Z0LADNkBQZ+fARAAAAMAEAAAAwMg8UKkgA==,aMuDyyA=\n"                         \
    "m=application 0 RTP/AVP 107\na=rtpmap:107 vnd.onvif.metadata/90000\n"                                   \
    "m=audio 0 RTP/AVP 97\na=rtpmap:97 mpeg4-generic/48000/2\na=fmtp:97 mode=AAC-hbr;config=1190\n"

enum { VIDEO, META, AUDIO };

struct rig {
    GPtrArray *seen;
    struct rtp_reader *reader;
    struct rtp_rig_source video, audio;
};

static struct rig *begin(const char *text)
{
    struct rig *rig = g_new0(struct rig, 1);
    struct dub_error error = {0};
    struct sdp *sdp = sdp_parse(text, strlen(text), &error);
    g_assert_cmpstr(error.message, ==, "");
    rig->seen = rtp_rig_list();
    rig->reader = rtp_reader_new(sdp, rtp_rig_catch, rig->seen, &error);
    g_assert_nonnull(rig->reader);
    sdp_free(sdp);
    rig->video = (struct rtp_rig_source){.payload_type = 96, .ssrc = 1, .sequence = 65530};
    rig->audio = (struct rtp_rig_source){.payload_type = 97, .ssrc = 2, .sequence = 5};
    return rig;
}

static void end(struct rig *rig)
{
    rtp_reader_free(rig->reader);
    g_ptr_array_unref(rig->seen);
    g_free(rig);
}

static void feed(struct rig *rig, unsigned track, GBytes *take_packet, int64_t now_ns)
{
    rtp_reader_rtp(rig->reader, track, g_bytes_get_data(take_packet, NULL), g_bytes_get_size(take_packet),
                   now_ns);
    g_bytes_unref(take_packet);
}

static void send_picture(struct rig *rig, uint32_t time_ms, bool is_key, int64_t now_ns)
{
    const uint8_t nal[] = {is_key ? 0x65 : 0x41, 0x88, 0x11};
    rig->video.timestamp = time_ms * 90;
    feed(rig, VIDEO, rtp_rig_packet(&rig->video, true, nal, sizeof nal), now_ns);
}

static void send_sound(struct rig *rig, uint32_t time_ms, int64_t now_ns)
{
    static const uint8_t unit[] = {0, 16, 0, 8, 0x77};
    rig->audio.timestamp = time_ms * 48;
    feed(rig, AUDIO, rtp_rig_packet(&rig->audio, true, unit, sizeof unit), now_ns);
}

static void send_report(struct rig *rig, unsigned track, uint32_t ssrc, int64_t wall_ns, uint32_t timestamp)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    struct rtcp_sender_report report = {
        .ssrc = ssrc, .ntp = rtcp_ntp_from_unix_ns(wall_ns), .timestamp = timestamp};
    rtcp_write_sender_report(out, &report, "x");
    rtp_reader_rtcp(rig->reader, track, out->data, out->len, 0);
}

static const struct rtp_rig_message *last(const struct rig *rig)
{
    return rtp_rig_at(rig->seen, rig->seen->len - 1);
}

static double metadata_number(const struct rtp_rig_message *message, const char *name)
{
    gsize size;
    const void *data = g_bytes_get_data(message->payload, &size);
    struct dub_reader reader = dub_reader_on(data, size);
    g_autoptr(GPtrArray) values = amf_read_all(&reader, NULL);
    g_assert_nonnull(values);
    g_assert_cmpstr(amf_string_or(amf_at(values, 0), ""), ==, "onMetaData");
    return amf_number_or(amf_member(amf_at(values, 1), name), -1);
}

static void test_start_describes_the_tracks(void)
{
    struct rig *rig = begin(SDP);
    rtp_reader_start(rig->reader);
    g_assert_cmpuint(rig->seen->len, ==, 3);
    const struct rtp_rig_message *metadata = rtp_rig_at(rig->seen, 0);
    g_assert_cmpint(metadata->kind, ==, MEDIA_DATA);
    g_assert_cmpfloat(metadata_number(metadata, "videocodecid"), ==, 7);
    g_assert_cmpfloat(metadata_number(metadata, "width"), ==, 320);
    g_assert_cmpfloat(metadata_number(metadata, "height"), ==, 180);
    g_assert_cmpfloat(metadata_number(metadata, "audiocodecid"), ==, 10);
    g_assert_cmpfloat(metadata_number(metadata, "audiosamplerate"), ==, 48000);
    for (guint i = 1; i < 3; i++) {
        const struct rtp_rig_message *config = rtp_rig_at(rig->seen, i);
        struct flv_tag tag;
        gsize size;
        const uint8_t *body = g_bytes_get_data(config->payload, &size);
        g_assert_true(config->kind == MEDIA_VIDEO ? flv_parse_video(body, size, &tag)
                                                  : flv_parse_audio(body, size, &tag));
        g_assert_true(tag.is_config);
    }
    end(rig);
}

static void test_tracks_that_are_not_set_up(void)
{
    struct rig *rig = begin(SDP);
    rtp_reader_drop_track(rig->reader, VIDEO);
    rtp_reader_drop_track(rig->reader, 99);
    rtp_reader_start(rig->reader);
    g_assert_cmpuint(rig->seen->len, ==, 2);
    g_assert_cmpfloat(metadata_number(rtp_rig_at(rig->seen, 0), "videocodecid"), ==, -1);
    send_picture(rig, 0, true, 0);
    send_report(rig, VIDEO, 1, 1000 * MS, 0);
    g_assert_cmpuint(rtp_reader_get_stats(rig->reader).malformed, ==, 1);
    g_assert_cmpuint(rig->seen->len, ==, 2);
    end(rig);
}

static void test_configuration_to_come_in_band(void)
{
    struct rig *rig = begin("v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
                            "m=audio 0 RTP/AVP 97\na=rtpmap:97 MP4A-LATM/48000\n");
    rtp_reader_start(rig->reader);
    g_assert_cmpuint(rig->seen->len, ==, 1);
    g_assert_cmpfloat(metadata_number(rtp_rig_at(rig->seen, 0), "videocodecid"), ==, 7);
    g_assert_cmpfloat(metadata_number(rtp_rig_at(rig->seen, 0), "width"), ==, -1);
    g_assert_cmpfloat(metadata_number(rtp_rig_at(rig->seen, 0), "audiosamplerate"), ==, -1);
    end(rig);
}

static void test_one_timeline(void)
{
    struct rig *rig = begin(SDP);
    rtp_reader_start(rig->reader);
    send_picture(rig, 5000, true, 100 * MS);
    g_assert_cmpint(last(rig)->dts_ns, ==, START);
    send_sound(rig, 90000, 130 * MS);
    g_assert_cmpint(last(rig)->dts_ns, ==, START + 30 * MS);
    /* The reports say that this sound belongs to that picture. */
    send_report(rig, VIDEO, 1, 7000 * MS, 5000 * 90);
    send_report(rig, AUDIO, 2, 7000 * MS, 90000 * 48);
    send_picture(rig, 5040, false, 140 * MS);
    g_assert_cmpint((last(rig)->dts_ns - START) / MS, ==, 70);
    send_sound(rig, 90040, 170 * MS);
    g_assert_cmpint((last(rig)->dts_ns - START) / MS, ==, 70);
    end(rig);
}

/* A report of another source is of no use to this one. */
static void test_reports_of_others(void)
{
    struct rig *rig = begin(SDP);
    rtp_reader_start(rig->reader);
    send_picture(rig, 0, true, 0);
    send_sound(rig, 0, 0);
    send_report(rig, VIDEO, 1, 7000 * MS, 0);
    send_report(rig, AUDIO, 77, 8000 * MS, 0);
    rtp_reader_rtcp(rig->reader, AUDIO, (const uint8_t *)"x", 1, 0);
    rtp_reader_rtcp(rig->reader, 99, (const uint8_t *)"x", 1, 0);
    send_sound(rig, 40, 0);
    g_assert_cmpint(last(rig)->dts_ns, ==, START + 40 * MS);
    end(rig);
}

static void test_packets_of_no_use_are_counted(void)
{
    struct rig *rig = begin(SDP);
    rtp_reader_start(rig->reader);
    rtp_reader_rtp(rig->reader, VIDEO, (const uint8_t *)"short", 5, 0);
    rtp_reader_rtp(rig->reader, META, (const uint8_t *)"short", 5, 0);
    rtp_reader_rtp(rig->reader, 3, (const uint8_t *)"short", 5, 0);
    rig->video.payload_type = 98;
    send_picture(rig, 0, true, 0);
    g_assert_cmpuint(rtp_reader_get_stats(rig->reader).malformed, ==, 4);
    g_assert_cmpuint(rtp_reader_get_stats(rig->reader).packets, ==, 0);
    end(rig);
}

static void test_losses_and_repeats_are_counted(void)
{
    struct rig *rig = begin(SDP);
    rtp_reader_start(rig->reader);
    send_picture(rig, 0, true, 0);
    rig->video.sequence--;
    send_picture(rig, 0, true, 0); /* again */
    guint before = rig->seen->len;
    rig->video.sequence = (uint16_t)(rig->video.sequence + 5);
    send_picture(rig, 40, false, 0);
    send_picture(rig, 80, false, 0);
    g_assert_cmpuint(rig->seen->len, ==, before);
    send_picture(rig, 120, true, 0);
    g_assert_cmpuint(rig->seen->len, ==, before + 1);
    struct rtp_reader_stats stats = rtp_reader_get_stats(rig->reader);
    g_assert_cmpuint(stats.packets, ==, 4);
    g_assert_cmpuint(stats.bytes, ==, 4 * 15);
    g_assert_cmpuint(stats.lost, ==, 5);
    g_assert_cmpuint(stats.late, ==, 1);
    g_assert_cmpuint(stats.dropped_units, ==, 2);
    end(rig);
}

/* How many were lost cannot be told then, but something was. */
static void test_numbers_begin_anew(void)
{
    struct rig *rig = begin(SDP);
    rtp_reader_start(rig->reader);
    send_picture(rig, 0, true, 0);
    guint before = rig->seen->len;
    rig->video.sequence = (uint16_t)(rig->video.sequence + 20000);
    send_picture(rig, 40, false, 0);
    g_assert_cmpuint(rig->seen->len, ==, before);
    send_picture(rig, 80, true, 0);
    send_picture(rig, 120, false, 0);
    g_assert_cmpuint(rig->seen->len, ==, before + 2);
    g_assert_cmpuint(rtp_reader_get_stats(rig->reader).lost, ==, 0);
    end(rig);
}

/* An encoder that was restarted behind the same connection. */
static void test_another_source_takes_over(void)
{
    struct rig *rig = begin(SDP);
    rtp_reader_start(rig->reader);
    send_picture(rig, 0, true, 0);
    send_picture(rig, 40, false, 40 * MS);
    rig->video = (struct rtp_rig_source){.payload_type = 96, .ssrc = 9, .sequence = 777};
    guint before = rig->seen->len;
    send_picture(rig, 3600000, false, 1040 * MS);
    g_assert_cmpuint(rig->seen->len, ==, before);
    send_picture(rig, 3600040, true, 1080 * MS);
    g_assert_cmpint(last(rig)->dts_ns, ==, START + 1080 * MS);
    g_assert_cmpuint(rtp_reader_get_stats(rig->reader).lost, ==, 0);
    end(rig);
}

static void test_the_last_picture_is_flushed(void)
{
    static const uint8_t nal[] = {0x65, 0x88};
    struct rig *rig = begin(SDP);
    rtp_reader_start(rig->reader);
    feed(rig, VIDEO, rtp_rig_packet(&rig->video, false, nal, sizeof nal), 0);
    guint before = rig->seen->len;
    rtp_reader_flush(rig->reader);
    g_assert_cmpuint(rig->seen->len, ==, before + 1);
    end(rig);
}

/* B-frames: room for decoding times before the first presentation time. */
static void test_room_for_decoding_times(void)
{
    struct rig *rig = begin("v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
                            "a=fmtp:96 sprop-parameter-sets=Z2QAHqzZQKAv+XARAAADAAEAAAMAPA8WLZY=,aO+8sA==\n");
    rtp_reader_start(rig->reader);
    send_picture(rig, 1000, true, 0);
    g_assert_cmpint(last(rig)->dts_ns, ==, START);
    g_assert_cmpint(rtp_rig_pts_ms(last(rig)), ==, 266);
    end(rig);
}

static void test_a_broken_configuration_is_refused(void)
{
    const char *text =
        "v=0\nm=audio 0 RTP/AVP 97\na=rtpmap:97 mpeg4-generic/48000/2\na=fmtp:97 mode=AAC-hbr;config=00\n";
    struct dub_error error = {0};
    struct sdp *sdp = sdp_parse(text, strlen(text), &error);
    g_assert_nonnull(sdp);
    g_assert_null(rtp_reader_new(sdp, rtp_rig_catch, NULL, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNSUPPORTED);
    sdp_free(sdp);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtp-reader/start-describes-the-tracks", test_start_describes_the_tracks);
    g_test_add_func("/rtp-reader/tracks-that-are-not-set-up", test_tracks_that_are_not_set_up);
    g_test_add_func("/rtp-reader/configuration-to-come-in-band", test_configuration_to_come_in_band);
    g_test_add_func("/rtp-reader/one-timeline", test_one_timeline);
    g_test_add_func("/rtp-reader/reports-of-others", test_reports_of_others);
    g_test_add_func("/rtp-reader/packets-of-no-use-are-counted", test_packets_of_no_use_are_counted);
    g_test_add_func("/rtp-reader/losses-and-repeats-are-counted", test_losses_and_repeats_are_counted);
    g_test_add_func("/rtp-reader/numbers-begin-anew", test_numbers_begin_anew);
    g_test_add_func("/rtp-reader/another-source-takes-over", test_another_source_takes_over);
    g_test_add_func("/rtp-reader/the-last-picture-is-flushed", test_the_last_picture_is_flushed);
    g_test_add_func("/rtp-reader/room-for-decoding-times", test_room_for_decoding_times);
    g_test_add_func("/rtp-reader/a-broken-configuration-is-refused", test_a_broken_configuration_is_refused);
    return g_test_run();
}
