/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a client sends, with everything allowed: its publication goes through the RTP reader into a stream. */
#include "session.h"

#include "../stream.h"
#include "fuzz_target.h"
#include "rtp_reader.h"

struct sink {
    struct rtsp_session session;
    struct rtp_reader *reader;
    struct stream stream;
};

static void on_media(enum media_kind kind, int64_t dts_ns, GBytes *take_payload, void *user)
{
    struct sink *sink = user;
    struct media_message *message = media_message_new(kind, dts_ns, take_payload);
    stream_observe(&sink->stream, message);
    media_message_unref(message);
}

static bool on_authorize(const struct rtsp_target *target, GPtrArray *challenges, struct dub_error *error,
                         void *user)
{
    return true;
}

static bool on_describe(const struct rtsp_target *target, char **text, struct dub_error *error, void *user)
{
    *text = g_strdup("v=0\r\n");
    return true;
}

static bool on_announce(const struct rtsp_target *target, const struct sdp *sdp, struct dub_error *error,
                        void *user)
{
    struct sink *sink = user;
    sink->reader = rtp_reader_new(sdp, on_media, sink, error);
    return sink->reader != NULL;
}

static bool on_record(struct dub_error *error, void *user)
{
    struct sink *sink = user;
    for (unsigned i = 0; i < sink->session.n_tracks; i++)
        if (!sink->session.tracks[i].is_set_up)
            rtp_reader_drop_track(sink->reader, i);
    rtp_reader_start(sink->reader);
    return true;
}

static bool on_read(const struct rtsp_target *target, unsigned *n_tracks, struct dub_error *error, void *user)
{
    *n_tracks = 2;
    return true;
}

static void on_play(struct rtsp_start *starts, void *user)
{
    starts[0].is_known = true;
}

static void on_pause(void *user)
{
}

static void on_packet(unsigned track, bool is_rtcp, const uint8_t *data, size_t size, void *user)
{
    struct sink *sink = user;
    if (is_rtcp)
        rtp_reader_rtcp(sink->reader, track, data, size, 0);
    else
        rtp_reader_rtp(sink->reader, track, data, size, 0);
}

static void on_ended(void *user)
{
    struct sink *sink = user;
    g_clear_pointer(&sink->reader, rtp_reader_free);
}

static void on_refused(const char *reason, void *user)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rtsp_session_events events = {.authorize = on_authorize,
                                                      .describe = on_describe,
                                                      .announce = on_announce,
                                                      .record = on_record,
                                                      .read = on_read,
                                                      .play = on_play,
                                                      .pause = on_pause,
                                                      .packet = on_packet,
                                                      .ended = on_ended,
                                                      .refused = on_refused};
    struct sink sink = {.reader = NULL};
    stream_init(&sink.stream);
    rtsp_session_init(&sink.session, "fuzz", &events, &sink);
    rtsp_session_receive(&sink.session, data, size, NULL);
    on_ended(&sink);
    rtsp_session_clear(&sink.session);
    stream_clear(&sink.stream);
    return 0;
}
