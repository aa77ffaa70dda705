/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "whisper_model_path.h"

#include <string.h>

#define WHAT_TO_DO "fetch one (make models), or set STS_ASR_MODEL to its file"

/* Best first; what a processor cannot do while the speech lasts is for a GPU. */
static const char *const by_quality[] = {"large-v3-turbo", "large-v3", "medium",  "small",   "base",
                                         "tiny",           "small.en", "base.en", "tiny.en", NULL};
#define FIRST_FOR_PROCESSORS 3

static char *in_cache(const struct engine_config *config, const char *name)
{
    g_autofree char *file = g_strdup_printf("ggml-%s.bin", name);
    return g_build_filename(config->model_cache_dir, file, NULL);
}

static char *configured(const struct engine_config *config)
{
    char *path = engine_model_path(config);
    if (!config->model_cache_dir || strchr(config->model, '/') || g_file_test(path, G_FILE_TEST_EXISTS))
        return path;
    g_autofree char *named = in_cache(config, config->model);
    if (!g_file_test(named, G_FILE_TEST_EXISTS))
        return path;
    g_free(path);
    return g_steal_pointer(&named);
}

static char *best_in_cache(const struct engine_config *config)
{
    gsize first = g_strcmp0(config->device, "cuda") == 0 ? 0 : FIRST_FOR_PROCESSORS;
    for (gsize i = first; config->model_cache_dir && by_quality[i]; i++) {
        g_autofree char *path = in_cache(config, by_quality[i]);
        if (g_file_test(path, G_FILE_TEST_EXISTS))
            return g_steal_pointer(&path);
    }
    return NULL;
}

char *whisper_model_path(const struct engine_config *config, struct dub_error *error)
{
    if (config->model && *config->model != '\0')
        return configured(config);
    char *path = best_in_cache(config);
    if (!path)
        dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_ASR,
                            "no model of whisper.cpp (ggml-small.bin and the like) in %s: " WHAT_TO_DO,
                            config->model_cache_dir ? config->model_cache_dir : "STS_MODEL_CACHE_DIR");
    return path;
}

/* Their names end with the version, "ggml-silero-v6.2.0.bin": the greatest is the newest. */
static char *newest_voice_in(const char *folder)
{
    g_autoptr(GDir) listing = g_dir_open(folder, 0, NULL);
    g_autofree char *newest = NULL;
    const char *name;
    while (listing && (name = g_dir_read_name(listing))) {
        if (!g_str_has_prefix(name, "ggml-silero-") || !g_str_has_suffix(name, ".bin") ||
            (newest && strcmp(name, newest) < 0))
            continue;
        g_free(newest);
        newest = g_strdup(name);
    }
    return newest ? g_build_filename(folder, newest, NULL) : NULL;
}

char *whisper_voice_path(const struct engine_config *config, const char *model_path)
{
    g_autofree char *beside = g_path_get_dirname(model_path);
    char *found = newest_voice_in(beside);
    return found || !config->model_cache_dir ? found : newest_voice_in(config->model_cache_dir);
}
