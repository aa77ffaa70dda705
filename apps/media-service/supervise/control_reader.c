/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control_reader.h"

#include <dubbing_json.h>
#include <string.h>

void control_reader_init(struct control_reader *reader, const struct control_reader_events *events,
                         void *user)
{
    *reader = (struct control_reader){.events = events, .user = user, .unfinished = g_byte_array_new()};
}

void control_reader_clear(struct control_reader *reader)
{
    g_clear_pointer(&reader->unfinished, g_byte_array_unref);
}

void control_reader_reset(struct control_reader *reader)
{
    g_byte_array_set_size(reader->unfinished, 0);
    reader->greeted = false;
}

static bool handle_hello(struct control_reader *reader, JsonNode *node, struct dub_error *error)
{
    struct dub_worker_hello hello = {0};
    bool ok = dub_worker_hello_read(&hello, node, error);
    if (ok && !reader->events->on_hello(&hello, reader->user))
        ok = dub_error_set(error, DUB_ERROR_PROTOCOL, "this is another worker");
    reader->greeted = ok;
    dub_worker_hello_clear(&hello);
    return ok;
}

static bool handle_status(struct control_reader *reader, JsonNode *node, struct dub_error *error)
{
    struct dub_worker_status status = {0};
    bool ok = dub_worker_status_read(&status, node, error);
    if (ok)
        reader->events->on_status(&status, reader->user);
    dub_worker_status_clear(&status);
    return ok;
}

static bool handle_phrase(struct control_reader *reader, JsonNode *node, struct dub_error *error)
{
    struct dub_ledger_line line = {0};
    bool ok = dub_worker_phrase_read(&line, node, error);
    if (ok)
        reader->events->on_phrase(&line, reader->user);
    dub_ledger_line_clear(&line);
    return ok;
}

static bool handle_message(struct control_reader *reader, JsonNode *node, struct dub_error *error)
{
    enum dub_worker_message_type type = dub_worker_message_type(node);
    if (type == DUB_WORKER_MESSAGE_HELLO)
        return handle_hello(reader, node, error);
    if (!reader->greeted)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "the first message is not a hello");
    if (type == DUB_WORKER_MESSAGE_STATUS)
        return handle_status(reader, node, error);
    if (type == DUB_WORKER_MESSAGE_PHRASE)
        return handle_phrase(reader, node, error);
    return true;
}

static bool check_length(gsize size, struct dub_error *error)
{
    return size <= DUB_CONTROL_LINE_BYTES_MAX ||
           dub_error_set(error, DUB_ERROR_LIMIT, "a line is longer than %u bytes",
                         DUB_CONTROL_LINE_BYTES_MAX);
}

static bool handle_line(struct control_reader *reader, const char *line, gsize size, struct dub_error *error)
{
    if (!check_length(size, error))
        return false;
    g_autoptr(JsonNode) node = dub_json_parse(line, size, error);
    if (node == NULL)
        return false;
    if (!JSON_NODE_HOLDS_OBJECT(node))
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "a message must be a JSON object");
    return handle_message(reader, node, error);
}

/* Handles the whole lines among what was received and keeps the rest. */
bool control_reader_take(struct control_reader *reader, const char *bytes, gsize size,
                         struct dub_error *error)
{
    g_byte_array_append(reader->unfinished, (const guint8 *)bytes, (guint)size);
    const char *begin = (const char *)reader->unfinished->data;
    const char *start = begin;
    const char *end = begin + reader->unfinished->len;
    for (const char *newline;
         start < end && (newline = memchr(start, '\n', (size_t)(end - start))) != NULL;) {
        if (!handle_line(reader, start, (gsize)(newline - start), error))
            return false;
        start = newline + 1;
    }
    g_byte_array_remove_range(reader->unfinished, 0, (guint)(start - begin));
    return check_length(reader->unfinished->len, error);
}
