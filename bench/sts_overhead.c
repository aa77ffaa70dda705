/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sts_overhead.h"

#include <dubbing_clock.h>
#include <stdio.h>
#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

double overhead_now_ms(void)
{
    return (double)dub_clock_now_ns(dub_clock_monotonic()) / 1e6;
}

double overhead_median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_size);
    return values[count / 2];
}

void overhead_print(const char *library, double *library_ms, double *engine_ms, int times)
{
    double alone = overhead_median(library_ms, times);
    double whole = overhead_median(engine_ms, times);
    printf("%d times, medians: %s %.2f ms, engine %.2f ms, over it %.2f ms\n", times, library, alone, whole,
           whole - alone);
}
