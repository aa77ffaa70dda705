/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The other side of rtsp_server.py's comparison: a relay of one H.264 and AAC stream made with
 * gst-rtsp-server, as its documentation does it. /in takes a publication, /out gives it to any number of
 * readers.
 *
 *     rtsp-server-gst PORT PUBLICATIONS
 *
 * says "listening on PORT" once it does. /in/1 and so on take further publications, which nobody reads.
 *
 * The publication's access units go from appsinks to the appsrcs of one pipeline that all readers share. */
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/rtsp-server/rtsp-server.h>
#include <stdio.h>
#include <stdlib.h>

enum { VIDEO, AUDIO, TRACKS };

struct relay {
    GMutex lock; /* guards what follows */
    GstAppSrc *to[TRACKS];
    GstCaps *caps[TRACKS];
};

struct track {
    struct relay *relay;
    int number;
};

static struct relay relay;
static struct track tracks[TRACKS] = {{&relay, VIDEO}, {&relay, AUDIO}};

/* The two pipelines have no common base time: the readers' stamps what arrives anew. */
static void push(GstAppSrc *to, GstSample *sample)
{
    GstBuffer *buffer = gst_buffer_copy(gst_sample_get_buffer(sample));
    GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    gst_app_src_push_buffer(to, buffer);
}

static GstFlowReturn on_sample(GstAppSink *sink, gpointer data)
{
    const struct track *track = data;
    GstSample *sample = gst_app_sink_pull_sample(sink);
    g_mutex_lock(&relay.lock);
    gst_caps_replace(&relay.caps[track->number], gst_sample_get_caps(sample));
    GstAppSrc *to = relay.to[track->number] ? gst_object_ref(relay.to[track->number]) : NULL;
    g_mutex_unlock(&relay.lock);
    if (to) {
        push(to, sample);
        gst_object_unref(to);
    }
    gst_sample_unref(sample);
    return GST_FLOW_OK;
}

static void watch_sink(GstElement *bin, const char *name, int track)
{
    GstAppSinkCallbacks callbacks = {.new_sample = on_sample};
    GstElement *sink = gst_bin_get_by_name_recurse_up(GST_BIN(bin), name);
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, &tracks[track], NULL);
    gst_object_unref(sink);
}

static void on_record_media(GstRTSPMediaFactory *factory, GstRTSPMedia *media, gpointer data)
{
    GstElement *bin = gst_rtsp_media_get_element(media);
    watch_sink(bin, "video", VIDEO);
    watch_sink(bin, "audio", AUDIO);
    gst_object_unref(bin);
}

static void connect_source(GstElement *bin, const char *name, int track)
{
    GstElement *source = gst_bin_get_by_name_recurse_up(GST_BIN(bin), name);
    g_mutex_lock(&relay.lock);
    g_object_set(source, "caps", relay.caps[track], NULL);
    gst_object_replace((GstObject **)&relay.to[track], GST_OBJECT(source));
    g_mutex_unlock(&relay.lock);
    gst_object_unref(source);
}

static void on_play_media(GstRTSPMediaFactory *factory, GstRTSPMedia *media, gpointer data)
{
    GstElement *bin = gst_rtsp_media_get_element(media);
    connect_source(bin, "video", VIDEO);
    connect_source(bin, "audio", AUDIO);
    gst_object_unref(bin);
}

static void add_record(GstRTSPMountPoints *mounts)
{
    GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
    gst_rtsp_media_factory_set_launch(
        factory, "( rtph264depay name=depay0 ! h264parse config-interval=-1 ! "
                 "video/x-h264,stream-format=byte-stream,alignment=au ! "
                 "appsink name=video sync=false max-buffers=64 rtpmp4gdepay name=depay1 ! aacparse ! "
                 "appsink name=audio sync=false max-buffers=64 )");
    gst_rtsp_media_factory_set_transport_mode(factory, GST_RTSP_TRANSPORT_MODE_RECORD);
    gst_rtsp_media_factory_set_latency(factory, 0);
    g_signal_connect(factory, "media-configure", G_CALLBACK(on_record_media), NULL);
    gst_rtsp_mount_points_add_factory(mounts, "/in", factory);
}

static void add_unread(GstRTSPMountPoints *mounts, int number)
{
    GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
    g_autofree char *path = g_strdup_printf("/in/%d", number);
    gst_rtsp_media_factory_set_launch(factory, "( rtph264depay name=depay0 ! h264parse ! fakesink sync=false "
                                               "rtpmp4gdepay name=depay1 ! aacparse ! fakesink sync=false )");
    gst_rtsp_media_factory_set_transport_mode(factory, GST_RTSP_TRANSPORT_MODE_RECORD);
    gst_rtsp_media_factory_set_latency(factory, 0);
    gst_rtsp_mount_points_add_factory(mounts, path, factory);
}

static void add_play(GstRTSPMountPoints *mounts)
{
    GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
    gst_rtsp_media_factory_set_launch(
        factory,
        "( appsrc name=video is-live=true format=time do-timestamp=true max-buffers=64 leaky-type=2 ! "
        "h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 "
        "appsrc name=audio is-live=true format=time do-timestamp=true max-buffers=64 leaky-type=2 ! "
        "aacparse ! rtpmp4gpay name=pay1 pt=97 )");
    gst_rtsp_media_factory_set_shared(factory, TRUE);
    gst_rtsp_media_factory_set_latency(factory, 0);
    g_signal_connect(factory, "media-configure", G_CALLBACK(on_play_media), NULL);
    gst_rtsp_mount_points_add_factory(mounts, "/out", factory);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    if (argc != 3) {
        fprintf(stderr, "usage: rtsp-server-gst PORT PUBLICATIONS\n");
        return 2;
    }
    GstRTSPServer *server = gst_rtsp_server_new();
    GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(server);
    gst_rtsp_server_set_address(server, "127.0.0.1");
    gst_rtsp_server_set_service(server, argv[1]);
    /* With one thread for all clients the first reader's DESCRIBE waits for media that only the publisher's
     * connection could bring. */
    GstRTSPThreadPool *threads = gst_rtsp_server_get_thread_pool(server);
    gst_rtsp_thread_pool_set_max_threads(threads, -1);
    g_object_unref(threads);
    add_record(mounts);
    add_play(mounts);
    for (int i = 1; i < atoi(argv[2]); i++)
        add_unread(mounts, i);
    g_object_unref(mounts);
    if (gst_rtsp_server_attach(server, NULL) == 0) {
        fprintf(stderr, "port %s cannot be served\n", argv[1]);
        return 1;
    }
    printf("listening on %s\n", argv[1]);
    fflush(stdout);
    g_main_loop_run(g_main_loop_new(NULL, FALSE));
    return 0;
}
