/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A path's stream as RTP, one for all of its RTSP readers: made when the first of them asks for it, gone with
 * the last. One thread. */
#pragma once

#include "../router.h"
#include "rtp_writer.h"

/* Path name -> struct rtsp_source, borrowed: the table does not keep them. */
GHashTable *rtsp_sources_new(void);

struct rtsp_source {
    grefcount refs;
    GHashTable *sources; /* outlives it */
    char *path;
    char *publisher_id;
    int64_t online_wall_ms; /* of the publisher */
    struct rtp_writer *writer;
};

/* A reference for the caller. NULL with error: nobody publishes there (DUB_ERROR_NOT_FOUND), or nothing that
 * RTP can carry here (DUB_ERROR_UNSUPPORTED). */
struct rtsp_source *rtsp_source_get(GHashTable *sources, struct router *router, const char *path,
                                    struct dub_error *error);
/* NULL is fine. */
void rtsp_source_unref(struct rtsp_source *source);
