/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtp_writer.h"

#include "rtp_aac.h"
#include "rtp_h264.h"

#include <string.h>

enum { MAX_TRACKS = 2, FIRST_PAYLOAD_TYPE = 96, VIDEO_CLOCK_HZ = 90000, AAC_TAG_HEADER_BYTES = 2 };

/* One RTP source. */
struct source {
    enum media_kind kind;
    struct sdp_track *track; /* in writer->tracks */
    uint32_t ssrc;
    uint16_t next_sequence;
    uint32_t first_time; /* of media time 0 */
    uint32_t packets, bytes;
    int64_t last_ns; /* media time of what was sent last */
};

struct rtp_writer {
    GPtrArray *tracks; /* struct sdp_track * */
    struct source sources[MAX_TRACKS];
    struct rtp_h264_writer h264;
    int64_t wall_ahead_ns; /* wall time less media time */
    char *cname;
    bool is_stale;
};

static void free_track(gpointer track)
{
    sdp_track_free(track);
}

static const uint8_t *payload_of(const struct media_message *message, gsize *size)
{
    *size = message->size;
    return message->data;
}

static void add_parameter_set(GBytes *nal, void *user)
{
    g_ptr_array_add(user, g_bytes_ref(nal));
}

static bool read_video_config(struct rtp_writer *writer, const struct media_message *message,
                              struct sdp_track *track)
{
    gsize size;
    const uint8_t *body = payload_of(message, &size);
    struct flv_tag tag;
    if (!flv_parse_video(body, size, &tag) || tag.codec != FLV_CODEC_H264 ||
        !rtp_h264_writer_config(&writer->h264, body, size))
        return false;
    g_ptr_array_set_size(track->parameter_sets, 0);
    h264_parameters_for_each(&writer->h264.parameters, add_parameter_set, track->parameter_sets);
    return true;
}

static bool read_audio_config(const struct media_message *message, struct sdp_track *track)
{
    gsize size;
    const uint8_t *body = payload_of(message, &size);
    struct flv_tag tag;
    struct aac_config config;
    if (!flv_parse_audio(body, size, &tag) || tag.codec != FLV_CODEC_AAC || size <= AAC_TAG_HEADER_BYTES)
        return false;
    g_autoptr(GBytes) asc = g_bytes_new(body + AAC_TAG_HEADER_BYTES, size - AAC_TAG_HEADER_BYTES);
    if (!aac_config_parse_bytes(asc, &config))
        return false;
    track->config = g_steal_pointer(&asc);
    track->clock_rate_hz = config.sample_rate_hz;
    track->channels = MAX(config.channels, 1);
    track->aac = (struct sdp_aac){.size_bits = RTP_AAC_SIZE_BITS,
                                  .index_bits = RTP_AAC_INDEX_BITS,
                                  .index_delta_bits = RTP_AAC_INDEX_BITS};
    return true;
}

/* Takes the track. */
static void add_source(struct rtp_writer *writer, struct sdp_track *track, int64_t media_ns)
{
    unsigned index = writer->tracks->len;
    track->used = true;
    track->payload_type = (uint8_t)(FIRST_PAYLOAD_TYPE + index);
    track->control = g_strdup_printf("trackID=%u", index);
    g_ptr_array_add(writer->tracks, track);
    writer->sources[index] = (struct source){.kind = track->kind,
                                             .track = track,
                                             .ssrc = g_random_int(),
                                             .next_sequence = (uint16_t)g_random_int(),
                                             .first_time = g_random_int(),
                                             .last_ns = media_ns};
}

static void add_video(struct rtp_writer *writer, const struct stream *stream, int64_t media_ns)
{
    const struct media_message *config = stream->config[MEDIA_VIDEO];
    struct sdp_track *track = sdp_track_new(MEDIA_VIDEO, SDP_CODEC_H264);
    track->clock_rate_hz = VIDEO_CLOCK_HZ;
    if (config != NULL && read_video_config(writer, config, track))
        add_source(writer, track, media_ns);
    else
        sdp_track_free(track);
}

static void add_audio(struct rtp_writer *writer, const struct stream *stream, int64_t media_ns)
{
    const struct media_message *config = stream->config[MEDIA_AUDIO];
    struct sdp_track *track = sdp_track_new(MEDIA_AUDIO, SDP_CODEC_AAC);
    if (config != NULL && read_audio_config(config, track))
        add_source(writer, track, media_ns);
    else
        sdp_track_free(track);
}

/* About where the stream is now. */
static int64_t media_time(const struct stream *stream)
{
    if (stream->gop->len == 0)
        return stream->first_dts_ns;
    const struct media_message *last = stream->gop->pdata[stream->gop->len - 1];
    return last->dts_ns;
}

struct rtp_writer *rtp_writer_new(const struct stream *stream, int64_t wall_ns, struct dub_error *error)
{
    struct rtp_writer *writer = g_new0(struct rtp_writer, 1);
    int64_t media_ns = media_time(stream);
    writer->tracks = g_ptr_array_new_with_free_func(free_track);
    writer->wall_ahead_ns = wall_ns - media_ns;
    writer->cname = g_strdup_printf("media-router-%08x%08x", g_random_int(), g_random_int());
    rtp_h264_writer_init(&writer->h264);
    add_video(writer, stream, media_ns);
    add_audio(writer, stream, media_ns);
    if (writer->tracks->len > 0)
        return writer;
    dub_error_set(error, DUB_ERROR_UNSUPPORTED,
                  "the stream has no track that RTSP can carry here (video: %s, audio: "
                  "%s); it has to be H.264 or AAC",
                  flv_codec_name(stream->video.codec), flv_codec_name(stream->audio.codec));
    rtp_writer_free(writer);
    return NULL;
}

void rtp_writer_free(struct rtp_writer *writer)
{
    if (writer == NULL)
        return;
    rtp_h264_writer_clear(&writer->h264);
    g_ptr_array_unref(writer->tracks);
    g_free(writer->cname);
    g_free(writer);
}

GPtrArray *rtp_writer_tracks(const struct rtp_writer *writer)
{
    return writer->tracks;
}

bool rtp_writer_is_stale(const struct rtp_writer *writer)
{
    return writer->is_stale;
}

/* NULL for a kind that is not offered. */
static struct source *find_source(struct rtp_writer *writer, enum media_kind kind)
{
    for (unsigned i = 0; i < writer->tracks->len; i++)
        if (writer->sources[i].kind == kind)
            return &writer->sources[i];
    return NULL;
}

/* New parameter sets go in-band with the next key frame. Another AudioSpecificConfig has nowhere to go. */
static void take_config(struct rtp_writer *writer, struct source *source, const struct media_message *message)
{
    gsize size, offered;
    if (source->kind == MEDIA_VIDEO) {
        read_video_config(writer, message, source->track);
        return;
    }
    const uint8_t *body = payload_of(message, &size);
    const void *config = g_bytes_get_data(source->track->config, &offered);
    writer->is_stale = size != offered + AAC_TAG_HEADER_BYTES || body[0] >> 4 != 10 ||
                       memcmp(body + AAC_TAG_HEADER_BYTES, config, offered) != 0;
}

static uint32_t rtp_time(const struct source *source, int64_t media_ns)
{
    return source->first_time + (uint32_t)rtp_ns_to_ticks(media_ns, source->track->clock_rate_hz);
}

static void write_packets(struct rtp_writer *writer, const struct source *source,
                          struct media_message *message, struct rtp_framer *framer)
{
    gsize size;
    const uint8_t *body = payload_of(message, &size);
    struct flv_tag tag;
    if (source->kind == MEDIA_VIDEO) {
        if (flv_parse_video(body, size, &tag) && tag.codec == FLV_CODEC_H264)
            rtp_h264_writer_picture(&writer->h264, body, size, message->is_key, framer);
    } else if (!writer->is_stale && size > AAC_TAG_HEADER_BYTES && flv_parse_audio(body, size, &tag) &&
               tag.codec == FLV_CODEC_AAC) {
        rtp_aac_write(framer, body + AAC_TAG_HEADER_BYTES, size - AAC_TAG_HEADER_BYTES);
    }
}

static int64_t presentation_time(const struct media_message *message)
{
    gsize size;
    const uint8_t *body = payload_of(message, &size);
    int64_t composition_ms = message->kind == MEDIA_VIDEO ? rtp_h264_composition_ms(body, size) : 0;
    return message->dts_ns + composition_ms * 1000000;
}

static void free_packets(gpointer data)
{
    struct rtp_packets *packets = data;
    g_bytes_unref(packets->framed);
    g_free(packets);
}

/* NULL when there is nothing to send. */
static struct rtp_packets *packetize(struct rtp_writer *writer, struct source *source,
                                     struct media_message *message)
{
    enum { ROOM_PER_PACKET = 32 };
    gsize bytes = message->size;
    unsigned track = (unsigned)(source - writer->sources);
    int64_t pts_ns = presentation_time(message);
    struct rtp_framer framer = {
        .out = g_byte_array_sized_new((guint)(bytes + (bytes / RTP_WRITER_MTU + 4) * ROOM_PER_PACKET)),
        .channel = (uint8_t)(2 * track),
        .header = {.payload_type = source->track->payload_type,
                   .sequence = source->next_sequence,
                   .timestamp = rtp_time(source, pts_ns),
                   .ssrc = source->ssrc},
    };
    write_packets(writer, source, message, &framer);
    GBytes *framed = g_byte_array_free_to_bytes(framer.out);
    if (framer.count == 0) {
        g_bytes_unref(framed);
        return NULL;
    }
    struct rtp_packets *packets = g_new0(struct rtp_packets, 1);
    *packets = (struct rtp_packets){.framed = framed,
                                    .track = track,
                                    .count = framer.count,
                                    .writer_ssrc = source->ssrc,
                                    .first_sequence = source->next_sequence,
                                    .rtp_time = framer.header.timestamp,
                                    .pts_ns = pts_ns};
    source->next_sequence = framer.header.sequence;
    source->packets += framer.count;
    source->bytes += (uint32_t)framer.payload_bytes;
    source->last_ns = pts_ns;
    return packets;
}

const struct rtp_packets *rtp_writer_packets(struct rtp_writer *writer, struct media_message *message)
{
    struct source *source = find_source(writer, message->kind);
    if (source == NULL)
        return NULL;
    if (message->is_config) {
        take_config(writer, source, message);
        return NULL;
    }
    struct rtp_packets *packets = message->rendition;
    if (packets != NULL && packets->writer_ssrc == source->ssrc)
        return packets;
    packets = packetize(writer, source, message);
    media_message_set_rendition(message, packets, packets != NULL ? g_bytes_get_size(packets->framed) : 0,
                                free_packets);
    return packets;
}

GBytes *rtp_packets_for_channel(const struct rtp_packets *packets, uint8_t channel)
{
    gsize size;
    const uint8_t *framed = g_bytes_get_data(packets->framed, &size);
    if (framed[1] == channel)
        return g_bytes_ref(packets->framed);
    uint8_t *copy = g_memdup2(framed, size);
    for (gsize at = 0; at < size; at += RTP_FRAME_HEADER_BYTES + ((gsize)copy[at + 2] << 8 | copy[at + 3]))
        copy[at + 1] = channel;
    return g_bytes_new_take(copy, size);
}

bool rtp_writer_report(const struct rtp_writer *writer, unsigned track, GByteArray *out)
{
    if (track >= writer->tracks->len)
        return false;
    const struct source *source = &writer->sources[track];
    struct rtcp_sender_report report = {.ssrc = source->ssrc,
                                        .ntp = rtcp_ntp_from_unix_ns(source->last_ns + writer->wall_ahead_ns),
                                        .timestamp = rtp_time(source, source->last_ns),
                                        .packets = source->packets,
                                        .bytes = source->bytes};
    rtcp_write_sender_report(out, &report, writer->cname);
    return true;
}

/* A compound packet has to begin with a report. */
void rtp_writer_bye(const struct rtp_writer *writer, unsigned track, GByteArray *out)
{
    if (rtp_writer_report(writer, track, out))
        rtcp_write_bye(out, writer->sources[track].ssrc);
}
