/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the llama engine costs over llama.cpp itself: the same text by the library alone and through the
 * engine (queue, threads, pieces, prompt, guards), in turn, so that both see the same load. Medians of wall
 * time. sts-llama-overhead MODEL TEXT [TIMES] The model has an encoder and tags of languages (MADLAD-400);
 * the text is one English sentence, into Spanish. */
#include "engines/translation/translation.h"
#include "sts_overhead.h"

#include <llama.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TOKENS 512

static void be_quiet(enum ggml_log_level level, const char *text, void *user)
{
}

static llama_token best(struct llama_context *context, int32_t count)
{
    const float *logits = llama_get_logits_ith(context, -1);
    llama_token found = 0;
    for (llama_token token = 1; token < count; token++)
        if (logits[token] > logits[found])
            found = token;
    return found;
}

static double by_library(struct llama_context *context, const struct llama_model *model, const char *text)
{
    const struct llama_vocab *vocabulary = llama_model_get_vocab(model);
    int32_t count = llama_vocab_n_tokens(vocabulary);
    llama_token tokens[MOST_TOKENS];
    double start = overhead_now_ms();
    int32_t length = llama_tokenize(vocabulary, text, (int32_t)strlen(text), tokens, MOST_TOKENS, true, true);
    llama_memory_clear(llama_get_memory(context), false);
    if (length <= 0 || llama_encode(context, llama_batch_get_one(tokens, length)) != 0)
        exit(1);
    llama_token token = llama_model_decoder_start_token(model);
    for (int i = 0; i < MOST_TOKENS - 2; i++) {
        if (llama_decode(context, llama_batch_get_one(&token, 1)) != 0)
            exit(1);
        token = best(context, count);
        if (llama_vocab_is_eog(vocabulary, token))
            break;
    }
    return overhead_now_ms() - start;
}

static double by_engine(struct translation *translation, const char *text)
{
    struct translation_request request = {.text = text, .source_language = "en", .target_language = "es"};
    struct translation_result result = {0};
    struct dub_error error = {0};
    double start = overhead_now_ms();
    if (!translation_translate(translation, &request, &result, &error)) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    double took = overhead_now_ms() - start;
    translation_result_clear(&result);
    return took;
}

static struct translation *open_engine(const char *model)
{
    /* As many workers as cores: each computes with one thread. */
    struct engine_config config = {.model = model, .device = "cpu", .workers = (int)g_get_num_processors()};
    struct dub_error error = {0};
    struct translation *translation = translation_open("llama", &config, &error);
    if (!translation)
        fprintf(stderr, "%s\n", error.message);
    return translation;
}

static void measure(struct llama_model *model, struct translation *translation, const char *text, int times)
{
    struct llama_context_params params = llama_context_default_params();
    params.n_ctx = MOST_TOKENS;
    params.n_batch = MOST_TOKENS;
    params.n_ubatch = MOST_TOKENS;
    params.n_threads = 1;
    params.n_threads_batch = 1;
    struct llama_context *context = llama_init_from_model(model, params);
    g_autofree char *tagged = g_strconcat("<2es> ", text, NULL);
    g_autofree double *library = g_new(double, (gsize)times);
    g_autofree double *engine = g_new(double, (gsize)times);
    for (int i = 0; context && i < times; i++) {
        library[i] = by_library(context, model, tagged);
        engine[i] = by_engine(translation, text);
    }
    if (!context)
        exit(1);
    overhead_print("llama.cpp", library, engine, times);
    llama_free(context);
}

int main(int argc, char **argv)
{
    static ggml_backend_dev_t no_devices[] = {NULL};
    int times = argc > 3 ? atoi(argv[3]) : 101;
    if (argc < 3 || times < 1 || times > 10000) {
        fprintf(stderr, "usage: sts-llama-overhead MODEL TEXT [TIMES]\n");
        return 2;
    }
    struct translation *translation = open_engine(argv[1]);
    if (!translation)
        return 1;
    llama_log_set(be_quiet, NULL);
    struct llama_model_params params = llama_model_default_params();
    params.devices = no_devices;
    struct llama_model *model = llama_model_load_from_file(argv[1], params);
    if (model)
        measure(model, translation, argv[2], times);
    translation_close(translation);
    llama_model_free(model);
    return model ? 0 : 1;
}
