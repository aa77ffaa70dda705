/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "packet_queue.h"

#include <glib.h>

#define NOW 1000
#define MS INT64_C(1000000)

static struct packet *make(enum track track, int64_t due_ns, gsize bytes)
{
    struct packet *packet = g_new0(struct packet, 1);
    packet->track = track;
    packet->due_ns = due_ns;
    packet->buffer = gst_buffer_new_allocate(NULL, bytes, NULL);
    return packet;
}

static void push(struct packet_queue *queue, enum track track, int64_t due_ns)
{
    g_assert_true(packet_queue_push(queue, make(track, due_ns, 10), NOW, NULL));
}

static void assert_pop(struct packet_queue *queue, int64_t now_ns, enum track track, int64_t due_ns)
{
    struct packet *packet = packet_queue_pop_due(queue, now_ns);
    g_assert_nonnull(packet);
    g_assert_cmpint(packet->track, ==, track);
    g_assert_cmpint(packet->due_ns, ==, due_ns);
    packet_free(packet);
}

static void test_leaves_in_order_of_both_tracks(void)
{
    struct packet_queue queue;

    packet_queue_init(&queue, 1000, 1000);
    push(&queue, TRACK_VIDEO, 1100);
    push(&queue, TRACK_VIDEO, 1200);
    push(&queue, TRACK_AUDIO, 1050);
    push(&queue, TRACK_AUDIO, 1100);
    push(&queue, TRACK_AUDIO, 1150);
    assert_pop(&queue, 2000, TRACK_AUDIO, 1050);
    assert_pop(&queue, 2000, TRACK_VIDEO, 1100);
    assert_pop(&queue, 2000, TRACK_AUDIO, 1100);
    assert_pop(&queue, 2000, TRACK_AUDIO, 1150);
    assert_pop(&queue, 2000, TRACK_VIDEO, 1200);
    g_assert_cmpint(queue.bytes, ==, 0);
}

static void test_nothing_leaves_before_its_time(void)
{
    struct packet_queue queue;

    packet_queue_init(&queue, 1000, 1000);
    g_assert_cmpint(packet_queue_wake_ns(&queue), ==, INT64_MAX);
    g_assert_null(packet_queue_pop_due(&queue, INT64_MAX - 1));
    push(&queue, TRACK_VIDEO, 1100);
    g_assert_cmpint(packet_queue_wake_ns(&queue), ==, 1100);
    g_assert_null(packet_queue_pop_due(&queue, 1099));
    assert_pop(&queue, 1100, TRACK_VIDEO, 1100);
}

static void test_sound_leaves_early_but_not_before_a_picture(void)
{
    struct packet_queue queue;

    packet_queue_init(&queue, 1000, 1000 * MS);
    push(&queue, TRACK_VIDEO, 100 * MS);
    push(&queue, TRACK_VIDEO, 133 * MS);
    push(&queue, TRACK_AUDIO, 110 * MS);
    push(&queue, TRACK_AUDIO, 131 * MS);
    push(&queue, TRACK_AUDIO, 152 * MS);
    g_assert_null(packet_queue_pop_due(&queue, 99 * MS));
    assert_pop(&queue, 100 * MS, TRACK_VIDEO, 100 * MS);
    assert_pop(&queue, 100 * MS, TRACK_AUDIO, 110 * MS);
    g_assert_null(packet_queue_pop_due(&queue, 100 * MS));
    assert_pop(&queue, 112 * MS, TRACK_AUDIO, 131 * MS);
    /* The next picture comes before that sound. */
    g_assert_null(packet_queue_pop_due(&queue, 132 * MS));
    packet_queue_clear(&queue);
}

static void test_sound_waits_for_a_picture_that_comes_soon(void)
{
    struct packet_queue queue;

    packet_queue_init(&queue, 1000, 1000 * MS);
    push(&queue, TRACK_AUDIO, 100 * MS);
    g_assert_cmpint(packet_queue_wake_ns(&queue), ==, 100 * MS);
    push(&queue, TRACK_VIDEO, 115 * MS);
    g_assert_cmpint(packet_queue_wake_ns(&queue), ==, 100 * MS);
    assert_pop(&queue, 100 * MS, TRACK_AUDIO, 100 * MS);
    push(&queue, TRACK_AUDIO, 102 * MS);
    g_assert_cmpint(packet_queue_wake_ns(&queue), ==, 115 * MS);
    assert_pop(&queue, 115 * MS, TRACK_AUDIO, 102 * MS);
    assert_pop(&queue, 115 * MS, TRACK_VIDEO, 115 * MS);
    packet_queue_clear(&queue);
}

static void assert_refused(struct packet_queue *queue, struct packet *packet, const char *says)
{
    struct dub_error error = {0};

    g_assert_false(packet_queue_push(queue, packet, NOW, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_LIMIT);
    g_assert_nonnull(g_strstr_len(error.message, -1, says));
    packet_free(packet);
}

static void test_bounds(void)
{
    struct packet_queue queue;

    packet_queue_init(&queue, 25, 500);
    push(&queue, TRACK_VIDEO, 1100);
    push(&queue, TRACK_VIDEO, 1101);
    assert_refused(&queue, make(TRACK_VIDEO, 1102, 6), "WORKER_LATENCY");
    assert_refused(&queue, make(TRACK_AUDIO, 1501, 1), "timestamps");
    packet_queue_clear(&queue);
    g_assert_cmpint(queue.bytes, ==, 0);
    push(&queue, TRACK_AUDIO, 1500);
    packet_queue_clear(&queue);
}

/* Random schedules: both tracks arrive in time, late or in bursts, and whoever lets them go wakes when the
 * queue says, or a little later. A failure prints the seed; DUB_TEST_SEED runs that one alone. */
#define SCHEDULES 300
#define SCHEDULE_NS (20 * INT64_C(1000) * MS)
#define DELAY_NS (3000 * MS)

static unsigned seed;
#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            g_error("schedule with seed %u: %s is not true (line %d)", seed, #condition, __LINE__);          \
    } while (0)

struct schedule {
    GRand *random;
    struct packet_queue queue;
    int64_t stamp_ns[TRACK_COUNT];   /* of the packet to come */
    int64_t arrival_ns[TRACK_COUNT]; /* likewise */
    int64_t last_due_ns[TRACK_COUNT];
    unsigned n_pushed, n_popped;
};

static int64_t between(struct schedule *schedule, int64_t from, int64_t to)
{
    return from + (int64_t)(g_rand_double(schedule->random) * (double)(to - from));
}

/* 15 to 60 pictures a second, uneven; AAC packets as they are. Now and then everything is held up. */
static void plan_next(struct schedule *schedule, enum track track)
{
    bool picture = track == TRACK_VIDEO;
    schedule->stamp_ns[track] += picture ? between(schedule, 16, 66) * MS : INT64_C(21333333);
    int64_t late_ns = between(schedule, 0, 30) * MS;
    if (g_rand_double(schedule->random) < 0.01)
        late_ns = between(schedule, 100, 5000) * MS;
    schedule->arrival_ns[track] = MAX(schedule->arrival_ns[track], schedule->stamp_ns[track] + late_ns);
}

static void arrive(struct schedule *schedule, enum track track)
{
    struct packet *packet = make(track, schedule->stamp_ns[track] + DELAY_NS, 10);
    packet->arrival_ns = schedule->arrival_ns[track];
    CHECK(packet_queue_push(&schedule->queue, packet, packet->arrival_ns, NULL));
    schedule->n_pushed++;
    plan_next(schedule, track);
}

static void judge(struct schedule *schedule, const struct packet *packet, int64_t now_ns,
                  int64_t overslept_ns)
{
    int64_t early_ns = packet->track == TRACK_AUDIO ? PACKET_QUEUE_EARLY_NS : 0;
    int64_t wait_ns = packet->track == TRACK_AUDIO ? PACKET_QUEUE_WAIT_NS : 0;
    CHECK(now_ns >= MAX(packet->due_ns - early_ns, packet->arrival_ns));
    CHECK(now_ns <= MAX(packet->due_ns + wait_ns, packet->arrival_ns) + overslept_ns);
    CHECK(packet->due_ns > schedule->last_due_ns[packet->track]);
    schedule->last_due_ns[packet->track] = packet->due_ns;
    /* What had arrived before anything due after it could leave goes in one order with the other track. */
    if (packet->arrival_ns < packet->due_ns - PACKET_QUEUE_EARLY_NS)
        CHECK(schedule->last_due_ns[1 - packet->track] <= packet->due_ns);
    schedule->n_popped++;
}

static void release(struct schedule *schedule, int64_t now_ns, int64_t overslept_ns)
{
    struct packet *packet;
    while ((packet = packet_queue_pop_due(&schedule->queue, now_ns)) != NULL) {
        judge(schedule, packet, now_ns, overslept_ns);
        packet_free(packet);
    }
    CHECK(schedule->queue.bytes == 10 * (int64_t)(schedule->n_pushed - schedule->n_popped));
}

static void run_schedule(void)
{
    struct schedule schedule = {.random = g_rand_new_with_seed(seed)};
    packet_queue_init(&schedule.queue, 1000000, 10 * DELAY_NS);
    int64_t most_ns = g_rand_boolean(schedule.random) ? 0 : 20 * MS;
    for (int track = 0; track < TRACK_COUNT; track++)
        plan_next(&schedule, (enum track)track);
    while (schedule.n_popped < schedule.n_pushed || schedule.stamp_ns[TRACK_VIDEO] < SCHEDULE_NS) {
        enum track next =
            schedule.arrival_ns[TRACK_AUDIO] < schedule.arrival_ns[TRACK_VIDEO] ? TRACK_AUDIO : TRACK_VIDEO;
        bool more = schedule.stamp_ns[TRACK_VIDEO] < SCHEDULE_NS;
        int64_t wake_ns = packet_queue_wake_ns(&schedule.queue);
        if (more && schedule.arrival_ns[next] <= wake_ns) {
            int64_t now_ns = schedule.arrival_ns[next];
            arrive(&schedule, next);
            if (packet_queue_wake_ns(&schedule.queue) <= now_ns)
                release(&schedule, now_ns, 0);
            continue;
        }
        int64_t overslept_ns = between(&schedule, 0, most_ns + 1);
        if (more)
            overslept_ns = MIN(overslept_ns, schedule.arrival_ns[next] - wake_ns);
        release(&schedule, wake_ns + overslept_ns, overslept_ns);
    }
    CHECK(schedule.n_popped == schedule.n_pushed && schedule.n_pushed > 500);
    packet_queue_clear(&schedule.queue);
    g_rand_free(schedule.random);
}

static void test_random_schedules(void)
{
    const char *only = g_getenv("DUB_TEST_SEED");
    for (seed = 1; seed <= SCHEDULES; seed++) {
        if (only == NULL || seed == g_ascii_strtoull(only, NULL, 10))
            run_schedule();
    }
}

int main(int argc, char **argv)
{
    gst_init(NULL, NULL);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/packet-queue/leaves-in-order-of-both-tracks", test_leaves_in_order_of_both_tracks);
    g_test_add_func("/packet-queue/nothing-leaves-before-its-time", test_nothing_leaves_before_its_time);
    g_test_add_func("/packet-queue/sound-leaves-early-but-not-before-a-picture",
                    test_sound_leaves_early_but_not_before_a_picture);
    g_test_add_func("/packet-queue/sound-waits-for-a-picture-that-comes-soon",
                    test_sound_waits_for_a_picture_that_comes_soon);
    g_test_add_func("/packet-queue/bounds", test_bounds);
    g_test_add_func("/packet-queue/random-schedules", test_random_schedules);
    return g_test_run();
}
