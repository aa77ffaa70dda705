/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "track_offer.h"

#include <gst/pbutils/pbutils.h>
#include <string.h>

/* Encoding names of RTP (IANA, RTP payload format media types). */
static const struct {
    const char *encoding;
    const char *codec;
    const char *depayloader; /* NULL: not for us */
} rtp_encodings[] = {
    {"H264", "H.264", "rtph264depay"},        /* RFC 6184 */
    {"MPEG4-GENERIC", "AAC", "rtpmp4gdepay"}, /* RFC 3640 */
    {"MP4A-LATM", "AAC", "rtpmp4adepay"},     /* RFC 6416 */
    {"H265", "H.265 (HEVC)", NULL},
    {"JPEG", "Motion JPEG", NULL},
    {"MP4V-ES", "MPEG-4 video", NULL},
    {"PCMU", "G.711 (PCMU)", NULL},
    {"PCMA", "G.711 (PCMA)", NULL},
    {"OPUS", "Opus", NULL},
    {"MPA", "MPEG audio", NULL},
};

static void read_rtp(struct track_offer *offer, const GstStructure *structure)
{
    const char *media = gst_structure_get_string(structure, "media");
    const char *encoding = gst_structure_get_string(structure, "encoding-name");

    offer->is_media = g_strcmp0(media, "video") == 0 || g_strcmp0(media, "audio") == 0;
    if (!offer->is_media)
        return;
    offer->track = strcmp(media, "video") == 0 ? TRACK_VIDEO : TRACK_AUDIO;
    const char *parameters = gst_structure_get_string(structure, "encoding-params");
    gst_structure_get_int(structure, "clock-rate", &offer->rate_hz);
    offer->channels = parameters ? (int)g_ascii_strtoll(parameters, NULL, 10) : 0;
    for (size_t i = 0; encoding && i < G_N_ELEMENTS(rtp_encodings); i++)
        if (g_ascii_strcasecmp(encoding, rtp_encodings[i].encoding) == 0) {
            offer->codec = g_strdup(rtp_encodings[i].codec);
            offer->depayloader = rtp_encodings[i].depayloader;
        }
    offer->usable = offer->depayloader != NULL;
    if (!offer->codec)
        offer->codec = g_strdup(encoding ? encoding : "a codec without a name");
}

static bool is_aac(const GstStructure *structure)
{
    int version = 0;
    return gst_structure_has_name(structure, "audio/mpeg") &&
           gst_structure_get_int(structure, "mpegversion", &version) && (version == 2 || version == 4);
}

static void read_elementary(struct track_offer *offer, const GstCaps *caps, const GstStructure *structure)
{
    bool is_video = g_str_has_prefix(gst_structure_get_name(structure), "video/");

    offer->is_media = is_video || g_str_has_prefix(gst_structure_get_name(structure), "audio/");
    if (!offer->is_media)
        return;
    offer->track = is_video ? TRACK_VIDEO : TRACK_AUDIO;
    offer->usable = is_video ? gst_structure_has_name(structure, "video/x-h264") : is_aac(structure);
    offer->codec = gst_pb_utils_get_codec_description(caps);
    gst_structure_get_int(structure, "rate", &offer->rate_hz);
    gst_structure_get_int(structure, "channels", &offer->channels);
}

void track_offer_init(struct track_offer *offer, const GstCaps *caps)
{
    *offer = (struct track_offer){0};
    if (gst_caps_is_any(caps) || gst_caps_is_empty(caps))
        return;
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    /* Of a session description that has not been set up yet the element says x-unknown. */
    if (gst_structure_has_name(structure, "application/x-rtp") ||
        gst_structure_has_name(structure, "application/x-unknown"))
        read_rtp(offer, structure);
    else
        read_elementary(offer, caps, structure);
}

void track_offer_clear(struct track_offer *offer)
{
    g_clear_pointer(&offer->codec, g_free);
}
