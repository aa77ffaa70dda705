/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/test_json.h"

#include <dubbing_events.h>
#include <string.h>

static bool init_with_language(const char *language, struct dub_error *error)
{
    g_autofree char *text = g_strdup_printf("{\"stream_id\":\"a\",\"worker_id\":\"b\",\"config\":"
                                            "{\"source_language\":\"%s\",\"target_language\":\"es\"}}",
                                            language);
    g_autoptr(JsonNode) node = test_parse_json(text);
    struct dub_stream_init init;
    bool ok = dub_stream_init_read(&init, node, error);
    dub_stream_init_clear(&init);
    return ok;
}

static void test_languages(void)
{
    static const char *const good[] = {"en", "spa", "pt-BR", "zh-Hant-TW", "es-419"};
    static const char *const bad[] = {"",    "e",   "-en",        "en-", "en--US",     "12",
                                      "e1n", "en_", "englisches", "en ", "../etc/pwd", "en-ninechars"};
    struct dub_error error = {0};
    for (guint i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_true(init_with_language(good[i], &error));
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(init_with_language(bad[i], &error));
        g_assert_nonnull(strstr(error.message, "config.source_language"));
        g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fields/language-tags", test_languages);
    return g_test_run();
}
