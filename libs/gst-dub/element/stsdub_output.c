/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The src pad's task: waits until the next block is due, mixes it, pushes it. Live, it waits for the
 * pipeline's clock and nothing else; otherwise until all phrases that can be heard in the block are known. */
#include "stsdub.h"

#include "dubbing_gst.h"
#include "sound/samples.h"

/* Live, four blocks of the mixer at a time: waking up costs more than mixing. */
#define LIVE_BLOCKS 4
#define BUFFER_BYTES (LIVE_BLOCKS * DUB_BLOCK_SAMPLES * DUB_CHANNELS * sizeof(int16_t))

enum task_step { STEP_STOP, STEP_EVENT, STEP_BLOCK };

GstClockTime sts_dub_due_time(StsDub *self, int64_t running_ns)
{
    GstClockTime ahead = self->settings.latency_ns + self->peer_latency;
    ahead -= MIN(ahead, DUB_GST_OUTPUT_MARGIN_NS);
    return gst_element_get_base_time(GST_ELEMENT(self)) + (GstClockTime)running_ns + ahead;
}

void sts_dub_wake(StsDub *self)
{
    if (self->clock_id != NULL)
        gst_clock_id_unschedule(self->clock_id);
    pthread_cond_broadcast(&self->changed);
}

/* Gives up the lock meanwhile. False when woken before the time. */
static bool wait_for_clock(StsDub *self, GstClock *clock, GstClockTime due)
{
    GstClockID id = gst_clock_new_single_shot_id(clock, due);
    self->clock_id = id;
    pthread_mutex_unlock(&self->lock);
    GstClockReturn result = gst_clock_id_wait(id, NULL);
    /* The jitter that a wait tells is from before it. */
    bool late = gst_clock_get_time(clock) > due + DUB_GST_OUTPUT_MARGIN_NS;
    pthread_mutex_lock(&self->lock);
    self->clock_id = NULL;
    gst_clock_id_unref(id);
    if (result == GST_CLOCK_UNSCHEDULED)
        return false;
    self->late_blocks += late;
    return true;
}

/* A live block is due by the clock. False: look again. */
static bool wait_for_live_block(StsDub *self)
{
    g_autoptr(GstClock) clock = gst_element_get_clock(GST_ELEMENT(self));
    if (!self->playing || !dub_dubber_started(self->dubber) || clock == NULL) {
        pthread_cond_wait(&self->changed, &self->lock);
        return false;
    }
    return wait_for_clock(self, clock, sts_dub_due_time(self, dub_dubber_next_ns(self->dubber)));
}

static bool nothing_ever_came(StsDub *self)
{
    return self->eos && !dub_dubber_started(self->dubber);
}

/* With the lock. Waits for the next thing to do. */
static enum task_step wait_for_step(StsDub *self)
{
    for (;;) {
        if (self->flushing)
            return STEP_STOP;
        if (!g_queue_is_empty(&self->events))
            return STEP_EVENT;
        if (nothing_ever_came(self))
            return STEP_BLOCK;
        if (self->settings.live) {
            if (wait_for_live_block(self) && !self->flushing)
                return STEP_BLOCK;
        } else if (dub_dubber_ready(self->dubber)) {
            return STEP_BLOCK;
        } else {
            pthread_cond_wait(&self->changed, &self->lock);
        }
    }
}

/* Nothing more will be pushed until a flush or a restart. The application knows before upstream does. */
static void end_output(StsDub *self, GstFlowReturn flow)
{
    if (flow == GST_FLOW_NOT_LINKED || flow < GST_FLOW_EOS)
        GST_ELEMENT_FLOW_ERROR(self, flow);
    pthread_mutex_lock(&self->lock);
    self->flow = flow;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    gst_pad_pause_task(self->srcpad);
}

/* With the lock. Less than asked for at the end. */
static unsigned mix(StsDub *self, int16_t *samples)
{
    unsigned n_blocks = self->settings.live ? LIVE_BLOCKS : 1;
    unsigned n_samples = 0;
    while (n_samples < n_blocks * DUB_BLOCK_SAMPLES) {
        unsigned n_mixed = dub_dubber_mix(self->dubber, samples + (gsize)n_samples * DUB_CHANNELS);
        n_samples += n_mixed;
        if (n_mixed < DUB_BLOCK_SAMPLES)
            break;
    }
    return n_samples;
}

/* With the lock. NULL once all is out. */
static GstBuffer *mix_block(StsDub *self)
{
    if (nothing_ever_came(self))
        return NULL;
    int64_t running_ns = dub_dubber_next_ns(self->dubber);
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, BUFFER_BYTES, NULL);
    GstMapInfo map;
    gst_buffer_map(buffer, &map, GST_MAP_WRITE);
    unsigned n_samples = mix(self, (int16_t *)(void *)map.data);
    gst_buffer_unmap(buffer, &map);
    if (n_samples == 0) {
        gst_buffer_unref(buffer);
        return NULL;
    }
    gst_buffer_set_size(buffer, (gssize)(n_samples * DUB_CHANNELS * sizeof(int16_t)));
    GST_BUFFER_PTS(buffer) =
        gst_segment_position_from_running_time(&self->out_segment, GST_FORMAT_TIME, (guint64)running_ns);
    GST_BUFFER_DURATION(buffer) = (GstClockTime)dub_samples_to_ns(n_samples);
    if (self->discont)
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    self->discont = false;
    self->blocks++;
    return buffer;
}

static void push_block(StsDub *self, GstBuffer *buffer)
{
    if (buffer == NULL) {
        sts_dub_report_phrases(self);
        gst_pad_push_event(self->srcpad, gst_event_new_eos());
        end_output(self, GST_FLOW_EOS);
        return;
    }
    GstFlowReturn flow = gst_pad_push(self->srcpad, buffer);
    if (flow != GST_FLOW_OK)
        end_output(self, flow);
    sts_dub_send_requests(self);
}

static void output_task(void *user)
{
    StsDub *self = user;
    GstEvent *event = NULL;
    GstBuffer *buffer = NULL;
    pthread_mutex_lock(&self->lock);
    enum task_step step = wait_for_step(self);
    if (step == STEP_EVENT)
        event = g_queue_pop_head(&self->events);
    else if (step == STEP_BLOCK)
        buffer = mix_block(self);
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);

    if (step == STEP_STOP)
        gst_pad_pause_task(self->srcpad);
    else if (step == STEP_EVENT)
        gst_pad_push_event(self->srcpad, event);
    else
        push_block(self, buffer);
}

void sts_dub_start_output(StsDub *self)
{
    gst_pad_start_task(self->srcpad, output_task, self, NULL);
}

gboolean sts_dub_src_activate(GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
    StsDub *self = STS_DUB(parent);
    if (mode != GST_PAD_MODE_PUSH)
        return FALSE;
    pthread_mutex_lock(&self->lock);
    self->flushing = !active;
    sts_dub_wake(self);
    pthread_mutex_unlock(&self->lock);
    if (!active)
        return gst_pad_stop_task(pad);
    sts_dub_start_output(self);
    return TRUE;
}

/* What is upstream, and the delay. A source that is not live becomes so by being paced here. */
static gboolean answer_latency(StsDub *self, GstQuery *query)
{
    gboolean live;
    GstClockTime min;
    GstClockTime max;
    if (!gst_pad_peer_query(self->sinkpad, query))
        return FALSE;
    if (!self->settings.live)
        return TRUE;
    gst_query_parse_latency(query, &live, &min, &max);
    if (!live) {
        min = 0;
        max = GST_CLOCK_TIME_NONE;
    }
    pthread_mutex_lock(&self->lock);
    self->peer_latency = min;
    GstClockTime delay = self->settings.latency_ns;
    sts_dub_wake(self);
    pthread_mutex_unlock(&self->lock);
    gst_query_set_latency(query, TRUE, min + delay, GST_CLOCK_TIME_IS_VALID(max) ? max + delay : max);
    return TRUE;
}

gboolean sts_dub_src_query(GstPad *pad, GstObject *parent, GstQuery *query)
{
    if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY)
        return answer_latency(STS_DUB(parent), query);
    return gst_pad_query_default(pad, parent, query);
}

gboolean sts_dub_src_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    if (GST_EVENT_TYPE(event) == GST_EVENT_SEEK) {
        gdouble rate;
        gst_event_parse_seek(event, &rate, NULL, NULL, NULL, NULL, NULL, NULL);
        if (rate != 1.0) {
            GST_WARNING_OBJECT(parent, "no dubbing at speed %g", rate);
            gst_event_unref(event);
            return FALSE;
        }
    }
    return gst_pad_event_default(pad, parent, event);
}
