/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A GIOStream around another that counts what has really been written.
 *
 * libsoup queues WebSocket frames without bound and does not say how much waits. With the frames' sizes added
 * when they are handed over and subtracted here as the bytes leave, a peer that reads nothing is noticed. */
#pragma once

#include <gio/gio.h>

G_DECLARE_FINAL_TYPE(CountedStream, counted_stream, COUNTED, STREAM, GIOStream)

/* Both streams of base must be pollable. References base. */
CountedStream *counted_stream_new(GIOStream *base);
/* A frame of this size is about to be queued by the layer above. */
void counted_stream_add_queued(CountedStream *stream, gsize bytes);
gsize counted_stream_queued(CountedStream *stream);
