/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "access.h"

#include <string.h>

#define REMOTE "127.0.0.1:40000"

struct fixture {
    GPtrArray *users, *challenges;
    struct dub_error error;
};

static void setup(struct fixture *fixture, gconstpointer data)
{
    fixture->users = auth_users_new();
    fixture->challenges = g_ptr_array_new_with_free_func(g_free);
    struct auth_user *user = auth_users_add(fixture->users, "me", "secret", NULL);
    auth_user_permit(user, "publish", "live/mine", NULL);
    auth_user_permit(user, "read", NULL, NULL);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    g_ptr_array_unref(fixture->users);
    g_ptr_array_unref(fixture->challenges);
}

static enum rtsp_access check(struct fixture *fixture, bool is_publish, const char *path, const char *query,
                              const char *authorization)
{
    struct rtsp_target target = {
        .path = path, .query = query, .is_publish = is_publish, .authorization = authorization};
    g_ptr_array_set_size(fixture->challenges, 0);
    return rtsp_access_check(fixture->users, &target, REMOTE, fixture->challenges, &fixture->error);
}

/* "Basic " and the base64 of the credentials; the caller's. */
static char *basic(const char *credentials)
{
    g_autofree char *encoded = g_base64_encode((const guchar *)credentials, strlen(credentials));
    return g_strconcat("Basic ", encoded, NULL);
}

static void test_basic(struct fixture *fixture, gconstpointer data)
{
    g_autofree char *right = basic("me:secret");
    g_autofree char *lower = g_strconcat("basic  ", right + strlen("Basic "), " ", NULL);
    g_autofree char *wrong = basic("me:other");
    g_assert_cmpint(check(fixture, true, "live/mine", "", right), ==, RTSP_ACCESS_GRANTED);
    g_assert_cmpint(check(fixture, false, "live/any", "", lower), ==, RTSP_ACCESS_GRANTED);
    g_assert_cmpuint(fixture->challenges->len, ==, 0);
    g_assert_cmpint(check(fixture, true, "live/mine", "", wrong), ==, RTSP_ACCESS_WRONG);
    g_assert_cmpint(check(fixture, true, "live/other", "", right), ==, RTSP_ACCESS_WRONG);
    g_assert_cmpint(fixture->error.code, ==, DUB_ERROR_AUTH_FAILED);
}

static void test_query(struct fixture *fixture, gconstpointer data)
{
    g_assert_cmpint(check(fixture, true, "live/mine", "user=me&pass=secret", NULL), ==, RTSP_ACCESS_GRANTED);
    g_assert_cmpint(check(fixture, true, "live/mine", "user=me&pass=x", NULL), ==, RTSP_ACCESS_WRONG);
}

static void test_nobody_is_asked(struct fixture *fixture, gconstpointer data)
{
    g_assert_cmpint(check(fixture, false, "live/mine", "lang=es", NULL), ==, RTSP_ACCESS_ASKED);
    g_assert_cmpuint(fixture->challenges->len, ==, 1);
    g_assert_true(g_str_has_prefix(fixture->challenges->pdata[0], "Basic realm="));
}

static void test_headers_that_are_none(struct fixture *fixture, gconstpointer data)
{
    g_autofree char *no_colon = basic("mesecret");
    g_autofree char *no_text = basic("me:\xff\xfe");
    const char *const headers[] = {"Digest username=\"me\"", "Basic", "Basic ????", no_colon, no_text, ""};
    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++)
        g_assert_cmpint(check(fixture, false, "live/mine", "", headers[i]), ==, RTSP_ACCESS_WRONG);
}

static void test_open_router(struct fixture *fixture, gconstpointer data)
{
    g_autofree char *wrong = basic("who:ever");
    auth_users_set_default(fixture->users);
    g_assert_cmpint(check(fixture, true, "x", "", NULL), ==, RTSP_ACCESS_GRANTED);
    g_assert_cmpint(check(fixture, false, "x", "", wrong), ==, RTSP_ACCESS_GRANTED);
}

#define ADD(name, function) g_test_add("/access/" name, struct fixture, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("basic", test_basic);
    ADD("query", test_query);
    ADD("nobody-is-asked", test_nobody_is_asked);
    ADD("headers-that-are-none", test_headers_that_are_none);
    ADD("open-router", test_open_router);
    return g_test_run();
}
