/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "apertium_modes.h"

#include "../engine.h"
#include "pipe_chain.h"
#include <dubbing_log.h>
#include <string.h>

#define SUFFIX ".mode"

void apertium_mode_free(struct apertium_mode *mode)
{
    if (!mode)
        return;
    g_free(mode->source);
    g_free(mode->target);
    g_free(mode->source_variant);
    g_free(mode->target_variant);
    g_free(mode->name);
    g_ptr_array_unref(mode->commands);
    g_free(mode);
}

/* What follows the language: "us" of "eng_US" and of "en-US", "" of "en". */
static char *variant_of(const char *code)
{
    const char *rest = code + strcspn(code, "_-");
    return g_ascii_strdown(*rest != '\0' ? rest + 1 : rest, -1);
}

static bool set_languages(struct apertium_mode *mode)
{
    g_auto(GStrv) codes = g_strsplit(mode->name, "-", -1);
    if (g_strv_length(codes) != 2)
        return false;
    mode->source = engine_language_base(codes[0]);
    mode->target = engine_language_base(codes[1]);
    mode->source_variant = variant_of(codes[0]);
    mode->target_variant = variant_of(codes[1]);
    return mode->source && mode->target;
}

/* $1 is how unknown words are marked: -g marks them, and we look for the marks. $2 is empty outside of
 * debugging. */
static void add_argument(GStrvBuilder *arguments, const char *argument)
{
    if (strcmp(argument, "$1") == 0)
        g_strv_builder_add(arguments, "-g");
    else if (argument[0] != '$')
        g_strv_builder_add(arguments, argument);
}

/* "lt-proc -b 'x.bin'" -> {"lt-proc", "-z", "-b", "x.bin"} */
static GStrv parse_command(const char *command, struct dub_error *error)
{
    GError *failure = NULL;
    g_auto(GStrv) words = NULL;
    if (!g_shell_parse_argv(command, NULL, &words, &failure)) {
        dub_error_take_gerror(error, DUB_ERROR_INVALID_CONFIG, command, &failure);
        return NULL;
    }
    g_autoptr(GStrvBuilder) arguments = g_strv_builder_new();
    g_strv_builder_add(arguments, words[0]);
    g_strv_builder_add(arguments, "-z");
    for (char **word = words + 1; *word; word++)
        add_argument(arguments, *word);
    return g_strv_builder_end(arguments);
}

/* The bars between commands; quoted ones belong to a file's name. */
static GStrv split_pipeline(const char *content)
{
    g_autoptr(GStrvBuilder) parts = g_strv_builder_new();
    g_autofree char *copy = g_strdup(content);
    char *start = copy;
    bool quoted = false;
    for (char *at = copy; *at != '\0'; at++) {
        if (*at == '\'')
            quoted = !quoted;
        if (*at != '|' || quoted)
            continue;
        *at = '\0';
        g_strv_builder_add(parts, start);
        start = at + 1;
    }
    g_strv_builder_add(parts, start);
    return g_strv_builder_end(parts);
}

static bool parse_commands(struct apertium_mode *mode, const char *content, struct dub_error *error)
{
    g_auto(GStrv) parts = split_pipeline(content);
    if (g_strv_length(parts) > PIPE_CHAIN_MAX_PROCESSES)
        return dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "more than %d commands",
                             PIPE_CHAIN_MAX_PROCESSES);
    for (char **part = parts; *part; part++) {
        GStrv command = parse_command(*part, error);
        if (!command)
            return false;
        g_ptr_array_add(mode->commands, command);
    }
    return true;
}

struct apertium_mode *apertium_mode_parse(const char *name, const char *content, struct dub_error *error)
{
    struct apertium_mode *mode = g_new0(struct apertium_mode, 1);
    mode->name = g_strdup(name);
    mode->commands = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    if (!set_languages(mode))
        dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "\"%s\" is no pair of languages", name);
    else if (parse_commands(mode, content, error))
        return mode;
    apertium_mode_free(mode);
    return NULL;
}

static struct apertium_mode *read_mode(const char *directory, const char *file)
{
    g_autofree char *path = g_build_filename(directory, file, NULL);
    g_autofree char *name = g_strndup(file, strlen(file) - strlen(SUFFIX));
    g_autofree char *content = NULL;
    struct dub_error error = {0};
    if (!g_file_get_contents(path, &content, NULL, NULL))
        return NULL;
    struct apertium_mode *mode = apertium_mode_parse(name, content, &error);
    if (!mode)
        dub_log_info("apertium mode %s is not used: %s", path, error.message);
    return mode;
}

static gint compare_names(gconstpointer first, gconstpointer second)
{
    return strcmp(*(const char *const *)first, *(const char *const *)second);
}

static GPtrArray *mode_files(const char *directory)
{
    GPtrArray *files = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir)))
        if (g_str_has_suffix(name, SUFFIX))
            g_ptr_array_add(files, g_strdup(name));
    g_ptr_array_sort(files, compare_names);
    return files;
}

GPtrArray *apertium_modes_read(const char *directory)
{
    GPtrArray *modes = g_ptr_array_new_with_free_func((GDestroyNotify)apertium_mode_free);
    g_autoptr(GPtrArray) files = mode_files(directory);
    for (guint i = 0; i < files->len; i++) {
        struct apertium_mode *mode = read_mode(directory, files->pdata[i]);
        if (mode)
            g_ptr_array_add(modes, mode);
    }
    return modes;
}

static int fit_of(const char *variant, const char *wanted)
{
    if (strcmp(variant, wanted) == 0)
        return 2;
    return *variant == '\0';
}

int apertium_modes_find(const GPtrArray *modes, const char *source, const char *target)
{
    g_autofree char *from = engine_language_base(source);
    g_autofree char *to = engine_language_base(target);
    if (!from || !to)
        return -1;
    g_autofree char *from_variant = variant_of(source);
    g_autofree char *to_variant = variant_of(target);
    int best = -1;
    int best_fit = -1;
    for (guint i = 0; i < modes->len; i++) {
        const struct apertium_mode *mode = modes->pdata[i];
        if (strcmp(mode->source, from) != 0 || strcmp(mode->target, to) != 0)
            continue;
        int fit = fit_of(mode->source_variant, from_variant) + fit_of(mode->target_variant, to_variant);
        if (fit > best_fit) {
            best = (int)i;
            best_fit = fit;
        }
    }
    return best;
}
