/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

static const char *entry_for(const struct router_config *config, const char *name)
{
    g_auto(GStrv) groups = NULL;
    const struct path_config *path = router_config_find_path(config, name, &groups);
    return path != NULL ? path->name : NULL;
}

static void test_no_paths_no_entry(void)
{
    struct router_config *config = router_config_new();
    g_assert_null(entry_for(config, "live/a"));
    router_config_free(config);
    router_config_free(NULL);
}

/* A path's own name wins over a regex that stands before it, the regex over all_others. */
static void test_order(void)
{
    struct router_config *config = router_config_new();
    router_config_add_path(config, ROUTER_ALL_OTHERS);
    router_config_add_path(config, "~^live/")->regex = g_regex_new("^live/", 0, 0, NULL);
    router_config_add_path(config, "~^li")->regex = g_regex_new("^li", 0, 0, NULL);
    router_config_add_path(config, "live/a");
    g_assert_cmpstr(entry_for(config, "live/a"), ==, "live/a");
    g_assert_cmpstr(entry_for(config, "live/b"), ==, "~^li");
    g_assert_cmpstr(entry_for(config, "b"), ==, ROUTER_ALL_OTHERS);
    g_assert_cmpstr(entry_for(config, ROUTER_ALL_OTHERS), ==, ROUTER_ALL_OTHERS);
    router_config_free(config);
}

static void test_groups(void)
{
    g_auto(GStrv) groups = NULL;
    struct router_config *config = router_config_new();
    router_config_add_path(config, "~")->regex = g_regex_new("^(a+)/(b*)(c)?$", 0, 0, NULL);
    g_assert_nonnull(router_config_find_path(config, "aa/bc", &groups));
    g_assert_cmpstr(groups[0], ==, "G1=aa");
    g_assert_cmpstr(groups[1], ==, "G2=b");
    g_assert_cmpstr(groups[2], ==, "G3=c");
    g_assert_null(groups[3]);
    router_config_free(config);
}

static void test_entries_start_with_the_defaults(void)
{
    struct router_config *config = router_config_new();
    config->defaults.max_readers = 4;
    const struct path_config *path = router_config_add_path(config, "a");
    config->defaults.max_readers = 5;
    g_assert_cmpint(path->max_readers, ==, 4);
    g_assert_true(path->override_publisher);
    router_config_free(config);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/no-paths-no-entry", test_no_paths_no_entry);
    g_test_add_func("/config/name-then-regex-then-others", test_order);
    g_test_add_func("/config/groups", test_groups);
    g_test_add_func("/config/entries-start-with-the-defaults", test_entries_start_with_the_defaults);
    return g_test_run();
}
