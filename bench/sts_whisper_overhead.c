/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the whisper engine costs over whisper.cpp itself: the same clip by the library alone and through the
 * engine, in turn, so that both see the same load. Medians of wall time. sts-whisper-overhead MODEL CLIP.wav
 * [TIMES] The clip is speech from end to end: the engine cuts silence away, which the library would have to
 * listen to. */
#include "audio/resample.h"
#include "audio/wav.h"
#include "engines/asr/asr.h"
#include "sts_overhead.h"

#include <stdio.h>
#include <stdlib.h>
#include <whisper.h>

#define RATE_HZ 16000

static void be_quiet(enum ggml_log_level level, const char *text, void *user)
{
}

static double by_library(struct whisper_context *context, struct whisper_state *state, const float *samples,
                         int count)
{
    struct whisper_full_params params = whisper_full_default_params(WHISPER_SAMPLING_GREEDY);
    params.n_threads = 1;
    params.no_context = true;
    params.token_timestamps = true;
    params.single_segment = true;
    params.temperature_inc = 0.0F;
    params.print_progress = false;
    double start = overhead_now_ms();
    if (whisper_full_with_state(context, state, params, samples, count) != 0)
        exit(1);
    return overhead_now_ms() - start;
}

static double by_engine(struct asr *asr, const struct pcm *clip)
{
    struct asr_request request = {.audio = clip, .language = "en"};
    struct asr_transcript transcript = {0};
    struct dub_error error = {0};
    double start = overhead_now_ms();
    if (!asr_transcribe(asr, &request, &transcript, &error)) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    double took = overhead_now_ms() - start;
    asr_transcript_clear(&transcript);
    return took;
}

static struct asr *open_engine(const char *model)
{
    /* As many workers as cores: each computes with one thread. */
    struct engine_config config = {.model = model, .device = "cpu", .workers = (int)g_get_num_processors()};
    struct dub_error error = {0};
    struct asr *asr = asr_open("whisper", &config, &error);
    if (!asr)
        fprintf(stderr, "%s\n", error.message);
    return asr;
}

static void measure(struct whisper_context *context, struct asr *asr, const struct pcm *clip, int times)
{
    struct whisper_state *state = whisper_init_state(context);
    g_autofree float *samples = g_new(float, clip->count);
    g_autofree double *library = g_new(double, (gsize)times);
    g_autofree double *engine = g_new(double, (gsize)times);
    for (size_t i = 0; i < clip->count; i++)
        samples[i] = (float)clip->samples[i] / 32768.0F;
    for (int i = 0; i < times; i++) {
        library[i] = by_library(context, state, samples, (int)clip->count);
        engine[i] = by_engine(asr, clip);
    }
    overhead_print("whisper.cpp", library, engine, times);
    whisper_free_state(state);
}

int main(int argc, char **argv)
{
    pcm_auto wav = {0};
    pcm_auto clip = {0};
    struct dub_error error = {0};
    int times = argc > 3 ? atoi(argv[3]) : 31;
    if (argc < 3 || times < 1 || times > 10000) {
        fprintf(stderr, "usage: sts-whisper-overhead MODEL CLIP.wav [TIMES]\n");
        return 2;
    }
    struct asr *asr = open_engine(argv[1]);
    if (!asr)
        return 1;
    if (!wav_read_file(argv[2], &wav, &error) || !pcm_resample(&wav, RATE_HZ, &clip, &error)) {
        fprintf(stderr, "%s\n", error.message);
        asr_close(asr);
        return 1;
    }
    whisper_log_set(be_quiet, NULL);
    struct whisper_context_params params = whisper_context_default_params();
    params.use_gpu = false;
    struct whisper_context *context = whisper_init_from_file_with_params_no_state(argv[1], params);
    if (context)
        measure(context, asr, &clip, times);
    whisper_free(context);
    asr_close(asr);
    return context ? 0 : 1;
}
