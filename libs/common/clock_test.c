/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_clock.h>

static void test_monotonic_never_steps_back(void)
{
    int64_t last_ns = dub_clock_now_ns(dub_clock_monotonic());
    for (unsigned i = 0; i < 1000; i++) {
        int64_t now_ns = dub_clock_now_ns(dub_clock_monotonic());
        g_assert_cmpint(now_ns, >=, last_ns);
        last_ns = now_ns;
    }
}

static void test_fake_moves_when_told(void)
{
    struct dub_fake_clock fake;
    dub_fake_clock_init(&fake, 5);
    g_assert_cmpint(dub_clock_now_ns(&fake.clock), ==, 5);
    dub_fake_clock_advance(&fake, DUB_NS_PER_S);
    g_assert_cmpint(dub_clock_now_ns(&fake.clock), ==, DUB_NS_PER_S + 5);
}

static void test_wall_time_is_rfc3339(void)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},         {INT64_C(1767323045678), "2026-01-02T03:04:05.678Z"},
        {-1, "1969-12-31T23:59:59.999Z"},        {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "1970-01-01T00:00:00.807Z"}, /* no such year: a valid text all the same */
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        char text[32];
        dub_wall_time_format(cases[i].ms, text);
        g_assert_cmpstr(text, ==, cases[i].text);
    }
    g_assert_cmpint(dub_wall_time_ms(), >, INT64_C(1700000000000));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clock/monotonic-never-steps-back", test_monotonic_never_steps_back);
    g_test_add_func("/clock/fake-moves-when-told", test_fake_moves_when_told);
    g_test_add_func("/clock/wall-time-is-rfc3339", test_wall_time_is_rfc3339);
    return g_test_run();
}
