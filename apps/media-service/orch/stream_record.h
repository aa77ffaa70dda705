/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the next media-service needs to know of a running stream, in the state directory. */
#pragma once

#include "stream.h"

#include "../supervise/state_dir.h"

void stream_record_save(const struct stream *stream, const struct state_dir *dir);
/* Fills the stream from its record. False when there is none that can be used: the stream may be half filled
 * then. */
bool stream_record_load(struct stream *stream, const struct state_dir *dir, bool *by_operator);
