/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "llama_decoder.h"

#include "../ggml_library.h"
#include "../model_file.h"
#include "llama_file.h"

#include <llama.h>
#include <math.h>
#include <string.h>

#define LIBRARY "llama.cpp"
/* Rules, a piece of text and its translation: what a decoder keeps in memory for (KV cache). */
#define CONTEXT_TOKENS 1536
/* More than finds room anywhere. */
#define MOST_TOKENS 65536
/* With an encoder for the answer alone. */
#define ANSWER_TOKENS 512
/* What is computed in one go; for an encoder the most it takes. */
#define BATCH_TOKENS 512
/* Of an answer. Languages that a vocabulary was not made for take three times as many tokens. */
#define LEAST_TOKENS 32
#define TOKENS_PER_TOKEN 3
#define PIECE_BYTES 256
#define MARKS_HAVE "<[|"

struct llama_weights {
    struct llama_model *model;
    const struct llama_vocab *vocabulary;
    int threads;
    char *gpu; /* NULL: none */
    struct llama_facts facts;
    char *name, *architecture;
    GPtrArray *marks; /* texts of tokens that mean something to the model, and nothing to who speaks */
};

struct llama_decoder {
    const struct llama_weights *weights;
    struct llama_context *context;
    const int *abandoned; /* of the task at hand */
    GArray *kept;         /* llama_token: what the context has computed and still knows */
};

static bool is_abandoned(const int *abandoned)
{
    return abandoned && g_atomic_int_get(abandoned) != 0;
}

static bool should_abort(void *user)
{
    const struct llama_decoder *decoder = user;
    return is_abandoned(decoder->abandoned);
}

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
    llama_log_set(log_line, (void *)LIBRARY);
    llama_backend_init();
    g_once_init_leave(&started, 1);
}

static struct llama_model *load(const char *path, bool on_gpu)
{
    static ggml_backend_dev_t no_devices[] = {NULL};
    struct llama_model_params params = llama_model_default_params();
    params.n_gpu_layers = on_gpu ? -1 : 0;
    if (!on_gpu)
        params.devices = no_devices;
    return llama_model_load_from_file(path, params);
}

/* NULL: there is none. */
static char *meta(const struct llama_model *model, const char *key)
{
    int32_t length = llama_model_meta_val_str(model, key, NULL, 0);
    if (length < 0)
        return NULL;
    char *value = g_malloc((gsize)length + 1);
    llama_model_meta_val_str(model, key, value, (size_t)length + 1);
    return value;
}

/* A token that stands for more than its letters, and has more than one: "<|im_end|>", "</s>", "[INST]". */
static bool is_mark(enum llama_token_attr attr, const char *text)
{
    bool special =
        (attr & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_USER_DEFINED | LLAMA_TOKEN_ATTR_UNKNOWN)) != 0;
    return special && strlen(text) > 2 && strpbrk(text, MARKS_HAVE) && !strpbrk(text, " \n\t");
}

static void read_vocabulary(struct llama_weights *weights)
{
    int32_t count = llama_vocab_n_tokens(weights->vocabulary);
    for (llama_token token = 0; token < count; token++) {
        const char *text = llama_vocab_get_text(weights->vocabulary, token);
        char *tag = text ? llama_tag_language(text) : NULL;
        if (text &&
            (g_str_has_prefix(text, "<2") || is_mark(llama_vocab_get_attr(weights->vocabulary, token), text)))
            g_ptr_array_add(weights->marks, g_strdup(text));
        if (tag)
            g_hash_table_add(weights->facts.tags, tag);
    }
}

static void read_facts(struct llama_weights *weights, const char *path)
{
    g_autofree char *general = meta(weights->model, "general.name");
    g_autofree char *base = meta(weights->model, "general.basename");
    g_autofree char *file = g_path_get_basename(path);
    weights->name = g_strjoin(" ", file, general ? general : "", base ? base : "", NULL);
    weights->architecture = meta(weights->model, "general.architecture");
    weights->facts.name = weights->name;
    weights->facts.architecture = weights->architecture;
    weights->facts.template = llama_model_chat_template(weights->model, NULL);
    weights->facts.encodes = llama_model_has_encoder(weights->model);
    weights->facts.tags = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    weights->marks = g_ptr_array_new_with_free_func(g_free);
    read_vocabulary(weights);
}

struct llama_weights *llama_weights_load(const char *path, const char *device, int threads,
                                         struct dub_error *error)
{
    start_library();
    if (!model_file_is_whole(path, llama_file_fault, DUB_STAGE_TRANSLATION, LIBRARY, error))
        return NULL;
    struct llama_weights *weights = g_new0(struct llama_weights, 1);
    weights->threads = threads;
    if (ggml_library_choose(device, DUB_STAGE_TRANSLATION, "llama", &weights->gpu, error)) {
        weights->model = load(path, weights->gpu != NULL);
        if (!weights->model)
            model_file_refused(path, DUB_STAGE_TRANSLATION, LIBRARY, llama_version(), error);
    }
    if (!weights->model) {
        llama_weights_free(weights);
        return NULL;
    }
    weights->vocabulary = llama_model_get_vocab(weights->model);
    read_facts(weights, path);
    return weights;
}

void llama_weights_free(struct llama_weights *weights)
{
    if (!weights)
        return;
    if (weights->model)
        llama_model_free(weights->model);
    g_clear_pointer(&weights->facts.tags, g_hash_table_unref);
    g_clear_pointer(&weights->marks, g_ptr_array_unref);
    g_free(weights->architecture);
    g_free(weights->name);
    g_free(weights->gpu);
    g_free(weights);
}

const struct llama_facts *llama_weights_facts(const struct llama_weights *weights)
{
    return &weights->facts;
}

const char *llama_weights_gpu(const struct llama_weights *weights)
{
    return weights->gpu;
}

bool llama_weights_can_chat(const char *chat)
{
    struct llama_chat_message turn = {"user", "text"};
    char written[256];
    return llama_chat_apply_template(chat, &turn, 1, true, written, sizeof written) > 0;
}

struct llama_decoder *llama_decoder_new(const struct llama_weights *weights, struct dub_error *error)
{
    struct llama_decoder *decoder = g_new0(struct llama_decoder, 1);
    struct llama_context_params params = llama_context_default_params();
    params.n_ctx = weights->facts.encodes ? ANSWER_TOKENS : CONTEXT_TOKENS;
    params.n_batch = BATCH_TOKENS;
    params.n_ubatch = BATCH_TOKENS;
    params.n_seq_max = 1;
    /* Of a text only what follows it is asked for: room for all would be half a gigabyte with a large
     * vocabulary. An encoder's numbers are all of use. */
    if (!weights->facts.encodes)
        params.n_outputs_max = 1;
    params.n_threads = weights->threads;
    params.n_threads_batch = weights->threads;
    params.offload_kqv = weights->gpu != NULL;
    params.op_offload = weights->gpu != NULL;
    params.abort_callback = should_abort;
    params.abort_callback_data = decoder;
    decoder->weights = weights;
    decoder->kept = g_array_new(FALSE, FALSE, sizeof(llama_token));
    decoder->context = llama_init_from_model(weights->model, params);
    if (decoder->context)
        return decoder;
    dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_TRANSLATION,
                        LIBRARY " has no memory for another decoder: set STS_TRANSLATION_WORKERS lower, or "
                                "STS_TRANSLATION_MODEL to a smaller model");
    llama_decoder_free(decoder);
    return NULL;
}

void llama_decoder_free(struct llama_decoder *decoder)
{
    if (!decoder)
        return;
    if (decoder->context)
        llama_free(decoder->context);
    g_array_unref(decoder->kept);
    g_free(decoder);
}

char *llama_weights_plain(const struct llama_weights *weights, const char *text)
{
    GString *plain = g_string_new(text);
    for (guint i = 0; strpbrk(text, MARKS_HAVE) && i < weights->marks->len; i++) {
        const char *mark = weights->marks->pdata[i];
        g_autofree char *opened = g_strdup_printf("%c %s", mark[0], mark + 1);
        if (strstr(plain->str, mark))
            g_string_replace(plain, mark, opened, 0);
    }
    return g_string_free(plain, FALSE);
}

/* Into the array, whose size is room enough or not: how many there are, or less than 0: minus so many. */
static int32_t tokenize(const struct llama_weights *weights, const char *text, GArray *tokens)
{
    return llama_tokenize(weights->vocabulary, text, (int32_t)strlen(text),
                          (llama_token *)(void *)tokens->data, (int32_t)tokens->len, true, true);
}

/* llama_token, owned by the caller. As a rule a token is a byte at least. */
static GArray *tokens_of(const struct llama_weights *weights, const char *text)
{
    GArray *tokens = g_array_new(FALSE, FALSE, sizeof(llama_token));
    g_array_set_size(tokens, (guint)strlen(text) + 8);
    int32_t count = tokenize(weights, text, tokens);
    if (count < 0 && count >= -MOST_TOKENS) {
        g_array_set_size(tokens, (guint)-count);
        count = tokenize(weights, text, tokens);
    }
    g_array_set_size(tokens, (guint)MAX(count, 0));
    return tokens;
}

/* The whole of what the model is given, owned by the caller; NULL: it cannot be written so. */
static char *written(const struct llama_task *task)
{
    struct llama_chat_message turns[2];
    size_t count = 0;
    if (!task->chat)
        return task->system ? g_strconcat(task->system, "\n\n", task->user, NULL) : g_strdup(task->user);
    if (task->system)
        turns[count++] = (struct llama_chat_message){"system", task->system};
    turns[count++] = (struct llama_chat_message){"user", task->user};
    int32_t length = llama_chat_apply_template(task->chat, turns, count, true, NULL, 0);
    if (length <= 0)
        return NULL;
    g_autofree char *whole = g_malloc((gsize)length + 1);
    llama_chat_apply_template(task->chat, turns, count, true, whole, length + 1);
    whole[length] = '\0';
    return g_strconcat(whole, task->preface ? task->preface : "", NULL);
}

static bool failed(const struct llama_decoder *decoder, int32_t result, struct dub_error *error)
{
    if (is_abandoned(decoder->abandoned))
        return dub_error_set_stage(error, DUB_ERROR_CANCELLED, DUB_STAGE_TRANSLATION,
                                   "nobody waits for it any more");
    return dub_error_set_stage(error, DUB_ERROR_MODEL_ERROR, DUB_STAGE_TRANSLATION, LIBRARY " failed (%d)",
                               result);
}

static void forget(struct llama_decoder *decoder)
{
    llama_memory_clear(llama_get_memory(decoder->context), false);
    g_array_set_size(decoder->kept, 0);
}

/* Puts the tokens behind what the context knows, and computes what follows them. */
static bool go_on_with(struct llama_decoder *decoder, llama_token *tokens, guint count,
                       struct dub_error *error)
{
    for (guint at = 0; at < count; at += BATCH_TOKENS) {
        guint some = MIN(count - at, BATCH_TOKENS);
        int32_t result =
            is_abandoned(decoder->abandoned)
                ? 2
                : llama_decode(decoder->context, llama_batch_get_one(tokens + at, (int32_t)some));
        if (result != 0) {
            forget(decoder);
            return failed(decoder, result, error);
        }
        g_array_append_vals(decoder->kept, tokens + at, some);
    }
    return true;
}

/* How many of the tokens the context has computed already: the rules before a text are the same each time. At
 * least one is computed anew, for what follows it. */
static guint keep_beginning(struct llama_decoder *decoder, const GArray *tokens)
{
    guint same = 0;
    while (same < decoder->kept->len && same + 1 < tokens->len &&
           g_array_index(decoder->kept, llama_token, same) == g_array_index(tokens, llama_token, same))
        same++;
    if (!llama_memory_seq_rm(llama_get_memory(decoder->context), 0, (llama_pos)same, -1)) {
        forget(decoder);
        return 0;
    }
    g_array_set_size(decoder->kept, same);
    return same;
}

static bool read_prompt(struct llama_decoder *decoder, GArray *tokens, struct dub_error *error)
{
    guint same = keep_beginning(decoder, tokens);
    return go_on_with(decoder, &g_array_index(tokens, llama_token, same), tokens->len - same, error);
}

/* The decoder's first token then stands for the text. */
static bool encode(struct llama_decoder *decoder, GArray *tokens, struct dub_error *error)
{
    const struct llama_model *model = decoder->weights->model;
    forget(decoder);
    int32_t result =
        is_abandoned(decoder->abandoned)
            ? 2
            : llama_encode(decoder->context,
                           llama_batch_get_one((llama_token *)(void *)tokens->data, (int32_t)tokens->len));
    if (result != 0)
        return failed(decoder, result, error);
    llama_token start = llama_model_decoder_start_token(model);
    if (start == LLAMA_TOKEN_NULL)
        start = llama_vocab_bos(decoder->weights->vocabulary);
    if (start == LLAMA_TOKEN_NULL)
        start = 0;
    return go_on_with(decoder, &start, 1, error);
}

/* LLAMA_TOKEN_NULL: the numbers are none. */
static llama_token most_likely(struct llama_decoder *decoder)
{
    const float *logits = llama_get_logits_ith(decoder->context, -1);
    int32_t count = llama_vocab_n_tokens(decoder->weights->vocabulary);
    llama_token best = LLAMA_TOKEN_NULL;
    for (llama_token token = 0; logits && token < count; token++)
        if (!isnan(logits[token]) && (best == LLAMA_TOKEN_NULL || logits[token] > logits[best]))
            best = token;
    return best;
}

static bool append_token(const struct llama_decoder *decoder, llama_token token, GString *answer)
{
    char piece[PIECE_BYTES];
    int32_t bytes = llama_token_to_piece(decoder->weights->vocabulary, token, piece, sizeof piece, 0, false);
    if (bytes > 0)
        g_string_append_len(answer, piece, bytes);
    return bytes >= 0;
}

/* One line is a translation; a second one with something on it is talk. */
static bool begins_another_line(const GString *answer)
{
    const char *start = answer->str + strspn(answer->str, " \r\n");
    const char *end = strchr(start, '\n');
    return end && end[strspn(end, " \r\n")] != '\0';
}

static bool write_answer(struct llama_decoder *decoder, guint most, GString *answer, struct dub_error *error)
{
    const struct llama_vocab *vocabulary = decoder->weights->vocabulary;
    for (guint i = 0; i < most; i++) {
        llama_token token = most_likely(decoder);
        if (token == LLAMA_TOKEN_NULL)
            return failed(decoder, 0, error);
        if (llama_vocab_is_eog(vocabulary, token) || llama_vocab_is_control(vocabulary, token))
            return true;
        if (!append_token(decoder, token, answer))
            return failed(decoder, 0, error);
        if (begins_another_line(answer))
            return true;
        if (!go_on_with(decoder, &token, 1, error))
            return false;
    }
    return dub_error_set_stage(error, DUB_ERROR_HALLUCINATION_SUSPECTED, DUB_STAGE_TRANSLATION,
                               "llama has not come to an end within its bound of %u tokens", most);
}

/* How many tokens its answer may have; 0: the text finds no room. */
static guint bound_of(const struct llama_decoder *decoder, const GArray *tokens, const char *text)
{
    bool encodes = decoder->weights->facts.encodes;
    guint room = llama_n_ctx(decoder->context);
    guint taken = encodes ? 1 : tokens->len;
    if (tokens->len == 0 || taken >= room || (encodes && tokens->len > BATCH_TOKENS))
        return 0;
    g_autoptr(GArray) of_text = tokens_of(decoder->weights, text);
    return MIN(LEAST_TOKENS + TOKENS_PER_TOKEN * of_text->len, room - taken);
}

static char *translate(struct llama_decoder *decoder, GArray *tokens, const char *text,
                       struct dub_error *error)
{
    guint most = bound_of(decoder, tokens, text);
    if (most == 0) {
        dub_error_set_stage(error, DUB_ERROR_TRANSLATION_FAILED, DUB_STAGE_TRANSLATION,
                            "the text takes more tokens than a decoder has room for");
        return NULL;
    }
    bool read = decoder->weights->facts.encodes ? encode(decoder, tokens, error)
                                                : read_prompt(decoder, tokens, error);
    g_autoptr(GString) answer = g_string_new(NULL);
    if (!read || !write_answer(decoder, most, answer, error))
        return NULL;
    return g_utf8_make_valid(answer->str, (gssize)answer->len);
}

char *llama_decoder_run(struct llama_decoder *decoder, const struct llama_task *task, struct dub_error *error)
{
    g_autofree char *whole = written(task);
    if (!whole) {
        dub_error_set_stage(error, DUB_ERROR_MODEL_ERROR, DUB_STAGE_TRANSLATION,
                            LIBRARY " cannot write this model's turns");
        return NULL;
    }
    g_autoptr(GArray) tokens = tokens_of(decoder->weights, whole);
    decoder->abandoned = task->abandoned;
    char *answer = translate(decoder, tokens, task->text, error);
    decoder->abandoned = NULL;
    return answer;
}
