/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A GIOStream for a WebSocket, around another, that knows what libsoup (3.2) neither bounds nor tells.
 *
 * Out: how much still waits. The frames' sizes are added when they are handed over and subtracted here as the
 * bytes leave, so that a peer that reads nothing is noticed.
 * In: a message in endless fragments, and pings that are sent faster than their answers are read, end the
 * stream: reading fails. What is read in one go, and in a second, is bounded. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

/* A peer that reads does not come near it. */
#define COUNTED_MAX_UNANSWERED_PINGS 1000
/* So much is read of one stream in one go before others have their turn. */
#define COUNTED_TURN_BYTES (32u * 1024)
#define COUNTED_BURST_SECONDS 2

G_DECLARE_FINAL_TYPE(CountedStream, counted_stream, COUNTED, STREAM, GIOStream)

enum counted_excess { COUNTED_NO_EXCESS, COUNTED_LONG_MESSAGE, COUNTED_PING_FLOOD };

/* Both streams of base must be pollable. References base. max_message_bytes: of a message in fragments; one
 * in a single frame is libsoup's to bound. */
CountedStream *counted_stream_new(GIOStream *base, gsize max_message_bytes);
/* Another limit, from the next message on. */
void counted_stream_set_max_message(CountedStream *stream, gsize max_message_bytes);
/* So much is read a second, beyond bursts of COUNTED_BURST_SECONDS of it; what comes faster waits in the
 * peer. 0: no limit. */
void counted_stream_set_rate(CountedStream *stream, gsize bytes_per_second);
/* A frame of this size is about to be queued by the layer above. */
void counted_stream_add_queued(CountedStream *stream, gsize bytes);
gsize counted_stream_queued(CountedStream *stream);
/* Why reading fails. */
enum counted_excess counted_stream_excess(CountedStream *stream);
