/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to lineage/: what an earlier program has left in the artifact folder (store.h). */
#pragma once

#include <stdint.h>

/* Tells of each complete set, in any order, and removes what is incomplete or temporary. Symbolic links and
 * names of another pattern are left alone. */
void set_scan(const char *folder,
              void (*found)(char *take_stem_path, int64_t bytes, int64_t time_ms, void *user), void *user);
