/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tests: a provider on loopback. It answers over HTTP/1.1 with connections that stay open, as the test's
 * function says, and misbehaves as it is told: late, cut off, endless. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct stand_request {
    const char *method;
    const char *path; /* with its query */
    const char *head; /* all header lines */
    const char *body; /* followed by a 0 byte */
    gsize size;
    int number; /* of the requests so far, from 1 */
};

/* Zeroed: 200 without a body. */
struct stand_reply {
    int status;
    const char *type;    /* static; NULL: application/json */
    const char *headers; /* static: whole lines, "Retry-After: 1\r\n"; NULL: none */
    char *body;          /* owned by the stand; NULL: none */
    gsize size;          /* 0: that of the text */
    int64_t delay_ms;    /* before the head */
    bool cut;            /* the connection ends after half of the body */
};

typedef void stand_answer(const struct stand_request *request, struct stand_reply *reply, void *user);

struct provider_stand;

/* answer is called on the connections' threads. */
struct provider_stand *provider_stand_new(stand_answer *answer, void *user);
void provider_stand_free(struct provider_stand *stand);
/* "http://127.0.0.1:PORT"; the stand's. */
const char *provider_stand_url(const struct provider_stand *stand);
int provider_stand_requests(const struct provider_stand *stand);
int provider_stand_connections(const struct provider_stand *stand);
/* Time from each request's last byte to its answer's first, in all. */
int64_t provider_stand_busy_ns(struct provider_stand *stand);
/* A header's value in a request; owned by the caller; NULL: it is not there. */
char *stand_header(const struct stand_request *request, const char *name);
