/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where streams come from and go to: what a URL or path means, before anything is opened. */
#pragma once

#include <dubbing_error.h>
#include <stdbool.h>

enum location_kind { LOCATION_RTMP, LOCATION_RTSP, LOCATION_SRT, LOCATION_FILE };

enum container { CONTAINER_UNKNOWN, CONTAINER_MP4, CONTAINER_FLV, CONTAINER_TS };

/* The path of a file:// URL or a plain path; NULL for URLs of other schemes. Owned by the caller. */
char *location_file_path(const char *location);
enum location_kind location_kind(const char *location);
/* Whether we wait there for the peer to connect (srt:// with mode=listener), instead of connecting to it. */
bool location_is_listener(const char *location);
/* A copy of text, a library's message, in which the location, whole or up to its query, is masked as
 * dub_url_mask does, and so is a passphrase of its query. Owned by the caller. */
char *location_mask_in(const char *location, const char *text);

/* Whether it is of a scheme we read. Says which schemes there are when not. */
bool input_location_check(const char *location, struct dub_error *error);
/* Whether it is of a scheme or file type we write, and, for a file, its folder is there and can be written.
 */
bool output_location_check(const char *location, struct dub_error *error);

/* By the file name's ending. */
enum container container_from_name(const char *path);
/* By the file's first bytes. CONTAINER_UNKNOWN with an error when it cannot be read or is something else. */
enum container container_from_content(const char *path, struct dub_error *error);
