/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The recogniser by hand and for bench/: WAV files in, one line of tab-separated text per file out.
 *
 *     try_asr [--model DIR] [--hint TEXT]... [--no-stream] [--words] file.wav ...
 *
 * Columns: path, audio ms, CPU ms, confidence, no speech (0 or 1), text. --words adds a line per word:
 * word, start ms, end ms, confidence. Files of one folder are one stream, in the order given. */
#include "../../audio/wav.h"
#include "asr.h"
#include <locale.h>
#include <stdio.h>
#include <time.h>

static char *model = NULL;
static char **hints = NULL;
static gboolean no_stream = FALSE;
static gboolean show_words = FALSE;
static char **paths = NULL;

static const GOptionEntry options[] = {
    {"model", 'm', 0, G_OPTION_ARG_FILENAME, &model, "Model directory", "DIR"},
    {"hint", 0, 0, G_OPTION_ARG_STRING_ARRAY, &hints, "A domain hint; may be repeated", "TEXT"},
    {"no-stream", 0, 0, G_OPTION_ARG_NONE, &no_stream, "Carry nothing from file to file", NULL},
    {"words", 'w', 0, G_OPTION_ARG_NONE, &show_words, "Print the words' times too", NULL},
    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &paths, NULL, "FILE.wav..."},
    {NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
};

static double process_cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void print_words(const struct asr_transcript *transcript)
{
    for (guint i = 0; i < transcript->words->len; i++) {
        const struct asr_word *word = &g_array_index(transcript->words, struct asr_word, i);
        printf("\t%s\t%d\t%d\t%.3f\n", word->text, (int)word->start_ms, (int)word->end_ms, word->confidence);
    }
}

static bool recognise(struct asr *asr, const char *path, struct dub_error *error)
{
    pcm_auto audio = {0};
    if (!wav_read_file(path, &audio, error))
        return false;
    g_autofree char *folder = g_path_get_dirname(path);
    struct asr_request request = {.call = {.session_id = no_stream ? NULL : folder},
                                  .audio = &audio,
                                  .language = "en",
                                  .hints = (const char *const *)hints};
    struct asr_transcript transcript = {0};
    double cpu_ms = process_cpu_ms();
    bool done = asr_transcribe(asr, &request, &transcript, error);
    if (done) {
        printf("%s\t%d\t%.1f\t%.3f\t%d\t%s\n", path, (int)pcm_duration_ms(&audio), process_cpu_ms() - cpu_ms,
               transcript.confidence, transcript.no_speech, transcript.text);
        if (show_words)
            print_words(&transcript);
    }
    asr_transcript_clear(&transcript);
    return done;
}

static int run(struct dub_error *error)
{
    struct engine_config config = {.model = model, .workers = 1};
    struct asr *asr = asr_open("pocketsphinx", &config, error);
    int failures = asr ? 0 : 1;
    if (!asr)
        fprintf(stderr, "%s\n", error->message);
    for (char **path = paths; asr && *path; path++) {
        if (recognise(asr, *path, error))
            continue;
        fprintf(stderr, "%s: %s\n", *path, error->message);
        failures++;
    }
    asr_close(asr);
    return failures > 0;
}

int main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("- try the recogniser");
    g_autoptr(GError) failure = NULL;
    struct dub_error error = {0};
    setlocale(LC_ALL, "");
    g_option_context_add_main_entries(context, options, NULL);
    if (g_option_context_parse(context, &argc, &argv, &failure) && paths)
        return run(&error);
    fprintf(stderr, "%s\n", failure ? failure->message : "no WAV file given; see --help");
    return 2;
}
