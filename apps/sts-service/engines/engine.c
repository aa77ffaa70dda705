/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine.h"

#include <dubbing_text.h>
#include <string.h>

#define SLEEP_STEP_NS (20 * DUB_NS_PER_MS)

static bool has_model(const struct engine_config *config)
{
    return config->model && *config->model != '\0';
}

char *engine_model_path(const struct engine_config *config)
{
    if (!has_model(config))
        return NULL;
    if (g_path_is_absolute(config->model) || !config->model_cache_dir)
        return g_strdup(config->model);
    return g_build_filename(config->model_cache_dir, config->model, NULL);
}

bool engine_takes_no_model(const struct engine_config *config, enum dub_stage stage, const char *engine,
                           const char *instead, struct dub_error *error)
{
    if (!has_model(config))
        return true;
    g_autofree char *upper = g_ascii_strup(dub_stage_name(stage), -1);
    return dub_error_set_stage(error, DUB_ERROR_INVALID_CONFIG, stage,
                               "STS_%s_MODEL is \"%.*s\": %s has no models: leave it empty%s%s", upper,
                               dub_text_cut(config->model, 80), config->model, engine, *instead ? ", " : "",
                               instead);
}

bool engine_call_go_on(const struct engine_call *call, enum dub_stage stage, struct dub_error *error)
{
    if (call->cancellable && g_cancellable_is_cancelled(call->cancellable))
        return dub_error_set_stage(error, DUB_ERROR_CANCELLED, stage, "cancelled by the caller");
    if (call->deadline_ns > 0 && dub_clock_now_ns(dub_clock_monotonic()) >= call->deadline_ns)
        return dub_error_set_stage(error, DUB_ERROR_TIMEOUT, stage, "not done by the deadline");
    return true;
}

int engine_call_left_ms(const struct engine_call *call, int max_ms)
{
    if (call->deadline_ns <= 0)
        return max_ms;
    int64_t left_ns = call->deadline_ns - dub_clock_now_ns(dub_clock_monotonic());
    int64_t left_ms = (left_ns + DUB_NS_PER_MS - 1) / DUB_NS_PER_MS;
    return (int)CLAMP(left_ms, 0, max_ms);
}

bool engine_call_sleep(const struct engine_call *call, int64_t ns, enum dub_stage stage,
                       struct dub_error *error)
{
    int64_t end_ns = dub_clock_now_ns(dub_clock_monotonic()) + ns;
    for (;;) {
        if (!engine_call_go_on(call, stage, error))
            return false;
        int64_t left_ns = end_ns - dub_clock_now_ns(dub_clock_monotonic());
        if (left_ns <= 0)
            return true;
        g_usleep((gulong)(MIN(left_ns, SLEEP_STEP_NS) / 1000 + 1));
    }
}

char *engine_used(const char *engine, const char *model)
{
    g_autofree char *both =
        strcmp(engine, model) == 0 ? g_strdup(engine) : g_strdup_printf("%s %s", engine, model);
    return g_strndup(both, (gsize)dub_text_cut(both, ENGINE_USED_BYTES_MAX));
}

void engine_info_clear(struct engine_info *info)
{
    g_free(info->model);
    g_strfreev(info->models);
    g_strfreev(info->languages);
    g_strfreev(info->voices);
    g_clear_pointer(&info->links, g_array_unref);
    *info = (struct engine_info){0};
}
