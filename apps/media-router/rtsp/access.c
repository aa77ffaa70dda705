/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "access.h"

#include "digest.h"

#define BASIC_CHALLENGE "Basic realm=\"media-router\", charset=\"UTF-8\""

struct proof {
    const struct rtsp_digest *digest;
    const char *method;
};

static bool proves(const char *password, const void *user)
{
    const struct proof *proof = user;
    return rtsp_digest_proves(proof->digest, proof->method, password);
}

static bool check_digest(const struct router_config *config, const struct rtsp_target *target,
                         const struct rtsp_digest *digest, const struct auth_request *asked,
                         struct dub_error *error)
{
    const struct proof proof = {digest, target->method};
    struct auth_request request = *asked;
    request.user = digest->user;
    request.proves = proves;
    request.proof = &proof;
    return auth_check(config->users, &request, error);
}

static bool check_password(const struct router_config *config, const struct rtsp_target *target,
                           const struct auth_request *asked, bool *is_named, struct dub_error *error)
{
    g_autofree char *user = NULL;
    g_autofree char *pass = NULL;
    struct auth_request request = *asked;
    if (!config->rtsp_basic || !auth_from_basic(target->authorization, &user, &pass))
        auth_from_query(target->query, &user, &pass);
    request.user = user;
    request.pass = pass;
    *is_named = user != NULL;
    return auth_check(config->users, &request, error);
}

enum rtsp_access rtsp_access_check(const struct router_config *config, const struct rtsp_target *target,
                                   const char *remote_address, const char *nonce, GPtrArray *challenges,
                                   struct dub_error *error)
{
    const struct auth_request asked = {.action = target->is_publish ? AUTH_PUBLISH : AUTH_READ,
                                       .path = target->path,
                                       .remote_address = remote_address};
    struct rtsp_digest digest = {0};
    bool is_named = true;
    bool has_digest = config->rtsp_digest && rtsp_digest_parse(target->authorization, &digest) &&
                      rtsp_digest_is_for(&digest, target->url, nonce);
    bool granted = has_digest ? check_digest(config, target, &digest, &asked, error)
                              : check_password(config, target, &asked, &is_named, error);
    rtsp_digest_clear(&digest);
    if (granted)
        return RTSP_ACCESS_GRANTED;
    if (config->rtsp_digest)
        g_ptr_array_add(challenges, rtsp_digest_challenge(nonce));
    if (config->rtsp_basic)
        g_ptr_array_add(challenges, g_strdup(BASIC_CHALLENGE));
    return target->authorization != NULL || is_named ? RTSP_ACCESS_WRONG : RTSP_ACCESS_ASKED;
}
