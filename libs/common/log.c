/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line per message, made once, written whole to stderr and to the log file.
 *
 * GLib's writer function brings in what GLib, GStreamer and libsoup have to say. It can be set once per
 * process, so it stays set and looks at the state; dub_log_clear only forgets the state. */
#include <dubbing_log.h>

#include "log_file.h"

#include <dubbing_clock.h>
#include <dubbing_ids.h>
#include <dubbing_json.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_MAX_BYTES 4096
#define TIMESTAMP_LENGTH 24 /* dub_wall_time_format */
#define OLD_STREAM_S (7 * 24 * 3600)

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* Guarded by lock, except `level`, which is atomic: it is asked for each message, most of which end there. */
static struct {
    char *component;
    char *instance_id;
    char *stream_id;
    char *run_id;
    struct log_file file;
    bool text;
    int64_t unread;   /* lines that stderr had no room for since it last had */
    bool unread_part; /* of the first of them the beginning is there */
} state = {.file = {.fd = -1}};
static int level = DUB_LOG_INFO;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* What one line says. */
struct entry {
    enum dub_log_level level;
    const char *domain; /* GLib's; NULL for our own */
    struct dub_log_context context;
    const char *message; /* valid UTF-8 */
};

/* Where stderr is a pipe or a terminal that nobody reads a write would wait, and with it whoever logs. A pipe
 * that polls as writable takes PIPE_BUF bytes without waiting. (O_NONBLOCK would be set for all that share
 * it.)
 */
static bool has_room(void)
{
    struct pollfd stderr_fd = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&stderr_fd, 1, 0) > 0;
}

/* How much of it there was room for. */
static size_t write_what_fits(const char *data, size_t size)
{
    size_t written = 0;
    while (written < size && has_room()) {
        ssize_t n = write(STDERR_FILENO, data + written, MIN(size - written, PIPE_BUF));
        if (n < 0 && errno == EINTR)
            continue;
        /* Nobody is left to hear that the log cannot be written. */
        if (n <= 0)
            return size;
        written += (size_t)n;
    }
    return written;
}

static char *format_line(const struct entry *entry);

/* Lock held. False while there is no room for it. */
static bool tell_unread(void)
{
    if (state.unread == 0)
        return true;
    g_autofree char *text =
        g_strdup_printf("%" G_GINT64_FORMAT " lines are missing here: nobody read them", state.unread);
    struct entry entry = {.level = DUB_LOG_WARN, .message = text};
    g_autofree char *line = format_line(&entry);
    g_autofree char *whole = g_strconcat(state.unread_part ? "\n" : "", line, NULL);
    if (!has_room())
        return false;
    /* It is shorter than PIPE_BUF. */
    (void)write_what_fits(whole, strlen(whole));
    state.unread = 0;
    state.unread_part = false;
    return true;
}

/* Lock held. Does not wait: what has no room is left out, and said once there is room again. */
static void write_stderr(const char *line, size_t size)
{
    size_t written = tell_unread() ? write_what_fits(line, size) : 0;
    if (written == size)
        return;
    state.unread++;
    state.unread_part |= written > 0;
}

/* A copy that is UTF-8 and no longer than MESSAGE_MAX_BYTES. */
static char *tidy(const char *message)
{
    if (strlen(message) <= MESSAGE_MAX_BYTES)
        return g_utf8_make_valid(message, -1);
    const char *end = message + MESSAGE_MAX_BYTES;
    /* Not in the middle of a character. */
    while (end > message && ((unsigned char)*end & 0xc0) == 0x80)
        end--;
    return g_utf8_make_valid(message, end - message);
}

static void append_escaped(GString *line, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c == '\n')
            g_string_append(line, "\\n");
        else if (*c == '\t')
            g_string_append_c(line, ' ');
        else if (*c < 0x20 || *c == 0x7f)
            g_string_append_printf(line, "\\x%02x", *c);
        else
            g_string_append_c(line, (char)*c);
    }
}

static void add_field(JsonObject *object, const char *name, const char *value)
{
    if (value == NULL || *value == '\0')
        return;
    g_autofree char *valid = g_utf8_make_valid(value, -1);
    json_object_set_string_member(object, name, valid);
}

static const char *first_of(const char *a, const char *b)
{
    return a != NULL ? a : b;
}

static char *format_json(const struct entry *entry, const char *timestamp)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "timestamp", timestamp);
    json_object_set_string_member(object, "level", level_names[entry->level]);
    add_field(object, "component", state.component);
    add_field(object, "instanceId", state.instance_id);
    add_field(object, "streamId", first_of(entry->context.stream_id, state.stream_id));
    add_field(object, "runId", first_of(entry->context.run_id, state.run_id));
    add_field(object, "fragmentId", entry->context.fragment_id);
    add_field(object, "sessionId", entry->context.session_id);
    add_field(object, "workerId", entry->context.worker_id);
    add_field(object, "domain", entry->domain);
    json_object_set_string_member(object, "message", entry->message);
    return dub_json_object_to_string_take(object);
}

static char *format_text(const struct entry *entry, const char *component, const char *timestamp)
{
    GString *line = g_string_new(NULL);
    /* The time of day is enough on a terminal. */
    g_string_append_printf(line, "%.12s %-5s %s", timestamp + 11, level_names[entry->level], component);
    const char *stream_id = first_of(entry->context.stream_id, state.stream_id);
    if (stream_id != NULL)
        g_string_append_printf(line, "[%s]", stream_id);
    g_string_append(line, ": ");
    if (entry->domain != NULL)
        g_string_append_printf(line, "(%s) ", entry->domain);
    append_escaped(line, entry->message);
    return g_string_free(line, FALSE);
}

/* Lock held. With its end of line. */
static char *format_line(const struct entry *entry)
{
    char timestamp[32];
    dub_wall_time_format(dub_wall_time_ms(), timestamp);
    g_autofree char *shown = state.text || state.component == NULL
                                 ? format_text(entry, first_of(state.component, "log"), timestamp)
                                 : format_json(entry, timestamp);
    return g_strconcat(shown, "\n", NULL);
}

/* Lock held. */
static enum log_file_news write_entry(const struct entry *entry, bool to_file)
{
    g_autofree char *line = format_line(entry);
    write_stderr(line, strlen(line));
    return to_file ? log_file_append(&state.file, line, strlen(line)) : LOG_FILE_NO_NEWS;
}

/* Lock held. Said when it begins and when it ends, not for each line. */
static void tell_news(enum log_file_news news)
{
    bool again = news == LOG_FILE_AGAIN;
    g_autofree char *text = again
                                ? g_strdup_printf("the log file %s is written again; %" G_GINT64_FORMAT
                                                  " lines are missing in it",
                                                  state.file.path, state.file.missing)
                                : g_strdup_printf("cannot write the log file %s: %s; logging to stderr only",
                                                  state.file.path, g_strerror(state.file.errnum));
    g_autofree char *message = g_utf8_make_valid(text, -1);
    struct entry entry = {.level = DUB_LOG_WARN, .message = message};
    (void)write_entry(&entry, again);
}

static void emit(const struct entry *entry)
{
    pthread_mutex_lock(&lock);
    enum log_file_news news = write_entry(entry, true);
    if (news != LOG_FILE_NO_NEWS)
        tell_news(news);
    pthread_mutex_unlock(&lock);
}

void dub_log(enum dub_log_level message_level, const struct dub_log_context *context, const char *format, ...)
{
    if ((int)message_level < g_atomic_int_get(&level))
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *formatted = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *message = tidy(formatted);
    struct entry entry = {.level = message_level, .message = message};
    if (context != NULL)
        entry.context = *context;
    emit(&entry);
}

static const char *member_text(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    return node != NULL && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node)
                                                                           : NULL;
}

static enum dub_log_level level_from_name(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(level_names); i++)
        if (g_strcmp0(name, level_names[i]) == 0)
            return (enum dub_log_level)i;
    return DUB_LOG_INFO;
}

/* A JSON line of ours as text; NULL when it is something else. Lock held. */
static char *json_line_as_text(const char *line)
{
    g_autoptr(JsonNode) node = dub_json_parse(line, strlen(line), NULL);
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        return NULL;
    JsonObject *object = json_node_get_object(node);
    const char *timestamp = member_text(object, "timestamp");
    const char *message = member_text(object, "message");
    const char *component = member_text(object, "component");
    if (message == NULL || component == NULL || timestamp == NULL || strlen(timestamp) != TIMESTAMP_LENGTH)
        return NULL;
    struct entry entry = {.level = level_from_name(member_text(object, "level")),
                          .domain = member_text(object, "domain"),
                          .context = {.stream_id = member_text(object, "streamId")},
                          .message = message};
    return format_text(&entry, component, timestamp);
}

void dub_log_forward(const struct dub_log_context *context, const char *line)
{
    if (*line != '{') {
        g_autofree char *masked = dub_url_mask_in(line);
        dub_log(DUB_LOG_WARN, context, "%s", masked);
        return;
    }
    pthread_mutex_lock(&lock);
    g_autofree char *text = state.text ? json_line_as_text(line) : NULL;
    g_autofree char *whole = g_strconcat(text != NULL ? text : line, "\n", NULL);
    write_stderr(whole, strlen(whole));
    pthread_mutex_unlock(&lock);
}

static enum dub_log_level level_of_glib(GLogLevelFlags flags)
{
    if (flags & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
        return DUB_LOG_ERROR;
    if (flags & G_LOG_LEVEL_WARNING)
        return DUB_LOG_WARN;
    return flags & (G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO) ? DUB_LOG_INFO : DUB_LOG_DEBUG;
}

static const char *find_field(const GLogField *fields, gsize n_fields, const char *key)
{
    for (gsize i = 0; i < n_fields; i++)
        if (strcmp(fields[i].key, key) == 0 && fields[i].length == -1)
            return fields[i].value;
    return NULL;
}

static GLogWriterOutput write_glib_message(GLogLevelFlags flags, const GLogField *fields, gsize n_fields,
                                           gpointer user)
{
    enum dub_log_level message_level = level_of_glib(flags);
    if ((int)message_level < g_atomic_int_get(&level))
        return G_LOG_WRITER_HANDLED;
    const char *text = find_field(fields, n_fields, "MESSAGE");
    g_autofree char *message = tidy(text != NULL ? text : "");
    struct entry entry = {
        .level = message_level, .domain = find_field(fields, n_fields, "GLIB_DOMAIN"), .message = message};
    emit(&entry);
    return G_LOG_WRITER_HANDLED;
}

static void free_state(void)
{
    log_file_clear(&state.file);
    g_clear_pointer(&state.component, g_free);
    g_clear_pointer(&state.instance_id, g_free);
    g_clear_pointer(&state.stream_id, g_free);
    g_clear_pointer(&state.run_id, g_free);
    state.text = false;
    state.unread = 0;
    state.unread_part = false;
}

static void start_file(const struct dub_log_config *config)
{
    if (config->dir == NULL || *config->dir == '\0')
        return;
    const char *stream_id = config->stream_id != NULL ? config->stream_id : "";
    g_autofree char *prefix = g_strdup_printf("%s-", config->component);
    g_autofree char *name = *stream_id != '\0' ? g_strdup_printf("%s%s.log", prefix, stream_id)
                                               : g_strdup_printf("%s.log", config->component);
    g_autofree char *path = g_build_filename(config->dir, name, NULL);
    log_file_init(&state.file, path, config->max_bytes > 0 ? config->max_bytes : INT64_MAX,
                  config->max_files);
    /* Streams come and go under ever new names; each leaves a file. */
    if (*stream_id != '\0')
        log_file_remove_old(config->dir, prefix, OLD_STREAM_S);
}

static char *copy_or_null(const char *text)
{
    return text != NULL && *text != '\0' ? g_strdup(text) : NULL;
}

const char *dub_log_instance_id(void)
{
    return state.instance_id;
}

void dub_log_init(const struct dub_log_config *config)
{
    static bool writer_is_set;
    pthread_mutex_lock(&lock);
    free_state();
    state.component = g_strdup(config->component);
    state.instance_id = copy_or_null(config->instance_id);
    if (state.instance_id == NULL)
        state.instance_id = dub_uuid_new();
    state.stream_id = copy_or_null(config->stream_id);
    state.run_id = copy_or_null(config->run_id);
    bool automatic = g_strcmp0(config->format, "json") != 0 && g_strcmp0(config->format, "text") != 0;
    state.text = automatic ? isatty(STDERR_FILENO) == 1 : strcmp(config->format, "text") == 0;
    g_atomic_int_set(&level, (int)level_from_name(config->level));
    start_file(config);
    pthread_mutex_unlock(&lock);
    if (!writer_is_set)
        g_log_set_writer_func(write_glib_message, NULL, NULL);
    writer_is_set = true;
}

void dub_log_clear(void)
{
    pthread_mutex_lock(&lock);
    free_state();
    g_atomic_int_set(&level, DUB_LOG_INFO);
    pthread_mutex_unlock(&lock);
}
