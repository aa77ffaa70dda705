/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Digest authentication with MD5 (RFC 2617; without qop, as RFC 2069 had it and RTSP clients speak it). Pure.
 * It saves the password from being read on the wire and nothing else: MD5 is what clients know. */
#pragma once

#include <stdbool.h>

#define RTSP_DIGEST_REALM "media-router"

/* What a client's Authorization header says. Strings are owned. */
struct rtsp_digest {
    char *user, *realm, *nonce, *uri, *response;
};

/* False, with everything NULL, for a header that is no Digest, lacks a part or names another algorithm or a
 * qop. header may be NULL. */
bool rtsp_digest_parse(const char *header, struct rtsp_digest *digest);
void rtsp_digest_clear(struct rtsp_digest *digest);
/* True when the client asks for this URL, or for that of the whole stream in front of a track's, in answer to
 * this nonce of ours. */
bool rtsp_digest_is_for(const struct rtsp_digest *digest, const char *url, const char *nonce);
/* True when it was made with this password. */
bool rtsp_digest_proves(const struct rtsp_digest *digest, const char *method, const char *password);
/* The value of a WWW-Authenticate header; the caller's. */
char *rtsp_digest_challenge(const char *nonce);
