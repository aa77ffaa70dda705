/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "access.h"

#include "digest.h"

#include <string.h>

#define REMOTE "127.0.0.1:40000"
#define URL "rtsp://127.0.0.1/live/mine"
#define NONCE "0123456789"

struct fixture {
    struct router_config *config;
    GPtrArray *users, *challenges; /* users: the configuration's */
    struct dub_error error;
};

static void setup(struct fixture *fixture, gconstpointer data)
{
    fixture->config = router_config_new();
    fixture->users = fixture->config->users;
    g_ptr_array_set_size(fixture->users, 0);
    fixture->challenges = g_ptr_array_new_with_free_func(g_free);
    struct auth_user *user = auth_users_add(fixture->users, "me", "secret", NULL);
    auth_user_permit(user, "publish", "live/mine", NULL);
    auth_user_permit(user, "read", NULL, NULL);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    router_config_free(fixture->config);
    g_ptr_array_unref(fixture->challenges);
}

static enum rtsp_access check(struct fixture *fixture, bool is_publish, const char *path, const char *query,
                              const char *authorization)
{
    struct rtsp_target target = {.path = path,
                                 .query = query,
                                 .is_publish = is_publish,
                                 .method = "ANNOUNCE",
                                 .url = URL,
                                 .authorization = authorization};
    g_ptr_array_set_size(fixture->challenges, 0);
    return rtsp_access_check(fixture->config, &target, REMOTE, NONCE, fixture->challenges, &fixture->error);
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

/* What a client makes of user "me", a password and the server's nonce; the caller's. */
static char *answer(const char *pass, const char *nonce)
{
    g_autofree char *who_text = g_strjoin(":", "me", RTSP_DIGEST_REALM, pass, NULL);
    g_autofree char *who = g_compute_checksum_for_string(G_CHECKSUM_MD5, who_text, -1);
    g_autofree char *what = g_compute_checksum_for_string(G_CHECKSUM_MD5, "ANNOUNCE:" URL, -1);
    g_autofree char *text = g_strjoin(":", who, nonce, what, NULL);
    g_autofree char *response = g_compute_checksum_for_string(G_CHECKSUM_MD5, text, -1);
    return g_strdup_printf("Digest username=\"me\", realm=\"" RTSP_DIGEST_REALM "\", nonce=\"%s\", uri=\"" URL
                           "\", response=\"%s\"",
                           nonce, response);
}

static void test_digest(struct fixture *fixture, gconstpointer data)
{
    g_autofree char *right = answer("secret", NONCE);
    g_autofree char *wrong = answer("other", NONCE);
    g_autofree char *stale = answer("secret", "9876543210");
    g_autofree char *password = basic("me:secret");
    g_assert_cmpint(check(fixture, true, "live/mine", "", right), ==, RTSP_ACCESS_WRONG); /* not offered */
    fixture->config->rtsp_digest = true;
    g_assert_cmpint(check(fixture, true, "live/mine", "", NULL), ==, RTSP_ACCESS_ASKED);
    g_assert_cmpuint(fixture->challenges->len, ==, 2);
    g_assert_nonnull(strstr(fixture->challenges->pdata[0], "nonce=\"" NONCE "\""));
    g_assert_cmpint(check(fixture, true, "live/mine", "", right), ==, RTSP_ACCESS_GRANTED);
    g_assert_cmpint(check(fixture, true, "live/other", "", right), ==, RTSP_ACCESS_WRONG);
    g_assert_cmpint(check(fixture, true, "live/mine", "", wrong), ==, RTSP_ACCESS_WRONG);
    g_assert_cmpint(check(fixture, true, "live/mine", "", stale), ==, RTSP_ACCESS_WRONG);
    g_assert_cmpint(check(fixture, true, "live/mine", "", password), ==, RTSP_ACCESS_GRANTED);
    fixture->config->rtsp_basic = false;
    g_assert_cmpint(check(fixture, true, "live/mine", "", password), ==, RTSP_ACCESS_WRONG);
    g_assert_cmpuint(fixture->challenges->len, ==, 1);
    g_assert_cmpint(check(fixture, true, "live/mine", "", right), ==, RTSP_ACCESS_GRANTED);
}

/* The hash of a password is no password that proves anything. */
static void test_digest_of_a_hash(struct fixture *fixture, gconstpointer data)
{
    const char *hash = "sha256:K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=";
    g_autofree char *header = answer(hash, NONCE);
    g_ptr_array_set_size(fixture->users, 0);
    auth_user_permit(auth_users_add(fixture->users, "me", hash, NULL), "publish", NULL, NULL);
    fixture->config->rtsp_digest = true;
    g_assert_cmpint(check(fixture, true, "live/mine", "", header), ==, RTSP_ACCESS_WRONG);
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
    ADD("digest", test_digest);
    ADD("digest-of-a-hash", test_digest_of_a_hash);
    ADD("open-router", test_open_router);
    return g_test_run();
}
