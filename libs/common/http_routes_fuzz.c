/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The target of a request line, by the way that it takes: libsoup's parsing of the URI, then our routes. What
 * a handler is given for an {id} is a text of its own, never a piece of another segment's. */
#include "http_routes.h"

#include "fuzz_target.h"

#include <libsoup/soup.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES 8192

static const struct dub_http_route routes[] = {
    {"GET", "/api/v1/streams", NULL, 0},
    {"POST", "/api/v1/streams", NULL, 0},
    {"GET", "/api/v1/streams/{id}", NULL, 0},
    {"DELETE", "/api/v1/streams/{id}", NULL, 0},
    {"POST", "/api/v1/streams/{id}/restart", NULL, 0},
    {"GET", "/api/v1/streams/{id}/phrases", NULL, 0},
    {"GET", "/v3/paths/get/{name...}", NULL, 0},
    {NULL},
};

static void find(const char *method, const char *path)
{
    g_autoptr(GPtrArray) params = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) allowed = g_string_new(NULL);
    const struct dub_http_route *route = http_routes_find(routes, method, path, params, allowed);
    if (route == NULL)
        return;
    if (params->len != (strchr(route->pattern, '{') != NULL) || allowed->len > strlen("GET, POST, DELETE"))
        abort();
    for (guint i = 0; i < params->len; i++)
        if (*(const char *)params->pdata[i] == '\0' || !g_utf8_validate(params->pdata[i], -1, NULL))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "DELETE"};
    if (size == 0 || size > MAX_BYTES)
        return 0;
    g_autofree char *target = g_strndup((const char *)data + 1, size - 1);
    g_autofree char *text = g_strconcat("http://127.0.0.1", target, NULL);
    g_autoptr(GUri) uri = g_uri_parse(text, SOUP_HTTP_URI_FLAGS, NULL);
    find(methods[data[0] % G_N_ELEMENTS(methods)], target);
    if (uri == NULL)
        return 0;
    find(methods[data[0] % G_N_ELEMENTS(methods)], g_uri_get_path(uri));
    if (g_uri_get_query(uri) != NULL) {
        GHashTable *query = soup_form_decode(g_uri_get_query(uri));
        g_hash_table_unref(query);
    }
    return 0;
}
