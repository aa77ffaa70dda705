/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stream's runs and workers: the actions of the state machine carried out, and what the worker says handed
 * on. */
#pragma once

#include "registry_private.h"

/* The one way in which anything happens to a stream. False when the event does not matter in its state. */
bool stream_handle(struct stream *stream, enum stream_event event);
/* The same, where the answer does not matter and the end of the last worker may be waited for. */
void stream_dispatch(struct stream *stream, enum stream_event event);

/* Goes on with the run that the state directory tells of, around a worker found running. */
void stream_adopt(struct stream *stream, pid_t pid, const char *socket_path);
