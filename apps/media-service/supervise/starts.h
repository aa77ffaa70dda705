/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starting a program takes milliseconds, more on a busy machine, and all that time this thread can do nothing
 * else. Where hundreds of publishers come at once (a router that was restarted) their hooks would have to
 * wait for each other's workers. So starts stand in line: one a turn of the main loop, when nothing else is
 * to be done. For the thread of the default main context only. */
#pragma once

#include <stdbool.h>

/* start(user) is called later, never from here; first come, first served. */
void starts_add(void (*start)(void *user), void *user);

/* Takes user out of the line; false when it is not, or no longer, in it. */
bool starts_remove(void *user);
