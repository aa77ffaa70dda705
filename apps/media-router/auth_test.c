/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth.h"

#include <string.h>

struct fixture {
    GPtrArray *users;
    struct dub_error error;
};

static void setup(struct fixture *fixture, gconstpointer data)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->users = auth_users_new();
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    g_ptr_array_unref(fixture->users);
}

static struct auth_user *add(struct fixture *fixture, const char *name, const char *pass)
{
    struct auth_user *user = auth_users_add(fixture->users, name, pass, &fixture->error);
    g_assert_nonnull(user);
    return user;
}

static void permit(struct auth_user *user, const char *action, const char *path)
{
    g_assert_true(auth_user_permit(user, action, path, NULL));
}

static bool asks(struct fixture *fixture, enum auth_action action, const char *path, const char *user,
                 const char *pass)
{
    struct auth_request request = {
        .action = action, .path = path, .remote_address = "10.1.2.3:5000", .user = user, .pass = pass};
    return auth_check(fixture->users, &request, &fixture->error);
}

static bool comes_from(struct fixture *fixture, const char *address)
{
    struct auth_request request = {.action = AUTH_API, .remote_address = address};
    return auth_check(fixture->users, &request, &fixture->error);
}

static void test_default(struct fixture *fixture, gconstpointer data)
{
    auth_users_set_default(fixture->users);
    g_assert_true(asks(fixture, AUTH_PUBLISH, "a/b", NULL, NULL));
    g_assert_true(asks(fixture, AUTH_READ, "a/b", "whoever", "whatever"));
    g_assert_true(comes_from(fixture, "127.0.0.1:99"));
    g_assert_true(comes_from(fixture, "[::1]:99"));
    g_assert_true(comes_from(fixture, "::1"));
    g_assert_true(comes_from(fixture, "::ffff:127.0.0.1")); /* IPv4 at a socket for both */
    g_assert_false(comes_from(fixture, "::ffff:10.0.0.1"));
    g_assert_false(comes_from(fixture, "10.0.0.1:99"));
    g_assert_false(comes_from(fixture, "unknown"));
    g_assert_false(comes_from(fixture, NULL));
}

static void test_nobody(struct fixture *fixture, gconstpointer data)
{
    g_assert_false(asks(fixture, AUTH_PUBLISH, "a", NULL, NULL));
    g_assert_cmpint(fixture->error.code, ==, DUB_ERROR_AUTH_FAILED);
}

static void test_plain_password(struct fixture *fixture, gconstpointer data)
{
    permit(add(fixture, "anna", "s3cret"), "publish", NULL);
    g_assert_true(asks(fixture, AUTH_PUBLISH, "a", "anna", "s3cret"));
    static const char *const wrong[][2] = {{"anna", "s3creT"}, {"anna", "s3cre"}, {"anna", ""},
                                           {"anna", NULL},     {"ann", "s3cret"}, {"", "s3cret"},
                                           {NULL, NULL},       {"any", "s3cret"}};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
        g_assert_false(asks(fixture, AUTH_PUBLISH, "a", wrong[i][0], wrong[i][1]));
    g_assert_false(asks(fixture, AUTH_READ, "a", "anna", "s3cret"));
}

/* The hashes are those of "anna" and "s3cret", by sha256sum and base64. */
static void test_hashed_password(struct fixture *fixture, gconstpointer data)
{
    g_autofree char *name = NULL;
    g_autofree char *pass = NULL;
    for (unsigned i = 0; i < 2; i++) {
        guint8 hash[32];
        gsize size = sizeof hash;
        g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
        g_checksum_update(checksum, (const guchar *)(i == 0 ? "anna" : "s3cret"), -1);
        g_checksum_get_digest(checksum, hash, &size);
        g_autofree char *text = g_base64_encode(hash, size);
        *(i == 0 ? &name : &pass) = g_strconcat("sha256:", text, NULL);
    }
    permit(add(fixture, name, pass), "read", NULL);
    permit(add(fixture, "carl", "sha256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="), "read",
           NULL); /* "test" */
    g_assert_true(asks(fixture, AUTH_READ, "a", "anna", "s3cret"));
    g_assert_true(asks(fixture, AUTH_READ, "a", "carl", "test"));
    g_assert_false(asks(fixture, AUTH_READ, "a", "anna", "secret"));
    g_assert_false(asks(fixture, AUTH_READ, "a", "anna", pass));
    g_assert_false(asks(fixture, AUTH_READ, "a", "carl", "Test"));
}

static void test_user_without_password(struct fixture *fixture, gconstpointer data)
{
    permit(add(fixture, "anna", ""), "publish", NULL);
    g_assert_true(asks(fixture, AUTH_PUBLISH, "a", "anna", "anything"));
    g_assert_false(asks(fixture, AUTH_PUBLISH, "a", "carl", ""));
}

static void test_paths(struct fixture *fixture, gconstpointer data)
{
    struct auth_user *user = add(fixture, "any", "");
    permit(user, "publish", "live/one/in");
    permit(user, "publish", "~^team/[a-z]+/in$");
    permit(user, "read", "");
    g_assert_true(asks(fixture, AUTH_PUBLISH, "live/one/in", NULL, NULL));
    g_assert_true(asks(fixture, AUTH_PUBLISH, "team/red/in", NULL, NULL));
    g_assert_false(asks(fixture, AUTH_PUBLISH, "live/one/in2", NULL, NULL));
    g_assert_false(asks(fixture, AUTH_PUBLISH, "team/7/in", NULL, NULL));
    g_assert_false(asks(fixture, AUTH_PUBLISH, NULL, NULL, NULL));
    g_assert_true(asks(fixture, AUTH_READ, "whatever", NULL, NULL));
    g_assert_false(asks(fixture, AUTH_METRICS, NULL, NULL, NULL));
}

static void test_networks(struct fixture *fixture, gconstpointer data)
{
    struct auth_user *user = add(fixture, "any", "");
    permit(user, "api", "");
    g_assert_true(auth_user_add_ip(user, "192.168.0.0/17", NULL));
    g_assert_true(auth_user_add_ip(user, "10.9.8.7", NULL));
    g_assert_true(auth_user_add_ip(user, "fd00::/8", NULL));
    static const char *const in[] = {"192.168.127.255:1", "192.168.0.1:1", "10.9.8.7:1", "[fd12::3]:1"};
    static const char *const out[] = {"192.168.128.0:1", "192.169.0.1:1", "10.9.8.6:1", "[fe80::3]:1", ""};
    for (size_t i = 0; i < G_N_ELEMENTS(in); i++)
        g_assert_true(comes_from(fixture, in[i]));
    for (size_t i = 0; i < G_N_ELEMENTS(out); i++)
        g_assert_false(comes_from(fixture, out[i]));
    g_assert_true(auth_user_add_ip(user, "0.0.0.0/0", NULL));
    g_assert_true(comes_from(fixture, "8.8.8.8:1"));
}

/* A user who may not is no reason to refuse another who may. */
static void test_later_user_counts(struct fixture *fixture, gconstpointer data)
{
    permit(add(fixture, "anna", "one"), "publish", "a");
    permit(add(fixture, "anna", "two"), "publish", "b");
    permit(add(fixture, "any", ""), "read", NULL);
    g_assert_true(asks(fixture, AUTH_PUBLISH, "b", "anna", "two"));
    g_assert_false(asks(fixture, AUTH_PUBLISH, "b", "anna", "one"));
    g_assert_true(asks(fixture, AUTH_READ, "b", "anna", "three"));
}

static void test_refusal_names_no_password(struct fixture *fixture, gconstpointer data)
{
    permit(add(fixture, "anna", "s3cret"), "publish", "a");
    g_assert_false(asks(fixture, AUTH_PUBLISH, "live/x", "an\nna", "tried-this"));
    g_assert_nonnull(strstr(fixture->error.message, "user \"an\\nna\" may not publish path live/x"));
    g_assert_null(strstr(fixture->error.message, "tried-this"));
    g_assert_null(strstr(fixture->error.message, "s3cret"));
    g_assert_false(asks(fixture, AUTH_METRICS, NULL, NULL, NULL));
    g_assert_nonnull(strstr(fixture->error.message, "without a user name may not metrics"));
}

static void test_bad_users(struct fixture *fixture, gconstpointer data)
{
    static const char *const bad[][3] = {{"", "", "empty"},
                                         {"any", "x", "password"},
                                         {"anna", "sha256:abc", "sha256"},
                                         {"an na", "x", "user has"},
                                         {"anna", "sp ace", "pass has"},
                                         {"sha256:AAAA", "", "user begins"},
                                         {"anna", "p%25", "pass"},
                                         {"anna", "argon2:$argon2id$v=19$m=4096,t=3,p=1$a$b", "sha256:"}};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(auth_users_add(fixture->users, bad[i][0], bad[i][1], &fixture->error));
        g_assert_cmpint(fixture->error.code, ==, DUB_ERROR_INVALID_CONFIG);
        g_assert_nonnull(strstr(fixture->error.message, bad[i][2]));
    }
    g_assert_cmpuint(fixture->users->len, ==, 0);
}

static void test_bad_details(struct fixture *fixture, gconstpointer data)
{
    static const char *const ips[] = {"",          "here",   "1.2.3",       "10.0.0.0/33",
                                      "10.0.0.0/", "::/129", "10.0.0.0/8/8"};
    struct auth_user *user = add(fixture, "anna", "x");
    for (size_t i = 0; i < G_N_ELEMENTS(ips); i++)
        g_assert_false(auth_user_add_ip(user, ips[i], &fixture->error));
    g_assert_false(auth_user_permit(user, "write", NULL, &fixture->error));
    g_assert_nonnull(strstr(fixture->error.message, "publish, read"));
    g_assert_false(auth_user_permit(user, "read", "~(", &fixture->error));
    g_assert_nonnull(strstr(fixture->error.message, "regular expression"));
}

static void test_query(struct fixture *fixture, gconstpointer data)
{
    static const char *const queries[][3] = {
        {"user=anna&pass=s3cret", "anna", "s3cret"},
        {"lang=es&pass=a%26b%20c&x&user=anna+b", "anna b", "a&b c"},
        {"user=one&user=two&pass=&pass=x", "one", ""},
        {"username=anna&password=x&pass", NULL, NULL},
        {"user=%zz&pass=%00", NULL, NULL},
        {"user=anna&pass=s3cret?clientConfigId=7", "anna", "s3cret"},
        {"", NULL, NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(queries); i++) {
        g_autofree char *user = NULL;
        g_autofree char *pass = NULL;
        auth_from_query(queries[i][0], &user, &pass);
        g_assert_cmpstr(user, ==, queries[i][1]);
        g_assert_cmpstr(pass, ==, queries[i][2]);
    }
}

static void test_mask(struct fixture *fixture, gconstpointer data)
{
    static const char *const queries[][2] = {
        {"user=anna&pass=s3cret&lang=es", "user=anna&pass=***&lang=es"},
        {"pass=a&pass=b", "pass=***&pass=***"},
        {"passage=1", "passage=1"},
        {"user=anna&pass=s3cret?clientConfigId=7", "user=anna&pass=***?clientConfigId=7"},
        {"?&pass=&", "?&pass=***&"},
        {"", ""},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(queries); i++) {
        g_autofree char *masked = auth_mask_query(queries[i][0]);
        g_assert_cmpstr(masked, ==, queries[i][1]);
    }
}

#define ADD(name, function) g_test_add("/auth/" name, struct fixture, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("default-is-mediamtx's", test_default);
    ADD("no-users-nobody-may", test_nobody);
    ADD("plain-password", test_plain_password);
    ADD("hashed-name-and-password", test_hashed_password);
    ADD("user-without-password", test_user_without_password);
    ADD("paths-and-regular-expressions", test_paths);
    ADD("networks", test_networks);
    ADD("a-later-user-counts", test_later_user_counts);
    ADD("refusal-names-no-password", test_refusal_names_no_password);
    ADD("bad-users-are-named", test_bad_users);
    ADD("bad-details-are-named", test_bad_details);
    ADD("credentials-of-a-query", test_query);
    ADD("password-is-masked", test_mask);
    return g_test_run();
}
