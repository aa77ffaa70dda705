/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One table drives reading, checking, --help and --print-config. Every item first gets its text (default,
 * environment, command line), then all texts are converted, so that all problems are known before any is
 * printed. */
#include <dubbing_config.h>

#include <dubbing_file.h>
#include <dubbing_ids.h>
#include <stdio.h>
#include <string.h>

#define MASKED "***"

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const log_formats[] = {"auto", "json", "text", NULL};

#define COMMON(member) offsetof(struct dub_common_settings, member)
/* The choices of the first two are kept as text, which is what the log takes. */
static const struct dub_config_item common_items[] = {
    {"LOG_LEVEL", "log-level", DUB_CONFIG_STRING, "info", "least level that is logged", COMMON(log_level),
     .choices = log_levels},
    {"LOG_FORMAT", "log-format", DUB_CONFIG_STRING, "auto", "json, text, or auto: text on a terminal",
     COMMON(log_format), .choices = log_formats},
    {"LOG_DIR", "log-dir", DUB_CONFIG_STRING, ".local/logs", "directory of the log files; empty: none",
     COMMON(log_dir)},
    {"LOG_MAX_BYTES", "log-max-bytes", DUB_CONFIG_BYTES, "10MiB", "size at which a log file is rotated",
     COMMON(log_max_bytes), .min = 1024, .max = INT64_C(1) << 40},
    {"LOG_MAX_FILES", "log-max-files", DUB_CONFIG_INT, "3", "log files kept, the current one included",
     COMMON(log_max_files), .min = 1, .max = 1000},
    {"RUN_ID", "run-id", DUB_CONFIG_STRING, NULL, "id of the run in logs; empty: none", COMMON(run_id)},
    {"INSTANCE_ID", "instance-id", DUB_CONFIG_STRING, NULL, "id of this process in logs; empty: made up",
     COMMON(instance_id)},
    {NULL},
};

/* An item and the text that it has so far. */
struct entry {
    const struct dub_config_item *item;
    char *text; /* owned, never NULL */
};

struct loader {
    const struct dub_config_program *program;
    GArray *entries; /* struct entry */
    GPtrArray *problems;
    GPtrArray *positional; /* NULL: refused */
    void *settings;
};

static void clear_entry(void *data)
{
    g_free(((struct entry *)data)->text);
}

static void add_items(GArray *entries, const struct dub_config_item *items)
{
    for (const struct dub_config_item *item = items; item->name != NULL; item++) {
        struct entry entry = {item, g_strdup(item->default_value != NULL ? item->default_value : "")};
        g_array_append_val(entries, entry);
    }
}

static G_GNUC_PRINTF(2, 3) void add_problem(struct loader *loader, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_ptr_array_add(loader->problems, g_strdup_vprintf(format, args));
    va_end(args);
}

static void set_text(struct entry *entry, const char *text)
{
    g_free(entry->text);
    entry->text = g_strdup(text);
}

static bool is_textual(enum dub_config_type type)
{
    return type == DUB_CONFIG_STRING;
}

static void read_secret_file(struct loader *loader, struct entry *entry)
{
    g_autofree char *variable = g_strconcat(entry->item->name, "_FILE", NULL);
    const char *path = g_getenv(variable);
    if (path == NULL || *path == '\0')
        return;
    const char *direct = g_getenv(entry->item->name);
    if (direct != NULL && *direct != '\0') {
        add_problem(loader, "%s and %s are both set: unset one of them", entry->item->name, variable);
        return;
    }
    struct dub_error error;
    g_autofree char *secret = dub_file_read_secret(path, &error);
    if (secret == NULL)
        add_problem(loader, "%s: %s", variable, error.message);
    else if (*secret == '\0')
        add_problem(loader, "%s: %s is empty: write the secret into it, or unset the variable", variable,
                    path);
    else
        set_text(entry, secret);
}

static void read_environment(struct loader *loader)
{
    for (guint i = 0; i < loader->entries->len; i++) {
        struct entry *entry = &g_array_index(loader->entries, struct entry, i);
        const char *value = g_getenv(entry->item->name);
        /* "NAME=" in an .env file empties a text; for a number it can only mean "not set". */
        if (value != NULL &&
            (*value != '\0' || (is_textual(entry->item->type) && entry->item->choices == NULL)))
            set_text(entry, value);
        if (entry->item->flags & DUB_CONFIG_SECRET)
            read_secret_file(loader, entry);
    }
}

static struct entry *find_flag(struct loader *loader, const char *flag, size_t length)
{
    for (guint i = 0; i < loader->entries->len; i++) {
        struct entry *entry = &g_array_index(loader->entries, struct entry, i);
        if (strlen(entry->item->flag) == length && memcmp(entry->item->flag, flag, length) == 0)
            return entry;
    }
    return NULL;
}

/* One "--flag..." argument; says how many arguments were used. */
static int read_flag(struct loader *loader, char **argv, int left)
{
    const char *flag = argv[0] + 2;
    size_t length = strcspn(flag, "=");
    struct entry *entry = find_flag(loader, flag, length);
    if (entry == NULL) {
        add_problem(loader, "unknown option --%.*s: see --help", (int)length, flag);
        return 1;
    }
    if (flag[length] == '=') {
        set_text(entry, flag + length + 1);
        return 1;
    }
    if (entry->item->type == DUB_CONFIG_BOOL) {
        set_text(entry, "true");
        return 1;
    }
    if (left < 2) {
        add_problem(loader, "--%s needs a value", flag);
        return 1;
    }
    set_text(entry, argv[1]);
    return 2;
}

static void read_arguments(struct loader *loader, int argc, char **argv)
{
    bool only_positional = false;
    for (int i = 1; i < argc;) {
        if (!only_positional && strcmp(argv[i], "--") == 0) {
            only_positional = true;
            i++;
        } else if (!only_positional && g_str_has_prefix(argv[i], "--")) {
            i += read_flag(loader, argv + i, argc - i);
        } else if (!only_positional && argv[i][0] == '-' && argv[i][1] != '\0') {
            add_problem(loader, "unknown option %s: see --help", argv[i++]);
        } else if (loader->positional != NULL) {
            g_ptr_array_add(loader->positional, g_strdup(argv[i++]));
        } else {
            add_problem(loader, "unexpected argument \"%s\": see --help", argv[i++]);
        }
    }
}

static bool parse_bool(const char *text, bool *value)
{
    static const char *const words[2][4] = {{"false", "no", "0", "off"}, {"true", "yes", "1", "on"}};
    for (unsigned i = 0; i < 2; i++)
        for (unsigned j = 0; j < 4; j++)
            if (g_ascii_strcasecmp(text, words[i][j]) == 0) {
                *value = i == 1;
                return true;
            }
    return false;
}

static int find_choice(const char *const *choices, const char *text)
{
    for (int i = 0; choices[i] != NULL; i++)
        if (strcmp(choices[i], text) == 0)
            return i;
    return -1;
}

static char *choices_text(const char *const *choices)
{
    return g_strjoinv(", ", (char **)choices);
}

static char *number_text(enum dub_config_type type, int64_t value)
{
    if (type == DUB_CONFIG_BYTES && value % 1024 == 0 && value != 0)
        return value % (1024 * 1024) == 0 ? g_strdup_printf("%" G_GINT64_FORMAT "MiB", value / (1024 * 1024))
                                          : g_strdup_printf("%" G_GINT64_FORMAT "KiB", value / 1024);
    if (type == DUB_CONFIG_DURATION)
        return value % 1000000000 == 0 ? g_strdup_printf("%" G_GINT64_FORMAT "s", value / 1000000000)
                                       : g_strdup_printf("%" G_GINT64_FORMAT "ms", value / 1000000);
    return g_strdup_printf("%" G_GINT64_FORMAT, value);
}

/* What a problem line shows of the value found. */
static const char *shown(const struct entry *entry)
{
    return entry->item->flags & DUB_CONFIG_SECRET ? MASKED : entry->text;
}

static void *target_of(struct loader *loader, const struct dub_config_item *item)
{
    return (char *)loader->settings + item->offset;
}

static void convert_number(struct loader *loader, const struct entry *entry)
{
    static const char *const expected[] = {
        [DUB_CONFIG_INT] = "a whole number",
        [DUB_CONFIG_DURATION] = "a duration such as 250ms, 10s, 2m or 1h",
        [DUB_CONFIG_BYTES] = "a size such as 1048576, 512KiB or 10MiB",
    };
    const struct dub_config_item *item = entry->item;
    gint64 value = 0;
    bool valid = entry->text[0] == '\0' && !(item->flags & DUB_CONFIG_REQUIRED);
    if (!valid && item->type == DUB_CONFIG_INT)
        valid = g_ascii_string_to_signed(entry->text, 10, G_MININT64, G_MAXINT64, &value, NULL);
    else if (!valid && item->type == DUB_CONFIG_DURATION)
        valid = dub_parse_duration(entry->text, &value);
    else if (!valid)
        valid = dub_parse_bytes(entry->text, &value);

    if (!valid) {
        add_problem(loader, "%s is \"%s\": must be %s", item->name, shown(entry), expected[item->type]);
        return;
    }
    if ((item->min != 0 || item->max != 0) && (value < item->min || value > item->max)) {
        g_autofree char *min = number_text(item->type, item->min);
        g_autofree char *max = number_text(item->type, item->max);
        add_problem(loader, "%s is %s: must be between %s and %s", item->name, shown(entry), min, max);
        return;
    }
    *(int64_t *)target_of(loader, item) = value;
}

static void convert_choice(struct loader *loader, const struct entry *entry)
{
    int index = find_choice(entry->item->choices, entry->text);
    if (index < 0) {
        g_autofree char *allowed = choices_text(entry->item->choices);
        add_problem(loader, "%s is \"%s\": must be one of %s", entry->item->name, shown(entry), allowed);
        return;
    }
    *(int *)target_of(loader, entry->item) = index;
}

static void convert_string(struct loader *loader, const struct entry *entry)
{
    if (entry->item->choices != NULL && find_choice(entry->item->choices, entry->text) < 0) {
        g_autofree char *allowed = choices_text(entry->item->choices);
        add_problem(loader, "%s is \"%s\": must be one of %s", entry->item->name, shown(entry), allowed);
    } else if (!g_utf8_validate(entry->text, -1, NULL)) {
        add_problem(loader, "%s is not UTF-8", entry->item->name);
    }
    *(char **)target_of(loader, entry->item) = g_strdup(entry->text);
}

static void convert_address(struct loader *loader, const struct entry *entry)
{
    g_autofree char *host = NULL;
    uint16_t port;
    if (entry->text[0] != '\0' && !dub_parse_address(entry->text, &host, &port))
        add_problem(loader, "%s is \"%s\": must be host:port, such as 127.0.0.1:8080", entry->item->name,
                    shown(entry));
    *(char **)target_of(loader, entry->item) = g_strdup(entry->text);
}

static void convert_bool(struct loader *loader, const struct entry *entry)
{
    bool value = false;
    if (entry->text[0] != '\0' && !parse_bool(entry->text, &value))
        add_problem(loader, "%s is \"%s\": must be true or false", entry->item->name, shown(entry));
    *(bool *)target_of(loader, entry->item) = value;
}

static void convert(struct loader *loader, const struct entry *entry)
{
    static void (*const converters[])(struct loader *, const struct entry *) = {
        [DUB_CONFIG_STRING] = convert_string,   [DUB_CONFIG_INT] = convert_number,
        [DUB_CONFIG_BOOL] = convert_bool,       [DUB_CONFIG_DURATION] = convert_number,
        [DUB_CONFIG_BYTES] = convert_number,    [DUB_CONFIG_CHOICE] = convert_choice,
        [DUB_CONFIG_ADDRESS] = convert_address,
    };
    if ((entry->item->flags & DUB_CONFIG_REQUIRED) && entry->text[0] == '\0')
        add_problem(loader, "%s is not set: set it or give --%s (%s)", entry->item->name, entry->item->flag,
                    entry->item->help);
    else
        converters[entry->item->type](loader, entry);
}

static bool holds_text(const struct dub_config_item *item)
{
    return item->type == DUB_CONFIG_STRING || item->type == DUB_CONFIG_ADDRESS;
}

/* What is wrong has been said; the checks across values get the default instead. */
static void convert_default(struct loader *loader, const struct dub_config_item *item)
{
    const char *text = item->default_value != NULL ? item->default_value : "";
    const struct entry entry = {item, (char *)text};
    guint known = loader->problems->len;
    if (holds_text(item))
        g_clear_pointer((char **)target_of(loader, item), g_free);
    convert(loader, &entry);
    g_ptr_array_set_size(loader->problems, (gint)known);
}

static void convert_all(struct loader *loader)
{
    for (guint i = 0; i < loader->entries->len; i++) {
        const struct entry *entry = &g_array_index(loader->entries, struct entry, i);
        guint known = loader->problems->len;
        convert(loader, entry);
        if (loader->problems->len > known)
            convert_default(loader, entry->item);
    }
    if (loader->program->check != NULL)
        loader->program->check(loader->settings, loader->problems);
}

static void print_item_help(const struct dub_config_item *item)
{
    const char *secret =
        item->flags & DUB_CONFIG_SECRET ? ", secret, also read from the file in <NAME>_FILE" : "";
    const char *required = item->flags & DUB_CONFIG_REQUIRED ? ", required" : "";
    printf("  --%s (%s)\n      %s", item->flag, item->name, item->help);
    if (item->choices != NULL) {
        g_autofree char *allowed = choices_text(item->choices);
        printf("; one of %s", allowed);
    } else if (item->min != 0 || item->max != 0) {
        g_autofree char *min = number_text(item->type, item->min);
        g_autofree char *max = number_text(item->type, item->max);
        printf("; %s to %s", min, max);
    }
    printf(" [default: %s%s%s]\n", item->default_value != NULL ? item->default_value : "empty", required,
           secret);
}

static void print_help(const struct loader *loader)
{
    const struct dub_config_program *program = loader->program;
    printf("Usage: %s %s\n%s\n\nEach option can also be set by the environment variable in parentheses; the "
           "option\n"
           "wins. Durations are written 250ms, 10s, 2m, 1h; sizes 512KiB, 10MiB.\n\n",
           program->name, program->usage != NULL ? program->usage : "[OPTION...]", program->summary);
    for (guint i = 0; i < loader->entries->len; i++)
        print_item_help(g_array_index(loader->entries, struct entry, i).item);
    printf("  --print-config\n      print the effective configuration, secrets masked, and exit\n"
           "  --version\n      print the version and exit\n"
           "  --help\n      print this help and exit\n");
}

static void print_config(const struct loader *loader)
{
    for (guint i = 0; i < loader->entries->len; i++) {
        const struct entry *entry = &g_array_index(loader->entries, struct entry, i);
        g_autofree char *value = NULL;
        if ((entry->item->flags & DUB_CONFIG_SECRET) && entry->text[0] != '\0')
            value = g_strdup(MASKED);
        else if (entry->item->flags & DUB_CONFIG_URL)
            value = dub_url_mask(entry->text);
        else
            value = g_strdup(entry->text);
        printf("%s=%s\n", entry->item->name, value);
    }
}

/* The problems of the whole configuration in one message. A URL among what was found may hold a password. */
static void print_problems(const struct loader *loader)
{
    fprintf(stderr, "%s: %u problem%s in the configuration:\n", loader->program->name, loader->problems->len,
            loader->problems->len == 1 ? "" : "s");
    for (guint i = 0; i < loader->problems->len; i++) {
        g_autofree char *masked = dub_url_mask_in(g_ptr_array_index(loader->problems, i));
        fprintf(stderr, "  %s\n", masked);
    }
}

/* Removes the argument where it stands before any "--" and says whether it did. */
static bool take_argument(int *argc, char **argv, const char *argument)
{
    for (int i = 1; i < *argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], argument) != 0)
            continue;
        memmove(argv + i, argv + i + 1, (size_t)(*argc - i - 1) * sizeof(*argv));
        (*argc)--;
        return true;
    }
    return false;
}

static enum dub_config_result load(struct loader *loader, int argc, char **argv)
{
    if (take_argument(&argc, argv, "--help") || take_argument(&argc, argv, "-h")) {
        print_help(loader);
        return DUB_CONFIG_EXIT_SUCCESS;
    }
    if (take_argument(&argc, argv, "--version")) {
        printf("%s %s\n", loader->program->name, DUB_VERSION);
        return DUB_CONFIG_EXIT_SUCCESS;
    }
    bool print_only = take_argument(&argc, argv, "--print-config");
    read_environment(loader);
    read_arguments(loader, argc, argv);
    convert_all(loader);
    if (loader->problems->len > 0) {
        print_problems(loader);
        return DUB_CONFIG_EXIT_USAGE;
    }
    if (print_only) {
        print_config(loader);
        return DUB_CONFIG_EXIT_SUCCESS;
    }
    return DUB_CONFIG_OK;
}

enum dub_config_result dub_config_load(const struct dub_config_program *program, int argc, char **argv,
                                       void *settings, char ***positional)
{
    g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(struct entry));
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) collected = g_ptr_array_new_with_free_func(g_free);
    /* A copy of the array, for take_argument changes it. */
    g_autofree char **arguments = g_memdup2(argv, ((size_t)argc + 1) * sizeof(*argv));
    struct loader loader = {.program = program,
                            .entries = entries,
                            .problems = problems,
                            .positional = positional != NULL ? collected : NULL,
                            .settings = settings};
    g_array_set_clear_func(entries, clear_entry);
    add_items(entries, program->items);
    add_items(entries, common_items);
    enum dub_config_result result = load(&loader, argc, arguments);
    fflush(stdout);
    if (positional != NULL) {
        g_ptr_array_add(collected, NULL);
        *positional = (char **)g_ptr_array_free(g_steal_pointer(&collected), FALSE);
    }
    return result;
}

static void clear_strings(const struct dub_config_item *items, void *settings)
{
    for (const struct dub_config_item *item = items; item->name != NULL; item++)
        if (holds_text(item))
            g_clear_pointer((char **)((char *)settings + item->offset), g_free);
}

void dub_config_clear(const struct dub_config_program *program, void *settings)
{
    clear_strings(program->items, settings);
    clear_strings(common_items, settings);
}
