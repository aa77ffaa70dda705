/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client of one worker's control socket. It connects, and connects again after a loss, until it is freed,
 * at longer intervals where connections do not last; a worker that has just been started does not listen yet.
 * One that says more than any worker has to say is read slowly. All calls and events on the thread of the
 * default main context. */
#pragma once

#include <dubbing_worker_control.h>
#include <stdbool.h>
#include <sys/types.h>

struct control_client;

/* What the worker says; everything is borrowed for the call. The client must not be freed in an event. */
struct control_client_events {
    /* peer_pid is what the kernel says of the other end, not what the worker claims. False closes the
     * connection, to be tried again later. */
    bool (*on_hello)(const struct dub_worker_hello *hello, pid_t peer_pid, void *user);
    void (*on_status)(const struct dub_worker_status *status, void *user);
    void (*on_phrase)(const struct dub_ledger_line *line, void *user);
};

struct control_client *control_client_new(const char *socket_path, const struct control_client_events *events,
                                          void *user);
/* NULL is fine. */
void control_client_free(struct control_client *client);

/* False when there is no connection. */
bool control_client_send(struct control_client *client, const struct dub_worker_command *command);
/* Delivers what has arrived already, without waiting: before the end of a worker is acted upon. */
void control_client_drain(struct control_client *client);

/* Who listens at this socket, by asking the kernel; 0: nobody. Does not wait. */
pid_t control_client_probe(const char *socket_path);
