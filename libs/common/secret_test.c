/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_secret.h>
#include <glib.h>

static void test_equal(void)
{
    g_assert_true(dub_secret_equal("s3cret", "s3cret"));
    g_assert_true(dub_secret_equal("", ""));
    static const char *const wrong[] = {"", "s", "s3cres", "x3cret", "s3cret ", "S3cret"};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_assert_false(dub_secret_equal("s3cret", wrong[i]));
        g_assert_false(dub_secret_equal(wrong[i], "s3cret"));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/secret/equal", test_equal);
    return g_test_run();
}
