/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core.h"

#include "elements.h"
#include "output/aac_encoder.h"

#include <dubbing_clock.h>
#include <dubbing_gst.h>
#include <string.h>

/* A packet leaves the encoder when the samples of the two after it are in (64 ms), and it should be with the
 * muxer before its picture: sound leaves the mixer this much before the picture. */
#define ENCODER_LEAD_NS (80 * DUB_NS_PER_MS)
#define DRAINED_NAME "sound-drained"
#define INPUT_CAPS "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=2"

struct core {
    struct core_events events;
    void *user;
    GstElement *pipeline, *dub;
    struct aac_encoder *encoder; /* used on the element's output thread */
    GstPad *feed;     /* owned: what comes in goes straight into the element, on the input's thread */
    GstPad *drain;    /* owned: what comes out goes straight into the encoder, on the element's thread */
    GstClockTime fed; /* PTS of the sound that came last */
    bool started;     /* the events that open a stream are through */
    bool refusing;    /* atomic: nothing is taken in */
    bool closed;      /* main thread: the element's input has been closed for that */
    guint bus_watch;
};

static bool encode(struct core *core, GstBuffer *sound)
{
    GstMapInfo map;

    if (!gst_buffer_map(sound, &map, GST_MAP_READ))
        return false;
    bool done =
        aac_encoder_push(core->encoder, (const int16_t *)(const void *)map.data,
                         (unsigned)(map.size / (2 * sizeof(int16_t))), (int64_t)GST_BUFFER_PTS(sound));
    gst_buffer_unmap(sound, &map);
    return done;
}

static GstFlowReturn on_sound(GstPad *pad, GstObject *parent, GstBuffer *take_sound)
{
    struct core *core = gst_pad_get_element_private(pad);
    bool encoded = encode(core, take_sound);

    gst_buffer_unref(take_sound);
    if (encoded)
        return GST_FLOW_OK;
    GST_ELEMENT_ERROR(core->dub, STREAM, ENCODE, ("AAC encoding failed"), (NULL));
    return GST_FLOW_ERROR;
}

static gboolean on_sound_event(GstPad *pad, GstObject *parent, GstEvent *take_event)
{
    struct core *core = gst_pad_get_element_private(pad);

    if (GST_EVENT_TYPE(take_event) == GST_EVENT_EOS) {
        aac_encoder_finish(core->encoder);
        gst_element_post_message(
            core->dub,
            gst_message_new_application(GST_OBJECT(core->dub), gst_structure_new_empty(DRAINED_NAME)));
    }
    gst_event_unref(take_event);
    return TRUE;
}

static void on_packet(GstBuffer *take_packet, void *user)
{
    struct core *core = user;
    core->events.on_packet(take_packet, core->user);
}

static void handle_element_message(struct core *core, GstMessage *message)
{
    const GstStructure *structure = gst_message_get_structure(message);
    if (structure && gst_structure_has_name(structure, DUB_GST_PHRASE_NAME))
        core->events.on_phrase(structure, core->user);
}

static gboolean on_bus_message(GstBus *bus, GstMessage *message, gpointer data)
{
    struct core *core = data;

    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT) {
        handle_element_message(core, message);
    } else if (gst_message_has_name(message, DRAINED_NAME)) {
        core->events.on_drained(core->user);
    } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        g_autoptr(GError) error = NULL;
        gst_message_parse_error(message, &error, NULL);
        core->events.on_failed(error->message, core->user);
    }
    return G_SOURCE_CONTINUE;
}

static GstElement *new_dub(const struct worker_settings *settings, bool live)
{
    GstElement *dub = gst_element_factory_make("stsdub", NULL);
    int64_t latency_ns = live ? settings->latency_ns - ENCODER_LEAD_NS : settings->latency_ns;

    if (!dub)
        return NULL;
    g_object_set(dub, "latency", (guint64)latency_ns, "max-lag", (guint64)settings->max_lag_ns, "live", live,
                 "stream-id", settings->stream_id, "worker-id", settings->common.instance_id, "sts-url",
                 settings->sts_url, "sts-api-key", settings->sts_api_key, "sts-timeout-ms",
                 (guint)settings->sts_timeout_ms, "source-lang", settings->source_lang, "target-lang",
                 settings->target_lang, "voice", settings->voice, "capture-dir", settings->capture_dir,
                 "segment-duration", (guint64)settings->segment_duration_ns, "max-inflight",
                 (guint)settings->max_inflight, NULL);
    gst_util_set_object_arg(G_OBJECT(dub), "sts-mode", worker_settings_sts_mode(settings));
    gst_util_set_object_arg(G_OBJECT(dub), "mix-mode", worker_settings_mix_mode(settings));
    gst_util_set_object_arg(G_OBJECT(dub), "fallback", worker_settings_fallback(settings));
    gst_util_set_object_arg(G_OBJECT(dub), "fragmenter", worker_settings_fragmenter(settings));
    return dub;
}

/* Pads of ours in place of appsrc and appsink: no queue, no thread and no clock between. */
static void link_pads(struct core *core)
{
    g_autoptr(GstPad) dub_sink = gst_element_get_static_pad(core->dub, "sink");
    g_autoptr(GstPad) dub_src = gst_element_get_static_pad(core->dub, "src");

    core->feed = gst_object_ref_sink(gst_pad_new("feed", GST_PAD_SRC));
    core->drain = gst_object_ref_sink(gst_pad_new("drain", GST_PAD_SINK));
    gst_pad_set_element_private(core->drain, core);
    gst_pad_set_chain_function(core->drain, on_sound);
    gst_pad_set_event_function(core->drain, on_sound_event);
    gst_pad_set_active(core->feed, TRUE);
    gst_pad_set_active(core->drain, TRUE);
    gst_pad_link(core->feed, dub_sink);
    gst_pad_link(dub_src, core->drain);
}

static void build_pipeline(struct core *core, GstElement *dub)
{
    core->pipeline = gst_pipeline_new("core");
    core->dub = dub;
    gst_bin_add(GST_BIN(core->pipeline), dub);
    link_pads(core);
    g_autoptr(GstBus) bus = gst_element_get_bus(core->pipeline);
    core->bus_watch = gst_bus_add_watch(bus, on_bus_message, core);
}

struct core *core_new(const struct worker_settings *settings, bool live, const struct core_events *events,
                      void *user, struct dub_error *error)
{
    struct core *core = g_new0(struct core, 1);
    GstElement *dub = new_dub(settings, live);

    core->events = *events;
    core->user = user;
    core->encoder = aac_encoder_new(on_packet, core, error);
    if (dub && core->encoder) {
        build_pipeline(core, dub);
        return core;
    }
    if (!dub)
        dub_error_set(error, DUB_ERROR_UNAVAILABLE, "GStreamer element \"stsdub\" is missing");
    gst_clear_object(&dub);
    aac_encoder_free(core->encoder);
    g_free(core);
    return NULL;
}

void core_start(struct core *core, int64_t base_ns)
{
    elements_use_clock(core->pipeline, (GstClockTime)base_ns);
    gst_element_set_state(core->pipeline, GST_STATE_PLAYING);
}

static void open_stream(struct core *core)
{
    g_autoptr(GstCaps) caps = gst_caps_from_string(INPUT_CAPS);
    GstSegment segment;

    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(core->feed, gst_event_new_stream_start("sound"));
    gst_pad_push_event(core->feed, gst_event_new_caps(caps));
    gst_pad_push_event(core->feed, gst_event_new_segment(&segment));
    core->started = true;
}

static bool is_refusing(struct core *core)
{
    return __atomic_load_n(&core->refusing, __ATOMIC_SEQ_CST);
}

bool core_push(struct core *core, GstBuffer *take_buffer)
{
    if (is_refusing(core)) {
        gst_buffer_unref(take_buffer);
        return false;
    }
    if (!core->started)
        open_stream(core);
    core->fed = GST_BUFFER_PTS(take_buffer);
    return gst_pad_push(core->feed, take_buffer) == GST_FLOW_OK;
}

void core_break(struct core *core)
{
    if (core->started)
        gst_pad_push_event(core->feed, gst_event_new_gap(core->fed, GST_CLOCK_TIME_NONE));
}

void core_end(struct core *core)
{
    if (!core->started)
        open_stream(core);
    gst_pad_push_event(core->feed, gst_event_new_eos());
}

void core_refuse(struct core *core)
{
    g_autoptr(GstPad) pad = gst_element_get_static_pad(core->dub, "sink");

    /* In this order: what is let in before it finds an input that is closed, and is woken by that. */
    __atomic_store_n(&core->refusing, true, __ATOMIC_SEQ_CST);
    core->closed = gst_pad_is_active(pad) && gst_pad_set_active(pad, FALSE);
}

void core_accept(struct core *core)
{
    g_autoptr(GstPad) pad = gst_element_get_static_pad(core->dub, "sink");

    /* A pad that was closed has forgotten what it was told. */
    if (core->closed && gst_pad_set_active(pad, TRUE) && core->started)
        open_stream(core);
    core->closed = false;
    __atomic_store_n(&core->refusing, false, __ATOMIC_SEQ_CST);
}

/* Phrases that are open are settled on the way to READY, and the bus is emptied on the way to NULL: between
 * the two the last of them are read. Nothing else on it matters any more. */
static void take_last_phrases(struct core *core)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(core->pipeline);
    GstMessage *message;

    while ((message = gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT)) != NULL) {
        handle_element_message(core, message);
        gst_message_unref(message);
    }
}

void core_stop(struct core *core)
{
    gst_element_set_state(core->pipeline, GST_STATE_READY);
    take_last_phrases(core);
    g_clear_handle_id(&core->bus_watch, g_source_remove);
    gst_element_set_state(core->pipeline, GST_STATE_NULL);
}

void core_free(struct core *core)
{
    if (!core)
        return;
    core_stop(core);
    gst_object_unref(core->feed);
    gst_object_unref(core->drain);
    gst_object_unref(core->pipeline);
    aac_encoder_free(core->encoder);
    g_free(core);
}

GstStructure *core_get_stats(struct core *core)
{
    GstStructure *stats = NULL;
    g_object_get(core->dub, "stats", &stats, NULL);
    return stats;
}
