/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record.h"

#include "lineage_test_support.h"

#include <dubbing_json.h>
#include <string.h>

static void test_says_everything(void)
{
    static const struct lineage_origin origin = {
        .run_id = "run", .instance_id = "instance", .engines = {"pocketsphinx", "apertium", "espeak-ng"}};
    struct job *job = lineage_test_job("news", "id");
    struct lineage_record *record = lineage_record_new(job, 2500 * DUB_NS_PER_MS, 1700000001500);
    job_free(job);
    g_autoptr(JsonNode) node = lineage_record_to_json(record, &origin, "a.wav", "b.wav");
    g_autofree char *text = dub_json_to_string(node);
    static const char *const expected[] = {
        "\"run_id\":\"run\"",
        "\"instance_id\":\"instance\"",
        "\"stream_id\":\"news\"",
        "\"session_id\":\"session\"",
        "\"worker_id\":\"worker\"",
        "\"fragment_id\":\"id\"",
        "\"sequence_number\":7",
        "\"source_language\":\"en\"",
        "\"target_language\":\"es\"",
        "\"received_at\":\"2023-11-14T22:13:20.000Z\"",
        "\"finished_at\":\"2023-11-14T22:13:21.500Z\"",
        "\"processing_time_ms\":1500",
        "\"status\":\"partial\"",
        "\"error\":{\"code\":\"DURATION_MISMATCH_EXCEEDED\",\"stage\":\"tts\",\"message\":\"too long\"",
        "\"fragment\":{\"file\":\"a.wav\",\"format\":\"pcm_s16le\",\"sample_rate_hz\":24000,",
        "\"channels\":1,\"duration_ms\":100}",
        "\"transcript\":\"good evening\"",
        "\"prepared_text\":\"Good evening.\"",
        "\"translation\":\"Buenas tardes.\"",
        "\"prepared_translation\":\"Buenas tardes,\"",
        "\"dub\":{\"file\":\"b.wav\"",
        "\"speed_ratio\":1.25",
        "\"asr\":{\"engine\":\"pocketsphinx\",\"model\":\"en-us\",\"waited_ms\":3,\"took_ms\":400}",
        "\"translation\":{\"engine\":\"apertium\",\"waited_ms\":0,\"took_ms\":5}",
        "\"tts\":{\"engine\":\"espeak-ng\",\"waited_ms\":0,\"took_ms\":6}",
    };
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++)
        if (!strstr(text, expected[i]))
            g_error("no %s in %s", expected[i], text);
    g_assert_cmpint((int)lineage_record_bytes(record), ==, 100 * 24 * 2 + 8);
    lineage_record_free(record);
    lineage_record_free(NULL);
}

/* And not that the stream did not name it. */
static void test_the_language_that_was_heard(void)
{
    struct job_settings *settings = mock_settings_new();
    g_free(settings->source_language);
    settings->source_language = g_strdup("und");
    struct job *job = mock_job_new(settings, NULL, 1, 10, 0);
    job->text.language = g_strdup("it");
    struct lineage_record *record = lineage_record_new(job, 0, 0);
    g_autoptr(JsonNode) node = lineage_record_to_json(record, &(struct lineage_origin){0}, NULL, NULL);
    JsonObject *object = json_node_get_object(node);
    g_assert_cmpstr(json_object_get_string_member(object, "source_language"), ==, "it");
    lineage_record_free(record);
    job_free(job);
    job_settings_unref(settings);
}

/* A fragment that got no further than its arrival. */
static void test_leaves_out_what_is_not_there(void)
{
    struct job_settings *settings = mock_settings_new();
    struct job *job = mock_job_new(settings, NULL, 1, 10, 0);
    job->text.transcript = g_strdup("not \xff UTF-8");
    struct lineage_record *record = lineage_record_new(job, 0, 0);
    g_autoptr(JsonNode) node = lineage_record_to_json(record, &(struct lineage_origin){0}, NULL, NULL);
    JsonObject *object = json_node_get_object(node);
    static const char *const absent[] = {"fragment", "dub", "error", "translation", "session_id", "run_id"};
    for (guint i = 0; i < G_N_ELEMENTS(absent); i++)
        g_assert_false(json_object_has_member(object, absent[i]));
    g_assert_true(g_utf8_validate(json_object_get_string_member(object, "transcript"), -1, NULL));
    lineage_record_free(record);
    job_free(job);
    job_settings_unref(settings);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/record/says-everything", test_says_everything);
    g_test_add_func("/record/the-language-that-was-heard", test_the_language_that_was_heard);
    g_test_add_func("/record/leaves-out-what-is-not-there", test_leaves_out_what_is_not_there);
    return g_test_run();
}
