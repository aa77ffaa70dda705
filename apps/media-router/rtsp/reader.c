/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reader.h"

#include "rtp_packet.h"

#include <dubbing_clock.h>
#include <string.h>

#define REPORT_INTERVAL_NS (5 * DUB_NS_PER_S) /* RFC 3550 section 6.2 */

void rtsp_reader_init(struct rtsp_reader *reader, const struct router_reader_ops *ops, guint max_messages)
{
    memset(reader, 0, sizeof *reader);
    reader->reader.ops = ops;
    media_queue_init(&reader->queue, max_messages);
}

void rtsp_reader_clear(struct rtsp_reader *reader)
{
    media_queue_clear(&reader->queue);
    g_clear_pointer(&reader->source, rtsp_source_unref);
}

bool rtsp_reader_attach(struct rtsp_reader *reader, GHashTable *sources, struct router *router,
                        const struct rtsp_target *target, const char *id, const struct rtsp_track *tracks,
                        struct dub_error *error)
{
    struct rtsp_source *source = rtsp_source_get(sources, router, target->path, error);
    if (source == NULL)
        return false;
    reader->reader.id = (char *)id;
    if (!router_read(router, target->path, &reader->reader, error)) {
        rtsp_source_unref(source);
        return false;
    }
    g_clear_pointer(&reader->source, rtsp_source_unref);
    reader->source = source;
    reader->tracks = tracks;
    reader->n_tracks = MIN(rtp_writer_tracks(source->writer)->len, RTSP_MAX_TRACKS);
    memset(reader->has_sent, 0, sizeof reader->has_sent);
    return true;
}

void rtsp_reader_detach(struct rtsp_reader *reader, struct router *router)
{
    router_unread(router, &reader->reader);
    reader->is_playing = false;
    media_queue_clear(&reader->queue);
    g_clear_pointer(&reader->source, rtsp_source_unref);
}

static const struct rtp_packets *packets_of(struct rtsp_reader *reader, struct media_message *message)
{
    const struct rtp_packets *packets = rtp_writer_packets(reader->source->writer, message);
    return packets != NULL && packets->track < reader->n_tracks && reader->tracks[packets->track].is_set_up
               ? packets
               : NULL;
}

static bool was_sent(const struct rtsp_reader *reader, const struct media_message *message)
{
    return reader->has_sent[message->kind] && message->dts_ns <= reader->last_dts_ns[message->kind];
}

void rtsp_reader_message(struct rtsp_reader *reader, struct media_message *message, bool is_backlog)
{
    if (!reader->is_playing || reader->problem != NULL)
        return;
    if (rtp_writer_packets(reader->source->writer, message) == NULL) {
        if (rtp_writer_is_stale(reader->source->writer))
            reader->problem = "the stream has another format now, which its description did not say";
        return;
    }
    if (is_backlog && was_sent(reader, message))
        return;
    if (is_backlog)
        media_queue_push_backlog(&reader->queue, message);
    else if (media_queue_push(&reader->queue, message, stream_has_video(&reader->reader.path->stream)) ==
             MEDIA_QUEUE_TOO_SLOW)
        reader->problem = "the reader is too slow";
}

/* The first message of each track that waits, and when the earliest of them is shown. */
static int64_t find_first(struct rtsp_reader *reader, struct media_message **first)
{
    int64_t start_ns = INT64_MAX;
    for (guint i = 0; i < reader->queue.length; i++) {
        struct media_message *message = media_queue_peek(&reader->queue, i);
        const struct rtp_packets *packets = packets_of(reader, message);
        if (packets == NULL || first[packets->track] != NULL)
            continue;
        first[packets->track] = message;
        start_ns = MIN(start_ns, packets->pts_ns);
    }
    return start_ns;
}

/* All tracks start at one instant, so that players have sound and picture together before the first report.
 */
static void describe_start(struct rtsp_reader *reader, struct rtsp_start *starts)
{
    struct media_message *first[RTSP_MAX_TRACKS] = {NULL};
    int64_t start_ns = find_first(reader, first);
    for (unsigned i = 0; i < reader->n_tracks; i++) {
        if (first[i] == NULL)
            continue;
        const struct sdp_track *track = rtp_writer_tracks(reader->source->writer)->pdata[i];
        const struct rtp_packets *packets = packets_of(reader, first[i]);
        if (packets == NULL)
            continue;
        int64_t since_start = rtp_ns_to_ticks(packets->pts_ns - start_ns, track->clock_rate_hz);
        starts[i] = (struct rtsp_start){.is_known = true,
                                        .sequence = packets->first_sequence,
                                        .rtp_time = packets->rtp_time - (uint32_t)since_start};
    }
}

void rtsp_reader_play(struct rtsp_reader *reader, struct rtsp_start *starts)
{
    if (reader->reader.path == NULL)
        return; /* its stream has ended meanwhile */
    const struct stream *stream = &reader->reader.path->stream;
    /* A backlog begins with a key frame, or goes on where this reader paused: nothing to wait for. */
    media_queue_begin(&reader->queue, stream_has_video(stream) && stream->gop->len == 0);
    reader->is_playing = true;
    memset(reader->next_report_ns, 0, sizeof reader->next_report_ns);
    router_reader_start(&reader->reader);
    describe_start(reader, starts);
}

void rtsp_reader_pause(struct rtsp_reader *reader)
{
    reader->is_playing = false;
    media_queue_clear(&reader->queue);
}

static void push_rtcp(struct out_queue *out, uint8_t channel, const GByteArray *packet)
{
    GByteArray *framed = g_byte_array_new();
    dub_write_u8(framed, '$');
    dub_write_u8(framed, channel);
    dub_write_be16(framed, (uint16_t)packet->len);
    dub_write_bytes(framed, packet->data, packet->len);
    out_queue_push(out, g_byte_array_free_to_bytes(framed));
}

/* Before a track's first packet, so that players know from the start how the tracks' clocks relate. */
static void report(struct rtsp_reader *reader, unsigned track, struct out_queue *out, int64_t now_ns)
{
    g_autoptr(GByteArray) packet = g_byte_array_new();
    if (now_ns < reader->next_report_ns[track] || !rtp_writer_report(reader->source->writer, track, packet))
        return;
    push_rtcp(out, reader->tracks[track].rtcp_channel, packet);
    reader->next_report_ns[track] = now_ns + REPORT_INTERVAL_NS;
}

static void encode(struct rtsp_reader *reader, struct out_queue *out, struct media_message *message,
                   int64_t now_ns)
{
    const struct rtp_packets *packets = packets_of(reader, message);
    if (packets == NULL)
        return;
    report(reader, packets->track, out, now_ns);
    GBytes *bytes = rtp_packets_for_channel(packets, reader->tracks[packets->track].rtp_channel);
    if (reader->reader.path != NULL)
        reader->reader.path->outbound_bytes += message->size;
    reader->sent_packets += packets->count;
    reader->has_sent[message->kind] = true;
    reader->last_dts_ns[message->kind] = message->dts_ns;
    out_queue_push(out, bytes);
}

void rtsp_reader_encode(struct rtsp_reader *reader, struct out_queue *out, gsize up_to_bytes, int64_t now_ns)
{
    struct media_message *message;
    if (!reader->is_playing || reader->source == NULL)
        return;
    while (out->pending_bytes < up_to_bytes && (message = media_queue_pop(&reader->queue)) != NULL) {
        encode(reader, out, message, now_ns);
        media_message_unref(message);
    }
}

void rtsp_reader_say_bye(struct rtsp_reader *reader, struct out_queue *out)
{
    if (!reader->is_playing || reader->source == NULL)
        return;
    for (unsigned i = 0; i < reader->n_tracks; i++) {
        if (!reader->tracks[i].is_set_up)
            continue;
        g_autoptr(GByteArray) packet = g_byte_array_new();
        rtp_writer_bye(reader->source->writer, i, packet);
        push_rtcp(out, reader->tracks[i].rtcp_channel, packet);
    }
}
