/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The element in a GstHarness on a test clock, with the fake exchange: no real time anywhere. */
#include "dubbing_gst.h"
#include "fake_exchange.h"
#include "samples.h"
#include "stsdub_rig.h"
#include "test_sounds.h"

#include <math.h>
#include <string.h>

#define D_NS (3 * DUB_NS_PER_S)

static void tone(int64_t position, int16_t *left, int16_t *right)
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

static double side_at(int64_t position)
{
    return SIDE_AMPLITUDE * sin(2 * M_PI * 5000 * (double)position / DUB_RATE_HZ);
}

static void put(int64_t position, double middle, int16_t *left, int16_t *right)
{
    *left = (int16_t)lrint(middle + side_at(position));
    *right = (int16_t)lrint(middle - side_at(position));
}

static double voice_at(int64_t position)
{
    int64_t at = (position + VOICE_SAMPLES) % VOICE_PERIOD_SAMPLES;
    return position >= DUB_RATE_HZ && at < VOICE_SAMPLES ? 32767 * (double)voice[at] : 0;
}

static void talk(int64_t position, int16_t *left, int16_t *right)
{
    put(position, voice_at(position), left, right);
}

/* Only the first of the voices. */
static void talk_once(int64_t position, int16_t *left, int16_t *right)
{
    put(position, position < 4 * DUB_RATE_HZ ? voice_at(position) : 0, left, right);
}

static void test_output_is_input_by_d(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    g_autoptr(GstTestClock) clock = rig_clock(rig);
    rig_feed(rig, RIG_CHUNK_NS, tone);
    GstClockID id = NULL;
    gst_test_clock_wait_for_next_pending_id(clock, &id);
    g_assert_cmpuint(gst_clock_id_get_time(id), ==, D_NS - DUB_GST_OUTPUT_MARGIN_NS);
    gst_clock_id_unref(id);
    rig_run(rig, 10 * DUB_NS_PER_S, tone);
    g_assert_cmpuint(rig->first_pts, ==, 0);
    g_assert_cmpint(rig->output->len / 4, ==, DUB_MS_TO_SAMPLES(7020) + DUB_BLOCK_SAMPLES);
    rig_assert_output_is(rig, 0, rig->output->len / 4, tone);
    rig_free(rig);
}

static void test_eos_drains(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    rig_feed(rig, 2 * DUB_NS_PER_S, tone);
    /* An end in the middle of a block. */
    GstBuffer *last = rig_new_buffer(rig->fed_ns, dub_ns_to_samples(rig->fed_ns), 123, tone);
    g_assert_cmpint(gst_harness_push(rig->harness, last), ==, GST_FLOW_OK);
    rig_drain(rig);
    g_assert_cmpint(rig->output->len / 4, ==, 2 * DUB_RATE_HZ + 123);
    rig_assert_output_is(rig, 0, 2 * DUB_RATE_HZ + 123, tone);
    rig_free(rig);
}

static void test_eos_without_input(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    rig_drain(rig);
    g_assert_cmpuint(rig->output->len, ==, 0);
    rig_free(rig);
}

static void test_latency_query(void)
{
    struct rig *rig = rig_new("latency", (guint64)5 * GST_SECOND, NULL);
    gst_harness_set_upstream_latency(rig->harness, 40 * GST_MSECOND);
    g_assert_cmpuint(gst_harness_query_latency(rig->harness), ==, 5 * GST_SECOND + 40 * GST_MSECOND);
    rig_feed(rig, RIG_CHUNK_NS, tone);
    g_autoptr(GstTestClock) clock = rig_clock(rig);
    GstClockID id = NULL;
    gst_test_clock_wait_for_next_pending_id(clock, &id);
    g_assert_cmpuint(gst_clock_id_get_time(id), ==,
                     5 * GST_SECOND + 40 * GST_MSECOND - DUB_GST_OUTPUT_MARGIN_NS);
    gst_clock_id_unref(id);
    rig_free(rig);
}

static void test_missing_input_is_silence(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    rig_feed(rig, DUB_NS_PER_S, tone);
    rig_run(rig, 6 * DUB_NS_PER_S, NULL);
    g_assert_cmpint(rig->output->len / 4, >, 3 * DUB_RATE_HZ);
    for (int64_t i = DUB_RATE_HZ + 120; i < rig->output->len / 4; i++)
        g_assert_cmpint(rig_output_at(rig, i)[0], ==, 0);
    rig_free(rig);
}

/* The next phrase message; fails when there is none. Owned by the caller. */
static GstStructure *next_phrase(struct rig *rig)
{
    for (;;) {
        g_autoptr(GstMessage) message = gst_bus_pop_filtered(rig->bus, GST_MESSAGE_ELEMENT);
        g_assert_nonnull(message);
        const GstStructure *structure = gst_message_get_structure(message);
        if (gst_structure_has_name(structure, DUB_GST_PHRASE_NAME))
            return gst_structure_copy(structure);
    }
}

static void assert_phrase(struct rig *rig, const char *state, const char *reason)
{
    GstStructure *phrase = next_phrase(rig);
    g_assert_cmpstr(gst_structure_get_string(phrase, "state"), ==, state);
    g_assert_cmpstr(gst_structure_get_string(phrase, "reason"), ==, reason);
    gst_structure_free(phrase);
}

static guint64 stat_of(struct rig *rig, const char *name)
{
    GstStructure *stats = NULL;
    guint64 value = 0;
    g_object_get(rig->element, "stats", &stats, NULL);
    g_assert_true(gst_structure_has_name(stats, DUB_GST_STATS_NAME));
    g_assert_true(gst_structure_get_uint64(stats, name, &value));
    gst_structure_free(stats);
    return value;
}

static gint64 number_in(const GstStructure *structure, const char *name)
{
    gint64 value = -1;
    g_assert_true(gst_structure_get_int64(structure, name, &value));
    return value;
}

/* How much of the difference between the channels is left, dB. */
static double bed_db(const struct rig *rig, int64_t from, int64_t to)
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

static int64_t clock_ns(struct rig *rig)
{
    g_autoptr(GstTestClock) clock = rig_clock(rig);
    return (int64_t)gst_clock_get_time(GST_CLOCK(clock));
}

/* Runs until the first phrase has been sent. */
static struct dub_exchange_fragment take_first_fragment(struct rig *rig)
{
    struct dub_exchange_fragment fragment;
    rig_run(rig, 3500 * DUB_NS_PER_MS, talk_once);
    rig_feed(rig, 3500 * DUB_NS_PER_MS, talk_once);
    g_assert_true(fake_exchange_take(&fragment));
    return fragment;
}

static void test_phrase_is_dubbed_in_its_place(void)
{
    struct rig *rig = rig_new("max-lag", (guint64)GST_SECOND, NULL);
    int64_t before_ns = dub_clock_now_ns(dub_clock_monotonic());
    struct dub_exchange_fragment fragment = take_first_fragment(rig);
    int64_t after_ns = dub_clock_now_ns(dub_clock_monotonic());
    g_assert_cmpint(ABS(fragment.start_ns - 850 * DUB_NS_PER_MS), <=, 60 * DUB_NS_PER_MS);
    g_assert_cmpint(ABS(fragment.start_ns + fragment.duration_ns - 3120 * DUB_NS_PER_MS), <=,
                    100 * DUB_NS_PER_MS);
    g_assert_cmpint(fragment.n_samples, ==,
                    (fragment.duration_ns * DUB_EXCHANGE_RATE_HZ + DUB_NS_PER_S / 2) / DUB_NS_PER_S);
    g_assert_cmpint(fragment.max_duration_ns, >, fragment.duration_ns);
    /* No use after the moment at which its last possible beginning is mixed. The clock stood at 2.97 s or 3.5
     * s. */
    int64_t last_ns =
        fragment.start_ns + D_NS + DUB_NS_PER_S - (int64_t)DUB_GST_OUTPUT_MARGIN_NS - 50 * DUB_NS_PER_MS;
    g_assert_cmpint(fragment.deadline_ns, >=, before_ns + last_ns - 3500 * DUB_NS_PER_MS);
    g_assert_cmpint(fragment.deadline_ns, <=, after_ns + last_ns - 2900 * DUB_NS_PER_MS);
    g_free(fragment.samples);

    fake_exchange_answer_tone(fragment.id, 600, 0.2, 2 * DUB_NS_PER_S, 24000);
    rig_run(rig, 10 * DUB_NS_PER_S, talk_once);
    GstStructure *phrase = next_phrase(rig);
    g_assert_cmpstr(gst_structure_get_string(phrase, "state"), ==, "dubbed");
    g_assert_cmpstr(gst_structure_get_string(phrase, "reason"), ==, "");
    g_assert_cmpstr(gst_structure_get_string(phrase, "transcript"), ==, "hello");
    g_assert_cmpstr(gst_structure_get_string(phrase, "translatedText"), ==, "hola");
    g_assert_cmpint(number_in(phrase, "lagMs"), ==, 0);
    g_assert_cmpint(number_in(phrase, "startMs"), ==, fragment.start_ns / DUB_NS_PER_MS);
    g_assert_cmpint(number_in(phrase, "rttMs"), ==, 700);
    gst_structure_free(phrase);

    int64_t start = dub_ns_to_samples(fragment.start_ns);
    int64_t end = start + 2 * DUB_RATE_HZ;
    g_assert_cmpfloat(fabs(bed_db(rig, start, end) + 20), <, 0.5);
    g_assert_cmpfloat(fabs(bed_db(rig, end + 9600, rig->output->len / 4)), <, 0.1);
    rig_assert_output_is(rig, 0, start - 2400, talk_once);
    rig_assert_output_is(rig, end + 9600, rig->output->len / 4, talk_once);
    /* The dub itself, as loud as the voice (which had -20 dBFS). */
    double power = 0;
    for (int64_t i = start + 4800; i < end - 4800; i++) {
        double middle = (rig_output_at(rig, i)[0] + rig_output_at(rig, i)[1]) / 2.0 / 32768;
        power += middle * middle / (double)(end - start - 9600);
    }
    g_assert_cmpfloat(fabs(10 * log10(power) + 20), <, 3);
    g_assert_cmpuint(stat_of(rig, "phrases-dubbed"), ==, 1);
    rig_free(rig);
    g_assert_false(fake_exchange_exists());
}

static void test_failed_phrase_is_the_original(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    struct dub_exchange_fragment fragment = take_first_fragment(rig);
    g_free(fragment.samples);
    fake_exchange_fail(fragment.id, DUB_ERROR_ASR_FAILED);
    rig_run(rig, 9 * DUB_NS_PER_S, talk_once);
    assert_phrase(rig, "passthrough", "ASR_FAILED");
    rig_assert_output_is(rig, 0, rig->output->len / 4, talk_once);
    rig_free(rig);
}

static void test_fallback_can_change_while_playing(void)
{
    struct rig *rig = rig_new("fallback", 1, NULL); /* ducked */
    struct dub_exchange_fragment fragment = take_first_fragment(rig);
    g_free(fragment.samples);
    fake_exchange_fail(fragment.id, DUB_ERROR_TIMEOUT);
    rig_run(rig, 5 * DUB_NS_PER_S, talk_once);
    g_assert_cmpfloat(fabs(bed_db(rig, 60000, 90000) + 20), <, 0.5);
    g_object_set(rig->element, "fallback", 0, NULL);
    rig_run(rig, 9 * DUB_NS_PER_S, talk_once);
    g_assert_cmpfloat(fabs(bed_db(rig, 115000, 130000)), <, 0.1);
    rig_free(rig);
}

static void test_answer_that_never_comes(void)
{
    struct rig *rig = rig_new("max-lag", (guint64)GST_SECOND, NULL);
    struct dub_exchange_fragment fragment = take_first_fragment(rig);
    g_free(fragment.samples);
    rig_run(rig, 6 * DUB_NS_PER_S, talk_once);
    assert_phrase(rig, "passthrough", "TIMEOUT");
    fake_exchange_answer_tone(fragment.id, 600, 0.2, DUB_NS_PER_S, 24000);
    rig_run(rig, 9 * DUB_NS_PER_S, talk_once);
    rig_assert_output_is(rig, 0, rig->output->len / 4, talk_once);
    rig_free(rig);
}

static void test_late_answer_trails_the_picture(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    struct dub_exchange_fragment fragment = take_first_fragment(rig);
    g_free(fragment.samples);
    rig_run(rig, fragment.start_ns + D_NS + 700 * DUB_NS_PER_MS, talk_once);
    fake_exchange_answer_tone(fragment.id, 600, 0.2, DUB_NS_PER_S, 24000);
    rig_run(rig, 9 * DUB_NS_PER_S, talk_once);
    GstStructure *phrase = next_phrase(rig);
    g_assert_cmpstr(gst_structure_get_string(phrase, "state"), ==, "dubbed");
    g_assert_cmpint(number_in(phrase, "lagMs"), >=, 700);
    g_assert_cmpint(number_in(phrase, "lagMs"), <=, 740);
    gst_structure_free(phrase);
    rig_free(rig);
}

static void test_full_queue(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    fake_exchange_refuse(true);
    rig_run(rig, 5 * DUB_NS_PER_S, talk_once);
    assert_phrase(rig, "passthrough", "QUEUE_FULL");
    rig_free(rig);
}

static void test_passthrough_mode_keeps_the_account(void)
{
    struct rig *rig = rig_new("sts-mode", 1, NULL);
    g_assert_false(fake_exchange_exists());
    rig_run(rig, 9 * DUB_NS_PER_S, talk_once);
    assert_phrase(rig, "passthrough", "DISABLED");
    rig_assert_output_is(rig, 0, rig->output->len / 4, talk_once);
    rig_free(rig);
}

static void test_unusable_dub_is_a_failed_phrase(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    struct dub_exchange_fragment fragment = take_first_fragment(rig);
    g_free(fragment.samples);
    fake_exchange_answer_tone(fragment.id, 600, 0.2, DUB_NS_PER_S, 4000);
    assert_phrase(rig, "passthrough", "INVALID_AUDIO_FORMAT");
    rig_free(rig);
}

static void test_flush_starts_anew(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    struct dub_exchange_fragment fragment = take_first_fragment(rig);
    g_free(fragment.samples);
    g_assert_true(gst_harness_push_event(rig->harness, gst_event_new_flush_start()));
    g_assert_true(gst_harness_push_event(rig->harness, gst_event_new_flush_stop(TRUE)));
    assert_phrase(rig, "dropped", "FLUSHED");
    /* An answer from before the flush changes nothing. */
    fake_exchange_answer_tone(fragment.id, 600, 0.2, DUB_NS_PER_S, 24000);
    GstBuffer *old;
    while ((old = gst_harness_try_pull(rig->harness)) != NULL)
        gst_buffer_unref(old);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = segment.position = 20 * GST_SECOND;
    segment.base = (guint64)clock_ns(rig);
    g_assert_true(gst_harness_push_event(rig->harness, gst_event_new_segment(&segment)));
    g_byte_array_set_size(rig->output, 0);
    rig->next_pts = GST_CLOCK_TIME_NONE;
    for (int i = 0; i < 50; i++) {
        GstBuffer *buffer = rig_new_buffer(20 * DUB_NS_PER_S + i * RIG_CHUNK_NS, i * RIG_CHUNK_SAMPLES,
                                           RIG_CHUNK_SAMPLES, tone);
        g_assert_cmpint(gst_harness_push(rig->harness, buffer), ==, GST_FLOW_OK);
    }
    rig_drain(rig);
    g_assert_cmpuint(rig->first_pts, ==, 20 * GST_SECOND);
    g_assert_cmpint(rig->output->len / 4, ==, DUB_RATE_HZ);
    rig_assert_output_is(rig, 0, DUB_RATE_HZ, tone);
    rig_free(rig);
}

static void test_sound_that_begins_late_has_silence_before(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    rig->fed_ns = DUB_NS_PER_S;
    rig_feed(rig, DUB_NS_PER_S + RIG_CHUNK_NS, tone);
    rig_run(rig, 6 * DUB_NS_PER_S, tone);
    g_assert_cmpuint(rig->first_pts, ==, 0);
    for (int64_t i = 0; i < DUB_RATE_HZ; i++)
        g_assert_cmpint(rig_output_at(rig, i)[1], ==, 0);
    rig_assert_output_is(rig, DUB_RATE_HZ + 120, rig->output->len / 4, tone);
    g_assert_cmpuint(stat_of(rig, "late-blocks"), ==, 0);
    rig_free(rig);
    /* What D cannot reach is not made up for. */
    rig = rig_new("sts-mode", 2, "latency", (guint64)GST_SECOND, NULL);
    rig->fed_ns = 3 * DUB_NS_PER_S;
    rig_feed(rig, 4 * DUB_NS_PER_S, tone);
    rig_drain(rig);
    g_assert_cmpuint(rig->first_pts, ==, 2 * GST_SECOND);
    g_assert_cmpint(rig->output->len / 4, ==, 2 * DUB_RATE_HZ);
    rig_free(rig);
}

static void test_gap_event_is_silence(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    rig_feed(rig, DUB_NS_PER_S, tone);
    g_assert_true(gst_harness_push_event(rig->harness, gst_event_new_gap(GST_SECOND, GST_SECOND)));
    rig->fed_ns = 2 * DUB_NS_PER_S;
    rig_feed(rig, 3 * DUB_NS_PER_S, tone);
    rig_drain(rig);
    g_assert_cmpint(rig->output->len / 4, ==, 3 * DUB_RATE_HZ);
    for (int64_t i = DUB_RATE_HZ + 120; i < 2 * DUB_RATE_HZ; i++)
        g_assert_cmpint(rig_output_at(rig, i)[1], ==, 0);
    rig_assert_output_is(rig, 2 * DUB_RATE_HZ + 120, 3 * DUB_RATE_HZ, tone);
    rig_free(rig);
}

/* Answers the first of two sentences with a clip of this length, the second shortly. */
static void dub_two_sentences(struct rig *rig, int64_t first_ns)
{
    struct dub_exchange_fragment fragment;
    rig_run(rig, 3500 * DUB_NS_PER_MS, talk);
    rig_feed(rig, 3500 * DUB_NS_PER_MS, talk);
    g_assert_true(fake_exchange_take(&fragment));
    g_free(fragment.samples);
    fake_exchange_answer_tone(fragment.id, 600, 0.2, first_ns, 24000);
    rig_run(rig, 7 * DUB_NS_PER_S, talk);
    g_assert_true(fake_exchange_take(&fragment));
    g_free(fragment.samples);
    fake_exchange_answer_tone(fragment.id, 600, 0.2, DUB_NS_PER_S, 24000);
    rig_run(rig, 9 * DUB_NS_PER_S, talk);
}

static void test_long_dub_is_hurried_to_save_the_next(void)
{
    struct rig *rig = rig_new("max-lag", (guint64)GST_SECOND, NULL);
    dub_two_sentences(rig, 4000 * DUB_NS_PER_MS);
    GstStructure *phrase = next_phrase(rig);
    gdouble speed = 0;
    g_assert_true(gst_structure_get_double(phrase, "speedRatio", &speed));
    /* The service said 1.1 itself. */
    g_assert_cmpfloat(speed, >, 1.1 * 1.05);
    g_assert_cmpfloat(speed, <=, 1.1 * 1.25);
    gst_structure_free(phrase);
    assert_phrase(rig, "dubbed", "");
    g_assert_cmpuint(stat_of(rig, "stretched-phrases"), ==, 1);
    rig_free(rig);
    /* What no hurry can save is dropped, and the long one stays as it is. */
    rig = rig_new("max-lag", (guint64)GST_SECOND, NULL);
    dub_two_sentences(rig, 6 * DUB_NS_PER_S);
    assert_phrase(rig, "dubbed", "");
    assert_phrase(rig, "dropped", "LAG_BOUND");
    g_assert_cmpuint(stat_of(rig, "stretched-phrases"), ==, 0);
    rig_free(rig);
}

/* Fed until the middle of the sentence of 1 s to 3 s, which is at hand D before it is heard. */
static void expect_dub_of_half_a_sentence(struct rig *rig)
{
    struct dub_exchange_fragment fragment;
    g_assert_true(fake_exchange_take(&fragment));
    g_assert_cmpint(ABS(fragment.start_ns + fragment.duration_ns - 2500 * DUB_NS_PER_MS), <,
                    100 * DUB_NS_PER_MS);
    g_free(fragment.samples);
    fake_exchange_answer_tone(fragment.id, 600, 0.2, DUB_NS_PER_S, 24000);
}

static void test_sentence_at_the_end_is_dubbed(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    rig_run(rig, 2500 * DUB_NS_PER_MS, talk_once);
    rig_feed(rig, 2500 * DUB_NS_PER_MS, talk_once);
    g_assert_true(gst_harness_push_event(rig->harness, gst_event_new_eos()));
    expect_dub_of_half_a_sentence(rig);
    rig_finish(rig);
    assert_phrase(rig, "dubbed", "");
    g_assert_cmpint(rig->output->len / 4, ==, DUB_MS_TO_SAMPLES(2500));
    rig_free(rig);
}

static void test_sentence_of_a_lost_input_is_dubbed(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    rig_run(rig, 2500 * DUB_NS_PER_MS, talk_once);
    rig_feed(rig, 2500 * DUB_NS_PER_MS, talk_once);
    g_assert_true(
        gst_harness_push_event(rig->harness, gst_event_new_gap(2500 * GST_MSECOND, GST_CLOCK_TIME_NONE)));
    expect_dub_of_half_a_sentence(rig);
    rig_run(rig, 6 * DUB_NS_PER_S, NULL);
    assert_phrase(rig, "dubbed", "");
    rig_free(rig);
}

/* A hole of a minute, longer than any ring. */
static void test_long_hole_in_a_file(void)
{
    struct rig *rig = rig_new("sts-mode", 2, "live", FALSE, NULL);
    rig_feed(rig, DUB_NS_PER_S, tone);
    rig->fed_ns = 61 * DUB_NS_PER_S;
    rig_feed(rig, 62 * DUB_NS_PER_S, tone);
    rig_drain(rig);
    g_assert_cmpint(rig->output->len / 4, ==, 62 * DUB_RATE_HZ);
    rig_assert_output_is(rig, 61 * DUB_RATE_HZ + 120, 62 * DUB_RATE_HZ, tone);
    rig_free(rig);
}

static void test_late_input_is_told_once(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    rig_feed(rig, DUB_NS_PER_S, tone);
    rig_run(rig, 6 * DUB_NS_PER_S, NULL);
    rig_feed(rig, 2 * DUB_NS_PER_S, tone);
    g_autoptr(GstMessage) message = gst_bus_pop_filtered(rig->bus, GST_MESSAGE_ELEMENT);
    g_assert_nonnull(message);
    const GstStructure *structure = gst_message_get_structure(message);
    g_assert_true(gst_structure_has_name(structure, DUB_GST_INPUT_LATE_NAME));
    g_assert_cmpint(number_in(structure, "lateness") / DUB_NS_PER_MS, ==, 2032);
    g_assert_null(gst_bus_pop_filtered(rig->bus, GST_MESSAGE_ELEMENT));
    g_assert_cmpuint(stat_of(rig, "late-samples"), ==, DUB_RATE_HZ);
    rig_free(rig);
}

/* Answers whatever is sent, until the element has nothing more to say. */
static gpointer answer_all(gpointer data)
{
    gint *stop = data;
    struct dub_exchange_fragment fragment;
    while (g_atomic_int_get(stop) == 0) {
        if (!fake_exchange_try_take(&fragment)) {
            g_thread_yield();
            continue;
        }
        g_free(fragment.samples);
        g_assert_cmpint(fragment.deadline_ns, ==, INT64_MAX);
        fake_exchange_answer_tone(fragment.id, 600, 0.2, DUB_NS_PER_S, 22050);
    }
    return NULL;
}

/* Much longer than the ring: the input is held back until there are answers, and every phrase is dubbed. */
static void test_file_waits_for_every_dub(void)
{
    struct rig *rig = rig_new("live", FALSE, NULL);
    gint stop = 0;
    GThread *answers = g_thread_new("answers", answer_all, &stop);
    rig_feed(rig, 90 * DUB_NS_PER_S, talk);
    rig_drain(rig);
    g_atomic_int_set(&stop, 1);
    g_thread_join(answers);
    g_assert_cmpint(rig->output->len / 4, >=, 90 * DUB_RATE_HZ);
    g_assert_cmpint(rig->output->len / 4, <=, 93 * DUB_RATE_HZ);
    g_assert_cmpuint(stat_of(rig, "phrases-dubbed"), ==, 30);
    g_assert_cmpuint(stat_of(rig, "phrases-passthrough") + stat_of(rig, "phrases-dropped"), ==, 0);
    for (int i = 0; i < 30; i++)
        assert_phrase(rig, "dubbed", "");
    rig_free(rig);
}

static gpointer push_minute(gpointer data)
{
    struct rig *rig = data;
    for (; rig->fed_ns < 60 * DUB_NS_PER_S; rig->fed_ns += RIG_CHUNK_NS) {
        GstBuffer *buffer =
            rig_new_buffer(rig->fed_ns, dub_ns_to_samples(rig->fed_ns), RIG_CHUNK_SAMPLES, talk);
        if (gst_harness_push(rig->harness, buffer) != GST_FLOW_OK)
            break;
    }
    return NULL;
}

/* With the first phrase unanswered, what is held stays bounded; and a stop gets through to the waiting input.
 */
static void test_stop_frees_a_waiting_input(void)
{
    struct rig *rig = rig_new("live", FALSE, NULL);
    struct dub_exchange_fragment fragment;
    GThread *pusher = g_thread_new("pusher", push_minute, rig);
    /* The phrases that fit into the ring; one more never comes. */
    for (int i = 0; i < 10; i++) {
        g_assert_true(fake_exchange_take(&fragment));
        g_free(fragment.samples);
    }
    gst_element_set_state(rig->element, GST_STATE_NULL);
    g_thread_join(pusher);
    g_assert_cmpint(rig->fed_ns, <, 50 * DUB_NS_PER_S);
    g_assert_cmpuint(stat_of(rig, "phrases-dubbed"), ==, 0);
    g_assert_cmpuint(stat_of(rig, "phrases-passthrough") + stat_of(rig, "phrases-dropped"), >=, 10);
    rig_free(rig);
}

static void test_settings_are_refused_while_playing(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    guint64 latency = 0;
    g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*latency*READY*");
    g_object_set(rig->element, "latency", (guint64)GST_SECOND, NULL);
    g_test_assert_expected_messages();
    g_object_get(rig->element, "latency", &latency, NULL);
    g_assert_cmpuint(latency, ==, D_NS);
    rig_free(rig);
}

static void test_every_property_reads_back(void)
{
    GstElement *element = gst_element_factory_make("stsdub", NULL);
    guint n_specs = 0;
    g_autofree GParamSpec **specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &n_specs);
    guint checked = 0;
    for (guint i = 0; i < n_specs; i++) {
        if (specs[i]->owner_type != G_OBJECT_TYPE(element) || (specs[i]->flags & G_PARAM_WRITABLE) == 0)
            continue;
        GValue value = G_VALUE_INIT;
        g_object_get_property(G_OBJECT(element), specs[i]->name, &value);
        g_assert_true(g_param_value_defaults(specs[i], &value));
        g_object_set_property(G_OBJECT(element), specs[i]->name, &value);
        g_value_unset(&value);
        checked++;
    }
    g_assert_cmpuint(checked, ==, 20);
    gst_object_unref(element);
}

static void test_buffers_without_a_time_follow_on(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    for (int i = 0; i < 100; i++) {
        GstBuffer *buffer = rig_new_buffer(0, i * RIG_CHUNK_SAMPLES, RIG_CHUNK_SAMPLES, tone);
        GST_BUFFER_PTS(buffer) = GST_CLOCK_TIME_NONE;
        g_assert_cmpint(gst_harness_push(rig->harness, buffer), ==, GST_FLOW_OK);
    }
    rig_drain(rig);
    g_assert_cmpint(rig->output->len / 4, ==, 2 * DUB_RATE_HZ);
    rig_assert_output_is(rig, 0, 2 * DUB_RATE_HZ, tone);
    rig_free(rig);
}

/* Pieces of more than the ring are taken bit by bit; what lies before the segment is left out. */
static void test_one_huge_buffer(void)
{
    struct rig *rig = rig_new("sts-mode", 2, "live", FALSE, NULL);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = GST_SECOND;
    gst_harness_push_event(rig->harness, gst_event_new_segment(&segment));
    GstBuffer *buffer = rig_new_buffer(0, 0, 60 * DUB_RATE_HZ, tone);
    g_assert_cmpint(gst_harness_push(rig->harness, buffer), ==, GST_FLOW_OK);
    rig_drain(rig);
    g_assert_cmpint(rig->output->len / 4, >=, 59 * DUB_RATE_HZ);
    rig_free(rig);
}

static void test_pause_holds_and_resumes(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    rig_run(rig, 4 * DUB_NS_PER_S, tone);
    g_assert_cmpint(gst_element_set_state(rig->element, GST_STATE_PAUSED), ==, GST_STATE_CHANGE_NO_PREROLL);
    guint64 blocks = stat_of(rig, "blocks");
    g_autoptr(GstTestClock) clock = rig_clock(rig);
    gst_test_clock_set_time(clock, 9 * GST_SECOND);
    g_assert_cmpuint(stat_of(rig, "blocks"), ==, blocks);
    /* As a pipeline does: the running time goes on where it stopped. */
    gst_element_set_base_time(rig->element, 5 * GST_SECOND);
    gst_element_set_state(rig->element, GST_STATE_PLAYING);
    rig_feed(rig, 5 * DUB_NS_PER_S, tone);
    rig_drain(rig);
    g_assert_cmpint(rig->output->len / 4, ==, 5 * DUB_RATE_HZ);
    rig_assert_output_is(rig, 0, 5 * DUB_RATE_HZ, tone);
    rig_free(rig);
}

static void test_mix_mode_can_change_while_playing(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    struct dub_exchange_fragment fragment = take_first_fragment(rig);
    g_free(fragment.samples);
    fake_exchange_answer_tone(fragment.id, 600, 0.2, 2 * DUB_NS_PER_S, 24000);
    rig_run(rig, 5 * DUB_NS_PER_S, talk_once);
    g_assert_cmpfloat(fabs(bed_db(rig, 60000, 90000) + 20), <, 0.5);
    g_object_set(rig->element, "mix-mode", 1, NULL); /* replace */
    rig_run(rig, 9 * DUB_NS_PER_S, talk_once);
    g_assert_cmpfloat(bed_db(rig, 105000, 130000), <, -60);
    rig_free(rig);
}

/* The largest step between two samples of the middle beyond what the voice itself makes. */
static void assert_no_click(const struct rig *rig, int64_t from, int64_t to)
{
    double own = 0;
    double largest = 0;
    for (int64_t i = from; i < to; i++) {
        const int16_t *here = rig_output_at(rig, i);
        const int16_t *before = rig_output_at(rig, i - 1);
        largest = MAX(largest, fabs((here[0] + here[1] - before[0] - before[1]) / 2.0));
        own = MAX(own, fabs(voice_at(i) - voice_at(i - 1)));
    }
    /* The dub is a tone of 600 Hz, as loud as the voice. */
    g_assert_cmpfloat(largest, <, own + 2 * M_PI * 600 / DUB_RATE_HZ * 32768 * 0.3);
}

static void test_gains_can_change_while_playing(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    struct dub_exchange_fragment fragment = take_first_fragment(rig);
    g_free(fragment.samples);
    fake_exchange_answer_tone(fragment.id, 600, 0.2, 2 * DUB_NS_PER_S, 24000);
    rig_run(rig, 5 * DUB_NS_PER_S, talk_once);
    g_object_set(rig->element, "duck-gain", -6.0, "dub-gain", -10.0, NULL);
    rig_run(rig, 9 * DUB_NS_PER_S, talk_once);
    g_assert_cmpfloat(fabs(bed_db(rig, 60000, 90000) + 20), <, 0.5);
    g_assert_cmpfloat(fabs(bed_db(rig, 110000, 130000) + 6), <, 0.5);
    assert_no_click(rig, 48000, rig->output->len / 4);
    rig_free(rig);
}

/* In the middle of a dub, and back after the sentence that followed. */
static void test_bypass_while_playing(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    struct dub_exchange_fragment fragment;
    rig_run(rig, 3500 * DUB_NS_PER_MS, talk);
    rig_feed(rig, 3500 * DUB_NS_PER_MS, talk);
    g_assert_true(fake_exchange_take(&fragment));
    g_free(fragment.samples);
    fake_exchange_answer_tone(fragment.id, 600, 0.2, 2 * DUB_NS_PER_S, 24000);
    rig_run(rig, 5 * DUB_NS_PER_S, talk);
    g_object_set(rig->element, "bypass", TRUE, NULL);
    rig_run(rig, 7 * DUB_NS_PER_S, talk);
    g_object_set(rig->element, "bypass", FALSE, NULL);
    rig_run(rig, 10 * DUB_NS_PER_S, talk);
    g_assert_true(fake_exchange_take(&fragment)); /* the third sentence */
    g_free(fragment.samples);
    g_assert_cmpuint(fake_exchange_submitted(), ==, 2);
    assert_phrase(rig, "dubbed", "");
    assert_phrase(rig, "passthrough", "BYPASSED");
    rig_assert_output_is(rig, 110000, rig->output->len / 4, talk);
    assert_no_click(rig, 48000, rig->output->len / 4);
    rig_free(rig);
}

/* A dub that is at hand but not yet heard when the bypass begins is not counted as heard. */
static void test_bypass_before_the_dub(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    struct dub_exchange_fragment fragment = take_first_fragment(rig);
    g_free(fragment.samples);
    fake_exchange_answer_tone(fragment.id, 600, 0.2, 2 * DUB_NS_PER_S, 24000);
    g_object_set(rig->element, "bypass", TRUE, NULL);
    rig_run(rig, 9 * DUB_NS_PER_S, talk_once);
    assert_phrase(rig, "passthrough", "BYPASSED");
    rig_assert_output_is(rig, 0, rig->output->len / 4, talk_once);
    rig_free(rig);
}

static void test_max_lag_can_change_while_playing(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    struct dub_exchange_fragment fragment = take_first_fragment(rig);
    g_free(fragment.samples);
    g_object_set(rig->element, "max-lag", (guint64)500 * GST_MSECOND, NULL);
    rig_run(rig, fragment.start_ns + D_NS + 600 * DUB_NS_PER_MS, talk_once);
    assert_phrase(rig, "passthrough", "TIMEOUT");
    rig_free(rig);
}

static GstPadProbeReturn refuse(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
    gst_buffer_unref(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_PAD_PROBE_INFO_FLOW_RETURN(info) = GST_FLOW_ERROR;
    return GST_PAD_PROBE_HANDLED;
}

/* What downstream says reaches upstream, and the application. */
static void test_downstream_error_is_passed_on(void)
{
    struct rig *rig = rig_new("sts-mode", 2, "live", FALSE, NULL);
    g_autoptr(GstPad) src = gst_element_get_static_pad(rig->element, "src");
    gst_pad_add_probe(src, GST_PAD_PROBE_TYPE_BUFFER, refuse, NULL, NULL);
    GstFlowReturn flow = GST_FLOW_OK;
    for (int64_t ns = 0; flow == GST_FLOW_OK && ns < 120 * DUB_NS_PER_S; ns += RIG_CHUNK_NS)
        flow = gst_harness_push(rig->harness, rig_new_buffer(ns, 0, RIG_CHUNK_SAMPLES, tone));
    g_assert_cmpint(flow, ==, GST_FLOW_ERROR);
    g_autoptr(GstMessage) message = gst_bus_pop_filtered(rig->bus, GST_MESSAGE_ERROR);
    g_assert_nonnull(message);
    rig_free(rig);
}

static void test_states(void)
{
    GstElement *element = gst_element_factory_make("stsdub", NULL);
    g_assert_cmpint(gst_element_set_state(element, GST_STATE_PAUSED), ==, GST_STATE_CHANGE_NO_PREROLL);
    g_assert_cmpint(gst_element_set_state(element, GST_STATE_NULL), ==, GST_STATE_CHANGE_SUCCESS);
    g_object_set(element, "live", FALSE, NULL);
    g_assert_cmpint(gst_element_set_state(element, GST_STATE_PAUSED), ==, GST_STATE_CHANGE_SUCCESS);
    g_assert_cmpint(gst_element_set_state(element, GST_STATE_NULL), ==, GST_STATE_CHANGE_SUCCESS);
    gst_object_unref(element);
}

static void test_other_speeds_are_refused(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    g_autoptr(GstPad) src = gst_element_get_static_pad(rig->element, "src");
    GstEvent *seek = gst_event_new_seek(2.0, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0,
                                        GST_SEEK_TYPE_NONE, 0);
    g_assert_false(gst_pad_send_event(src, seek));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_BYTES);
    gst_harness_push_event(rig->harness, gst_event_new_segment(&segment));
    g_autoptr(GstMessage) message = gst_bus_pop_filtered(rig->bus, GST_MESSAGE_ERROR);
    g_assert_nonnull(message);
    rig_free(rig);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        {"/stsdub/output-is-input-by-d", test_output_is_input_by_d},
        {"/stsdub/eos-drains", test_eos_drains},
        {"/stsdub/eos-without-input", test_eos_without_input},
        {"/stsdub/latency-query", test_latency_query},
        {"/stsdub/missing-input-is-silence", test_missing_input_is_silence},
        {"/stsdub/phrase-is-dubbed-in-its-place", test_phrase_is_dubbed_in_its_place},
        {"/stsdub/failed-phrase-is-the-original", test_failed_phrase_is_the_original},
        {"/stsdub/fallback-can-change-while-playing", test_fallback_can_change_while_playing},
        {"/stsdub/answer-that-never-comes", test_answer_that_never_comes},
        {"/stsdub/late-answer-trails-the-picture", test_late_answer_trails_the_picture},
        {"/stsdub/full-queue", test_full_queue},
        {"/stsdub/passthrough-mode-keeps-the-account", test_passthrough_mode_keeps_the_account},
        {"/stsdub/unusable-dub-is-a-failed-phrase", test_unusable_dub_is_a_failed_phrase},
        {"/stsdub/flush-starts-anew", test_flush_starts_anew},
        {"/stsdub/sound-that-begins-late-has-silence-before", test_sound_that_begins_late_has_silence_before},
        {"/stsdub/gap-event-is-silence", test_gap_event_is_silence},
        {"/stsdub/long-dub-is-hurried-to-save-the-next", test_long_dub_is_hurried_to_save_the_next},
        {"/stsdub/sentence-at-the-end-is-dubbed", test_sentence_at_the_end_is_dubbed},
        {"/stsdub/sentence-of-a-lost-input-is-dubbed", test_sentence_of_a_lost_input_is_dubbed},
        {"/stsdub/long-hole-in-a-file", test_long_hole_in_a_file},
        {"/stsdub/late-input-is-told-once", test_late_input_is_told_once},
        {"/stsdub/file-waits-for-every-dub", test_file_waits_for_every_dub},
        {"/stsdub/stop-frees-a-waiting-input", test_stop_frees_a_waiting_input},
        {"/stsdub/settings-are-refused-while-playing", test_settings_are_refused_while_playing},
        {"/stsdub/every-property-reads-back", test_every_property_reads_back},
        {"/stsdub/buffers-without-a-time-follow-on", test_buffers_without_a_time_follow_on},
        {"/stsdub/one-huge-buffer", test_one_huge_buffer},
        {"/stsdub/pause-holds-and-resumes", test_pause_holds_and_resumes},
        {"/stsdub/mix-mode-can-change-while-playing", test_mix_mode_can_change_while_playing},
        {"/stsdub/gains-can-change-while-playing", test_gains_can_change_while_playing},
        {"/stsdub/bypass-while-playing", test_bypass_while_playing},
        {"/stsdub/bypass-before-the-dub", test_bypass_before_the_dub},
        {"/stsdub/max-lag-can-change-while-playing", test_max_lag_can_change_while_playing},
        {"/stsdub/downstream-error-is-passed-on", test_downstream_error_is_passed_on},
        {"/stsdub/states", test_states},
        {"/stsdub/other-speeds-are-refused", test_other_speeds_are_refused},
    };
    gst_init(NULL, NULL);
    g_test_init(&argc, &argv, NULL);
    g_assert_true(dub_gst_register());
    voice = test_voice_new(-20, VOICE_SAMPLES);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add_func(tests[i].name, tests[i].run);
    int result = g_test_run();
    g_free(voice);
    return result;
}
