/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RTP in files, for comparing with other programs: packets framed as RFC 4571 has them (two bytes of length),
 * which is what GStreamer's rtpstreampay and rtpstreamdepay write and read.
 *
 *   rtp-tool receive SDP TRACK PACKETS OUT.flv   what a publisher's track becomes
 *   rtp-tool send IN.flv FOLDER                  FOLDER/stream.sdp and FOLDER/0.rtp, 1.rtp of an FLV file */
#include "rtsp/rtp_reader.h"
#include "rtsp/rtp_writer.h"

#include <dubbing_bytes.h>
#include <dubbing_clock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLV_HEADER_BYTES = 9, TAG_HEADER_BYTES = 11, AUDIO_TAG = 8, VIDEO_TAG = 9, DATA_TAG = 18 };
enum { WALL_S = 1700000000, TRACKS = 2 };

static char *read_file(const char *path, gsize *size)
{
    g_autoptr(GError) failure = NULL;
    char *text = NULL;
    if (g_file_get_contents(path, &text, size, &failure))
        return text;
    fprintf(stderr, "%s\n", failure->message);
    exit(1);
}

static void write_file(const char *path, const void *data, gsize size)
{
    g_autoptr(GError) failure = NULL;
    if (g_file_set_contents(path, data, (gssize)size, &failure))
        return;
    fprintf(stderr, "%s\n", failure->message);
    exit(1);
}

static void write_tag(enum media_kind kind, int64_t dts_ns, GBytes *take_payload, void *user)
{
    static const uint8_t types[] = {
        [MEDIA_AUDIO] = AUDIO_TAG, [MEDIA_VIDEO] = VIDEO_TAG, [MEDIA_DATA] = DATA_TAG};
    GByteArray *out = user;
    uint32_t size = (uint32_t)g_bytes_get_size(take_payload), ms = (uint32_t)(dts_ns / DUB_NS_PER_MS);
    dub_write_u8(out, types[kind]);
    dub_write_be24(out, size);
    dub_write_be24(out, ms & 0xffffff);
    dub_write_u8(out, (uint8_t)(ms >> 24));
    dub_write_be24(out, 0);
    dub_write_bytes(out, g_bytes_get_data(take_payload, NULL), size);
    dub_write_be32(out, size + TAG_HEADER_BYTES);
    g_bytes_unref(take_payload);
}

static void feed_packets(struct rtp_reader *reader, unsigned track, const char *packets_path)
{
    gsize size = 0;
    g_autofree char *packets = read_file(packets_path, &size);
    struct dub_reader bytes = dub_reader_on(packets, size);
    while (dub_reader_left(&bytes) > 0) {
        size_t length = dub_read_be16(&bytes);
        const uint8_t *packet = dub_read_bytes(&bytes, length);
        if (packet != NULL)
            rtp_reader_rtp(reader, track, packet, length, 0);
    }
    rtp_reader_flush(reader);
}

static int receive(char **args)
{
    static const uint8_t header[] = {'F', 'L', 'V', 1, 5, 0, 0, 0, FLV_HEADER_BYTES, 0, 0, 0, 0};
    gsize size = 0;
    g_autofree char *text = read_file(args[0], &size);
    g_autoptr(GByteArray) out = g_byte_array_new();
    struct dub_error error = {0};
    struct sdp *sdp = sdp_parse(text, size, &error);
    struct rtp_reader *reader = sdp != NULL ? rtp_reader_new(sdp, write_tag, out, &error) : NULL;
    sdp_free(sdp);
    if (reader == NULL) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    g_byte_array_append(out, header, sizeof header);
    rtp_reader_start(reader);
    feed_packets(reader, (unsigned)atoi(args[1]), args[2]);
    struct rtp_reader_stats stats = rtp_reader_get_stats(reader);
    rtp_reader_free(reader);
    printf("packets=%" G_GUINT64_FORMAT " lost=%" G_GUINT64_FORMAT " malformed=%" G_GUINT64_FORMAT
           " dropped=%" G_GUINT64_FORMAT "\n",
           stats.packets, stats.lost, stats.malformed, stats.dropped_units);
    write_file(args[3], out->data, out->len);
    return 0;
}

/* NULL at the end. */
static struct media_message *read_tag(struct dub_reader *bytes)
{
    uint8_t type = dub_read_u8(bytes);
    size_t size = dub_read_be24(bytes);
    uint32_t low = dub_read_be24(bytes);
    int64_t ms = (int64_t)((uint32_t)dub_read_u8(bytes) << 24 | low);
    dub_reader_skip(bytes, 3);
    const uint8_t *payload = dub_read_bytes(bytes, size);
    dub_reader_skip(bytes, 4);
    enum media_kind kind = type == AUDIO_TAG ? MEDIA_AUDIO : type == VIDEO_TAG ? MEDIA_VIDEO : MEDIA_DATA;
    return payload == NULL ? NULL : media_message_new(kind, ms * DUB_NS_PER_MS, g_bytes_new(payload, size));
}

/* From '$', channel, length to the length alone. */
static void append_framed(GByteArray *out, GBytes *framed)
{
    gsize size;
    struct dub_reader bytes = dub_reader_on(g_bytes_get_data(framed, NULL), g_bytes_get_size(framed));
    while (dub_reader_left(&bytes) > 0) {
        dub_reader_skip(&bytes, 2);
        size = dub_read_be16(&bytes);
        dub_write_be16(out, (uint16_t)size);
        dub_write_bytes(out, dub_read_bytes(&bytes, size), size);
    }
}

static void write_outputs(const struct rtp_writer *writer, GByteArray **tracks, const char *folder)
{
    g_autofree char *sdp = sdp_write(&(struct sdp_offer){.session_name = "file",
                                                         .address = "127.0.0.1",
                                                         .session_id = 1,
                                                         .tracks = rtp_writer_tracks(writer)});
    g_autofree char *sdp_path = g_build_filename(folder, "stream.sdp", NULL);
    write_file(sdp_path, sdp, strlen(sdp));
    for (unsigned i = 0; i < TRACKS && i < rtp_writer_tracks(writer)->len; i++) {
        g_autofree char *name = g_strdup_printf("%u.rtp", i);
        g_autofree char *path = g_build_filename(folder, name, NULL);
        write_file(path, tracks[i]->data, tracks[i]->len);
    }
}

static int send_all(char **args)
{
    gsize size = 0;
    g_autofree char *flv = read_file(args[0], &size);
    struct dub_reader bytes = dub_reader_on(flv, size);
    GByteArray *tracks[TRACKS] = {g_byte_array_new(), g_byte_array_new()};
    struct rtp_writer *writer = NULL;
    struct media_message *message = NULL;
    struct stream stream;
    stream_init(&stream);
    dub_reader_skip(&bytes, FLV_HEADER_BYTES + 4);
    while ((message = read_tag(&bytes)) != NULL) {
        const struct rtp_packets *packets = NULL;
        stream_observe(&stream, message);
        if (writer == NULL && stream.ready)
            writer = rtp_writer_new(&stream, WALL_S * DUB_NS_PER_S, NULL);
        if (writer != NULL)
            packets = rtp_writer_packets(writer, message);
        if (packets != NULL)
            append_framed(tracks[packets->track], packets->framed);
        media_message_unref(message);
    }
    if (writer != NULL)
        write_outputs(writer, tracks, args[1]);
    stream_clear(&stream);
    bool fine = writer != NULL;
    rtp_writer_free(writer);
    g_byte_array_unref(tracks[0]);
    g_byte_array_unref(tracks[1]);
    return fine ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "receive") == 0)
        return receive(argv + 2);
    if (argc == 4 && strcmp(argv[1], "send") == 0)
        return send_all(argv + 2);
    fprintf(stderr, "usage: %s receive SDP TRACK PACKETS OUT.flv | send IN.flv FOLDER\n", argv[0]);
    return 2;
}
