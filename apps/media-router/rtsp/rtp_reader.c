/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtp_reader.h"

#include "rtp_aac.h"
#include "rtp_h264.h"
#include "rtp_timeline.h"

#include <dubbing_amf.h>

/* Sound usually begins some frames before the picture that comes first. */
#define RTP_READER_ROOM_NS (200 * INT64_C(1000000))

/* One of an SDP; with neither depacketizer its packets are ignored. */
struct track {
    uint8_t payload_type;
    struct rtp_h264_reader *h264;
    struct rtp_aac_reader *aac;
    bool has_source;
    uint32_t ssrc;
    struct rtp_sequence sequence;
};

struct rtp_reader {
    struct rtp_sink sink;
    struct rtp_reader_stats stats;
    struct rtp_timeline timeline;
    unsigned count;
    struct track tracks[SDP_MAX_TRACKS];
};

static bool init_track(struct rtp_reader *reader, unsigned index, const struct sdp_track *from,
                       struct dub_error *error)
{
    struct track *track = &reader->tracks[index];
    track->payload_type = from->payload_type;
    rtp_timeline_set_rate(&reader->timeline, index, from->clock_rate_hz);
    if (!from->used)
        return true;
    if (from->codec == SDP_CODEC_H264)
        track->h264 = rtp_h264_reader_new(from->parameter_sets, reader->sink);
    else
        track->aac = rtp_aac_reader_new(from, reader->sink, error);
    return track->h264 != NULL || track->aac != NULL;
}

static void clear_track(struct track *track)
{
    g_clear_pointer(&track->h264, rtp_h264_reader_free);
    g_clear_pointer(&track->aac, rtp_aac_reader_free);
}

struct rtp_reader *rtp_reader_new(const struct sdp *sdp, rtp_reader_media *media, void *user,
                                  struct dub_error *error)
{
    struct rtp_reader *reader = g_new0(struct rtp_reader, 1);
    reader->sink = (struct rtp_sink){.media = media, .user = user, .stats = &reader->stats};
    rtp_timeline_init(&reader->timeline, 0);
    reader->count = MIN(sdp->tracks->len, SDP_MAX_TRACKS);
    for (unsigned i = 0; i < reader->count; i++) {
        if (init_track(reader, i, sdp->tracks->pdata[i], error))
            continue;
        rtp_reader_free(reader);
        return NULL;
    }
    return reader;
}

void rtp_reader_free(struct rtp_reader *reader)
{
    if (reader == NULL)
        return;
    for (unsigned i = 0; i < reader->count; i++)
        clear_track(&reader->tracks[i]);
    g_free(reader);
}

void rtp_reader_drop_track(struct rtp_reader *reader, unsigned track)
{
    if (track < reader->count)
        clear_track(&reader->tracks[track]);
}

static void write_member(GByteArray *out, const char *name, double value)
{
    amf_write_name(out, name);
    amf_write_number(out, value);
}

static void describe_track(const struct track *track, GByteArray *out)
{
    struct aac_config config;
    unsigned width, height;
    if (track->h264 != NULL) {
        write_member(out, "videocodecid", 7);
        if (rtp_h264_reader_get_size(track->h264, &width, &height)) {
            write_member(out, "width", width);
            write_member(out, "height", height);
        }
    }
    if (track->aac == NULL)
        return;
    write_member(out, "audiocodecid", 10);
    if (!rtp_aac_reader_get_config(track->aac, &config))
        return;
    write_member(out, "audiosamplerate", config.sample_rate_hz);
    amf_write_name(out, "stereo");
    amf_write_boolean(out, config.channels > 1);
}

static void emit_metadata(struct rtp_reader *reader)
{
    GByteArray *out = g_byte_array_new();
    amf_write_string(out, "onMetaData");
    amf_write_object_begin(out);
    for (unsigned i = 0; i < reader->count; i++)
        describe_track(&reader->tracks[i], out);
    amf_write_object_end(out);
    reader->sink.media(MEDIA_DATA, 0, g_byte_array_free_to_bytes(out), reader->sink.user);
}

void rtp_reader_start(struct rtp_reader *reader)
{
    int64_t lead_ns = 0;
    emit_metadata(reader);
    for (unsigned i = 0; i < reader->count; i++) {
        struct track *track = &reader->tracks[i];
        if (track->h264 != NULL) {
            lead_ns = MAX(lead_ns, rtp_h264_reader_lead_ns(track->h264));
            rtp_h264_reader_start(track->h264);
        }
        if (track->aac != NULL)
            rtp_aac_reader_start(track->aac);
    }
    /* So that no decoding time is before 0, nor a track that begins before the first one that came. */
    reader->timeline.start_ns = lead_ns + RTP_READER_ROOM_NS;
}

/* NULL for one that is not carried. */
static struct track *find_track(struct rtp_reader *reader, unsigned index)
{
    struct track *track = index < reader->count ? &reader->tracks[index] : NULL;
    return track != NULL && (track->h264 != NULL || track->aac != NULL) ? track : NULL;
}

/* False for a packet that is to be thrown away. */
static bool follow_source(struct rtp_reader *reader, unsigned index, const struct rtp_packet *packet,
                          bool *after_gap)
{
    struct track *track = &reader->tracks[index];
    unsigned lost = 0;
    *after_gap = false;
    if (track->has_source && track->ssrc != packet->ssrc) {
        rtp_timeline_restart(&reader->timeline, index);
        track->sequence = (struct rtp_sequence){0};
        *after_gap = true;
    }
    track->has_source = true;
    track->ssrc = packet->ssrc;
    enum rtp_order order = rtp_sequence_next(&track->sequence, packet->sequence, &lost);
    reader->stats.lost += lost;
    reader->stats.late += order == RTP_LATE;
    *after_gap = *after_gap || order == RTP_AFTER_GAP || order == RTP_RESTART;
    return order != RTP_LATE;
}

void rtp_reader_rtp(struct rtp_reader *reader, unsigned track, const uint8_t *data, gsize size,
                    int64_t now_ns)
{
    struct track *to = find_track(reader, track);
    struct rtp_packet packet;
    bool after_gap;
    if (to == NULL || !rtp_packet_parse(data, size, &packet) || packet.payload_type != to->payload_type) {
        reader->stats.malformed++;
        return;
    }
    if (!follow_source(reader, track, &packet, &after_gap))
        return;
    reader->stats.packets++;
    reader->stats.bytes += size;
    int64_t pts_ns = rtp_timeline_pts(&reader->timeline, track, packet.timestamp, now_ns);
    if (to->h264 != NULL)
        rtp_h264_reader_packet(to->h264, &packet, after_gap, pts_ns);
    else
        rtp_aac_reader_packet(to->aac, &packet, after_gap, pts_ns);
}

void rtp_reader_rtcp(struct rtp_reader *reader, unsigned track, const uint8_t *data, gsize size,
                     int64_t now_ns)
{
    struct rtcp_sender_report report;
    const struct track *to = find_track(reader, track);
    /* Of another source: the one that sent before, or one that will begin. */
    bool is_ours = to != NULL && rtcp_find_sender_report(data, size, &report) &&
                   (!to->has_source || to->ssrc == report.ssrc);
    if (is_ours)
        rtp_timeline_report(&reader->timeline, track, &report);
}

void rtp_reader_flush(struct rtp_reader *reader)
{
    for (unsigned i = 0; i < reader->count; i++)
        if (reader->tracks[i].h264 != NULL)
            rtp_h264_reader_flush(reader->tracks[i].h264);
}

gsize rtp_reader_unfinished_bytes(const struct rtp_reader *reader)
{
    gsize bytes = 0;
    for (unsigned i = 0; i < reader->count; i++)
        if (reader->tracks[i].h264 != NULL)
            bytes += rtp_h264_reader_unfinished_bytes(reader->tracks[i].h264);
    return bytes;
}

struct rtp_reader_stats rtp_reader_get_stats(const struct rtp_reader *reader)
{
    return reader->stats;
}
