/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Session descriptions: what a publisher's ANNOUNCE holds, and what a reader's DESCRIBE gets.
 *
 * Sources: RFC 8866 (SDP), RFC 2326 annex C and RFC 7826 annex D (control attributes), RFC 6184 section 8.2
 * (H.264), RFC 3640 section 4 (mpeg4-generic), RFC 6416 section 7 (MP4A-LATM).
 *
 * Why not libgstsdp: it splits lines into attributes, which are 60 lines here; the values of rtpmap and fmtp,
 * parameter sets, configurations and the control rules, which are the work, it leaves to its caller. The
 * router stays free of GStreamer, and of its start-up time and memory. This parser is fuzzed (sdp_fuzz.c).
 *
 * Pure code, any thread. */
#pragma once

#include "../media.h"

#include <dubbing_error.h>
#include <glib.h>

#define SDP_MAX_BYTES (64u << 10)
#define SDP_MAX_TRACKS 16

enum sdp_codec {
    SDP_CODEC_OTHER, /* anything that the router cannot carry */
    SDP_CODEC_H264,
    SDP_CODEC_AAC,  /* mpeg4-generic, AAC-hbr or AAC-lbr or the lengths written out */
    SDP_CODEC_LATM, /* MP4A-LATM */
};

/* RFC 3640 section 4.1; lengths in bits, 0: the field is absent. */
struct sdp_aac {
    unsigned size_bits, index_bits, index_delta_bits, cts_bits, dts_bits, state_bits, auxiliary_size_bits;
    bool random_access;     /* each AU header has the flag */
    unsigned constant_size; /* bytes of every AU; 0: they vary */
};

struct sdp_track {
    enum media_kind kind; /* MEDIA_DATA: neither audio nor video */
    enum sdp_codec codec;
    /* False: the router does not carry it (another codec, or a second track of its kind). Accept its SETUP
     * and throw its packets away, so that the publisher's other tracks get through, as MediaMTX does for
     * RTMP. */
    bool used;
    char *encoding; /* of rtpmap, "H264"; the static payload type's name, else "unknown" */
    uint8_t payload_type;
    uint32_t clock_rate_hz;    /* not 0 */
    unsigned channels;         /* of rtpmap; 1 when absent */
    char *control;             /* as written; NULL: none */
    GPtrArray *parameter_sets; /* GBytes, SPS and PPS of sprop-parameter-sets; empty: they come in-band */
    GBytes *config; /* AudioSpecificConfig or StreamMuxConfig; NULL: in-band (MP4A-LATM, cpresent=1) */
    struct sdp_aac aac;
    bool latm_config_in_band;
};

struct sdp {
    char *control;     /* of the session; NULL: none. "*" is the aggregate URL itself */
    GPtrArray *tracks; /* struct sdp_track *, in the order of the m= lines */
};

/* NULL with error (DUB_ERROR_PROTOCOL: not readable, says the line; DUB_ERROR_UNSUPPORTED: no track that the
 * router carries, names what was found; DUB_ERROR_LIMIT). */
struct sdp *sdp_parse(const char *text, gsize size, struct dub_error *error);
/* NULL is fine. */
void sdp_free(struct sdp *sdp);

/* "H264, opus": the encodings of all tracks, for logs. The caller frees it. */
char *sdp_summary(const struct sdp *sdp);

/* The index of the track that a SETUP for request_url is about, -1: none. base_url is the URL of ANNOUNCE (or
 * Content-Base). Control attributes may be relative to it, absolute, or absent where there is one track only.
 * Scheme, host and credentials are not compared: they differ behind address translation. */
int sdp_find_track(const struct sdp *sdp, const char *base_url, const char *request_url);

/* What DESCRIBE answers; tracks: see rtp_writer_tracks. */
struct sdp_offer {
    const char *session_name; /* UTF-8; control characters are replaced */
    const char *address;      /* of the server, "127.0.0.1" or "::1" */
    uint64_t session_id;
    GPtrArray *tracks; /* struct sdp_track *, whose control names are used; "*" is the session's */
};

/* The whole text with CRLF lines. */
char *sdp_write(const struct sdp_offer *offer);

struct sdp_track *sdp_track_new(enum media_kind kind, enum sdp_codec codec);
void sdp_track_free(struct sdp_track *track);
