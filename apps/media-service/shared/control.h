/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control socket of a worker or forwarder: a Unix stream socket that speaks newline-delimited JSON
 * (dubbing_worker_control.h). Several clients at once; one that does not read is dropped. All calls and
 * events on the main thread. */
#pragma once

#include <dubbing_error.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

struct control;
struct control_client;

struct control_events {
    /* A client connected: what to greet it with. Returns a new node. */
    JsonNode *(*make_hello)(void *user);
    /* A client asks for the phrases with seq > after: answer with control_send. */
    void (*on_phrases)(struct control_client *client, int64_t after, void *user);
    void (*on_stop)(void *user);
};

/* Serves <state_dir>/<folder_name>/<stream_id>.sock, making the folders: "workers" for a media-worker,
 * "egress" for an egress-forwarder. NULL with an error: another one serves it already, the folder cannot be
 * written. The path may be longer than a socket's address (dubbing_socket_path.h). */
struct control *control_new(const char *state_dir, const char *folder_name, const char *stream_id,
                            const struct control_events *events, void *user, struct dub_error *error);
/* Closes the clients and removes the socket. NULL is fine. */
void control_free(struct control *control);

const char *control_path(const struct control *control);
/* One line to every client. Takes the node. */
void control_broadcast(struct control *control, JsonNode *take_node);
/* One line to this client. Takes the node. */
void control_send(struct control_client *client, JsonNode *take_node);
/* Before the end: runs the default main context until the clients have been given everything, or the time is
 * over. */
void control_flush(struct control *control, unsigned timeout_ms);
unsigned control_n_clients(const struct control *control);
