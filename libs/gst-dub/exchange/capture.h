/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keeps what went to the sts-service and what came back, each fragment a playable file:
 *
 *   <folder>/000012-<fragment id>.in.wav    as it was sent
 *                                .out.wav   as it was received, before it was judged (.m4a if it was)
 *                                .late.wav  the same, after it had been given up
 *
 * Numbers count the fragments of a folder, over several programs too. A thread of its own writes, so that a
 * slow, full or read-only disk delays nobody: what it cannot take is dropped, and that is said when it begins
 * and when it ends. A file is whole or not there. */
#pragma once

#include <dubbing_events.h>

struct dub_capture;

struct dub_capture_config {
    const char *folder;
    const char *stream_id;     /* for the log */
    unsigned max_waiting;      /* files; 0: 64 */
    int64_t max_waiting_bytes; /* of them; 0: 32 MiB */
    int64_t stop_wait_ns;      /* for dub_capture_free; 0: 1 s */
    /* Whole or not at all; NULL: dub_file_write_atomic. For tests. */
    bool (*write_file)(const char *path, const void *data, gsize size, struct dub_error *error);
};

/* Copies the texts. NULL without a folder (NULL or ""): nothing is kept. */
struct dub_capture *dub_capture_new(const struct dub_capture_config *config);
/* Any thread, none waits; the audio is referenced. NULL is fine, as is audio without data. fragment_id is 36
 * letters of a UUID. */
void dub_capture_sent(struct dub_capture *capture, const char *fragment_id, const struct dub_audio *audio);
/* After the fragment was sent. */
void dub_capture_received(struct dub_capture *capture, const char *fragment_id,
                          const struct dub_audio *audio);
/* When it is no use any more: it was handed back without a dub. */
void dub_capture_received_late(struct dub_capture *capture, const char *fragment_id,
                               const struct dub_audio *audio);
/* Writes what waits, for a little while at most. NULL is fine. */
void dub_capture_free(struct dub_capture *capture);
