/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may publish or read over RTSP: credentials of the Authorization header (Basic, RFC 7617, or Digest,
 * digest.h) or of the URL's query, put to auth.h. */
#pragma once

#include "../config.h"
#include "session.h"

enum rtsp_access {
    RTSP_ACCESS_GRANTED,
    RTSP_ACCESS_ASKED, /* nobody was named: *challenges says what is wanted */
    RTSP_ACCESS_WRONG, /* a name or a password that does not fit: to be answered after AUTH_PAUSE_S */
};

/* nonce: of this connection, not to be guessed. challenges get values for WWW-Authenticate (char *) unless
 * access is granted. */
enum rtsp_access rtsp_access_check(const struct router_config *config, const struct rtsp_target *target,
                                   const char *remote_address, const char *nonce, GPtrArray *challenges,
                                   struct dub_error *error);
