/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keys of a MediaMTX configuration that are known here, as a table: the file and the environment set the
 * same values through it, the Control API shows them. */
#pragma once

#include "config.h"

#include <json-glib/json-glib.h>

struct config_key;

/* NULL when there is no such key. */
const struct config_key *config_key_find_global(const char *name);
const struct config_key *config_key_find_path(const char *name);
/* By the upper-case form that environment variables use. */
const struct config_key *config_key_find_global_env(const char *name);
const struct config_key *config_key_find_path_env(const char *name);

/* target: struct router_config or struct path_config, as the key is one of. label ("paths.demo.maxReaders",
 * "MTX_READTIMEOUT") is what the message calls it. */
bool config_key_set(const struct config_key *key, void *target, const char *label, const char *value,
                    struct dub_error *error);

/* Adds what all keys hold, as MediaMTX's Control API writes it: durations as text, switches as booleans. */
void config_keys_describe_global(const struct router_config *config, JsonObject *object);
void config_keys_describe_path(const struct path_config *path, JsonObject *object);
