/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The address of an egress destination: what is allowed, and how it is shown. It ends in a stream key, which
 * is a secret whatever the host: a relay on this machine may lead anywhere. Pure; used by egress-forwarder
 * and by media-service. */
#pragma once

#include <dubbing_error.h>
#include <stdbool.h>

#define EGRESS_DEST_MAX_BYTES 1024
#define EGRESS_DEST_ALLOWED                                                                                  \
    "rtmp://host[:port]/app/key or rtmps://host[:port]/app/key, at most 1024 characters"

/* INVALID_ARGUMENT with a message that says what is allowed and does not repeat the address. */
bool egress_dest_check(const char *url, struct dub_error *error);
/* A copy without key, query and password. Owned by the caller. */
char *egress_dest_mask(const char *url);
/* A copy of text, a library's message about the destination, without what egress_dest_mask hides. Owned by
 * the caller. */
char *egress_dest_mask_in(const char *url, const char *text);
