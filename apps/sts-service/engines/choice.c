/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "choice.h"

#include <dubbing_log.h>
#include <string.h>

/* Engines that are built where their libraries are. */
static const struct {
    enum dub_stage stage;
    const char *name;
    const char *libraries;
} optional[] = {
    {DUB_STAGE_ASR, "whisper", "whisper.cpp (libwhisper-dev, libggml-dev)"},
};

struct engine_choice engine_choice_on(enum dub_stage stage, const char *wanted)
{
    bool automatic = !wanted || *wanted == '\0' || strcmp(wanted, "auto") == 0;
    return (struct engine_choice){.stage = stage, .wanted = automatic ? NULL : wanted};
}

bool engine_choice_wants(struct engine_choice *choice, const char *name, bool automatic)
{
    size_t used = strlen(choice->known);
    g_snprintf(choice->known + used, sizeof choice->known - used, "%s%s", used > 0 ? ", " : "", name);
    if (!choice->wanted)
        return automatic;
    return strcmp(choice->wanted, name) == 0;
}

void engine_choice_failed(struct engine_choice *choice, const char *name)
{
    choice->tried = true;
    if (!choice->wanted)
        dub_log_info("%s engine %s is not used: %s", dub_stage_name(choice->stage), name,
                     choice->error.message);
}

/* The libraries that this build was made without; NULL: there is no such engine. */
static const char *missing_libraries(const struct engine_choice *choice)
{
    for (gsize i = 0; i < G_N_ELEMENTS(optional); i++)
        if (optional[i].stage == choice->stage && strcmp(optional[i].name, choice->wanted) == 0)
            return optional[i].libraries;
    return NULL;
}

static void say_unknown(const struct engine_choice *choice, const char *stage, struct dub_error *error)
{
    const char *libraries = missing_libraries(choice);
    if (libraries)
        dub_error_set_stage(
            error, DUB_ERROR_UNAVAILABLE, choice->stage,
            "STS_%s_ENGINE=%s: this program was built without %s: build it where Debian has them, or "
            "choose: auto, %s",
            stage, choice->wanted, libraries, choice->known);
    else
        dub_error_set_stage(error, DUB_ERROR_NOT_FOUND, choice->stage,
                            "STS_%s_ENGINE: no engine is called \"%s\"; there are: auto, %s", stage,
                            choice->wanted, choice->known);
}

void engine_choice_give_up(const struct engine_choice *choice, struct dub_error *error)
{
    g_autofree char *stage = g_ascii_strup(dub_stage_name(choice->stage), -1);
    if (!choice->tried && choice->wanted)
        say_unknown(choice, stage, error);
    else if (choice->error.code == DUB_ERROR_INVALID_CONFIG)
        dub_error_set_stage(error, DUB_ERROR_INVALID_CONFIG, choice->stage, "%s", choice->error.message);
    else
        dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, choice->stage, "STS_%s_ENGINE=%s: %s", stage,
                            choice->wanted ? choice->wanted : "auto", choice->error.message);
}
