/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "feeder.h"

#include "../monotonic_cond.h"
#include "../time/timestamp_map.h"

#include <dubbing_log.h>

#define HELD_BYTES_MAX (64 << 20) /* held for anchoring; beyond, what is known has to do */
/* Sound that comes later than this before its release may miss the mixer. */
#define ABSORB_MARGIN_NS (500 * DUB_NS_PER_MS)
/* Pictures whose time does not go on (a timeline that had to step back) keep their order by this much. */
#define ORDER_STEP_NS (DUB_NS_PER_MS / 2)
/* A stream whose timestamps jump all the time is named this often. */
#define JUMP_LOG_INTERVAL_NS (10 * DUB_NS_PER_S)

/* A buffer with its timestamps as they came. */
struct item {
    enum track track;
    GstBuffer *buffer;
    GstCaps *caps;
    int64_t dts_ns, pts_ns; /* running time of the input: the publisher's timestamps */
    int64_t arrival_ns;
    int64_t clock_ns;  /* its place, once the map is anchored */
    int64_t source_ns; /* the publisher's PTS, never wrapped; likewise */
};

struct feeder {
    enum feeder_pace pace;
    int64_t absorb_ns; /* how late a buffer may come and still be of use */
    const struct dub_clock *clock;
    struct feeder_events events;
    void *user;

    /* The input's streaming thread. */
    struct timestamp_map map;
    GQueue held; /* of struct item */
    int64_t held_bytes;
    bool started;
    int64_t base_ns;
    int64_t last_dts_ns; /* of the video passed on, on the timeline; INT64_MIN: none yet */
    bool awaits_key;     /* after a reconnect: the video resumes where decoding can */
    unsigned skipped;    /* pictures passed over meanwhile */
    unsigned jumps;      /* since they were named last */
    int64_t jump_named_ns;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool interrupted;
    struct feeder_facts facts;
};

static void item_free(struct item *item)
{
    gst_clear_buffer(&item->buffer);
    gst_clear_caps(&item->caps);
    g_free(item);
}

struct feeder *feeder_new(enum feeder_pace pace, int64_t latency_ns, const struct dub_clock *clock,
                          const struct feeder_events *events, void *user)
{
    struct feeder *feeder = g_new0(struct feeder, 1);

    feeder->pace = pace;
    feeder->absorb_ns = latency_ns - ABSORB_MARGIN_NS;
    feeder->jump_named_ns = INT64_MIN;
    feeder->clock = clock;
    feeder->events = *events;
    feeder->user = user;
    feeder->last_dts_ns = INT64_MIN;
    g_queue_init(&feeder->held);
    pthread_mutex_init(&feeder->lock, NULL);
    monotonic_cond_init(&feeder->changed);
    feeder_begin(feeder);
    return feeder;
}

static void drop_held(struct feeder *feeder)
{
    g_queue_clear_full(&feeder->held, (GDestroyNotify)item_free);
    feeder->held_bytes = 0;
}

void feeder_free(struct feeder *feeder)
{
    if (!feeder)
        return;
    drop_held(feeder);
    pthread_cond_destroy(&feeder->changed);
    pthread_mutex_destroy(&feeder->lock);
    g_free(feeder);
}

void feeder_begin(struct feeder *feeder)
{
    drop_held(feeder);
    timestamp_map_init(&feeder->map, feeder->pace == FEEDER_LIVE ? TIMESTAMP_MAP_LIVE : TIMESTAMP_MAP_FILE,
                       feeder->absorb_ns);
    feeder->awaits_key = feeder->started;
    feeder->skipped = 0;
    pthread_mutex_lock(&feeder->lock);
    feeder->facts = (struct feeder_facts){.bytes = feeder->facts.bytes};
    pthread_mutex_unlock(&feeder->lock);
}

static int64_t now(const struct feeder *feeder)
{
    return dub_clock_now_ns(feeder->clock);
}

/* False when interrupted. */
static bool wait_until(struct feeder *feeder, int64_t until_ns)
{
    pthread_mutex_lock(&feeder->lock);
    while (!feeder->interrupted && now(feeder) < until_ns)
        monotonic_cond_wait_until(&feeder->changed, &feeder->lock, until_ns);
    bool interrupted = feeder->interrupted;
    pthread_mutex_unlock(&feeder->lock);
    return !interrupted;
}

static int64_t running_time(const GstSegment *segment, GstClockTime timestamp)
{
    guint64 value = 0;
    int sign = gst_segment_to_running_time_full(segment, GST_FORMAT_TIME, timestamp, &value);
    return sign < 0 ? -(int64_t)value : (int64_t)value;
}

static struct item *item_new(struct feeder *feeder, enum track track, GstSample *sample)
{
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    const GstSegment *segment = gst_sample_get_segment(sample);
    GstClockTime pts = GST_BUFFER_PTS(buffer), dts = GST_BUFFER_DTS(buffer);

    if (!GST_CLOCK_TIME_IS_VALID(pts))
        pts = dts;
    if (!GST_CLOCK_TIME_IS_VALID(dts) || track == TRACK_AUDIO)
        dts = pts;
    if (!GST_CLOCK_TIME_IS_VALID(pts))
        return NULL;

    struct item *item = g_new0(struct item, 1);
    item->track = track;
    item->buffer = gst_buffer_ref(buffer);
    item->caps = gst_caps_ref(gst_sample_get_caps(sample));
    item->pts_ns = running_time(segment, pts);
    item->dts_ns = running_time(segment, dts);
    item->arrival_ns = now(feeder);
    return item;
}

static void count(struct feeder *feeder, const struct item *item)
{
    pthread_mutex_lock(&feeder->lock);
    struct feeder_facts *facts = &feeder->facts;
    facts->bytes += (int64_t)gst_buffer_get_size(item->buffer);
    facts->last_arrival_ns = item->arrival_ns;
    if (facts->first_arrival_ns == 0)
        facts->first_arrival_ns = item->arrival_ns;
    facts->has_video = facts->has_video || item->track == TRACK_VIDEO;
    facts->has_audio = facts->has_audio || item->track == TRACK_AUDIO;
    pthread_mutex_unlock(&feeder->lock);
}

/* After a reconnect a router may repeat what has been passed on already; it cannot be continued in mid-GOP.
 */
static bool is_passed_over(struct feeder *feeder, bool key, int64_t dts_ns)
{
    if (!feeder->awaits_key)
        return false;
    if (!key || dts_ns <= feeder->last_dts_ns) {
        feeder->skipped++;
        return true;
    }
    feeder->awaits_key = false;
    dub_log_info("video resumes at a key frame, %u pictures of the new connection passed over",
                 feeder->skipped);
    return false;
}

static bool pass_video(struct feeder *feeder, struct item *item, int64_t dts_ns)
{
    bool key = !GST_BUFFER_FLAG_IS_SET(item->buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    int64_t pts_ns = dts_ns + (item->pts_ns - item->dts_ns);

    if (is_passed_over(feeder, key, dts_ns))
        return true;
    if (feeder->last_dts_ns != INT64_MIN)
        dts_ns = MAX(dts_ns, feeder->last_dts_ns + ORDER_STEP_NS);
    feeder->last_dts_ns = dts_ns;

    struct packet *packet = g_new0(struct packet, 1);
    packet->buffer = g_steal_pointer(&item->buffer);
    packet->caps = g_steal_pointer(&item->caps);
    packet->dts_ns = dts_ns;
    packet->pts_ns = MAX(pts_ns, dts_ns);
    packet->source_ns = item->source_ns;
    packet->arrival_ns = item->arrival_ns;
    packet->key = key;
    return feeder->events.on_video(packet, feeder->user);
}

static bool pass_audio(struct feeder *feeder, struct item *item, int64_t position_ns)
{
    /* Before the beginning of time: the router's cache may begin with sound that lies before the first
     * picture. */
    if (position_ns < 0)
        return true;
    GstBuffer *buffer = gst_buffer_make_writable(g_steal_pointer(&item->buffer));
    GST_BUFFER_PTS(buffer) = (GstClockTime)position_ns;
    GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    return feeder->events.on_audio(buffer, item->source_ns, feeder->user);
}

static void note_jump(struct feeder *feeder, int64_t arrival_ns)
{
    feeder->jumps++;
    if (feeder->jump_named_ns != INT64_MIN && arrival_ns - feeder->jump_named_ns < JUMP_LOG_INTERVAL_NS)
        return;
    dub_log_warn(
        "the publisher's timestamps jumped (%u times since this was last said): the timeline goes on "
        "with their arrival",
        feeder->jumps);
    feeder->jumps = 0;
    feeder->jump_named_ns = arrival_ns;
}

/* In the order of arrival. */
static void place(struct feeder *feeder, struct item *item)
{
    bool jumped;

    item->clock_ns = timestamp_map_place(&feeder->map, item->track, item->dts_ns, item->arrival_ns, &jumped);
    item->source_ns = timestamp_map_unwrapped(&feeder->map, item->track, item->pts_ns);
    if (jumped)
        note_jump(feeder, item->arrival_ns);
}

/* Takes the item, which has been placed. */
static bool pass_on(struct feeder *feeder, struct item *item)
{
    bool flowing = true;

    if (feeder->pace == FEEDER_PACED) {
        flowing = wait_until(feeder, item->clock_ns);
        item->arrival_ns = now(feeder);
    }
    if (flowing && item->track == TRACK_VIDEO)
        flowing = pass_video(feeder, item, item->clock_ns - feeder->base_ns);
    else if (flowing)
        flowing = pass_audio(feeder, item, item->clock_ns - feeder->base_ns);
    item_free(item);
    return flowing;
}

/* Places what is held; the earliest place. */
static int64_t place_held(struct feeder *feeder)
{
    int64_t earliest_ns = INT64_MAX;

    for (const GList *link = feeder->held.head; link; link = link->next) {
        struct item *item = link->data;
        place(feeder, item);
        earliest_ns = MIN(earliest_ns, item->clock_ns + MIN(item->pts_ns - item->dts_ns, 0));
    }
    return earliest_ns;
}

static bool anchor(struct feeder *feeder)
{
    bool flowing = true;
    struct item *item;

    timestamp_map_anchor(&feeder->map, feeder->pace == FEEDER_PACED ? now(feeder) : 0);
    int64_t earliest_ns = place_held(feeder);
    if (!feeder->started) {
        feeder->started = true;
        feeder->base_ns = earliest_ns;
        feeder->events.on_start(feeder->base_ns, feeder->user);
    }
    while ((item = g_queue_pop_head(&feeder->held)) != NULL) {
        if (flowing)
            flowing = pass_on(feeder, item);
        else
            item_free(item);
    }
    feeder->held_bytes = 0;
    return flowing;
}

static bool hold(struct feeder *feeder, struct item *item)
{
    timestamp_map_observe(&feeder->map, item->track, item->dts_ns, item->arrival_ns);
    feeder->held_bytes += (int64_t)gst_buffer_get_size(item->buffer);
    g_queue_push_tail(&feeder->held, item);
    if (timestamp_map_is_ready(&feeder->map, item->arrival_ns) || feeder->held_bytes > HELD_BYTES_MAX)
        return anchor(feeder);
    return true;
}

static bool is_interrupted(struct feeder *feeder)
{
    pthread_mutex_lock(&feeder->lock);
    bool interrupted = feeder->interrupted;
    pthread_mutex_unlock(&feeder->lock);
    return interrupted;
}

static bool push(struct feeder *feeder, enum track track, GstSample *sample)
{
    if (is_interrupted(feeder))
        return false;
    struct item *item = item_new(feeder, track, sample);
    if (!item)
        return true;
    count(feeder, item);
    if (!feeder->map.anchored)
        return hold(feeder, item);
    place(feeder, item);
    return pass_on(feeder, item);
}

bool feeder_push_video(struct feeder *feeder, GstSample *sample)
{
    return push(feeder, TRACK_VIDEO, sample);
}

bool feeder_push_audio(struct feeder *feeder, GstSample *sample)
{
    return push(feeder, TRACK_AUDIO, sample);
}

void feeder_end(struct feeder *feeder)
{
    if (!feeder->map.anchored && !g_queue_is_empty(&feeder->held) && !is_interrupted(feeder))
        anchor(feeder);
}

void feeder_interrupt(struct feeder *feeder)
{
    pthread_mutex_lock(&feeder->lock);
    feeder->interrupted = true;
    pthread_cond_signal(&feeder->changed);
    pthread_mutex_unlock(&feeder->lock);
}

void feeder_get_facts(struct feeder *feeder, struct feeder_facts *facts)
{
    pthread_mutex_lock(&feeder->lock);
    *facts = feeder->facts;
    pthread_mutex_unlock(&feeder->lock);
}
