/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "path_name.h"

#include <glib.h>
#include <string.h>

static bool is_path_char(char c)
{
    return g_ascii_isalnum(c) || strchr("_-./", c) != NULL;
}

static bool segment_is_valid(const char *segment)
{
    return *segment != '\0' && strcmp(segment, ".") != 0 && strcmp(segment, "..") != 0;
}

bool path_name_is_valid(const char *name)
{
    if (strlen(name) > PATH_NAME_MAX_BYTES)
        return false;
    for (const char *c = name; *c != '\0'; c++)
        if (!is_path_char(*c))
            return false;
    g_auto(GStrv) segments = g_strsplit(name, "/", -1);
    for (char **segment = segments; *segment != NULL; segment++)
        if (!segment_is_valid(*segment))
            return false;
    return segments[0] != NULL;
}

/* Cuts text at the question mark; returns the query. */
static char *cut_query(char *text)
{
    char *mark = strchr(text, '?');
    if (mark == NULL)
        return g_strdup("");
    *mark = '\0';
    return g_strdup(mark + 1);
}

static char *trim_slashes(const char *text)
{
    text += strspn(text, "/");
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '/')
        length--;
    return g_strndup(text, length);
}

/* "rtmp://host:1935/live/x" -> "/live/x"; NULL when it is no URL. */
static const char *path_of_url(const char *url)
{
    const char *host = url != NULL ? strstr(url, "://") : NULL;
    if (host == NULL)
        return NULL;
    host += strlen("://");
    return host + strcspn(host, "/?");
}

void path_split_app(const char *tc_url, const char *app, char **path, char **query)
{
    const char *url_path = path_of_url(tc_url);
    g_autofree char *text = g_strdup(url_path != NULL ? url_path : app != NULL ? app : "");
    *query = cut_query(text);
    *path = trim_slashes(text);
}

static char *join_queries(const char *first, const char *second)
{
    const char *between = *first != '\0' && *second != '\0' && strcmp(first, second) != 0 ? "&" : "";
    if (strcmp(first, second) == 0)
        second = "";
    return g_strconcat(first, between, second, NULL);
}

bool path_resolve(const char *app, const char *app_query, const char *key, char **path, char **query,
                  struct dub_error *error)
{
    g_autofree char *key_path = g_strdup(key);
    g_autofree char *key_query = cut_query(key_path);
    const char *rest = key_path + strspn(key_path, "/");
    g_autofree char *joined = g_strconcat(app, *app != '\0' && *rest != '\0' ? "/" : "", rest, NULL);
    g_autofree char *decoded = g_uri_unescape_string(joined, NULL);
    if (decoded == NULL || !path_name_is_valid(decoded))
        return dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT,
                             "invalid path: use letters, digits, '_', '-', '.', and '/' between the parts");
    g_autofree char *joined_query = join_queries(app_query, key_query);
    if (strlen(joined_query) > PATH_QUERY_MAX_BYTES)
        return dub_error_set(error, DUB_ERROR_LIMIT, "a query of more than %d bytes", PATH_QUERY_MAX_BYTES);
    *path = g_steal_pointer(&decoded);
    *query = g_steal_pointer(&joined_query);
    return true;
}
