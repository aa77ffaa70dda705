/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of a connection whose streaming thread is held up, with a source of
 * the test's own in the place of source.c: it pushes as fast as it may, and its
 * end waits for its thread, as that of a pipeline does. */
#include "input.h"

#include <dubbing_clock.h>
#include <gst/gst.h>
#include <pthread.h>
#include <unistd.h>

#define FRAME_NS (20 * DUB_NS_PER_MS)
/* The main thread that hangs is what this is about: nothing but a signal ends
 * it. */
#define PATIENCE_S 30

/* Of the source. */
struct source {
    struct source_events events;
    void *user;
    GstElement *pipeline;
    GThread *thread;
    int stopping; /* atomic */
    int n_frames; /* atomic: begun */
};

static struct source *current; /* its pipeline's bus is where errors come from */
static int64_t jump_ns;        /* what lies between the first frame and what follows */

static GstSample *new_sample(int64_t pts_ns)
{
    GstSegment segment;
    g_autoptr(GstCaps) caps = gst_caps_new_empty_simple("test/x-data");
    g_autoptr(GstBuffer) buffer = gst_buffer_new_allocate(NULL, 4, NULL);

    gst_segment_init(&segment, GST_FORMAT_TIME);
    GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = (GstClockTime)pts_ns;
    return gst_sample_new(buffer, caps, &segment, NULL);
}

static gpointer stream(gpointer data)
{
    struct source *source = data;
    bool flowing = true;

    for (int64_t pts_ns = 0; flowing && !g_atomic_int_get(&source->stopping); pts_ns += FRAME_NS) {
        int64_t at_ns = pts_ns == 0 ? 0 : pts_ns + jump_ns;
        g_autoptr(GstSample) sample = new_sample(at_ns);
        g_atomic_int_inc(&source->n_frames);
        flowing =
            source->events.on_video(sample, source->user) && source->events.on_audio(sample, source->user);
    }
    return NULL;
}

struct source *source_new(const char *location, const struct source_events *events, void *user,
                          struct dub_error *error)
{
    struct source *source = g_new0(struct source, 1);

    source->events = *events;
    source->user = user;
    source->pipeline = gst_pipeline_new(NULL);
    source->thread = g_thread_new("stream", stream, source);
    current = source;
    return source;
}

void source_free(struct source *source)
{
    g_atomic_int_set(&source->stopping, 1);
    g_thread_join(source->thread);
    gst_element_set_state(source->pipeline, GST_STATE_NULL);
    gst_object_unref(source->pipeline);
    g_free(source);
}

GstElement *source_pipeline(struct source *source)
{
    return source->pipeline;
}

void source_get_facts(struct source *source, struct source_facts *facts)
{
    *facts = (struct source_facts){0};
}

void source_facts_clear(struct source_facts *facts)
{
}

struct rig {
    struct worker_settings settings;
    struct input *input;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool holds_up; /* lock: on_audio waits, as for room */
    bool is_held_up;
    bool lost;
    int exit_code;
};

static void on_start(int64_t base_ns, void *user)
{
}

static bool on_video(struct packet *take_packet, void *user)
{
    packet_free(take_packet);
    return true;
}

static bool on_audio(GstBuffer *take_buffer, int64_t source_ns, void *user)
{
    struct rig *rig = user;

    gst_buffer_unref(take_buffer);
    pthread_mutex_lock(&rig->lock);
    rig->is_held_up = rig->holds_up;
    pthread_cond_broadcast(&rig->changed);
    while (rig->holds_up)
        pthread_cond_wait(&rig->changed, &rig->lock);
    pthread_mutex_unlock(&rig->lock);
    return true;
}

static void on_break_off(void *user)
{
    struct rig *rig = user;

    pthread_mutex_lock(&rig->lock);
    rig->holds_up = false;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

static void on_let_go(void *user)
{
}

static void on_ended(void *user)
{
    g_assert_not_reached();
}

static void on_lost(void *user)
{
    ((struct rig *)user)->lost = true;
}

static void on_failed(int exit_code, const char *message, void *user)
{
    ((struct rig *)user)->exit_code = exit_code;
}

static void on_bus_error(const char *type, void *user)
{
}

static const struct input_events events = {
    .flow = {.on_start = on_start, .on_video = on_video, .on_audio = on_audio},
    .on_break_off = on_break_off,
    .on_let_go = on_let_go,
    .on_ended = on_ended,
    .on_lost = on_lost,
    .on_failed = on_failed,
    .on_bus_error = on_bus_error,
};

static void rig_start(struct rig *rig, const char *url, bool realtime, bool holds_up)
{
    *rig = (struct rig){.holds_up = holds_up};
    pthread_mutex_init(&rig->lock, NULL);
    pthread_cond_init(&rig->changed, NULL);
    rig->settings.input_url = g_strdup(url);
    rig->settings.realtime = realtime;
    rig->settings.latency_ns = 3 * DUB_NS_PER_S;
    rig->settings.input_grace_ns = 30 * DUB_NS_PER_S;
    rig->input = input_new(&rig->settings, &events, rig);
    input_start(rig->input);
    pthread_mutex_lock(&rig->lock);
    while (holds_up && !rig->is_held_up)
        pthread_cond_wait(&rig->changed, &rig->lock);
    pthread_mutex_unlock(&rig->lock);
    while (!holds_up && g_atomic_int_get(&current->n_frames) < 2)
        g_thread_yield();
}

static void rig_clear(struct rig *rig)
{
    input_free(rig->input);
    pthread_cond_destroy(&rig->changed);
    pthread_mutex_destroy(&rig->lock);
    g_free(rig->settings.input_url);
}

static void break_connection(struct rig *rig)
{
    GST_ELEMENT_ERROR(current->pipeline, RESOURCE, READ, ("made by the test"), (NULL));
    while (!rig->lost)
        g_main_context_iteration(NULL, TRUE);
}

static void test_lost_while_it_waits_for_room(void)
{
    struct rig rig;

    jump_ns = 0;
    rig_start(&rig, "rtmp://127.0.0.1/live/test/in", false, true);
    break_connection(&rig);
    g_assert_cmpint(rig.exit_code, ==, 0);
    rig_clear(&rig);
}

static void test_stopped_while_it_waits_for_room(void)
{
    struct rig rig;

    jump_ns = 0;
    rig_start(&rig, "rtmp://127.0.0.1/live/test/in", false, true);
    input_stop(rig.input);
    g_assert_false(rig.lost);
    rig_clear(&rig);
}

/* A file at its own speed, whose next picture is due in a quarter of an hour.
 */
static void test_lost_while_it_waits_for_its_time(void)
{
    struct rig rig;

    jump_ns = 900 * DUB_NS_PER_S;
    rig_start(&rig, "file:///a.mp4", true, false);
    break_connection(&rig);
    g_assert_cmpint(rig.exit_code, ==, WORKER_EXIT_INPUT_LOST);
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    gst_init(NULL, NULL);
    alarm(PATIENCE_S);
    g_test_add_func("/input/lost-while-it-waits-for-room", test_lost_while_it_waits_for_room);
    g_test_add_func("/input/stopped-while-it-waits-for-room", test_stopped_while_it_waits_for_room);
    g_test_add_func("/input/lost-while-it-waits-for-its-time", test_lost_while_it_waits_for_its_time);
    return g_test_run();
}
