/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sdp_format.h"

#include "h264_sps.h"

#include <string.h>

enum { MAX_CONFIG_BYTES = 1024, MAX_FIELD_BITS = 32, MAX_ENCODING = 32, MAX_PARAMETER_SETS = 64 };
enum { MIN_CLOCK_HZ = 1000, MAX_CLOCK_HZ = 1000000 };

/* RFC 3551 section 6, those that still come up. */
static const struct {
    uint8_t type;
    const char *encoding;
    uint32_t clock_rate_hz;
} static_types[] = {
    {0, "PCMU", 8000},  {3, "GSM", 8000},   {8, "PCMA", 8000},   {9, "G722", 8000},  {10, "L16", 44100},
    {11, "L16", 44100}, {14, "MPA", 90000}, {26, "JPEG", 90000}, {32, "MPV", 90000}, {33, "MP2T", 90000},
};

static void read_static_type(struct sdp_track *track)
{
    for (size_t i = 0; i < G_N_ELEMENTS(static_types); i++) {
        if (static_types[i].type != track->payload_type)
            continue;
        track->encoding = g_strdup(static_types[i].encoding);
        track->clock_rate_hz = static_types[i].clock_rate_hz;
        return;
    }
    track->encoding = g_strdup("unknown");
}

/* "H264/90000", "mpeg4-generic/48000/2". */
static bool read_rtpmap(struct sdp_track *track, const char *rtpmap)
{
    g_auto(GStrv) parts = g_strsplit(rtpmap, "/", 3);
    guint64 rate, channels = 1;
    if (parts[0] == NULL || parts[1] == NULL || *parts[0] == '\0')
        return false;
    if (!g_ascii_string_to_unsigned(g_strstrip(parts[1]), 10, 1, G_MAXUINT32, &rate, NULL))
        return false;
    if (parts[2] != NULL && !g_ascii_string_to_unsigned(g_strstrip(parts[2]), 10, 1, 255, &channels, NULL))
        channels = 1;
    g_free(track->encoding);
    track->encoding = g_strndup(parts[0], MAX_ENCODING);
    g_strcanon(track->encoding, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_.+", '_');
    track->clock_rate_hz = (uint32_t)rate;
    track->channels = (unsigned)channels;
    return true;
}

/* The value of a parameter, NULL when it is not there; names are compared without case. The caller frees it.
 */
static char *find_parameter(const char *fmtp, const char *name)
{
    g_auto(GStrv) parts = g_strsplit(fmtp != NULL ? fmtp : "", ";", -1);
    for (unsigned i = 0; parts[i] != NULL; i++) {
        char *equals = strchr(parts[i], '=');
        if (equals == NULL)
            continue;
        *equals = '\0';
        if (g_ascii_strcasecmp(g_strstrip(parts[i]), name) == 0)
            return g_strstrip(g_strdup(equals + 1));
    }
    return NULL;
}

/* fallback when it is not there; false when it is no number up to max. */
static bool read_number(const char *fmtp, const char *name, unsigned fallback, unsigned max, unsigned *value,
                        struct dub_error *error)
{
    g_autofree char *text = find_parameter(fmtp, name);
    guint64 number = fallback;
    if (text != NULL && !g_ascii_string_to_unsigned(text, 10, 0, max, &number, NULL))
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "SDP: %s=%.40s is not a number from 0 to %u", name,
                             text, max);
    *value = (unsigned)number;
    return true;
}

static void add_parameter_sets(struct sdp_track *track, const char *list)
{
    g_auto(GStrv) sets = g_strsplit(list, ",", MAX_PARAMETER_SETS + 1);
    for (unsigned i = 0; i < MAX_PARAMETER_SETS && sets[i] != NULL; i++) {
        gsize size = 0;
        guchar *bytes = g_base64_decode(sets[i], &size);
        if (size > 0 && size <= H264_MAX_PARAMETER_SET_BYTES)
            g_ptr_array_add(track->parameter_sets, g_bytes_new(bytes, size));
        g_free(bytes);
    }
}

static bool read_h264(struct sdp_track *track, const char *fmtp, struct dub_error *error)
{
    g_autofree char *sets = find_parameter(fmtp, "sprop-parameter-sets");
    unsigned mode = 0;
    if (!read_number(fmtp, "packetization-mode", 0, 2, &mode, error))
        return false;
    if (mode == 2)
        return dub_error_set(error, DUB_ERROR_UNSUPPORTED,
                             "SDP: H.264 with packetization-mode=2 (interleaved) cannot "
                             "be received; publish with packetization-mode=1");
    if (sets != NULL)
        add_parameter_sets(track, sets);
    track->codec = SDP_CODEC_H264;
    return true;
}

static GBytes *decode_hex(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length % 2 != 0 || length / 2 > MAX_CONFIG_BYTES)
        return NULL;
    uint8_t bytes[MAX_CONFIG_BYTES] = {0};
    for (size_t i = 0; i < length; i++) {
        int digit = g_ascii_xdigit_value(text[i]);
        if (digit < 0)
            return NULL;
        bytes[i / 2] = (uint8_t)(bytes[i / 2] << 4 | digit);
    }
    return g_bytes_new(bytes, length / 2);
}

static bool read_config(struct sdp_track *track, const char *fmtp, struct dub_error *error)
{
    g_autofree char *text = find_parameter(fmtp, "config");
    if (text == NULL)
        return dub_error_set(error, DUB_ERROR_PROTOCOL,
                             "SDP: the fmtp of %s has no config=", track->encoding);
    /* Some put it in quotes. */
    g_autofree char *plain = g_strdup(text + (*text == '"'));
    plain[strcspn(plain, "\"")] = '\0';
    track->config = decode_hex(plain);
    if (track->config == NULL)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "SDP: config=%.40s of %s is not hexadecimal", text,
                             track->encoding);
    return true;
}

/* The lengths that a mode stands for, where they are not written out (RFC 3640 sections 3.3.5 and 3.3.6). */
static bool read_generic(struct sdp_track *track, const char *fmtp, struct dub_error *error)
{
    g_autofree char *mode = find_parameter(fmtp, "mode");
    bool is_hbr = mode != NULL && g_ascii_strcasecmp(mode, "AAC-hbr") == 0;
    bool is_lbr = mode != NULL && g_ascii_strcasecmp(mode, "AAC-lbr") == 0;
    if (mode != NULL && !is_hbr && !is_lbr && g_ascii_strcasecmp(mode, "generic") != 0)
        return true; /* CELP and the like */
    struct sdp_aac *aac = &track->aac;
    unsigned size_bits = is_hbr ? 13 : is_lbr ? 6 : 0, index_bits = is_hbr ? 3 : is_lbr ? 2 : 0, flag = 0;
    if (!read_number(fmtp, "sizelength", size_bits, MAX_FIELD_BITS, &aac->size_bits, error) ||
        !read_number(fmtp, "indexlength", index_bits, MAX_FIELD_BITS, &aac->index_bits, error) ||
        !read_number(fmtp, "indexdeltalength", index_bits, MAX_FIELD_BITS, &aac->index_delta_bits, error) ||
        !read_number(fmtp, "ctsdeltalength", 0, MAX_FIELD_BITS, &aac->cts_bits, error) ||
        !read_number(fmtp, "dtsdeltalength", 0, MAX_FIELD_BITS, &aac->dts_bits, error) ||
        !read_number(fmtp, "streamstateindication", 0, MAX_FIELD_BITS, &aac->state_bits, error) ||
        !read_number(fmtp, "auxiliarydatasizelength", 0, MAX_FIELD_BITS, &aac->auxiliary_size_bits, error) ||
        !read_number(fmtp, "randomaccessindication", 0, 1, &flag, error) ||
        !read_number(fmtp, "constantsize", 0, G_MAXUINT16, &aac->constant_size, error))
        return false;
    aac->random_access = flag == 1;
    if (aac->size_bits == 0 && aac->constant_size == 0)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "SDP: the fmtp of mpeg4-generic has no sizelength=");
    track->codec = SDP_CODEC_AAC;
    return read_config(track, fmtp, error);
}

static bool read_latm(struct sdp_track *track, const char *fmtp, struct dub_error *error)
{
    unsigned in_band = 1;
    if (!read_number(fmtp, "cpresent", 1, 1, &in_band, error))
        return false;
    track->codec = SDP_CODEC_LATM;
    track->latm_config_in_band = in_band == 1;
    return in_band == 1 || read_config(track, fmtp, error);
}

bool sdp_format_read(struct sdp_track *track, const char *rtpmap, const char *fmtp, struct dub_error *error)
{
    static const struct {
        enum media_kind kind;
        const char *encoding;
        bool (*read)(struct sdp_track *track, const char *fmtp, struct dub_error *error);
    } formats[] = {
        {MEDIA_VIDEO, "H264", read_h264},
        {MEDIA_AUDIO, "mpeg4-generic", read_generic},
        {MEDIA_AUDIO, "MP4A-LATM", read_latm},
    };
    read_static_type(track);
    if (rtpmap != NULL && !read_rtpmap(track, rtpmap))
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "SDP: \"%.60s\" is not of the form encoding/rate",
                             rtpmap);
    if (track->clock_rate_hz < MIN_CLOCK_HZ || track->clock_rate_hz > MAX_CLOCK_HZ)
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        if (track->kind == formats[i].kind && g_ascii_strcasecmp(track->encoding, formats[i].encoding) == 0)
            return formats[i].read(track, fmtp, error);
    return true;
}

static void write_h264(const struct sdp_track *track, GString *out)
{
    g_string_append_printf(out, "a=rtpmap:%u H264/%u\r\na=fmtp:%u packetization-mode=1", track->payload_type,
                           track->clock_rate_hz, track->payload_type);
    for (guint i = 0; i < track->parameter_sets->len; i++) {
        gsize size;
        const guchar *set = g_bytes_get_data(track->parameter_sets->pdata[i], &size);
        g_autofree char *text = g_base64_encode(set, size);
        if (i == 0 && size > 3)
            g_string_append_printf(out, ";profile-level-id=%02X%02X%02X", set[1], set[2], set[3]);
        g_string_append_printf(out, "%s%s", i == 0 ? ";sprop-parameter-sets=" : ",", text);
    }
    g_string_append(out, "\r\n");
}

static void write_aac(const struct sdp_track *track, GString *out)
{
    gsize size;
    const uint8_t *config = g_bytes_get_data(track->config, &size);
    g_string_append_printf(out,
                           "a=rtpmap:%u mpeg4-generic/%u/%u\r\na=fmtp:%u streamtype=5;profile-level-id=1;"
                           "mode=AAC-hbr;sizelength=%u;indexlength=%u;indexdeltalength=%u;config=",
                           track->payload_type, track->clock_rate_hz, track->channels, track->payload_type,
                           track->aac.size_bits, track->aac.index_bits, track->aac.index_delta_bits);
    for (gsize i = 0; i < size; i++)
        g_string_append_printf(out, "%02x", config[i]);
    g_string_append(out, "\r\n");
}

void sdp_format_write(const struct sdp_track *track, GString *out)
{
    if (track->codec == SDP_CODEC_H264)
        write_h264(track, out);
    else if (track->codec == SDP_CODEC_AAC)
        write_aac(track, out);
}
