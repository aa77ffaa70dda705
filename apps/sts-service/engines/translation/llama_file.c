/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "llama_file.h"

#include <dubbing_bytes.h>
#include <string.h>

#define CUT_SHORT "is cut short"
#define DAMAGED "is damaged, or no model of llama.cpp"
#define IN_PARTS "is one of several parts, which are not read: join them (llama-gguf-split --merge), or else"
#define MAGIC 0x46554747u
#define OLDEST_VERSION 2
#define NEWEST_VERSION 3
#define TENSORS_MAX 65536
#define VALUES_MAX 65536
#define KEY_BYTES_MAX 65535
#define NAME_BYTES_MAX 63
#define ARCHITECTURE_BYTES_MAX 64
#define TOKENS_MAX (1u << 24)
#define DIMS_MAX 4
#define DEFAULT_ALIGNMENT 32
#define ALIGNMENT_MAX 65536
/* Lists of a model's own numbers have one for each layer: what the library has room for. */
#define LAYERS_MAX 512

enum kind { U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64, KINDS };
static const uint8_t kind_bytes[KINDS] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

/* The kinds of weights (enum ggml_type): so many bytes for so many numbers; 0: there is no such kind. */
static const struct {
    uint16_t bytes, numbers;
} weights[] = {
    {4, 1},    {2, 1},    {18, 32},   {20, 32},   {0, 0},     {0, 0},     {22, 32},   {24, 32},  {34, 32},
    {36, 32},  {84, 256}, {110, 256}, {144, 256}, {176, 256}, {210, 256}, {292, 256}, {66, 256}, {74, 256},
    {98, 256}, {50, 256}, {18, 32},   {110, 256}, {82, 256},  {136, 256}, {1, 1},     {2, 1},    {4, 1},
    {8, 1},    {8, 1},    {56, 256},  {2, 1},     {0, 0},     {0, 0},     {0, 0},     {54, 256}, {66, 256},
    {0, 0},    {0, 0},    {0, 0},     {17, 32},   {36, 64},   {18, 128},  {18, 64},
};

/* What is known of a file so far. Of lists the number of things in them; 0: there is none. */
struct outline {
    uint64_t tensors, values;
    uint64_t tokens, scores, types;
    uint64_t start_token; /* of the decoder; 0: none is named */
    uint32_t alignment;
    bool architecture, vocabulary;
};

struct value {
    enum kind kind;
    enum kind of;    /* ARRAY: of what */
    uint64_t count;  /* ARRAY: how many */
    uint64_t number; /* a whole number's value */
    size_t bytes;    /* STRING: its length */
};

static uint64_t read_le64(struct dub_reader *reader)
{
    uint64_t low = dub_read_le32(reader);
    return low | (uint64_t)dub_read_le32(reader) << 32;
}

static bool skip_string(struct dub_reader *reader, size_t *bytes)
{
    uint64_t length = read_le64(reader);
    if (length > dub_reader_left(reader)) {
        reader->failed = true;
        return false;
    }
    *bytes = (size_t)length;
    return dub_reader_skip(reader, (size_t)length);
}

static const char *skip_array(struct dub_reader *reader, struct value *value)
{
    uint32_t of = dub_read_le32(reader);
    value->count = read_le64(reader);
    if (reader->failed)
        return CUT_SHORT;
    if (of >= KINDS || of == ARRAY)
        return DAMAGED;
    value->of = (enum kind)of;
    if (of != STRING) {
        bool there = value->count <= dub_reader_left(reader) / kind_bytes[of] &&
                     dub_reader_skip(reader, (size_t)value->count * kind_bytes[of]);
        return there ? NULL : CUT_SHORT;
    }
    size_t bytes;
    for (uint64_t i = 0; i < value->count; i++)
        if (!skip_string(reader, &bytes))
            return CUT_SHORT;
    return NULL;
}

static uint64_t read_number(struct dub_reader *reader, unsigned bytes)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < bytes; i++)
        number |= (uint64_t)dub_read_u8(reader) << (8 * i);
    return number;
}

static const char *read_value(struct dub_reader *reader, struct value *value)
{
    uint32_t kind = dub_read_le32(reader);
    if (reader->failed)
        return CUT_SHORT;
    if (kind >= KINDS)
        return DAMAGED;
    *value = (struct value){.kind = (enum kind)kind};
    if (kind == ARRAY)
        return skip_array(reader, value);
    if (kind == STRING)
        skip_string(reader, &value->bytes);
    else
        value->number = read_number(reader, kind_bytes[kind]);
    return reader->failed ? CUT_SHORT : NULL;
}

static bool is_list(const struct value *value, enum kind of)
{
    return value->kind == ARRAY && value->of == of;
}

static bool take_architecture(struct outline *outline, const struct value *value)
{
    outline->architecture =
        value->kind == STRING && value->bytes > 0 && value->bytes <= ARCHITECTURE_BYTES_MAX;
    return outline->architecture;
}

static bool take_alignment(struct outline *outline, const struct value *value)
{
    outline->alignment = (uint32_t)value->number;
    return value->kind == U32 && value->number > 0 && value->number <= ALIGNMENT_MAX &&
           (value->number & (value->number - 1)) == 0;
}

static bool take_vocabulary(struct outline *outline, const struct value *value)
{
    outline->vocabulary = value->kind == STRING;
    return outline->vocabulary;
}

static bool take_tokens(struct outline *outline, const struct value *value)
{
    outline->tokens = value->count;
    return is_list(value, STRING) && value->count > 0 && value->count <= TOKENS_MAX;
}

static bool take_scores(struct outline *outline, const struct value *value)
{
    outline->scores = value->count;
    return is_list(value, F32);
}

static bool take_types(struct outline *outline, const struct value *value)
{
    outline->types = value->count;
    return is_list(value, I32) || is_list(value, U32);
}

static bool take_merges(struct outline *outline, const struct value *value)
{
    return is_list(value, STRING);
}

/* It begins with the number of bytes of its first half. */
static bool take_charsmap(struct outline *outline, const struct value *value)
{
    return (is_list(value, U8) || is_list(value, I8)) && value->count > sizeof(uint32_t);
}

static bool take_template(struct outline *outline, const struct value *value)
{
    return value->kind == STRING;
}

static const struct {
    const char *key;
    bool (*take)(struct outline *outline, const struct value *value);
} known[] = {
    {"general.architecture", take_architecture}, {"general.alignment", take_alignment},
    {"tokenizer.ggml.model", take_vocabulary},   {"tokenizer.ggml.tokens", take_tokens},
    {"tokenizer.ggml.scores", take_scores},      {"tokenizer.ggml.token_type", take_types},
    {"tokenizer.ggml.merges", take_merges},      {"tokenizer.ggml.precompiled_charsmap", take_charsmap},
    {"tokenizer.chat_template", take_template},
};

static bool is_key(const uint8_t *key, size_t length, const char *name)
{
    return length == strlen(name) && memcmp(key, name, length) == 0;
}

static bool begins_with(const uint8_t *key, size_t length, const char *start)
{
    return length >= strlen(start) && memcmp(key, start, strlen(start)) == 0;
}

static bool ends_with(const uint8_t *key, size_t length, const char *end)
{
    return length >= strlen(end) && memcmp(key + length - strlen(end), end, strlen(end)) == 0;
}

/* A number of the model itself, "llama.block_count": what the library divides by, or reads so many of. */
static bool take_own(struct outline *outline, const uint8_t *key, size_t length, const struct value *value)
{
    if (value->kind == ARRAY && value->count > LAYERS_MAX)
        return false;
    if (ends_with(key, length, ".block_count"))
        return value->kind == U32 && value->number > 0 && value->number <= LAYERS_MAX;
    if (ends_with(key, length, ".attention.head_count"))
        return value->kind == ARRAY || (value->kind == U32 && value->number > 0);
    if (ends_with(key, length, ".decoder_start_token_id"))
        outline->start_token = value->number;
    return true;
}

static const char *take_value(struct outline *outline, const uint8_t *key, size_t length,
                              const struct value *value)
{
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (is_key(key, length, known[i].key))
            return known[i].take(outline, value) ? NULL : DAMAGED;
    if (is_key(key, length, "split.count"))
        return value->number > 1 ? IN_PARTS : NULL;
    if (begins_with(key, length, "general.") || begins_with(key, length, "tokenizer."))
        return NULL;
    return take_own(outline, key, length, value) ? NULL : DAMAGED;
}

static const char *read_values(struct dub_reader *reader, struct outline *outline)
{
    for (uint64_t i = 0; i < outline->values; i++) {
        struct value value;
        uint64_t length = read_le64(reader);
        if (reader->failed)
            return CUT_SHORT;
        if (length == 0 || length > KEY_BYTES_MAX)
            return DAMAGED;
        const uint8_t *key = dub_read_bytes(reader, (size_t)length);
        const char *fault = key ? read_value(reader, &value) : CUT_SHORT;
        if (!fault)
            fault = take_value(outline, key, (size_t)length, &value);
        if (fault)
            return fault;
    }
    return NULL;
}

/* A score and a kind for each token, as the library reads them unasked. */
static bool fits_together(const struct outline *outline)
{
    return outline->architecture && outline->vocabulary && outline->tokens > 0 &&
           (outline->scores == 0 || outline->scores == outline->tokens) &&
           (outline->types == 0 || outline->types == outline->tokens) &&
           outline->start_token < outline->tokens;
}

/* The bytes of a tensor; 0: its shape is none. */
static uint64_t read_shape(struct dub_reader *reader)
{
    uint64_t numbers = 1;
    uint64_t row = 1;
    uint32_t dims = dub_read_le32(reader);
    for (uint32_t i = 0; i < dims && dims <= DIMS_MAX; i++) {
        uint64_t size = read_le64(reader);
        if (size == 0 || size > (1ull << 32) || numbers > (1ull << 44) / size)
            return 0;
        if (i == 0)
            row = size;
        numbers *= size;
    }
    uint32_t type = dub_read_le32(reader);
    bool is_kind = dims > 0 && dims <= DIMS_MAX && type < G_N_ELEMENTS(weights) && weights[type].bytes > 0;
    if (!is_kind || row % weights[type].numbers != 0)
        return 0;
    return numbers / weights[type].numbers * weights[type].bytes;
}

/* *end: where the weights so far end, from where all of them begin; one tensor's follow another's. */
static const char *read_tensor(struct dub_reader *reader, uint32_t alignment, uint64_t *end)
{
    uint64_t length = read_le64(reader);
    if (!reader->failed && (length == 0 || length > NAME_BYTES_MAX))
        return DAMAGED;
    if (reader->failed || !dub_reader_skip(reader, (size_t)length))
        return CUT_SHORT;
    uint64_t bytes = read_shape(reader);
    uint64_t offset = read_le64(reader);
    if (reader->failed)
        return CUT_SHORT;
    uint64_t expected = (*end + alignment - 1) / alignment * alignment;
    if (bytes == 0 || offset != expected)
        return DAMAGED;
    *end = offset + bytes;
    return NULL;
}

const char *llama_file_fault(const void *data, size_t size)
{
    struct dub_reader reader = dub_reader_on(data, size);
    struct outline outline = {.alignment = DEFAULT_ALIGNMENT};
    uint64_t end = 0;
    if (dub_read_le32(&reader) != MAGIC)
        return DAMAGED;
    uint32_t version = dub_read_le32(&reader);
    outline.tensors = read_le64(&reader);
    outline.values = read_le64(&reader);
    if (reader.failed)
        return CUT_SHORT;
    if (version < OLDEST_VERSION || version > NEWEST_VERSION || outline.tensors == 0 ||
        outline.tensors > TENSORS_MAX || outline.values > VALUES_MAX)
        return DAMAGED;
    const char *fault = read_values(&reader, &outline);
    if (!fault && !fits_together(&outline))
        fault = DAMAGED;
    for (uint64_t i = 0; !fault && i < outline.tensors; i++)
        fault = read_tensor(&reader, outline.alignment, &end);
    if (fault)
        return fault;
    uint64_t start = (reader.at + outline.alignment - 1) / outline.alignment * outline.alignment;
    return start > size || end > size - start ? CUT_SHORT : NULL;
}
