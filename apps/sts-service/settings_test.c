/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "settings.h"

#include <glib.h>

static void test_defaults(void)
{
    struct sts_settings settings = {0};
    char *argv[] = {(char *)"sts-service", NULL};
    g_assert_cmpint(dub_config_load(&sts_program, 1, argv, &settings, NULL), ==, DUB_CONFIG_OK);
    g_assert_cmpint((int)settings.port, ==, 8000);
    g_assert_cmpstr(settings.addr, ==, "127.0.0.1");
    g_assert_cmpint(settings.mode, ==, STS_MODE_FULL);
    g_assert_cmpint((int)settings.queue_max_depth, ==, 20);
    g_assert_cmpstr(settings.asr_engine, ==, "auto");
    g_assert_cmpint(settings.translation_fallback, ==, STS_FALLBACK_FAIL);
    g_assert_true(!settings.artifact_dir || !*settings.artifact_dir);
    g_assert_cmpint(settings.artifact_max_bytes, ==, INT64_C(1) << 30);
    g_assert_cmpint(settings.artifact_max_age_ns, ==, INT64_C(86400) * 1000 * 1000 * 1000);
    g_assert_cmpstr(sts_device_name(settings.device), ==, "auto");
    g_assert_false(settings.require_auth);
    dub_config_clear(&sts_program, &settings);
}

static void test_flags(void)
{
    struct sts_settings settings = {0};
    char *argv[] = {(char *)"sts-service", (char *)"--mode=echo",  (char *)"--port",
                    (char *)"0",           (char *)"--device=cpu", NULL};
    g_assert_cmpint(dub_config_load(&sts_program, 5, argv, &settings, NULL), ==, DUB_CONFIG_OK);
    g_assert_cmpint(settings.mode, ==, STS_MODE_ECHO);
    g_assert_cmpint((int)settings.port, ==, 0);
    g_assert_cmpstr(sts_device_name(settings.device), ==, "cpu");
    dub_config_clear(&sts_program, &settings);
}

static unsigned problems_of(const struct sts_settings *settings)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    sts_program.check(settings, problems);
    return problems->len;
}

static void test_values_that_belong_together(void)
{
    g_assert_cmpuint(problems_of(&(struct sts_settings){0}), ==, 0);
    g_assert_cmpuint(problems_of(&(struct sts_settings){.require_auth = true}), ==, 1);
    g_assert_cmpuint(problems_of(&(struct sts_settings){.require_auth = true, .api_key = (char *)"k"}), ==,
                     0);
    g_assert_cmpuint(problems_of(&(struct sts_settings){.tls_cert = (char *)"c"}), ==, 1);
    g_assert_cmpuint(problems_of(&(struct sts_settings){.tls_key = (char *)"k", .tls_cert = (char *)""}), ==,
                     1);
    /* Belonging together, but neither is there. */
    g_assert_cmpuint(problems_of(&(struct sts_settings){.tls_cert = (char *)"c", .tls_key = (char *)"k"}), ==,
                     2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (const struct dub_config_item *item = sts_program.items; item->name; item++)
        g_unsetenv(item->name);
    g_test_add_func("/settings/defaults", test_defaults);
    g_test_add_func("/settings/flags", test_flags);
    g_test_add_func("/settings/values-that-belong-together", test_values_that_belong_together);
    return g_test_run();
}
