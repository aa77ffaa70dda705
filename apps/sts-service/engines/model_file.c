/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model_file.h"

#define AGAIN "fetch the model again, or set STS_%s_MODEL to another"

bool model_file_is_whole(const char *path, model_file_check *fault_of, enum dub_stage stage,
                         const char *library, struct dub_error *error)
{
    g_autofree char *upper = g_ascii_strup(dub_stage_name(stage), -1);
    g_autoptr(GError) failure = NULL;
    g_autoptr(GMappedFile) file = NULL;
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
        return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, stage,
                                   "%s is a folder, no model of %s: set STS_%s_MODEL to a file", path,
                                   library, upper);
    file = g_mapped_file_new(path, FALSE, &failure);
    if (!file)
        return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, stage,
                                   "no model can be read (%s): set STS_%s_MODEL", failure->message, upper);
    const char *fault = fault_of(g_mapped_file_get_contents(file), g_mapped_file_get_length(file));
    if (fault)
        return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, stage, "%s %s: " AGAIN, path, fault, upper);
    return true;
}

bool model_file_refused(const char *path, enum dub_stage stage, const char *library, const char *version,
                        struct dub_error *error)
{
    g_autofree char *upper = g_ascii_strup(dub_stage_name(stage), -1);
    return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, stage, "%s cannot be loaded by %s %s: " AGAIN,
                               path, library, version, upper);
}
