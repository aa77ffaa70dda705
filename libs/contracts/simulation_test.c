/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/test_json.h"

#include <dubbing_events.h>
#include <string.h>

static void expect_rule_problem(const char *rule, const char *says)
{
    g_autofree char *text = g_strdup_printf("{\"enabled\":true,\"rules\":[%s]}", rule);
    g_autoptr(JsonNode) node = test_parse_json(text);
    struct dub_error_simulation simulation;
    struct dub_error error = {0};
    g_assert_false(dub_error_simulation_read(&simulation, node, &error));
    g_test_message("%s", error.message);
    g_assert_nonnull(strstr(error.message, says));
    dub_error_simulation_clear(&simulation);
}

static void test_bad_rules(void)
{
    expect_rule_problem("1", "rules");
    expect_rule_problem("{\"trigger\":\"moon\"}", "rules[0].trigger");
    expect_rule_problem("{\"trigger\":\"nth_fragment\",\"value\":0,\"error_code\":\"TIMEOUT\"}",
                        "rules[0].value");
    expect_rule_problem("{\"trigger\":\"fragment_id\",\"value\":0,\"error_code\":\"TIMEOUT\"}",
                        "rules[0].value");
    expect_rule_problem("{\"trigger\":\"sequence_number\",\"value\":0,\"error_code\":\"NO\"}", "error_code");
    expect_rule_problem(
        "{\"trigger\":\"sequence_number\",\"value\":0,\"error_code\":\"TIMEOUT\",\"stage\":\"x\"}",
        "rules[0].stage");
    g_autoptr(GString) many = g_string_new("{}");
    for (int i = 0; i < DUB_SIMULATION_RULES_MAX; i++)
        g_string_append(many, ",{}");
    expect_rule_problem(many->str, "has 101 entries");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/simulation/bad-simulation-rules-are-named", test_bad_rules);
    return g_test_run();
}
