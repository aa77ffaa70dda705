/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The example of RFC 2069 (with the response of its errata), and headers that are none. */
#include "digest.h"

#include <glib.h>
#include <string.h>

#define NONCE "dcd98b7102dd2f0e8b11d0f600bfb0c093"
#define RESPONSE "1949323746fe6a43ef61f9606e7febea"
#define HEADER                                                                                               \
    "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", nonce=\"" NONCE                               \
    "\", uri=\"/dir/index.html\", response=\"" RESPONSE "\""

static void test_example(void)
{
    struct rtsp_digest digest;
    g_assert_true(rtsp_digest_parse(HEADER, &digest));
    g_assert_cmpstr(digest.user, ==, "Mufasa");
    g_assert_cmpstr(digest.uri, ==, "/dir/index.html");
    g_assert_true(rtsp_digest_proves(&digest, "GET", "CircleOfLife"));
    g_assert_false(rtsp_digest_proves(&digest, "GET", "circleoflife"));
    g_assert_false(rtsp_digest_proves(&digest, "PUT", "CircleOfLife"));
    rtsp_digest_clear(&digest);
}

static void test_spellings(void)
{
    static const char *const headers[] = {
        "digest  username=Mufasa,realm=testrealm@host.com,nonce=" NONCE
        ",uri=/dir/index.html,response=" RESPONSE,
        HEADER ",algorithm=md5, opaque=\"5ccc\\\"0\"",
        "Digest USERNAME=\"Muf\\asa\" , realm = \"testrealm@host.com\",nonce=\"" NONCE
        "\",uri=\"/dir/index.html\", response=\"1949323746FE6A43EF61F9606E7FEBEA\",",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
        struct rtsp_digest digest;
        g_test_message("%s", headers[i]);
        g_assert_true(rtsp_digest_parse(headers[i], &digest));
        g_assert_true(rtsp_digest_proves(&digest, "GET", "CircleOfLife"));
        rtsp_digest_clear(&digest);
    }
}

static void test_headers_that_are_none(void)
{
    static const char *const headers[] = {NULL,
                                          "",
                                          "Digest",
                                          "Digest ",
                                          "Digest x",
                                          "Digest =",
                                          "Digest username=\"me",
                                          "Digest username=\"me\\",
                                          "Digest username=\"me\", realm=\"r\"",
                                          "Basic bWU6c2VjcmV0",
                                          "Digestusername=a",
                                          HEADER ", qop=auth",
                                          HEADER ", algorithm=SHA-256",
                                          "Digest username=\"\xff\", realm=r, nonce=n, uri=u, response=r"};
    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
        struct rtsp_digest digest;
        g_test_message("header %zu", i);
        g_assert_false(rtsp_digest_parse(headers[i], &digest));
        g_assert_true(digest.user == NULL && digest.response == NULL);
    }
}

static bool is_for(const char *realm, const char *uri, const char *url, const char *nonce)
{
    struct rtsp_digest digest = {
        .realm = (char *)realm, .nonce = (char *)NONCE, .uri = (char *)uri, .response = (char *)""};
    return rtsp_digest_is_for(&digest, url, nonce);
}

static void test_what_it_is_for(void)
{
    const char *url = "rtsp://h/live/a/trackID=0";
    g_assert_true(is_for(RTSP_DIGEST_REALM, url, url, NONCE));
    g_assert_true(is_for(RTSP_DIGEST_REALM, "rtsp://h/live/a", url, NONCE));
    g_assert_true(is_for(RTSP_DIGEST_REALM, "rtsp://h/live/a/", url, NONCE));
    g_assert_false(is_for(RTSP_DIGEST_REALM, "rtsp://h/live/b", url, NONCE));
    g_assert_false(is_for(RTSP_DIGEST_REALM, "rtsp://h/li", url, NONCE));
    g_assert_false(is_for(RTSP_DIGEST_REALM, "", url, NONCE));
    g_assert_false(is_for(RTSP_DIGEST_REALM, url, url, "another"));
    g_assert_false(is_for("elsewhere", url, url, NONCE));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/digest/example-of-the-rfc", test_example);
    g_test_add_func("/digest/spellings", test_spellings);
    g_test_add_func("/digest/headers-that-are-none", test_headers_that_are_none);
    g_test_add_func("/digest/what-it-is-for", test_what_it_is_for);
    return g_test_run();
}
