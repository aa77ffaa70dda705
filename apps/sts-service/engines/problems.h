/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engines/: everything that is wrong with a file or a setting, said at once. */
#pragma once

#include <dubbing_error.h>

/* problems: strings, of which there is at least one. Sets INVALID_CONFIG: "what: 3 problems: first; second;
 * third", as far as a message goes. Returns false. */
bool problems_report(const GPtrArray *problems, const char *what, struct dub_error *error);
/* Logs each as an error where there are several: a message may not hold them all. For what is read at start.
 */
void problems_log(const GPtrArray *problems, const char *what);
/* Adds a formatted one; beyond 50 they are counted no more. */
void problems_add(GPtrArray *problems, const char *format, ...) G_GNUC_PRINTF(2, 3);
