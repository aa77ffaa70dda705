/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much may be inside the pipeline, and whose: the bound of all its queues.
 *
 * The bound counts all jobs, waiting or being worked on. A stream that holds less than its part of it, the
 * bound divided by the streams that have something inside, is let in even when others have filled it: so a
 * flood keeps out only itself. (The bound can be exceeded by that, but by each further stream by less: n
 * streams hold at most bound * (1 + 1/2 + ... + 1/n), or one each where there are more streams than the
 * bound.) Not locked. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct admission;

struct admission *admission_new(unsigned bound);
/* NULL is fine. */
void admission_free(struct admission *admission);
/* False when the stream has to wait until something has left. */
bool admission_enter(struct admission *admission, uint64_t stream);
void admission_leave(struct admission *admission, uint64_t stream);
/* Inside now. */
unsigned admission_count(const struct admission *admission);
