/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every contract of this library as one row: a full sample, what is required in it, and reading followed by
 * writing. The tests, the comparison with the JSON schemas and the fuzz targets walk this one table. */
#pragma once

#include <dubbing_json.h>

struct contract {
    const char *name;            /* of the schema file too: schema/<name>.json */
    const char *sample;          /* JSON with every member, as our writer would write it */
    const char *const *required; /* dotted paths, NULL-terminated */
    /* NULL with error when it is refused. The caller owns the node. */
    JsonNode *(*rewrite)(JsonNode *node, struct dub_error *error);
};

/* Ends with name == NULL. */
extern const struct contract contract_table[];
