/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hours of a stream with troubles, in seconds: the feeder's timeline, the queue that holds it for D, and the
 * measure of sound against picture, on a clock that jumps from one event to the next. In the place of the
 * element and the encoder stands what they promise: sound without a gap, on time.
 *
 * A failure prints the seed; DUB_TEST_SEED sets it, DUB_TEST_SOAK_HOURS how many hours. */
#include "../report/sync_meter.h"
#include "feeder_rig.h"

#include <dubbing_log.h>
#include <malloc.h>

#define MS DUB_NS_PER_MS
#define S DUB_NS_PER_S
#define HOURS 3
#define HOUR_NS (3600 * S)
/* As worker.c has them. */
#define QUEUED_BYTES_MAX (INT64_C(256) << 20)
#define AHEAD_MAX_NS (30 * S)
#define ENCODER_LEAD_NS (80 * MS)
/* D and the longest stall, at 60 pictures a second. */
#define QUEUED_BYTES_EVER (16 * 60 * INT64_C(30000))
#define AV_SLACK_NS (10 * MS)
/* What the queue holds while the measured places settle. */
#define MEASURE_SETTLED_NS (FEEDER_RIG_LATENCY + 2 * S)
#define HEAP_GROWTH_MAX (1 << 20)

struct soak {
    struct feeder_rig *rig;
    struct packet_queue queue;
    struct sync_meter meter;
    int64_t base_ns; /* 0: not begun */
    int64_t n_sounds_made, n_pictures_in, n_out[TRACK_COUNT];
    int64_t last_dts_ns[TRACK_COUNT]; /* of what left */
    int64_t longest_ns;               /* delay of the picture that came soonest, in this second */
    int64_t measured_ns, unsettled_ns;
    int64_t most_bytes;
    unsigned n_measured;
};

static void on_start(int64_t base_ns, void *user)
{
    struct soak *soak = user;
    soak->base_ns = base_ns;
}

static void queue(struct soak *soak, struct packet *take_packet)
{
    take_packet->due_ns = soak->base_ns + take_packet->dts_ns + FEEDER_RIG_LATENCY;
    RIG_CHECK(soak->rig, packet_queue_push(&soak->queue, take_packet, feeder_rig_now(soak->rig), NULL));
    soak->most_bytes = MAX(soak->most_bytes, soak->queue.bytes);
}

static bool on_video(struct packet *take_packet, void *user)
{
    struct soak *soak = user;
    soak->n_pictures_in++;
    queue(soak, take_packet);
    return true;
}

static bool on_audio(GstBuffer *take_buffer, int64_t source_ns, void *user)
{
    struct soak *soak = user;
    sync_meter_sound_in(&soak->meter, (int64_t)GST_BUFFER_PTS(take_buffer), source_ns,
                        soak->rig->publisher.traits.sound_ns);
    gst_buffer_unref(take_buffer);
    return true;
}

/* ---- what leaves ---- */

/* 1024 samples of 48 kHz each; in this form it does not overflow after 53 hours. */
static int64_t sound_pts(const struct soak *soak)
{
    return soak->n_sounds_made * 64 * MS / 3;
}

/* When the next packet of sound comes out of the encoder. */
static int64_t sound_at(const struct soak *soak)
{
    return soak->base_ns == 0 ? INT64_MAX
                              : soak->base_ns + sound_pts(soak) + FEEDER_RIG_LATENCY - ENCODER_LEAD_NS;
}

static void make_sound(struct soak *soak)
{
    struct packet *packet = g_new0(struct packet, 1);

    packet->track = TRACK_AUDIO;
    packet->buffer = gst_buffer_new();
    packet->pts_ns = packet->dts_ns = sound_pts(soak);
    packet->arrival_ns = feeder_rig_now(soak->rig);
    soak->n_sounds_made++;
    queue(soak, packet);
}

static void judge_release(struct soak *soak, const struct packet *packet)
{
    bool is_sound = packet->track == TRACK_AUDIO;
    int64_t now_ns = feeder_rig_now(soak->rig);

    RIG_CHECK(soak->rig, now_ns >= packet->due_ns - (is_sound ? PACKET_QUEUE_EARLY_NS : 0));
    /* What comes late leaves at once, but for the first of a connection, which wait for the map's anchor. */
    int64_t latest_ns = MAX(packet->due_ns + (is_sound ? PACKET_QUEUE_WAIT_NS : 0),
                            packet->arrival_ns + 2 * TIMESTAMP_MAP_WINDOW_NS);
    RIG_CHECK(soak->rig, now_ns <= latest_ns);
    RIG_CHECK(soak->rig,
              packet->dts_ns > soak->last_dts_ns[packet->track] || soak->n_out[packet->track] == 0);
    soak->last_dts_ns[packet->track] = packet->dts_ns;
    soak->n_out[packet->track]++;
    if (!is_sound)
        soak->longest_ns = MAX(soak->longest_ns, now_ns - packet->arrival_ns);
}

static void release(struct soak *soak)
{
    struct packet *packet;

    while ((packet = packet_queue_pop_due(&soak->queue, feeder_rig_now(soak->rig))) != NULL) {
        judge_release(soak, packet);
        if (packet->track == TRACK_VIDEO)
            sync_meter_picture_out(&soak->meter, packet->pts_ns, packet->source_ns);
        else
            sync_meter_sound_out(&soak->meter, packet->pts_ns);
        packet_free(packet);
    }
}

/* Once a second, as the worker's measures are asked for. */
static void measure(struct soak *soak)
{
    struct feeder_rig *rig = soak->rig;
    int64_t now_ns = feeder_rig_now(rig), longest_ns = soak->longest_ns;
    int64_t apart_ns = sync_meter_take(&soak->meter);

    soak->measured_ns = now_ns;
    soak->longest_ns = 0;
    if (!feeder_rig_is_settled(rig))
        soak->unsettled_ns = now_ns;
    if (now_ns - soak->unsettled_ns < MEASURE_SETTLED_NS || longest_ns == 0)
        return;
    RIG_CHECK_WITHIN(rig, apart_ns, AV_SLACK_NS);
    if (rig->relation_ns == 0)
        RIG_CHECK_WITHIN(rig, longest_ns - FEEDER_RIG_LATENCY,
                         feeder_rig_allowed(rig) + rig->publisher.traits.jitter_ns + 5 * MS);
    soak->n_measured++;
}

/* Lets go what is due until then. */
static void run_until(struct soak *soak, int64_t until_ns)
{
    for (;;) {
        int64_t sound_ns = sound_at(soak), wake_ns = packet_queue_wake_ns(&soak->queue);
        int64_t next_ns = MIN(sound_ns, wake_ns);
        if (next_ns > until_ns)
            return;
        dub_fake_clock_advance(&soak->rig->clock, MAX(0, next_ns - feeder_rig_now(soak->rig)));
        if (sound_ns <= wake_ns)
            make_sound(soak);
        else
            release(soak);
        if (feeder_rig_now(soak->rig) - soak->measured_ns >= S)
            measure(soak);
    }
}

/* ---- the run ---- */

static void soak_run(struct soak *soak, int64_t duration_ns)
{
    int64_t end_ns = feeder_rig_now(soak->rig) + duration_ns;

    while (feeder_rig_now(soak->rig) < end_ns) {
        struct publisher_packet packet;
        feeder_rig_plan(soak->rig, &packet);
        run_until(soak, packet.arrival_ns);
        feeder_rig_arrive(soak->rig, &packet);
    }
}

static int64_t value_of(const char *variable, int64_t otherwise)
{
    const char *text = g_getenv(variable);
    return text ? g_ascii_strtoll(text, NULL, 10) : otherwise;
}

static void judge_end(struct soak *soak, int64_t hours)
{
    struct feeder_rig *rig = soak->rig;
    int64_t passed_ns = feeder_rig_now(rig) - soak->base_ns - FEEDER_RIG_LATENCY;

    RIG_CHECK_WITHIN(rig, sound_pts(soak) - passed_ns, 200 * MS);
    RIG_CHECK(rig, soak->n_out[TRACK_VIDEO] + soak->queue.packets[TRACK_VIDEO].length == soak->n_pictures_in);
    RIG_CHECK(rig, soak->n_out[TRACK_AUDIO] + soak->queue.packets[TRACK_AUDIO].length == soak->n_sounds_made);
    RIG_CHECK(rig, soak->most_bytes < QUEUED_BYTES_EVER);
    RIG_CHECK(rig, soak->n_measured > hours * 1000);
    g_test_message("%" G_GINT64_FORMAT " h: %u troubles, %" G_GINT64_FORMAT
                   " pictures, at most %" G_GINT64_FORMAT " KiB waiting",
                   hours, rig->publisher.n_troubles, soak->n_pictures_in, soak->most_bytes >> 10);
}

static void test_hours(void)
{
    static const struct feeder_rig_events events = {on_start, on_video, on_audio};
    int64_t hours = value_of("DUB_TEST_SOAK_HOURS", HOURS);
    struct soak soak = {.rig = g_new(struct feeder_rig, 1), .unsettled_ns = FEEDER_RIG_START + 5 * S};

    /* Tracks with clocks of their own are related by arrival only, which the measure cannot know. */
    feeder_rig_init(soak.rig, (guint32)value_of("DUB_TEST_SEED", 1),
                    ALL_TROUBLES & ~TROUBLE_BIT(TROUBLE_CLOCK_OF_ONE));
    soak.rig->publisher.traits.calm_least_ns = 60 * S;
    soak.rig->publisher.traits.calm_most_ns = 300 * S;
    soak.rig->events = &events;
    soak.rig->user = &soak;
    packet_queue_init(&soak.queue, QUEUED_BYTES_MAX, FEEDER_RIG_LATENCY + AHEAD_MAX_NS);
    sync_meter_init(&soak.meter);
    soak_run(&soak, HOUR_NS);
    size_t heap_bytes = mallinfo2().uordblks;
    soak_run(&soak, (hours - 1) * HOUR_NS);
    RIG_CHECK(soak.rig, mallinfo2().uordblks < heap_bytes + HEAP_GROWTH_MAX);
    judge_end(&soak, hours);
    packet_queue_clear(&soak.queue);
    sync_meter_clear(&soak.meter);
    feeder_rig_clear(soak.rig);
    g_free(soak.rig);
}

int main(int argc, char **argv)
{
    gst_init(NULL, NULL);
    dub_log_init(&(struct dub_log_config){.component = "test", .level = "error"});
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/feeder-soak/hours", test_hours);
    return g_test_run();
}
