/* SPDX-License-Identifier: GPL-3.0-or-later */
/* json-glib reads comments, assignments and numbers beyond any range without a word, and recurses as deep as
 * its input says. So text from outside is first walked once by a small checker of RFC 8259's grammar, without
 * recursion and without allocation, and only then given to json-glib. */
#include <dubbing_json.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#define DEFAULT_STRING_MAX 4096

struct checker {
    const char *start;
    const char *at;
    const char *end;
    const char *problem;
    char closers[DUB_JSON_MAX_DEPTH]; /* '}' or ']' of each open container */
    unsigned depth;
};

static bool complain(struct checker *checker, const char *problem)
{
    checker->problem = problem;
    return false;
}

static int peek(const struct checker *checker)
{
    return checker->at < checker->end ? (unsigned char)*checker->at : -1;
}

static void skip_space(struct checker *checker)
{
    while (checker->at < checker->end && strchr(" \t\r\n", *checker->at) != NULL && *checker->at != '\0')
        checker->at++;
}

static bool accept(struct checker *checker, char c)
{
    if (peek(checker) != (unsigned char)c)
        return false;
    checker->at++;
    return true;
}

static bool accept_word(struct checker *checker, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(checker->end - checker->at) < length || memcmp(checker->at, word, length) != 0)
        return complain(checker, "not a JSON value");
    checker->at += length;
    return true;
}

static unsigned skip_digits(struct checker *checker)
{
    unsigned n = 0;
    for (; g_ascii_isdigit((char)peek(checker)); n++)
        checker->at++;
    return n;
}

#define NUMBER_MAX 64

static bool number_fits(const char *text, size_t length, bool is_integer)
{
    char copy[NUMBER_MAX + 1];
    if (length > NUMBER_MAX)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    errno = 0;
    if (is_integer) {
        (void)g_ascii_strtoll(copy, NULL, 10);
        return errno != ERANGE;
    }
    return isfinite(g_ascii_strtod(copy, NULL)) != 0;
}

static bool check_number(struct checker *checker)
{
    const char *start = checker->at;
    bool is_integer = true;
    accept(checker, '-');
    bool leading_zero = peek(checker) == '0';
    unsigned digits = skip_digits(checker);
    if (digits == 0 || (leading_zero && digits > 1))
        return complain(checker, "malformed number");
    if (accept(checker, '.')) {
        is_integer = false;
        if (skip_digits(checker) == 0)
            return complain(checker, "malformed number");
    }
    if (peek(checker) == 'e' || peek(checker) == 'E') {
        is_integer = false;
        checker->at++;
        if (!accept(checker, '+'))
            accept(checker, '-');
        if (skip_digits(checker) == 0)
            return complain(checker, "malformed number");
    }
    if (!number_fits(start, (size_t)(checker->at - start), is_integer))
        return complain(checker, "number out of range");
    return true;
}

/* The four digits after "\u"; -1 when they are not there. */
static int read_hex4(struct checker *checker)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = peek(checker) >= 0 ? g_ascii_xdigit_value((char)peek(checker)) : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
        checker->at++;
    }
    return value;
}

static bool check_unicode_escape(struct checker *checker)
{
    int unit = read_hex4(checker);
    if (unit < 0)
        return complain(checker, "malformed \\u escape");
    if (unit == 0)
        return complain(checker, "\\u0000 in a string");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return complain(checker, "half of a surrogate pair");
    if (unit < 0xd800 || unit > 0xdbff)
        return true;
    if (!accept(checker, '\\') || !accept(checker, 'u'))
        return complain(checker, "half of a surrogate pair");
    int low = read_hex4(checker);
    if (low < 0xdc00 || low > 0xdfff)
        return complain(checker, "half of a surrogate pair");
    return true;
}

static bool check_escape(struct checker *checker)
{
    int c = peek(checker);
    if (c < 0)
        return complain(checker, "unterminated string");
    checker->at++;
    if (c == 'u')
        return check_unicode_escape(checker);
    if (c != 0 && strchr("\"\\/bfnrt", c) != NULL)
        return true;
    return complain(checker, "unknown escape in a string");
}

static bool check_string(struct checker *checker)
{
    if (!accept(checker, '"'))
        return complain(checker, "expected a string");
    while (checker->at < checker->end) {
        unsigned char c = (unsigned char)*checker->at++;
        if (c == '"')
            return true;
        if (c < 0x20)
            return complain(checker, "control character in a string");
        if (c == '\\' && !check_escape(checker))
            return false;
    }
    return complain(checker, "unterminated string");
}

static bool check_scalar(struct checker *checker)
{
    switch (peek(checker)) {
    case '"':
        return check_string(checker);
    case 't':
        return accept_word(checker, "true");
    case 'f':
        return accept_word(checker, "false");
    case 'n':
        return accept_word(checker, "null");
    case -1:
        return complain(checker, "unexpected end");
    default:
        if (peek(checker) != '-' && !g_ascii_isdigit((char)peek(checker)))
            return complain(checker, "not a JSON value");
        return check_number(checker);
    }
}

static bool check_member_name(struct checker *checker)
{
    skip_space(checker);
    if (!check_string(checker))
        return false;
    skip_space(checker);
    return accept(checker, ':') || complain(checker, "expected ':'");
}

static bool open_container(struct checker *checker, char closer)
{
    if (checker->depth == DUB_JSON_MAX_DEPTH)
        return complain(checker, "nested too deep");
    checker->closers[checker->depth++] = closer;
    return true;
}

enum step { STEP_VALUE, STEP_DONE, STEP_FAILED };

/* After a value: closes what ends here, up to the comma before the next value or the end of the text. */
static enum step after_value(struct checker *checker)
{
    while (checker->depth > 0) {
        char closer = checker->closers[checker->depth - 1];
        skip_space(checker);
        if (accept(checker, closer)) {
            checker->depth--;
            continue;
        }
        if (!accept(checker, ',')) {
            complain(checker, "expected ',' or the end of the object or array");
            return STEP_FAILED;
        }
        return closer == ']' || check_member_name(checker) ? STEP_VALUE : STEP_FAILED;
    }
    return STEP_DONE;
}

/* One value, or the start of a container up to its first value. */
static enum step on_value(struct checker *checker)
{
    skip_space(checker);
    if (accept(checker, '{')) {
        if (!open_container(checker, '}'))
            return STEP_FAILED;
        skip_space(checker);
        if (peek(checker) != '}')
            return check_member_name(checker) ? STEP_VALUE : STEP_FAILED;
    } else if (accept(checker, '[')) {
        if (!open_container(checker, ']'))
            return STEP_FAILED;
        skip_space(checker);
        if (peek(checker) != ']')
            return STEP_VALUE;
    } else if (!check_scalar(checker)) {
        return STEP_FAILED;
    }
    return after_value(checker);
}

static bool check_text(struct checker *checker)
{
    enum step step;
    do
        step = on_value(checker);
    while (step == STEP_VALUE);
    if (step == STEP_FAILED)
        return false;
    skip_space(checker);
    return checker->at == checker->end || complain(checker, "text after the value");
}

JsonNode *dub_json_parse(const char *text, gsize size, struct dub_error *error)
{
    struct checker checker = {.start = text, .at = text, .end = text + size};
    if (!g_utf8_validate_len(text, size, NULL)) {
        dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT, "invalid JSON: not UTF-8");
        return NULL;
    }
    if (!check_text(&checker)) {
        dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT, "invalid JSON: %s at byte %zu", checker.problem,
                      (size_t)(checker.at - checker.start));
        return NULL;
    }
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_autoptr(GError) gerror = NULL;
    if (!json_parser_load_from_data(parser, text, (gssize)size, &gerror)) {
        dub_error_take_gerror(error, DUB_ERROR_INVALID_ARGUMENT, "invalid JSON", &gerror);
        return NULL;
    }
    return json_parser_steal_root(parser);
}

static G_GNUC_PRINTF(3, 4) void fail(struct dub_json_reader *reader, const char *name, const char *format,
                                     ...)
{
    if (*reader->failed)
        return;
    *reader->failed = true;
    va_list args;
    va_start(args, format);
    g_autofree char *problem = g_strdup_vprintf(format, args);
    va_end(args);
    dub_error_set(reader->error, reader->code, "%s%s: %s", reader->path, name, problem);
}

struct dub_json_reader dub_json_reader_on(JsonNode *node, enum dub_error_code code, bool *failed,
                                          struct dub_error *error)
{
    struct dub_json_reader reader = {.path = "", .error = error, .code = code, .failed = failed};
    *failed = false;
    if (node != NULL && JSON_NODE_HOLDS_OBJECT(node))
        reader.object = json_node_get_object(node);
    else
        fail(&reader, "body", "must be a JSON object");
    return reader;
}

/* The member, NULL when there is none, it is null, or an earlier problem ended the reading. */
static JsonNode *member(struct dub_json_reader *reader, const char *name, bool required)
{
    if (*reader->failed || reader->object == NULL)
        return NULL;
    JsonNode *node = json_object_get_member(reader->object, name);
    if (node != NULL && !JSON_NODE_HOLDS_NULL(node))
        return node;
    if (required)
        fail(reader, name, "is missing");
    return NULL;
}

struct dub_json_reader dub_json_read_object(struct dub_json_reader *reader, const char *name,
                                            const char *path, bool required)
{
    struct dub_json_reader sub = {
        .path = path, .error = reader->error, .code = reader->code, .failed = reader->failed};
    JsonNode *node = member(reader, name, required);
    if (node == NULL)
        return sub;
    if (JSON_NODE_HOLDS_OBJECT(node))
        sub.object = json_node_get_object(node);
    else
        fail(reader, name, "must be an object");
    return sub;
}

static const char *read_string(struct dub_json_reader *reader, const char *name, gsize max_bytes,
                               bool required, const char *fallback)
{
    JsonNode *node = member(reader, name, required);
    if (node == NULL)
        return fallback;
    if (json_node_get_value_type(node) != G_TYPE_STRING) {
        fail(reader, name, "must be a string");
        return fallback;
    }
    const char *text = json_node_get_string(node);
    gsize limit = max_bytes != 0 ? max_bytes : DEFAULT_STRING_MAX;
    if (strlen(text) > limit) {
        fail(reader, name, "is longer than %" G_GSIZE_FORMAT " bytes", limit);
        return fallback;
    }
    return text;
}

const char *dub_json_read_string(struct dub_json_reader *reader, const char *name, gsize max_bytes)
{
    return read_string(reader, name, max_bytes, true, "");
}

const char *dub_json_read_string_or(struct dub_json_reader *reader, const char *name, gsize max_bytes,
                                    const char *fallback)
{
    return read_string(reader, name, max_bytes, false, fallback);
}

/* 2^53: beyond it a double no longer says which integer is meant. */
#define DOUBLE_EXACT_MAX 9007199254740992.0

static bool node_as_int(JsonNode *node, int64_t *value)
{
    GType type = json_node_get_value_type(node);
    if (type == G_TYPE_INT64) {
        *value = json_node_get_int(node);
        return true;
    }
    double number = type == G_TYPE_DOUBLE ? json_node_get_double(node) : NAN;
    if (isnan(number) || fabs(number) > DOUBLE_EXACT_MAX || floor(number) < number)
        return false;
    *value = (int64_t)number;
    return true;
}

static int64_t read_int(struct dub_json_reader *reader, const char *name, int64_t min, int64_t max,
                        bool required, int64_t fallback)
{
    int64_t value;
    JsonNode *node = member(reader, name, required);
    if (node == NULL)
        return fallback;
    if (!JSON_NODE_HOLDS_VALUE(node) || !node_as_int(node, &value)) {
        fail(reader, name, "must be a whole number");
        return fallback;
    }
    if (value < min || value > max) {
        fail(reader, name, "is %" G_GINT64_FORMAT ", allowed is %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
             value, min, max);
        return fallback;
    }
    return value;
}

int64_t dub_json_read_int(struct dub_json_reader *reader, const char *name, int64_t min, int64_t max)
{
    return read_int(reader, name, min, max, true, min);
}

int64_t dub_json_read_int_or(struct dub_json_reader *reader, const char *name, int64_t min, int64_t max,
                             int64_t fallback)
{
    return read_int(reader, name, min, max, false, fallback);
}

double dub_json_read_double_or(struct dub_json_reader *reader, const char *name, double fallback)
{
    JsonNode *node = member(reader, name, false);
    if (node == NULL)
        return fallback;
    GType type = json_node_get_value_type(node);
    if (type == G_TYPE_DOUBLE)
        return json_node_get_double(node);
    if (type == G_TYPE_INT64)
        return (double)json_node_get_int(node);
    fail(reader, name, "must be a number");
    return fallback;
}

static bool read_bool(struct dub_json_reader *reader, const char *name, bool required, bool fallback)
{
    JsonNode *node = member(reader, name, required);
    if (node == NULL)
        return fallback;
    if (json_node_get_value_type(node) == G_TYPE_BOOLEAN)
        return json_node_get_boolean(node) != FALSE;
    fail(reader, name, "must be true or false");
    return fallback;
}

bool dub_json_read_bool(struct dub_json_reader *reader, const char *name)
{
    return read_bool(reader, name, true, false);
}

bool dub_json_read_bool_or(struct dub_json_reader *reader, const char *name, bool fallback)
{
    return read_bool(reader, name, false, fallback);
}
