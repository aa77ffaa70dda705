/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "piper_session.h"

#include "hush.h"

#include <dubbing_log.h>
#include <math.h>
#include <onnxruntime_c_api.h>
#include <string.h>

#define FULL_SCALE 32767.0F
#define MAX_RANK 8
#define CUDA "CUDAExecutionProvider"

struct piper_session {
    OrtSession *session;
    OrtMemoryInfo *memory;
    bool takes_speaker;
    bool on_gpu;
};

struct piper_stop {
    OrtRunOptions *options;
};

/* What a model's input or output has to be. */
struct shape {
    const char *name;
    ONNXTensorElementDataType type;
    size_t rank;      /* 0: any */
    int64_t size;     /* of its one dimension; 0: any */
    const char *told; /* in words */
};
static const struct shape inputs[] = {
    {"input", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, 2, 0, "int64[1, phonemes]"},
    {"input_lengths", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, 1, 1, "int64[1]"},
    {"scales", ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, 1, 3, "float[3]"},
    {"sid", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, 1, 1, "int64[1]"},
};
enum { SPEAKER = 3, INPUTS = G_N_ELEMENTS(inputs) };
static const struct shape output = {"output", ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, 0, 0, "float"};

static const OrtApi *api;
static OrtEnv *environment; /* one per process, for its life */

/* For who looks for a reason: what matters is an error of ours. */
static void log_line(void *user, OrtLoggingLevel level, const char *category, const char *id,
                     const char *where, const char *message)
{
    dub_log_debug("onnxruntime: %s (%s)", message, where);
}

/* Takes the status. True: there was none. */
static bool is_ok(OrtStatus *status, char *why, gsize size)
{
    if (!status)
        return true;
    g_strlcpy(why, api->GetErrorMessage(status), size);
    api->ReleaseStatus(status);
    return false;
}

/* Takes the status; what failed matters to nobody. */
static bool is_fine(OrtStatus *status)
{
    char why[256];
    bool fine = is_ok(status, why, sizeof why);
    if (!fine)
        dub_log_debug("onnxruntime: %s", why);
    return fine;
}

/* The smallest model there is: y is x. */
static const char smallest[] =
    "\x08\x08\x3a\x2f\x0a\x10\x0a\x01x\x12\x01y\"\x08Identity\x12\x01gZ\x0b\x0a\x01x\x12\x06\x0a"
    "\x04\x08\x01\x12\x00"
    "b\x0b\x0a\x01y\x12\x06\x0a\x04\x08\x01\x12\x00"
    "B\x02\x10\x0d";

/* Built as Debian does, with the operators of ONNX in a library of their own, it complains of each of them on
 * stderr when it loads its first model: hundreds of lines, of which nothing follows. */
static void load_first_model(void)
{
    OrtSessionOptions *options = NULL;
    OrtSession *session = NULL;
    struct hush hush;
    if (!is_fine(api->CreateSessionOptions(&options)))
        return;
    hush_begin(&hush);
    is_fine(api->CreateSessionFromArray(environment, smallest, sizeof smallest - 1, options, &session));
    guint dropped = hush_end(&hush, "Schema error: Trying to register schema");
    if (dropped > 0)
        dub_log_debug("onnxruntime: %u lines that complain of operators known twice were dropped", dropped);
    if (session)
        api->ReleaseSession(session);
    api->ReleaseSessionOptions(options);
}

static void start_library(void)
{
    static gsize started = 0;
    if (!g_once_init_enter(&started))
        return;
    api = OrtGetApiBase()->GetApi(ORT_API_VERSION);
    if (api && is_fine(api->CreateEnvWithCustomLogger(log_line, NULL, ORT_LOGGING_LEVEL_WARNING, "piper",
                                                      &environment))) {
        is_fine(api->DisableTelemetryEvents(environment));
        load_first_model();
    }
    g_once_init_leave(&started, 1);
}

const char *piper_session_version(void)
{
    return OrtGetApiBase()->GetVersionString();
}

bool piper_session_has_cuda(void)
{
    char **names = NULL;
    int count = 0;
    bool found = false;
    start_library();
    if (!environment || !is_fine(api->GetAvailableProviders(&names, &count)))
        return false;
    for (int i = 0; i < count; i++)
        found = found || strcmp(names[i], CUDA) == 0;
    is_fine(api->ReleaseAvailableProviders(names, count));
    return found;
}

static OrtStatus *append_cuda(OrtSessionOptions *options)
{
    OrtCUDAProviderOptionsV2 *cuda = NULL;
    OrtStatus *status = api->CreateCUDAProviderOptions(&cuda);
    if (status)
        return status;
    status = api->SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda);
    api->ReleaseCUDAProviderOptions(cuda);
    return status;
}

/* The cores are shared with other runs and stages: no more threads than told, none that spins while it waits.
 * Lengths change with every sentence, so buffers are not kept for them. */
static OrtStatus *configure(OrtSessionOptions *options, int threads)
{
    OrtStatus *status = api->SetIntraOpNumThreads(options, threads);
    if (!status)
        status = api->SetInterOpNumThreads(options, 1);
    if (!status)
        status = api->AddSessionConfigEntry(options, "session.intra_op.allow_spinning", "0");
    if (!status)
        status = api->DisableMemPattern(options);
    if (!status)
        status = api->DisableCpuMemArena(options);
    return status;
}

/* Without CUDA in the library this is an engine of the processor, which is fast enough for speech; a GPU that
 * does not work is told to whoever asked for one. */
static bool choose_gpu(struct piper_session *session, OrtSessionOptions *options, const char *device,
                       struct dub_error *error)
{
    char why[256];
    if (g_strcmp0(device, "cpu") == 0 || !piper_session_has_cuda())
        return true;
    session->on_gpu = is_ok(append_cuda(options), why, sizeof why);
    if (session->on_gpu)
        return true;
    if (g_strcmp0(device, "cuda") == 0)
        return dub_error_set_stage(
            error, DUB_ERROR_INVALID_CONFIG, DUB_STAGE_TTS,
            "STS_DEVICE is \"cuda\": ONNX Runtime cannot use the GPU (%s): install what "
            "it misses, or set auto or cpu",
            why);
    dub_log_info("piper runs on the processor: ONNX Runtime cannot use the GPU: %s", why);
    return true;
}

static bool open_session(struct piper_session *session, const char *path,
                         const struct piper_session_terms *terms, struct dub_error *error)
{
    char why[256] = "no memory, or another version";
    OrtSessionOptions *options = NULL;
    bool done = environment && is_ok(api->CreateSessionOptions(&options), why, sizeof why) &&
                is_ok(configure(options, terms->threads), why, sizeof why);
    if (done && !choose_gpu(session, options, terms->device, error)) {
        api->ReleaseSessionOptions(options);
        return false;
    }
    done = done &&
           is_ok(api->CreateSession(environment, path, options, &session->session), why, sizeof why) &&
           is_ok(api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &session->memory), why,
                 sizeof why);
    if (options)
        api->ReleaseSessionOptions(options);
    if (done)
        return true;
    return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_TTS,
                               "%s cannot be loaded by ONNX Runtime %s (%s): fetch the voice again, or set "
                               "STS_TTS_MODEL to another",
                               path, piper_session_version(), why);
}

static bool has_shape(const OrtTensorTypeAndShapeInfo *info, const struct shape *shape)
{
    ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    int64_t sizes[MAX_RANK] = {0};
    size_t rank = 0;
    if (!is_fine(api->GetTensorElementType(info, &type)) || !is_fine(api->GetDimensionsCount(info, &rank)) ||
        type != shape->type || (shape->rank > 0 && rank != shape->rank) || rank > MAX_RANK ||
        !is_fine(api->GetDimensions(info, sizes, rank)))
        return false;
    /* -1 is whatever it is given. */
    return shape->rank != 1 || sizes[0] == -1 || shape->size == 0 || sizes[0] == shape->size;
}

/* Takes the type. */
static bool is_of(OrtTypeInfo *type, const struct shape *shape)
{
    const OrtTensorTypeAndShapeInfo *info = NULL;
    bool right = is_fine(api->CastTypeInfoToTensorInfo(type, &info)) && info && has_shape(info, shape);
    api->ReleaseTypeInfo(type);
    return right;
}

static bool set_no_voice(const char *path, const char *what, const char *name, const char *how,
                         struct dub_error *error)
{
    return dub_error_set_stage(
        error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_TTS,
        "%s is no voice of Piper that is known here: its %s \"%s\" %s: set STS_TTS_MODEL to "
        "another",
        path, what, name, how);
}

/* The place of an input in the table above; INPUTS: it is not there. */
static size_t place_of(const char *name)
{
    size_t at = 0;
    while (at < INPUTS && strcmp(inputs[at].name, name) != 0)
        at++;
    return at;
}

/* Which of the inputs it is, in *at. */
static bool check_input(const struct piper_session *session, const char *path, size_t index, size_t *at,
                        struct dub_error *error)
{
    OrtAllocator *allocator = NULL;
    OrtTypeInfo *type = NULL;
    char *name = NULL;
    if (!is_fine(api->GetAllocatorWithDefaultOptions(&allocator)) ||
        !is_fine(api->SessionGetInputName(session->session, index, allocator, &name)))
        return set_no_voice(path, "input", "?", "cannot be read", error);
    *at = place_of(name);
    bool right = *at < INPUTS && is_fine(api->SessionGetInputTypeInfo(session->session, index, &type)) &&
                 is_of(type, &inputs[*at]);
    if (!right) {
        g_autofree char *how =
            *at < INPUTS ? g_strdup_printf("is not %s", inputs[*at].told) : g_strdup("is not one of Piper's");
        set_no_voice(path, "input", name, how, error);
    }
    is_fine(api->AllocatorFree(allocator, name));
    return right;
}

static bool check_inputs(struct piper_session *session, const char *path, bool speakers,
                         struct dub_error *error)
{
    bool there[INPUTS + 1] = {false};
    size_t count = 0;
    is_fine(api->SessionGetInputCount(session->session, &count));
    for (size_t i = 0; i < count; i++) {
        size_t at = INPUTS;
        if (!check_input(session, path, i, &at, error))
            return false;
        there[at] = true;
    }
    for (size_t i = 0; i < INPUTS; i++)
        if (!there[i] && (i != SPEAKER || speakers))
            return set_no_voice(path, "input", inputs[i].name, "is missing", error);
    session->takes_speaker = there[SPEAKER];
    return true;
}

static bool check_output(const struct piper_session *session, const char *path, struct dub_error *error)
{
    OrtAllocator *allocator = NULL;
    OrtTypeInfo *type = NULL;
    size_t count = 0;
    bool found = false;
    if (!is_fine(api->GetAllocatorWithDefaultOptions(&allocator)))
        return set_no_voice(path, "output", output.name, "cannot be read", error);
    is_fine(api->SessionGetOutputCount(session->session, &count));
    for (size_t i = 0; i < count && !found; i++) {
        char *name = NULL;
        if (!is_fine(api->SessionGetOutputName(session->session, i, allocator, &name)))
            continue;
        found = strcmp(name, output.name) == 0;
        is_fine(api->AllocatorFree(allocator, name));
        if (found &&
            !(is_fine(api->SessionGetOutputTypeInfo(session->session, i, &type)) && is_of(type, &output)))
            return set_no_voice(path, "output", output.name, "is not float", error);
    }
    return found || set_no_voice(path, "output", output.name, "is missing", error);
}

struct piper_session *piper_session_load(const char *path, const struct piper_session_terms *terms,
                                         struct dub_error *error)
{
    start_library();
    struct piper_session *session = g_new0(struct piper_session, 1);
    if (open_session(session, path, terms, error) && check_inputs(session, path, terms->speakers, error) &&
        check_output(session, path, error))
        return session;
    piper_session_free(session);
    return NULL;
}

void piper_session_free(struct piper_session *session)
{
    if (!session)
        return;
    if (session->session)
        api->ReleaseSession(session->session);
    if (session->memory)
        api->ReleaseMemoryInfo(session->memory);
    g_free(session);
}

bool piper_session_on_gpu(const struct piper_session *session)
{
    return session->on_gpu;
}

struct piper_stop *piper_stop_new(void)
{
    struct piper_stop *stop = g_new0(struct piper_stop, 1);
    start_library();
    if (api)
        is_fine(api->CreateRunOptions(&stop->options));
    return stop;
}

void piper_stop_now(struct piper_stop *stop)
{
    if (stop->options)
        is_fine(api->RunOptionsSetTerminate(stop->options));
}

void piper_stop_free(struct piper_stop *stop)
{
    if (!stop)
        return;
    if (stop->options)
        api->ReleaseRunOptions(stop->options);
    g_free(stop);
}

static OrtStatus *make_tensor(const struct piper_session *session, void *data, size_t bytes,
                              const int64_t *sizes, const struct shape *shape, OrtValue **tensor)
{
    return api->CreateTensorWithDataAsOrtValue(session->memory, data, bytes, sizes, shape->rank, shape->type,
                                               tensor);
}

/* What the tensors stand on; it outlives them. */
struct feed {
    int64_t length, speaker;
    float scales[3];
    int64_t sizes[INPUTS][2];
    OrtValue *tensors[INPUTS];
};

static OrtStatus *fill(const struct piper_session *session, const struct piper_input *input,
                       struct feed *feed)
{
    guint count = input->ids->len;
    *feed = (struct feed){
        .length = count,
        .speaker = input->speaker,
        .scales = {input->noise_scale, input->length_scale, input->noise_width},
        .sizes = {{1, count}, {1, 0}, {3, 0}, {1, 0}},
    };
    struct {
        void *data;
        size_t bytes;
    } parts[INPUTS] = {{input->ids->data, count * sizeof(int64_t)},
                       {&feed->length, sizeof feed->length},
                       {feed->scales, sizeof feed->scales},
                       {&feed->speaker, sizeof feed->speaker}};
    OrtStatus *status = NULL;
    size_t inputs_used = session->takes_speaker ? INPUTS : SPEAKER;
    for (size_t i = 0; i < inputs_used && !status; i++)
        status = make_tensor(session, parts[i].data, parts[i].bytes, feed->sizes[i], &inputs[i],
                             &feed->tensors[i]);
    return status;
}

static OrtStatus *compute(const struct piper_session *session, const struct feed *feed,
                          const struct piper_stop *stop, OrtValue **sound)
{
    const char *names[INPUTS];
    const char *const outputs[] = {output.name};
    size_t inputs_used = session->takes_speaker ? INPUTS : SPEAKER;
    for (size_t i = 0; i < INPUTS; i++)
        names[i] = inputs[i].name;
    return api->Run(session->session, stop->options, names, (const OrtValue *const *)feed->tensors,
                    inputs_used, outputs, 1, sound);
}

/* One row of samples, whatever the number of dimensions around it; 0: it is none. */
static size_t row_of(const OrtValue *sound)
{
    OrtTensorTypeAndShapeInfo *info = NULL;
    int64_t sizes[MAX_RANK] = {0};
    size_t rank = 0;
    size_t count = 0;
    if (!is_fine(api->GetTensorTypeAndShape(sound, &info)))
        return 0;
    bool right = is_fine(api->GetDimensionsCount(info, &rank)) && rank > 0 && rank <= MAX_RANK &&
                 is_fine(api->GetDimensions(info, sizes, rank)) &&
                 is_fine(api->GetTensorShapeElementCount(info, &count)) && (size_t)sizes[rank - 1] == count;
    api->ReleaseTensorTypeAndShapeInfo(info);
    return right ? count : 0;
}

static bool append_samples(GArray *samples, const float *sound, size_t count)
{
    guint before = samples->len;
    g_array_set_size(samples, before + (guint)count);
    int16_t *to = &g_array_index(samples, int16_t, before);
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(sound[i]))
            return false;
        to[i] = (int16_t)lrintf(CLAMP(sound[i], -1.0F, 1.0F) * FULL_SCALE);
    }
    return true;
}

static bool take_sound(OrtValue *sound, GArray *samples, gsize max_samples, struct dub_error *error)
{
    void *data = NULL;
    size_t count = row_of(sound);
    if (count == 0 || !is_fine(api->GetTensorMutableData(sound, &data)))
        return dub_error_set_stage(error, DUB_ERROR_MODEL_ERROR, DUB_STAGE_TTS,
                                   "the voice's model gave no sound");
    if (samples->len >= max_samples || count > max_samples - samples->len)
        return dub_error_set_stage(error, DUB_ERROR_TTS_SYNTHESIS_FAILED, DUB_STAGE_TTS,
                                   "the text takes longer to speak than a clip may");
    if (append_samples(samples, data, count))
        return true;
    return dub_error_set_stage(error, DUB_ERROR_MODEL_ERROR, DUB_STAGE_TTS,
                               "the voice's model gave samples that are no numbers");
}

bool piper_session_run(const struct piper_session *session, const struct piper_input *input,
                       struct piper_stop *stop, GArray *samples, gsize max_samples, struct dub_error *error)
{
    struct feed feed;
    OrtValue *sound = NULL;
    char why[256];
    OrtStatus *status = fill(session, input, &feed);
    if (!status)
        status = compute(session, &feed, stop, &sound);
    bool done = is_ok(status, why, sizeof why);
    if (done)
        done = take_sound(sound, samples, max_samples, error);
    else
        dub_error_set_stage(error, DUB_ERROR_MODEL_ERROR, DUB_STAGE_TTS, "ONNX Runtime failed: %s", why);
    if (sound)
        api->ReleaseValue(sound);
    for (size_t i = 0; i < INPUTS; i++)
        if (feed.tensors[i])
            api->ReleaseValue(feed.tensors[i]);
    return done;
}
