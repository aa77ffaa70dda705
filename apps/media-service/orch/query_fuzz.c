/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A publish query as anybody on the network may send it. Nothing in it may reach a worker's environment but
 * one-line values of known variables, which are taken again when a run is resumed. */
#include "stream_settings.h"

#include "fuzz_target.h"

#include <dubbing_log.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES 16384

static void check_environment(const struct stream_settings *settings)
{
    g_autoptr(GPtrArray) environment = g_ptr_array_new_with_free_func(g_free);
    stream_settings_add_environment(settings, environment);
    for (guint i = 0; i < environment->len; i++) {
        const char *entry = environment->pdata[i];
        if (!g_str_has_prefix(entry, "WORKER_") || strchr(entry, '=') == NULL ||
            strpbrk(entry, "\r\n") != NULL || !g_utf8_validate(entry, -1, NULL))
            abort();
    }
}

static void check_round_trip(const struct stream_settings *settings)
{
    struct stream_settings again;
    struct dub_error error;
    g_autoptr(JsonObject) object = stream_settings_to_json(settings);
    stream_settings_init(&again);
    if (!stream_settings_read_json(&again, object, &error))
        abort();
    stream_settings_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stream_settings settings;
    if (size > MAX_BYTES)
        return 0;
    /* What is ignored is logged, which here nobody reads. */
    dub_log_init(&(struct dub_log_config){.component = "fuzz", .level = "error", .format = "json"});
    g_autofree char *query = g_strndup((const char *)data, size);
    stream_settings_init(&settings);
    stream_settings_read_query(&settings, query, "demo");
    check_environment(&settings);
    check_round_trip(&settings);
    stream_settings_clear(&settings);
    dub_log_clear();
    return 0;
}
