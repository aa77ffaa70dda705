/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The handlers of the routes, and what they share. Each is one route of the table in api.c. */
#pragma once

#include "api.h"
#include "events.h"

struct api {
    struct api_deps deps;
    struct events *events;
    GPtrArray *long_answers; /* that are being made; long_answer.c's */
    struct dub_http_server *server;
};

/* Takes the object. */
void api_reply_object(struct dub_http_request *request, unsigned status, JsonObject *take_object);
/* 200 with what append_part adds until it returns false, a little in each turn of the main loop: an answer
 * that takes long to make does not hold up hooks. Nothing of it may be borrowed from what can go meanwhile.
 */
void api_reply_in_parts(struct api *api, struct dub_http_request *request,
                        bool (*append_part)(GString *text, void *user), void *take_user,
                        GDestroyNotify free_user);
/* Freed with g_ptr_array_unref, before the server: what is not done then never will be. */
GPtrArray *api_long_answers_new(void);
/* The HTTP status that goes with the code, and the message. */
void api_reply_failure(struct dub_http_request *request, const struct dub_error *error);
/* What the API shows of a stream. The caller owns it. */
JsonObject *api_describe(const struct api *api, const struct stream *stream);

/* user is the struct api. */
void api_on_ready_hook(struct dub_http_request *request, void *user);
void api_on_not_ready_hook(struct dub_http_request *request, void *user);
void api_on_list(struct dub_http_request *request, void *user);
void api_on_get(struct dub_http_request *request, void *user);
void api_on_start(struct dub_http_request *request, void *user);
void api_on_stop(struct dub_http_request *request, void *user);
void api_on_restart(struct dub_http_request *request, void *user);
void api_on_set_egress(struct dub_http_request *request, void *user);
void api_on_end_egress(struct dub_http_request *request, void *user);
void api_on_phrases(struct dub_http_request *request, void *user);
void api_on_events(struct dub_http_request *request, void *user);
void api_on_health(struct dub_http_request *request, void *user);
void api_on_ready(struct dub_http_request *request, void *user);
void api_on_metrics(struct dub_http_request *request, void *user);
