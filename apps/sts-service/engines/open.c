/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "open.h"

#include "chain_links.h"
#include <dubbing_log.h>
#include <string.h>

/* Engines that are built where their libraries are. */
static const struct {
    enum dub_stage stage;
    const char *name;
    const char *libraries;
} optional[] = {
    {DUB_STAGE_ASR, "whisper", "whisper.cpp (libwhisper-dev, libggml-dev)"},
    {DUB_STAGE_TRANSLATION, "llama", "llama.cpp (libllama-dev)"},
    {DUB_STAGE_TTS, "piper", "ONNX Runtime (libonnxruntime-dev)"},
};

/* The libraries that this build was made without; NULL: there is no such engine. */
static const char *missing_libraries(enum dub_stage stage, const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(optional); i++)
        if (optional[i].stage == stage && strcmp(optional[i].name, name) == 0)
            return optional[i].libraries;
    return NULL;
}

static char *known_names(const struct engine_stage *stage)
{
    GString *names = g_string_new("auto");
    for (const struct engine_ops *const *ops = stage->engines; *ops; ops++)
        g_string_append_printf(names, ", %s", (*ops)->name);
    return g_string_free(names, FALSE);
}

static void refuse_name(const struct engine_stage *stage, const char *name, struct dub_error *error)
{
    const char *libraries = missing_libraries(stage->stage, name);
    g_autofree char *upper = g_ascii_strup(dub_stage_name(stage->stage), -1);
    g_autofree char *known = known_names(stage);
    if (libraries)
        dub_error_set_stage(
            error, DUB_ERROR_UNAVAILABLE, stage->stage,
            "STS_%s_ENGINE=%s: this program was built without %s: build it where Debian has them, or "
            "choose: %s",
            upper, name, libraries, known);
    else
        dub_error_set_stage(error, DUB_ERROR_NOT_FOUND, stage->stage,
                            "STS_%s_ENGINE: no engine is called \"%s\"; there are: %s", upper, name, known);
}

static void give_up(const struct engine_stage *stage, const char *name, const struct dub_error *reason,
                    struct dub_error *error)
{
    g_autofree char *upper = g_ascii_strup(dub_stage_name(stage->stage), -1);
    if (reason->code == DUB_ERROR_INVALID_CONFIG)
        dub_error_set_stage(error, DUB_ERROR_INVALID_CONFIG, stage->stage, "%s", reason->message);
    else
        dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, stage->stage, "STS_%s_ENGINE=%s: %s", upper, name,
                            reason->message);
}

static bool create_named(const struct engine_stage *stage, const char *name,
                         const struct engine_config *config, struct engine_link *link,
                         struct dub_error *error)
{
    struct dub_error reason = {0};
    const struct engine_ops *const *ops = stage->engines;
    while (*ops && strcmp((*ops)->name, name) != 0)
        ops++;
    if (!*ops) {
        refuse_name(stage, name, error);
        return false;
    }
    *link = (struct engine_link){*ops, (*ops)->create(config, &reason)};
    if (link->engine)
        return true;
    give_up(stage, name, &reason, error);
    return false;
}

/* The best, and behind those that ask somebody over the network the best that does not. How many; 0: none,
 * error says why. */
static unsigned create_best(const struct engine_stage *stage, const struct engine_config *config,
                            struct engine_link *links, struct dub_error *error)
{
    struct dub_error reason = {0};
    unsigned count = 0;
    for (const struct engine_ops *const *ops = stage->engines; *ops && count < CHAIN_MAX_LINKS; ops++) {
        if (!(*ops)->automatic)
            continue;
        void *engine = (*ops)->create(config, &reason);
        if (!engine) {
            dub_log_info("%s engine %s is not used: %s", dub_stage_name(stage->stage), (*ops)->name,
                         reason.message);
            continue;
        }
        links[count++] = (struct engine_link){*ops, engine};
        if (!(*ops)->remote)
            break;
    }
    if (count == 0)
        give_up(stage, "auto", &reason, error);
    return count;
}

/* All that the text names, or none. */
static unsigned create_chain(const struct engine_stage *stage, const char *text,
                             const struct engine_config *config, struct engine_link *links,
                             struct dub_error *error)
{
    struct chain_names names;
    unsigned count = 0;
    if (!chain_names_read(&names, text, config->model, stage->stage, error))
        return 0;
    for (struct engine_config own = *config; count < names.count; count++) {
        own.model = names.model[count];
        if (!create_named(stage, names.name[count], &own, &links[count], error))
            break;
    }
    bool whole = count == names.count;
    while (!whole && count > 0) {
        count--;
        links[count].ops->destroy(links[count].engine);
    }
    chain_names_clear(&names);
    return count;
}

static unsigned create(const struct engine_stage *stage, const char *name, const struct engine_config *config,
                       struct engine_link *links, struct dub_error *error)
{
    if (!name || *name == '\0' || strcmp(name, "auto") == 0)
        return create_best(stage, config, links, error);
    if (chain_is_named(name))
        return create_chain(stage, name, config, links, error);
    return create_named(stage, name, config, links, error) ? 1 : 0;
}

bool engine_open(struct engine_opened *opened, const struct engine_stage *stage, const char *name,
                 const struct engine_config *config, struct dub_error *error)
{
    struct engine_link links[CHAIN_MAX_LINKS];
    int wanted = config->workers > 0 ? config->workers : (int)g_get_num_processors();
    unsigned count = create(stage, name, config, links, error);
    if (count == 0)
        return false;
    int most = links[0].ops->max_concurrency;
    for (unsigned i = 1; i < count; i++)
        most = MIN(most, links[i].ops->max_concurrency);
    opened->link = links[0];
    if (count > 1)
        opened->link =
            (struct engine_link){stage->chain, chain_links_new(stage->stage, links, count, config)};
    opened->max_concurrency = CLAMP(wanted, 1, most);
    return true;
}

void engine_close(struct engine_opened *opened)
{
    opened->link.ops->destroy(opened->link.engine);
    *opened = (struct engine_opened){0};
}

void engine_link_describe(const struct engine_link *link, struct engine_info *info)
{
    *info = (struct engine_info){.name = link->ops->name, .summary = link->ops->summary};
    link->ops->describe(link->engine, info);
}

bool engine_link_greeted(const struct engine_link *link, const struct engine_call *call)
{
    if (call->fragment != ENGINE_CALL_WARM_UP || !link->ops->greet)
        return false;
    link->ops->greet(link->engine, call);
    return true;
}

char *engine_link_used(const struct engine_link *link, const char *model)
{
    if (model)
        return engine_used(link->ops->name, model);
    struct engine_info info;
    engine_link_describe(link, &info);
    char *used = engine_used(info.name, info.model);
    engine_info_clear(&info);
    return used;
}
