/* SPDX-License-Identifier: GPL-3.0-or-later */
/* json-glib's parser reads comments, assignments and numbers that it cannot hold without a word, recurses as
 * deep as its input says, and takes a long string apart by single bytes, several times. So text from outside
 * is read by a small parser of RFC 8259's grammar, in one pass and without recursion, which builds
 * json-glib's nodes. */
#include <dubbing_json.h>

#include <errno.h>
#include <float.h>
#include <string.h>

struct parser {
    const char *start;
    const char *at;
    const char *end;
    const char *problem;
    JsonNode *root;                           /* owned; NULL before the first value */
    JsonNode *containers[DUB_JSON_MAX_DEPTH]; /* the open ones, outermost first; owned by root */
    unsigned n_members[DUB_JSON_MAX_DEPTH];   /* of these; 0 in arrays */
    unsigned depth;
    unsigned n_values;
    char *name; /* owned; of the member whose value comes next, NULL in arrays */
};

static bool complain(struct parser *parser, const char *problem)
{
    parser->problem = problem;
    return false;
}

static int peek(const struct parser *parser)
{
    return parser->at < parser->end ? (unsigned char)*parser->at : -1;
}

static void skip_space(struct parser *parser)
{
    while (parser->at < parser->end && strchr(" \t\r\n", *parser->at) != NULL && *parser->at != '\0')
        parser->at++;
}

/* Puts a value where it belongs: under the innermost open container. */
static void add_value(struct parser *parser, JsonNode *take_node)
{
    JsonNode *container = parser->depth > 0 ? parser->containers[parser->depth - 1] : NULL;
    if (container == NULL)
        parser->root = take_node;
    else if (JSON_NODE_HOLDS_OBJECT(container))
        json_object_set_member(json_node_get_object(container), parser->name, take_node);
    else
        json_array_add_element(json_node_get_array(container), take_node);
    g_clear_pointer(&parser->name, g_free);
}

static bool accept(struct parser *parser, char c)
{
    if (peek(parser) != (unsigned char)c)
        return false;
    parser->at++;
    return true;
}

static bool accept_word(struct parser *parser, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(parser->end - parser->at) < length || memcmp(parser->at, word, length) != 0)
        return complain(parser, "not a JSON value");
    parser->at += length;
    return true;
}

static unsigned skip_digits(struct parser *parser)
{
    unsigned n = 0;
    for (; g_ascii_isdigit((char)peek(parser)); n++)
        parser->at++;
    return n;
}

/* An integer that int64_t cannot hold is read as a double, and what a double cannot hold as the largest that
 * there is: the text is JSON all the same, and the reader of the field knows its name and its limits. */
static void add_number(struct parser *parser, const char *text, size_t length, bool is_integer)
{
    g_autofree char *copy = g_strndup(text, length);
    errno = 0;
    int64_t whole = is_integer ? g_ascii_strtoll(copy, NULL, 10) : 0;
    if (is_integer && errno != ERANGE) {
        add_value(parser, json_node_init_int(json_node_alloc(), whole));
        return;
    }
    double value = CLAMP(g_ascii_strtod(copy, NULL), -DBL_MAX, DBL_MAX);
    add_value(parser, json_node_init_double(json_node_alloc(), value));
}

static bool parse_number(struct parser *parser)
{
    const char *start = parser->at;
    bool is_integer = true;
    accept(parser, '-');
    bool leading_zero = peek(parser) == '0';
    unsigned digits = skip_digits(parser);
    if (digits == 0 || (leading_zero && digits > 1))
        return complain(parser, "malformed number");
    if (accept(parser, '.')) {
        is_integer = false;
        if (skip_digits(parser) == 0)
            return complain(parser, "malformed number");
    }
    if (peek(parser) == 'e' || peek(parser) == 'E') {
        is_integer = false;
        parser->at++;
        if (!accept(parser, '+'))
            accept(parser, '-');
        if (skip_digits(parser) == 0)
            return complain(parser, "malformed number");
    }
    add_number(parser, start, (size_t)(parser->at - start), is_integer);
    return true;
}

/* The four digits after "\u"; -1 when they are not there. */
static int parse_hex4(struct parser *parser)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = peek(parser) >= 0 ? g_ascii_xdigit_value((char)peek(parser)) : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
        parser->at++;
    }
    return value;
}

/* All of these append what the escape stands for. */

static bool parse_unicode_escape(struct parser *parser, GString *out)
{
    int unit = parse_hex4(parser);
    if (unit < 0)
        return complain(parser, "malformed \\u escape");
    if (unit == 0)
        return complain(parser, "\\u0000 in a string");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return complain(parser, "half of a surrogate pair");
    if (unit < 0xd800 || unit > 0xdbff) {
        g_string_append_unichar(out, (gunichar)unit);
        return true;
    }
    if (!accept(parser, '\\') || !accept(parser, 'u'))
        return complain(parser, "half of a surrogate pair");
    int low = parse_hex4(parser);
    if (low < 0xdc00 || low > 0xdfff)
        return complain(parser, "half of a surrogate pair");
    g_string_append_unichar(out, 0x10000 + ((gunichar)(unit - 0xd800) << 10) + (gunichar)(low - 0xdc00));
    return true;
}

static bool parse_escape(struct parser *parser, GString *out)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    int c = peek(parser);
    if (c < 0)
        return complain(parser, "unterminated string");
    parser->at++;
    if (c == 'u')
        return parse_unicode_escape(parser, out);
    const char *letter = c != 0 ? strchr(letters, c) : NULL;
    if (letter == NULL)
        return complain(parser, "unknown escape in a string");
    g_string_append_c(out, meanings[letter - letters]);
    return true;
}

/* Up to what ends a run of characters that stand for themselves. */
static void skip_plain(struct parser *parser)
{
    const char *at = parser->at;
    while (at < parser->end && (unsigned char)*at >= 0x20 && *at != '"' && *at != '\\')
        at++;
    parser->at = at;
}

/* Owned by the caller; NULL with a problem. Most strings are one run, above all the long ones. */
static char *parse_string(struct parser *parser)
{
    if (!accept(parser, '"')) {
        complain(parser, "expected a string");
        return NULL;
    }
    const char *run = parser->at;
    skip_plain(parser);
    if (peek(parser) == '"')
        return g_strndup(run, (gsize)(parser->at++ - run));
    g_autoptr(GString) out = g_string_new(NULL);
    for (;;) {
        g_string_append_len(out, run, (gssize)(parser->at - run));
        if (parser->at == parser->end) {
            complain(parser, "unterminated string");
            return NULL;
        }
        char c = *parser->at++;
        if (c == '"')
            return g_string_free(g_steal_pointer(&out), FALSE);
        if (c != '\\')
            complain(parser, "control character in a string");
        if (c != '\\' || !parse_escape(parser, out))
            return NULL;
        run = parser->at;
        skip_plain(parser);
    }
}

static bool parse_string_value(struct parser *parser)
{
    g_autofree char *text = parse_string(parser);
    if (text == NULL)
        return false;
    add_value(parser, json_node_init_string(json_node_alloc(), text));
    return true;
}

static bool parse_word(struct parser *parser, const char *word, JsonNode *take_node)
{
    if (!accept_word(parser, word)) {
        json_node_unref(take_node);
        return false;
    }
    add_value(parser, take_node);
    return true;
}

static bool parse_scalar(struct parser *parser)
{
    switch (peek(parser)) {
    case '"':
        return parse_string_value(parser);
    case 't':
        return parse_word(parser, "true", json_node_init_boolean(json_node_alloc(), TRUE));
    case 'f':
        return parse_word(parser, "false", json_node_init_boolean(json_node_alloc(), FALSE));
    case 'n':
        return parse_word(parser, "null", json_node_init_null(json_node_alloc()));
    case -1:
        return complain(parser, "unexpected end");
    default:
        if (peek(parser) != '-' && !g_ascii_isdigit((char)peek(parser)))
            return complain(parser, "not a JSON value");
        return parse_number(parser);
    }
}

static bool parse_member_name(struct parser *parser)
{
    if (parser->n_members[parser->depth - 1]++ == DUB_JSON_MAX_MEMBERS)
        return complain(parser, "too many members in an object");
    skip_space(parser);
    parser->name = parse_string(parser);
    if (parser->name == NULL)
        return false;
    skip_space(parser);
    return accept(parser, ':') || complain(parser, "expected ':'");
}

static bool open_container(struct parser *parser, char closer)
{
    if (parser->depth == DUB_JSON_MAX_DEPTH)
        return complain(parser, "nested too deep");
    JsonNode *node = json_node_new(closer == '}' ? JSON_NODE_OBJECT : JSON_NODE_ARRAY);
    if (closer == '}')
        json_node_take_object(node, json_object_new());
    else
        json_node_take_array(node, json_array_new());
    add_value(parser, node);
    parser->n_members[parser->depth] = 0;
    parser->containers[parser->depth++] = node;
    return true;
}

enum step { STEP_VALUE, STEP_DONE, STEP_FAILED };

/* After a value: closes what ends here, up to the comma before the next value or the end of the text. */
static enum step after_value(struct parser *parser)
{
    while (parser->depth > 0) {
        char closer = JSON_NODE_HOLDS_OBJECT(parser->containers[parser->depth - 1]) ? '}' : ']';
        skip_space(parser);
        if (accept(parser, closer)) {
            parser->depth--;
            continue;
        }
        if (!accept(parser, ',')) {
            complain(parser, "expected ',' or the end of the object or array");
            return STEP_FAILED;
        }
        return closer == ']' || parse_member_name(parser) ? STEP_VALUE : STEP_FAILED;
    }
    return STEP_DONE;
}

/* One value, or the start of a container up to its first value. */
static enum step on_value(struct parser *parser)
{
    if (parser->n_values++ == DUB_JSON_MAX_VALUES) {
        complain(parser, "too many values");
        return STEP_FAILED;
    }
    skip_space(parser);
    if (accept(parser, '{')) {
        if (!open_container(parser, '}'))
            return STEP_FAILED;
        skip_space(parser);
        if (peek(parser) != '}')
            return parse_member_name(parser) ? STEP_VALUE : STEP_FAILED;
    } else if (accept(parser, '[')) {
        if (!open_container(parser, ']'))
            return STEP_FAILED;
        skip_space(parser);
        if (peek(parser) != ']')
            return STEP_VALUE;
    } else if (!parse_scalar(parser)) {
        return STEP_FAILED;
    }
    return after_value(parser);
}

static bool parse_text(struct parser *parser)
{
    enum step step;
    do
        step = on_value(parser);
    while (step == STEP_VALUE);
    if (step == STEP_FAILED)
        return false;
    skip_space(parser);
    return parser->at == parser->end || complain(parser, "text after the value");
}

JsonNode *dub_json_parse(const char *text, gsize size, struct dub_error *error)
{
    struct parser parser = {.start = text, .at = text, .end = text + size};
    if (!g_utf8_validate_len(text, size, NULL)) {
        dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT, "invalid JSON: not UTF-8");
        return NULL;
    }
    if (!parse_text(&parser)) {
        dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT, "invalid JSON: %s at byte %zu", parser.problem,
                      (size_t)(parser.at - parser.start));
        g_clear_pointer(&parser.root, json_node_unref);
        g_free(parser.name);
        return NULL;
    }
    return parser.root;
}
