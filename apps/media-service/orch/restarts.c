/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "restarts.h"

#include <dubbing_clock.h>
#include <glib.h>
#include <string.h>

#define WINDOW_NS (600 * DUB_NS_PER_S)
#define FIRST_NS DUB_NS_PER_S
#define LONGEST_NS (30 * DUB_NS_PER_S)

static void forget_old(struct restarts *restarts, int64_t now_ns)
{
    unsigned old = 0;
    while (old < restarts->n && now_ns - restarts->times_ns[old] >= WINDOW_NS)
        old++;
    restarts->n -= old;
    memmove(restarts->times_ns, restarts->times_ns + old, restarts->n * sizeof(restarts->times_ns[0]));
}

int64_t restarts_plan(struct restarts *restarts, int64_t now_ns)
{
    forget_old(restarts, now_ns);
    if (restarts->n == RESTARTS_MAX)
        return -1;
    int64_t wait_ns = MIN(FIRST_NS << restarts->n, LONGEST_NS);
    restarts->times_ns[restarts->n++] = now_ns;
    return now_ns + wait_ns;
}
