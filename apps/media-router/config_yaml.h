/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A MediaMTX configuration file, and overrides of its keys from the environment (MTX_RTMPADDRESS,
 * MTX_PATHDEFAULTS_RUNONREADY, MTX_PATHS_<NAME>_RUNONREADY). Keys that are not known are named in a warning.
 */
#pragma once

#include "config.h"

#define CONFIG_YAML_MAX_BYTES (1u << 20)

/* What is to be said about a configuration, each with its line where it came from a file ("line 3:
 * rtmpAddress is ..."). char *, appended; the arrays are the caller's. */
struct config_notes {
    GPtrArray *warnings; /* what is ignored */
    GPtrArray *problems; /* all that is wrong, not only the first */
};

/* Applies text, then environment (NAME=value, NULL-terminated; NULL: none), to a new configuration. Without
 * text (NULL), or when it has no `paths`, every path is allowed. False when there are problems; error is the
 * first of them. */
bool config_yaml_apply(struct router_config *config, const char *text, gsize size,
                       const char *const *environment, const struct config_notes *notes,
                       struct dub_error *error);
/* The same for a file; NULL or "": none. */
bool config_yaml_load(struct router_config *config, const char *file, const char *const *environment,
                      const struct config_notes *notes, struct dub_error *error);
