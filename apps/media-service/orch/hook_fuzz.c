/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The body of a hook as it comes over HTTP; and the same bytes as values of mtx-hook's environment, from
 * which it must make a body that is JSON. */
#include "hooks.h"

#include "../mtx-hook/hook_json.h"
#include "fuzz_target.h"

#include <dubbing_ids.h>
#include <dubbing_json.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES 131072

static void read_body(const char *text, size_t size)
{
    struct dub_error error = {0};
    struct hook hook;
    g_autoptr(JsonNode) node = dub_json_parse(text, size, &error);
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        return;
    if (!hook_read(&hook, json_node_get_object(node), &error)) {
        if (error.code != DUB_ERROR_INVALID_ARGUMENT || *error.message == '\0')
            abort();
        return;
    }
    g_autofree char *path = g_strdup_printf("live/%s/in", hook.stream_id);
    if (!dub_stream_id_is_valid(hook.stream_id) || strcmp(path, hook.event.path) != 0)
        abort();
    hook_clear(&hook);
}

/* The values come back as they were, but for what is not UTF-8. */
static void make_body(const char *value)
{
    struct dub_error error;
    char *query = hook_decode_query(value);
    const struct hook_field fields[] = {{"path", value}, {"query", query}};
    char *body = hook_json(fields, G_N_ELEMENTS(fields));
    g_autoptr(JsonNode) node = dub_json_parse(body, strlen(body), &error);
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        abort();
    const char *path = json_object_get_string_member(json_node_get_object(node), "path");
    if (g_utf8_validate(value, -1, NULL) && strcmp(path, value) != 0)
        abort();
    free(body);
    free(query);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > MAX_BYTES)
        return 0;
    read_body((const char *)data, size);
    g_autofree char *value = g_strndup((const char *)data, size);
    make_body(value);
    return 0;
}
