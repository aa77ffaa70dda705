/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets to messages, and those, and messages of any content, to packets again.
 *
 * The first byte picks the session; then come steps: a byte that says what comes, a byte of size (times
 * sixteen where bit 7 of the first is set), the bytes. */
#include "rtp_reader.h"
#include "rtp_writer.h"

#include "fuzz_target.h"

#include <dubbing_bytes.h>
#include <dubbing_clock.h>
#include <string.h>

#define H264 "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
#define H264_SETS                                                                                            \
    H264 "a=fmtp:96 packetization-mode=1;"                                                                   \
         "sprop-parameter-sets=Z2QAHqzZQKAv+XARAAADAAEAAAMAPA8WLZY=,aO+8sA==\n"
#define AAC "m=audio 0 RTP/AVP 97\na=rtpmap:97 mpeg4-generic/48000/2\na=fmtp:97 config=1190;"
#define LATM "m=audio 0 RTP/AVP 97\na=rtpmap:97 MP4A-LATM/48000/2\na=fmtp:97 "

static const char *const sessions[] = {
    "v=0\n" H264_SETS AAC "mode=AAC-hbr\n",
    "v=0\n" H264 LATM "cpresent=0;config=400023203fc0\n",
    "v=0\n" H264_SETS LATM "cpresent=1\n",
    "v=0\n" H264 AAC
    "mode=generic;sizelength=9;indexlength=2;indexdeltalength=1;ctsdeltalength=7;dtsdeltalength=3;"
    "randomaccessindication=1;streamstateindication=2;auxiliarydatasizelength=8\n",
    "v=0\n" H264_SETS AAC "mode=generic;constantsize=20\n",
};

enum step { STEP_RAW, STEP_VIDEO, STEP_AUDIO, STEP_REPORT, STEP_VIDEO_MESSAGE, STEP_AUDIO_MESSAGE };
enum { STEP_MASK = 7, MARKER = 8, NEXT_TIME = 16, LOSE_ONE = 32, NEW_SOURCE = 64, LARGE = 128 };

struct rig {
    struct stream stream;
    struct rtp_writer *writer;
    int64_t last_dts_ns[3];
    int64_t now_ns;
    uint16_t sequence[2];
    uint32_t timestamp[2], ssrc[2];
};

static void check_packets(const struct rtp_packets *packets)
{
    struct dub_reader bytes =
        dub_reader_on(g_bytes_get_data(packets->framed, NULL), g_bytes_get_size(packets->framed));
    unsigned count = 0;
    for (; dub_reader_left(&bytes) > 0; count++) {
        g_assert_cmpuint(dub_read_u8(&bytes), ==, '$');
        g_assert_cmpuint(dub_read_u8(&bytes), ==, 2 * packets->track);
        uint16_t size = dub_read_be16(&bytes);
        g_assert_cmpuint(size, >, 12);
        g_assert_cmpuint(size, <=, RTP_WRITER_MTU);
        g_assert_true(dub_reader_skip(&bytes, size));
    }
    g_assert_cmpuint(count, ==, packets->count);
}

/* As the router does with a publisher's messages. */
static void publish(struct rig *rig, enum media_kind kind, int64_t dts_ns, GBytes *take_payload)
{
    struct media_message *message = media_message_new(kind, dts_ns, take_payload);
    if (stream_observe(&rig->stream, message)) {
        if (rig->writer == NULL)
            rig->writer = rtp_writer_new(&rig->stream, INT64_C(1700000000) * DUB_NS_PER_S, NULL);
        const struct rtp_packets *packets =
            rig->writer != NULL ? rtp_writer_packets(rig->writer, message) : NULL;
        if (packets != NULL)
            check_packets(packets);
    }
    media_message_unref(message);
}

static void on_media(enum media_kind kind, int64_t dts_ns, GBytes *take_payload, void *user)
{
    struct rig *rig = user;
    g_assert_cmpint(dts_ns, >=, rig->last_dts_ns[kind]);
    g_assert_cmpuint(g_bytes_get_size(take_payload), >=, 2);
    rig->last_dts_ns[kind] = dts_ns;
    publish(rig, kind, dts_ns, take_payload);
}

static void send_packet(struct rig *rig, struct rtp_reader *reader, uint8_t flags, const uint8_t *payload,
                        size_t size)
{
    unsigned track = (flags & STEP_MASK) == STEP_VIDEO ? 0 : 1;
    g_autoptr(GByteArray) packet = g_byte_array_new();
    if (flags & NEXT_TIME)
        rig->timestamp[track] += track == 0 ? 3000 : 1024;
    if (flags & LOSE_ONE)
        rig->sequence[track]++;
    if (flags & NEW_SOURCE)
        rig->ssrc[track]++;
    dub_write_u8(packet, 0x80);
    dub_write_u8(packet, (uint8_t)((flags & MARKER ? 0x80 : 0) | (96 + track)));
    dub_write_be16(packet, rig->sequence[track]++);
    dub_write_be32(packet, rig->timestamp[track]);
    dub_write_be32(packet, rig->ssrc[track]);
    dub_write_bytes(packet, payload, size);
    rtp_reader_rtp(reader, track, packet->data, packet->len, rig->now_ns);
}

static void run_step(struct rig *rig, struct rtp_reader *reader, uint8_t flags, const uint8_t *bytes,
                     size_t size)
{
    rig->now_ns += flags & NEXT_TIME ? 10 * DUB_NS_PER_MS : 0;
    switch (flags & STEP_MASK) {
    case STEP_RAW:
        rtp_reader_rtp(reader, flags & MARKER ? 1 : 0, bytes, size, rig->now_ns);
        break;
    case STEP_VIDEO:
    case STEP_AUDIO:
        send_packet(rig, reader, flags, bytes, size);
        break;
    case STEP_REPORT:
        rtp_reader_rtcp(reader, flags & MARKER ? 1 : 0, bytes, size, rig->now_ns);
        break;
    case STEP_VIDEO_MESSAGE:
        publish(rig, MEDIA_VIDEO, rig->now_ns, g_bytes_new(bytes, size));
        break;
    case STEP_AUDIO_MESSAGE:
        publish(rig, MEDIA_AUDIO, rig->now_ns, g_bytes_new(bytes, size));
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dub_reader steps = dub_reader_on(data, size);
    const char *text = sessions[dub_read_u8(&steps) % G_N_ELEMENTS(sessions)];
    struct rig rig = {0};
    struct dub_error error = {0};
    struct sdp *sdp = sdp_parse(text, strlen(text), &error);
    stream_init(&rig.stream);
    struct rtp_reader *reader = rtp_reader_new(sdp, on_media, &rig, &error);
    rtp_reader_start(reader);
    while (dub_reader_left(&steps) > 0) {
        uint8_t flags = dub_read_u8(&steps);
        size_t length = dub_read_u8(&steps) * (flags & LARGE ? 16u : 1u);
        length = MIN(length, dub_reader_left(&steps));
        const uint8_t *bytes = dub_read_bytes(&steps, length);
        if (bytes != NULL)
            run_step(&rig, reader, flags, bytes, length);
    }
    rtp_reader_flush(reader);
    rtp_reader_free(reader);
    rtp_writer_free(rig.writer);
    stream_clear(&rig.stream);
    sdp_free(sdp);
    return 0;
}
