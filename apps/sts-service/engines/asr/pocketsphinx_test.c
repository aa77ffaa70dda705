/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What only this engine promises: hints change what is heard, sounds that are no speech bring no words, and
 * words lie where they were spoken. Skipped where the model is not installed. */
#include "../../audio/wav.h"
#include "../contract_support.h"
#include "asr.h"
#include "sphinx_shelf.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE_HZ 16000
#define NOISE_MS 1500
/* Where a word ends is a matter of a phone or two. */
#define TOLERANCE_MS 80

static struct asr *asr;
static struct dub_error open_error;

static bool skipped(void)
{
    return !asr && contract_skip(&open_error);
}

static char *recognise_by(const struct pcm *audio, const char *const *hints, int64_t deadline_ns)
{
    struct asr_request request = {
        .call = {.deadline_ns = deadline_ns}, .audio = audio, .language = "en", .hints = hints};
    struct asr_transcript transcript = {0};
    g_assert_true(asr_transcribe(asr, &request, &transcript, NULL));
    char *text = g_strdup(transcript.text);
    asr_transcript_clear(&transcript);
    return text;
}

static char *recognise(const struct pcm *audio, const char *const *hints)
{
    return recognise_by(audio, hints, 0);
}

static void test_a_hint_changes_what_is_heard(void)
{
    if (skipped())
        return;
    const char *const hints[] = {"Zelensky", "UEFA", NULL};
    pcm_auto clip = {0};
    g_assert_true(wav_read_file(g_getenv("STS_TEST_SPEECH_NAME"), &clip, NULL));
    g_autofree char *without = recognise(&clip, NULL);
    g_autofree char *with = recognise(&clip, hints);
    g_autofree char *afterwards = recognise(&clip, NULL);
    g_assert_null(strstr(without, "zelensky"));
    g_assert_cmpstr(with, ==, "the president met zelensky in the capital");
    /* A stream without hints hears nothing of another's. */
    g_assert_cmpstr(afterwards, ==, without);
}

static void test_bad_and_foreign_hints_do_no_harm(void)
{
    if (skipped())
        return;
    const char *const bad[] = {"", "4711", "\xe6\x97\xa5\xe6\x9c\xac", NULL};
    const char *const foreign[] = {"Rayleigh scattering", "Kubernetes", "gerrymander", "BBC", NULL};
    pcm_auto clip = {0};
    g_assert_true(wav_read_file(g_getenv("STS_TEST_SPEECH"), &clip, NULL));
    g_autofree char *with_bad = recognise(&clip, bad);
    g_autofree char *with_foreign = recognise(&clip, foreign);
    g_assert_cmpstr(with_bad, ==, "good evening and welcome to the news at ten");
    g_assert_cmpstr(with_foreign, ==, "good evening and welcome to the news at ten");
}

/* Seconds at which flite's words begin and end, from "phone:end phone:end ...". */
struct spoken {
    const char *word;
    int phones;
    double start_s;
    double end_s;
};

static void read_times(struct spoken *words, size_t count)
{
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(g_getenv("STS_TEST_SPEECH_TIMES"), &text, NULL, NULL));
    g_auto(GStrv) phones = g_strsplit(g_strstrip(text), " ", -1);
    guint at = 1; /* after the first pause */
    for (size_t i = 0; i < count; i++) {
        words[i].start_s = g_ascii_strtod(strchr(phones[at - 1], ':') + 1, NULL);
        at += (guint)words[i].phones;
        words[i].end_s = g_ascii_strtod(strchr(phones[at - 1], ':') + 1, NULL);
    }
    g_assert_cmpuint(at + 1, ==, g_strv_length(phones)); /* and the last pause */
}

static void assert_near(double heard_ms, double spoken_s)
{
    g_assert_cmpfloat(fabs(heard_ms - spoken_s * 1000.0), <=, TOLERANCE_MS);
}

static void test_words_lie_where_they_were_spoken(void)
{
    if (skipped())
        return;
    struct spoken words[] = {
        {.word = "good", .phones = 3},    {.word = "evening", .phones = 5}, {.word = "and", .phones = 3},
        {.word = "welcome", .phones = 6}, {.word = "to", .phones = 2},      {.word = "the", .phones = 2},
        {.word = "news", .phones = 3},    {.word = "at", .phones = 2},      {.word = "ten", .phones = 3}};
    read_times(words, G_N_ELEMENTS(words));
    pcm_auto clip = {0};
    g_assert_true(wav_read_file(g_getenv("STS_TEST_SPEECH"), &clip, NULL));
    struct asr_request request = {.audio = &clip, .language = "en"};
    struct asr_transcript transcript = {0};
    g_assert_true(asr_transcribe(asr, &request, &transcript, NULL));
    g_assert_cmpuint(transcript.words->len, ==, G_N_ELEMENTS(words));
    for (guint i = 0; i < transcript.words->len; i++) {
        const struct asr_word *heard = &g_array_index(transcript.words, struct asr_word, i);
        g_assert_cmpstr(heard->text, ==, words[i].word);
        g_test_message("%s: %d..%d ms, spoken %.0f..%.0f", heard->text, (int)heard->start_ms,
                       (int)heard->end_ms, words[i].start_s * 1000, words[i].end_s * 1000);
        assert_near((double)heard->start_ms, words[i].start_s);
        assert_near((double)heard->end_ms, words[i].end_s);
    }
    asr_transcript_clear(&transcript);
}

static double noise(GRand *rand)
{
    return g_rand_double_range(rand, -1.0, 1.0);
}

static double white(size_t i, GRand *rand)
{
    return noise(rand);
}

static double swelling(size_t i, GRand *rand)
{
    return noise(rand) * (1.0 + 0.8 * sin((double)i * 2.0 * G_PI * 4.0 / RATE_HZ));
}

static double hum(size_t i, GRand *rand)
{
    double sum = 0.0;
    for (int k = 1; k < 8; k++)
        sum += sin((double)i * 2.0 * G_PI * 50.0 * k / RATE_HZ) / k;
    return sum;
}

/* A chord that changes every 400 ms, with harmonics. */
static double chord(size_t i, GRand *rand)
{
    static const double roots[] = {220.0, 261.6, 196.0, 246.9};
    double root = roots[i / (RATE_HZ * 4 / 10) % G_N_ELEMENTS(roots)];
    double sum = 0.0;
    for (int k = 1; k < 5; k++)
        sum += (sin((double)i * 2.0 * G_PI * root * k / RATE_HZ) +
                sin((double)i * 2.0 * G_PI * root * 1.5 * k / RATE_HZ)) /
               k;
    return sum * exp(-3.0 * (double)(i % (RATE_HZ * 4 / 10)) / (RATE_HZ * 0.4));
}

/* Bursts that die away within 10 ms, 50 a second. */
static double applause(size_t i, GRand *rand)
{
    static double level;
    if (g_rand_double(rand) < 50.0 / RATE_HZ)
        level = g_rand_double_range(rand, 0.3, 1.0);
    level *= 0.985;
    return noise(rand) * level;
}

static double click(size_t i, GRand *rand)
{
    return i % (RATE_HZ / 2) < 20 ? noise(rand) : noise(rand) * 0.001;
}

static const struct {
    const char *name;
    double (*sample)(size_t i, GRand *rand);
} sounds[] = {{"white-noise", white}, {"swelling-noise", swelling}, {"hum", hum},
              {"chords", chord},      {"applause", applause},       {"clicks", click}};

static struct pcm make_sound(double (*sample)(size_t, GRand *), double level_dbfs)
{
    struct pcm clip = pcm_silence(RATE_HZ, NOISE_MS);
    double *values = g_new(double, clip.count);
    GRand *rand = g_rand_new_with_seed(7);
    double power = 0.0;
    for (size_t i = 0; i < clip.count; i++) {
        values[i] = sample(i, rand);
        power += values[i] * values[i];
    }
    g_rand_free(rand);
    double gain = 32768.0 * pow(10.0, level_dbfs / 20.0) / sqrt(power / (double)clip.count);
    for (size_t i = 0; i < clip.count; i++)
        clip.samples[i] = (int16_t)CLAMP(lrint(values[i] * gain), INT16_MIN, INT16_MAX);
    g_free(values);
    return clip;
}

static void test_no_words_for(gconstpointer user)
{
    static const double levels_dbfs[] = {-45.0, -25.0, -10.0};
    if (skipped())
        return;
    guint sound = GPOINTER_TO_UINT(user);
    for (guint i = 0; i < G_N_ELEMENTS(levels_dbfs); i++) {
        pcm_auto clip = make_sound(sounds[sound].sample, levels_dbfs[i]);
        g_autofree char *text = recognise(&clip, NULL);
        g_test_message("at %.0f dBFS: \"%s\"", levels_dbfs[i], text);
        g_assert_cmpstr(text, ==, "");
    }
}

/* One thread's decoders: the same hints find theirs again, and there are never more than fit. Taking one
 * loads nothing. */
static void test_decoders_are_kept_and_bounded(void)
{
    static const char *const words[SHELF_VOCABULARIES + 1] = {"alpha", "bravo", "charlie", "delta", "echo"};
    struct sphinx_model model = {0};
    if (skipped())
        return;
    g_assert_true(sphinx_model_find(&model, NULL, NULL));
    struct sphinx_shelf *shelf = sphinx_shelf_new(&model, NULL);
    struct sphinx_decoder *plain = sphinx_shelf_take(shelf, NULL, 0);
    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        const char *const list[] = {words[i], NULL};
        hints_auto hints = hints_parse(list);
        g_assert_true(sphinx_shelf_take(shelf, hints, i) == plain);
        g_assert_false(sphinx_shelf_knows(shelf, hints));
        sphinx_shelf_learn(shelf, hints, i);
        g_assert_true(sphinx_shelf_knows(shelf, hints) == (i < SHELF_VOCABULARIES));
        struct sphinx_decoder *taken = sphinx_shelf_take(shelf, hints, i);
        g_assert_true((taken == plain) == (i == SHELF_VOCABULARIES));
        sphinx_shelf_learn(shelf, hints, i);
        g_assert_true(sphinx_shelf_take(shelf, hints, i) == taken);
    }
    const char *const last[] = {words[SHELF_VOCABULARIES], NULL};
    hints_auto hints = hints_parse(last);
    sphinx_shelf_learn(shelf, hints, SHELF_KEEP_NS - 1);
    g_assert_true(sphinx_shelf_take(shelf, hints, SHELF_KEEP_NS) == plain);
    sphinx_shelf_learn(shelf, hints, SHELF_KEEP_NS);
    g_assert_true(sphinx_shelf_take(shelf, hints, SHELF_KEEP_NS) != plain);
    sphinx_shelf_free(shelf);
    sphinx_model_clear(&model);
}

/* Vocabularies stand in line for the only thread: whoever is in a hurry goes without, nobody fails. */
static void test_no_job_fails_for_hints_that_load(void)
{
    static const char *const words[] = {"foxtrot", "golf", "hotel", "india"};
    if (skipped())
        return;
    pcm_auto clip = {0};
    g_assert_true(wav_read_file(g_getenv("STS_TEST_SPEECH"), &clip, NULL));
    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        const char *const list[] = {words[i], NULL};
        asr_prepare(asr, list);
    }
    asr_prepare(asr, NULL);
    const char *const last[] = {words[G_N_ELEMENTS(words) - 1], NULL};
    g_autofree char *hurried = recognise_by(&clip, last, contract_deadline_ns(20000));
    g_assert_cmpstr(hurried, ==, "good evening and welcome to the news at ten");
}

int main(int argc, char **argv)
{
    struct engine_config config = {.workers = 1};
    g_test_init(&argc, &argv, NULL);
    asr = asr_open("pocketsphinx", &config, &open_error);
    g_test_add_func("/pocketsphinx/a-hint-changes-what-is-heard", test_a_hint_changes_what_is_heard);
    g_test_add_func("/pocketsphinx/bad-and-foreign-hints-do-no-harm", test_bad_and_foreign_hints_do_no_harm);
    g_test_add_func("/pocketsphinx/words-lie-where-they-were-spoken", test_words_lie_where_they_were_spoken);
    for (guint i = 0; i < G_N_ELEMENTS(sounds); i++) {
        g_autofree char *path = g_strdup_printf("/pocketsphinx/no-words-for-%s", sounds[i].name);
        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_no_words_for);
    }
    g_test_add_func("/pocketsphinx/no-job-fails-for-hints-that-load", test_no_job_fails_for_hints_that_load);
    g_test_add_func("/pocketsphinx/decoders-are-kept-and-bounded", test_decoders_are_kept_and_bounded);
    int result = g_test_run();
    asr_close(asr);
    return result;
}
