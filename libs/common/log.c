/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line per message, made once, written whole to stderr and to the log file.
 *
 * GLib's writer function brings in what GLib, GStreamer and libsoup have to say. It can be set once per
 * process, so it stays set and looks at the state; dub_log_clear only forgets the state. */
#include <dubbing_log.h>

#include <dubbing_clock.h>
#include <dubbing_file.h>
#include <dubbing_ids.h>
#include <dubbing_json.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MESSAGE_MAX_BYTES 4096
#define TIMESTAMP_LENGTH 24 /* dub_wall_time_format */

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* Guarded by lock, except `level`, which is atomic: it is asked for each message, most of which end there. */
static struct {
    char *component;
    char *instance_id;
    char *stream_id;
    char *run_id;
    char *path; /* NULL: no file */
    int fd;     /* -1: none */
    int64_t size_bytes;
    int64_t max_bytes;
    int max_files;
    bool text;
    bool file_failed; /* said once */
} state = {.fd = -1};
static int level = DUB_LOG_INFO;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void write_whole(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        /* Nobody is left to hear that the log cannot be written. */
        if (n <= 0)
            return;
        data += n;
        size -= (size_t)n;
    }
}

static void say_file_failed(int errnum)
{
    if (state.file_failed)
        return;
    state.file_failed = true;
    g_autofree char *line = g_strdup_printf("%s: cannot write the log file %s: %s; logging to stderr only\n",
                                            state.component, state.path, g_strerror(errnum));
    write_whole(STDERR_FILENO, line, strlen(line));
}

static void open_file(void)
{
    struct stat info;
    state.fd = g_open(state.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (state.fd < 0 || fstat(state.fd, &info) != 0) {
        say_file_failed(errno);
        return;
    }
    state.size_bytes = info.st_size;
}

static void close_file(void)
{
    if (state.fd >= 0)
        close(state.fd);
    state.fd = -1;
}

/* log -> log.1 -> log.2 ...; what would be number max_files falls off the end. */
static void rotate(void)
{
    close_file();
    if (state.max_files <= 1)
        (void)g_unlink(state.path);
    for (int i = state.max_files - 1; i >= 1; i--) {
        g_autofree char *to = g_strdup_printf("%s.%d", state.path, i);
        g_autofree char *from = i > 1 ? g_strdup_printf("%s.%d", state.path, i - 1) : g_strdup(state.path);
        (void)g_rename(from, to);
    }
    open_file();
}

static void append_to_file(const char *line, size_t size)
{
    if (state.path == NULL)
        return;
    if (state.fd >= 0 && state.size_bytes > 0 && state.size_bytes + (int64_t)size > state.max_bytes)
        rotate();
    if (state.fd < 0)
        return;
    ssize_t written = write(state.fd, line, size);
    if (written != (ssize_t)size)
        say_file_failed(written < 0 ? errno : ENOSPC);
    else
        state.size_bytes += written;
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

/* What one line says. */
struct entry {
    enum dub_log_level level;
    const char *domain; /* GLib's; NULL for our own */
    struct dub_log_context context;
    const char *message; /* valid UTF-8 */
};

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

static void emit(const struct entry *entry)
{
    char timestamp[32];
    dub_wall_time_format(dub_wall_time_ms(), timestamp);
    pthread_mutex_lock(&lock);
    g_autofree char *shown = state.text || state.component == NULL
                                 ? format_text(entry, first_of(state.component, "log"), timestamp)
                                 : format_json(entry, timestamp);
    g_autofree char *line = g_strconcat(shown, "\n", NULL);
    write_whole(STDERR_FILENO, line, strlen(line));
    append_to_file(line, strlen(line));
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
        dub_log(DUB_LOG_WARN, context, "%s", line);
        return;
    }
    pthread_mutex_lock(&lock);
    g_autofree char *text = state.text ? json_line_as_text(line) : NULL;
    g_autofree char *whole = g_strconcat(text != NULL ? text : line, "\n", NULL);
    write_whole(STDERR_FILENO, whole, strlen(whole));
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
    close_file();
    g_clear_pointer(&state.component, g_free);
    g_clear_pointer(&state.instance_id, g_free);
    g_clear_pointer(&state.stream_id, g_free);
    g_clear_pointer(&state.run_id, g_free);
    g_clear_pointer(&state.path, g_free);
    state.file_failed = false;
    state.text = false;
}

static void start_file(const struct dub_log_config *config)
{
    if (config->dir == NULL || *config->dir == '\0')
        return;
    const char *stream_id = config->stream_id != NULL ? config->stream_id : "";
    g_autofree char *name =
        g_strdup_printf("%s%s%s.log", config->component, *stream_id != '\0' ? "-" : "", stream_id);
    state.path = g_build_filename(config->dir, name, NULL);
    if (g_mkdir_with_parents(config->dir, 0750) != 0)
        say_file_failed(errno);
    else
        open_file();
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
    state.max_bytes = config->max_bytes > 0 ? config->max_bytes : INT64_MAX;
    state.max_files = config->max_files;
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
