/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engines/: requests to a speech or translation provider, under the terms of a call.
 *
 * One client per engine holds a pool of connections on a thread of its own, so that a caller never waits for
 * a socket: it waits for the answer, the deadline or a cancel, whichever comes first, and what is given up is
 * cut off at once. What may succeed when asked again is asked again as long as the deadline allows, after a
 * wait that doubles, with jitter, or as long as the provider says (Retry-After, RFC 9110 section 10.2.3). A
 * provider that has said "later" is not asked by anybody before. */
#pragma once

#include "../engine.h"

#define HTTP_MAX_HEADERS 4
/* Of the answers that hold text. */
#define HTTP_TEXT_MAX_BYTES (1u << 20)

struct http_client;

struct http_client_config {
    const char *engine; /* "deepl"; static */
    enum dub_stage stage;
    const char *secret;      /* never shown in a message; NULL: none. Copied */
    const char *secret_name; /* "DEEPL_AUTH_KEY": the variable to look at when it is refused; static */
    unsigned max_connections;
    int64_t first_wait_ns; /* before the second try; 0: 200 ms */
};

struct http_header {
    const char *name, *value;
};

/* Borrowed for the call. */
struct http_request {
    const char *method; /* static */
    const char *url;
    struct http_header headers[HTTP_MAX_HEADERS]; /* name NULL: none */
    const char *content_type;                     /* of the body */
    GBytes *body;                                 /* NULL: none */
    const char *answer_type; /* what the answer's media type begins with: "application/json", "audio/" */
    gsize max_bytes;         /* of the answer */
};

/* NULL with INVALID_CONFIG for what is no http or https address; variable names the setting. */
char *http_base_url(const char *text, const char *variable, enum dub_stage stage, struct dub_error *error);

struct http_client *http_client_new(const struct http_client_config *config);
/* Nobody may be asking. NULL is fine. */
void http_client_free(struct http_client *client);

/* The body of a 2xx answer, owned by the caller. NULL with
 * - TIMEOUT, CANCELLED by the terms of the call;
 * - RATE_LIMIT: asked too often (429); RATE_LIMIT_EXCEEDED: the quota is used up (402, 456, or as the body
 *   says); the engine is then left alone for a while, and calls fail at once;
 * - the stage's "unavailable" (TRANSLATION_API_UNAVAILABLE, MODEL_ERROR): no connection, 5xx, an answer that
 *   breaks off or is of another type;
 * - the stage's own failure, not retryable, for every other refusal (400, 401, 403, 404, 413, 422) and for an
 *   answer beyond max_bytes.
 * Any thread, several at a time. */
GBytes *http_client_ask(struct http_client *client, const struct http_request *request,
                        const struct engine_call *call, struct dub_error *error);
/* Opens a connection, which stays for the calls to come, by asking for what costs nothing (GET, and its
 * headers). What becomes of it is only logged: a key may be good for the work and not for this. */
void http_client_greet(struct http_client *client, const char *url, struct http_header header,
                       const struct engine_call *call);
/* An answer that was read and is not what the provider's documentation says. Returns false. */
bool http_client_bad_answer(const struct http_client *client, const char *what, struct dub_error *error);
