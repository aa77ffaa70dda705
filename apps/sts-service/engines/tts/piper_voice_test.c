/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "piper_voice.h"

#include <string.h>

#define IDS "\"phoneme_id_map\":{\"_\":[0],\"^\":[1],\"$\":[2],\"a\":[3,4]}"
#define AUDIO "\"audio\":{\"sample_rate\":22050}"
#define ESPEAK "\"espeak\":{\"voice\":\"es\"}"

static struct piper_voice *parse(const char *text)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    struct piper_voice *voice = piper_voice_parse(text, strlen(text), problems);
    for (guint i = 0; i < problems->len; i++)
        g_test_message("%s", (const char *)problems->pdata[i]);
    g_assert_cmpuint(problems->len, ==, 0);
    g_assert_nonnull(voice);
    return voice;
}

static void assert_ids(const struct piper_voice *voice, gunichar phoneme, guint count, int64_t first)
{
    const GArray *ids = g_hash_table_lookup(voice->ids, GUINT_TO_POINTER(phoneme));
    if (!ids)
        g_error("no numbers of %u", (unsigned)phoneme);
    g_assert_cmpuint(ids->len, ==, count);
    g_assert_cmpint(g_array_index(ids, int64_t, 0), ==, first);
}

static void test_all_is_read(void)
{
    struct piper_voice *voice =
        parse("{\"audio\":{\"sample_rate\":16000,\"quality\":\"x\"},\"espeak\":{\"voice\":\"en-us\"},"
              "\"phoneme_type\":\"espeak\",\"num_symbols\":130,\"num_speakers\":3,"
              "\"speaker_id_map\":{\"p1\":0,\"p2\":2},\"language\":{\"code\":\"en_GB\",\"family\":\"en\"},"
              "\"inference\":{\"noise_scale\":0.3,\"length_scale\":1.5,\"noise_w\":0.25},"
              "\"phoneme_map\":{\"a\":[\"b\",\"\xc9\x99\"]},\"piper_version\":\"1.0.0\"," IDS "}");
    g_assert_cmpint(voice->rate_hz, ==, 16000);
    g_assert_cmpstr(voice->language, ==, "en");
    g_assert_cmpstr(voice->espeak_voice, ==, "en-us");
    g_assert_cmpfloat(voice->noise_scale, ==, 0.3);
    g_assert_cmpfloat(voice->length_scale, ==, 1.5);
    g_assert_cmpfloat(voice->noise_width, ==, 0.25);
    g_assert_cmpint(voice->speakers, ==, 3);
    assert_ids(voice, '^', 1, 1);
    assert_ids(voice, 'a', 2, 3);
    const GArray *instead = g_hash_table_lookup(voice->instead, GUINT_TO_POINTER('a'));
    g_assert_true(instead && instead->len == 2 && g_array_index(instead, gunichar, 1) == 0x259);
    piper_voice_free(voice);
}

static void test_what_need_not_be_there(void)
{
    struct piper_voice *voice = parse("{" AUDIO "," ESPEAK "," IDS "}");
    g_assert_cmpstr(voice->language, ==, "es");
    g_assert_cmpint(voice->speakers, ==, 1);
    g_assert_cmpfloat(voice->noise_scale, ==, 0.667);
    g_assert_cmpfloat(voice->length_scale, ==, 1.0);
    g_assert_cmpfloat(voice->noise_width, ==, 0.8);
    piper_voice_free(voice);
    piper_voice_free(NULL);
}

static void test_letters_need_no_espeak(void)
{
    struct piper_voice *voice =
        parse("{" AUDIO ",\"phoneme_type\":\"text\",\"language\":{\"code\":\"uk_UA\"}," IDS "}");
    g_assert_null(voice->espeak_voice);
    g_assert_cmpstr(voice->language, ==, "uk");
    piper_voice_free(voice);
}

static void test_portuguese_of_brazil(void)
{
    struct piper_voice *voice = parse("{" AUDIO ",\"espeak\":{\"voice\":\"pt-br\"}," IDS "}");
    const GArray *instead = g_hash_table_lookup(voice->instead, GUINT_TO_POINTER('c'));
    g_assert_true(instead && g_array_index(instead, gunichar, 0) == 'k');
    g_assert_cmpstr(voice->language, ==, "pt");
    piper_voice_free(voice);
}

static void test_speakers_by_name_and_number(void)
{
    struct piper_voice *voice = parse("{" AUDIO "," ESPEAK ",\"num_speakers\":12,"
                                      "\"speaker_id_map\":{\"clara\":3,\"7\":1}," IDS "}");
    g_assert_cmpint(piper_voice_speaker(voice, NULL), ==, 0);
    g_assert_cmpint(piper_voice_speaker(voice, "clara"), ==, 3);
    g_assert_cmpint(piper_voice_speaker(voice, "11"), ==, 11);
    /* A name goes before a number. */
    g_assert_cmpint(piper_voice_speaker(voice, "7"), ==, 1);
    g_assert_cmpint(piper_voice_speaker(voice, "12"), ==, -1);
    g_assert_cmpint(piper_voice_speaker(voice, "-1"), ==, -1);
    g_assert_cmpint(piper_voice_speaker(voice, "Clara"), ==, -1);
    piper_voice_free(voice);
}

static bool is_told(const GPtrArray *problems, const char *what)
{
    for (guint i = 0; i < problems->len; i++)
        if (strstr(problems->pdata[i], what))
            return true;
    return false;
}

static void assert_refused(const char *text, const char *why)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    g_assert_null(piper_voice_parse(text, strlen(text), problems));
    if (!is_told(problems, why))
        g_error("%s is not told of %s", why, text);
}

static void test_what_is_refused(void)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "JSON"},
        {"[]", "object"},
        {"{" ESPEAK "," IDS "}", "audio: is missing"},
        {"{\"audio\":{}," ESPEAK "," IDS "}", "audio.sample_rate: is missing"},
        {"{\"audio\":{\"sample_rate\":100}," ESPEAK "," IDS "}", "audio.sample_rate"},
        {"{\"audio\":22050," ESPEAK "," IDS "}", "audio: must be an object"},
        {"{" AUDIO "," IDS "}", "espeak.voice: is missing"},
        {"{" AUDIO "," ESPEAK "}", "phoneme_id_map: is missing"},
        {"{" AUDIO "," ESPEAK ",\"phoneme_id_map\":{\"_\":[0],\"^\":[1]}}",
         "phoneme_id_map.\"$\": is missing"},
        {"{" AUDIO "," ESPEAK ",\"phoneme_id_map\":{\"_\":0}}", "phoneme_id_map.\"_\": must be a list"},
        {"{" AUDIO "," ESPEAK ",\"phoneme_id_map\":{\"_\":[]}}", "phoneme_id_map.\"_\": must be a list"},
        {"{" AUDIO "," ESPEAK ",\"num_symbols\":4," IDS "}", "phoneme_id_map.\"a\": must be a list"},
        {"{" AUDIO "," ESPEAK ",\"phoneme_id_map\":{\"ab\":[1]}}", "\"ab\": a phoneme is one character"},
        {"{" AUDIO "," ESPEAK ",\"phoneme_map\":{\"a\":\"b\"}," IDS "}", "phoneme_map.\"a\""},
        {"{" AUDIO "," ESPEAK ",\"phoneme_type\":\"pinyin\"," IDS "}", "\"pinyin\" is not known here"},
        {"{" AUDIO "," ESPEAK ",\"vowel_clusters\":[[\"a\",\"b\"]]," IDS "}", "vowel_clusters"},
        {"{" AUDIO "," ESPEAK ",\"num_speakers\":0," IDS "}", "num_speakers"},
        {"{" AUDIO "," ESPEAK ",\"num_speakers\":2,\"speaker_id_map\":{\"a\":2}," IDS "}",
         "speaker_id_map.\"a\": must be a number below num_speakers"},
        {"{" AUDIO "," ESPEAK ",\"inference\":{\"length_scale\":0}," IDS "}", "inference.length_scale"},
        {"{" AUDIO "," ESPEAK ",\"inference\":{\"noise_w\":1e400}," IDS "}", "inference.noise_w"},
        {"{" AUDIO ",\"espeak\":{\"voice\":\"gmw/en\"}," IDS "}", "language.code"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_refused(cases[i].text, cases[i].why);
}

static void test_every_problem_is_told(void)
{
    static const char text[] = "{\"audio\":{\"sample_rate\":1},\"num_speakers\":-1,\"phoneme_id_map\":{}}";
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    g_assert_null(piper_voice_parse(text, strlen(text), problems));
    g_assert_true(is_told(problems, "sample_rate"));
    g_assert_true(is_told(problems, "num_speakers"));
    g_assert_true(is_told(problems, "espeak.voice"));
    g_assert_true(is_told(problems, "\"^\": is missing"));
}

static void test_a_file_that_is_not_there(void)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    g_assert_null(piper_voice_read("/nonexistent/voice.onnx.json", problems));
    g_assert_cmpuint(problems->len, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/piper-voice/all-is-read", test_all_is_read);
    g_test_add_func("/piper-voice/what-need-not-be-there", test_what_need_not_be_there);
    g_test_add_func("/piper-voice/letters-need-no-espeak", test_letters_need_no_espeak);
    g_test_add_func("/piper-voice/portuguese-of-brazil", test_portuguese_of_brazil);
    g_test_add_func("/piper-voice/speakers-by-name-and-number", test_speakers_by_name_and_number);
    g_test_add_func("/piper-voice/what-is-refused", test_what_is_refused);
    g_test_add_func("/piper-voice/every-problem-is-told", test_every_problem_is_told);
    g_test_add_func("/piper-voice/a-file-that-is-not-there", test_a_file_that_is_not_there);
    return g_test_run();
}
