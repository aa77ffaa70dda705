/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_config.h>

#include <dubbing_clock.h>

static void test_durations(void)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {{"250ms", 250 * DUB_NS_PER_MS}, {"10s", 10 * DUB_NS_PER_S},  {"1.5s", 1500 * DUB_NS_PER_MS},
                 {"2m", 120 * DUB_NS_PER_S},     {"1h", 3600 * DUB_NS_PER_S}, {"0s", 0}};
    static const char *const wrong[] = {"",      "10",   "s",    "-1s",         "+1s",  " 1s",
                                        "1 s",   "1s ",  "1d",   "1e3s",        "0x1s", ".5s",
                                        "1..5s", "nans", "infs", "9999999999h", "1S",   NULL};
    int64_t ns;
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_true(dub_parse_duration(cases[i].text, &ns));
        g_assert_cmpint(ns, ==, cases[i].ns);
    }
    for (unsigned i = 0; wrong[i] != NULL; i++)
        g_assert_false(dub_parse_duration(wrong[i], &ns));
    g_assert_false(dub_parse_duration(NULL, &ns));
}

static void test_sizes(void)
{
    static const struct {
        const char *text;
        int64_t bytes;
    } cases[] = {{"1048576", 1048576}, {"512k", 524288}, {"512KiB", 524288}, {"10MiB", 10485760},
                 {"2GiB", 2147483648}, {"0", 0},         {"7B", 7}};
    static const char *const wrong[] = {"", "-1", "MiB", "1 MiB", "1TB", "99999999999GiB", "1kb", NULL};
    int64_t bytes;
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_true(dub_parse_bytes(cases[i].text, &bytes));
        g_assert_cmpint(bytes, ==, cases[i].bytes);
    }
    for (unsigned i = 0; wrong[i] != NULL; i++)
        g_assert_false(dub_parse_bytes(wrong[i], &bytes));
}

static void test_addresses(void)
{
    static const struct {
        const char *text, *host;
        unsigned port;
    } cases[] = {{"127.0.0.1:8080", "127.0.0.1", 8080},
                 {":0", "", 0},
                 {"[::1]:65535", "::1", 65535},
                 {"localhost:80", "localhost", 80}};
    static const char *const wrong[] = {"",       "127.0.0.1", "host:", "host:65536", "host:-1",
                                        "::1:80", "h h:1",     "a/b:1", "host:80 ",   "[::1:80",
                                        "u@h:1",  "host:8o",   NULL};
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *host = NULL;
        uint16_t port;
        g_assert_true(dub_parse_address(cases[i].text, &host, &port));
        g_assert_cmpstr(host, ==, cases[i].host);
        g_assert_cmpuint(port, ==, cases[i].port);
    }
    for (unsigned i = 0; wrong[i] != NULL; i++) {
        char *host = NULL;
        uint16_t port;
        g_assert_false(dub_parse_address(wrong[i], &host, &port));
    }
    g_assert_false(dub_parse_address(NULL, &(char *){NULL}, &(uint16_t){0}));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/parse/durations", test_durations);
    g_test_add_func("/parse/sizes", test_sizes);
    g_test_add_func("/parse/addresses", test_addresses);
    return g_test_run();
}
