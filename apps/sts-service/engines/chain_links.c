/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "chain_links.h"

struct chain_links *chain_links_new(enum dub_stage stage, const struct engine_link *take_links,
                                    unsigned count, const struct engine_config *config)
{
    struct chain_links *links = g_new0(struct chain_links, 1);
    const char *names[CHAIN_MAX_LINKS];
    links->count = MIN(count, CHAIN_MAX_LINKS);
    for (unsigned i = 0; i < links->count; i++) {
        links->link[i] = take_links[i];
        names[i] = take_links[i].ops->name;
    }
    links->chain = chain_new(stage, names, links->count, config, NULL);
    return links;
}

void chain_links_destroy(void *chain_links)
{
    struct chain_links *links = chain_links;
    for (unsigned i = 0; i < links->count; i++)
        links->link[i].ops->destroy(links->link[i].engine);
    chain_free(links->chain);
    g_free(links);
}

static void clear_info(void *data)
{
    engine_info_clear(data);
}

static GArray *describe_each(const struct chain_links *links)
{
    GArray *infos = g_array_new(FALSE, FALSE, sizeof(struct engine_info));
    g_array_set_clear_func(infos, clear_info);
    for (unsigned i = 0; i < links->count; i++) {
        struct engine_info info;
        engine_link_describe(&links->link[i], &info);
        g_array_append_val(infos, info);
    }
    return infos;
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

void chain_links_describe(const void *chain_links, struct engine_info *info)
{
    const struct chain_links *links = chain_links;
    GPtrArray *languages = g_ptr_array_new();
    GPtrArray *voices = g_ptr_array_new();
    GString *model = g_string_new(NULL);
    info->links = describe_each(links);
    for (guint i = 0; i < info->links->len; i++) {
        const struct engine_info *link = &g_array_index(info->links, struct engine_info, i);
        add_new(languages, link->languages);
        add_new(voices, link->voices);
        g_string_append_printf(model, "%s%s", i > 0 ? "," : "", link->model);
        if (link->device && !info->device)
            info->device = link->device;
    }
    info->name = chain_name(links->chain);
    info->model = g_string_free(model, FALSE);
    info->languages = strv_of(languages);
    info->voices = strv_of(voices);
}

/* A bit for each that can. */
static unsigned able(const struct chain_links *links, const struct chain_question *question,
                     const void *asked)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < links->count; i++)
        if (question->can(&links->link[i], asked))
            bits |= 1u << i;
    return bits;
}

bool chain_links_can(const struct chain_links *links, const struct chain_question *question,
                     const void *asked)
{
    return able(links, question, asked) != 0;
}

/* All that can, so that none is cold when it has to serve; the first at last, because its outcome counts. */
static bool warm_up(const struct chain_links *links, const struct chain_question *question,
                    const struct engine_call *call, void *asked, struct dub_error *error)
{
    unsigned bits = able(links, question, asked);
    bool done = false;
    for (unsigned i = links->count; i-- > 0;)
        if (bits & (1u << i))
            done = question->ask(&links->link[i], call, asked, error);
    return done;
}

bool chain_links_ask(const struct chain_links *links, const struct chain_question *question,
                     const struct engine_call *call, void *asked, struct dub_error *error)
{
    struct dub_error problem = {0};
    bool done = false;
    if (call->fragment == ENGINE_CALL_WARM_UP)
        return warm_up(links, question, call, asked, error);
    struct chain_walk walk = chain_walk_begin(links->chain, call, able(links, question, asked));
    for (int i = chain_walk_next(&walk); i >= 0; i = chain_walk_next(&walk)) {
        const struct engine_link *link = &links->link[i];
        done = question->ask(link, &walk.own, asked, &problem);
        if (done)
            chain_walk_served(&walk, question->used(link, asked));
        if (!chain_walk_tell(&walk, done, &problem))
            break;
    }
    if (!done && error)
        *error = problem;
    return done;
}
