/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "digest.h"

#include <dubbing_secret.h>
#include <glib.h>
#include <string.h>

#define SCHEME "Digest"
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-"

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t");
}

/* `"..."` with its escapes, or a word. Moves *at behind it; NULL when the quotation has no end. */
static char *take_value(const char **at)
{
    if (**at != '"') {
        const char *word = *at;
        *at += strcspn(word, ", \t");
        return g_strndup(word, (gsize)(*at - word));
    }
    g_autoptr(GString) text = g_string_new(NULL);
    for (const char *c = *at + 1; *c != '\0'; c++) {
        if (*c == '"') {
            *at = c + 1;
            return g_strdup(text->str);
        }
        if (*c == '\\' && c[1] != '\0')
            c++;
        g_string_append_c(text, *c);
    }
    return NULL;
}

/* One name=value and the comma behind it. False at what is none. */
static bool take_pair(const char **at, char **name, char **value)
{
    const size_t length = strspn(*at, NAME_CHARACTERS);
    const char *rest = skip_space(*at + length);
    if (length == 0 || *rest != '=')
        return false;
    rest = skip_space(rest + 1);
    *value = take_value(&rest);
    if (*value == NULL)
        return false;
    *name = g_strndup(*at, length);
    rest = skip_space(rest);
    *at = *rest == ',' ? skip_space(rest + 1) : rest;
    return true;
}

/* False for what changes how the response is made. What is not known here changes nothing. */
static bool keep(struct rtsp_digest *digest, const char *name, char **value)
{
    const struct {
        const char *name;
        char **slot;
    } slots[] = {{"username", &digest->user},
                 {"realm", &digest->realm},
                 {"nonce", &digest->nonce},
                 {"uri", &digest->uri},
                 {"response", &digest->response}};
    if (g_ascii_strcasecmp(name, "qop") == 0)
        return false;
    if (g_ascii_strcasecmp(name, "algorithm") == 0)
        return g_ascii_strcasecmp(*value, "MD5") == 0;
    for (size_t i = 0; i < G_N_ELEMENTS(slots); i++) {
        if (g_ascii_strcasecmp(name, slots[i].name) != 0)
            continue;
        g_free(*slots[i].slot);
        *slots[i].slot = g_steal_pointer(value);
    }
    return true;
}

static bool take_pairs(const char *at, struct rtsp_digest *digest)
{
    while (*at != '\0') {
        g_autofree char *name = NULL;
        g_autofree char *value = NULL;
        if (!take_pair(&at, &name, &value) || !keep(digest, name, &value))
            return false;
    }
    return digest->user != NULL && digest->realm != NULL && digest->nonce != NULL && digest->uri != NULL &&
           digest->response != NULL && g_utf8_validate(digest->user, -1, NULL);
}

bool rtsp_digest_parse(const char *header, struct rtsp_digest *digest)
{
    *digest = (struct rtsp_digest){0};
    if (header == NULL || g_ascii_strncasecmp(header, SCHEME " ", strlen(SCHEME " ")) != 0)
        return false;
    if (take_pairs(skip_space(header + strlen(SCHEME)), digest))
        return true;
    rtsp_digest_clear(digest);
    return false;
}

void rtsp_digest_clear(struct rtsp_digest *digest)
{
    g_free(digest->user);
    g_free(digest->realm);
    g_free(digest->nonce);
    g_free(digest->uri);
    g_free(digest->response);
    *digest = (struct rtsp_digest){0};
}

/* Some clients leave out the track of a SETUP. */
static bool is_in_front(const char *front, const char *url)
{
    const size_t length = strlen(front);
    return length > 0 && strncmp(front, url, length) == 0 &&
           (front[length - 1] == '/' || url[length] == '/' || url[length] == '\0');
}

bool rtsp_digest_is_for(const struct rtsp_digest *digest, const char *url, const char *nonce)
{
    return strcmp(digest->realm, RTSP_DIGEST_REALM) == 0 && dub_secret_equal(digest->nonce, nonce) &&
           is_in_front(digest->uri, url);
}

static char *md5_of(const char *a, const char *b, const char *c)
{
    g_autofree char *text = g_strjoin(":", a, b, c, NULL);
    return g_compute_checksum_for_string(G_CHECKSUM_MD5, text, -1);
}

bool rtsp_digest_proves(const struct rtsp_digest *digest, const char *method, const char *password)
{
    g_autofree char *who = md5_of(digest->user, digest->realm, password);
    g_autofree char *what = md5_of(method, digest->uri, NULL);
    g_autofree char *expected = md5_of(who, digest->nonce, what);
    g_autofree char *response = g_ascii_strdown(digest->response, -1);
    return dub_secret_equal(expected, response);
}

char *rtsp_digest_challenge(const char *nonce)
{
    return g_strdup_printf(SCHEME " realm=\"" RTSP_DIGEST_REALM "\", nonce=\"%s\", algorithm=\"MD5\"", nonce);
}
