/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starting a program takes milliseconds, many on a busy machine. Where hundreds of publishers come at once (a
 * router that was restarted) their hooks would have to wait for each other's workers. So programs are started
 * on a thread beside the main loop, one after the other. All calls on the thread of the default main context.
 */
#pragma once

#include <stdbool.h>

/* First come, first served: work(job) on a thread of its own, then done(job) in the default main context. */
void starts_add(void *job, void (*work)(void *job), void (*done)(void *job));

/* Takes a job out of the line: neither is called. False when its work has begun: then done is still to come.
 */
bool starts_remove(void *job);
