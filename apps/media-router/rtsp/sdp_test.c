/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sdp.h"

#include "../tests/rtp_rig.h"

#include <string.h>

/* As ffmpeg 5.1 announces an MP4 file. */
#define FFMPEG                                                                                               \
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\na=tool:libavformat\r\n"  \
    "m=video 0 RTP/AVP 96\r\nb=AS:2000\r\na=rtpmap:96 H264/90000\r\n"                                        \
    "a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z2QAHqzZQKAv+XARAAADAAEAAAMAPA8WLZY=,aO+8sA==; "   \
    "profile-level-id=64001E\r\na=control:streamid=0\r\n"                                                    \
    "m=audio 0 RTP/AVP 97\r\nb=AS:128\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\n"                              \
    "a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3; "             \
    "config=119056E500\r\na=control:streamid=1\r\n"
/* As rtspclientsink of GStreamer 1.22. */
#define GSTREAMER                                                                                            \
    "v=0\r\no=- 17 1 IN IP4 127.0.0.1\r\ns=Session streamed with GStreamer\r\ni=rtspclientsink\r\nt=0 0\r\n" \
    "a=tool:GStreamer\r\nm=video 0 RTP/AVP 96\r\nc=IN IP4 127.0.0.1\r\na=rtpmap:96 H264/90000\r\n"           \
    "a=framerate:30\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets=\"\";profile=high\r\n"            \
    "a=control:stream=0\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 MP4A-LATM/48000\r\n"                          \
    "a=fmtp:97 cpresent=0;config=40002320adca00\r\na=control:stream=1\r\n"

static struct sdp *parse(const char *text)
{
    struct dub_error error = {0};
    struct sdp *sdp = sdp_parse(text, strlen(text), &error);
    g_assert_cmpstr(error.message, ==, "");
    g_assert_nonnull(sdp);
    return sdp;
}

static const struct sdp_track *track_at(const struct sdp *sdp, guint index)
{
    g_assert_cmpuint(index, <, sdp->tracks->len);
    return sdp->tracks->pdata[index];
}

static void test_ffmpeg(void)
{
    struct sdp *sdp = parse(FFMPEG);
    const struct sdp_track *video = track_at(sdp, 0), *audio = track_at(sdp, 1);
    g_assert_cmpint(video->kind, ==, MEDIA_VIDEO);
    g_assert_cmpint(video->codec, ==, SDP_CODEC_H264);
    g_assert_true(video->used);
    g_assert_cmpuint(video->payload_type, ==, 96);
    g_assert_cmpuint(video->clock_rate_hz, ==, 90000);
    g_assert_cmpstr(video->control, ==, "streamid=0");
    g_assert_cmpuint(video->parameter_sets->len, ==, 2);
    rtp_rig_assert_bytes(video->parameter_sets->pdata[0], RTP_RIG_SPS);
    rtp_rig_assert_bytes(video->parameter_sets->pdata[1], RTP_RIG_PPS);
    g_assert_cmpint(audio->codec, ==, SDP_CODEC_AAC);
    g_assert_true(audio->used);
    g_assert_cmpuint(audio->clock_rate_hz, ==, 48000);
    g_assert_cmpuint(audio->channels, ==, 2);
    g_assert_cmpuint(audio->aac.size_bits, ==, 13);
    g_assert_cmpuint(audio->aac.index_bits, ==, 3);
    rtp_rig_assert_bytes(audio->config, "119056e500");
    sdp_free(sdp);
}

static void test_gstreamer(void)
{
    struct sdp *sdp = parse(GSTREAMER);
    const struct sdp_track *audio = track_at(sdp, 1);
    g_assert_cmpuint(track_at(sdp, 0)->parameter_sets->len, ==, 0);
    g_assert_cmpint(audio->codec, ==, SDP_CODEC_LATM);
    g_assert_false(audio->latm_config_in_band);
    rtp_rig_assert_bytes(audio->config, "40002320adca00");
    sdp_free(sdp);
}

/* What MediaMTX would carry and we cannot does not keep out the rest. */
static void test_other_tracks_are_set_aside(void)
{
    struct sdp *sdp =
        parse("v=0\nm=video 0 RTP/AVP 96 97\na=rtpmap:96 H265/90000\na=rtpmap:97 H264/90000\n"
              "m=audio 0 RTP/AVP  0 8\nm=application 0 RTP/AVP 107\na=rtpmap:107 vnd.onvif.metadata/90000\n"
              "m=audio 0 RTP/AVP 98\na=rtpmap:98 mpeg4-generic/16000\na=fmtp:98 mode=AAC-lbr;config=1408\n"
              "m=audio 0 RTP/AVP 99\na=rtpmap:99 mpeg4-generic/16000\na=fmtp:99 mode=AAC-hbr;config=1408\n"
              "m=video 0 RTP/SAVP 100\na=rtpmap:100 H264/90000\n"
              "m=audio 0 RTP/AVP 35\nm=audio 0 RTP/AVP 98\na=rtpmap:98 opus/48000/2\n");
    g_autofree char *summary = sdp_summary(sdp);
    g_assert_cmpstr(summary, ==,
                    "H264, PCMU, vnd.onvif.metadata, mpeg4-generic, mpeg4-generic (a second one), RTP/SAVP, "
                    "unknown, opus");
    static const bool used[] = {true, false, false, true, false, false, false, false};
    for (guint i = 0; i < G_N_ELEMENTS(used); i++)
        g_assert_cmpint(track_at(sdp, i)->used, ==, used[i]);
    g_assert_cmpuint(track_at(sdp, 0)->payload_type, ==, 97);
    g_assert_cmpuint(track_at(sdp, 3)->aac.size_bits, ==, 6);
    g_assert_cmpuint(track_at(sdp, 3)->aac.index_delta_bits, ==, 2);
    sdp_free(sdp);
}

static void test_refusals_say_why(void)
{
    static const struct {
        const char *text, *part;
        enum dub_error_code code;
    } cases[] = {
        {"", "no m= line", DUB_ERROR_PROTOCOL},
        {"s=x\nv=0\n", "begin with v=0", DUB_ERROR_PROTOCOL},
        {"v=0\nnonsense\n", "line 2", DUB_ERROR_PROTOCOL},
        {"v=0\nm=video 0\n", "m=video 0", DUB_ERROR_PROTOCOL},
        {"v=0\nm=video 0 RTP/AVP\n", "m=video 0", DUB_ERROR_PROTOCOL},
        {"v=0\nm=video 0 RTP/AVP 128\n", "m=video 0", DUB_ERROR_PROTOCOL},
        {"v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H265/90000\nm=audio 0 RTP/AVP 97\na=rtpmap:97 "
         "opus/48000/2\n",
         "found: H265, opus", DUB_ERROR_UNSUPPORTED},
        {"v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=2\n",
         "packetization-mode=1", DUB_ERROR_UNSUPPORTED},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct dub_error error = {0};
        g_assert_null(sdp_parse(cases[i].text, strlen(cases[i].text), &error));
        g_test_message("%s", error.message);
        g_assert_cmpint(error.code, ==, cases[i].code);
        g_assert_true(strstr(error.message, cases[i].part) != NULL);
    }
}

static void test_limits(void)
{
    struct dub_error error = {0};
    g_autofree char *large = g_strnfill(SDP_MAX_BYTES + 1, 'x');
    g_autoptr(GString) many = g_string_new("v=0\n");
    for (unsigned i = 0; i <= SDP_MAX_TRACKS; i++)
        g_string_append(many, "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n");
    g_assert_null(sdp_parse(large, SDP_MAX_BYTES + 1, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_LIMIT);
    g_assert_null(sdp_parse(many->str, many->len, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_LIMIT);
    g_assert_null(sdp_parse("v=0\nm=\0", 7, &error));
    g_assert_true(strstr(error.message, "zero byte") != NULL);
}

static void expect_track(const char *sdp_text, const char *base, const char *request, int index)
{
    struct sdp *sdp = parse(sdp_text);
    g_test_message("%s", request);
    g_assert_cmpint(sdp_find_track(sdp, base, request), ==, index);
    sdp_free(sdp);
}

static void test_relative_controls(void)
{
    const char *base = "rtsp://127.0.0.1:8554/live/in",
               *query = "rtsp://127.0.0.1:8554/live/in?lang=es&src=en";
    expect_track(FFMPEG, base, "rtsp://127.0.0.1:8554/live/in/streamid=1", 1);
    expect_track(FFMPEG, base, "rtsp://user:pass@other/live/in/streamid=0", 0);
    expect_track(FFMPEG, "rtsp://127.0.0.1:8554/live/in/", "rtsp://127.0.0.1:8554/live/in/streamid=1/", 1);
    expect_track(FFMPEG, base, "rtsp://127.0.0.1:8554/live/in/streamid=2", -1);
    expect_track(FFMPEG, base, "rtsp://127.0.0.1:8554/live/out/streamid=1", -1);
    expect_track(FFMPEG, base, "rtsp://127.0.0.1:8554/live/in", -1);
    expect_track(FFMPEG, query, "rtsp://127.0.0.1:8554/live/in?lang=es&src=en/streamid=1", 1);
    expect_track(FFMPEG, query, "rtsp://127.0.0.1:8554/live/in/streamid=1?lang=es&src=en", 1);
    expect_track(FFMPEG, query, "rtsp://127.0.0.1:8554/live/in/streamid=1", 1);
    expect_track(FFMPEG, "rtsp://h", "rtsp://h/streamid=0", 0);
}

static void test_absolute_controls(void)
{
#define TWO "v=0\na=control:%s\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=control:%s\n"
    g_autofree char *both = g_strdup_printf(TWO, "rtsp://h/aggregate/", "rtsp://h/elsewhere/video");
    g_autofree char *session = g_strdup_printf(TWO, "rtsp://h/aggregate/", "video");
    g_autofree char *rooted = g_strdup_printf(TWO, "*", "/video");
    expect_track(both, "rtsp://h/live/in", "rtsp://h/elsewhere/video", 0);
    expect_track(both, "rtsp://h/live/in", "rtsp://h/live/in/video", -1);
    expect_track(session, "rtsp://h/live/in", "rtsp://h/aggregate/video", 0);
    expect_track(rooted, "rtsp://h/live/in", "rtsp://h/live/in/video", 0);
}

static void test_one_track_without_control(void)
{
    const char *one = "v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n";
    g_autofree char *two = g_strconcat(one, "m=audio 0 RTP/AVP 0\n", NULL);
    expect_track(one, "rtsp://h/live/in", "rtsp://h/live/in/", 0);
    expect_track(two, "rtsp://h/live/in", "rtsp://h/live/in", -1);
}

static void test_written_and_read_again(void)
{
    struct sdp *sdp = parse(FFMPEG);
    const char *expected =
        "v=0\r\no=- 7 1 IN IP6 ::1\r\ns=live  in\r\nc=IN IP6 ::\r\nt=0 0\r\na=control:*\r\n"
        "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
        "a=fmtp:96 packetization-mode=1;profile-level-id=64001E;"
        "sprop-parameter-sets=Z2QAHqzZQKAv+XARAAADAAEAAAMAPA8WLZY=,aO+8sA==\r\na=control:streamid=0\r\n"
        "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/48000/2\r\n"
        "a=fmtp:97 "
        "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;"
        "config=119056e500\r\na=control:streamid=1\r\n";
    g_autofree char *text = sdp_write(&(struct sdp_offer){
        .session_name = "live\r\nin", .address = "::1", .session_id = 7, .tracks = sdp->tracks});
    g_assert_cmpstr(text, ==, expected);
    sdp_free(parse(text));
    g_autofree char *unnamed = sdp_write(&(struct sdp_offer){
        .session_name = "", .address = "10.0.0.1", .session_id = 7, .tracks = sdp->tracks});
    g_assert_true(strstr(unnamed, "\r\ns=-\r\nc=IN IP4 0.0.0.0\r\n") != NULL);
    sdp_free(sdp);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sdp/ffmpeg", test_ffmpeg);
    g_test_add_func("/sdp/gstreamer", test_gstreamer);
    g_test_add_func("/sdp/other-tracks-are-set-aside", test_other_tracks_are_set_aside);
    g_test_add_func("/sdp/refusals-say-why", test_refusals_say_why);
    g_test_add_func("/sdp/limits", test_limits);
    g_test_add_func("/sdp/relative-controls", test_relative_controls);
    g_test_add_func("/sdp/absolute-controls", test_absolute_controls);
    g_test_add_func("/sdp/one-track-without-control", test_one_track_without_control);
    g_test_add_func("/sdp/written-and-read-again", test_written_and_read_again);
    return g_test_run();
}
