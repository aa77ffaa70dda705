/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engines/: which engine of a stage is created, said once for the three registries.
 *
 *     struct engine_choice choice = engine_choice_on(DUB_STAGE_ASR, name);
 *     for each ops of the registry:
 *         if (engine_choice_wants(&choice, ops->name, ops->automatic))
 *             engine = ops->create(config, &choice.error), or engine_choice_failed(&choice, ops->name)
 *     engine_choice_give_up(&choice, error)
 */
#pragma once

#include <dubbing_error.h>
#include <stdbool.h>

struct engine_choice {
    enum dub_stage stage;
    const char *wanted; /* NULL: automatic */
    bool tried;
    char known[256]; /* names seen so far, for the message */
    struct dub_error error;
};

struct engine_choice engine_choice_on(enum dub_stage stage, const char *wanted);
bool engine_choice_wants(struct engine_choice *choice, const char *name, bool automatic);
/* choice->error says why; an automatic choice logs it and goes on. */
void engine_choice_failed(struct engine_choice *choice, const char *name);
/* NOT_FOUND for a name that no engine has; UNAVAILABLE for one that this build was made without;
 * INVALID_CONFIG as the engine says it; UNAVAILABLE, with the last engine's reason, when none could be
 * created. */
void engine_choice_give_up(const struct engine_choice *choice, struct dub_error *error);
