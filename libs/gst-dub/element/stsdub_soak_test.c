/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hours of stream through the element, by the test clock: the input breaks off and comes back, answers are
 * early, late, too long or failures, and somebody plays with the properties. The output has no gap (the rig
 * checks each block), the account holds every phrase that the service was asked for, and memory, descriptors
 * and threads stay as they were after the first fifth of the run. */
#include "dubbing_gst.h"
#include "fake_exchange.h"
#include "sound/samples.h"
#include "speech/test_sounds.h"
#include "stsdub.h"
#include "stsdub_rig.h"

#include <malloc.h>
#include <math.h>

#define STEP_NS (200 * DUB_NS_PER_MS)
/* The least that is in use within each window must not grow; clips in flight come and go above it. */
#define WINDOWS 5
#define GROWTH_BYTES (256 << 10)
#define FLIGHT_BYTES (16 << 20)
#define VOICE_SAMPLES (4 * DUB_RATE_HZ)
#define PERIOD_SAMPLES (6 * DUB_RATE_HZ)

struct pending {
    uint64_t id;
    int64_t due_ns;
    int64_t duration_ns; /* of the dub; 0: a failure */
};

struct soak {
    struct rig *rig;
    GRand *random;
    GArray *pending; /* struct pending */
    int64_t now_ns, outage_until_ns;
    guint64 phrases;
    guint64 last_id;  /* of the phrases that the service was asked for */
    GHashTable *sent; /* int64_t, where they start in ms; until the account tells what became of them */
    int64_t window_ns, window_end_ns;
    unsigned n_windows;
    gint64 least_bytes;            /* of this window */
    gint64 level_bytes;            /* of the first one; 0: not over yet */
    unsigned descriptors, threads; /* at the beginning */
};

static int16_t *voice; /* PERIOD_SAMPLES: a sentence and a pause */

static void talk(int64_t position, int16_t *left, int16_t *right)
{
    int16_t value = voice[position % PERIOD_SAMPLES];
    *left = value;
    *right = (int16_t)(value + (position % 96 < 48 ? 500 : -500));
}

static bool chance(struct soak *soak, double p)
{
    return g_rand_double(soak->random) < p;
}

static int64_t between(struct soak *soak, int64_t from, int64_t to)
{
    return from + (int64_t)(g_rand_double(soak->random) * (double)(to - from));
}

static void note_fragments(struct soak *soak)
{
    struct dub_exchange_fragment fragment;
    while (fake_exchange_try_take(&fragment)) {
        struct pending pending = {
            .id = fragment.id,
            .due_ns = soak->now_ns + between(soak, 100, chance(soak, 0.1) ? 9000 : 1500) * DUB_NS_PER_MS,
            .duration_ns = chance(soak, 0.1) ? 0 : between(soak, 500, 6000) * DUB_NS_PER_MS,
        };
        g_array_append_val(soak->pending, pending);
        g_free(fragment.samples);
        int64_t *start_ms = g_new(int64_t, 1);
        *start_ms = fragment.start_ns / DUB_NS_PER_MS;
        g_assert_true(g_hash_table_add(soak->sent, start_ms));
        g_assert_cmpuint(fragment.id, >, soak->last_id);
        soak->last_id = fragment.id;
    }
}

static void answer(struct soak *soak)
{
    for (guint i = 0; i < soak->pending->len;) {
        struct pending pending = g_array_index(soak->pending, struct pending, i);
        if (pending.due_ns > soak->now_ns) {
            i++;
            continue;
        }
        g_array_remove_index(soak->pending, i);
        if (pending.duration_ns == 0)
            fake_exchange_fail(pending.id, DUB_ERROR_MODEL_ERROR);
        else
            fake_exchange_answer_tone(pending.id, 500, 0.1, pending.duration_ns, 24000);
    }
}

static void play_with_properties(struct soak *soak)
{
    if (!chance(soak, 0.01))
        return;
    g_object_set(soak->rig->element, "mix-mode", g_rand_int_range(soak->random, 0, 3), "fallback",
                 g_rand_int_range(soak->random, 0, 4), "duck-gain", (double)between(soak, -40, 0), "dub-gain",
                 (double)between(soak, -10, 10), "bypass", chance(soak, 0.1), NULL);
}

/* Every minute or so, for up to 15 s; the source says so, or does not. */
static void break_off(struct soak *soak)
{
    if (soak->now_ns < soak->outage_until_ns || !chance(soak, 0.003))
        return;
    soak->outage_until_ns = soak->now_ns + between(soak, 100, 15000) * DUB_NS_PER_MS;
    if (chance(soak, 0.5))
        gst_harness_push_event(soak->rig->harness,
                               gst_event_new_gap((GstClockTime)soak->rig->fed_ns, GST_CLOCK_TIME_NONE));
}

/* One line of the account: of what was sent, or of what there was a reason not to send. */
static void account_for(struct soak *soak, const GstStructure *phrase)
{
    gint64 start_ms = 0;
    g_assert_true(gst_structure_get_int64(phrase, "startMs", &start_ms));
    soak->phrases++;
    note_fragments(soak); /* it was sent before it was settled */
    if (!g_hash_table_remove(soak->sent, &start_ms))
        g_assert_cmpstr(gst_structure_get_string(phrase, "reason"), ==, "BYPASSED");
}

static void read_messages(struct soak *soak)
{
    GstMessage *message;
    while ((message = gst_bus_pop(soak->rig->bus)) != NULL) {
        const GstStructure *structure = gst_message_get_structure(message);
        g_assert_cmpint(GST_MESSAGE_TYPE(message), !=, GST_MESSAGE_ERROR);
        if (structure != NULL && gst_structure_has_name(structure, DUB_GST_PHRASE_NAME))
            account_for(soak, structure);
        gst_message_unref(message);
    }
}

static unsigned count_entries(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    unsigned n = 0;
    while (g_dir_read_name(dir) != NULL)
        n++;
    return n;
}

static void assert_nothing_left_open(const struct soak *soak)
{
    g_assert_cmpuint(count_entries("/proc/self/fd"), ==, soak->descriptors);
    g_assert_cmpuint(count_entries("/proc/self/task"), <=, soak->threads + 1);
}

/* Large blocks too: whether malloc maps one by itself or not depends on what was freed before. */
static gint64 bytes_in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return (gint64)(info.uordblks + info.hblkhd);
}

/* Clips are made faster in the machine's time, while hours pass here: what they hold says nothing about
 * growth. Now and then they are waited for, so that each window has moments without. */
static void wait_for_the_stretch(const struct soak *soak)
{
    struct dub_stretch_thread *stretch = STS_DUB(soak->rig->element)->stretch;
    while (soak->now_ns % (10 * STEP_NS) == 0 && dub_stretch_thread_clips(stretch) > 0)
        g_usleep(1000);
}

static void measure(struct soak *soak)
{
    wait_for_the_stretch(soak);
    gint64 bytes = bytes_in_use();
    soak->least_bytes = MIN(soak->least_bytes, bytes);
    if (soak->level_bytes != 0)
        g_assert_cmpint(bytes, <=, soak->level_bytes + FLIGHT_BYTES);
    if (soak->now_ns < soak->window_end_ns)
        return;
    if (soak->level_bytes == 0)
        soak->level_bytes = soak->least_bytes;
    g_test_message("%3d s: %.2f MB", (int)(soak->now_ns / DUB_NS_PER_S), (double)soak->least_bytes / 1e6);
    g_assert_cmpint(soak->least_bytes, <=, soak->level_bytes + GROWTH_BYTES);
    assert_nothing_left_open(soak);
    soak->least_bytes = G_MAXINT64;
    soak->window_end_ns += soak->window_ns;
    soak->n_windows++;
}

static void step(struct soak *soak)
{
    bool feeding = soak->now_ns >= soak->outage_until_ns;
    /* What comes back continues at its time of arrival. */
    if (feeding && soak->now_ns - soak->rig->fed_ns > 100 * DUB_NS_PER_MS)
        soak->rig->fed_ns = soak->now_ns - soak->now_ns % RIG_CHUNK_NS;
    soak->now_ns += STEP_NS;
    rig_run(soak->rig, soak->now_ns, feeding ? talk : NULL);
    g_byte_array_set_size(soak->rig->output, 0);
    note_fragments(soak);
    answer(soak);
    play_with_properties(soak);
    break_off(soak);
    read_messages(soak);
    measure(soak);
}

static guint64 settled(struct rig *rig, guint64 *dubbed)
{
    GstStructure *stats = NULL;
    guint64 passthrough = 0;
    guint64 dropped = 0;
    guint open = 1;
    g_object_get(rig->element, "stats", &stats, NULL);
    g_assert_true(gst_structure_get(stats, "phrases-dubbed", G_TYPE_UINT64, dubbed, "phrases-passthrough",
                                    G_TYPE_UINT64, &passthrough, "phrases-dropped", G_TYPE_UINT64, &dropped,
                                    "phrases-open", G_TYPE_UINT, &open, NULL));
    g_assert_cmpuint(open, ==, 0);
    g_test_message("%" G_GUINT64_FORMAT " phrases dubbed, %" G_GUINT64_FORMAT
                   " passed through, %" G_GUINT64_FORMAT " dropped",
                   *dubbed, passthrough, dropped);
    gst_structure_free(stats);
    return *dubbed + passthrough + dropped;
}

/* DUB_TEST_SOAK_MINUTES: of stream. */
static int64_t soak_ns(void)
{
    const char *wanted = g_getenv("DUB_TEST_SOAK_MINUTES");
    return (wanted != NULL ? g_ascii_strtoll(wanted, NULL, 10) : 20) * 60 * DUB_NS_PER_S;
}

/* DUB_TEST_SEED: of all that happens by chance. */
static guint32 soak_seed(void)
{
    const char *wanted = g_getenv("DUB_TEST_SEED");
    return wanted != NULL ? (guint32)g_ascii_strtoull(wanted, NULL, 10) : 20;
}

static void test_hours_of_trouble(void)
{
    struct soak soak = {.rig = rig_new("sts-mode", 0, NULL),
                        .random = g_rand_new_with_seed(soak_seed()),
                        .sent = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL),
                        .window_ns = soak_ns() / WINDOWS,
                        .window_end_ns = soak_ns() / WINDOWS,
                        .least_bytes = G_MAXINT64};
    soak.pending = g_array_new(FALSE, FALSE, sizeof(struct pending));
    rig_feed(soak.rig, RIG_CHUNK_NS, talk);
    soak.descriptors = count_entries("/proc/self/fd");
    soak.threads = count_entries("/proc/self/task");
    g_test_message("seed %u (DUB_TEST_SEED), %d min of stream", soak_seed(),
                   (int)(soak_ns() / (60 * DUB_NS_PER_S)));
    while (soak.now_ns < soak_ns())
        step(&soak);
    assert_nothing_left_open(&soak);
    g_assert_cmpuint(soak.n_windows, ==, WINDOWS);
    rig_drain(soak.rig);
    read_messages(&soak);
    g_assert_cmpuint(g_hash_table_size(soak.sent), ==, 0);
    g_assert_cmpuint(soak.phrases, >=, soak.last_id);
    guint64 dubbed = 0;
    g_assert_cmpuint(settled(soak.rig, &dubbed), ==, soak.phrases);
    g_assert_cmpuint(dubbed, >, (guint64)(soak_ns() / (30 * DUB_NS_PER_S)));
    g_array_unref(soak.pending);
    g_hash_table_unref(soak.sent);
    g_rand_free(soak.random);
    rig_free(soak.rig);
}

static int16_t *new_voice(void)
{
    g_autofree float *spoken = test_voice_new(-20, VOICE_SAMPLES);
    int16_t *result = g_new0(int16_t, PERIOD_SAMPLES);
    for (int i = 0; i < VOICE_SAMPLES; i++)
        result[i] = (int16_t)lrintf(spoken[i] * 32767);
    return result;
}

int main(int argc, char **argv)
{
    gst_init(NULL, NULL);
    g_test_init(&argc, &argv, NULL);
    g_assert_true(dub_gst_register());
    voice = new_voice();
    g_test_add_func("/stsdub/hours-of-trouble", test_hours_of_trouble);
    int result = g_test_run();
    g_free(voice);
    return result;
}
