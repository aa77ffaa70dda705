/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "settings_file.h"

#include "problems.h"
#include <errno.h>
#include <stdio.h>

/* One byte more than allowed, so that what is too long is seen. Not mapped: a file that shrinks while it is
 * read would end the process. */
static char *read_start(const char *path, gsize *size, GPtrArray *problems)
{
    FILE *file = fopen(path, "rbe");
    if (!file) {
        problems_add(problems, "%s", g_strerror(errno));
        return NULL;
    }
    g_autofree char *text = g_malloc(SETTINGS_FILE_MAX_BYTES + 1);
    *size = fread(text, 1, SETTINGS_FILE_MAX_BYTES + 1, file);
    int failure = ferror(file) ? errno : 0;
    fclose(file);
    if (failure == 0)
        return g_steal_pointer(&text);
    problems_add(problems, "%s", g_strerror(failure));
    return NULL;
}

void *settings_file_read(const char *path, settings_file_parse *parse, GPtrArray *problems)
{
    gsize size = 0;
    g_autofree char *text = read_start(path, &size, problems);
    if (!text)
        return NULL;
    if (size <= SETTINGS_FILE_MAX_BYTES)
        return parse(text, size, problems);
    problems_add(problems, "larger than 1 MiB");
    return NULL;
}

const char *settings_file_string(JsonNode *node)
{
    bool is_string = JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
    return is_string ? json_node_get_string(node) : NULL;
}
