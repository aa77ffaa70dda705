/* SPDX-License-Identifier: GPL-3.0-or-later */
/* authInternalUsers of a MediaMTX file. Private to the reading of the configuration. */
#pragma once

#include "auth.h"

#include <yaml.h>

/* The text of a scalar; NULL for anything else, and for text with a zero byte. "~" and "null" are how YAML
 * spells nothing: "". */
const char *yaml_node_text(const yaml_node_t *node);

/* Replaces the users by those of the list. Keys that are not known are named in warnings (char *). On false
 * the users are not to be used. */
bool auth_yaml_read(yaml_document_t *document, const yaml_node_t *list, GPtrArray *users, GPtrArray *warnings,
                    struct dub_error *error);
