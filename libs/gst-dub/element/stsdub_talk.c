/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stsdub_talk.h"

#include "dubbing_gst.h"
#include "sound/samples.h"
#include "speech/test_sounds.h"

#include <math.h>

void tone(int64_t position, int16_t *left, int16_t *right)
{
    *left = (int16_t)lrint(6000 * sin(2 * M_PI * 300 * (double)position / DUB_RATE_HZ));
    *right = (int16_t)(position % 7000);
}

/* A voice from 1 s to 3 s, again from 4 s to 6 s, ...; and between the channels a tone that tells the bed's
 * gain, since a dub is the same in both. */
#define VOICE_PERIOD_SAMPLES (3 * DUB_RATE_HZ)
#define VOICE_SAMPLES (2 * DUB_RATE_HZ)
#define SIDE_AMPLITUDE 1000

static float *voice;

double side_at(int64_t position)
{
    return SIDE_AMPLITUDE * sin(2 * M_PI * 5000 * (double)position / DUB_RATE_HZ);
}

static void put(int64_t position, double middle, int16_t *left, int16_t *right)
{
    *left = (int16_t)lrint(middle + side_at(position));
    *right = (int16_t)lrint(middle - side_at(position));
}

double voice_at(int64_t position)
{
    int64_t at = (position + VOICE_SAMPLES) % VOICE_PERIOD_SAMPLES;
    return position >= DUB_RATE_HZ && at < VOICE_SAMPLES ? 32767 * (double)voice[at] : 0;
}

void talk(int64_t position, int16_t *left, int16_t *right)
{
    put(position, voice_at(position), left, right);
}

/* Only the first of the voices. */
void talk_once(int64_t position, int16_t *left, int16_t *right)
{
    put(position, position < 4 * DUB_RATE_HZ ? voice_at(position) : 0, left, right);
}

/* The next phrase message; fails when there is none. Owned by the caller. */
GstStructure *next_phrase(struct rig *rig)
{
    for (;;) {
        g_autoptr(GstMessage) message = gst_bus_pop_filtered(rig->bus, GST_MESSAGE_ELEMENT);
        g_assert_nonnull(message);
        const GstStructure *structure = gst_message_get_structure(message);
        if (gst_structure_has_name(structure, DUB_GST_PHRASE_NAME))
            return gst_structure_copy(structure);
    }
}

void assert_phrase(struct rig *rig, const char *state, const char *reason)
{
    GstStructure *phrase = next_phrase(rig);
    g_assert_cmpstr(gst_structure_get_string(phrase, "state"), ==, state);
    g_assert_cmpstr(gst_structure_get_string(phrase, "reason"), ==, reason);
    gst_structure_free(phrase);
}

guint64 stat_of(struct rig *rig, const char *name)
{
    GstStructure *stats = NULL;
    guint64 value = 0;
    g_object_get(rig->element, "stats", &stats, NULL);
    g_assert_true(gst_structure_has_name(stats, DUB_GST_STATS_NAME));
    g_assert_true(gst_structure_get_uint64(stats, name, &value));
    gst_structure_free(stats);
    return value;
}

gint64 number_in(const GstStructure *structure, const char *name)
{
    gint64 value = -1;
    g_assert_true(gst_structure_get_int64(structure, name, &value));
    return value;
}

/* How much of the difference between the channels is left, dB. */
double bed_db(const struct rig *rig, int64_t from, int64_t to)
{
    double in = 0;
    double out = 0;
    for (int64_t i = from; i < to; i++) {
        const int16_t *sample = rig_output_at(rig, i);
        out += (sample[0] - sample[1]) * (sample[0] - sample[1]);
        in += 4 * side_at(i) * side_at(i);
    }
    return 10 * log10(out / in + 1e-12);
}

int64_t clock_ns(struct rig *rig)
{
    g_autoptr(GstTestClock) clock = rig_clock(rig);
    return (int64_t)gst_clock_get_time(GST_CLOCK(clock));
}

/* Runs until the first phrase has been sent. */
struct dub_exchange_fragment take_first_fragment(struct rig *rig)
{
    struct dub_exchange_fragment fragment;
    rig_run(rig, 3500 * DUB_NS_PER_MS, talk_once);
    rig_feed(rig, 3500 * DUB_NS_PER_MS, talk_once);
    g_assert_true(fake_exchange_take(&fragment));
    return fragment;
}

int talk_test_run(int argc, char **argv, const struct talk_test *tests, gsize n_tests)
{
    gst_init(NULL, NULL);
    g_test_init(&argc, &argv, NULL);
    g_assert_true(dub_gst_register());
    voice = test_voice_new(-20, VOICE_SAMPLES);
    for (gsize i = 0; i < n_tests; i++)
        g_test_add_func(tests[i].name, tests[i].run);
    int result = g_test_run();
    g_free(voice);
    return result;
}
