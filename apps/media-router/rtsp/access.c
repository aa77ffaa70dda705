/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "access.h"

#include <string.h>

#define BASIC "Basic "
#define CHALLENGE "Basic realm=\"media-router\", charset=\"UTF-8\""

/* "Basic dXNlcjpwYXNz". False for anything else. */
static bool parse_basic(const char *header, char **user, char **pass)
{
    if (header == NULL || g_ascii_strncasecmp(header, BASIC, strlen(BASIC)) != 0)
        return false;
    gsize size;
    g_autofree char *encoded = g_strstrip(g_strdup(header + strlen(BASIC)));
    g_autofree guchar *decoded = g_base64_decode(encoded, &size);
    g_autofree char *text = g_strndup((const char *)decoded, size);
    char *colon = strchr(text, ':');
    if (colon == NULL || !g_utf8_validate(text, -1, NULL))
        return false;
    *user = g_strndup(text, (gsize)(colon - text));
    *pass = g_strdup(colon + 1);
    return true;
}

enum rtsp_access rtsp_access_check(const GPtrArray *users, const struct rtsp_target *target,
                                   const char *remote_address, GPtrArray *challenges, struct dub_error *error)
{
    g_autofree char *user = NULL;
    g_autofree char *pass = NULL;
    if (!parse_basic(target->authorization, &user, &pass))
        auth_from_query(target->query, &user, &pass);
    struct auth_request request = {.action = target->is_publish ? AUTH_PUBLISH : AUTH_READ,
                                   .path = target->path,
                                   .remote_address = remote_address,
                                   .user = user,
                                   .pass = pass};
    if (auth_check(users, &request, error))
        return RTSP_ACCESS_GRANTED;
    g_ptr_array_add(challenges, g_strdup(CHALLENGE));
    return target->authorization != NULL || user != NULL ? RTSP_ACCESS_WRONG : RTSP_ACCESS_ASKED;
}
