/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "feeder_rig.h"

#include <stdlib.h>

#define MS DUB_NS_PER_MS
#define S DUB_NS_PER_S

/* What timestamps in milliseconds can say of two tracks. */
#define RELATION_SLACK_NS (3 * MS)
/* What a clock that is 1000 ppm off does until it has been seen for long enough. */
#define BOUND_SLACK_NS (70 * MS)
/* After a trouble is over, and what it made the timeline do at once as well. */
#define SETTLED_NS (20 * S)
/* The two measuring periods of the map, and the way of what they measured through the slew. */
#define SLEW_BEGINS_NS (35 * S)

static void fail(const struct feeder_rig *rig, const char *what, const char *file, int line)
{
    const struct publisher *publisher = &rig->publisher;
    const char *trouble = publisher->n_troubles ? trouble_name(publisher->trouble) : "none";

    g_error(
        "seed %u, at %.3f s: %s (%s:%d). Trouble %u, at %.3f s: %s, of track %d, %.3f s; clock %d ppm off",
        rig->seed, (double)(feeder_rig_now(rig) - FEEDER_RIG_START) / S, what, file, line,
        publisher->n_troubles, (double)(publisher->trouble_at_ns - FEEDER_RIG_START) / S, trouble,
        publisher->trouble_track, (double)publisher->trouble_size_ns / S, (int)publisher->traits.ppm);
}

void feeder_rig_check(const struct feeder_rig *rig, bool is_true, const char *condition, const char *file,
                      int line)
{
    if (is_true)
        return;
    g_autofree char *what = g_strdup_printf("%s is not true", condition);
    fail(rig, what, file, line);
}

void feeder_rig_check_within(const struct feeder_rig *rig, int64_t value_ns, int64_t limit_ns,
                             const char *what, int line)
{
    if (llabs(value_ns) <= limit_ns)
        return;
    g_autofree char *text =
        g_strdup_printf("%s is %.3f ms, more than %.3f", what, (double)value_ns / MS, (double)limit_ns / MS);
    fail(rig, text, __FILE__, line);
}

int64_t feeder_rig_now(const struct feeder_rig *rig)
{
    return dub_clock_now_ns(&rig->clock.clock);
}

bool feeder_rig_is_settled(const struct feeder_rig *rig)
{
    return feeder_rig_now(rig) > rig->troubled_ns;
}

/* A picture whose time did not go on, and that only keeps its order. */
static bool is_pushed(const struct feeder_rig *rig, enum track track, int64_t position_ns)
{
    return track == TRACK_VIDEO && position_ns == rig->seen[TRACK_VIDEO].position_ns + MS / 2;
}

/* What is harmless is judged all the time, but for the wrong timestamp itself, and pictures that keep their
 * order after it. */
static bool is_judged(const struct feeder_rig *rig, const struct publisher_packet *sent, int64_t position_ns)
{
    if (!rig->harmless)
        return feeder_rig_is_settled(rig);
    return !sent->wrong && !is_pushed(rig, sent->track, position_ns);
}

/* ---- what a trouble allows ---- */

/* How much further sound is than pictures, by the publisher's timestamps. */
static int64_t word_of(const struct publisher *publisher)
{
    return publisher->track_step_ns[TRACK_AUDIO] - publisher->track_step_ns[TRACK_VIDEO];
}

static int64_t residue(const struct feeder_rig *rig)
{
    const struct publisher *publisher = &rig->publisher;
    int64_t jitter_ns = 2 * publisher->traits.jitter_ns + MS;
    int64_t duration_ns = publisher->trouble_over_ns - publisher->trouble_at_ns;
    int64_t unwatched_ns = duration_ns / 1000000 * llabs(publisher->traits.ppm) + 10 * MS;

    switch (publisher->trouble) {
    case TROUBLE_GLITCH:
    case TROUBLE_GAP:
    case TROUBLE_HOLE:
    case TROUBLE_CONGESTION:
        return unwatched_ns;
    case TROUBLE_STEP:
        return TIMESTAMP_MAP_STEP_NS + jitter_ns;
    case TROUBLE_STEP_OF_ONE:
    case TROUBLE_CLOCK_OF_ONE:
        return MIN(llabs(publisher->trouble_size_ns), TIMESTAMP_MAP_ALONE_NS) + jitter_ns;
    case TROUBLE_STANDSTILL:
        return MIN(publisher->trouble_size_ns, TIMESTAMP_MAP_LATE_NS) + jitter_ns;
    case TROUBLE_LONG_STALL:
        return TIMESTAMP_MAP_EARLY_NS + unwatched_ns + jitter_ns;
    case TROUBLE_RECONNECT: /* the one that is further may begin late */
        return MIN(llabs(word_of(publisher)), TIMESTAMP_MAP_ALONE_NS) + jitter_ns;
    case TROUBLE_COUNT:
        break;
    }
    return jitter_ns;
}

/* What is allowed now: it is slewed away, but for what the measure itself cannot see. */
int64_t feeder_rig_allowed(const struct feeder_rig *rig)
{
    int64_t ppm = llabs(rig->publisher.traits.ppm);
    int64_t least_ns = 10 * MS + ppm * 30 * MS / 1000 + rig->publisher.traits.jitter_ns / 3;
    int64_t passed_ns = MAX(0, feeder_rig_now(rig) - rig->residue_at_ns - SLEW_BEGINS_NS);
    int64_t slewed_ns = passed_ns / 1000000 * (450 - ppm);

    return MAX(rig->residue_ns - slewed_ns, 0) + least_ns;
}

/* Below a second one track's timestamps are the publisher's word; beyond, they are a clock of its own, which
 * goes on as it did. A new connection takes the publisher at its word unless that is absurd. */
static void note_relation(struct feeder_rig *rig)
{
    const struct publisher *publisher = &rig->publisher;
    int64_t word_ns = word_of(publisher);
    int64_t size_ns = publisher->trouble_size_ns;
    int64_t inexact_ns = 2 * publisher->traits.jitter_ns + 2 * RELATION_SLACK_NS;
    int64_t wrong_ns = word_ns + (publisher->trouble_track == TRACK_AUDIO ? size_ns : -size_ns);

    if (publisher->trouble == TROUBLE_RECONNECT) {
        rig->relation_ns = llabs(word_ns) > TIMESTAMP_MAP_APART_NS ? 0 : word_ns;
        rig->relation_slack_ns = RELATION_SLACK_NS;
        if (llabs(word_ns) > TIMESTAMP_MAP_ALONE_NS)
            rig->relation_slack_ns = inexact_ns + llabs(rig->relation_ns);
    } else if (publisher->trouble == TROUBLE_GLITCH && llabs(word_ns) > TIMESTAMP_MAP_ALONE_NS &&
               llabs(wrong_ns) <= TIMESTAMP_MAP_ALONE_NS + inexact_ns) {
        /* By chance it lies where the other one is. */
        rig->relation_slack_ns = inexact_ns + llabs(rig->relation_ns) + TIMESTAMP_MAP_ALONE_NS;
    } else if (publisher->trouble == TROUBLE_HOLE && llabs(rig->relation_ns) > TIMESTAMP_MAP_ALONE_NS) {
        /* The one that is left looks late for good, and then the other one early. */
        rig->relation_slack_ns = inexact_ns + llabs(rig->relation_ns);
    } else if (publisher->trouble == TROUBLE_STEP && llabs(word_ns) > TIMESTAMP_MAP_ALONE_NS) {
        rig->relation_slack_ns = inexact_ns; /* each wraps for itself */
    } else if (publisher->trouble == TROUBLE_STEP_OF_ONE || publisher->trouble == TROUBLE_CLOCK_OF_ONE) {
        if (llabs(size_ns) > TIMESTAMP_MAP_ALONE_NS) /* or back to where the other one is */
            rig->relation_slack_ns =
                inexact_ns +
                (llabs(word_ns) <= TIMESTAMP_MAP_ALONE_NS ? llabs(word_ns - rig->relation_ns) : 0);
        else
            rig->relation_ns += publisher->trouble_track == TRACK_AUDIO ? size_ns : -size_ns;
    }
}

static void note_trouble(struct feeder_rig *rig)
{
    const struct publisher *publisher = &rig->publisher;
    int64_t over_ns = publisher->trouble_over_ns + publisher->traits.transit_ns + publisher->traits.jitter_ns;

    rig->n_troubles = publisher->n_troubles;
    rig->residue_ns = (publisher->trouble == TROUBLE_RECONNECT ? 0 : feeder_rig_allowed(rig)) + residue(rig);
    rig->residue_at_ns = over_ns;
    rig->troubled_ns = MAX(rig->troubled_ns, over_ns + SETTLED_NS);
    note_relation(rig);
}

/* ---- what comes out ---- */

static void on_start(int64_t base_ns, void *user)
{
    struct feeder_rig *rig = user;
    RIG_CHECK(rig, llabs(base_ns - feeder_rig_now(rig)) < rig->publisher.traits.cache_ns + 5 * S);
    rig->base_ns = base_ns;
    if (rig->events && rig->events->on_start)
        rig->events->on_start(base_ns, rig->user);
}

/* Sound and picture stay as the publisher related them, to what its timestamps can say. */
static void judge_relation(struct feeder_rig *rig, const struct publisher_packet *sent)
{
    const struct seen *seen = rig->seen;

    if (!feeder_rig_is_settled(rig) || feeder_rig_now(rig) - seen[1 - sent->track].arrival_ns > 2 * S)
        return;
    int64_t relation_ns = seen[TRACK_AUDIO].way_ns - seen[TRACK_VIDEO].way_ns;
    RIG_CHECK_WITHIN(rig, relation_ns - rig->relation_ns, rig->relation_slack_ns);
    if (rig->relation_slack_ns > RELATION_SLACK_NS) {
        rig->relation_ns = relation_ns;
        rig->relation_slack_ns = RELATION_SLACK_NS;
    }
}

/* Of the two tracks the one that is earlier counts. Where the publisher wants them further apart than D
 * allows, none has a place of its own. */
static void judge_place(struct feeder_rig *rig, const struct publisher_packet *sent, int64_t position_ns)
{
    int64_t way_ns = position_ns - sent->captured_ns;
    int64_t relation_ns = rig->relation_ns;
    int64_t behind_ns = sent->track == TRACK_AUDIO ? MIN(relation_ns, 0) : MIN(-relation_ns, 0);
    int64_t error_ns = way_ns - behind_ns - rig->publisher.traits.transit_ns;

    RIG_CHECK(rig, position_ns - sent->arrival_ns <= TIMESTAMP_MAP_AHEAD_MAX_NS);
    if (!is_judged(rig, sent, position_ns) || llabs(relation_ns) > TIMESTAMP_MAP_ALONE_NS)
        return;
    RIG_CHECK_WITHIN(rig, error_ns, feeder_rig_allowed(rig) + rig->relation_slack_ns);
    rig->n_judged++;
}

/* A clock that the slew cannot follow takes the timeline from one bound to where it should be, again and
 * again. */
static void judge_bounds(struct feeder_rig *rig, const struct publisher_packet *sent, int64_t position_ns)
{
    int64_t way_ns = position_ns - sent->captured_ns;
    int64_t error_ns = way_ns - rig->publisher.traits.transit_ns;

    if (llabs(way_ns - rig->seen[sent->track].way_ns) > RELATION_SLACK_NS)
        rig->troubled_ns = feeder_rig_now(rig) + S;
    RIG_CHECK(rig, error_ns <= TIMESTAMP_MAP_EARLY_NS + BOUND_SLACK_NS);
    RIG_CHECK(rig, error_ns >= -TIMESTAMP_MAP_LATE_NS - BOUND_SLACK_NS);
    rig->n_judged++;
}

/* The offset moves by the slew only, and no track steps back. */
static void judge_motion(struct feeder_rig *rig, const struct publisher_packet *sent, int64_t position_ns)
{
    const struct seen *before = &rig->seen[sent->track];
    int64_t slack_ns = (sent->arrival_ns - before->arrival_ns) / 2000 + 2 * MS; /* timestamps are not exact */

    if (!before->any || !is_judged(rig, sent, position_ns))
        return;
    int64_t captured_before_ns = before->position_ns - before->way_ns;
    int64_t drift_ns = (sent->captured_ns - captured_before_ns) / 1000000 * rig->publisher.traits.ppm;
    int64_t moved_ns = position_ns - sent->captured_ns - before->way_ns - drift_ns;
    RIG_CHECK_WITHIN(rig, moved_ns, slack_ns);
    RIG_CHECK(rig, position_ns > before->position_ns);
}

/* Nothing is lost, doubled or put in another order. */
static void judge_order(struct feeder_rig *rig, const struct publisher_packet *sent, int64_t position_ns)
{
    if (sent->number != rig->next_number) {
        RIG_CHECK(rig, rig->may_skip && sent->number > rig->next_number);
        for (uint64_t i = rig->next_number; i < sent->number; i++)
            RIG_CHECK(rig, rig->sent[i % FEEDER_RIG_SENT].track == TRACK_VIDEO);
    }
    if (sent->track == TRACK_VIDEO && rig->may_skip) {
        RIG_CHECK(rig, sent->key && position_ns > rig->seen[TRACK_VIDEO].position_ns + MS / 2);
        rig->may_skip = false;
    }
    rig->next_number = sent->number + 1;
}

static void judge(struct feeder_rig *rig, guint64 number, enum track track, int64_t place_ns)
{
    const struct publisher_packet *sent = &rig->sent[number % FEEDER_RIG_SENT];
    struct seen *seen = &rig->seen[track];
    int64_t position_ns = rig->base_ns + place_ns;

    RIG_CHECK(rig, sent->number == number && sent->track == track);
    judge_order(rig, sent, position_ns);
    if (track == TRACK_VIDEO && seen->position_ns != 0)
        RIG_CHECK(rig, position_ns > seen->position_ns);
    if (rig->outruns_slew) {
        judge_bounds(rig, sent, position_ns);
    } else {
        judge_motion(rig, sent, position_ns);
        judge_place(rig, sent, position_ns);
    }
    *seen = (struct seen){
        .any = !sent->wrong && !is_pushed(rig, track, position_ns),
        .position_ns = position_ns,
        .arrival_ns = sent->arrival_ns,
        .way_ns = position_ns - sent->captured_ns,
    };
    judge_relation(rig, sent);
}

static bool on_video(struct packet *take_packet, void *user)
{
    struct feeder_rig *rig = user;
    RIG_CHECK(rig, take_packet->pts_ns >= take_packet->dts_ns);
    judge(rig, GST_BUFFER_OFFSET(take_packet->buffer), TRACK_VIDEO, take_packet->dts_ns);
    if (rig->events && rig->events->on_video)
        return rig->events->on_video(take_packet, rig->user);
    packet_free(take_packet);
    return true;
}

static bool on_audio(GstBuffer *take_buffer, int64_t source_ns, void *user)
{
    struct feeder_rig *rig = user;
    judge(rig, GST_BUFFER_OFFSET(take_buffer), TRACK_AUDIO, (int64_t)GST_BUFFER_PTS(take_buffer));
    if (rig->events && rig->events->on_audio)
        return rig->events->on_audio(take_buffer, source_ns, rig->user);
    gst_buffer_unref(take_buffer);
    return true;
}

/* ---- the run ---- */

void feeder_rig_init(struct feeder_rig *rig, guint32 seed, unsigned troubles)
{
    static const struct feeder_events events = {on_start, on_video, on_audio};

    *rig = (struct feeder_rig){.seed = seed, .harmless = (troubles & ~HARMLESS_TROUBLES) == 0};
    dub_fake_clock_init(&rig->clock, FEEDER_RIG_START);
    publisher_init(&rig->publisher, seed, FEEDER_RIG_START);
    rig->publisher.traits.troubles = troubles;
    rig->feeder = feeder_new(FEEDER_LIVE, FEEDER_RIG_LATENCY, &rig->clock.clock, &events, rig);
    gst_segment_init(&rig->segment, GST_FORMAT_TIME);
    rig->caps = gst_caps_new_empty_simple("video/x-h264");
    rig->residue_ns = 2 * rig->publisher.traits.jitter_ns;
    rig->residue_at_ns = FEEDER_RIG_START;
    rig->relation_slack_ns = RELATION_SLACK_NS;
}

void feeder_rig_clear(struct feeder_rig *rig)
{
    feeder_free(rig->feeder);
    publisher_clear(&rig->publisher);
    gst_caps_unref(rig->caps);
}

static GstBuffer *buffer_of(const struct publisher_packet *packet)
{
    static char bytes[FEEDER_RIG_KEY_BYTES];
    gsize size = packet->track == TRACK_AUDIO ? FEEDER_RIG_SOUND_BYTES : FEEDER_RIG_PICTURE_BYTES;

    if (packet->track == TRACK_VIDEO && packet->key)
        size = FEEDER_RIG_KEY_BYTES;
    return gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, bytes, sizeof(bytes), 0, size, NULL, NULL);
}

static void push(struct feeder_rig *rig, const struct publisher_packet *packet)
{
    GstBuffer *buffer = buffer_of(packet);

    GST_BUFFER_OFFSET(buffer) = packet->number;
    GST_BUFFER_PTS(buffer) = (GstClockTime)packet->pts_ns;
    GST_BUFFER_DTS(buffer) = (GstClockTime)packet->dts_ns;
    if (!packet->key)
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    g_autoptr(GstSample) sample = gst_sample_new(buffer, rig->caps, &rig->segment, NULL);
    gst_buffer_unref(buffer);
    bool pushed = packet->track == TRACK_VIDEO ? feeder_push_video(rig->feeder, sample)
                                               : feeder_push_audio(rig->feeder, sample);
    RIG_CHECK(rig, pushed);
}

static void begin_connection(struct feeder_rig *rig, uint64_t number)
{
    feeder_begin(rig->feeder);
    rig->may_skip = rig->seen[TRACK_VIDEO].any;
    rig->next_number = number;
    rig->seen[TRACK_AUDIO].any = false;
}

void feeder_rig_plan(struct feeder_rig *rig, struct publisher_packet *packet)
{
    publisher_next(&rig->publisher, packet);
    rig->sent[packet->number % FEEDER_RIG_SENT] = *packet;
}

void feeder_rig_arrive(struct feeder_rig *rig, const struct publisher_packet *packet)
{
    dub_fake_clock_advance(&rig->clock, packet->arrival_ns - feeder_rig_now(rig));
    if (rig->publisher.n_troubles != rig->n_troubles)
        note_trouble(rig);
    if (packet->begins)
        begin_connection(rig, packet->number);
    push(rig, packet);
}
