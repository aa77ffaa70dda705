/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "piper_file.h"

#include <dubbing_bytes.h>
#include <string.h>

#define CUT_SHORT "is cut short"
#define DAMAGED "is damaged, or no ONNX model"
#define NO_VOICE "is no voice of Piper: it has no inputs input, input_lengths and scales, or no output"
/* Fields of the format. */
#define MODEL_GRAPH 7
#define MODEL_OPSETS 8
#define GRAPH_NODE 1
#define GRAPH_INPUT 11
#define GRAPH_OUTPUT 12
#define VALUE_NAME 1

enum wire { WIRE_NUMBER = 0, WIRE_64_BITS = 1, WIRE_BYTES = 2, WIRE_32_BITS = 5 };

struct field {
    uint64_t number;
    enum wire wire;
    struct dub_reader bytes; /* of WIRE_BYTES */
};

/* What has been seen; a bit each. */
enum { SEEN_GRAPH = 1, SEEN_OPSETS = 2, SEEN_NODE = 4, SEEN_INPUT = 8, SEEN_LENGTHS = 16, SEEN_SCALES = 32 };
enum { SEEN_OUTPUT = 64, SEEN_MODEL = SEEN_GRAPH | SEEN_OPSETS | SEEN_NODE };
enum { SEEN_VOICE = SEEN_INPUT | SEEN_LENGTHS | SEEN_SCALES | SEEN_OUTPUT };

static uint64_t read_varint(struct dub_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = dub_read_u8(reader);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    reader->failed = true;
    return 0;
}

/* NULL: *field is the next. */
static const char *next_field(struct dub_reader *reader, struct field *field)
{
    uint64_t key = read_varint(reader);
    uint64_t size = 0;
    *field = (struct field){.number = key >> 3, .wire = (enum wire)(key & 7)};
    if (!reader->failed && field->number == 0)
        return DAMAGED;
    switch (field->wire) {
    case WIRE_NUMBER:
        read_varint(reader);
        break;
    case WIRE_64_BITS:
        dub_reader_skip(reader, 8);
        break;
    case WIRE_32_BITS:
        dub_reader_skip(reader, 4);
        break;
    case WIRE_BYTES:
        size = read_varint(reader);
        if (size > dub_reader_left(reader))
            return CUT_SHORT;
        field->bytes = dub_reader_sub(reader, (size_t)size);
        break;
    default:
        return DAMAGED;
    }
    return reader->failed ? CUT_SHORT : NULL;
}

static bool is_name(struct dub_reader bytes, const char *name)
{
    return bytes.size == strlen(name) && memcmp(bytes.data, name, bytes.size) == 0;
}

static unsigned seen_by_name(struct dub_reader name, bool output)
{
    static const struct {
        const char *name;
        unsigned seen;
    } inputs[] = {{"input", SEEN_INPUT}, {"input_lengths", SEEN_LENGTHS}, {"scales", SEEN_SCALES}};
    if (output)
        return is_name(name, "output") ? SEEN_OUTPUT : 0;
    for (size_t i = 0; i < G_N_ELEMENTS(inputs); i++)
        if (is_name(name, inputs[i].name))
            return inputs[i].seen;
    return 0;
}

static const char *read_value(struct dub_reader value, bool output, unsigned *seen)
{
    struct field field;
    while (dub_reader_left(&value) > 0) {
        const char *fault = next_field(&value, &field);
        if (fault)
            return fault;
        if (field.number == VALUE_NAME && field.wire == WIRE_BYTES)
            *seen |= seen_by_name(field.bytes, output);
    }
    return NULL;
}

static const char *read_graph(struct dub_reader graph, unsigned *seen)
{
    struct field field;
    while (dub_reader_left(&graph) > 0) {
        const char *fault = next_field(&graph, &field);
        bool value = field.number == GRAPH_INPUT || field.number == GRAPH_OUTPUT;
        if (!fault && value && field.wire == WIRE_BYTES)
            fault = read_value(field.bytes, field.number == GRAPH_OUTPUT, seen);
        /* Within the graph, whose size is right, nothing is cut: it is damaged. */
        if (fault)
            return DAMAGED;
        if (field.number == GRAPH_NODE && field.wire == WIRE_BYTES)
            *seen |= SEEN_NODE;
    }
    return NULL;
}

const char *piper_file_fault(const void *data, size_t size)
{
    struct dub_reader model = dub_reader_on(data, size);
    struct field field;
    unsigned seen = 0;
    while (dub_reader_left(&model) > 0) {
        const char *fault = next_field(&model, &field);
        if (!fault && field.number == MODEL_GRAPH && field.wire == WIRE_BYTES) {
            seen |= SEEN_GRAPH;
            fault = read_graph(field.bytes, &seen);
        }
        if (fault) /* what is cut is the graph, nearly all of a file, or what follows it */
            return (seen & SEEN_GRAPH) != 0 || field.number == MODEL_GRAPH ? fault : DAMAGED;
        if (field.number == MODEL_OPSETS && field.wire == WIRE_BYTES)
            seen |= SEEN_OPSETS;
    }
    if (size == 0)
        return CUT_SHORT;
    if ((seen & SEEN_MODEL) != SEEN_MODEL)
        return DAMAGED;
    return (seen & SEEN_VOICE) == SEEN_VOICE ? NULL : NO_VOICE;
}
