/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models.h"

#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define USAGE "usage: sts-service models list [--json] | check | path NAME\n"
#define READ_BYTES (1 << 20)

static char *path_of(const struct model_entry *entry, const char *folder)
{
    return g_build_filename(folder, entry->file, NULL);
}

/* NULL: it cannot be read. */
static char *sha256_of(const char *path)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        return NULL;
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree guchar *data = g_malloc(READ_BYTES);
    size_t count;
    while ((count = fread(data, 1, READ_BYTES, file)) > 0)
        g_checksum_update(sum, data, (gssize)count);
    bool failed = ferror(file) != 0;
    fclose(file);
    return failed ? NULL : g_strdup(g_checksum_get_string(sum));
}

enum model_state model_state_of(const struct model_entry *entry, const char *folder, bool quick)
{
    g_autofree char *path = path_of(entry, folder);
    struct stat status;
    if (stat(path, &status) != 0)
        return MODEL_ABSENT;
    if (!S_ISREG(status.st_mode) || status.st_size != entry->size_bytes)
        return MODEL_SPOILT;
    if (quick || !entry->sha256)
        return MODEL_WHOLE;
    g_autofree char *sum = sha256_of(path);
    return g_strcmp0(sum, entry->sha256) == 0 ? MODEL_WHOLE : MODEL_SPOILT;
}

static const char *state_word(enum model_state state)
{
    static const char *const words[] = {"-", "here", "spoilt"};
    return words[state];
}

static void list_as_text(const struct model_entry *manifest, const char *folder, GString *out)
{
    g_string_append_printf(out, "%-24s %-11s %-8s %-6s %9s  %-13s %s\n", "NAME", "STAGE", "ENGINE", "DEVICE",
                           "MB", "LICENCE", "STATE");
    for (const struct model_entry *entry = manifest; entry->name; entry++)
        g_string_append_printf(out, "%-24s %-11s %-8s %-6s %9.1f  %-13s %s\n", entry->name, entry->stage,
                               entry->engine, entry->device, (double)entry->size_bytes / 1e6, entry->licence,
                               state_word(model_state_of(entry, folder, true)));
    g_string_append_printf(out, "in %s; fetched by: make models LANGS=\"en es\"\n", folder);
}

static void add_string(JsonBuilder *json, const char *name, const char *value)
{
    json_builder_set_member_name(json, name);
    if (value)
        json_builder_add_string_value(json, value);
    else
        json_builder_add_null_value(json);
}

static void add_entry(JsonBuilder *json, const struct model_entry *entry, const char *folder)
{
    g_autofree char *path = path_of(entry, folder);
    json_builder_begin_object(json);
    add_string(json, "name", entry->name);
    add_string(json, "path", path);
    add_string(json, "stage", entry->stage);
    add_string(json, "engine", entry->engine);
    add_string(json, "languages", entry->languages);
    add_string(json, "device", entry->device);
    json_builder_set_member_name(json, "size_bytes");
    json_builder_add_int_value(json, entry->size_bytes);
    add_string(json, "sha256", entry->sha256);
    add_string(json, "licence", entry->licence);
    add_string(json, "address", entry->address);
    add_string(json, "state", state_word(model_state_of(entry, folder, true)));
    json_builder_end_object(json);
}

static void list_as_json(const struct model_entry *manifest, const char *folder, GString *out)
{
    g_autoptr(JsonBuilder) json = json_builder_new();
    json_builder_begin_array(json);
    for (const struct model_entry *entry = manifest; entry->name; entry++)
        add_entry(json, entry, folder);
    json_builder_end_array(json);
    g_autoptr(JsonNode) root = json_builder_get_root(json);
    g_autofree char *text = json_to_string(root, TRUE);
    g_string_append_printf(out, "%s\n", text);
}

static int check(const struct model_entry *manifest, const char *folder, GString *out, GString *complaint)
{
    int here = 0;
    int exit_code = 0;
    for (const struct model_entry *entry = manifest; entry->name; entry++) {
        enum model_state state = model_state_of(entry, folder, false);
        here += state == MODEL_WHOLE;
        if (state == MODEL_WHOLE)
            g_string_append_printf(out, "%s: whole\n", entry->file);
        if (state != MODEL_SPOILT)
            continue;
        exit_code = 1;
        g_string_append_printf(complaint,
                               "%s/%s is not the file that it should be: remove it and fetch it again\n",
                               folder, entry->file);
    }
    if (here == 0 && exit_code == 0)
        g_string_append_printf(out, "none of the recommended models is in %s\n", folder);
    return exit_code;
}

static int path(const struct model_entry *manifest, const char *folder, const char *name, GString *out,
                GString *complaint)
{
    for (const struct model_entry *entry = manifest; entry->name; entry++) {
        if (strcmp(entry->name, name) != 0)
            continue;
        g_autofree char *where = path_of(entry, folder);
        enum model_state state = model_state_of(entry, folder, true);
        g_string_append_printf(state == MODEL_WHOLE ? out : complaint, "%s%s\n", where,
                               state == MODEL_WHOLE    ? ""
                               : state == MODEL_ABSENT ? " is not there: fetch it with make models"
                                                       : " is not whole: remove it and fetch it again");
        return state == MODEL_WHOLE ? 0 : 1;
    }
    g_string_append_printf(complaint, "no model is called \"%s\"; sts-service models list names them\n",
                           name);
    return 2;
}

int models_command(const struct model_entry *manifest, const char *folder, int count, char **words,
                   GString *out, GString *complaint)
{
    const char *what = count > 0 ? words[0] : "";
    if (strcmp(what, "list") == 0 && count == 1)
        list_as_text(manifest, folder, out);
    else if (strcmp(what, "list") == 0 && count == 2 && strcmp(words[1], "--json") == 0)
        list_as_json(manifest, folder, out);
    else if (strcmp(what, "check") == 0 && count == 1)
        return check(manifest, folder, out, complaint);
    else if (strcmp(what, "path") == 0 && count == 2)
        return path(manifest, folder, words[1], out, complaint);
    else {
        g_string_append(complaint, USAGE);
        return 2;
    }
    return 0;
}
