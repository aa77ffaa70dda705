/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The core with the real element, fed with a voice, beside a service that takes
 * connections and says nothing.
 */
#include "core.h"

#include "speech/test_sounds.h"

#include <dubbing_clock.h>
#include <dubbing_gst.h>
#include <gio/gio.h>
#include <math.h>

#define RATE_HZ 48000
#define CHUNK_SAMPLES 960
#define CHUNK_NS (20 * DUB_NS_PER_MS)
#define VOICE_NS (2 * DUB_NS_PER_S)
#define PERIOD_NS (3 * DUB_NS_PER_S) /* a sentence and a pause */
#define DEADLINE_MS 20000
#define PHRASES_MAX 32

struct rig {
    struct worker_settings settings;
    GSocketListener *service;
    struct core *core;
    int64_t fed_ns;
    guint64 seqs[PHRASES_MAX];
    unsigned n_phrases;
    int64_t packets_until_ns; /* atomic */
    bool drained;
};

static float *voice;

static void on_packet(GstBuffer *take_packet, void *user)
{
    struct rig *rig = user;
    __atomic_store_n(&rig->packets_until_ns, (int64_t)GST_BUFFER_PTS(take_packet), __ATOMIC_RELAXED);
    gst_buffer_unref(take_packet);
}

static void on_phrase(const GstStructure *phrase, void *user)
{
    struct rig *rig = user;
    g_assert_cmpuint(rig->n_phrases, <, PHRASES_MAX);
    g_assert_true(gst_structure_get_uint64(phrase, "seq", &rig->seqs[rig->n_phrases++]));
}

static void on_drained(void *user)
{
    ((struct rig *)user)->drained = true;
}

static void on_failed(const char *message, void *user)
{
    g_error("%s", message);
}

static const struct core_events events = {on_packet, on_phrase, on_drained, on_failed};

static char *listen_mutely(struct rig *rig)
{
    rig->service = g_socket_listener_new();
    g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    g_autoptr(GSocketAddress) address = g_inet_socket_address_new(loopback, 0);
    g_autoptr(GSocketAddress) effective = NULL;
    g_assert_true(g_socket_listener_add_address(rig->service, address, G_SOCKET_TYPE_STREAM,
                                                G_SOCKET_PROTOCOL_TCP, NULL, &effective, NULL));
    return g_strdup_printf("http://127.0.0.1:%u",
                           g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(effective)));
}

static void rig_init(struct rig *rig, bool live, const char *sts_mode)
{
    struct dub_error error = {0};

    *rig = (struct rig){0};
    g_autofree char *url = listen_mutely(rig);
    char *argv[] = {(char *)"media-worker",
                    (char *)"--input-url",
                    (char *)"a.mp4",
                    (char *)"--output-url",
                    (char *)"b.mp4",
                    (char *)"--latency",
                    (char *)"8s",
                    (char *)"--sts-mode",
                    (char *)sts_mode,
                    (char *)"--sts-service-url",
                    url,
                    NULL};
    g_assert_cmpint(worker_settings_load(G_N_ELEMENTS(argv) - 1, argv, &rig->settings), ==, DUB_CONFIG_OK);
    rig->core = core_new(&rig->settings, live, &events, rig, &error);
    g_assert_cmpstr(error.message, ==, "");
    core_start(rig->core, dub_clock_now_ns(dub_clock_monotonic()));
}

static void rig_clear(struct rig *rig)
{
    core_free(rig->core);
    g_object_unref(rig->service);
    worker_settings_clear(&rig->settings);
}

static GstBuffer *new_chunk(int64_t pts_ns)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, CHUNK_SAMPLES * 4, NULL);
    GstMapInfo map;

    g_assert_true(gst_buffer_map(buffer, &map, GST_MAP_WRITE));
    int16_t *samples = (int16_t *)(void *)map.data;
    int64_t at_ns = pts_ns % PERIOD_NS;
    for (int i = 0; i < CHUNK_SAMPLES; i++) {
        int64_t at = at_ns * RATE_HZ / DUB_NS_PER_S + i;
        samples[2 * i] = samples[2 * i + 1] = at_ns < VOICE_NS ? (int16_t)lrintf(32767 * voice[at]) : 0;
    }
    gst_buffer_unmap(buffer, &map);
    GST_BUFFER_PTS(buffer) = (GstClockTime)pts_ns;
    GST_BUFFER_DURATION(buffer) = CHUNK_NS;
    return buffer;
}

/* False when it was refused on the way. */
static bool feed(struct rig *rig, int64_t until_ns)
{
    for (; rig->fed_ns < until_ns; rig->fed_ns += CHUNK_NS)
        if (!core_push(rig->core, new_chunk(rig->fed_ns)))
            return false;
    return true;
}

static unsigned open_phrases(struct rig *rig)
{
    GstStructure *stats = core_get_stats(rig->core);
    guint n = 0;

    g_assert_true(gst_structure_get_uint(stats, "phrases-open", &n));
    gst_structure_free(stats);
    return n;
}

static void test_stop_settles_what_is_open(void)
{
    struct rig rig;

    rig_init(&rig, true, "enabled");
    g_assert_true(feed(&rig, 9 * DUB_NS_PER_S));
    unsigned n_open = open_phrases(&rig);
    g_assert_cmpuint(n_open, >=, 2);
    core_stop(rig.core);
    g_assert_cmpuint(rig.n_phrases, ==, n_open);
    for (unsigned i = 0; i < n_open; i++)
        g_assert_cmpuint(rig.seqs[i], ==, rig.seqs[0] + i);
    rig_clear(&rig);
    g_assert_cmpuint(rig.n_phrases, ==, n_open);
}

static gpointer feed_a_minute_at_once(gpointer data)
{
    struct rig *rig = data;
    g_autoptr(GstBuffer) minute = gst_buffer_new();

    for (int64_t pts_ns = 0; pts_ns < 60 * DUB_NS_PER_S; pts_ns += CHUNK_NS)
        minute = gst_buffer_append(minute, new_chunk(pts_ns));
    GST_BUFFER_PTS(minute) = 0;
    return GINT_TO_POINTER(core_push(rig->core, g_steal_pointer(&minute)));
}

/* Sound that is ahead of its time waits for room. */
static void test_waiting_push_is_woken(void)
{
    struct rig rig;
    int64_t end_us = g_get_monotonic_time() + DEADLINE_MS * 1000;

    rig_init(&rig, true, "enabled");
    GThread *thread = g_thread_new("feed", feed_a_minute_at_once, &rig);
    while (open_phrases(&rig) == 0) {
        g_assert_cmpint(g_get_monotonic_time(), <, end_us);
        g_thread_yield();
    }
    core_refuse(rig.core);
    g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(thread)), ==, false);
    g_assert_false(core_push(rig.core, new_chunk(0)));
    rig_clear(&rig);
}

static gboolean on_deadline(gpointer data)
{
    g_error("not within %d ms", DEADLINE_MS);
    return G_SOURCE_REMOVE;
}

static void test_goes_on_after_a_refusal(void)
{
    struct rig rig;

    rig_init(&rig, false, "passthrough");
    /* Not under way yet: nothing to close. */
    core_refuse(rig.core);
    g_assert_false(core_push(rig.core, new_chunk(0)));
    core_accept(rig.core);
    g_assert_true(feed(&rig, 4 * DUB_NS_PER_S));
    core_refuse(rig.core);
    g_assert_false(core_push(rig.core, new_chunk(rig.fed_ns)));
    core_accept(rig.core);
    core_break(rig.core);
    g_assert_true(feed(&rig, 8 * DUB_NS_PER_S));
    core_end(rig.core);
    guint timer = g_timeout_add(DEADLINE_MS, on_deadline, NULL);
    while (!rig.drained)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(timer);
    core_stop(rig.core);
    g_assert_cmpint(rig.packets_until_ns, >, 7900 * DUB_NS_PER_MS);
    g_assert_cmpuint(rig.n_phrases, ==, 4); /* the second one in two */
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    gst_init(NULL, NULL);
    g_assert_true(dub_gst_register());
    voice = test_voice_new(-20, VOICE_NS * RATE_HZ / DUB_NS_PER_S);
    g_test_add_func("/core/stop-settles-what-is-open", test_stop_settles_what_is_open);
    g_test_add_func("/core/waiting-push-is-woken", test_waiting_push_is_woken);
    g_test_add_func("/core/goes-on-after-a-refusal", test_goes_on_after_a_refusal);
    int result = g_test_run();
    g_free(voice);
    return result;
}
