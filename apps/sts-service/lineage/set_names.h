/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to lineage/: how the files of one fragment, a set, are called (store.h). Pure but for set_remove().
 */
#pragma once

#include <glib.h>
#include <stdint.h>

/* Of a stream: the id with all that a name must not hold replaced by _, never empty. Owned by the caller. */
char *set_folder_name(const char *stream_id);
/* What the names of a set begin with; those of a folder sort by time. n tells sets of the same millisecond
 * apart. Owned by the caller. */
char *set_stem(int64_t wall_ms, unsigned n, const char *fragment_id);
/* When the set with this stem was made, in Unix ms; -1 for a time that no calendar knows. */
int64_t set_time_ms(const char *stem);

enum set_file {
    SET_FILE_JSON, /* without it a set is incomplete */
    SET_FILE_AUDIO,
    SET_FILE_TEMPORARY, /* what an interrupted program left behind */
};
/* The length of the stem of a name of ours and which file of the set it is; 0: not ours. */
size_t set_parse_name(const char *name, enum set_file *which);
/* Removes the files of the set, and the stream's folder if it was the last one there. */
void set_remove(const char *stem_path);
