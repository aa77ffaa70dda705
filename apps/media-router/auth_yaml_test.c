/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth_yaml.h"

#include <string.h>

struct fixture {
    GPtrArray *users, *warnings;
    struct dub_error error;
};

static void setup(struct fixture *fixture, gconstpointer data)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->users = auth_users_new();
    fixture->warnings = g_ptr_array_new_with_free_func(g_free);
    auth_users_set_default(fixture->users);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    g_ptr_array_unref(fixture->users);
    g_ptr_array_unref(fixture->warnings);
}

static bool load(struct fixture *fixture, const char *text)
{
    yaml_parser_t parser;
    yaml_document_t document;
    g_assert_cmpint(yaml_parser_initialize(&parser), ==, 1);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    g_assert_cmpint(yaml_parser_load(&parser, &document), ==, 1);
    bool fine = auth_yaml_read(&document, yaml_document_get_root_node(&document), fixture->users,
                               fixture->warnings, &fixture->error);
    yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    return fine;
}

static bool may(struct fixture *fixture, enum auth_action action, const char *path, const char *user,
                const char *pass)
{
    struct auth_request request = {
        .action = action, .path = path, .remote_address = "127.0.0.1:1", .user = user, .pass = pass};
    return auth_check(fixture->users, &request, NULL);
}

/* What MediaMTX's own file says. */
static void test_mediamtx_default(struct fixture *fixture, gconstpointer data)
{
    g_assert_true(load(fixture, "- user: any\n  pass:\n  ips: []\n  permissions:\n"
                                "  - action: publish\n    path:\n  - action: read\n    path:\n"
                                "  - action: playback\n    path:\n"
                                "- user: any\n  pass:\n  ips: ['127.0.0.1', '::1']\n  permissions:\n"
                                "  - action: api\n  - action: metrics\n  - action: pprof\n"));
    g_assert_cmpuint(fixture->users->len, ==, 2);
    g_assert_true(may(fixture, AUTH_PUBLISH, "a", NULL, NULL));
    g_assert_true(may(fixture, AUTH_API, NULL, NULL, NULL));
    g_assert_cmpuint(fixture->warnings->len, ==, 0);
}

static void test_everything(struct fixture *fixture, gconstpointer data)
{
    g_assert_true(load(fixture,
                       "- {user: anna, pass: '123', ips: [127.0.0.0/8], permissions: [{action: publish, "
                       "path: '~^live/'}, {action: read, path: live/x}], role: admin}\n"
                       "- {user: 'sha256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=', pass: null}\n"));
    g_assert_true(may(fixture, AUTH_PUBLISH, "live/y", "anna", "123"));
    g_assert_true(may(fixture, AUTH_READ, "live/x", "anna", "123"));
    g_assert_false(may(fixture, AUTH_READ, "live/y", "anna", "123"));
    g_assert_false(may(fixture, AUTH_PUBLISH, "live/y", NULL, NULL));
    g_assert_false(may(fixture, AUTH_PUBLISH, "live/y", "test", NULL)); /* no permissions */
    g_assert_cmpuint(fixture->warnings->len, ==, 1);
    g_assert_nonnull(strstr(fixture->warnings->pdata[0], "role"));
}

static void test_nobody(struct fixture *fixture, gconstpointer data)
{
    g_assert_true(load(fixture, "[]"));
    g_assert_false(may(fixture, AUTH_READ, "a", NULL, NULL));
}

static void test_bad_values_are_named(struct fixture *fixture, gconstpointer data)
{
    static const char *const bad[][2] = {
        {"{}", "list of users"},
        {"anybody", "list of users"},
        {"- any", "entry 1: it must hold keys"},
        {"- {user: any}\n- {pass: x}", "entry 2: user is empty"},
        {"- {user: [a]}", "user is empty"},
        {"- {user: any, pass: x}", "password"},
        {"- {user: a, pass: [x]}", "single value"},
        {"- {user: a, pass: 'argon2:$argon2id$v=19$m=4096,t=3,p=1$YQ$YQ'}", "argon2"},
        {"- {user: a, ips: 10.0.0.1}", "list of addresses"},
        {"- {user: a, ips: [[]]}", "list of addresses"},
        {"- {user: a, ips: [home]}", "home"},
        {"- {user: a, permissions: publish}", "permissions must be a list"},
        {"- {user: a, permissions: [publish]}", "keys and values"},
        {"- {user: a, permissions: [{path: x}]}", "without an action"},
        {"- {user: a, permissions: [{action: write}]}", "write"},
        {"- {user: a, permissions: [{action: read, path: [x]}]}", "single value"},
        {"- {user: a, permissions: [{action: read, path: '~('}]}", "regular expression"},
        {"- {? [x] : y}", "no text"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_test_message("%s", bad[i][0]);
        fixture->error.message[0] = '\0';
        g_assert_false(load(fixture, bad[i][0]));
        g_assert_cmpint(fixture->error.code, ==, DUB_ERROR_INVALID_CONFIG);
        g_assert_nonnull(strstr(fixture->error.message, bad[i][1]));
    }
}

#define ADD(name, function) g_test_add("/auth-yaml/" name, struct fixture, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("mediamtx-default", test_mediamtx_default);
    ADD("everything", test_everything);
    ADD("empty-list-is-nobody", test_nobody);
    ADD("bad-values-are-named", test_bad_values_are_named);
    return g_test_run();
}
