/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "simulation.h"

void simulation_clear(struct simulation *simulation)
{
    dub_error_simulation_clear(&simulation->errors);
    simulation->pressure = (struct dub_backpressure_simulation){0};
}

static bool matches(const struct dub_simulation_rule *rule, const struct dub_fragment_data *fragment,
                    int64_t nth)
{
    switch (rule->trigger) {
    case DUB_TRIGGER_SEQUENCE_NUMBER:
        return rule->number == fragment->sequence_number;
    case DUB_TRIGGER_NTH_FRAGMENT:
        return rule->number == nth;
    case DUB_TRIGGER_FRAGMENT_ID:
        return g_ascii_strcasecmp(rule->fragment_id, fragment->fragment_id) == 0;
    case DUB_TRIGGER_COUNT:
        break;
    }
    return false;
}

const struct dub_error *simulation_error(const struct simulation *simulation,
                                         const struct dub_fragment_data *fragment, int64_t nth)
{
    if (!simulation->errors.enabled)
        return NULL;
    for (unsigned i = 0; i < simulation->errors.n_rules; i++) {
        if (matches(&simulation->errors.rules[i], fragment, nth))
            return &simulation->errors.rules[i].error;
    }
    return NULL;
}
