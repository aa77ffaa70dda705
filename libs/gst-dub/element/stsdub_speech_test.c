/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of phrases in the element, and how they are mixed; as in stsdub_test.c without real time. */
#include "dubbing_gst.h"
#include "fake_exchange.h"
#include "sound/samples.h"
#include "stsdub_talk.h"

#include <math.h>
#include <string.h>

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
    /* The next buffer of 40 ms is mixed within 40 ms, and what is mixed is heard 20 ms later. */
    g_assert_cmpint(number_in(phrase, "lagMs"), <=, 770);
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

static void test_no_speech_is_named(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    struct dub_exchange_fragment fragment = take_first_fragment(rig);
    g_free(fragment.samples);
    fake_exchange_answer_no_speech(fragment.id);
    assert_phrase(rig, "passthrough", "NO_SPEECH");
    rig_free(rig);
}

static void wait_until_stretched(struct rig *rig)
{
    int64_t end_us = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    while (stat_of(rig, "stretched-phrases") == 0) {
        g_assert_cmpint(g_get_monotonic_time(), <, end_us);
        g_thread_yield();
    }
}

/* Answers the first of two sentences with a clip of this length, the second shortly. */
static void dub_two_sentences(struct rig *rig, int64_t first_ns, bool hurried)
{
    struct dub_exchange_fragment fragment;
    rig_run(rig, 3500 * DUB_NS_PER_MS, talk);
    rig_feed(rig, 3500 * DUB_NS_PER_MS, talk);
    g_assert_true(fake_exchange_take(&fragment));
    g_free(fragment.samples);
    fake_exchange_answer_tone(fragment.id, 600, 0.2, first_ns, 24000);
    if (hurried)
        wait_until_stretched(rig);
    rig_run(rig, 7 * DUB_NS_PER_S, talk);
    g_assert_true(fake_exchange_take(&fragment));
    g_free(fragment.samples);
    fake_exchange_answer_tone(fragment.id, 600, 0.2, DUB_NS_PER_S, 24000);
    rig_run(rig, 9 * DUB_NS_PER_S, talk);
}

static void test_long_dub_is_hurried_to_save_the_next(void)
{
    struct rig *rig = rig_new("max-lag", (guint64)GST_SECOND, NULL);
    dub_two_sentences(rig, 4000 * DUB_NS_PER_MS, true);
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
    dub_two_sentences(rig, 6 * DUB_NS_PER_S, false);
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

int main(int argc, char **argv)
{
    static const struct talk_test tests[] = {
        {"/stsdub-speech/phrase-is-dubbed-in-its-place", test_phrase_is_dubbed_in_its_place},
        {"/stsdub-speech/failed-phrase-is-the-original", test_failed_phrase_is_the_original},
        {"/stsdub-speech/fallback-can-change-while-playing", test_fallback_can_change_while_playing},
        {"/stsdub-speech/answer-that-never-comes", test_answer_that_never_comes},
        {"/stsdub-speech/late-answer-trails-the-picture", test_late_answer_trails_the_picture},
        {"/stsdub-speech/full-queue", test_full_queue},
        {"/stsdub-speech/passthrough-mode-keeps-the-account", test_passthrough_mode_keeps_the_account},
        {"/stsdub-speech/unusable-dub-is-a-failed-phrase", test_unusable_dub_is_a_failed_phrase},
        {"/stsdub-speech/no-speech-is-named", test_no_speech_is_named},
        {"/stsdub-speech/long-dub-is-hurried-to-save-the-next", test_long_dub_is_hurried_to_save_the_next},
        {"/stsdub-speech/sentence-at-the-end-is-dubbed", test_sentence_at_the_end_is_dubbed},
        {"/stsdub-speech/sentence-of-a-lost-input-is-dubbed", test_sentence_of_a_lost_input_is_dubbed},
        {"/stsdub-speech/file-waits-for-every-dub", test_file_waits_for_every_dub},
        {"/stsdub-speech/mix-mode-can-change-while-playing", test_mix_mode_can_change_while_playing},
        {"/stsdub-speech/gains-can-change-while-playing", test_gains_can_change_while_playing},
        {"/stsdub-speech/bypass-while-playing", test_bypass_while_playing},
        {"/stsdub-speech/bypass-before-the-dub", test_bypass_before_the_dub},
        {"/stsdub-speech/max-lag-can-change-while-playing", test_max_lag_can_change_while_playing},
    };
    return talk_test_run(argc, argv, tests, G_N_ELEMENTS(tests));
}
