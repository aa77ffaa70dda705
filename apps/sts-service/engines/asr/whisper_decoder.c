/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "whisper_decoder.h"

#include "../ggml_library.h"
#include "../model_file.h"
#include "whisper_file.h"
#include "whisper_words.h"

#include <math.h>
#include <string.h>
#include <whisper.h>

#define LIBRARY "whisper.cpp"
/* What whisper.cpp looks at in one go; longer clips are several windows. */
#define WINDOW_MS 30000
/* Of the text: more is a loop. Fast speech is 25 letters a second, a token two or three of them. */
#define TOKENS_PER_S 12
#define TOKENS_SLACK 16
/* "No" is an answer. */
#define LEAST_VOICE_MS 100
#define MS_PER_TICK 10 /* the library's times */

struct whisper_model {
    struct whisper_context *context;
    struct whisper_full_params terms;
    char *voice_path; /* NULL: none */
    int threads;
    bool multilingual;
    bool on_gpu;
    char *gpu; /* NULL: none */
};

struct whisper_decoder {
    const struct whisper_model *model;
    struct whisper_state *state;
    struct whisper_vad_context *voice; /* NULL: none */
};

static void log_line(enum ggml_log_level level, const char *text, void *user)
{
    ggml_library_log((int)level, text, user);
}

static void start_library(void)
{
    static gsize started = 0;
    ggml_library_start();
    if (!g_once_init_enter(&started))
        return;
    whisper_log_set(log_line, (void *)LIBRARY);
    g_once_init_leave(&started, 1);
}

static bool check_file(const char *path, model_file_check *fault_of, struct dub_error *error)
{
    return model_file_is_whole(path, fault_of, DUB_STAGE_ASR, LIBRARY, error);
}

static struct whisper_context *load(const char *path, const struct whisper_model *model)
{
    struct whisper_context_params params = whisper_context_default_params();
    params.use_gpu = model->gpu != NULL;
    return whisper_init_from_file_with_params_no_state(path, params);
}

/* Greedy, once: a live fragment has no time for attempts at other temperatures, and what is not good is not
 * spoken (text/guard.h). */
static struct whisper_full_params terms_of(const struct whisper_model *model)
{
    struct whisper_full_params terms = whisper_full_default_params(WHISPER_SAMPLING_GREEDY);
    terms.n_threads = model->threads;
    terms.no_context = true; /* of the state, which serves all sessions: each brings its own */
    terms.token_timestamps = true;
    terms.suppress_nst = true;
    terms.temperature_inc = 0.0F;
    terms.print_progress = false;
    terms.print_realtime = false;
    terms.print_timestamps = false;
    return terms;
}

struct whisper_model *whisper_model_load(const char *path, const char *voice_path, const char *device,
                                         int threads, struct dub_error *error)
{
    start_library();
    if (!check_file(path, whisper_file_fault, error) ||
        (voice_path && !check_file(voice_path, whisper_voice_file_fault, error)))
        return NULL;
    struct whisper_model *model = g_new0(struct whisper_model, 1);
    model->threads = threads;
    model->voice_path = g_strdup(voice_path);
    if (ggml_library_choose(device, DUB_STAGE_ASR, "whisper", &model->gpu, error)) {
        model->context = load(path, model);
        if (!model->context)
            model_file_refused(path, DUB_STAGE_ASR, LIBRARY, whisper_version(), error);
    }
    if (!model->context) {
        whisper_model_free(model);
        return NULL;
    }
    model->multilingual = whisper_is_multilingual(model->context) != 0;
    model->terms = terms_of(model);
    return model;
}

void whisper_model_free(struct whisper_model *model)
{
    if (!model)
        return;
    if (model->context)
        whisper_free(model->context);
    g_free(model->voice_path);
    g_free(model->gpu);
    g_free(model);
}

bool whisper_model_supports(const struct whisper_model *model, const char *language)
{
    if (!model->multilingual)
        return strcmp(language, "en") == 0;
    return strcmp(language, ENGINE_LANGUAGE_UNKNOWN) == 0 || whisper_lang_id(language) >= 0;
}

GStrv whisper_model_languages(const struct whisper_model *model)
{
    g_autoptr(GStrvBuilder) languages = g_strv_builder_new();
    int last = model->multilingual ? whisper_lang_max_id() : 0;
    for (int id = 0; id <= last; id++)
        g_strv_builder_add(languages, whisper_lang_str(id));
    return g_strv_builder_end(languages);
}

const char *whisper_model_gpu(const struct whisper_model *model)
{
    return model->gpu;
}

static bool open_voice(struct whisper_decoder *decoder, struct dub_error *error)
{
    const struct whisper_model *model = decoder->model;
    if (!model->voice_path)
        return true;
    struct whisper_vad_context_params params = whisper_vad_default_context_params();
    params.n_threads = model->threads;
    params.use_gpu = false; /* a tiny model: the way there costs more */
    decoder->voice = whisper_vad_init_from_file_with_params(model->voice_path, params);
    if (decoder->voice)
        return true;
    return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_ASR,
                               "%s cannot be loaded by whisper.cpp %s: fetch the model again, or remove it",
                               model->voice_path, whisper_version());
}

struct whisper_decoder *whisper_decoder_new(const struct whisper_model *model, struct dub_error *error)
{
    struct whisper_decoder *decoder = g_new0(struct whisper_decoder, 1);
    decoder->model = model;
    decoder->state = whisper_init_state(model->context);
    if (!decoder->state)
        dub_error_set_stage(
            error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_ASR,
            "whisper.cpp has no memory for another decoder: set STS_ASR_WORKERS lower, or STS_ASR_MODEL "
            "to a smaller model");
    if (decoder->state && open_voice(decoder, error))
        return decoder;
    whisper_decoder_free(decoder);
    return NULL;
}

void whisper_decoder_free(struct whisper_decoder *decoder)
{
    if (!decoder)
        return;
    if (decoder->voice)
        whisper_vad_free(decoder->voice);
    if (decoder->state)
        whisper_free_state(decoder->state);
    g_free(decoder);
}

static bool is_abandoned(const struct whisper_task *task)
{
    return g_atomic_int_get(task->abandoned) != 0;
}

static bool should_abort(void *user)
{
    return is_abandoned(user);
}

/* A run of the library over the windows of a clip. */
struct run {
    const struct whisper_task *task;
    int windows_left; /* a model in a loop goes on by next to nothing each time */
};

static bool may_begin(struct whisper_context *context, struct whisper_state *state, void *user)
{
    struct run *run = user;
    return !is_abandoned(run->task) && run->windows_left-- > 0;
}

static float *floats_of(const struct pcm *audio)
{
    float *samples = g_new(float, audio->count);
    for (size_t i = 0; i < audio->count; i++)
        samples[i] = (float)audio->samples[i] / 32768.0F;
    return samples;
}

/* By the voice model. False: nobody speaks in it. */
static bool has_voice(struct whisper_decoder *decoder, const float *samples, size_t count)
{
    if (!decoder->voice)
        return true;
    struct whisper_vad_params params = whisper_vad_default_params();
    params.min_speech_duration_ms = LEAST_VOICE_MS;
    struct whisper_vad_segments *found =
        whisper_vad_segments_from_samples(decoder->voice, params, samples, (int)count);
    /* When it fails, the model itself still listens. */
    bool voice = !found || whisper_vad_segments_n_segments(found) > 0;
    if (found)
        whisper_vad_free_segments(found);
    return voice;
}

/* The probability of "nobody speaks" at the start of a transcript, where the model was trained to say it. The
 * library's own figure is read at the last token of the prompt, which is another one as soon as there is a
 * language or a context. What the encoder has made of the sound is still there. */
static double no_speech(struct whisper_decoder *decoder)
{
    struct whisper_context *context = decoder->model->context;
    whisper_token start = whisper_token_sot(context);
    whisper_token nobody = whisper_token_nosp(context);
    if (whisper_decode_with_state(context, decoder->state, &start, 1, 0, decoder->model->threads) != 0)
        return 0.0;
    const float *logits = whisper_get_logits_from_state(decoder->state);
    double most = logits[0];
    double sum = 0.0;
    int count = whisper_n_vocab(context);
    for (int i = 1; i < count; i++)
        most = MAX(most, (double)logits[i]);
    for (int i = 0; i < count; i++)
        sum += exp((double)logits[i] - most);
    return exp((double)logits[nobody] - most) / sum;
}

static void read_words(struct whisper_decoder *decoder, int64_t clip_ms, struct asr_transcript *transcript)
{
    struct whisper_context *context = decoder->model->context;
    struct whisper_words words = {.transcript = transcript};
    whisper_token end = whisper_token_eot(context);
    const char *language = whisper_lang_str(whisper_full_lang_id_from_state(decoder->state));
    g_strlcpy(transcript->language, language ? language : "", sizeof transcript->language);
    int segments = whisper_full_n_segments_from_state(decoder->state);
    for (int s = 0; s < segments; s++) {
        int tokens = whisper_full_n_tokens_from_state(decoder->state, s);
        for (int t = 0; t < tokens; t++) {
            whisper_token_data token = whisper_full_get_token_data_from_state(decoder->state, s, t);
            if (token.id < end)
                whisper_words_add(&words, whisper_token_to_str(context, token.id), token.t0 * MS_PER_TICK,
                                  token.t1 * MS_PER_TICK, (double)token.p);
        }
    }
    whisper_words_end(&words, clip_ms);
}

static void become_silence(struct asr_transcript *transcript)
{
    asr_transcript_clear(transcript);
    transcript->no_speech = true;
    transcript->confidence = 1.0;
}

static bool transcribe(struct whisper_decoder *decoder, const struct whisper_task *task, const float *samples,
                       struct dub_error *error)
{
    struct whisper_full_params terms = decoder->model->terms;
    int windows = 1 + (int)(pcm_duration_ms(task->audio) / WINDOW_MS);
    struct run run = {.task = task, .windows_left = 3 * windows};
    terms.single_segment = windows == 1;
    terms.language = strcmp(task->language, ENGINE_LANGUAGE_UNKNOWN) == 0 ? "auto" : task->language;
    terms.initial_prompt = task->prompt;
    terms.max_tokens = TOKENS_SLACK + (int)(pcm_duration_ms(task->audio) * TOKENS_PER_S / 1000);
    terms.abort_callback = should_abort;
    terms.abort_callback_user_data = (void *)task;
    terms.encoder_begin_callback = may_begin;
    terms.encoder_begin_callback_user_data = &run;
    int result = whisper_full_with_state(decoder->model->context, decoder->state, terms, samples,
                                         (int)task->audio->count);
    if (is_abandoned(task))
        return dub_error_set_stage(error, DUB_ERROR_CANCELLED, DUB_STAGE_ASR, "nobody waits for it any more");
    if (result != 0)
        return dub_error_set_stage(error, DUB_ERROR_MODEL_ERROR, DUB_STAGE_ASR, "whisper.cpp failed (%d)",
                                   result);
    return true;
}

bool whisper_decoder_run(struct whisper_decoder *decoder, const struct whisper_task *task,
                         struct asr_transcript *transcript, struct dub_error *error)
{
    g_autofree float *samples = floats_of(task->audio);
    int64_t clip_ms = pcm_duration_ms(task->audio);
    if (!has_voice(decoder, samples, task->audio->count)) {
        become_silence(transcript);
        return true;
    }
    if (!transcribe(decoder, task, samples, error))
        return false;
    read_words(decoder, clip_ms, transcript);
    bool one_window = clip_ms <= WINDOW_MS;
    if (!transcript->text || (one_window && !whisper_was_spoken(no_speech(decoder), transcript->confidence)))
        become_silence(transcript);
    return true;
}
