/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sphinx_model.h"

#include "../engine.h"
#include "sphinx_files.h"
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
    return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_ASR,
                               "%s %s: copy the model again, or set STS_ASR_MODEL to another", path, why);
}

static bool check_file(const char *path, enum sphinx_file kind, struct dub_error *error)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, &failure);
    if (!file)
        return broken(path, g_file_test(path, G_FILE_TEST_EXISTS) ? "cannot be read" : "is missing", error);
    const char *fault =
        sphinx_file_fault(kind, g_mapped_file_get_contents(file), g_mapped_file_get_length(file));
    return fault ? broken(path, fault, error) : true;
}

static bool check_part(const struct sphinx_model *model, const char *name, enum sphinx_file kind,
                       struct dub_error *error)
{
    g_autofree char *path = g_build_filename(model->acoustic_dir, name, NULL);
    return check_file(path, kind, error);
}

/* The library takes sendump where there is one. */
static bool check_weights(const struct sphinx_model *model, struct dub_error *error)
{
    g_autofree char *sendump = g_build_filename(model->acoustic_dir, "sendump", NULL);
    g_autofree char *weights = g_build_filename(model->acoustic_dir, "mixture_weights", NULL);
    if (g_file_test(sendump, G_FILE_TEST_EXISTS))
        return check_file(sendump, SPHINX_SENDUMP, error);
    if (g_file_test(weights, G_FILE_TEST_EXISTS))
        return check_file(weights, SPHINX_WEIGHTS, error);
    return missing("sendump or mixture_weights", model->acoustic_dir, error);
}

static bool check_parts(const struct sphinx_model *model, struct dub_error *error)
{
    static const struct {
        const char *name;
        enum sphinx_file kind;
    } parts[] = {{"mdef", SPHINX_MDEF},
                 {"means", SPHINX_GAUSSIANS},
                 {"variances", SPHINX_GAUSSIANS},
                 {"transition_matrices", SPHINX_TRANSITIONS},
                 {"feat.params", SPHINX_LINES}};
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
        if (!check_part(model, parts[i].name, parts[i].kind, error))
            return false;
    return check_weights(model, error) && check_file(model->language_model, SPHINX_LANGUAGE, error) &&
           check_file(model->dictionary, SPHINX_LINES, error);
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
