/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A clip spoken faster at the same pitch, by librubberband (offline, both passes over the whole clip). Any
 * thread that may be kept busy: it takes about 3 % of the clip's duration (stretch_thread.h). */
#pragma once

#include <glib.h>

/* Mono samples at DUB_RATE_HZ. speed 1.25: the result is 1/1.25 as long; 1 to 2. n_samples > 0. Owned by the
 * caller (g_free); *n_result is n_samples / speed, rounded. NULL soon after *cancelled, which is read
 * atomically, has become true; cancelled may be NULL. */
float *dub_stretch(const float *samples, unsigned n_samples, double speed, const gint *cancelled,
                   unsigned *n_result);
