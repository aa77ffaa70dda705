/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine.h"

#define SLEEP_STEP_NS (20 * DUB_NS_PER_MS)

bool engine_call_go_on(const struct engine_call *call, enum dub_stage stage, struct dub_error *error)
{
    if (call->cancellable && g_cancellable_is_cancelled(call->cancellable))
        return dub_error_set_stage(error, DUB_ERROR_CANCELLED, stage, "cancelled by the caller");
    if (call->deadline_ns > 0 && dub_clock_now_ns(dub_clock_monotonic()) >= call->deadline_ns)
        return dub_error_set_stage(error, DUB_ERROR_TIMEOUT, stage, "not done by the deadline");
    return true;
}

int engine_call_left_ms(const struct engine_call *call, int max_ms)
{
    if (call->deadline_ns <= 0)
        return max_ms;
    int64_t left_ns = call->deadline_ns - dub_clock_now_ns(dub_clock_monotonic());
    int64_t left_ms = (left_ns + DUB_NS_PER_MS - 1) / DUB_NS_PER_MS;
    return (int)CLAMP(left_ms, 0, max_ms);
}

bool engine_call_sleep(const struct engine_call *call, int64_t ns, enum dub_stage stage,
                       struct dub_error *error)
{
    int64_t end_ns = dub_clock_now_ns(dub_clock_monotonic()) + ns;
    for (;;) {
        if (!engine_call_go_on(call, stage, error))
            return false;
        int64_t left_ns = end_ns - dub_clock_now_ns(dub_clock_monotonic());
        if (left_ns <= 0)
            return true;
        g_usleep((gulong)(MIN(left_ns, SLEEP_STEP_NS) / 1000 + 1));
    }
}

void engine_info_clear(struct engine_info *info)
{
    g_free(info->model);
    g_strfreev(info->languages);
    g_strfreev(info->voices);
    *info = (struct engine_info){0};
}
