/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "request.h"

#include <string.h>

static const char *const method_names[] = {
#define X(name) [RTSP_##name] = #name,
    RTSP_METHODS(X)
#undef X
        [RTSP_METHOD_OTHER] = "",
};

const char *rtsp_method_name(enum rtsp_method method)
{
    return method_names[method];
}

static enum rtsp_method method_of(const char *text)
{
    enum rtsp_method method = 0;
    while (method < RTSP_METHOD_OTHER && strcmp(text, method_names[method]) != 0)
        method++;
    return method;
}

static void clear_header(gpointer data)
{
    struct rtsp_header *header = data;
    g_free(header->name);
    g_free(header->value);
}

void rtsp_message_clear(struct rtsp_message *message)
{
    g_clear_pointer(&message->url, g_free);
    g_clear_pointer(&message->headers, g_array_unref);
    g_clear_pointer(&message->body, g_bytes_unref);
}

const char *rtsp_message_header(const struct rtsp_message *message, const char *name)
{
    for (guint i = 0; i < message->headers->len; i++) {
        const struct rtsp_header *header = &g_array_index(message->headers, struct rtsp_header, i);
        if (g_ascii_strcasecmp(header->name, name) == 0)
            return header->value;
    }
    return NULL;
}

void rtsp_parser_init(struct rtsp_parser *parser)
{
    *parser = (struct rtsp_parser){.bytes = g_byte_array_new()};
}

void rtsp_parser_clear(struct rtsp_parser *parser)
{
    g_clear_pointer(&parser->bytes, g_byte_array_unref);
}

void rtsp_parser_put(struct rtsp_parser *parser, const uint8_t *data, size_t size)
{
    if (parser->at > 0)
        g_byte_array_remove_range(parser->bytes, 0, (guint)parser->at);
    parser->at = 0;
    g_byte_array_append(parser->bytes, data, (guint)size);
}

static const uint8_t *rest(const struct rtsp_parser *parser, size_t *size)
{
    *size = parser->bytes->len - parser->at;
    return parser->bytes->data + parser->at;
}

static void consume(struct rtsp_parser *parser, size_t size)
{
    parser->at += size;
    parser->scanned = 0;
    parser->wanted = 0;
}

static enum rtsp_item take_frame(struct rtsp_parser *parser, const uint8_t *data, size_t size,
                                 struct rtsp_frame *frame)
{
    if (size < RTSP_FRAME_HEADER_BYTES)
        return RTSP_ITEM_NONE;
    size_t length = (size_t)data[2] << 8 | data[3];
    if (size < RTSP_FRAME_HEADER_BYTES + length)
        return RTSP_ITEM_NONE;
    *frame = (struct rtsp_frame){data[1], data + RTSP_FRAME_HEADER_BYTES, length};
    consume(parser, RTSP_FRAME_HEADER_BYTES + length);
    return RTSP_ITEM_FRAME;
}

/* The length of the head with its empty line; 0: it is not complete. */
static size_t find_head(struct rtsp_parser *parser, const uint8_t *data, size_t size)
{
    for (size_t i = parser->scanned; i < size; i++) {
        if (data[i] != '\n')
            continue;
        if ((i >= 1 && data[i - 1] == '\n') || (i >= 2 && data[i - 1] == '\r' && data[i - 2] == '\n'))
            return i + 1;
    }
    parser->scanned = size;
    return 0;
}

/* The next line without its end; NULL after the last. */
static char *next_line(char **text)
{
    char *line = *text;
    char *end = strchr(line, '\n');
    if (end == NULL)
        return NULL;
    *text = end + 1;
    if (end > line && end[-1] == '\r')
        end--;
    *end = '\0';
    return line;
}

static bool add_header(struct rtsp_message *message, const char *line, struct dub_error *error)
{
    const char *colon = strchr(line, ':');
    if (colon == NULL || colon == line)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "a header line without a name and a colon");
    struct rtsp_header header = {.name = g_strchomp(g_strndup(line, (gsize)(colon - line))),
                                 .value = g_strstrip(g_strdup(colon + 1))};
    g_array_append_val(message->headers, header);
    return true;
}

/* A line that begins with white space goes on with the value of the one before. */
static bool unfold(struct rtsp_message *message, const char *line, struct dub_error *error)
{
    if (message->headers->len == 0)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "a folded line without a header before it");
    struct rtsp_header *header =
        &g_array_index(message->headers, struct rtsp_header, message->headers->len - 1);
    g_autofree char *more = g_strstrip(g_strdup(line));
    char *value = g_strjoin(" ", header->value, more, NULL);
    g_free(header->value);
    header->value = value;
    return true;
}

static bool parse_response_line(struct rtsp_message *message, const char *line, struct dub_error *error)
{
    enum { STATUS_MIN = 100, STATUS_MAX = 999 };
    const char *space = strchr(line, ' ');
    guint64 status = space != NULL ? g_ascii_strtoull(space, NULL, 10) : 0;
    if (status < STATUS_MIN || status > STATUS_MAX)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "a response without a status");
    message->status = (unsigned)status;
    return true;
}

/* Errors go into the log, and a URL may have a password in it: only what should be the method is repeated. */
static bool parse_request_line(struct rtsp_message *message, const char *line, struct dub_error *error)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 4);
    if (g_strv_length(words) != 3 || *words[0] == '\0' || *words[1] == '\0')
        return dub_error_set(error, DUB_ERROR_PROTOCOL,
                             "\"%.20s\" does not begin a request line: a method, a URL and RTSP/1.0",
                             words[0] != NULL ? words[0] : "");
    message->method = method_of(words[0]);
    message->url = g_strdup(words[1]);
    message->is_rtsp_1 = g_str_has_prefix(words[2], "RTSP/1.");
    return true;
}

static bool parse_first_line(struct rtsp_message *message, const char *line, struct dub_error *error)
{
    return g_str_has_prefix(line, "RTSP/") ? parse_response_line(message, line, error)
                                           : parse_request_line(message, line, error);
}

static bool parse_head(struct rtsp_message *message, const uint8_t *data, size_t size,
                       struct dub_error *error)
{
    if (!g_utf8_validate_len((const char *)data, size, NULL))
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "a request that is no text");
    g_autofree char *head = g_strndup((const char *)data, size);
    char *left = head;
    const char *line = next_line(&left);
    if (line == NULL)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "a request without a line");
    message->headers = g_array_new(FALSE, FALSE, sizeof(struct rtsp_header));
    g_array_set_clear_func(message->headers, clear_header);
    if (!parse_first_line(message, line, error))
        return false;
    for (unsigned count = 1; (line = next_line(&left)) != NULL && *line != '\0'; count++) {
        if (count > RTSP_MAX_HEADERS)
            return dub_error_set(error, DUB_ERROR_LIMIT, "more than %u header lines", RTSP_MAX_HEADERS);
        bool is_folded = *line == ' ' || *line == '\t';
        if (is_folded ? !unfold(message, line, error) : !add_header(message, line, error))
            return false;
    }
    return true;
}

static bool body_length(const struct rtsp_message *message, size_t *length, struct dub_error *error)
{
    const char *text = rtsp_message_header(message, "Content-Length");
    guint64 value = 0;
    *length = 0;
    if (text == NULL)
        return true;
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, &value, NULL))
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "Content-Length \"%.40s\" is no number", text);
    if (value > RTSP_MAX_BODY_BYTES)
        return dub_error_set(error, DUB_ERROR_LIMIT,
                             "a body of %" G_GUINT64_FORMAT " bytes, at most %u are "
                             "taken",
                             value, RTSP_MAX_BODY_BYTES);
    *length = value;
    return true;
}

/* NONE when its body is not complete: then it is parsed once more when it is. */
static enum rtsp_item parse_message(struct rtsp_parser *parser, size_t head, struct rtsp_message *message,
                                    struct dub_error *error)
{
    size_t size;
    size_t body = 0;
    const uint8_t *data = rest(parser, &size);
    if (!parse_head(message, data, head, error) || !body_length(message, &body, error))
        return RTSP_ITEM_ERROR;
    parser->wanted = head + body;
    if (size < parser->wanted)
        return RTSP_ITEM_NONE;
    if (body > 0)
        message->body = g_bytes_new(data + head, body);
    consume(parser, head + body);
    return RTSP_ITEM_MESSAGE;
}

static enum rtsp_item take_message(struct rtsp_parser *parser, struct rtsp_message *message,
                                   struct dub_error *error)
{
    size_t size;
    const uint8_t *data = rest(parser, &size);
    if (size < parser->wanted)
        return RTSP_ITEM_NONE;
    size_t head = find_head(parser, data, size);
    if (head > RTSP_MAX_HEAD_BYTES || (head == 0 && size > RTSP_MAX_HEAD_BYTES)) {
        dub_error_set(error, DUB_ERROR_LIMIT, "a request whose head is longer than %u bytes",
                      RTSP_MAX_HEAD_BYTES);
        return RTSP_ITEM_ERROR;
    }
    if (head == 0)
        return RTSP_ITEM_NONE;
    *message = (struct rtsp_message){0};
    enum rtsp_item item = parse_message(parser, head, message, error);
    if (item != RTSP_ITEM_MESSAGE)
        rtsp_message_clear(message);
    return item;
}

static void skip_empty_lines(struct rtsp_parser *parser)
{
    size_t size;
    const uint8_t *data = rest(parser, &size);
    size_t n = 0;
    while (n < size && (data[n] == '\r' || data[n] == '\n'))
        n++;
    if (n > 0)
        consume(parser, n);
}

enum rtsp_item rtsp_parser_take(struct rtsp_parser *parser, struct rtsp_message *message,
                                struct rtsp_frame *frame, struct dub_error *error)
{
    size_t size;
    skip_empty_lines(parser);
    const uint8_t *data = rest(parser, &size);
    if (size == 0)
        return RTSP_ITEM_NONE;
    return *data == '$' ? take_frame(parser, data, size, frame) : take_message(parser, message, error);
}
