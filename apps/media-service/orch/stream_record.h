/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the next media-service needs to know of a running stream, in the state directory. */
#pragma once

#include "stream.h"

#include "../supervise/state_dir.h"

void stream_record_save(const struct stream *stream, const struct state_dir *dir);
/* Fills the stream from its record. False when there is none that can be used: the stream may be half filled
 * then. */
bool stream_record_load(struct stream *stream, const struct state_dir *dir, bool *by_operator);

/* To be called when the stream's state may have changed: that an operator has stopped it is kept for the next
 * media-service until its publisher is gone or it is started. The end of media-service, which stops streams
 * too, is no operator's wish. */
void stream_record_keep_stop(struct stream *stream, const struct state_dir *dir, bool is_closing);
/* Of a new stream: it was stopped by an operator, of whose publisher the record tells. */
void stream_record_restore_stop(struct stream *stream, const struct state_dir *dir);
