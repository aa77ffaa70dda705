/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One POST over HTTP/1.1 with a deadline. */
#pragma once

#include <stddef.h>

enum hook_result {
    HOOK_DONE,    /* a 2xx answer */
    HOOK_FAILED,  /* another attempt may help: no connection, no answer, 5xx */
    HOOK_REFUSED, /* another attempt will not help */
};

/* url: http://host[:port][/prefix]; api_key may be NULL or "". On failure message says why, in one line. */
enum hook_result hook_post(const char *url, const char *event, const char *body, const char *api_key,
                           int timeout_ms, char *message, size_t message_size);
