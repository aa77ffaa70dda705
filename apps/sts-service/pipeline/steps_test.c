/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The three steps one after the other, on this thread, with mock engines. */
#include "steps.h"

#include "../tests/mock_pipeline.h"

#include <dubbing_clock.h>
#include <string.h>

struct stand {
    struct engines engines;
    struct job_settings *settings;
    struct job *job;
};

static void open_stand(struct stand *stand, const struct mock_script *script, int duration_ms, double level)
{
    mock_engines_open(&stand->engines, script);
    stand->settings = mock_settings_new();
    stand->job = mock_job_new(stand->settings, NULL, 1, duration_ms, level);
}

static void close_stand(struct stand *stand)
{
    job_free(stand->job);
    job_settings_unref(stand->settings);
    engines_close(&stand->engines);
}

/* As the pipeline does it. */
static const struct dub_fragment_processed *process(struct stand *stand)
{
    enum step_outcome (*const steps[])(const struct engines *, struct job *,
                                       struct dub_error *) = {step_recognise, step_translate, step_speak};
    enum step_outcome outcome = STEP_NEXT;
    struct dub_error error;
    for (guint i = 0; i < G_N_ELEMENTS(steps) && outcome == STEP_NEXT; i++)
        outcome = steps[i](&stand->engines, stand->job, &error);
    g_assert_cmpint(outcome, !=, STEP_NEXT);
    if (outcome == STEP_FAILED)
        job_fail(stand->job, &error);
    return &stand->job->result;
}

static void expect_failure(const struct dub_fragment_processed *result, enum dub_error_code code,
                           enum dub_stage stage)
{
    g_assert_cmpint(result->status, ==, DUB_FRAGMENT_FAILED);
    g_assert_cmpstr(dub_error_code_name(result->error.code), ==, dub_error_code_name(code));
    g_assert_cmpstr(dub_stage_name(result->error.stage), ==, dub_stage_name(stage));
    g_assert_null(result->dubbed_audio.data);
}

static void expect_silence(const struct dub_fragment_processed *result, int duration_ms)
{
    g_assert_cmpint(result->status, ==, DUB_FRAGMENT_SUCCESS);
    g_assert_cmpstr(result->transcript, ==, "");
    g_assert_cmpstr(result->translated_text, ==, "");
    g_assert_cmpint((int)result->dubbed_audio.duration_ms, ==, duration_ms);
    gsize size;
    const int16_t *samples = g_bytes_get_data(result->dubbed_audio.data, &size);
    for (gsize i = 0; i < size / sizeof(*samples); i++)
        g_assert_cmpint(samples[i], ==, 0);
}

static void test_whole_chain(void)
{
    struct stand stand;
    open_stand(&stand, &(struct mock_script){.heard = "good evening", .translated = "Buenas tardes."}, 1500,
               8000);
    const struct dub_fragment_processed *result = process(&stand);
    g_assert_cmpint(result->status, ==, DUB_FRAGMENT_SUCCESS);
    g_assert_cmpstr(result->transcript, ==, "Good evening.");
    g_assert_cmpstr(result->translated_text, ==, "Buenas tardes.");
    g_assert_cmpint(result->dubbed_audio.sample_rate_hz, ==, MOCK_RATE_HZ);
    g_assert_cmpint((int)dub_audio_measured_ms(&result->dubbed_audio), ==,
                    (int)result->dubbed_audio.duration_ms);
    g_assert_cmpint((int)result->dubbed_audio.duration_ms, >, 500);
    g_assert_cmpint((int)result->dubbed_audio.duration_ms, <, 1650);
    g_assert_cmpstr(result->metadata.asr_model, ==, "mock");
    g_assert_cmpfloat(result->metadata.speed_ratio, >, 0);
    g_assert_cmpstr(stand.job->text.transcript, ==, "good evening");
    g_assert_cmpstr(stand.job->text.prepared_source, ==, "Good evening.");
    g_assert_cmpstr(stand.job->text.translation, ==, "Buenas tardes.");
    g_assert_cmpstr(stand.job->text.prepared_translation, ==, "Buenas tardes.");
    close_stand(&stand);
}

/* The metadata says who has served, not who was set. */
static void test_who_of_a_chain_has_served(void)
{
    struct stand stand;
    struct engine_config config = {.workers = 1};
    open_stand(&stand, &(struct mock_script){.heard = "good evening"}, 1500, 8000);
    translation_close(stand.engines.translation);
    stand.engines.translation = translation_open("mock:fail=always,identity", &config, NULL);
    const struct dub_fragment_processed *result = process(&stand);
    g_assert_cmpint(result->status, ==, DUB_FRAGMENT_SUCCESS);
    g_assert_cmpstr(result->translated_text, ==, "Good evening.");
    g_assert_cmpstr(result->metadata.translation_model, ==, "identity none");
    close_stand(&stand);
}

/* The recogniser, which would take an hour, is not even asked. */
static void test_silence(void)
{
    struct stand stand;
    open_stand(&stand, &(struct mock_script){.asr_delay_ns = 3600 * DUB_NS_PER_S}, 800, 10);
    expect_silence(process(&stand), 800);
    g_assert_null(stand.job->result.metadata.asr_model);
    close_stand(&stand);
}

static void test_only_markers(void)
{
    struct stand stand;
    open_stand(&stand, &(struct mock_script){.heard = "<sil> ++NOISE++"}, 800, 8000);
    expect_silence(process(&stand), 800);
    close_stand(&stand);
}

/* Hesitation is not dubbed, even where it would be a loop otherwise. */
static void test_only_hesitation(void)
{
    static const char *const heard[] = {"um", "uh <sil> hmm", "um um um um um um um um"};
    for (gsize i = 0; i < G_N_ELEMENTS(heard); i++) {
        struct stand stand;
        open_stand(&stand, &(struct mock_script){.heard = heard[i]}, 3000, 8000);
        expect_silence(process(&stand), 3000);
        g_assert_cmpstr(stand.job->text.transcript, ==, heard[i]);
        close_stand(&stand);
    }
}

/* 80 ms of sound in three seconds: too little for four words. */
static void test_text_from_a_click_is_an_invention(void)
{
    struct stand stand;
    open_stand(&stand, &(struct mock_script){.heard = "thank you for watching"}, 3000, 8000);
    gsize size = 0;
    int16_t *samples = g_bytes_unref_to_data(g_steal_pointer(&stand.job->fragment.audio.data), &size);
    gsize click_bytes = (gsize)stand.job->fragment.audio.sample_rate_hz * sizeof(int16_t) * 80 / 1000;
    memset((char *)samples + click_bytes, 0, size - click_bytes);
    stand.job->fragment.audio.data = g_bytes_new_take(samples, size);
    expect_failure(process(&stand), DUB_ERROR_HALLUCINATION_SUSPECTED, DUB_STAGE_ASR);
    close_stand(&stand);
}

static void test_inventions_are_not_spoken(void)
{
    static const struct {
        const char *heard, *translated;
        enum dub_stage stage;
    } cases[] = {
        {"thank you thank you thank you thank you thank you thank you thank you thank you", "Gracias.",
         DUB_STAGE_ASR},
        {"...", "Hola.", DUB_STAGE_ASR},
        {"good evening",
         "Buenas tardes y bienvenidos a nuestro programa de noticias, en el que les contamos todo lo que ha "
         "pasado "
         "hoy en el mundo entero, con todos los detalles, y mucho más que nadie ha dicho.",
         DUB_STAGE_TRANSLATION},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct stand stand;
        struct mock_script script = {.heard = cases[i].heard, .translated = cases[i].translated};
        open_stand(&stand, &script, 5000, 8000);
        expect_failure(process(&stand), DUB_ERROR_HALLUCINATION_SUSPECTED, cases[i].stage);
        close_stand(&stand);
    }
}

static void test_fit(void)
{
    static const struct {
        int duration_ms;
        int64_t max_duration_ms;
        enum dub_fragment_status status;
    } cases[] = {
        /* The mock speaks 26 characters in 1690 ms. */
        {1700, 0, DUB_FRAGMENT_SUCCESS}, {1200, 0, DUB_FRAGMENT_SUCCESS},   {980, 0, DUB_FRAGMENT_PARTIAL},
        {700, 0, DUB_FRAGMENT_FAILED},   {700, 1700, DUB_FRAGMENT_SUCCESS},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct stand stand;
        struct mock_script script = {.heard = "twenty six characters",
                                     .translated = "Veintiseis caracteres aqui"};
        open_stand(&stand, &script, cases[i].duration_ms, 8000);
        stand.job->fragment.metadata.max_duration_ms = cases[i].max_duration_ms;
        const struct dub_fragment_processed *result = process(&stand);
        g_test_message("%d ms: %s %s", cases[i].duration_ms, dub_fragment_status_name(result->status),
                       result->error.message);
        g_assert_cmpint(result->status, ==, cases[i].status);
        if (result->status != DUB_FRAGMENT_SUCCESS)
            g_assert_cmpint(result->error.code, ==, DUB_ERROR_DURATION_MISMATCH_EXCEEDED);
        close_stand(&stand);
    }
}

/* A translator that invents: the fragment fails, or its source text is spoken and the client told. */
static void test_untranslated(void)
{
    static const struct mock_script script = {
        .heard = "good evening",
        .translated =
            "Buenas tardes y bienvenidos a nuestro programa de noticias, en el que les contamos todo "
            "lo que ha pasado hoy en el mundo entero, con todos los detalles.",
    };
    struct stand stand;
    open_stand(&stand, &script, 1500, 8000);
    expect_failure(process(&stand), DUB_ERROR_HALLUCINATION_SUSPECTED, DUB_STAGE_TRANSLATION);
    close_stand(&stand);

    open_stand(&stand, &script, 1500, 8000);
    stand.engines.speak_source = true;
    const struct dub_fragment_processed *result = process(&stand);
    g_assert_cmpint(result->status, ==, DUB_FRAGMENT_PARTIAL);
    g_assert_cmpint(result->error.code, ==, DUB_ERROR_HALLUCINATION_SUSPECTED);
    g_assert_cmpint(result->error.stage, ==, DUB_STAGE_TRANSLATION);
    g_assert_cmpstr(result->translated_text, ==, "Good evening.");
    g_assert_cmpstr(stand.job->text.prepared_translation, ==, "Good evening.");
    g_assert_nonnull(result->dubbed_audio.data);
    close_stand(&stand);
}

/* What has no time left is not spoken in any language. */
static void test_untranslated_too_late(void)
{
    struct stand stand;
    struct dub_error error;
    open_stand(&stand, &(struct mock_script){0}, 500, 8000);
    stand.engines.speak_source = true;
    translation_close(stand.engines.translation);
    struct engine_config slow = {.mock_delay_ns = 3600 * DUB_NS_PER_S};
    stand.engines.translation = translation_open("mock", &slow, &error);
    stand.job->result.transcript = g_strdup("Hello.");
    stand.job->deadline_ns = dub_clock_now_ns(dub_clock_monotonic()) + 30 * DUB_NS_PER_MS;
    g_assert_cmpint(step_translate(&stand.engines, stand.job, &error), ==, STEP_FAILED);
    g_assert_cmpint(error.code, ==, DUB_ERROR_TIMEOUT);
    g_assert_cmpint(error.stage, ==, DUB_STAGE_TRANSLATION);
    close_stand(&stand);
}

static void test_undecodable(void)
{
    struct stand stand;
    open_stand(&stand, &(struct mock_script){0}, 500, 8000);
    stand.job->fragment.audio.format = DUB_FORMAT_M4A;
    expect_failure(process(&stand), DUB_ERROR_INVALID_AUDIO_FORMAT, DUB_STAGE_INPUT);
    close_stand(&stand);
}

static void test_too_late_to_start(void)
{
    enum step_outcome (*const steps[])(const struct engines *, struct job *,
                                       struct dub_error *) = {step_recognise, step_translate, step_speak};
    static const enum dub_stage stages[] = {DUB_STAGE_ASR, DUB_STAGE_TRANSLATION, DUB_STAGE_TTS};
    for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
        struct stand stand;
        struct dub_error error;
        open_stand(&stand, &(struct mock_script){0}, 500, 8000);
        stand.job->deadline_ns = 1;
        stand.job->result.transcript = g_strdup("Hello.");
        stand.job->result.translated_text = g_strdup("Hola.");
        g_assert_cmpint(steps[i](&stand.engines, stand.job, &error), ==, STEP_FAILED);
        g_assert_cmpint(error.code, ==, DUB_ERROR_TIMEOUT);
        g_assert_cmpint(error.stage, ==, stages[i]);
        g_assert_true(error.retryable);
        close_stand(&stand);
    }
}

static void test_too_slow_engine(void)
{
    struct stand stand;
    open_stand(&stand, &(struct mock_script){.asr_delay_ns = 3600 * DUB_NS_PER_S}, 500, 8000);
    stand.job->deadline_ns = dub_clock_now_ns(dub_clock_monotonic()) + 30 * DUB_NS_PER_MS;
    expect_failure(process(&stand), DUB_ERROR_TIMEOUT, DUB_STAGE_ASR);
    close_stand(&stand);
}

static void test_the_streams_glossary(void)
{
    char *replace[] = {(char *)"goalkeeper", (char *)"portero", NULL};
    struct stand stand;
    open_stand(&stand, &(struct mock_script){.heard = "the goalkeeper has it"}, 3000, 8000);
    glossary_free(stand.settings->glossary);
    stand.settings->glossary = glossary_for_stream(NULL, replace, NULL);
    const struct dub_fragment_processed *result = process(&stand);
    g_assert_cmpstr(result->transcript, ==, "The goalkeeper has it.");
    g_assert_cmpstr(result->translated_text, ==, "[en-es] The portero has it.");
    close_stand(&stand);
}

/* A recogniser that finds out the language; the stream does not say it. */
static void open_unknown(struct stand *stand, const char *asr_model)
{
    struct engine_config config = {.model = asr_model};
    open_stand(stand, &(struct mock_script){0}, 3000, 8000);
    asr_close(stand->engines.asr);
    stand->engines.asr = asr_open("mock", &config, NULL);
    g_free(stand->settings->source_language);
    stand->settings->source_language = g_strdup("und");
}

static void test_a_language_that_is_found_out(void)
{
    struct stand stand;
    open_unknown(&stand, "text=buona sera;language=it");
    const struct dub_fragment_processed *result = process(&stand);
    g_assert_cmpint(result->status, ==, DUB_FRAGMENT_SUCCESS);
    g_assert_cmpstr(result->translated_text, ==, "[it-es] Buona sera.");
    g_assert_cmpstr(stand.job->text.language, ==, "it");
    close_stand(&stand);
}

static void test_the_targets_language_is_found_out(void)
{
    struct stand stand;
    open_unknown(&stand, "text=buenas tardes;language=es");
    const struct dub_fragment_processed *result = process(&stand);
    g_assert_cmpstr(result->translated_text, ==, "Buenas tardes.");
    g_assert_cmpstr(result->metadata.translation_model, ==, "none");
    close_stand(&stand);
}

static void test_nothing_to_say(void)
{
    struct stand stand;
    struct dub_error error;
    open_stand(&stand, &(struct mock_script){0}, 500, 8000);
    stand.job->result.translated_text = g_strdup("...");
    g_assert_cmpint(step_speak(&stand.engines, stand.job, &error), ==, STEP_FAILED);
    g_assert_cmpint(error.code, ==, DUB_ERROR_TTS_SYNTHESIS_FAILED);
    g_assert_cmpint(error.stage, ==, DUB_STAGE_TTS);
    close_stand(&stand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/steps/whole-chain", test_whole_chain);
    g_test_add_func("/steps/who-of-a-chain-has-served", test_who_of_a_chain_has_served);
    g_test_add_func("/steps/silence-is-success-without-words", test_silence);
    g_test_add_func("/steps/only-markers-are-silence", test_only_markers);
    g_test_add_func("/steps/only-hesitation-is-silence", test_only_hesitation);
    g_test_add_func("/steps/text-from-a-click-is-an-invention", test_text_from_a_click_is_an_invention);
    g_test_add_func("/steps/inventions-are-not-spoken", test_inventions_are_not_spoken);
    g_test_add_func("/steps/fit-decides-the-status", test_fit);
    g_test_add_func("/steps/untranslated-fails-or-is-spoken-in-the-source", test_untranslated);
    g_test_add_func("/steps/untranslated-too-late", test_untranslated_too_late);
    g_test_add_func("/steps/undecodable-audio", test_undecodable);
    g_test_add_func("/steps/too-late-to-start", test_too_late_to_start);
    g_test_add_func("/steps/too-slow-an-engine", test_too_slow_engine);
    g_test_add_func("/steps/the-streams-glossary", test_the_streams_glossary);
    g_test_add_func("/steps/a-language-that-is-found-out", test_a_language_that_is_found_out);
    g_test_add_func("/steps/the-targets-language-is-found-out", test_the_targets_language_is_found_out);
    g_test_add_func("/steps/nothing-to-say-is-a-failure", test_nothing_to_say);
    return g_test_run();
}
