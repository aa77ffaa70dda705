/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "source.h"

#include "../../shared/location.h"
#include "../elements.h"
#include "../settings.h"
#include "aac_decoder.h"
#include "source_rtmp.h"
#include "source_rtsp.h"
#include "track_offer.h"

#include <gst/app/app.h>
#include <gst/audio/audio.h>
#include <pthread.h>
#include <string.h>

#define VIDEO_CAPS "video/x-h264,stream-format=avc,alignment=au"
#define PARSED_AUDIO_CAPS "audio/mpeg,mpegversion={2,4},stream-format={raw,adts},framed=true"
#define AUDIO_RATE_HZ 48000
#define AUDIO_FRAME_BYTES 4

struct source {
    struct source_events events;
    void *user;
    GstElement *pipeline;     /* of RTMP's only the bus is in use */
    struct source_rtmp *rtmp; /* NULL for other inputs, as the next */
    struct source_rtsp *rtsp;
    bool needs_parser; /* elementary streams that carry no codec data of their own (MPEG-TS, RTP) */
    /* A file's segment says what of it is to be heard; a live one only where it began, and its timestamps may
     * wrap to before that. */
    bool has_edits;
    struct aac_decoder *decoder; /* streaming thread; NULL until the first packet */
    GstCaps *decoder_caps;       /* what it was made for */

    pthread_mutex_t flow_lock;    /* one event at a time: RTSP has a thread for each track */
    pthread_mutex_t lock;         /* guards what follows */
    bool is_offered[TRACK_COUNT]; /* the input says that it has the track, in whatever codec */
    bool is_used[TRACK_COUNT];
    bool is_unusable;
    struct source_facts facts;
};

static void report_unusable(struct source *source, int exit_code, const char *message)
{
    pthread_mutex_lock(&source->lock);
    bool first = !source->is_unusable;
    source->is_unusable = true;
    pthread_mutex_unlock(&source->lock);
    if (!first)
        return;
    GstStructure *structure = gst_structure_new("unusable", "exit-code", G_TYPE_INT, exit_code, "message",
                                                G_TYPE_STRING, message, NULL);
    gst_element_post_message(source->pipeline,
                             gst_message_new_application(GST_OBJECT(source->pipeline), structure));
}

static GstFlowReturn hand_out(struct source *source, bool (*event)(GstSample *, void *), GstSample *sample)
{
    pthread_mutex_lock(&source->flow_lock);
    bool flowing = event(sample, source->user);
    pthread_mutex_unlock(&source->flow_lock);
    return flowing ? GST_FLOW_OK : GST_FLOW_EOS;
}

static GstFlowReturn on_video_sample(GstAppSink *sink, gpointer data)
{
    struct source *source = data;
    g_autoptr(GstSample) sample = gst_app_sink_pull_sample(sink);
    g_autoptr(GstSample) placed =
        sample && source->rtsp ? source_rtsp_place_video(source->rtsp, sample) : g_steal_pointer(&sample);
    return placed ? hand_out(source, source->events.on_video, placed) : GST_FLOW_EOS;
}

/* The decoder is made anew when the publisher changes the format. */
static bool adapt_decoder(struct source *source, GstCaps *caps)
{
    struct dub_error error = {0};

    if (source->decoder_caps == caps)
        return source->decoder != NULL;
    g_clear_pointer(&source->decoder, aac_decoder_free);
    gst_caps_replace(&source->decoder_caps, caps);
    source->decoder = aac_decoder_new(caps, &error);
    if (!source->decoder)
        report_unusable(source, WORKER_EXIT_TRACK_MISSING, error.message);
    return source->decoder != NULL;
}

/* The sound of one packet as far as it lies inside the segment: an edit list cuts off an encoder's priming.
 */
static GstSample *decode(struct source *source, GstSample *sample)
{
    const GstSegment *segment = gst_sample_get_segment(sample);
    GstBuffer *sound = aac_decoder_decode(source->decoder, gst_sample_get_buffer(sample));

    if (sound && source->has_edits)
        sound = gst_audio_buffer_clip(sound, segment, AUDIO_RATE_HZ, AUDIO_FRAME_BYTES);
    if (!sound)
        return NULL;
    GstSample *decoded = gst_sample_new(sound, gst_sample_get_caps(sample), segment, NULL);
    gst_buffer_unref(sound);
    return decoded;
}

static GstFlowReturn take_audio(struct source *source, GstSample *sample)
{
    if (!adapt_decoder(source, gst_sample_get_caps(sample)))
        return GST_FLOW_EOS;
    /* Nothing comes of a damaged packet: its place is filled with silence downstream. */
    g_autoptr(GstSample) sound = decode(source, sample);
    if (sound && source->rtsp) {
        GstSample *placed = source_rtsp_place_audio(source->rtsp, sound);
        gst_sample_unref(sound);
        sound = placed;
    }
    return sound ? hand_out(source, source->events.on_audio, sound) : GST_FLOW_OK;
}

static GstFlowReturn on_audio_sample(GstAppSink *sink, gpointer data)
{
    g_autoptr(GstSample) sample = gst_app_sink_pull_sample(sink);
    return sample ? take_audio(data, sample) : GST_FLOW_EOS;
}

static GstElement *new_sink(struct source *source, GstFlowReturn (*on_sample)(GstAppSink *, gpointer),
                            const char *caps_text)
{
    g_autoptr(GstCaps) caps = caps_text ? gst_caps_from_string(caps_text) : NULL;
    GstElement *sink = gst_element_factory_make("appsink", NULL);

    /* Not asynchronous: a sink that waits for its first buffer would hold the other one's back. */
    g_object_set(sink, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE, "caps", caps,
                 "max-buffers", 1, NULL);
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &(GstAppSinkCallbacks){.new_sample = on_sample}, source,
                               NULL);
    return sink;
}

/* Adds a chain of elements (NULL entries are left out) and links it to the demuxer's pad. */
static void attach_chain(struct source *source, GstPad *pad, GstElement *const *chain, unsigned n_chain)
{
    GstElement *previous = NULL;

    for (unsigned i = 0; i < n_chain; i++) {
        if (!chain[i])
            continue;
        gst_bin_add(GST_BIN(source->pipeline), chain[i]);
        if (previous)
            gst_element_link(previous, chain[i]);
        else {
            g_autoptr(GstPad) sink_pad = gst_element_get_static_pad(chain[i], "sink");
            gst_pad_link(pad, sink_pad);
        }
        previous = chain[i];
    }
    /* From the sink upwards, so that nothing is pushed into an element that is not ready. */
    for (unsigned i = n_chain; i > 0; i--)
        if (chain[i - 1])
            gst_element_sync_state_with_parent(chain[i - 1]);
}

static void note_video_size(struct source *source, const GstCaps *caps)
{
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    int width = 0, height = 0;

    if (!elements_h264_size(caps, &width, &height)) {
        gst_structure_get_int(structure, "width", &width);
        gst_structure_get_int(structure, "height", &height);
    }
    pthread_mutex_lock(&source->lock);
    source->facts.width = width;
    source->facts.height = height;
    pthread_mutex_unlock(&source->lock);
}

static GstPadProbeReturn on_video_event(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    GstCaps *caps;

    if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
        gst_event_parse_caps(event, &caps);
        note_video_size(data, caps);
    }
    return GST_PAD_PROBE_OK;
}

static GstElement *make_or_none(const char *name)
{
    return name ? gst_element_factory_make(name, NULL) : NULL;
}

/* Whole access units out of RTP, by its marker: a parser would have to wait for the next one to see the end.
 */
static GstElement *new_unit_filter(void)
{
    g_autoptr(GstCaps) caps = gst_caps_from_string(VIDEO_CAPS);
    GstElement *filter = gst_element_factory_make("capsfilter", NULL);

    g_object_set(filter, "caps", caps, NULL);
    return filter;
}

static void attach_video(struct source *source, GstPad *pad, const char *depayloader)
{
    GstElement *sink = new_sink(source, on_video_sample, source->needs_parser ? VIDEO_CAPS : NULL);
    GstElement *parser = source->needs_parser ? gst_element_factory_make("h264parse", NULL) : NULL;
    GstElement *filter = depayloader ? new_unit_filter() : NULL;
    g_autoptr(GstPad) sink_pad = gst_element_get_static_pad(sink, "sink");

    gst_pad_add_probe(sink_pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_video_event, source, NULL);
    attach_chain(source, pad, (GstElement *[]){make_or_none(depayloader), filter, parser, sink}, 4);
}

static void attach_audio(struct source *source, GstPad *pad, const char *depayloader)
{
    GstElement *parser = source->needs_parser ? gst_element_factory_make("aacparse", NULL) : NULL;
    GstElement *sink = new_sink(source, on_audio_sample, source->needs_parser ? PARSED_AUDIO_CAPS : NULL);

    attach_chain(source, pad, (GstElement *[]){make_or_none(depayloader), parser, sink}, 3);
}

/* An unlinked pad may stop the demuxer; what is not used flows into nothing. */
static void attach_nothing(struct source *source, GstPad *pad)
{
    GstElement *sink = gst_element_factory_make("fakesink", NULL);
    g_object_set(sink, "sync", FALSE, "async", FALSE, NULL);
    attach_chain(source, pad, &sink, 1);
}

static void report_unusable_video(struct source *source, const char *codec)
{
    g_autofree char *message =
        g_strdup_printf("the video is %s; only H.264 passes through: publish H.264 (AVC)", codec);
    report_unusable(source, WORKER_EXIT_UNSUPPORTED_VIDEO, message);
}

static void report_unusable_audio(struct source *source, const char *codec)
{
    g_autofree char *message = g_strdup_printf("the audio is %s; only AAC can be dubbed: publish AAC", codec);
    report_unusable(source, WORKER_EXIT_TRACK_MISSING, message);
}

static void note_video(struct source *source)
{
    pthread_mutex_lock(&source->lock);
    g_free(source->facts.video_codec);
    source->facts.video_codec = g_strdup("H264");
    pthread_mutex_unlock(&source->lock);
}

static void note_audio(struct source *source, const struct track_offer *offer)
{
    pthread_mutex_lock(&source->lock);
    g_free(source->facts.audio_codec);
    source->facts.audio_codec = g_strdup("AAC");
    source->facts.audio_rate_hz = offer->rate_hz;
    source->facts.audio_channels = offer->channels;
    pthread_mutex_unlock(&source->lock);
}

static void use_video(struct source *source, GstPad *pad, const struct track_offer *offer)
{
    note_video(source);
    attach_video(source, pad, offer->depayloader);
}

static void use_audio(struct source *source, GstPad *pad, const struct track_offer *offer)
{
    note_audio(source, offer);
    attach_audio(source, pad, offer->depayloader);
}

static void note_offer(struct source *source, const struct track_offer *offer)
{
    if (!offer->is_media)
        return;
    pthread_mutex_lock(&source->lock);
    source->is_offered[offer->track] = true;
    pthread_mutex_unlock(&source->lock);
}

/* Whether it is the first usable offer of its track. The tracks of RTSP may come on two threads. */
static bool claim(struct source *source, const struct track_offer *offer)
{
    pthread_mutex_lock(&source->lock);
    bool is_first = !source->is_used[offer->track];
    source->is_used[offer->track] = !is_first || offer->usable;
    pthread_mutex_unlock(&source->lock);
    return is_first;
}

static void take_offer(struct source *source, GstPad *pad, const struct track_offer *offer)
{
    bool is_wanted = offer->is_media && claim(source, offer);

    if (!is_wanted || !offer->usable)
        attach_nothing(source, pad);
    if (!is_wanted)
        return;
    if (!offer->usable) {
        (offer->track == TRACK_VIDEO ? report_unusable_video : report_unusable_audio)(source, offer->codec);
        return;
    }
    if (source->rtsp)
        source_rtsp_watch(source->rtsp, pad, offer->track);
    (offer->track == TRACK_VIDEO ? use_video : use_audio)(source, pad, offer);
}

static void on_pad_added(GstElement *demuxer, GstPad *pad, gpointer data)
{
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    struct track_offer offer;

    if (!caps)
        caps = gst_pad_query_caps(pad, NULL);
    track_offer_init(&offer, caps);
    note_offer(data, &offer);
    take_offer(data, pad, &offer);
    track_offer_clear(&offer);
}

/* All media of the session description come here before the first pad. "no-more-pads" alone does not tell
 * which tracks there are: one track's thread may send it while the other's is still showing its pad. */
static gboolean on_select_stream(GstElement *element, guint number, GstCaps *caps, gpointer data)
{
    struct track_offer offer;

    track_offer_init(&offer, caps);
    note_offer(data, &offer);
    track_offer_clear(&offer);
    return TRUE;
}

static void report_missing_track(struct source *source, bool has_video, bool has_audio)
{
    if (!has_video)
        report_unusable(source, WORKER_EXIT_TRACK_MISSING,
                        "the input has no video track: publish H.264 and AAC");
    else if (!has_audio)
        report_unusable(source, WORKER_EXIT_TRACK_MISSING,
                        "the input has no audio track: publish H.264 and AAC");
}

static void get_offered(struct source *source, bool *has_video, bool *has_audio)
{
    pthread_mutex_lock(&source->lock);
    *has_video = source->is_offered[TRACK_VIDEO];
    *has_audio = source->is_offered[TRACK_AUDIO];
    pthread_mutex_unlock(&source->lock);
}

static void on_no_more_pads(GstElement *demuxer, gpointer data)
{
    bool has_video, has_audio;

    get_offered(data, &has_video, &has_audio);
    report_missing_track(data, has_video, has_audio);
}

static void on_rtmp_caps(enum track track, const GstCaps *caps, void *user)
{
    struct source *source = user;
    struct track_offer offer;

    track_offer_init(&offer, caps);
    note_offer(source, &offer);
    if (track == TRACK_VIDEO) {
        note_video(source);
        note_video_size(source, caps);
    } else {
        note_audio(source, &offer);
    }
    track_offer_clear(&offer);
}

static void on_rtmp_packet(enum track track, GstSample *sample, void *user)
{
    struct source *source = user;

    if (track == TRACK_VIDEO)
        hand_out(source, source->events.on_video, sample);
    else
        take_audio(source, sample);
}

static void on_rtmp_unusable(enum track track, const char *codec, void *user)
{
    (track == TRACK_VIDEO ? report_unusable_video : report_unusable_audio)(user, codec);
}

/* RTMP does not say which tracks there will be; a stream that ends with one of them had no other. */
static void on_rtmp_over(const char *failure, void *user)
{
    struct source *source = user;
    bool has_video, has_audio;
    GstObject *sender = GST_OBJECT(source->pipeline);
    g_autoptr(GError) error =
        failure ? g_error_new_literal(GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ, failure) : NULL;

    get_offered(source, &has_video, &has_audio);
    if (!error && has_video != has_audio)
        report_missing_track(source, has_video, has_audio);
    gst_element_post_message(source->pipeline, error ? gst_message_new_error(sender, error, NULL)
                                                     : gst_message_new_eos(sender));
}

static bool build_rtmp(struct source *source, const char *location, struct dub_error *error)
{
    static const struct source_rtmp_events events = {
        .on_caps = on_rtmp_caps,
        .on_packet = on_rtmp_packet,
        .on_unusable = on_rtmp_unusable,
        .on_over = on_rtmp_over,
    };

    source->rtmp = source_rtmp_new(location, &events, source, error);
    return source->rtmp != NULL;
}

/* The builders return the element that opens the location; *demuxer is what follows it, NULL when it has the
 * tracks' pads itself. NULL with an error when there is nothing to open. */
static GstElement *build_rtsp(struct source *source, const char *location, const char **demuxer,
                              struct dub_error *error)
{
    GstElement *element = NULL;

    source->needs_parser = true;
    source->rtsp = source_rtsp_new(location, &element);
    g_signal_connect(element, "select-stream", G_CALLBACK(on_select_stream), source);
    return element;
}

/* The demuxer may not know when its data came: then it would smooth its timestamps after that. */
static GstPadProbeReturn on_ts_segment(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    GstSegment segment;

    if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) {
        gst_segment_init(&segment, GST_FORMAT_BYTES);
        gst_event_unref(event);
        GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_segment(&segment);
    }
    return GST_PAD_PROBE_OK;
}

static GstElement *build_srt(struct source *source, const char *location, const char **demuxer,
                             struct dub_error *error)
{
    GstElement *element = gst_element_factory_make("srtsrc", NULL);
    g_autoptr(GstPad) pad = gst_element_get_static_pad(element, "src");

    *demuxer = "tsdemux";
    source->needs_parser = true;
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_ts_segment, NULL, NULL);
    /* When to connect again is for us to say (input.c). */
    g_object_set(element, "uri", location, "auto-reconnect", FALSE, "do-timestamp", FALSE, NULL);
    return element;
}

static GstElement *build_file(struct source *source, const char *location, const char **demuxer,
                              struct dub_error *error)
{
    static const char *const demuxers[] = {
        [CONTAINER_MP4] = "qtdemux",
        [CONTAINER_FLV] = "flvdemux",
        [CONTAINER_TS] = "tsdemux",
    };
    g_autofree char *path = location_file_path(location);
    enum container container = container_from_content(path, error);

    if (container == CONTAINER_UNKNOWN)
        return NULL;
    *demuxer = demuxers[container];
    source->has_edits = true;
    source->needs_parser = container == CONTAINER_TS;
    GstElement *element = gst_element_factory_make("filesrc", NULL);
    g_object_set(element, "location", path, NULL);
    return element;
}

static GstElement *(*const builders[])(struct source *, const char *, const char **, struct dub_error *) = {
    [LOCATION_RTSP] = build_rtsp,
    [LOCATION_SRT] = build_srt,
    [LOCATION_FILE] = build_file,
};

static bool build_pipeline(struct source *source, const char *location, struct dub_error *error)
{
    const char *demuxer_name = NULL;
    GstElement *element = builders[location_kind(location)](source, location, &demuxer_name, error);

    if (!element)
        return false;
    GstElement *demuxer = demuxer_name ? gst_element_factory_make(demuxer_name, NULL) : element;
    gst_bin_add(GST_BIN(source->pipeline), element);
    if (demuxer != element) {
        gst_bin_add(GST_BIN(source->pipeline), demuxer);
        gst_element_link(element, demuxer);
    }
    g_signal_connect(demuxer, "pad-added", G_CALLBACK(on_pad_added), source);
    g_signal_connect(demuxer, "no-more-pads", G_CALLBACK(on_no_more_pads), source);
    return true;
}

static bool build(struct source *source, const char *location, struct dub_error *error)
{
    bool is_rtmp = location_kind(location) == LOCATION_RTMP;
    return (is_rtmp ? build_rtmp : build_pipeline)(source, location, error);
}

struct source *source_new(const char *location, const struct source_events *events, void *user,
                          struct dub_error *error)
{
    struct source *source = g_new0(struct source, 1);

    source->events = *events;
    source->user = user;
    pthread_mutex_init(&source->flow_lock, NULL);
    pthread_mutex_init(&source->lock, NULL);
    source->pipeline = gst_pipeline_new("input");
    /* What is built is read on threads of GStreamer's, after they have taken the lock. */
    pthread_mutex_lock(&source->lock);
    bool built = build(source, location, error);
    pthread_mutex_unlock(&source->lock);
    if (!built) {
        source_free(source);
        return NULL;
    }
    return source;
}

void source_free(struct source *source)
{
    if (!source)
        return;
    source_rtmp_free(source->rtmp);
    gst_element_set_state(source->pipeline, GST_STATE_NULL);
    gst_object_unref(source->pipeline);
    source_rtsp_free(source->rtsp);
    aac_decoder_free(source->decoder);
    gst_clear_caps(&source->decoder_caps);
    source_facts_clear(&source->facts);
    pthread_mutex_destroy(&source->lock);
    pthread_mutex_destroy(&source->flow_lock);
    g_free(source);
}

GstElement *source_pipeline(struct source *source)
{
    return source->pipeline;
}

void source_get_facts(struct source *source, struct source_facts *facts)
{
    pthread_mutex_lock(&source->lock);
    *facts = source->facts;
    facts->video_codec = g_strdup(source->facts.video_codec);
    facts->audio_codec = g_strdup(source->facts.audio_codec);
    pthread_mutex_unlock(&source->lock);
}

void source_facts_clear(struct source_facts *facts)
{
    g_clear_pointer(&facts->video_codec, g_free);
    g_clear_pointer(&facts->audio_codec, g_free);
}
