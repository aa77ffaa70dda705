/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "router_limits.h"

#include <dubbing_clock.h>
#include <dubbing_config.h>
#include <dubbing_log.h>
#include <sys/resource.h>

/* The table of settings has its defaults as text. */
static void test_defaults_agree(void)
{
    struct router_limits limits;
    int64_t value;
    router_limits_init(&limits);
    g_assert_cmpint(limits.connections, ==, g_ascii_strtoll(ROUTER_DEFAULT_MAX_CONNECTIONS, NULL, 10));
    g_assert_cmpint(limits.connections_per_address, ==, 0);
    g_assert_cmpint(limits.paths, ==, g_ascii_strtoll(ROUTER_DEFAULT_MAX_PATHS, NULL, 10));
    g_assert_cmpint(limits.hooks, ==, g_ascii_strtoll(ROUTER_DEFAULT_MAX_HOOKS, NULL, 10));
    g_assert_true(dub_parse_duration(ROUTER_DEFAULT_HANDSHAKE_TIMEOUT, &value));
    g_assert_cmpint(limits.handshake_ns, ==, value);
    g_assert_true(dub_parse_duration(ROUTER_DEFAULT_MEDIA_TIMEOUT, &value));
    g_assert_cmpint(limits.media_ns, ==, value);
    g_assert_true(dub_parse_bytes(ROUTER_DEFAULT_MAX_MESSAGE, &value));
    g_assert_cmpint(limits.message_bytes, ==, value);
    g_assert_true(dub_parse_bytes(ROUTER_DEFAULT_GOP_CACHE, &value));
    g_assert_cmpint(limits.gop_bytes, ==, value);
}

static void set_limit(rlim_t soft, rlim_t hard)
{
    struct rlimit limit = {soft, hard};
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
}

static rlim_t soft_limit(void)
{
    struct rlimit limit = {0};
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
    return limit.rlim_cur;
}

/* In a process of its own: a hard limit cannot be taken back. */
static void test_descriptors_are_raised(void)
{
    struct router_limits limits = {.connections = 500, .hooks = 10};
    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stderr(
            "*only 900 files may be open, ROUTER_MAX_CONNECTIONS=1000 needs 1340*LimitNOFILE*");
        return;
    }
    dub_log_init(&(struct dub_log_config){.component = "test", .level = "info", .format = "text"});
    set_limit(100, 900);
    router_limits_raise_descriptors(&limits);
    g_assert_cmpuint(soft_limit(), ==, 840);
    limits.connections = 400; /* it has more already */
    router_limits_raise_descriptors(&limits);
    g_assert_cmpuint(soft_limit(), ==, 840);
    limits.connections = 1000;
    router_limits_raise_descriptors(&limits);
    g_assert_cmpuint(soft_limit(), ==, 900);
    dub_log_clear();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/router-limits/defaults-agree", test_defaults_agree);
    g_test_add_func("/router-limits/descriptors-are-raised", test_descriptors_are_raised);
    return g_test_run();
}
