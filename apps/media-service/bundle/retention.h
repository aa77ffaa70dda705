/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Old run bundles make room for new ones. Only folders whose name is a run id are looked at, whatever else is
 * kept beside them. */
#pragma once

#include <stdint.h>

struct retention {
    int64_t max_age_ms; /* since the last change of a file in it; 0: no limit */
    int64_t max_bytes;  /* of all bundles together; 0: no limit */
};

/* Removes what is too old, then the oldest until the rest fits. keep: ids of runs that go on,
 * NULL-terminated. Says how many were removed. Reads the disk: not for the main thread. */
unsigned retention_clean(const char *root, const struct retention *retention, int64_t now_ms,
                         const char *const *keep);
