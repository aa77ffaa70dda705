/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audio_test_support.h"
#include "fit.h"

#define MS(slot_ms) ((struct fit_slot){.duration_ms = (slot_ms)})
#define SLOT(slot_ms, max_ms) ((struct fit_slot){.duration_ms = (slot_ms), .max_duration_ms = (max_ms)})

static void test_rate_follows_the_room(void)
{
    const struct {
        struct fit_slot slot;
        int64_t natural_ms;
        double rate;
    } cases[] = {
        {MS(2000), 2000, 1.0},
        {MS(2000), 1900, 1.0},
        {MS(2000), 1800, 1.0},
        {MS(2000), 2200, 1.1},
        {MS(2000), 2500, 1.25},
        {MS(2000), 4000, 1.25},
        {MS(2000), 1780, 0.89},
        {MS(2000), 1000, 0.85},
        {MS(2000), 1, 0.85},
        {SLOT(2000, 3000), 2800, 1.0},
        {SLOT(2000, 3000), 3300, 1.1},
        {SLOT(2000, 1000), 2200, 1.1},
        {SLOT(2000, 3000), 1000, 0.85},
        {MS(2000), 0, 1.0},
        {MS(0), 2000, 1.0},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_close(fit_choose_rate(&cases[i].slot, cases[i].natural_ms), cases[i].rate, 1e-9);
}

static void test_what_fits_is_not_stretched(void)
{
    struct fit_decision decision = fit_choose_stretch(&MS(2000), 2000, 2000);
    assert_close(decision.stretch, 1.0, 0.0);
    g_assert_cmpint(decision.result_ms, ==, 2000);
    assert_close(decision.variance_percent, 0.0, 1e-9);
    g_assert_cmpint(decision.verdict, ==, FIT_SUCCESS);
    assert_close(fit_choose_stretch(&MS(2000), 2015, 2015).stretch, 1.0, 0.0);
}

static void test_the_rest_is_stretched_into_the_room(void)
{
    struct fit_decision decision = fit_choose_stretch(&MS(2000), 2800, 2240);
    assert_close(decision.stretch, 1.12, 1e-9);
    g_assert_cmpint(decision.result_ms, ==, 2000);
    assert_close(decision.speed_ratio, 1.4, 1e-9);
    g_assert_cmpint(decision.verdict, ==, FIT_SUCCESS);
}

static void test_never_faster_than_the_limit(void)
{
    for (int64_t natural = 2000; natural < 8000; natural += 37) {
        struct fit_decision decision = fit_choose_stretch(&MS(2000), natural, natural * 100 / 125);
        g_assert_cmpfloat(decision.speed_ratio, <=, FIT_MAX_SPEED + 1e-9);
    }
    /* An engine that ignores the rate, or overshoots it, is not pushed beyond the limit either. */
    assert_close(fit_choose_stretch(&MS(2000), 6000, 6000).speed_ratio, 1.5, 1e-9);
    assert_close(fit_choose_stretch(&MS(2000), 6000, 3000).stretch, 1.0, 1e-9);
}

static enum fit_verdict verdict(struct fit_slot slot, int64_t natural_ms)
{
    double rate = fit_choose_rate(&slot, natural_ms);
    return fit_choose_stretch(&slot, natural_ms, llrint((double)natural_ms / rate)).verdict;
}

static void test_verdict_at_its_borders(void)
{
    g_assert_cmpint(verdict(MS(2000), 3000), ==, FIT_SUCCESS); /* exactly 1.5 */
    g_assert_cmpint(verdict(MS(2000), 3299), ==, FIT_SUCCESS); /* 10 % over */
    g_assert_cmpint(verdict(MS(2000), 3310), ==, FIT_PARTIAL);
    g_assert_cmpint(verdict(MS(2000), 3599), ==, FIT_PARTIAL); /* 20 % over */
    g_assert_cmpint(verdict(MS(2000), 3610), ==, FIT_FAILED);
    g_assert_cmpint(verdict(MS(2000), 100), ==, FIT_SUCCESS); /* short is natural */
}

static void test_a_longer_slot_saves_it(void)
{
    g_assert_cmpint(verdict(MS(2000), 4000), ==, FIT_FAILED);
    g_assert_cmpint(verdict(SLOT(2000, 2700), 4000), ==, FIT_SUCCESS);
    g_assert_cmpint(verdict(SLOT(2000, 2300), 4000), ==, FIT_PARTIAL);
    struct fit_decision decision = fit_choose_stretch(&SLOT(2000, 3000), 3000, 3000);
    assert_close(decision.variance_percent, 50.0, 1e-9);
    g_assert_cmpint(decision.verdict, ==, FIT_SUCCESS);
}

static void test_nothing_spoken(void)
{
    struct fit_decision decision = fit_choose_stretch(&MS(2000), 0, 0);
    g_assert_cmpint(decision.result_ms, ==, 0);
    g_assert_cmpint(decision.verdict, ==, FIT_SUCCESS);
}

/* A speaker whose text takes natural_ms at rate 1. */
struct speaker {
    int64_t natural_ms;
    int calls;
    double last_rate;
    int fail_at;
};

static bool speak(double rate, struct pcm *clip, void *user, struct dub_error *error)
{
    struct speaker *speaker = user;
    speaker->last_rate = rate;
    if (++speaker->calls == speaker->fail_at)
        return dub_error_set(error, DUB_ERROR_TTS_SYNTHESIS_FAILED, "no voice");
    *clip = test_tone(22050, llrint((double)speaker->natural_ms / rate), 200.0, 0.3);
    return true;
}

static void test_speech_that_fits_is_spoken_once(void)
{
    struct speaker speaker = {.natural_ms = 1950};
    struct fit_decision decision;
    pcm_auto clip = {0};
    g_assert_true(fit_speech(&MS(2000), speak, &speaker, &clip, &decision, NULL));
    g_assert_cmpint(speaker.calls, ==, 1);
    g_assert_cmpint(pcm_duration_ms(&clip), ==, 1950);
    g_assert_cmpint(decision.verdict, ==, FIT_SUCCESS);
}

static void test_long_speech_is_spoken_again_then_stretched(void)
{
    struct speaker speaker = {.natural_ms = 2800};
    struct fit_decision decision;
    pcm_auto clip = {0};
    g_assert_true(fit_speech(&MS(2000), speak, &speaker, &clip, &decision, NULL));
    g_assert_cmpint(speaker.calls, ==, 2);
    assert_close(speaker.last_rate, 1.25, 1e-9);
    assert_close((double)pcm_duration_ms(&clip), 2000.0, 1.0);
    g_assert_cmpint(decision.result_ms, ==, 2000);
    g_assert_cmpint(ABS(clip.samples[0]), <, 100);
}

static void test_hopeless_speech_names_the_lengths(void)
{
    struct speaker speaker = {.natural_ms = 9000};
    struct fit_decision decision;
    struct dub_error error = {0};
    pcm_auto clip = {0};
    g_assert_false(fit_speech(&MS(2000), speak, &speaker, &clip, &decision, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_DURATION_MISMATCH_EXCEEDED);
    g_assert_cmpint(error.stage, ==, DUB_STAGE_TTS);
    g_assert_false(error.retryable);
    g_assert_nonnull(strstr(error.message, "9000"));
    g_assert_nonnull(strstr(error.message, "2000"));
    g_assert_cmpint(decision.verdict, ==, FIT_FAILED);
    g_assert_cmpuint(clip.count, ==, 0);
}

static void test_a_failing_engine_is_passed_on(void)
{
    for (int fail_at = 1; fail_at <= 2; fail_at++) {
        struct speaker speaker = {.natural_ms = 2800, .fail_at = fail_at};
        struct fit_decision decision;
        struct dub_error error = {0};
        pcm_auto clip = {0};
        g_assert_false(fit_speech(&MS(2000), speak, &speaker, &clip, &decision, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_TTS_SYNTHESIS_FAILED);
        g_assert_null(clip.samples);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fit/rate-follows-the-room", test_rate_follows_the_room);
    g_test_add_func("/fit/what-fits-is-not-stretched", test_what_fits_is_not_stretched);
    g_test_add_func("/fit/the-rest-is-stretched-into-the-room", test_the_rest_is_stretched_into_the_room);
    g_test_add_func("/fit/never-faster-than-the-limit", test_never_faster_than_the_limit);
    g_test_add_func("/fit/verdict-at-its-borders", test_verdict_at_its_borders);
    g_test_add_func("/fit/a-longer-slot-saves-it", test_a_longer_slot_saves_it);
    g_test_add_func("/fit/nothing-spoken", test_nothing_spoken);
    g_test_add_func("/fit/speech-that-fits-is-spoken-once", test_speech_that_fits_is_spoken_once);
    g_test_add_func("/fit/long-speech-is-spoken-again-then-stretched",
                    test_long_speech_is_spoken_again_then_stretched);
    g_test_add_func("/fit/hopeless-speech-names-the-lengths", test_hopeless_speech_names_the_lengths);
    g_test_add_func("/fit/a-failing-engine-is-passed-on", test_a_failing_engine_is_passed_on);
    return g_test_run();
}
