/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Identifiers, and URLs with their secrets masked. */
#include <dubbing_ids.h>

#include <dubbing_clock.h>
#include <glib.h>
#include <string.h>

#define MASK "***"
#define ID_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

bool dub_stream_id_is_valid(const char *id)
{
    if (id == NULL)
        return false;
    size_t length = strlen(id);
    return length >= 1 && length <= DUB_STREAM_ID_MAX && strspn(id, ID_CHARACTERS) == length;
}

char *dub_stream_id_from_path(const char *path)
{
    if (path == NULL || !g_str_has_prefix(path, "live/") || !g_str_has_suffix(path, "/in"))
        return NULL;
    size_t length = strlen(path);
    size_t around = strlen("live/") + strlen("/in");
    if (length <= around)
        return NULL;
    g_autofree char *id = g_strndup(path + strlen("live/"), length - around);
    return dub_stream_id_is_valid(id) ? g_steal_pointer(&id) : NULL;
}

char *dub_run_id_new(void)
{
    char now[32];
    dub_wall_time_format(dub_wall_time_ms(), now);
    g_autoptr(GString) id = g_string_new(NULL);
    for (const char *c = now; *c != '\0'; c++)
        if (*c != '-' && *c != ':')
            g_string_append_c(id, *c);
    g_autofree char *random = dub_uuid_new();
    g_string_append_printf(id, "-%.8s", random);
    return g_string_free(g_steal_pointer(&id), FALSE);
}

char *dub_uuid_new(void)
{
    return g_uuid_string_random();
}

bool dub_uuid_is_valid(const char *text)
{
    return text != NULL && g_uuid_string_is_valid(text);
}

static bool is_secret_name(const char *name, size_t length)
{
    static const char *const words[] = {"key", "pass",      "token",    "secret", "auth",
                                        "pwd", "signature", "streamid", NULL};
    g_autofree char *exact = g_strndup(name, length);
    g_autofree char *lower = g_ascii_strdown(exact, -1);
    for (unsigned i = 0; words[i] != NULL; i++)
        if (strstr(lower, words[i]) != NULL)
            return true;
    return false;
}

static void append_masked_query(GString *out, const char *query, size_t length)
{
    const char *end = query + length;
    while (query < end) {
        const char *next = memchr(query, '&', (size_t)(end - query));
        const char *stop = next != NULL ? next : end;
        const char *equals = memchr(query, '=', (size_t)(stop - query));
        if (equals != NULL && is_secret_name(query, (size_t)(equals - query))) {
            g_string_append_len(out, query, equals - query + 1);
            g_string_append(out, MASK);
        } else {
            g_string_append_len(out, query, stop - query);
        }
        if (next != NULL)
            g_string_append_c(out, '&');
        query = next != NULL ? next + 1 : end;
    }
}

static bool is_loopback(const char *host, size_t length)
{
    g_autofree char *name = g_ascii_strdown(host, (gssize)length);
    return strcmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0 || g_str_has_prefix(name, "127.");
}

/* Appends user:***@host:port and says whether the host is this machine. */
static bool append_masked_authority(GString *out, const char *authority, size_t length)
{
    const char *at = g_strrstr_len(authority, (gssize)length, "@");
    const char *host = authority;
    if (at != NULL) {
        const char *colon = memchr(authority, ':', (size_t)(at - authority));
        if (colon != NULL) {
            g_string_append_len(out, authority, colon - authority + 1);
            g_string_append(out, MASK "@");
        } else {
            g_string_append_len(out, authority, at - authority + 1);
        }
        host = at + 1;
    }
    size_t host_length = (size_t)(authority + length - host);
    g_string_append_len(out, host, (gssize)host_length);
    const char *bracket = host_length > 0 && *host == '[' ? memchr(host, ']', host_length) : NULL;
    if (bracket != NULL)
        return is_loopback(host, (size_t)(bracket + 1 - host));
    const char *port = memchr(host, ':', host_length);
    return is_loopback(host, port != NULL ? (size_t)(port - host) : host_length);
}

/* What our own messages show as the form of an address; no host is written so. */
static bool is_example(const char *authority, size_t length)
{
    return g_strstr_len(authority, (gssize)length, "[:port]") != NULL;
}

static void append_masked_path(GString *out, const char *path, size_t length, bool hide_last_segment)
{
    const char *slash = hide_last_segment ? g_strrstr_len(path, (gssize)length, "/") : NULL;
    if (slash == NULL || slash == path + length - 1) {
        g_string_append_len(out, path, (gssize)length);
        return;
    }
    g_string_append_len(out, path, slash - path + 1);
    g_string_append(out, MASK);
}

char *dub_url_mask(const char *url)
{
    const char *separator = url != NULL ? strstr(url, "://") : NULL;
    if (separator == NULL)
        return g_strdup(url);
    const char *authority = separator + 3;
    size_t authority_length = strcspn(authority, "/?#");
    const char *path = authority + authority_length;
    size_t path_length = strcspn(path, "?#");

    g_autoptr(GString) out = g_string_new_len(url, authority - url);
    bool local = append_masked_authority(out, authority, authority_length);
    bool rtmp = g_ascii_strncasecmp(url, "rtmp", 4) == 0;
    append_masked_path(out, path, path_length, rtmp && !local && !is_example(authority, authority_length));
    const char *query = path + path_length;
    if (*query == '?') {
        size_t length = strcspn(query + 1, "#");
        g_string_append_c(out, '?');
        append_masked_query(out, query + 1, length);
        query += 1 + length;
    }
    g_string_append(out, query);
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static gboolean append_masked_url(const GMatchInfo *match, GString *out, gpointer user)
{
    g_autofree char *url = g_match_info_fetch(match, 0);
    g_autofree char *masked = dub_url_mask(url);
    g_string_append(out, masked);
    return FALSE;
}

char *dub_url_mask_in(const char *text)
{
    /* Punctuation at its end is the sentence's. */
    static const char pattern[] = "[a-z][a-z0-9+.-]*://[^\\s\"'<>]*[^\\s\"'<>,.;:!)]";
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    if (strstr(valid, "://") == NULL)
        return g_steal_pointer(&valid);
    g_autoptr(GRegex) url = g_regex_new(pattern, G_REGEX_CASELESS, 0, NULL);
    g_autofree char *masked = g_regex_replace_eval(url, valid, -1, 0, 0, append_masked_url, NULL, NULL);
    /* What cannot be searched may hold anything. */
    return masked != NULL ? g_steal_pointer(&masked) : g_strdup("***");
}
