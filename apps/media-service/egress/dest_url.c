/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dest_url.h"

#include <glib.h>
#include <string.h>

#define MASK "***"
#define SHORTEST_SECRET 4 /* a shorter one would be found in every other word of a message */

static bool has_strange_characters(const char *url)
{
    for (const char *c = url; *c != '\0'; c++)
        if (!g_ascii_isgraph(*c))
            return true;
    return false;
}

/* "/app/key", both of them there. */
static bool has_app_and_key(const char *path)
{
    const char *key = strrchr(path, '/');
    return key != NULL && key > path + 1 && key[1] != '\0';
}

static const char *find_problem(const char *url)
{
    if (strlen(url) > EGRESS_DEST_MAX_BYTES)
        return "it is too long";
    if (has_strange_characters(url))
        return "it holds a space, a control character or one outside ASCII";
    if (!g_str_has_prefix(url, "rtmp://") && !g_str_has_prefix(url, "rtmps://"))
        return "its scheme is another one";
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_ENCODED, NULL);
    if (uri == NULL || g_uri_get_host(uri) == NULL || *g_uri_get_host(uri) == '\0' ||
        g_uri_get_port(uri) == 0)
        return "it names no host, or no usable port";
    if (g_uri_get_fragment(uri) != NULL)
        return "it has a fragment (#)";
    return has_app_and_key(g_uri_get_path(uri)) ? NULL : "it lacks an application or a stream key";
}

bool egress_dest_check(const char *url, struct dub_error *error)
{
    const char *problem = find_problem(url);
    return problem == NULL || dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT,
                                            "allowed is " EGRESS_DEST_ALLOWED "; %s", problem);
}

char *egress_dest_mask(const char *url)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_ENCODED, NULL);
    if (uri == NULL || g_uri_get_host(uri) == NULL)
        return g_strdup(MASK);
    const char *path = g_uri_get_path(uri), *key = strrchr(path, '/');
    g_autoptr(GString) out = g_string_new(g_uri_get_scheme(uri));
    bool is_ipv6 = strchr(g_uri_get_host(uri), ':') != NULL;
    g_string_append_printf(out, "://%s%s%s%s%s", g_uri_get_userinfo(uri) != NULL ? MASK "@" : "",
                           is_ipv6 ? "[" : "", g_uri_get_host(uri), is_ipv6 ? "]" : "",
                           g_uri_get_port(uri) > 0 ? ":" : "");
    if (g_uri_get_port(uri) > 0)
        g_string_append_printf(out, "%d", g_uri_get_port(uri));
    g_string_append_len(out, path, key != NULL ? key - path : 0);
    g_string_append(out, "/" MASK);
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static void hide(char **text, const char *secret, const char *with)
{
    if (secret == NULL || strlen(secret) < SHORTEST_SECRET)
        return;
    g_auto(GStrv) parts = g_strsplit(*text, secret, -1);
    g_free(*text);
    *text = g_strjoinv(with, parts);
}

/* As it stands in the address, and decoded, as a library may show it. */
static void hide_both(char **text, const char *secret)
{
    g_autofree char *decoded = secret != NULL ? g_uri_unescape_string(secret, NULL) : NULL;
    hide(text, secret, MASK);
    hide(text, decoded, MASK);
}

char *egress_dest_mask_in(const char *url, const char *text)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_ENCODED | G_URI_FLAGS_HAS_PASSWORD, NULL);
    g_autofree char *masked = egress_dest_mask(url);
    char *out = g_strdup(text);
    hide(&out, url, masked);
    if (uri == NULL)
        return out;
    const char *key = strrchr(g_uri_get_path(uri), '/');
    hide_both(&out, g_uri_get_query(uri));
    hide_both(&out, key != NULL ? key + 1 : NULL);
    hide_both(&out, g_uri_get_password(uri));
    return out;
}
