/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of this folder share. */
#pragma once

#include <dubbing_json.h>
#include <string.h>

#define TEST_UUID "0b7d1c52-6f3e-4a4b-9d2f-8f0f5a3c1e77"

/* Text that is known to be JSON. The caller owns the node. */
static inline JsonNode *test_parse_json(const char *text)
{
    struct dub_error error = {0};
    JsonNode *node = dub_json_parse(text, strlen(text), &error);
    g_assert_cmpstr(error.message, ==, "");
    return node;
}
