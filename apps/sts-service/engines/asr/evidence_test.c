/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence.h"

#include <string.h>

struct said {
    const char *text;
    int64_t duration_ms;
    double posterior;
};

static bool verdict(const struct said *words, int64_t decoded_ms, double acoustic)
{
    struct asr_transcript transcript = {0};
    int64_t at_ms = 0;
    for (; words->text; words++) {
        asr_transcript_add_word(&transcript, words->text, at_ms, at_ms + words->duration_ms,
                                words->posterior);
        at_ms += words->duration_ms;
    }
    struct evidence evidence = {.words = transcript.words, .decoded_ms = decoded_ms, .acoustic = acoustic};
    bool no_speech = evidence_is_no_speech(&evidence);
    asr_transcript_clear(&transcript);
    return no_speech;
}

/* As the recogniser heard them: speech, and words that it put to sounds. */
static const struct {
    const char *name;
    int64_t decoded_ms;
    double acoustic;
    bool no_speech;
    struct said words[12];
} cases[] = {
    {"nothing", 1500, 0, true, {{NULL, 0, 0}}},
    {"a clear sentence",
     2130,
     -22,
     false,
     {{"good", 190, 0.43},
      {"evening", 410, 1.0},
      {"and", 140, 0.86},
      {"welcome", 430, 1.0},
      {"to", 160, 0.57},
      {"the", 80, 0.98},
      {"news", 400, 0.5}}},
    {"a sentence in noise",
     2600,
     -36,
     false,
     {{"good", 190, 0.2},
      {"evening", 410, 0.6},
      {"and", 140, 0.3},
      {"welcome", 430, 0.5},
      {"to", 160, 0.4},
      {"the", 80, 0.4},
      {"news", 400, 0.3}}},
    {"a short answer in a long pause", 2400, -24, false, {{"yes", 460, 0.91}}},
    {"two words in a pause", 2300, -27, false, {{"of", 120, 0.8}, {"course", 500, 0.79}}},
    {"a word drawn out over a motor", 2450, 0, true, {{"thank", 2420, 1.0}}},
    {"drawn out words among others",
     2480,
     -24,
     true,
     {{"food", 900, 0.9}, {"the", 830, 0.9}, {"firm", 400, 0.9}}},
    {"a drawn out word in applause", 1500, -26, true, {{"at", 450, 0.75}}},
    {"a word in applause", 2480, -36, true, {{"it", 210, 0.69}}},
    {"words in a chord", 2480, -41, true, {{"for", 250, 0.06}, {"for", 300, 0.77}}},
    {"words in a chirp", 2480, -47, true, {{"report", 700, 0.42}, {"on", 160, 0.48}, {"the", 200, 0.92}}},
    {"a sentence that nothing supports",
     2300,
     -40,
     true,
     {{"the", 100, 0.1}, {"home", 400, 0.09}, {"of", 100, 0.1}, {"the", 100, 0.1}, {"day", 300, 0.05}}},
};

static void test_verdict(gconstpointer user)
{
    guint i = GPOINTER_TO_UINT(user);
    g_assert_cmpint(verdict(cases[i].words, cases[i].decoded_ms, cases[i].acoustic), ==, cases[i].no_speech);
}

static void test_no_words_at_all(void)
{
    g_assert_true(evidence_is_no_speech(&(struct evidence){.decoded_ms = 1000}));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/evidence/%s", cases[i].name);
        g_strdelimit(path + strlen("/evidence/"), " ", '-');
        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_verdict);
    }
    g_test_add_func("/evidence/no-words-at-all", test_no_words_at_all);
    return g_test_run();
}
