/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admission.h"

#include <glib.h>

static unsigned fill(struct admission *admission, uint64_t stream)
{
    unsigned n = 0;
    while (admission_enter(admission, stream))
        n++;
    return n;
}

static void test_flood_keeps_out_only_itself(void)
{
    struct admission *admission = admission_new(12);
    g_assert_cmpuint(fill(admission, 1), ==, 12);
    /* Half of the bound is the second one's, a third the third one's. */
    g_assert_cmpuint(fill(admission, 2), ==, 6);
    g_assert_cmpuint(fill(admission, 3), ==, 4);
    g_assert_false(admission_enter(admission, 1));
    g_assert_cmpuint(admission_count(admission), ==, 22);
    admission_free(admission);
    admission_free(NULL);
}

static void test_leaving_makes_room(void)
{
    struct admission *admission = admission_new(2);
    g_assert_cmpuint(fill(admission, 1), ==, 2);
    admission_leave(admission, 1);
    g_assert_true(admission_enter(admission, 1));
    g_assert_false(admission_enter(admission, 1));
    admission_leave(admission, 1);
    admission_leave(admission, 1);
    g_assert_cmpuint(admission_count(admission), ==, 0);
    g_assert_cmpuint(fill(admission, 2), ==, 2);
    admission_free(admission);
}

static void test_everybody_gets_one(void)
{
    struct admission *admission = admission_new(3);
    for (uint64_t stream = 1; stream <= 50; stream++)
        g_assert_true(admission_enter(admission, stream));
    for (uint64_t stream = 1; stream <= 50; stream++)
        g_assert_false(admission_enter(admission, stream));
    g_assert_cmpuint(admission_count(admission), ==, 50);
    admission_free(admission);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/admission/flood-keeps-out-only-itself", test_flood_keeps_out_only_itself);
    g_test_add_func("/admission/leaving-makes-room", test_leaving_makes_room);
    g_test_add_func("/admission/everybody-gets-one", test_everybody_gets_one);
    return g_test_run();
}
