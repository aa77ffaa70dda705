/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sdp_format.h"

#include "../tests/rtp_rig.h"

#include <string.h>

/* The caller's, also where the format is refused. */
static struct sdp_track *new_track(enum media_kind kind)
{
    struct sdp_track *track = sdp_track_new(kind, SDP_CODEC_OTHER);
    track->payload_type = 96;
    return track;
}

static struct sdp_track *read_format(enum media_kind kind, const char *rtpmap, const char *fmtp)
{
    struct sdp_track *track = new_track(kind);
    g_assert_true(sdp_format_read(track, rtpmap, fmtp, NULL));
    return track;
}

static void test_all_lengths(void)
{
    struct sdp_track *track = read_format(
        MEDIA_AUDIO, "MPEG4-generic/24000/1",
        "config=\"1308\" ; SizeLength=9;indexLength=1;indexDeltaLength=2;CTSDeltaLength=3;DTSDeltaLength=4;"
        "randomAccessIndication=1;streamStateIndication=5;auxiliaryDataSizeLength=6;constantSize=7;mode="
        "generic;nothing");
    g_assert_cmpint(track->codec, ==, SDP_CODEC_AAC);
    const struct sdp_aac *aac = &track->aac;
    g_assert_cmpuint(aac->size_bits, ==, 9);
    g_assert_cmpuint(aac->index_bits, ==, 1);
    g_assert_cmpuint(aac->index_delta_bits, ==, 2);
    g_assert_cmpuint(aac->cts_bits, ==, 3);
    g_assert_cmpuint(aac->dts_bits, ==, 4);
    g_assert_true(aac->random_access);
    g_assert_cmpuint(aac->state_bits, ==, 5);
    g_assert_cmpuint(aac->auxiliary_size_bits, ==, 6);
    g_assert_cmpuint(aac->constant_size, ==, 7);
    rtp_rig_assert_bytes(track->config, "1308");
    sdp_track_free(track);
}

static void test_known_codecs_described_wrongly(void)
{
    static const struct {
        enum media_kind kind;
        const char *rtpmap, *fmtp, *part;
    } cases[] = {
        {MEDIA_VIDEO, "H264", NULL, "encoding/rate"},
        {MEDIA_VIDEO, "H264/0", NULL, "encoding/rate"},
        {MEDIA_VIDEO, "/90000", NULL, "encoding/rate"},
        {MEDIA_VIDEO, "H264/90000", "packetization-mode=x", "packetization-mode=x"},
        {MEDIA_AUDIO, "mpeg4-generic/48000", NULL, "sizelength"},
        {MEDIA_AUDIO, "mpeg4-generic/48000", "mode=AAC-hbr", "config="},
        {MEDIA_AUDIO, "mpeg4-generic/48000", "mode=AAC-hbr;config=", "hexadecimal"},
        {MEDIA_AUDIO, "mpeg4-generic/48000", "mode=AAC-hbr;config=119", "hexadecimal"},
        {MEDIA_AUDIO, "mpeg4-generic/48000", "mode=AAC-hbr;config=11zz", "hexadecimal"},
        {MEDIA_AUDIO, "mpeg4-generic/48000", "mode=AAC-hbr;config=1190;sizelength=33", "from 0 to 32"},
        {MEDIA_AUDIO, "MP4A-LATM/48000", "cpresent=0", "config="},
        {MEDIA_AUDIO, "MP4A-LATM/48000", "cpresent=2", "cpresent=2"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct dub_error error = {0};
        struct sdp_track *track = new_track(cases[i].kind);
        g_assert_false(sdp_format_read(track, cases[i].rtpmap, cases[i].fmtp, &error));
        sdp_track_free(track);
        g_test_message("%s", error.message);
        g_assert_true(strstr(error.message, cases[i].part) != NULL);
    }
}

static void test_what_is_not_carried(void)
{
    static const struct {
        enum media_kind kind;
        const char *rtpmap, *fmtp, *encoding;
    } cases[] = {
        {MEDIA_AUDIO, "H264/90000", NULL, "H264"},
        {MEDIA_VIDEO, "H264/999", NULL, "H264"},
        {MEDIA_AUDIO, "mpeg4-generic/8000", "mode=CELP-cbr", "mpeg4-generic"},
        {MEDIA_DATA, "mpeg4-generic/8000", NULL, "mpeg4-generic"},
        {MEDIA_VIDEO, "a\x01\"b/90000", NULL, "a__b"},
        {MEDIA_AUDIO, NULL, NULL, "unknown"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct sdp_track *track = read_format(cases[i].kind, cases[i].rtpmap, cases[i].fmtp);
        g_assert_cmpint(track->codec, ==, SDP_CODEC_OTHER);
        g_assert_cmpstr(track->encoding, ==, cases[i].encoding);
        sdp_track_free(track);
    }
}

static void test_latm_in_band(void)
{
    struct sdp_track *track = read_format(MEDIA_AUDIO, "mp4a-latm/90000/x", NULL);
    g_assert_cmpint(track->codec, ==, SDP_CODEC_LATM);
    g_assert_true(track->latm_config_in_band);
    g_assert_null(track->config);
    g_assert_cmpuint(track->channels, ==, 1);
    sdp_track_free(track);
}

static void test_broken_parameter_sets_are_left_out(void)
{
    struct sdp_track *track =
        read_format(MEDIA_VIDEO, "H264/90000", "sprop-parameter-sets=,!!!!,aO+8sA==;packetization-mode=0");
    g_assert_cmpuint(track->parameter_sets->len, ==, 1);
    sdp_track_free(track);
}

static void test_no_parameter_sets_to_write(void)
{
    struct sdp_track *track = read_format(MEDIA_VIDEO, "H264/90000", NULL);
    g_autoptr(GString) out = g_string_new(NULL);
    sdp_format_write(track, out);
    g_assert_cmpstr(out->str, ==, "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n");
    sdp_track_free(track);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sdp-format/all-lengths", test_all_lengths);
    g_test_add_func("/sdp-format/known-codecs-described-wrongly", test_known_codecs_described_wrongly);
    g_test_add_func("/sdp-format/what-is-not-carried", test_what_is_not_carried);
    g_test_add_func("/sdp-format/latm-in-band", test_latm_in_band);
    g_test_add_func("/sdp-format/broken-parameter-sets-are-left-out",
                    test_broken_parameter_sets_are_left_out);
    g_test_add_func("/sdp-format/no-parameter-sets-to-write", test_no_parameter_sets_to_write);
    return g_test_run();
}
