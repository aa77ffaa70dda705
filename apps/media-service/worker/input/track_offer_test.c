/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "track_offer.h"

#include <gst/gst.h>
#include <string.h>

static const struct {
    const char *caps;
    int track; /* -1: neither picture nor sound */
    bool usable;
    const char *codec, *depayloader;
} cases[] = {
    {"video/x-h264,stream-format=avc", TRACK_VIDEO, true, "H.264", NULL},
    {"video/x-h265", TRACK_VIDEO, false, "H.265", NULL},
    {"audio/mpeg,mpegversion=4,rate=44100,channels=1", TRACK_AUDIO, true, "AAC", NULL},
    {"audio/mpeg,mpegversion=1,layer=3", TRACK_AUDIO, false, "MP3", NULL},
    {"audio/x-opus", TRACK_AUDIO, false, "Opus", NULL},
    {"application/x-rtp,media=video,encoding-name=H264,clock-rate=90000", TRACK_VIDEO, true, "H.264",
     "rtph264depay"},
    {"application/x-rtp,media=video,encoding-name=H265", TRACK_VIDEO, false, "H.265", NULL},
    {"application/x-rtp,media=audio,encoding-name=mpeg4-generic,clock-rate=48000", TRACK_AUDIO, true, "AAC",
     "rtpmp4gdepay"},
    {"application/x-rtp,media=audio,encoding-name=MP4A-LATM", TRACK_AUDIO, true, "AAC", "rtpmp4adepay"},
    {"application/x-unknown,media=video,payload=96,clock-rate=90000,encoding-name=H264", TRACK_VIDEO, true,
     "H.264", "rtph264depay"},
    {"application/x-rtp,media=audio,encoding-name=PCMU", TRACK_AUDIO, false, "G.711", NULL},
    {"application/x-rtp,media=audio,encoding-name=X-FANCY", TRACK_AUDIO, false, "X-FANCY", NULL},
    {"application/x-rtp,media=audio", TRACK_AUDIO, false, "without a name", NULL},
    {"application/x-rtp,media=application,encoding-name=VND.ONVIF.METADATA", -1, false, NULL, NULL},
    {"text/x-raw", -1, false, NULL, NULL},
    {"ANY", -1, false, NULL, NULL},
    {"EMPTY", -1, false, NULL, NULL},
};

static void test_offers(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GstCaps) caps = gst_caps_from_string(cases[i].caps);
        struct track_offer offer;

        track_offer_init(&offer, caps);
        g_assert_cmpint(offer.is_media ? (int)offer.track : -1, ==, cases[i].track);
        g_assert_cmpint(offer.usable, ==, cases[i].usable);
        g_assert_cmpstr(offer.depayloader, ==, cases[i].depayloader);
        if (cases[i].codec && !strstr(offer.codec, cases[i].codec))
            g_error("%s: \"%s\" does not say \"%s\"", cases[i].caps, offer.codec, cases[i].codec);
        track_offer_clear(&offer);
    }
}

static void test_format_of_the_sound(void)
{
    g_autoptr(GstCaps) caps = gst_caps_from_string(
        "application/"
        "x-rtp,media=audio,encoding-name=MPEG4-GENERIC,clock-rate=44100,encoding-params=(string)1");
    struct track_offer offer;

    track_offer_init(&offer, caps);
    g_assert_cmpint(offer.rate_hz, ==, 44100);
    g_assert_cmpint(offer.channels, ==, 1);
    track_offer_clear(&offer);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    gst_init(&argc, &argv);
    g_test_add_func("/track-offer/offers", test_offers);
    g_test_add_func("/track-offer/format-of-the-sound", test_format_of_the_sound);
    return g_test_run();
}
