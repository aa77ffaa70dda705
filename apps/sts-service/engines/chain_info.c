/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "chain.h"

static void clear_info(void *data)
{
    engine_info_clear(data);
}

GArray *chain_info_array(void)
{
    GArray *links = g_array_new(FALSE, FALSE, sizeof(struct engine_info));
    g_array_set_clear_func(links, clear_info);
    return links;
}

static void add_new(GPtrArray *all, GStrv some)
{
    for (char **one = some; one && *one; one++)
        if (!g_ptr_array_find_with_equal_func(all, *one, g_str_equal, NULL))
            g_ptr_array_add(all, g_strdup(*one));
}

static GStrv strv_of(GPtrArray *all)
{
    g_ptr_array_add(all, NULL);
    return (GStrv)g_ptr_array_free(all, FALSE);
}

void chain_describe(const struct chain *chain, GArray *take_links, struct engine_info *info)
{
    GPtrArray *languages = g_ptr_array_new();
    GPtrArray *voices = g_ptr_array_new();
    GString *model = g_string_new(NULL);
    for (guint i = 0; i < take_links->len; i++) {
        const struct engine_info *link = &g_array_index(take_links, struct engine_info, i);
        add_new(languages, link->languages);
        add_new(voices, link->voices);
        g_string_append_printf(model, "%s%s", i > 0 ? "," : "", link->model);
        if (link->device && !info->device)
            info->device = link->device;
    }
    info->name = chain_name(chain);
    info->model = g_string_free(model, FALSE);
    info->languages = strv_of(languages);
    info->voices = strv_of(voices);
    info->links = take_links;
}
