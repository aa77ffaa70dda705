/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ORCH_STATE_DIR: what outlives a media-service. The lock of the one that uses it, the control sockets of the
 * workers, and a record of each stream that is running, so that the next media-service can go on with it. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

struct state_dir;

/* Makes the directory and locks it. NULL with UNAVAILABLE when another process holds the lock, IO
 * otherwise. */
struct state_dir *state_dir_open(const char *path, struct dub_error *error);
/* Unlocks. NULL is fine. */
void state_dir_close(struct state_dir *dir);

/* Absolute, however it was given. */
const char *state_dir_path(const struct state_dir *dir);
/* The control socket of a stream's worker, which may be longer than a socket's address
 * (dubbing_socket_path.h). Owned by the caller. */
char *state_dir_socket_path(const struct state_dir *dir, const char *stream_id);
/* The ids of the streams that have a socket, stale ones included: texts, freed with the array. */
GPtrArray *state_dir_list_sockets(const struct state_dir *dir);
/* The same of a stream's egress-forwarder. */
char *state_dir_egress_path(const struct state_dir *dir, const char *stream_id);
GPtrArray *state_dir_list_egress(const struct state_dir *dir);

/* Whether files can be made in it now. */
bool state_dir_is_writable(const struct state_dir *dir);

/* Takes the object. A failure is logged: the stream goes on, it just may not survive us. */
void state_dir_save_stream(const struct state_dir *dir, const char *stream_id, JsonObject *take_record);
void state_dir_remove_stream(const struct state_dir *dir, const char *stream_id);
/* NULL when there is none, or none that can be read. The caller owns it. */
JsonObject *state_dir_load_stream(const struct state_dir *dir, const char *stream_id);

/* The same for the streams that an operator has stopped; a record lasts as long as the stop does. */
void state_dir_save_stop(const struct state_dir *dir, const char *stream_id, JsonObject *take_record);
void state_dir_remove_stop(const struct state_dir *dir, const char *stream_id);
JsonObject *state_dir_load_stop(const struct state_dir *dir, const char *stream_id);
/* The ids of the streams that have one: texts, freed with the array. */
GPtrArray *state_dir_list_stops(const struct state_dir *dir);
