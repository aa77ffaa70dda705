/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A router hook's body on its way to the registry: checked here, so that the registry sees stream ids only.
 */
#pragma once

#include <dubbing_error.h>
#include <dubbing_hooks.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

struct hook {
    struct dub_hook_event event;
    char *stream_id;
};

/* Problems are INVALID_ARGUMENT; nothing is to be cleared then. */
bool hook_read(struct hook *hook, JsonObject *body, struct dub_error *error);
void hook_clear(struct hook *hook);
