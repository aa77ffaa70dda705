/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http_routes.h"

#include <string.h>

#define MAX_PARAMS 8

/* The URL-decoded text, NULL when it hides a NUL or is not UTF-8. */
static char *decode(const char *text)
{
    g_autofree char *decoded = g_uri_unescape_string(text, NULL);
    if (decoded == NULL || !g_utf8_validate(decoded, -1, NULL))
        return NULL;
    return g_steal_pointer(&decoded);
}

/* Adds what stands for the pattern's {name}; false when the segments do not match. */
static bool match_segment(const char *pattern, const char *segment, GPtrArray *params)
{
    if (pattern[0] != '{')
        return strcmp(pattern, segment) == 0;
    char *value = *segment != '\0' ? decode(segment) : NULL;
    if (value != NULL)
        g_ptr_array_add(params, value);
    return value != NULL;
}

static bool match_rest(char **segments, GPtrArray *params)
{
    g_autofree char *rest = g_strjoinv("/", segments);
    return match_segment("{", rest, params);
}

static bool match_path(const char *pattern, const char *path, GPtrArray *params)
{
    g_auto(GStrv) wanted = g_strsplit(pattern, "/", -1);
    g_auto(GStrv) found = g_strsplit(path, "/", -1);
    g_ptr_array_set_size(params, 0);
    guint i = 0;
    for (; wanted[i] != NULL; i++) {
        if (found[i] == NULL)
            return false;
        if (g_str_has_suffix(wanted[i], "...}"))
            return match_rest(found + i, params);
        if (params->len == MAX_PARAMS || !match_segment(wanted[i], found[i], params))
            return false;
    }
    return found[i] == NULL;
}

static bool method_matches(const struct dub_http_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

const struct dub_http_route *http_routes_find(const struct dub_http_route *routes, const char *method,
                                              const char *path, GPtrArray *params, GString *allowed)
{
    for (const struct dub_http_route *route = routes; route->pattern != NULL; route++) {
        if (!match_path(route->pattern, path, params))
            continue;
        if (method_matches(route, method))
            return route;
        g_string_append_printf(allowed, "%s%s", allowed->len > 0 ? ", " : "", route->method);
    }
    return NULL;
}
