/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Passwords and keys from outside, beside the right ones. */
#pragma once

#include <stdbool.h>

/* Of their digests, so that the time tells neither where the first difference is nor how long the right one
 * is. */
bool dub_secret_equal(const char *a, const char *b);
