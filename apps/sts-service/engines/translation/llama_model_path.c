/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "llama_model_path.h"

#include <glib/gstdio.h>
#include <string.h>

#define WHAT_TO_DO "fetch one (make models), or set STS_TRANSLATION_MODEL to its file"

/* Names of models for translation, best first by what their reports say of each other
 * (docs/engines/llama.md). What else lies there may not translate at all: it is named to be used. */
static const char *const by_quality[] = {"translategemma", "hy-mt",  "hunyuan-mt",   "tower-plus",
                                         "eurollm",        "madlad", "towerinstruct"};

static char *configured(const struct engine_config *config)
{
    char *path = engine_model_path(config);
    if (g_file_test(path, G_FILE_TEST_EXISTS))
        return path;
    char *named = g_strconcat(path, ".gguf", NULL);
    if (g_file_test(named, G_FILE_TEST_EXISTS)) {
        g_free(path);
        return named;
    }
    g_free(named);
    return path;
}

/* "mmproj" models are for pictures, beside those of the same name. */
static gsize rank_of(const char *name)
{
    g_autofree char *small = g_ascii_strdown(name, -1);
    gsize rank = 0;
    if (!g_str_has_suffix(small, ".gguf") || strstr(small, "mmproj"))
        return G_N_ELEMENTS(by_quality);
    while (rank < G_N_ELEMENTS(by_quality) && !strstr(small, by_quality[rank]))
        rank++;
    return rank;
}

struct candidate {
    char *path;
    gsize rank;
    goffset bytes;
};

static void consider(struct candidate *best, const char *folder, const char *name, bool largest)
{
    GStatBuf about;
    struct candidate found = {g_build_filename(folder, name, NULL), rank_of(name), 0};
    found.bytes = g_stat(found.path, &about) == 0 ? (goffset)about.st_size : -1;
    bool better =
        found.rank < best->rank || (best->path && found.rank == best->rank &&
                                    (largest ? found.bytes > best->bytes : found.bytes < best->bytes));
    if (found.bytes >= 0 && found.rank < G_N_ELEMENTS(by_quality) && better) {
        g_free(best->path);
        *best = found;
    } else {
        g_free(found.path);
    }
}

static char *best_in_cache(const struct engine_config *config)
{
    struct candidate best = {.rank = G_N_ELEMENTS(by_quality)};
    g_autoptr(GDir) listing = config->model_cache_dir ? g_dir_open(config->model_cache_dir, 0, NULL) : NULL;
    const char *name;
    while (listing && (name = g_dir_read_name(listing)))
        consider(&best, config->model_cache_dir, name, g_strcmp0(config->device, "cuda") == 0);
    return best.path;
}

char *llama_model_path(const struct engine_config *config, struct dub_error *error)
{
    if (config->model && *config->model != '\0')
        return configured(config);
    char *path = best_in_cache(config);
    if (!path)
        dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_TRANSLATION,
                            "no model for translation (translategemma-4b-it.Q4_K_M.gguf and the like) in "
                            "%s: " WHAT_TO_DO,
                            config->model_cache_dir ? config->model_cache_dir : "STS_MODEL_CACHE_DIR");
    return path;
}
