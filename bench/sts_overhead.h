/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an engine costs over its library: both are timed in turn, so that they see the same load. */
#pragma once

/* Monotonic. */
double overhead_now_ms(void);
/* Sorts them. */
double overhead_median(double *values, int count);
/* Prints the medians and their difference; sorts both. */
void overhead_print(const char *library, double *library_ms, double *engine_ms, int times);
