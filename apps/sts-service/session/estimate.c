/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "estimate.h"

#include <glib.h>
#include <math.h>

void work_time_add(struct work_time *time, double busy_ms)
{
    time->n = MIN(time->n + 1, ESTIMATE_WINDOW);
    time->average_ms += (busy_ms - time->average_ms) / time->n;
}

static double work_ms(const struct work_time *stream, const struct work_time *service, int64_t duration_ms)
{
    if (stream->n > 0)
        return stream->average_ms;
    return service->n > 0 ? service->average_ms : ESTIMATE_PRIOR * (double)duration_ms;
}

/* As long as there is a place free, nothing has to be waited for. Then one becomes free every
 * work / parallelism. */
static double wait_ms(const struct estimate_load *load, double work)
{
    if (load->parallelism == 0 || load->n_ahead < load->parallelism)
        return 0;
    return (load->n_ahead - load->parallelism + 1) * work / load->parallelism;
}

int64_t estimate_completion_ms(const struct work_time *stream, const struct work_time *service,
                               const struct estimate_load *load)
{
    double work = work_ms(stream, service, load->duration_ms);
    return MIN((int64_t)ceil(wait_ms(load, work) + work), load->timeout_ms);
}
