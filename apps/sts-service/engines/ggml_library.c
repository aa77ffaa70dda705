/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ggml_library.h"

#include <dubbing_log.h>
#include <ggml-backend.h>

/* For who looks for a reason: what matters is an error of ours. */
void ggml_library_log(int level, const char *text, void *user)
{
    g_autofree char *line = g_strchomp(g_strdup(text));
    if (*line != '\0')
        dub_log_debug("%s: %s", (const char *)user, line);
}

static void log_line(enum ggml_log_level level, const char *text, void *user)
{
    ggml_library_log((int)level, text, user);
}

void ggml_library_start(void)
{
    static gsize started = 0;
    if (!g_once_init_enter(&started))
        return;
    ggml_log_set(log_line, (void *)"ggml");
    ggml_backend_load_all();
    g_once_init_leave(&started, 1);
}

bool ggml_library_choose(const char *device, enum dub_stage stage, const char *engine, char **gpu,
                         struct dub_error *error)
{
    *gpu = NULL;
    if (g_strcmp0(device, "cpu") == 0)
        return true;
    ggml_backend_dev_t found = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_GPU);
    if (found)
        *gpu = g_strdup(ggml_backend_dev_description(found));
    if (found || g_strcmp0(device, "cuda") != 0)
        return true;
    return dub_error_set_stage(error, DUB_ERROR_INVALID_CONFIG, stage,
                               "STS_DEVICE is \"cuda\": %s finds no GPU: install its driver and a GPU "
                               "backend of ggml (libggml0-backend-vulkan), or set auto or cpu",
                               engine);
}
