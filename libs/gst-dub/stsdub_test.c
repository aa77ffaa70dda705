/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The element in a GstHarness on a test clock, with the fake exchange: no real time anywhere. */
#include "dubbing_gst.h"
#include "fake_exchange.h"
#include "samples.h"
#include "test_sounds.h"

#include <gst/check/gstharness.h>
#include <math.h>
#include <string.h>

#define CAPS "audio/x-raw,format=S16LE,rate=48000,channels=2,layout=interleaved"
#define D_NS (3 * DUB_NS_PER_S)
#define CHUNK_SAMPLES 960
#define CHUNK_NS (20 * DUB_NS_PER_MS)

struct rig {
    GstHarness *harness;
    GstElement *element;
    GstBus *bus;
    GByteArray *output; /* all samples that came out */
    GstClockTime first_pts;
    GstClockTime next_pts; /* of the next block; the output must have no gap */
    int64_t fed_ns;        /* input pushed so far */
    bool eos;
};

typedef void (*signal_fn)(int64_t position, int16_t *left, int16_t *right);

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

static struct rig *rig_new(const char *first_property, ...)
{
    struct rig *rig = g_new0(struct rig, 1);
    va_list properties;
    va_start(properties, first_property);
    rig->element = gst_element_factory_make("stsdub", NULL);
    g_object_set_valist(G_OBJECT(rig->element), first_property, properties);
    va_end(properties);
    rig->bus = gst_bus_new();
    gst_element_set_bus(rig->element, rig->bus);
    rig->harness = gst_harness_new_with_element(rig->element, "sink", "src");
    gst_harness_use_testclock(rig->harness);
    gst_harness_set_src_caps_str(rig->harness, CAPS);
    rig->output = g_byte_array_new();
    rig->first_pts = rig->next_pts = GST_CLOCK_TIME_NONE;
    return rig;
}

static void rig_free(struct rig *rig)
{
    gst_harness_teardown(rig->harness);
    gst_element_set_bus(rig->element, NULL);
    gst_object_unref(rig->bus);
    gst_object_unref(rig->element);
    g_byte_array_unref(rig->output);
    g_free(rig);
}

static GstBuffer *new_buffer(int64_t pts_ns, int64_t position, unsigned n_samples, signal_fn signal)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, n_samples * 4, NULL);
    GstMapInfo map;
    g_assert_true(gst_buffer_map(buffer, &map, GST_MAP_WRITE));
    int16_t *samples = (int16_t *)(void *)map.data;
    for (unsigned i = 0; i < n_samples; i++)
        signal(position + i, &samples[2 * i], &samples[2 * i + 1]);
    gst_buffer_unmap(buffer, &map);
    GST_BUFFER_PTS(buffer) = (GstClockTime)pts_ns;
    GST_BUFFER_DURATION(buffer) = (GstClockTime)dub_samples_to_ns(n_samples);
    return buffer;
}

static void feed(struct rig *rig, int64_t until_ns, signal_fn signal)
{
    for (; rig->fed_ns < until_ns; rig->fed_ns += CHUNK_NS) {
        GstBuffer *buffer = new_buffer(rig->fed_ns, dub_ns_to_samples(rig->fed_ns), CHUNK_SAMPLES, signal);
        g_assert_cmpint(gst_harness_push(rig->harness, buffer), ==, GST_FLOW_OK);
    }
}

static void collect(struct rig *rig, GstBuffer *buffer)
{
    GstMapInfo map;
    if (!GST_CLOCK_TIME_IS_VALID(rig->next_pts))
        rig->first_pts = rig->next_pts = GST_BUFFER_PTS(buffer);
    g_assert_cmpuint(GST_BUFFER_PTS(buffer), ==, rig->next_pts);
    rig->next_pts += GST_BUFFER_DURATION(buffer);
    g_assert_true(gst_buffer_map(buffer, &map, GST_MAP_READ));
    g_assert_cmpuint(map.size * 1000000 / 192, ==, GST_BUFFER_DURATION(buffer));
    g_byte_array_append(rig->output, map.data, (guint)map.size);
    gst_buffer_unmap(buffer, &map);
    gst_buffer_unref(buffer);
}

static GstTestClock *rig_clock(struct rig *rig)
{
    return gst_harness_get_testclock(rig->harness);
}

/* Lets the clock run to `until`, block by block, feeding the input 20 ms behind it (it arrives when it was
 * said). */
static void run(struct rig *rig, int64_t until_ns, signal_fn signal)
{
    g_autoptr(GstTestClock) clock = rig_clock(rig);
    if (rig->fed_ns == 0 && signal != NULL)
        feed(rig, CHUNK_NS, signal);
    for (;;) {
        GstClockID id = NULL;
        gst_test_clock_wait_for_next_pending_id(clock, &id);
        GstClockTime due = gst_clock_id_get_time(id);
        gst_clock_id_unref(id);
        if (due > (GstClockTime)until_ns)
            break;
        if (signal != NULL)
            feed(rig, (int64_t)due - CHUNK_NS, signal);
        gst_test_clock_crank(clock);
        collect(rig, gst_harness_pull(rig->harness));
    }
    gst_test_clock_set_time(clock, (GstClockTime)until_ns);
}

static const int16_t *output_at(const struct rig *rig, int64_t position)
{
    g_assert_cmpint((position + 1) * 4, <=, rig->output->len);
    return (const int16_t *)(const void *)rig->output->data + position * 2;
}

static void assert_output_is(const struct rig *rig, int64_t from, int64_t to, signal_fn signal)
{
    for (int64_t i = from; i < to; i++) {
        int16_t left;
        int16_t right;
        signal(i, &left, &right);
        g_assert_cmpint(output_at(rig, i)[0], ==, left);
        g_assert_cmpint(output_at(rig, i)[1], ==, right);
    }
}

static void drain(struct rig *rig)
{
    g_assert_true(gst_harness_push_event(rig->harness, gst_event_new_eos()));
    g_autoptr(GstTestClock) clock = rig_clock(rig);
    for (;;) {
        GstEvent *event = NULL;
        while ((event = gst_harness_try_pull_event(rig->harness)) != NULL) {
            rig->eos = rig->eos || GST_EVENT_TYPE(event) == GST_EVENT_EOS;
            gst_event_unref(event);
        }
        GstBuffer *buffer = NULL;
        while ((buffer = gst_harness_try_pull(rig->harness)) != NULL)
            collect(rig, buffer);
        if (rig->eos)
            return;
        if (gst_test_clock_peek_id_count(clock) > 0)
            gst_test_clock_crank(clock);
        else
            g_thread_yield();
    }
}

static void test_output_is_input_by_d(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    g_autoptr(GstTestClock) clock = rig_clock(rig);
    feed(rig, CHUNK_NS, tone);
    GstClockID id = NULL;
    gst_test_clock_wait_for_next_pending_id(clock, &id);
    g_assert_cmpuint(gst_clock_id_get_time(id), ==, D_NS - DUB_GST_OUTPUT_MARGIN_NS);
    gst_clock_id_unref(id);
    run(rig, 10 * DUB_NS_PER_S, tone);
    g_assert_cmpuint(rig->first_pts, ==, 0);
    g_assert_cmpint(rig->output->len / 4, ==, DUB_MS_TO_SAMPLES(7020) + DUB_BLOCK_SAMPLES);
    assert_output_is(rig, 0, rig->output->len / 4, tone);
    rig_free(rig);
}

static void test_eos_drains(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    feed(rig, 2 * DUB_NS_PER_S, tone);
    /* An end in the middle of a block. */
    GstBuffer *last = new_buffer(rig->fed_ns, dub_ns_to_samples(rig->fed_ns), 123, tone);
    g_assert_cmpint(gst_harness_push(rig->harness, last), ==, GST_FLOW_OK);
    drain(rig);
    g_assert_cmpint(rig->output->len / 4, ==, 2 * DUB_RATE_HZ + 123);
    assert_output_is(rig, 0, 2 * DUB_RATE_HZ + 123, tone);
    rig_free(rig);
}

static void test_eos_without_input(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    drain(rig);
    g_assert_cmpuint(rig->output->len, ==, 0);
    rig_free(rig);
}

static void test_latency_query(void)
{
    struct rig *rig = rig_new("latency", (guint64)5 * GST_SECOND, NULL);
    gst_harness_set_upstream_latency(rig->harness, 40 * GST_MSECOND);
    g_assert_cmpuint(gst_harness_query_latency(rig->harness), ==, 5 * GST_SECOND + 40 * GST_MSECOND);
    feed(rig, CHUNK_NS, tone);
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
    feed(rig, DUB_NS_PER_S, tone);
    run(rig, 6 * DUB_NS_PER_S, NULL);
    g_assert_cmpint(rig->output->len / 4, >, 3 * DUB_RATE_HZ);
    for (int64_t i = DUB_RATE_HZ + 120; i < rig->output->len / 4; i++)
        g_assert_cmpint(output_at(rig, i)[0], ==, 0);
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
        const int16_t *sample = output_at(rig, i);
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
    run(rig, 3500 * DUB_NS_PER_MS, talk_once);
    feed(rig, 3500 * DUB_NS_PER_MS, talk_once);
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
    int64_t last_ns = fragment.start_ns + D_NS + DUB_NS_PER_S - (int64_t)DUB_GST_OUTPUT_MARGIN_NS;
    g_assert_cmpint(fragment.deadline_ns, >=, before_ns + last_ns - 3500 * DUB_NS_PER_MS);
    g_assert_cmpint(fragment.deadline_ns, <=, after_ns + last_ns - 2900 * DUB_NS_PER_MS);
    g_free(fragment.samples);

    fake_exchange_answer_tone(fragment.id, 600, 0.2, 2 * DUB_NS_PER_S, 24000);
    run(rig, 10 * DUB_NS_PER_S, talk_once);
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
    assert_output_is(rig, 0, start - 2400, talk_once);
    assert_output_is(rig, end + 9600, rig->output->len / 4, talk_once);
    /* The dub itself, as loud as the voice (which had -20 dBFS). */
    double power = 0;
    for (int64_t i = start + 4800; i < end - 4800; i++) {
        double middle = (output_at(rig, i)[0] + output_at(rig, i)[1]) / 2.0 / 32768;
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
    run(rig, 9 * DUB_NS_PER_S, talk_once);
    assert_phrase(rig, "passthrough", "ASR_FAILED");
    assert_output_is(rig, 0, rig->output->len / 4, talk_once);
    rig_free(rig);
}

static void test_fallback_can_change_while_playing(void)
{
    struct rig *rig = rig_new("fallback", 1, NULL); /* ducked */
    struct dub_exchange_fragment fragment = take_first_fragment(rig);
    g_free(fragment.samples);
    fake_exchange_fail(fragment.id, DUB_ERROR_TIMEOUT);
    run(rig, 5 * DUB_NS_PER_S, talk_once);
    g_assert_cmpfloat(fabs(bed_db(rig, 60000, 90000) + 20), <, 0.5);
    g_object_set(rig->element, "fallback", 0, NULL);
    run(rig, 9 * DUB_NS_PER_S, talk_once);
    g_assert_cmpfloat(fabs(bed_db(rig, 115000, 130000)), <, 0.1);
    rig_free(rig);
}

static void test_answer_that_never_comes(void)
{
    struct rig *rig = rig_new("max-lag", (guint64)GST_SECOND, NULL);
    struct dub_exchange_fragment fragment = take_first_fragment(rig);
    g_free(fragment.samples);
    run(rig, 6 * DUB_NS_PER_S, talk_once);
    assert_phrase(rig, "passthrough", "NOT_IN_TIME");
    fake_exchange_answer_tone(fragment.id, 600, 0.2, DUB_NS_PER_S, 24000);
    run(rig, 9 * DUB_NS_PER_S, talk_once);
    assert_output_is(rig, 0, rig->output->len / 4, talk_once);
    rig_free(rig);
}

static void test_late_answer_trails_the_picture(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    struct dub_exchange_fragment fragment = take_first_fragment(rig);
    g_free(fragment.samples);
    run(rig, fragment.start_ns + D_NS + 700 * DUB_NS_PER_MS, talk_once);
    fake_exchange_answer_tone(fragment.id, 600, 0.2, DUB_NS_PER_S, 24000);
    run(rig, 9 * DUB_NS_PER_S, talk_once);
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
    run(rig, 5 * DUB_NS_PER_S, talk_once);
    assert_phrase(rig, "passthrough", "QUEUE_FULL");
    rig_free(rig);
}

static void test_passthrough_mode_keeps_the_account(void)
{
    struct rig *rig = rig_new("sts-mode", 1, NULL);
    g_assert_false(fake_exchange_exists());
    run(rig, 9 * DUB_NS_PER_S, talk_once);
    assert_phrase(rig, "passthrough", "DISABLED");
    assert_output_is(rig, 0, rig->output->len / 4, talk_once);
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
        GstBuffer *buffer =
            new_buffer(20 * DUB_NS_PER_S + i * CHUNK_NS, i * CHUNK_SAMPLES, CHUNK_SAMPLES, tone);
        g_assert_cmpint(gst_harness_push(rig->harness, buffer), ==, GST_FLOW_OK);
    }
    drain(rig);
    g_assert_cmpuint(rig->first_pts, ==, 20 * GST_SECOND);
    g_assert_cmpint(rig->output->len / 4, ==, DUB_RATE_HZ);
    assert_output_is(rig, 0, DUB_RATE_HZ, tone);
    rig_free(rig);
}

static void test_gap_event_is_silence(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    feed(rig, DUB_NS_PER_S, tone);
    g_assert_true(gst_harness_push_event(rig->harness, gst_event_new_gap(GST_SECOND, GST_SECOND)));
    rig->fed_ns = 2 * DUB_NS_PER_S;
    feed(rig, 3 * DUB_NS_PER_S, tone);
    drain(rig);
    g_assert_cmpint(rig->output->len / 4, ==, 3 * DUB_RATE_HZ);
    for (int64_t i = DUB_RATE_HZ + 120; i < 2 * DUB_RATE_HZ; i++)
        g_assert_cmpint(output_at(rig, i)[1], ==, 0);
    assert_output_is(rig, 2 * DUB_RATE_HZ + 120, 3 * DUB_RATE_HZ, tone);
    rig_free(rig);
}

/* A hole of a minute, longer than any ring. */
static void test_long_hole_in_a_file(void)
{
    struct rig *rig = rig_new("sts-mode", 2, "live", FALSE, NULL);
    feed(rig, DUB_NS_PER_S, tone);
    rig->fed_ns = 61 * DUB_NS_PER_S;
    feed(rig, 62 * DUB_NS_PER_S, tone);
    drain(rig);
    g_assert_cmpint(rig->output->len / 4, ==, 62 * DUB_RATE_HZ);
    assert_output_is(rig, 61 * DUB_RATE_HZ + 120, 62 * DUB_RATE_HZ, tone);
    rig_free(rig);
}

static void test_late_input_is_told_once(void)
{
    struct rig *rig = rig_new("sts-mode", 2, NULL);
    feed(rig, DUB_NS_PER_S, tone);
    run(rig, 6 * DUB_NS_PER_S, NULL);
    feed(rig, 2 * DUB_NS_PER_S, tone);
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
    feed(rig, 90 * DUB_NS_PER_S, talk);
    drain(rig);
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
    for (; rig->fed_ns < 60 * DUB_NS_PER_S; rig->fed_ns += CHUNK_NS) {
        GstBuffer *buffer = new_buffer(rig->fed_ns, dub_ns_to_samples(rig->fed_ns), CHUNK_SAMPLES, talk);
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
    g_assert_cmpuint(checked, ==, 17);
    gst_object_unref(element);
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
        {"/stsdub/gap-event-is-silence", test_gap_event_is_silence},
        {"/stsdub/long-hole-in-a-file", test_long_hole_in_a_file},
        {"/stsdub/late-input-is-told-once", test_late_input_is_told_once},
        {"/stsdub/file-waits-for-every-dub", test_file_waits_for_every_dub},
        {"/stsdub/stop-frees-a-waiting-input", test_stop_frees_a_waiting_input},
        {"/stsdub/settings-are-refused-while-playing", test_settings_are_refused_while_playing},
        {"/stsdub/every-property-reads-back", test_every_property_reads_back},
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
