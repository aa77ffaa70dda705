/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "source_rtsp.h"

#include "../elements.h"
#include "rtp_sync.h"

#include <dubbing_clock.h>
#include <dubbing_decode_times.h>
#include <dubbing_log.h>
#include <gst/rtp/gstrtcpbuffer.h>
#include <gst/rtp/gstrtpbuffer.h>
#include <pthread.h>
#include <string.h>

#define TIMEOUT_US 5000000                   /* for connecting and each answer */
#define PICTURE_NS_GUESS (DUB_NS_PER_S / 30) /* where nothing says the frame rate */
#define SESSIONS_MAX 16                      /* media lines of a session description */
#define SESSION_PREFIX "recv_rtp_src_"
#define BUFFER_MODE_NONE 0                         /* rtspsrc: "only use RTP timestamps" */
#define NO_SYNC_OF_ITS_OWN_NS ((gint64)1)          /* rtspsrc: moves beyond this are not made */
#define NTP_FRACTION ((double)(UINT64_C(1) << 32)) /* RFC 3550 section 4 */

struct source_rtsp {
    /* The picture's streaming thread. */
    struct dub_decode_times times;
    GstCaps *times_caps; /* what they were made for */

    pthread_mutex_t lock; /* guards what follows */
    struct rtp_sync sync;
    int track_of[SESSIONS_MAX]; /* enum track, -1: not used */
};

struct watch {
    struct source_rtsp *rtsp;
    enum track track;
};

static int64_t ntp_to_ns(uint64_t ntp)
{
    return (int64_t)(ntp >> 32) * DUB_NS_PER_S +
           (int64_t)((double)(ntp & G_MAXUINT32) / NTP_FRACTION * (double)DUB_NS_PER_S);
}

/* False when the packet begins with no sender report, or one without a time. */
static bool read_report(GstBuffer *buffer, int64_t *wall_ns)
{
    GstRTCPBuffer rtcp = GST_RTCP_BUFFER_INIT;
    GstRTCPPacket packet;
    guint64 ntp = 0;

    if (!gst_rtcp_buffer_map(buffer, GST_MAP_READ, &rtcp))
        return false;
    if (gst_rtcp_buffer_get_first_packet(&rtcp, &packet) &&
        gst_rtcp_packet_get_type(&packet) == GST_RTCP_TYPE_SR)
        gst_rtcp_packet_sr_get_sender_info(&packet, NULL, &ntp, NULL, NULL, NULL);
    gst_rtcp_buffer_unmap(&rtcp);
    *wall_ns = ntp_to_ns(ntp);
    return ntp != 0;
}

static void on_report(GstElement *jitter_buffer, GstStructure *structure, gpointer data)
{
    struct source_rtsp *rtsp = data;
    unsigned session = GPOINTER_TO_UINT(g_object_get_data(G_OBJECT(jitter_buffer), "session"));
    guint64 base_rtp = 0, base_ns = 0, report_rtp = 0;
    guint rate_hz = 0;
    GstBuffer *report = NULL;
    int64_t wall_ns;

    if (!gst_structure_get(structure, "base-rtptime", G_TYPE_UINT64, &base_rtp, "base-time", G_TYPE_UINT64,
                           &base_ns, "clock-rate", G_TYPE_UINT, &rate_hz, "sr-ext-rtptime", G_TYPE_UINT64,
                           &report_rtp, "sr-buffer", GST_TYPE_BUFFER, &report, NULL))
        return;
    if (rate_hz > 0 && session < SESSIONS_MAX && read_report(report, &wall_ns)) {
        int64_t since_base = (int64_t)(report_rtp - base_rtp);
        int64_t pts_ns = (int64_t)base_ns + (int64_t)((double)since_base * DUB_NS_PER_S / rate_hz);
        pthread_mutex_lock(&rtsp->lock);
        if (rtsp->track_of[session] >= 0)
            rtp_sync_report(&rtsp->sync, rtsp->track_of[session], wall_ns, pts_ns);
        pthread_mutex_unlock(&rtsp->lock);
    }
    gst_clear_buffer(&report);
}

static void on_jitter_buffer(GstElement *manager, GstElement *jitter_buffer, guint session, guint ssrc,
                             gpointer data)
{
    g_object_set_data(G_OBJECT(jitter_buffer), "session", GUINT_TO_POINTER(session));
    g_signal_connect(jitter_buffer, "handle-sync", G_CALLBACK(on_report), data);
}

static void on_manager(GstElement *element, GstElement *manager, gpointer data)
{
    g_signal_connect(manager, "new-jitterbuffer", G_CALLBACK(on_jitter_buffer), data);
}

struct source_rtsp *source_rtsp_new(const char *location, GstElement **element)
{
    struct source_rtsp *rtsp = g_new0(struct source_rtsp, 1);

    pthread_mutex_init(&rtsp->lock, NULL);
    for (int i = 0; i < SESSIONS_MAX; i++)
        rtsp->track_of[i] = -1;
    *element = gst_element_factory_make("rtspsrc", NULL);
    gst_util_set_object_arg(G_OBJECT(*element), "protocols", "tcp");
    g_object_set(*element, "location", location, "latency", 0u, "buffer-mode", BUFFER_MODE_NONE,
                 "max-ts-offset", NO_SYNC_OF_ITS_OWN_NS, "do-retransmission", FALSE, "tcp-timeout",
                 (guint64)TIMEOUT_US, "timeout", (guint64)TIMEOUT_US, NULL);
    g_signal_connect(*element, "new-manager", G_CALLBACK(on_manager), rtsp);
    return rtsp;
}

void source_rtsp_free(struct source_rtsp *rtsp)
{
    if (!rtsp)
        return;
    gst_clear_caps(&rtsp->times_caps);
    pthread_mutex_destroy(&rtsp->lock);
    g_free(rtsp);
}

/* The PTS of the instant that the server's RTP-Info names, from any packet. */
static bool find_start(GstPad *pad, GstBuffer *buffer, int64_t *pts_ns)
{
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    const GstStructure *structure = caps ? gst_caps_get_structure(caps, 0) : NULL;
    GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
    guint start_rtp;
    int rate_hz;

    if (!structure || !gst_structure_get_uint(structure, "clock-base", &start_rtp) ||
        !gst_structure_get_int(structure, "clock-rate", &rate_hz) || rate_hz <= 0 ||
        !GST_CLOCK_TIME_IS_VALID(elements_pts(buffer)) || !gst_rtp_buffer_map(buffer, GST_MAP_READ, &rtp))
        return false;
    int64_t since_start = (int32_t)(gst_rtp_buffer_get_timestamp(&rtp) - start_rtp);
    gst_rtp_buffer_unmap(&rtp);
    *pts_ns = (int64_t)elements_pts(buffer) - since_start * DUB_NS_PER_S / rate_hz;
    return true;
}

/* Until reports tell it better. */
static GstPadProbeReturn on_packet(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    const struct watch *watch = data;
    GstBuffer *buffer = info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST
                            ? gst_buffer_list_get(GST_PAD_PROBE_INFO_BUFFER_LIST(info), 0)
                            : GST_PAD_PROBE_INFO_BUFFER(info);
    int64_t pts_ns;

    if (!find_start(pad, buffer, &pts_ns))
        return GST_PAD_PROBE_REMOVE;
    pthread_mutex_lock(&watch->rtsp->lock);
    rtp_sync_start(&watch->rtsp->sync, watch->track, pts_ns);
    bool is_reported = watch->rtsp->sync.is_reported;
    pthread_mutex_unlock(&watch->rtsp->lock);
    return is_reported ? GST_PAD_PROBE_REMOVE : GST_PAD_PROBE_OK;
}

/* The pad is named after its session in rtpbin: recv_rtp_src_<session>_<ssrc>_<payload type>. */
static void note_session(struct source_rtsp *rtsp, GstPad *pad, enum track track)
{
    g_autofree char *name = gst_pad_get_name(pad);

    if (!g_str_has_prefix(name, SESSION_PREFIX))
        return;
    guint64 session = g_ascii_strtoull(name + strlen(SESSION_PREFIX), NULL, 10);
    pthread_mutex_lock(&rtsp->lock);
    if (session < SESSIONS_MAX)
        rtsp->track_of[session] = (int)track;
    pthread_mutex_unlock(&rtsp->lock);
}

void source_rtsp_watch(struct source_rtsp *rtsp, GstPad *pad, enum track track)
{
    struct watch *watch = g_new0(struct watch, 1);

    watch->rtsp = rtsp;
    watch->track = track;
    note_session(rtsp, pad, track);
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_packet, watch,
                      g_free);
}

static int64_t picture_duration(const GstCaps *caps)
{
    int numerator = 0, denominator = 1;

    gst_structure_get_fraction(gst_caps_get_structure(caps, 0), "framerate", &numerator, &denominator);
    return numerator > 0 ? DUB_NS_PER_S * denominator / numerator : PICTURE_NS_GUESS;
}

static void adapt_times(struct source_rtsp *rtsp, GstCaps *caps)
{
    if (rtsp->times_caps == caps)
        return;
    int depth = elements_h264_reorder(caps);
    if (!rtsp->times_caps || depth != rtsp->times.depth)
        dub_decode_times_init(&rtsp->times, depth, picture_duration(caps));
    gst_caps_replace(&rtsp->times_caps, caps);
}

static GstSample *sample_at(GstSample *sample, int64_t pts_ns, int64_t dts_ns)
{
    GstBuffer *buffer = gst_buffer_copy(gst_sample_get_buffer(sample));

    GST_BUFFER_PTS(buffer) = (GstClockTime)MAX(pts_ns + SOURCE_RTSP_ORIGIN_NS, 0);
    GST_BUFFER_DTS(buffer) = (GstClockTime)MAX(dts_ns + SOURCE_RTSP_ORIGIN_NS, 0);
    GstSample *placed =
        gst_sample_new(buffer, gst_sample_get_caps(sample), gst_sample_get_segment(sample), NULL);
    gst_buffer_unref(buffer);
    return placed;
}

GstSample *source_rtsp_place_video(struct source_rtsp *rtsp, GstSample *sample)
{
    GstBuffer *buffer = gst_sample_get_buffer(sample);

    if (!GST_CLOCK_TIME_IS_VALID(elements_pts(buffer)))
        return gst_sample_ref(sample);
    adapt_times(rtsp, gst_sample_get_caps(sample));
    int64_t pts_ns = (int64_t)elements_pts(buffer);
    return sample_at(sample, pts_ns, dub_decode_times_next(&rtsp->times, pts_ns));
}

GstSample *source_rtsp_place_audio(struct source_rtsp *rtsp, GstSample *sample)
{
    int64_t pts_ns = (int64_t)elements_pts(gst_sample_get_buffer(sample));

    pthread_mutex_lock(&rtsp->lock);
    pts_ns += rtp_sync_shift(&rtsp->sync, pts_ns);
    pthread_mutex_unlock(&rtsp->lock);
    return sample_at(sample, pts_ns, pts_ns);
}
