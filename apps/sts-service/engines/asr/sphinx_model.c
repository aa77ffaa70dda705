/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sphinx_model.h"

#include "../engine.h"
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_DIRECTORY "/usr/share/pocketsphinx/model/en-us"
#define INSTALL_HINT "install the package pocketsphinx-en-us or set STS_ASR_MODEL to a model directory"

void sphinx_model_clear(struct sphinx_model *model)
{
    g_free(model->name);
    g_free(model->language);
    g_free(model->directory);
    g_free(model->acoustic_dir);
    g_free(model->language_model);
    g_free(model->dictionary);
    g_free(model->decoder_params);
    *model = (struct sphinx_model){0};
}

static bool has_suffix(const char *name, const char *const *suffixes)
{
    for (; *suffixes; suffixes++)
        if (g_str_has_suffix(name, *suffixes))
            return true;
    return false;
}

/* The one word-level language model: phone models lie beside it. */
static bool is_language_model(const char *name)
{
    static const char *const suffixes[] = {".lm.bin", ".lm", ".lm.dmp", NULL};
    return has_suffix(name, suffixes) && !strstr(name, "phone");
}

static bool is_dictionary(const char *name)
{
    static const char *const suffixes[] = {".dict", ".dic", NULL};
    return has_suffix(name, suffixes);
}

static void keep_first(char **slot, const char *directory, const char *name)
{
    if (!*slot)
        *slot = g_build_filename(directory, name, NULL);
}

static void assign(struct sphinx_model *model, const char *name)
{
    g_autofree char *mdef = g_build_filename(model->directory, name, "mdef", NULL);
    if (g_file_test(mdef, G_FILE_TEST_IS_REGULAR))
        keep_first(&model->acoustic_dir, model->directory, name);
    else if (is_language_model(name))
        keep_first(&model->language_model, model->directory, name);
    else if (is_dictionary(name))
        keep_first(&model->dictionary, model->directory, name);
    else if (strcmp(name, "decoder.params") == 0)
        keep_first(&model->decoder_params, model->directory, name);
}

static bool missing(const char *what, const char *directory, struct dub_error *error)
{
    return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_ASR, "no %s in %s: " INSTALL_HINT,
                               what, directory);
}

static bool find_parts(struct sphinx_model *model, struct dub_error *error)
{
    g_autoptr(GDir) dir = g_dir_open(model->directory, 0, NULL);
    if (!dir)
        return missing("speech model", model->directory, error);
    const char *name;
    while ((name = g_dir_read_name(dir)))
        assign(model, name);
    if (!model->acoustic_dir)
        return missing("acoustic model (a directory with mdef)", model->directory, error);
    if (!model->language_model)
        return missing("language model (*.lm.bin)", model->directory, error);
    if (!model->dictionary)
        return missing("dictionary (*.dict)", model->directory, error);
    return true;
}

static bool broken(const char *path, const char *why, struct dub_error *error)
{
    return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_ASR, "%s %s: reinstall the model",
                               path, why);
}

/* magic NULL: any content. */
static bool check_file(const char *path, gint64 min_bytes, const char *const *magics, struct dub_error *error)
{
    GStatBuf status;
    if (g_stat(path, &status) != 0)
        return broken(path, "is missing", error);
    if (status.st_size < min_bytes)
        return broken(path, "is cut short", error);
    if (!magics)
        return true;
    char start[16] = {0};
    FILE *file = fopen(path, "rb");
    size_t got = file ? fread(start, 1, sizeof start - 1, file) : 0;
    if (file)
        fclose(file);
    for (; got > 0 && *magics; magics++)
        if (g_str_has_prefix(start, *magics))
            return true;
    return broken(path, "is no model file or damaged", error);
}

static bool check_parts(const struct sphinx_model *model, struct dub_error *error)
{
    static const char *const mdef_magics[] = {"BMDF", "FDMB", "0.3", NULL};
    static const char *const s3_magics[] = {"s3", NULL};
    static const struct {
        const char *name;
        const char *const *magics;
    } parts[] = {{"mdef", mdef_magics},
                 {"means", s3_magics},
                 {"variances", s3_magics},
                 {"transition_matrices", s3_magics},
                 {"feat.params", NULL}};
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *path = g_build_filename(model->acoustic_dir, parts[i].name, NULL);
        if (!check_file(path, 64, parts[i].magics, error))
            return false;
    }
    return check_file(model->language_model, 256, NULL, error) &&
           check_file(model->dictionary, 16, NULL, error);
}

bool sphinx_model_find(struct sphinx_model *model, const char *directory, struct dub_error *error)
{
    *model = (struct sphinx_model){0};
    model->directory = g_strdup(directory && *directory != '\0' ? directory : DEFAULT_DIRECTORY);
    model->name = g_path_get_basename(model->directory);
    model->language = engine_language_base(model->name);
    if (!model->language)
        model->language = g_strdup("en");
    if (find_parts(model, error) && check_parts(model, error))
        return true;
    sphinx_model_clear(model);
    return false;
}
