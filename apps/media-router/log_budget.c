/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "log_budget.h"

#include <dubbing_log.h>
#include <string.h>

void log_budget_init(struct log_budget *budget, const struct dub_clock *clock, const char *what,
                     unsigned per_window)
{
    memset(budget, 0, sizeof *budget);
    budget->clock = clock;
    budget->what = what;
    budget->per_window = per_window;
    budget->window_start_ns = dub_clock_now_ns(clock);
}

void log_budget_tick(struct log_budget *budget)
{
    int64_t now = dub_clock_now_ns(budget->clock);
    if (now - budget->window_start_ns < LOG_BUDGET_WINDOW_NS)
        return;
    if (budget->left_out > 0)
        dub_log_warn("%" G_GUINT64_FORMAT " more lines about %s were left out in the last %d s",
                     budget->left_out, budget->what, (int)((now - budget->window_start_ns) / DUB_NS_PER_S));
    budget->window_start_ns = now;
    budget->used = 0;
    budget->left_out = 0;
}

bool log_budget_take(struct log_budget *budget)
{
    log_budget_tick(budget);
    if (budget->used < budget->per_window) {
        budget->used++;
        return true;
    }
    budget->left_out++;
    budget->total_left_out++;
    return false;
}
