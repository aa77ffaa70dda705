/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_rtmp_url.h"

#include <glib.h>
#include <string.h>

static bool refuse(struct dub_error *error)
{
    return dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT,
                         "not an RTMP address: rtmp://host[:port]/app/key or rtmps://host[:port]/app/key");
}

static void split_path(struct rtmp_url *url, const char *path, const char *query)
{
    const char *slash = strrchr(path, '/');

    url->app = g_strndup(path + 1, (gsize)(slash - path - 1));
    url->key = query ? g_strconcat(slash + 1, "?", query, NULL) : g_strdup(slash + 1);
}

static bool has_app_and_key(const char *path)
{
    const char *slash = path[0] == '/' ? strrchr(path, '/') : NULL;
    return slash && slash > path + 1 && slash[1] != '\0';
}

bool rtmp_url_parse(const char *text, struct rtmp_url *url, struct dub_error *error)
{
    /* Servers get path and query as they were given. */
    g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_ENCODED, NULL);
    const char *host = uri ? g_uri_get_host(uri) : NULL;

    *url = (struct rtmp_url){0};
    if (strlen(text) > RTMP_URL_MAX_BYTES || !host || !*host || !has_app_and_key(g_uri_get_path(uri)))
        return refuse(error);
    url->is_encrypted = strcmp(g_uri_get_scheme(uri), "rtmps") == 0;
    if (!url->is_encrypted && strcmp(g_uri_get_scheme(uri), "rtmp") != 0)
        return refuse(error);
    int port = g_uri_get_port(uri);
    url->host = g_strdup(host);
    url->port = port > 0 ? (uint16_t)port : url->is_encrypted ? RTMPS_DEFAULT_PORT : RTMP_DEFAULT_PORT;
    split_path(url, g_uri_get_path(uri), g_uri_get_query(uri));
    url->tc_url = g_strdup_printf(strchr(host, ':') ? "%s://[%s]:%u/%s" : "%s://%s:%u/%s",
                                  g_uri_get_scheme(uri), host, url->port, url->app);
    return true;
}

void rtmp_url_clear(struct rtmp_url *url)
{
    g_free(url->host);
    g_free(url->app);
    g_free(url->key);
    g_free(url->tc_url);
    *url = (struct rtmp_url){0};
}
