/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the piper engine costs over ONNX Runtime itself: the same sentence's numbers by the library alone, and
 * its text through the engine (phonemes by the helper process, queue, samples, trimming, loudness), in turn,
 * so that both see the same load. Medians of wall time. sts-piper-overhead VOICE.onnx TEXT [TIMES]; the text
 * is one sentence. Run beside sts-espeak (in PATH, or the folder above). */
#include "engines/tts/espeak_pool.h"
#include "engines/tts/piper_phonemes.h"
#include "engines/tts/tts.h"
#include "sts_overhead.h"

#include <onnxruntime_c_api.h>
#include <stdio.h>
#include <stdlib.h>

static const OrtApi *api;

static void must(OrtStatus *status)
{
    if (!status)
        return;
    fprintf(stderr, "%s\n", api->GetErrorMessage(status));
    exit(1);
}

static OrtSession *open_session(OrtEnv **env, const char *path)
{
    OrtSessionOptions *options = NULL;
    OrtSession *session = NULL;
    api = OrtGetApiBase()->GetApi(ORT_API_VERSION);
    must(api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "bench", env));
    must(api->CreateSessionOptions(&options));
    must(api->SetIntraOpNumThreads(options, 1));
    must(api->SetInterOpNumThreads(options, 1));
    must(api->CreateSession(*env, path, options, &session));
    api->ReleaseSessionOptions(options);
    return session;
}

static double by_library(OrtSession *session, const struct piper_voice *voice, const GArray *ids)
{
    static const char *const names[] = {"input", "input_lengths", "scales", "sid"};
    static const char *const outputs[] = {"output"};
    int64_t length = ids->len;
    int64_t speaker = 0;
    float scales[] = {(float)voice->noise_scale, (float)voice->length_scale, (float)voice->noise_width};
    int64_t sizes[][2] = {{1, length}, {1, 0}, {3, 0}, {1, 0}};
    OrtMemoryInfo *memory = NULL;
    OrtValue *in[4] = {NULL};
    OrtValue *out = NULL;
    size_t inputs = voice->speakers > 1 ? 4 : 3;
    double start = overhead_now_ms();
    must(api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
    must(api->CreateTensorWithDataAsOrtValue(memory, ids->data, ids->len * sizeof(int64_t), sizes[0], 2,
                                             ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, &in[0]));
    must(api->CreateTensorWithDataAsOrtValue(memory, &length, sizeof length, sizes[1], 1,
                                             ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, &in[1]));
    must(api->CreateTensorWithDataAsOrtValue(memory, scales, sizeof scales, sizes[2], 1,
                                             ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &in[2]));
    must(api->CreateTensorWithDataAsOrtValue(memory, &speaker, sizeof speaker, sizes[3], 1,
                                             ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, &in[3]));
    must(api->Run(session, NULL, names, (const OrtValue *const *)in, inputs, outputs, 1, &out));
    double took = overhead_now_ms() - start;
    api->ReleaseValue(out);
    for (size_t i = 0; i < G_N_ELEMENTS(in); i++)
        api->ReleaseValue(in[i]);
    api->ReleaseMemoryInfo(memory);
    return took;
}

static double by_engine(struct tts *tts, const struct tts_request *request)
{
    struct tts_result result = {0};
    struct dub_error error = {0};
    double start = overhead_now_ms();
    if (!tts_speak(tts, request, &result, &error)) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    double took = overhead_now_ms() - start;
    tts_result_clear(&result);
    return took;
}

static void add_clause(const char *phonemes, char end, void *user)
{
    piper_phonemes_add_clause(user, phonemes, end);
}

/* NULL: there are none, or the text has several sentences. */
static GPtrArray *one_sentence(const struct piper_voice *voice, const char *text)
{
    static const struct engine_call any_time = {0};
    struct piper_phonemes phonemes = {.voice = voice};
    struct dub_error error = {0};
    struct espeak_pool *pool = espeak_pool_new();
    struct espeak_process *process = voice->espeak_voice ? espeak_pool_take(pool, &any_time, &error) : NULL;
    if (process) {
        espeak_process_phonemes(process, voice->espeak_voice, text, &any_time, add_clause, &phonemes, &error);
        espeak_pool_give_back(pool, process);
    } else {
        piper_phonemes_add_letters(&phonemes, text);
    }
    espeak_pool_free(pool);
    GPtrArray *sentences = piper_phonemes_end(&phonemes);
    if (sentences && sentences->len == 1)
        return sentences;
    fprintf(stderr, "the text is to be one sentence %s\n", error.message);
    g_clear_pointer(&sentences, g_ptr_array_unref);
    return NULL;
}

static void measure(OrtSession *session, struct tts *tts, const struct piper_voice *voice, const GArray *ids,
                    const char *text, int times)
{
    struct tts_request request = {.text = text, .language = voice->language};
    g_autofree double *library = g_new(double, (gsize)times);
    g_autofree double *engine = g_new(double, (gsize)times);
    by_library(session, voice, ids);
    by_engine(tts, &request);
    for (int i = 0; i < times; i++) {
        library[i] = by_library(session, voice, ids);
        engine[i] = by_engine(tts, &request);
    }
    printf("%u numbers, ", ids->len);
    overhead_print("ONNX Runtime", library, engine, times);
}

static struct piper_voice *read_voice(const char *model)
{
    g_autofree char *path = g_strconcat(model, ".json", NULL);
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    struct piper_voice *voice = piper_voice_read(path, problems);
    if (!voice)
        fprintf(stderr, "%s: %s\n", path, (const char *)problems->pdata[0]);
    return voice;
}

int main(int argc, char **argv)
{
    int times = argc > 3 ? atoi(argv[3]) : 201;
    if (argc < 3 || times < 1 || times > 100000) {
        fprintf(stderr, "usage: sts-piper-overhead VOICE.onnx TEXT [TIMES]\n");
        return 2;
    }
    /* As many workers as cores: each computes with one thread. */
    struct engine_config config = {.model = argv[1], .device = "cpu", .workers = (int)g_get_num_processors()};
    struct dub_error error = {0};
    struct piper_voice *voice = read_voice(argv[1]);
    GPtrArray *sentences = voice ? one_sentence(voice, argv[2]) : NULL;
    struct tts *tts = sentences ? tts_open("piper", &config, &error) : NULL;
    if (sentences && !tts)
        fprintf(stderr, "%s\n", error.message);
    if (tts) {
        OrtEnv *env = NULL;
        OrtSession *session = open_session(&env, argv[1]);
        measure(session, tts, voice, sentences->pdata[0], argv[2], times);
        api->ReleaseSession(session);
        api->ReleaseEnv(env);
    }
    tts_close(tts);
    if (sentences)
        g_ptr_array_unref(sentences);
    piper_voice_free(voice);
    return tts ? 0 : 1;
}
