/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "whisper_file.h"

#include <dubbing_bytes.h>
#include <string.h>

#define CUT_SHORT "is cut short"
#define DAMAGED "is damaged, or no model of whisper.cpp"
#define VOICE_DAMAGED "is damaged, or no voice activity model of whisper.cpp"
#define VOICE_KIND "silero-16k"
#define VOICE_TENSORS 15
#define MAGIC 0x67676d6cu
/* The ids of the special tokens follow from these two numbers of tokens; the library uses them unasked. */
#define TOKENS_MIN 51864
#define TOKENS_MAX 60000
#define SPECTRUM_BINS 201
#define TOKEN_BYTES_MAX 1024
#define NAME_BYTES_MAX 128
#define DIMS_MAX 4
#define LAYERS_MAX 128
#define WIDTH_MAX 16384

struct head {
    uint32_t tokens, audio_context, audio_width, audio_heads, audio_layers;
    uint32_t text_context, text_width, text_heads, text_layers, mels;
};

/* The kinds of weights (enum ggml_type): so many bytes for so many numbers. */
struct weights_kind {
    uint32_t type, bytes, numbers;
};
static const struct weights_kind kinds[] = {
    {0, 4, 1},   {1, 2, 1},     {30, 2, 1},     {2, 18, 32},    {3, 20, 32},    {6, 22, 32},    {7, 24, 32},
    {8, 34, 32}, {10, 84, 256}, {11, 110, 256}, {12, 144, 256}, {13, 176, 256}, {14, 210, 256},
};

static bool within(uint32_t value, uint32_t least, uint32_t most)
{
    return value >= least && value <= most;
}

static bool is_width(uint32_t width, uint32_t heads, uint32_t layers)
{
    return within(width, 1, WIDTH_MAX) && within(heads, 1, width) && width % heads == 0 &&
           within(layers, 1, LAYERS_MAX);
}

static bool read_head(struct dub_reader *reader, struct head *head)
{
    uint32_t *const fields[] = {&head->tokens,      &head->audio_context, &head->audio_width,
                                &head->audio_heads, &head->audio_layers,  &head->text_context,
                                &head->text_width,  &head->text_heads,    &head->text_layers,
                                &head->mels};
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
        *fields[i] = dub_read_le32(reader);
    dub_read_le32(reader); /* which kind most weights are of: each says so itself */
    return within(head->tokens, TOKENS_MIN, TOKENS_MAX) && within(head->audio_context, 1, 1500) &&
           within(head->text_context, 8, 4096) && within(head->mels, 1, 256) &&
           is_width(head->audio_width, head->audio_heads, head->audio_layers) &&
           is_width(head->text_width, head->text_heads, head->text_layers) &&
           head->audio_width == head->text_width;
}

static bool skip_filters(struct dub_reader *reader, const struct head *head)
{
    uint32_t mels = dub_read_le32(reader);
    uint32_t bins = dub_read_le32(reader);
    return mels == head->mels && bins == SPECTRUM_BINS &&
           dub_reader_skip(reader, (size_t)mels * bins * sizeof(float));
}

/* The blank must be among the words: the library ends the process without it. */
static bool skip_words(struct dub_reader *reader, const struct head *head)
{
    bool blank = false;
    uint32_t count = dub_read_le32(reader);
    if (count > head->tokens)
        return false;
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        uint32_t length = dub_read_le32(reader);
        if (length > TOKEN_BYTES_MAX)
            return false;
        const uint8_t *word = dub_read_bytes(reader, length);
        blank = blank || (word && length == 1 && *word == ' ');
    }
    return blank;
}

static const struct weights_kind *kind_of(uint32_t type)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (kinds[i].type == type)
            return &kinds[i];
    return NULL;
}

/* The numbers in a tensor; 0: its shape is none. */
static uint64_t read_shape(struct dub_reader *reader, uint32_t dims, uint32_t *row)
{
    uint64_t numbers = 1;
    for (uint32_t i = 0; i < dims; i++) {
        uint32_t size = dub_read_le32(reader);
        if (!within(size, 1, 1u << 24) || numbers > (1ull << 36))
            return 0;
        if (i == 0)
            *row = size;
        numbers *= size;
    }
    return numbers;
}

/* A single number may have no dimension. */
static const char *skip_tensor(struct dub_reader *reader)
{
    uint32_t row = 1;
    uint32_t dims = dub_read_le32(reader);
    uint32_t name_bytes = dub_read_le32(reader);
    const struct weights_kind *kind = kind_of(dub_read_le32(reader));
    if (reader->failed)
        return CUT_SHORT;
    if (dims > DIMS_MAX || !within(name_bytes, 1, NAME_BYTES_MAX) || !kind)
        return DAMAGED;
    uint64_t numbers = read_shape(reader, dims, &row);
    if (reader->failed)
        return CUT_SHORT;
    if (numbers == 0 || row % kind->numbers != 0)
        return DAMAGED;
    uint64_t bytes = numbers / kind->numbers * kind->bytes;
    if (!dub_reader_skip(reader, name_bytes) || bytes > dub_reader_left(reader))
        return CUT_SHORT;
    dub_reader_skip(reader, (size_t)bytes);
    return NULL;
}

/* What a model of so many layers has at the least: per layer of the encoder 15 tensors, of the decoder 24. */
static uint32_t least_tensors(const struct head *head)
{
    return head->audio_layers * 15 + head->text_layers * 24;
}

/* Up to the end; as many as there have to be at the least. */
static const char *skip_tensors(struct dub_reader *reader, uint32_t least)
{
    uint32_t tensors = 0;
    for (; dub_reader_left(reader) > 0; tensors++) {
        const char *fault = skip_tensor(reader);
        if (fault)
            return fault;
    }
    return tensors < least ? CUT_SHORT : NULL;
}

const char *whisper_file_fault(const void *data, size_t size)
{
    struct dub_reader reader = dub_reader_on(data, size);
    struct head head;
    if (dub_read_le32(&reader) != MAGIC)
        return DAMAGED;
    if (!read_head(&reader, &head) || !skip_filters(&reader, &head) || !skip_words(&reader, &head))
        return reader.failed ? CUT_SHORT : DAMAGED;
    return skip_tensors(&reader, least_tensors(&head));
}

/* The one layout that the library computes with: window, context, four layers (in, out, kernel), the
 * recurrent layer and the last one. The version in front of it may be any. */
static bool has_voice_layout(struct dub_reader *reader)
{
    static const uint32_t layout[] = {512, 64, 4,  129, 128, 3,   128, 64,  3, 64,
                                      64,  3,  64, 128, 3,   128, 128, 128, 1};
    dub_reader_skip(reader, 3 * sizeof(uint32_t));
    for (size_t i = 0; i < G_N_ELEMENTS(layout); i++)
        if (dub_read_le32(reader) != layout[i])
            return false;
    return true;
}

const char *whisper_voice_file_fault(const void *data, size_t size)
{
    struct dub_reader reader = dub_reader_on(data, size);
    bool magic = dub_read_le32(&reader) == MAGIC;
    uint32_t length = dub_read_le32(&reader);
    const uint8_t *kind = length == strlen(VOICE_KIND) ? dub_read_bytes(&reader, length) : NULL;
    if (!magic || !kind || memcmp(kind, VOICE_KIND, length) != 0)
        return VOICE_DAMAGED;
    if (!has_voice_layout(&reader))
        return reader.failed ? CUT_SHORT : VOICE_DAMAGED;
    return skip_tensors(&reader, VOICE_TENSORS);
}
