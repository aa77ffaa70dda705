/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stsdub.h"

#include "dubbing_gst.h"
#include "sound/samples.h"

#include <dubbing_log.h>

GST_DEBUG_CATEGORY(stsdub_debug);

#define CAPS "audio/x-raw, format=(string)S16LE, rate=(int)48000, channels=(int)2, layout=(string)interleaved"
#define FRAME_BYTES (DUB_CHANNELS * sizeof(int16_t))
/* Larger buffers are taken in pieces, so that a small ring is enough. */
#define PIECE_SAMPLES 4096
/* A hole is filled in pieces of this length, each of which waits for room. */
#define HOLE_PIECE_NS (500 * DUB_NS_PER_MS)
/* Longer holes are not jitter. */
#define HOLE_NS DUB_NS_PER_S

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(CAPS));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(CAPS));

/* NOLINTNEXTLINE(performance-no-int-to-ptr): GLib's macro */
G_DEFINE_FINAL_TYPE(StsDub, sts_dub, GST_TYPE_ELEMENT)

/* Input */

/* Waits until a buffer that ends at this running time fits. */
static GstFlowReturn wait_for_room(StsDub *self, int64_t end_ns)
{
    while (!self->flushing && !self->closed && self->flow == GST_FLOW_OK &&
           !dub_dubber_fits(self->dubber, end_ns))
        pthread_cond_wait(&self->changed, &self->lock);
    return self->flushing || self->closed ? GST_FLOW_FLUSHING : self->flow;
}

static GstFlowReturn write_gap(StsDub *self, int64_t start_ns, int64_t duration_ns)
{
    while (duration_ns > 0) {
        int64_t piece_ns = MIN(duration_ns, HOLE_PIECE_NS);
        GstFlowReturn flow = wait_for_room(self, start_ns + piece_ns);
        if (flow != GST_FLOW_OK)
            return flow;
        dub_dubber_gap(self->dubber, start_ns, piece_ns);
        pthread_cond_broadcast(&self->changed);
        start_ns += piece_ns;
        duration_ns -= piece_ns;
    }
    return GST_FLOW_OK;
}

/* Sound that begins after the stream (audio a second behind the video) has silence before it, as far back as
 * can still be heard; so the output begins with the stream. */
static GstFlowReturn lead_in(StsDub *self, int64_t pts_ns)
{
    if (!self->leads_in)
        return GST_FLOW_OK;
    int64_t silence_ns = self->settings.live ? MIN(pts_ns, (int64_t)self->settings.latency_ns) : pts_ns;
    return write_gap(self, pts_ns - silence_ns, silence_ns);
}

/* A long hole is written out, in pieces, since the ring cannot hold both of its ends at once. */
static GstFlowReturn fill_hole(StsDub *self, int64_t pts_ns)
{
    if (!dub_dubber_started(self->dubber))
        return lead_in(self, pts_ns);
    int64_t input_ns = dub_dubber_input_ns(self->dubber);
    if (pts_ns - input_ns <= HOLE_NS)
        return GST_FLOW_OK;
    return write_gap(self, input_ns, pts_ns - input_ns);
}

/* One message at the start of each episode of input that comes after its block was mixed. */
static void watch_lateness(StsDub *self, int64_t late_ns)
{
    bool late = late_ns > 0;
    if (late && !self->input_is_late) {
        GST_WARNING_OBJECT(self, "input arrives %" G_GINT64_FORMAT " ms too late to be heard",
                           late_ns / DUB_NS_PER_MS);
        GstStructure *text =
            gst_structure_new(DUB_GST_INPUT_LATE_NAME, "lateness", G_TYPE_INT64, late_ns, NULL);
        gst_element_post_message(GST_ELEMENT(self), gst_message_new_element(GST_OBJECT(self), text));
    }
    self->input_is_late = late;
}

static GstFlowReturn write_piece(StsDub *self, int64_t pts_ns, const int16_t *samples, unsigned n_samples,
                                 bool discontinuity, int64_t *late_ns)
{
    pthread_mutex_lock(&self->lock);
    GstFlowReturn flow = fill_hole(self, pts_ns);
    if (flow == GST_FLOW_OK)
        flow = wait_for_room(self, pts_ns + dub_samples_to_ns(n_samples));
    if (flow == GST_FLOW_OK) {
        *late_ns = dub_dubber_write(self->dubber, pts_ns, samples, n_samples, discontinuity);
        pthread_cond_broadcast(&self->changed);
    }
    pthread_mutex_unlock(&self->lock);
    return flow;
}

static GstFlowReturn write_samples(StsDub *self, int64_t pts_ns, const int16_t *samples, gsize n_samples,
                                   bool discontinuity)
{
    for (gsize done = 0; done < n_samples; done += PIECE_SAMPLES) {
        unsigned n = (unsigned)MIN(n_samples - done, PIECE_SAMPLES);
        int64_t late_ns = 0;
        GstFlowReturn flow =
            write_piece(self, pts_ns + dub_samples_to_ns((int64_t)done), samples + done * DUB_CHANNELS, n,
                        discontinuity && done == 0, &late_ns);
        if (flow != GST_FLOW_OK)
            return flow;
        watch_lateness(self, late_ns);
        sts_dub_send_requests(self);
    }
    return GST_FLOW_OK;
}

/* Where a buffer without a time stamp goes: to the end of what came before. */
static int64_t continued_ns(StsDub *self)
{
    pthread_mutex_lock(&self->lock);
    int64_t ns = dub_dubber_started(self->dubber) ? dub_dubber_input_ns(self->dubber) : 0;
    pthread_mutex_unlock(&self->lock);
    return ns;
}

static int64_t running_time_of(StsDub *self, GstBuffer *buffer)
{
    if (!GST_BUFFER_PTS_IS_VALID(buffer))
        return continued_ns(self);
    return (int64_t)gst_segment_to_running_time(&self->in_segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
}

static GstFlowReturn write_buffer(StsDub *self, GstBuffer *buffer)
{
    GstMapInfo map;
    int64_t running_ns = running_time_of(self, buffer);
    if (running_ns < 0)
        return GST_FLOW_OK; /* outside of the segment */
    if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) {
        GST_ELEMENT_ERROR(self, RESOURCE, READ, ("A buffer cannot be read."), (NULL));
        return GST_FLOW_ERROR;
    }
    /* Buffers of decoders are aligned; GStreamer gives no promise for others. */
    bool aligned = (guintptr)map.data % sizeof(int16_t) == 0;
    g_autofree int16_t *copy = aligned ? NULL : g_memdup2(map.data, map.size);
    const int16_t *samples = aligned ? (const int16_t *)(const void *)map.data : copy;
    GstFlowReturn flow =
        write_samples(self, running_ns, samples, map.size / FRAME_BYTES, GST_BUFFER_IS_DISCONT(buffer));
    gst_buffer_unmap(buffer, &map);
    return flow;
}

static GstFlowReturn sink_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    StsDub *self = STS_DUB(parent);
    if (GST_BUFFER_PTS_IS_VALID(buffer))
        buffer = gst_audio_buffer_clip(buffer, &self->in_segment, DUB_RATE_HZ, FRAME_BYTES);
    if (buffer == NULL)
        return GST_FLOW_OK;
    GstFlowReturn flow = write_buffer(self, buffer);
    gst_buffer_unref(buffer);
    return flow;
}

/* With the lock. Without a duration the source does not know when it goes on: it is lost. */
static void take_gap(StsDub *self, GstClockTime running, GstClockTime duration)
{
    if (!GST_CLOCK_TIME_IS_VALID(duration))
        dub_dubber_break(self->dubber);
    else if (GST_CLOCK_TIME_IS_VALID(running) && fill_hole(self, (int64_t)running) == GST_FLOW_OK)
        write_gap(self, (int64_t)running, (int64_t)duration);
}

static gboolean on_gap(StsDub *self, GstEvent *event)
{
    GstClockTime pts;
    GstClockTime duration;
    gst_event_parse_gap(event, &pts, &duration);
    GstClockTime running = gst_segment_to_running_time(&self->in_segment, GST_FORMAT_TIME, pts);
    gst_event_unref(event);
    pthread_mutex_lock(&self->lock);
    take_gap(self, running, duration);
    pthread_mutex_unlock(&self->lock);
    sts_dub_send_requests(self);
    return TRUE;
}

/* The task pushes it in its turn. */
static gboolean queue_event(StsDub *self, GstEvent *event)
{
    pthread_mutex_lock(&self->lock);
    g_queue_push_tail(&self->events, event);
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    return TRUE;
}

/* The output has one segment, the first one, without an end: later ones only say where their buffers lie on
 * the running time, which is our timeline. */
static gboolean on_segment(StsDub *self, GstEvent *event)
{
    gst_event_copy_segment(event, &self->in_segment);
    guint32 seqnum = gst_event_get_seqnum(event);
    gst_event_unref(event);
    if (self->in_segment.format != GST_FORMAT_TIME || self->in_segment.rate != 1.0) {
        GST_ELEMENT_ERROR(self, STREAM, FORMAT, ("stsdub needs a segment in time at normal speed."),
                          ("%" GST_SEGMENT_FORMAT, &self->in_segment));
        return FALSE;
    }
    pthread_mutex_lock(&self->lock);
    bool first = !self->have_out_segment;
    if (first) {
        self->out_segment = self->in_segment;
        self->out_segment.stop = GST_CLOCK_TIME_NONE;
        self->have_out_segment = true;
    }
    pthread_mutex_unlock(&self->lock);
    if (!first)
        return TRUE;
    GstEvent *out = gst_event_new_segment(&self->out_segment);
    gst_event_set_seqnum(out, seqnum);
    return queue_event(self, out);
}

static gboolean on_eos(StsDub *self, GstEvent *event)
{
    gst_event_unref(event);
    pthread_mutex_lock(&self->lock);
    self->eos = true;
    dub_dubber_end(self->dubber);
    sts_dub_wake(self);
    pthread_mutex_unlock(&self->lock);
    sts_dub_send_requests(self);
    return TRUE;
}

static gboolean on_flush_start(StsDub *self, GstEvent *event)
{
    gboolean result = gst_pad_push_event(self->srcpad, event);
    pthread_mutex_lock(&self->lock);
    self->flushing = true;
    sts_dub_wake(self);
    pthread_mutex_unlock(&self->lock);
    gst_pad_pause_task(self->srcpad);
    return result;
}

static void forget_stream(StsDub *self)
{
    dub_dubber_reset(self->dubber);
    g_queue_clear_full(&self->events, (GDestroyNotify)gst_event_unref);
    self->eos = false;
    self->have_out_segment = false;
    self->discont = true;
    self->flow = GST_FLOW_OK;
}

static gboolean on_flush_stop(StsDub *self, GstEvent *event)
{
    gboolean result = gst_pad_push_event(self->srcpad, event);
    gst_segment_init(&self->in_segment, GST_FORMAT_TIME);
    self->input_is_late = false;
    self->leads_in = false; /* where it goes on is where the seek led to */
    pthread_mutex_lock(&self->lock);
    forget_stream(self);
    self->flushing = false;
    pthread_mutex_unlock(&self->lock);
    sts_dub_report_phrases(self);
    sts_dub_start_output(self);
    return result;
}

static gboolean sink_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    StsDub *self = STS_DUB(parent);
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_SEGMENT:
        return on_segment(self, event);
    case GST_EVENT_GAP:
        return on_gap(self, event);
    case GST_EVENT_EOS:
        return on_eos(self, event);
    case GST_EVENT_FLUSH_START:
        return on_flush_start(self, event);
    case GST_EVENT_FLUSH_STOP:
        return on_flush_stop(self, event);
    default:
        if (GST_EVENT_IS_SERIALIZED(event))
            return queue_event(self, event);
        return gst_pad_event_default(pad, parent, event);
    }
}

/* Also while playing: a source that is taken away may wait for room here. */
static gboolean sink_activate(GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
    StsDub *self = STS_DUB(parent);
    if (mode != GST_PAD_MODE_PUSH)
        return FALSE;
    pthread_mutex_lock(&self->lock);
    self->closed = !active;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    return TRUE;
}

/* States */

/* The fragmenter does it (dub_fragmenter_set_limits), after the round trips; here it is said. */
static void tell_of_shorter_pieces(const struct sts_dub_settings *settings)
{
    int64_t left_ns = (int64_t)settings->latency_ns + (int64_t)settings->max_lag_ns - STS_DUB_RTT_GUESS_NS -
                      STS_DUB_RTT_MARGIN_NS;
    bool matters = settings->live && settings->sts_mode == STS_MODE_ENABLED &&
                   settings->fragmenter == DUB_FRAGMENTER_FIXED;
    if (!matters || (int64_t)settings->segment_ns <= left_ns)
        return;
    dub_log(DUB_LOG_WARN, &(struct dub_log_context){.stream_id = settings->stream_id},
            "fixed fragments of %.1f s would be too late for a delay of %.1f s and a greatest lag of %.1f s: "
            "they are cut to about %.1f s%s",
            (double)settings->segment_ns / DUB_NS_PER_S, (double)settings->latency_ns / DUB_NS_PER_S,
            (double)settings->max_lag_ns / DUB_NS_PER_S, (double)MAX(left_ns, DUB_NS_PER_S) / DUB_NS_PER_S,
            left_ns < DUB_NS_PER_S ? ", and even so not in time: the delay has to be longer" : "");
}

static void start(StsDub *self)
{
    const struct sts_dub_settings *settings = &self->settings;
    struct dub_dubber_config config = {
        .live = settings->live,
        .delay_ns = (int64_t)settings->latency_ns,
        .max_lag_ns = (int64_t)settings->max_lag_ns,
        .find_phrases = settings->sts_mode != STS_MODE_DISABLED,
        .fragmenter = settings->fragmenter,
        .segment_ns = (int64_t)settings->segment_ns,
    };
    gst_segment_init(&self->in_segment, GST_FORMAT_TIME);
    self->input_is_late = false;
    self->leads_in = true;
    pthread_mutex_lock(&self->lock);
    sts_dub_settings_complete(&self->settings);
    dub_dubber_free(self->dubber);
    self->dubber = dub_dubber_new(&config);
    sts_dub_apply_mix(self);
    forget_stream(self);
    self->blocks = self->late_blocks = self->stretched_phrases = 0;
    self->peer_latency = 0;
    pthread_mutex_unlock(&self->lock);
    sts_dub_open_exchange(self);
    tell_of_shorter_pieces(settings);
}

/* The pads are inactive already. The dubber stays for its statistics. */
static void stop(StsDub *self)
{
    sts_dub_close_exchange(self);
    pthread_mutex_lock(&self->lock);
    forget_stream(self);
    g_hash_table_remove_all(self->source_lufs);
    pthread_mutex_unlock(&self->lock);
    sts_dub_report_phrases(self);
}

static void set_playing(StsDub *self, bool playing)
{
    pthread_mutex_lock(&self->lock);
    self->playing = playing;
    sts_dub_wake(self);
    pthread_mutex_unlock(&self->lock);
}

static GstStateChangeReturn change_state(GstElement *element, GstStateChange transition)
{
    StsDub *self = STS_DUB(element);
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
        start(self);
    else if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
        set_playing(self, false);

    GstStateChangeReturn result = GST_ELEMENT_CLASS(sts_dub_parent_class)->change_state(element, transition);

    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
        stop(self);
    if (result == GST_STATE_CHANGE_FAILURE)
        return result;
    if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
        set_playing(self, true);
    /* Blocks leave by the clock, which does not run while paused: like a live source. */
    bool to_paused = GST_STATE_TRANSITION_NEXT(transition) == GST_STATE_PAUSED;
    if (self->settings.live && to_paused)
        return GST_STATE_CHANGE_NO_PREROLL;
    return result;
}

/* Class */

static void sts_dub_finalize(GObject *object)
{
    StsDub *self = STS_DUB(object);
    dub_dubber_free(self->dubber);
    g_queue_clear_full(&self->events, (GDestroyNotify)gst_event_unref);
    g_hash_table_unref(self->source_lufs);
    sts_dub_settings_clear(&self->settings);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    pthread_mutex_destroy(&self->report_lock);
    pthread_mutex_destroy(&self->exchange_lock);
    G_OBJECT_CLASS(sts_dub_parent_class)->finalize(object);
}

static void sts_dub_class_init(StsDubClass *class)
{
    GstElementClass *element_class = GST_ELEMENT_CLASS(class);
    GST_DEBUG_CATEGORY_INIT(stsdub_debug, "stsdub", 0, "live dubbing of speech");
    G_OBJECT_CLASS(class)->finalize = sts_dub_finalize;
    element_class->change_state = change_state;
    sts_dub_install_properties(G_OBJECT_CLASS(class));
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(
        element_class, "Live speech dubbing", "Filter/Effect/Audio",
        "Delays sound by a fixed time and dubs the speech in it by way of an sts-service", "live-dubbing");
}

static void sts_dub_init(StsDub *self)
{
    pthread_mutex_init(&self->lock, NULL);
    pthread_mutex_init(&self->report_lock, NULL);
    pthread_mutex_init(&self->exchange_lock, NULL);
    pthread_cond_init(&self->changed, NULL);
    g_queue_init(&self->events);
    self->source_lufs = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    self->flushing = true;
    sts_dub_settings_init(&self->settings);

    self->sinkpad = gst_pad_new_from_static_template(&sink_template, "sink");
    gst_pad_set_chain_function(self->sinkpad, sink_chain);
    gst_pad_set_event_function(self->sinkpad, sink_event);
    gst_pad_set_activatemode_function(self->sinkpad, sink_activate);
    gst_element_add_pad(GST_ELEMENT(self), self->sinkpad);

    self->srcpad = gst_pad_new_from_static_template(&src_template, "src");
    gst_pad_set_activatemode_function(self->srcpad, sts_dub_src_activate);
    gst_pad_set_query_function(self->srcpad, sts_dub_src_query);
    gst_pad_set_event_function(self->srcpad, sts_dub_src_event);
    gst_pad_use_fixed_caps(self->srcpad);
    gst_element_add_pad(GST_ELEMENT(self), self->srcpad);
}

gboolean dub_gst_register(void)
{
    return gst_element_register(NULL, "stsdub", GST_RANK_NONE, STS_TYPE_DUB);
}
