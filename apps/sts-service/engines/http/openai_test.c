/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the three engines send, and what they make of what comes back. The contract suites run beside. */
#include "../asr/asr.h"
#include "../asr/openai_transcript.h"
#include "../translation/chat_guard.h"
#include "../translation/openai_chat.h"
#include "../translation/translation.h"
#include "../tts/tts.h"
#include "fake_apis.h"
#include "fake_speech.h"
#include <string.h>

static void test_no_key_and_no_server(void)
{
    struct engine_config config = {.workers = 1};
    struct engine_providers providers = {.openai_url = (char *)"host"};
    struct dub_error error = {0};
    g_assert_null(asr_open("openai", &config, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error.message, "OPENAI_API_KEY"));
    config.providers = &providers;
    g_assert_null(tts_open("openai", &config, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
}

static bool contains(const char *text, const char *part)
{
    return text && strstr(text, part);
}

static void test_what_the_recogniser_sends(void)
{
    struct fake_apis *apis = fake_apis_new();
    struct engine_config config = {.providers = fake_apis_providers(apis)};
    static const char *const hints[] = {"Zelensky", "Ada Lovelace", NULL};
    pcm_auto clip = fake_tone("a clip of some length", 1.0);
    struct asr_request request = {.audio = &clip, .language = "en-GB", .hints = hints};
    struct asr_transcript transcript = {0};
    struct asr *asr = asr_open("openai", &config, NULL);
    g_assert_false(asr_supports(asr, "und"));
    g_assert_true(asr_transcribe(asr, &request, &transcript, NULL));
    g_autofree char *last = fake_apis_last(apis);
    g_assert_true(contains(last, "POST /v1/audio/transcriptions"));
    g_assert_true(contains(last, "name=\"file\"; filename=\"fragment.wav\""));
    asr_transcript_clear(&transcript);
    asr_close(asr);
    fake_apis_free(apis);
}

static bool read_transcript(const char *body, struct asr_transcript *transcript)
{
    asr_transcript_clear(transcript);
    return openai_transcript_read(body, strlen(body), 2000, transcript);
}

static void test_transcripts(void)
{
    struct asr_transcript transcript = {0};
    g_assert_true(
        read_transcript("{\"text\":\" Good evening, all.\",\"words\":[{\"word\":\"Good\",\"start\":0.1,"
                        "\"end\":0.4},{\"word\":\"evening\",\"start\":0.3,\"end\":0.9},{\"word\":"
                        "\"all\",\"start\":0.9,\"end\":99}],\"segments\":[{\"avg_logprob\":-0.5,"
                        "\"no_speech_prob\":0.1}]}",
                        &transcript));
    g_assert_cmpstr(transcript.text, ==, "Good evening, all.");
    g_assert_cmpuint(transcript.words->len, ==, 3);
    const struct asr_word *word = &g_array_index(transcript.words, struct asr_word, 1);
    g_assert_cmpstr(word->text, ==, "evening,");
    g_assert_cmpint(word->start_ms, ==, 400);
    word = &g_array_index(transcript.words, struct asr_word, 2);
    g_assert_cmpint(word->end_ms, ==, 2000);
    g_assert_cmpfloat_with_epsilon(transcript.confidence, 0.607, 0.01);
    /* What such models say of silence. */
    g_assert_true(read_transcript("{\"text\":\"Thank you.\",\"segments\":[{\"avg_logprob\":-1.4,"
                                  "\"no_speech_prob\":0.9}]}",
                                  &transcript));
    g_assert_true(transcript.no_speech);
    g_assert_cmpstr(transcript.text, ==, "");
    g_assert_false(read_transcript("{\"words\":[]}", &transcript));
    g_assert_false(read_transcript("[", &transcript));
    asr_transcript_clear(&transcript);
}

static void test_what_the_translator_asks(void)
{
    struct openai_chat_question question = {
        .model = "gpt-4o-mini", .text = "Say \"no\".", .source = "en", .target = "es-MX"};
    g_autofree char *body = openai_chat_ask(&question);
    g_assert_true(contains(body, "from en to es-MX"));
    g_assert_true(contains(body, "{\"role\":\"user\",\"content\":\"Say \\\"no\\\".\"}"));
    g_assert_true(contains(body, "\"max_tokens\":77,\"temperature\":0.0,\"stream\":false"));
    question.model = "gpt-5-mini";
    g_autofree char *other = openai_chat_ask(&question);
    g_assert_true(contains(other, "\"max_completion_tokens\":77,\"stream\":false"));
}

static void test_answers_of_a_chat(void)
{
    static const struct {
        const char *body, *text;
        enum dub_error_code code;
    } cases[] = {
        {"{\"choices\":[{\"message\":{\"content\":\" \\\"Buenas noches.\\\" "
         "\"},\"finish_reason\":\"stop\"}]}",
         "Buenas noches.", DUB_ERROR_NONE},
        {"{\"choices\":[{\"message\":{\"content\":\"«Hola»\"}}]}", "Hola", DUB_ERROR_NONE},
        {"{\"choices\":[{\"message\":{\"content\":\"Bue\"},\"finish_reason\":\"length\"}]}", NULL,
         DUB_ERROR_HALLUCINATION_SUSPECTED},
        {"{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"I won't\"}}]}", NULL,
         DUB_ERROR_TRANSLATION_FAILED},
        {"{\"choices\":[{\"message\":{},\"finish_reason\":\"content_filter\"}]}", NULL,
         DUB_ERROR_TRANSLATION_FAILED},
        {"{\"choices\":[]}", NULL, DUB_ERROR_TRANSLATION_API_UNAVAILABLE},
        {"{\"choices\":", NULL, DUB_ERROR_TRANSLATION_API_UNAVAILABLE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct dub_error error = {0};
        g_autofree char *text =
            openai_chat_read(cases[i].body, strlen(cases[i].body), "Good evening.", &error);
        g_assert_cmpstr(text, ==, cases[i].text);
        g_assert_cmpint(error.code, ==, cases[i].code);
    }
}

static void test_a_model_that_talks(void)
{
    static const struct {
        const char *source, *answer, *language;
        bool good;
    } cases[] = {
        {"Good evening.", "Buenas noches.", "es", true},
        {"Sure, we will win.", "Claro, ganaremos.", "es", true},
        {"He translated the book.", "Tradujo el libro; la traducción es buena.", "es", true},
        {"Real Madrid, Barcelona, Valencia", "Real Madrid, Barcelona, Valencia", "es", true},
        {"OK.", "OK.", "es", true},
        {"The BBC says no.", "Би-би-си говорит нет.", "ru", true},
        {"Good evening.", "", "es", false},
        {"Good evening.", "Buenas noches.\n\nBuenas tardes.", "es", false},
        {"Good evening.", "Here is the translation: Buenas noches.", "es", false},
        {"Good evening.", "La traducción es: buenas noches.", "es", false},
        {"What is your name?", "As an AI, I have no name.", "es", false},
        {"What time is it?", "Son las cinco y media.", "es", false},
        {"What time is it?", "¿Qué hora es?", "es", true},
        {"What time is it?", "何時ですか。", "ja", true},
        {"We have a plan for all the people of this land.", "We have got a plan for the people of the land.",
         "es", false},
        {"The Lord of the Rings was shown.", "Se ha visto The Lord of the Rings.", "es", true},
        {"We have this for you.", "We have this for you, and that.", "zu", true},
        {"Good evening.", "<think> The user says good evening.", "es", false},
        {"We have a new plan for you.", "We have a new plan, for you!", "es", false},
        {"Good evening and welcome.", "Доброй ночи и добро пожаловать.", "es", false},
        {"Good evening and welcome.", "Buenas noches y bienvenidos.", "ru", false},
        {"Good evening and welcome.", "大家晚上好，欢迎收看今天的节目。", "ja", true},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *wrong = chat_guard(cases[i].source, cases[i].answer, "en", cases[i].language);
        g_test_message("%s -> %s: %s", cases[i].source, cases[i].answer, wrong ? wrong : "good");
        g_assert_cmpint(wrong == NULL, ==, cases[i].good);
    }
}

static void test_talk_fails_the_phrase(void)
{
    const struct stand_reply talk = {
        .body = (char *)"{\"choices\":[{\"message\":{\"content\":\"How can I help you today?\"}}]}"};
    struct fake_apis *apis = fake_apis_new();
    struct engine_config config = {.providers = fake_apis_providers(apis)};
    struct translation_request request = {
        .text = "Hello, are you there?", .source_language = "en", .target_language = "es"};
    struct translation_result result = {0};
    struct dub_error error = {0};
    struct translation *translation = translation_open("openai", &config, NULL);
    fake_apis_misbehave(apis, &talk);
    g_assert_false(translation_translate(translation, &request, &result, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_HALLUCINATION_SUSPECTED);
    g_assert_false(error.retryable);
    translation_close(translation);
    fake_apis_free(apis);
}

static void test_sound_that_is_none(void)
{
    static const struct stand_reply replies[] = {
        {.type = "audio/mpeg", .body = (char *)"ID3 and no WAV file"},
        {.type = "text/html", .body = (char *)"<html>"},
        {.type = "audio/wav", .body = (char *)"RIFF"},
    };
    struct fake_apis *apis = fake_apis_new();
    struct engine_config config = {.providers = fake_apis_providers(apis)};
    struct tts_request request = {.text = "Hola.", .language = "es"};
    struct tts *tts = tts_open("openai", &config, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(replies); i++) {
        struct tts_result result = {0};
        struct dub_error error = {0};
        fake_apis_misbehave(apis, &replies[i]);
        g_assert_false(tts_speak(tts, &request, &result, &error));
        g_test_message("%s", error.message);
        g_assert_cmpint(error.code, ==, DUB_ERROR_MODEL_ERROR);
        fake_apis_misbehave(apis, NULL);
        g_assert_true(tts_speak(tts, &request, &result, &error));
        tts_result_clear(&result);
    }
    tts_close(tts);
    fake_apis_free(apis);
}

static void test_the_voice_is_that_of_the_profile(void)
{
    static const char text[] =
        "{\"voices\":{\"ines\":{\"language\":\"es\",\"engine\":\"openai\",\"model\":\"nova\"}}}";
    struct fake_apis *apis = fake_apis_new();
    struct voices *voices = voices_parse(text, strlen(text), NULL);
    struct engine_config config = {.providers = fake_apis_providers(apis), .voices = voices};
    struct tts_request request = {.text = "Hola.", .language = "es", .voice = "ines", .rate = 1.2};
    struct tts_result result = {0};
    struct tts *tts = tts_open("openai", &config, NULL);
    g_assert_true(tts_speak(tts, &request, &result, NULL));
    g_autofree char *last = fake_apis_last(apis);
    g_assert_true(contains(last,
                           "{\"model\":\"tts-1\",\"input\":\"Hola.\",\"voice\":\"nova\",\"response_format\":"
                           "\"wav\",\"speed\":1.2"));
    g_autofree char *used = tts_used(tts, "ines", "es");
    g_assert_cmpstr(used, ==, "openai tts-1 nova (ines)");
    g_autofree char *other = tts_used(tts, "default", "fr");
    g_assert_cmpstr(other, ==, "openai tts-1 alloy");
    tts_result_clear(&result);
    tts_close(tts);
    voices_free(voices);
    fake_apis_free(apis);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/openai/no-key-and-no-server", test_no_key_and_no_server);
    g_test_add_func("/openai/what-the-recogniser-sends", test_what_the_recogniser_sends);
    g_test_add_func("/openai/transcripts", test_transcripts);
    g_test_add_func("/openai/what-the-translator-asks", test_what_the_translator_asks);
    g_test_add_func("/openai/answers-of-a-chat", test_answers_of_a_chat);
    g_test_add_func("/openai/a-model-that-talks", test_a_model_that_talks);
    g_test_add_func("/openai/talk-fails-the-phrase", test_talk_fails_the_phrase);
    g_test_add_func("/openai/sound-that-is-none", test_sound_that_is_none);
    g_test_add_func("/openai/the-voice-is-that-of-the-profile", test_the_voice_is_that_of_the_profile);
    return g_test_run();
}
