/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "access.h"

#define CHALLENGE "Basic realm=\"media-router\", charset=\"UTF-8\""

enum rtsp_access rtsp_access_check(const GPtrArray *users, const struct rtsp_target *target,
                                   const char *remote_address, GPtrArray *challenges, struct dub_error *error)
{
    g_autofree char *user = NULL;
    g_autofree char *pass = NULL;
    if (!auth_from_basic(target->authorization, &user, &pass))
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
