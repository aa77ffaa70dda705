/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The settings of one stream on top of the defaults: from the publish query string, from streams.d/<id>.env,
 * or from the body of POST /api/v1/streams. They end up as WORKER_ variables in the worker's environment. One
 * table says under which names each is known and what it may be. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

/* Of the stream's egress-forwarder, not of its worker. */
#define STREAM_EGRESS_DEST_URL "EGRESS_DEST_URL"
#define STREAM_EGRESS_ENABLED "EGRESS_ENABLED"

struct stream_settings {
    GHashTable *values; /* variable name -> value, both owned texts */
};

/* The defaults of all streams are variables of our own environment, which each worker inherits: appends one
 * text for each that no worker would take. */
void stream_settings_check_environment(GPtrArray *problems);

void stream_settings_init(struct stream_settings *settings);
void stream_settings_clear(struct stream_settings *settings);

/* "lang=es&src=en", values URL-encoded or not. What is invalid or unknown is left out, with a log line that
 * names the stream; it never fails. */
void stream_settings_read_query(struct stream_settings *settings, const char *query, const char *stream_id);
/* directory/<stream_id>.env: NAME=value lines, # comments, values optionally quoted. No file: nothing. Never
 * fails. */
void stream_settings_read_file(struct stream_settings *settings, const char *directory,
                               const char *stream_id);
/* The members "targetLang", "sourceLang", "voice" ... of the object. Here somebody waits for an answer, so
 * that an invalid value is an error. */
bool stream_settings_read_json(struct stream_settings *settings, JsonObject *object, struct dub_error *error);
/* As read_json reads it, for keeping it over a restart, but without secrets: it is shown too. The caller owns
 * the object. */
JsonObject *stream_settings_to_json(const struct stream_settings *settings);

/* NULL when it is not set here. */
const char *stream_settings_get(const struct stream_settings *settings, const char *variable);
/* NULL: no destination, whatever the default. The url has passed egress_dest_check. */
void stream_settings_set_egress(struct stream_settings *settings, const char *dest_url);
/* Appends "NAME=value" texts for the worker. */
void stream_settings_add_environment(const struct stream_settings *settings, GPtrArray *environment);
