/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON from environment values, which may hold any bytes. */
#pragma once

#include <stddef.h>

struct hook_field {
    const char *name; /* plain ASCII */
    const char *value;
};

/* {"name":"value",...}: valid JSON in valid UTF-8 whatever the values hold; what is not UTF-8 becomes U+FFFD.
 * The caller frees it. Ends the program when memory runs out. */
char *hook_json(const struct hook_field *fields, size_t n_fields);

/* MTX_QUERY is encoded as a whole since MediaMTX 1.18 and was raw before: then it has a "=" in it. The caller
 * frees the raw form. */
char *hook_decode_query(const char *query);
