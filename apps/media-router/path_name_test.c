/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "path_name.h"

#include <glib.h>
#include <string.h>

static void test_valid_names(void)
{
    static const char *const valid[] = {"live/demo/in", "a", "A-b_c.d/9", "live/..a"};
    static const char *const invalid[] = {"",     "/live", "live/", "a//b",    "a/./b",  "a/../b",
                                          "..",   ".",     "a b",   "a?b",     "a\\b",   "caf\xc3\xa9",
                                          "a\nb", "a%2fb", "a:b",   "live/./", "~regex", "a/.."};
    for (size_t i = 0; i < G_N_ELEMENTS(valid); i++)
        g_assert_true(path_name_is_valid(valid[i]));
    for (size_t i = 0; i < G_N_ELEMENTS(invalid); i++)
        g_assert_false(path_name_is_valid(invalid[i]));
    g_autofree char *longest = g_strnfill(PATH_NAME_MAX_BYTES, 'a');
    g_autofree char *longer = g_strnfill(PATH_NAME_MAX_BYTES + 1, 'a');
    g_assert_true(path_name_is_valid(longest));
    g_assert_false(path_name_is_valid(longer));
}

/* tcUrl, app, key -> path, query; NULL: refused. */
static const struct {
    const char *tc_url, *app, *key, *path, *query;
} spellings[] = {
    {"rtmp://h:1935/live/demo", "live/demo", "in", "live/demo/in", ""},
    {"rtmp://h/live", "live", "demo/in", "live/demo/in", ""},
    {"rtmp://h/live/", "live/", "demo/in?lang=es", "live/demo/in", "lang=es"},
    {"rtmp://h/live/demo?lang=es", "live/demo?lang=es", "in", "live/demo/in", "lang=es"},
    {"rtmp://h/live?a=1", "live", "demo/in?b=2", "live/demo/in", "a=1&b=2"},
    {"rtmp://h/live?a=1", "live", "in?a=1", "live/in", "a=1"},
    {"rtmp://h/live/demo/in", "live/demo/in", "", "live/demo/in", ""},
    {"rtmp://h", "", "live/demo/in", "live/demo/in", ""},
    {"rtmp://h?x=y", "", "k", "k", "x=y"},
    {"rtmp://h/", "", "/live/in", "live/in", ""},
    {NULL, "live/demo", "in", "live/demo/in", ""},
    {NULL, "/live/", "/in", "live/in", ""},
    {"not a url", "live", "in", "live/in", ""},
    {"rtmp://h/l%69ve", "x", "%69n", "live/in", ""},
    {"rtmp://h/live", "live", "demo%2Fin", "live/demo/in", ""},
    {"rtmp://h/live", "live", "..%2Fetc", NULL, NULL},
    {"rtmp://h/live", "live", "a%00b", NULL, NULL},
    {"rtmp://h/live", "live", "a%zz", NULL, NULL},
    {"rtmp://h/live", "live", "in/", NULL, NULL},
    {"rtmp://h/live", "live", "a b", NULL, NULL},
    {"rtmp://h/", "", "", NULL, NULL},
    {NULL, NULL, "", NULL, NULL},
};

static void test_spellings(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(spellings); i++) {
        g_autofree char *app = NULL;
        g_autofree char *app_query = NULL;
        g_autofree char *path = NULL;
        g_autofree char *query = NULL;
        struct dub_error error = {0};
        g_test_message("%s + %s", spellings[i].tc_url, spellings[i].key);
        path_split_app(spellings[i].tc_url, spellings[i].app, &app, &app_query);
        bool fine = path_resolve(app, app_query, spellings[i].key, &path, &query, &error);
        g_assert_cmpint(fine, ==, spellings[i].path != NULL);
        g_assert_cmpstr(path, ==, spellings[i].path);
        g_assert_cmpstr(query, ==, spellings[i].query);
        if (!fine)
            g_assert_nonnull(strstr(error.message, "path"));
    }
}

static void test_long_query(void)
{
    g_autofree char *path = NULL;
    g_autofree char *query = NULL;
    g_autofree char *text = g_strnfill(PATH_QUERY_MAX_BYTES + 1, 'q');
    struct dub_error error = {0};
    g_assert_false(path_resolve("live", text, "in", &path, &query, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_LIMIT);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/path-name/valid-names", test_valid_names);
    g_test_add_func("/path-name/ways-to-spell-a-path", test_spellings);
    g_test_add_func("/path-name/long-query-fails", test_long_query);
    return g_test_run();
}
