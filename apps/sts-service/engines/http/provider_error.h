/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engines/http/: what a provider's refusal says. Pure, any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define PROVIDER_ERROR_MAX_BYTES 120

struct provider_error {
    char message[PROVIDER_ERROR_MAX_BYTES + 1]; /* one line of UTF-8; empty: the body says nothing */
    bool quota;                                 /* used up, as opposed to asked too often */
};

/* Reads {"message"}, {"error": "..."}, {"error": {"message", "code", "type"}} and {"detail": {"message",
 * "status"}} or {"detail": "..."}; whatever else stands there is no message. secret: blotted out; NULL: none.
 */
void provider_error_read(const void *body, gsize size, const char *secret, struct provider_error *out);
