/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_clock.h>
#include <dubbing_retry.h>

static void test_doubles_up_to_the_maximum(void)
{
    static const int64_t expected_s[] = {1, 2, 4, 8, 16, 30, 30, 30};
    struct dub_backoff backoff = DUB_BACKOFF(DUB_NS_PER_S, 30 * DUB_NS_PER_S);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(expected_s); i++)
            g_assert_cmpint(dub_backoff_next_ns(&backoff), ==, expected_s[i] * DUB_NS_PER_S);
        dub_backoff_reset(&backoff);
    }
}

static void test_does_not_overflow(void)
{
    struct dub_backoff backoff = DUB_BACKOFF(INT64_MAX / 2 + 1, INT64_MAX);
    g_assert_cmpint(dub_backoff_next_ns(&backoff), ==, INT64_MAX / 2 + 1);
    g_assert_cmpint(dub_backoff_next_ns(&backoff), ==, INT64_MAX);
    backoff = DUB_BACKOFF(10, 5);
    g_assert_cmpint(dub_backoff_next_ns(&backoff), ==, 5);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/retry/doubles-up-to-the-maximum", test_doubles_up_to_the_maximum);
    g_test_add_func("/retry/does-not-overflow", test_does_not_overflow);
    return g_test_run();
}
