/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "delay_line.h"

#include <dubbing_clock.h>
#include <pthread.h>
#include <string.h>

struct rig {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    GString *released; /* one letter a packet: which track; '|' a pause */
    int64_t earliest_slack_ns;
    bool drained;
};

static int64_t now_ns(void)
{
    return dub_clock_now_ns(dub_clock_monotonic());
}

static void on_release(const struct packet *packet, void *user)
{
    struct rig *rig = user;

    pthread_mutex_lock(&rig->lock);
    g_string_append_c(rig->released, packet->track == TRACK_VIDEO ? 'v' : 'a');
    if (packet->track == TRACK_VIDEO)
        rig->earliest_slack_ns = MIN(rig->earliest_slack_ns, now_ns() - packet->due_ns);
    pthread_cond_signal(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

static void on_pause(void *user)
{
    struct rig *rig = user;

    pthread_mutex_lock(&rig->lock);
    g_string_append_c(rig->released, '|');
    pthread_mutex_unlock(&rig->lock);
}

static void on_drained(void *user)
{
    struct rig *rig = user;

    pthread_mutex_lock(&rig->lock);
    rig->drained = true;
    pthread_cond_signal(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

static struct delay_line *rig_init(struct rig *rig)
{
    static const struct delay_line_events events = {on_release, on_pause, on_drained};

    *rig = (struct rig){.released = g_string_new(NULL), .earliest_slack_ns = INT64_MAX};
    pthread_mutex_init(&rig->lock, NULL);
    pthread_cond_init(&rig->changed, NULL);
    return delay_line_new(&events, 1000, 60 * DUB_NS_PER_S, rig);
}

static void rig_clear(struct rig *rig)
{
    g_string_free(rig->released, TRUE);
    pthread_cond_destroy(&rig->changed);
    pthread_mutex_destroy(&rig->lock);
}

static bool push(struct delay_line *delay, enum track track, int64_t due_ns)
{
    struct packet *packet = g_new0(struct packet, 1);

    packet->track = track;
    packet->due_ns = due_ns;
    packet->buffer = gst_buffer_new_allocate(NULL, 100, NULL);
    return delay_line_push(delay, packet, NULL);
}

static void wait_for_drained(struct rig *rig)
{
    pthread_mutex_lock(&rig->lock);
    while (!rig->drained)
        pthread_cond_wait(&rig->changed, &rig->lock);
    pthread_mutex_unlock(&rig->lock);
}

static void test_releases_in_order_never_early_then_drains(void)
{
    struct rig rig;
    struct delay_line *delay = rig_init(&rig);
    int64_t start_ns = now_ns();

    push(delay, TRACK_VIDEO, start_ns + 80 * DUB_NS_PER_MS);
    push(delay, TRACK_VIDEO, start_ns + 160 * DUB_NS_PER_MS);
    /* Comes later, is due earlier: the waiting thread has to notice. */
    push(delay, TRACK_AUDIO, start_ns + 40 * DUB_NS_PER_MS);
    push(delay, TRACK_AUDIO, start_ns + 120 * DUB_NS_PER_MS);
    delay_line_end(delay);
    wait_for_drained(&rig);
    /* How many come in one go depends on the machine: a pause is after one at least, and after the last. */
    g_assert_true(g_str_has_suffix(rig.released->str, "v|"));
    g_assert_null(strstr(rig.released->str, "||"));
    g_string_replace(rig.released, "|", "", 0);
    g_assert_cmpstr(rig.released->str, ==, "avav");
    g_assert_cmpint(rig.earliest_slack_ns, >=, 0);
    delay_line_free(delay);
    rig_clear(&rig);
}

static void test_free_forgets_what_waits(void)
{
    struct rig rig;
    struct delay_line *delay = rig_init(&rig);

    push(delay, TRACK_VIDEO, now_ns() + 50 * DUB_NS_PER_S);
    delay_line_free(delay);
    g_assert_cmpstr(rig.released->str, ==, "");
    g_assert_false(rig.drained);
    rig_clear(&rig);
}

static void test_full_line_refuses(void)
{
    struct rig rig;
    struct delay_line *delay = rig_init(&rig);
    int64_t due_ns = now_ns() + 50 * DUB_NS_PER_S;

    for (int i = 0; i < 10; i++)
        g_assert_true(push(delay, TRACK_VIDEO, due_ns));
    g_assert_false(push(delay, TRACK_VIDEO, due_ns));
    delay_line_free(delay);
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    gst_init(NULL, NULL);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/delay-line/releases-in-order-never-early-then-drains",
                    test_releases_in_order_never_early_then_drains);
    g_test_add_func("/delay-line/free-forgets-what-waits", test_free_forgets_what_waits);
    g_test_add_func("/delay-line/full-line-refuses", test_full_line_refuses);
    return g_test_run();
}
