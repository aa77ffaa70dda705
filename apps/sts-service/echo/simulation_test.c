/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "simulation.h"

static struct dub_simulation_rule rules[] = {
    {.trigger = DUB_TRIGGER_SEQUENCE_NUMBER, .number = 3, .error = {.code = DUB_ERROR_TIMEOUT}},
    {.trigger = DUB_TRIGGER_NTH_FRAGMENT, .number = 3, .error = {.code = DUB_ERROR_MODEL_ERROR}},
    {.trigger = DUB_TRIGGER_FRAGMENT_ID, .fragment_id = (char *)"x", .error = {.code = DUB_ERROR_ASR_FAILED}},
    {.trigger = DUB_TRIGGER_COUNT, .number = 3, .error = {.code = DUB_ERROR_INTERNAL}},
};

static enum dub_error_code code_for(bool enabled, int64_t sequence, const char *id, int64_t nth)
{
    struct simulation simulation = {
        .errors = {.enabled = enabled, .rules = rules, .n_rules = G_N_ELEMENTS(rules)}};
    struct dub_fragment_data fragment = {.fragment_id = (char *)id, .sequence_number = sequence};
    const struct dub_error *error = simulation_error(&simulation, &fragment, nth);
    return error ? error->code : DUB_ERROR_NONE;
}

static void test_rules(void)
{
    g_assert_cmpint(code_for(true, 0, "a", 1), ==, DUB_ERROR_NONE);
    g_assert_cmpint(code_for(true, 3, "a", 4), ==, DUB_ERROR_TIMEOUT);
    g_assert_cmpint(code_for(true, 2, "a", 3), ==, DUB_ERROR_MODEL_ERROR);
    g_assert_cmpint(code_for(true, 0, "x", 1), ==, DUB_ERROR_ASR_FAILED);
    g_assert_cmpint(code_for(true, 0, "X", 1), ==, DUB_ERROR_ASR_FAILED);
    /* The first rule that matches counts. */
    g_assert_cmpint(code_for(true, 3, "x", 3), ==, DUB_ERROR_TIMEOUT);
    g_assert_cmpint(code_for(false, 3, "x", 3), ==, DUB_ERROR_NONE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/simulation/rules", test_rules);
    return g_test_run();
}
