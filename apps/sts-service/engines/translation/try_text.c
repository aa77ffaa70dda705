/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text path by hand: a recogniser's words in, a line each; sentence, translation and what would be spoken
 * out, tab-separated, a line each.
 *
 *     try_text [--source en] [--target es] [--engine apertium] < words.txt
 *
 * For the person at the terminal and for the benchmarks in bench/. Not installed. */
#include "../../text/prepare.h"
#include "translation.h"
#include <stdio.h>
#include <string.h>

static char *source = NULL;
static char *target = NULL;
static char *engine = NULL;

static const GOptionEntry options[] = {
    {"source", 's', 0, G_OPTION_ARG_STRING, &source, "Source language (en)", "LANG"},
    {"target", 't', 0, G_OPTION_ARG_STRING, &target, "Target language (es)", "LANG"},
    {"engine", 'e', 0, G_OPTION_ARG_STRING, &engine, "Engine of translation (auto)", "NAME"},
    {NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
};

static bool show(struct translation *translation, const char *words, struct dub_error *error)
{
    g_autofree char *sentence = text_sentence_from_words(words, source);
    struct translation_request request = {
        .text = sentence, .source_language = source, .target_language = target};
    struct translation_result result = {0};
    if (!translation_translate(translation, &request, &result, error))
        return false;
    g_autofree char *spoken = text_prepare_for_speech(result.text, target);
    printf("%s\t%s\t%s\n", sentence, result.text, spoken);
    translation_result_clear(&result);
    return true;
}

static bool show_all(struct translation *translation, struct dub_error *error)
{
    char line[TRANSLATION_MAX_BYTES];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (!show(translation, line, error))
            return false;
        fflush(stdout);
    }
    return true;
}

int main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("- try the text path");
    g_autoptr(GError) failure = NULL;
    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &failure)) {
        fprintf(stderr, "%s\n", failure->message);
        return 2;
    }
    source = source ? source : g_strdup("en");
    target = target ? target : g_strdup("es");
    struct engine_config config = {.workers = 1};
    struct dub_error error = {0};
    struct translation *translation = translation_open(engine ? engine : "auto", &config, &error);
    bool done = translation && show_all(translation, &error);
    if (!done)
        fprintf(stderr, "%s\n", error.message);
    translation_close(translation);
    return done ? 0 : 1;
}
