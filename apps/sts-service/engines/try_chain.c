/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The speech chain by hand: WAV files in; transcripts, translations and times out, and the dub as a WAV file.
 *
 *     try_chain [--target es] [--voice NAME] [--output dub.wav] [--repeat N] file.wav ...
 *
 * Where NAME.txt lies beside NAME.wav, the word error rate against it is printed too: engines/asr/README.md
 * tells how its figures were made. Standard output is for the person at the terminal; nothing else uses this
 * program. */
#include "../audio/fit.h"
#include "../audio/loudness.h"
#include "../audio/wav.h"
#include "../text/guard.h"
#include "../text/prepare.h"
#include "asr/asr.h"
#include "translation/translation.h"
#include "tts/tts.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

static char *target = NULL;
static char *voice = NULL;
static char *output = NULL;
static char *voices_file = NULL;
static gboolean only_asr = FALSE;
static int repeat = 1;
static char **paths = NULL;

static const GOptionEntry options[] = {
    {"target", 't', 0, G_OPTION_ARG_STRING, &target, "Target language (es)", "LANG"},
    {"voice", 'v', 0, G_OPTION_ARG_STRING, &voice, "Voice profile (default)", "NAME"},
    {"voices-file", 0, 0, G_OPTION_ARG_FILENAME, &voices_file, "Voice profiles (config/voices.json)", "FILE"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output, "Where the last dub goes", "FILE"},
    {"asr-only", 'a', 0, G_OPTION_ARG_NONE, &only_asr, "Only recognise", NULL},
    {"repeat", 'r', 0, G_OPTION_ARG_INT, &repeat, "Do everything N times", "N"},
    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &paths, NULL, "FILE.wav..."},
    {NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
};

struct chain {
    struct voices *voices;
    struct asr *asr;
    struct translation *translation;
    struct tts *tts;
};

struct totals {
    int words;
    int errors;
    double audio_s;
    double asr_cpu_s;
};

struct speaking {
    struct chain *chain;
    const char *text;
    double took_ms;
};

static double process_cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Word-level Levenshtein distance, one row at a time. */
static int word_errors(char *const *reference, char *const *heard)
{
    guint width = g_strv_length((char **)heard);
    int *row = g_new0(int, width + 1);
    for (guint j = 0; j <= width; j++)
        row[j] = (int)j;
    for (; *reference; reference++) {
        int diagonal = row[0]++;
        for (guint j = 1; j <= width; j++) {
            int substituted = diagonal + (strcmp(*reference, heard[j - 1]) != 0);
            diagonal = row[j];
            row[j] = MIN(substituted, MIN(row[j], row[j - 1]) + 1);
        }
    }
    int errors = row[width];
    g_free(row);
    return errors;
}

static void compare(const char *path, const char *heard, struct totals *totals)
{
    g_autofree char *base = g_strndup(path, strlen(path) - MIN(strlen(path), strlen(".wav")));
    g_autofree char *reference_path = g_strconcat(base, ".txt", NULL);
    g_autofree char *reference = NULL;
    if (!g_file_get_contents(reference_path, &reference, NULL, NULL))
        return;
    g_auto(GStrv) wanted = g_strsplit(g_strstrip(reference), " ", -1);
    g_auto(GStrv) got = g_strsplit(heard, " ", -1);
    totals->words += (int)g_strv_length(wanted);
    totals->errors += word_errors(wanted, got);
}

static bool speak(double rate, struct pcm *clip, void *user, struct dub_error *error)
{
    struct speaking *speaking = user;
    struct tts_request request = {.text = speaking->text, .language = target, .voice = voice, .rate = rate};
    struct tts_result result = {0};
    bool done = tts_speak(speaking->chain->tts, &request, &result, error);
    speaking->took_ms += result.took_ms;
    *clip = result.audio;
    return done;
}

static bool dub(struct chain *chain, const char *heard, int64_t duration_ms, struct dub_error *error)
{
    g_autofree char *sentence = text_sentence_from_words(heard, "en");
    struct translation_request request = {
        .text = sentence, .source_language = "en", .target_language = target};
    struct translation_result translated = {0};
    if (!translation_translate(chain->translation, &request, &translated, error))
        return false;
    g_autofree char *prepared = text_prepare_for_speech(translated.text, target);
    struct speaking speaking = {.chain = chain, .text = prepared};
    struct fit_slot slot = {.duration_ms = duration_ms};
    struct fit_decision decision = {0};
    pcm_auto clip = {0};
    int64_t start_ns = dub_clock_now_ns(dub_clock_monotonic());
    bool fitted = fit_speech(&slot, speak, &speaking, &clip, &decision, error);
    double fit_ms = (double)(dub_clock_now_ns(dub_clock_monotonic()) - start_ns) / 1e6;
    printf("  %s\n  translation %.1f ms, guard %s, speech %.1f ms, with fit %.1f ms; %d ms long, %.2f times "
           "as fast\n",
           prepared, translated.took_ms, guard_verdict_text(guard_translation(sentence, translated.text)),
           speaking.took_ms, fit_ms, (int)decision.result_ms, decision.speed_ratio);
    translation_result_clear(&translated);
    if (fitted && output)
        return wav_write_file(output, &clip, error);
    return fitted;
}

static bool process(struct chain *chain, const char *path, struct totals *totals, struct dub_error *error)
{
    pcm_auto audio = {0};
    if (!wav_read_file(path, &audio, error))
        return false;
    g_autofree char *folder = g_path_get_dirname(path);
    struct asr_request request = {.call = {.session_id = folder}, .audio = &audio, .language = "en"};
    struct asr_transcript transcript = {0};
    double cpu_s = process_cpu_s();
    bool done = asr_transcribe(chain->asr, &request, &transcript, error);
    if (done) {
        totals->asr_cpu_s += process_cpu_s() - cpu_s;
        totals->audio_s += (double)pcm_duration_ms(&audio) / 1000.0;
        compare(path, transcript.text, totals);
        printf("%s: %d ms, speech %d\n  %s\n  asr %.0f ms, confidence %.2f\n", path,
               (int)pcm_duration_ms(&audio), loudness_may_be_speech(&audio), transcript.text,
               transcript.took_ms, transcript.confidence);
        if (!only_asr && !transcript.no_speech)
            done = dub(chain, transcript.text, pcm_duration_ms(&audio), error);
    }
    asr_transcript_clear(&transcript);
    return done;
}

static bool open_chain(struct chain *chain, struct dub_error *error)
{
    chain->voices = voices_load(voices_file ? voices_file : "config/voices.json", error);
    if (!chain->voices)
        return false;
    struct engine_config config = {.workers = 1, .voices = chain->voices};
    chain->asr = asr_open("auto", &config, error);
    chain->translation = chain->asr ? translation_open("auto", &config, error) : NULL;
    chain->tts = chain->translation ? tts_open("auto", &config, error) : NULL;
    return chain->tts != NULL;
}

static void close_chain(struct chain *chain)
{
    tts_close(chain->tts);
    translation_close(chain->translation);
    asr_close(chain->asr);
    voices_free(chain->voices);
}

static bool run(struct chain *chain, struct totals *totals, struct dub_error *error)
{
    if (!open_chain(chain, error))
        return false;
    for (int i = 0; i < repeat; i++)
        for (char **path = paths; *path; path++)
            if (!process(chain, *path, totals, error))
                fprintf(stderr, "%s: %s\n", *path, error->message);
    return true;
}

int main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("- try the speech chain");
    g_autoptr(GError) failure = NULL;
    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &failure) || !paths) {
        fprintf(stderr, "%s\n", failure ? failure->message : "no WAV file given; see --help");
        return 2;
    }
    if (!target)
        target = g_strdup("es");
    struct chain chain = {0};
    struct totals totals = {0};
    struct dub_error error = {0};
    bool done = run(&chain, &totals, &error);
    if (!done)
        fprintf(stderr, "%s\n", error.message);
    if (totals.words > 0)
        printf("word error rate %.1f %% of %d words, real-time factor %.3f (CPU)\n",
               100.0 * totals.errors / totals.words, totals.words, totals.asr_cpu_s / totals.audio_s);
    close_chain(&chain);
    return done ? 0 : 1;
}
