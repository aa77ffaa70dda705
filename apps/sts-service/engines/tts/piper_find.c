/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "piper_find.h"

#include "../problems.h"
#include "piper_file.h"
#include <dubbing_log.h>
#include <string.h>

#define SUFFIX ".onnx"
#define MAX_VOICES 256
#define WHAT_TO_DO "fetch one (make models), or set STS_TTS_MODEL to a voice or its folder"

static void found_free(void *data)
{
    struct piper_found *found = data;
    g_free(found->name);
    g_free(found->path);
    piper_voice_free(found->voice);
    g_free(found);
}

/* "es_ES-davefx-medium" of "/models/es_ES-davefx-medium.onnx". */
static char *name_of(const char *path)
{
    char *name = g_path_get_basename(path);
    if (g_str_has_suffix(name, SUFFIX))
        name[strlen(name) - strlen(SUFFIX)] = '\0';
    return name;
}

static void check_model(const char *path, GPtrArray *problems)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, &failure);
    if (!file) {
        problems_add(problems, "%s", failure->message);
        return;
    }
    const char *fault = piper_file_fault(g_mapped_file_get_contents(file), g_mapped_file_get_length(file));
    if (fault)
        problems_add(problems, "%s %s", path, fault);
}

static struct piper_voice *read_settings(const char *path, GPtrArray *problems)
{
    g_autoptr(GPtrArray) own = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *beside = g_strconcat(path, ".json", NULL);
    struct piper_voice *voice = piper_voice_read(beside, own);
    for (guint i = 0; i < own->len; i++)
        problems_add(problems, "%s: %s", beside, (const char *)own->pdata[i]);
    return voice;
}

/* NULL with problems, each with its file. */
static struct piper_found *look_at(const char *path, GPtrArray *problems)
{
    guint before = problems->len;
    check_model(path, problems);
    struct piper_voice *voice = read_settings(path, problems);
    if (problems->len > before) {
        piper_voice_free(voice);
        return NULL;
    }
    struct piper_found *found = g_new0(struct piper_found, 1);
    found->name = name_of(path);
    found->path = g_strdup(path);
    found->voice = voice;
    return found;
}

static bool is_voice_file(const char *folder, const char *name)
{
    if (!g_str_has_suffix(name, SUFFIX))
        return false;
    g_autofree char *file = g_strconcat(name, ".json", NULL);
    g_autofree char *path = g_build_filename(folder, file, NULL);
    return g_file_test(path, G_FILE_TEST_EXISTS);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Paths of what may be voices, by name. */
static GPtrArray *files_in(const char *folder)
{
    g_autoptr(GDir) listing = g_dir_open(folder, 0, NULL);
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    const char *name;
    while (listing && (name = g_dir_read_name(listing)))
        if (is_voice_file(folder, name))
            g_ptr_array_add(paths, g_build_filename(folder, name, NULL));
    g_ptr_array_sort(paths, by_text);
    if (paths->len <= MAX_VOICES)
        return paths;
    dub_log_warn("%s has %u voices: the first %d are used", folder, paths->len, MAX_VOICES);
    g_ptr_array_set_size(paths, MAX_VOICES);
    return paths;
}

static bool set_none(const GPtrArray *problems, const char *folder, struct dub_error *error)
{
    if (problems->len > 0)
        return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_TTS,
                                   "%s: fetch the voice again, or set STS_TTS_MODEL to another",
                                   (const char *)problems->pdata[0]);
    return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_TTS,
                               "no voice of Piper (a file .onnx with its .onnx.json) in %s: " WHAT_TO_DO,
                               folder ? folder : "STS_MODEL_CACHE_DIR");
}

static bool add_folder(GPtrArray *found, const char *folder, struct dub_error *error)
{
    g_autoptr(GPtrArray) paths = files_in(folder);
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < paths->len; i++) {
        struct piper_found *one = look_at(paths->pdata[i], problems);
        if (one)
            g_ptr_array_add(found, one);
    }
    for (guint i = 0; found->len > 0 && i < problems->len; i++)
        dub_log_warn("piper does not use a voice: %s", (const char *)problems->pdata[i]);
    return found->len > 0 || set_none(problems, folder, error);
}

static bool add_file(GPtrArray *found, const char *path, struct dub_error *error)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    struct piper_found *one = look_at(path, problems);
    if (!one) {
        problems_log(problems, "piper");
        return set_none(problems, path, error);
    }
    g_ptr_array_add(found, one);
    return true;
}

static char *with_suffix(const char *path)
{
    return g_str_has_suffix(path, SUFFIX) ? g_strdup(path) : g_strconcat(path, SUFFIX, NULL);
}

GPtrArray *piper_find(const struct engine_config *config, struct dub_error *error)
{
    GPtrArray *found = g_ptr_array_new_with_free_func(found_free);
    g_autofree char *named = engine_model_path(config);
    const char *folder = named ? named : config->model_cache_dir;
    bool done = false;
    if (!folder) {
        g_autoptr(GPtrArray) none = g_ptr_array_new();
        set_none(none, NULL, error);
    } else if (!named || g_file_test(folder, G_FILE_TEST_IS_DIR)) {
        done = add_folder(found, folder, error);
    } else {
        g_autofree char *path = with_suffix(named);
        done = add_file(found, path, error);
    }
    if (done)
        return found;
    g_ptr_array_unref(found);
    return NULL;
}

const struct piper_found *piper_find_named(const GPtrArray *found, const char *name)
{
    g_autofree char *wanted = name_of(name);
    for (guint i = 0; i < found->len; i++) {
        const struct piper_found *one = found->pdata[i];
        if (strcmp(one->name, wanted) == 0)
            return one;
    }
    return NULL;
}

const struct piper_found *piper_find_speaking(const GPtrArray *found, const char *language)
{
    for (guint i = 0; i < found->len; i++) {
        const struct piper_found *one = found->pdata[i];
        if (strcmp(one->voice->language, language) == 0)
            return one;
    }
    return NULL;
}
