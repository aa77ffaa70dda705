/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "retries.h"

static void note(struct retries *retries, const char *id, int64_t sequence, enum dub_error_code code)
{
    struct dub_fragment_processed processed = {.fragment_id = (char *)id, .sequence_number = sequence};
    processed.status = code == DUB_ERROR_NONE ? DUB_FRAGMENT_SUCCESS : DUB_FRAGMENT_FAILED;
    dub_error_set(&processed.error, code, "failed");
    retries_note(retries, &processed);
}

static void test_only_retryable_failures_count(void)
{
    struct retries retries = {0};
    note(&retries, "a", 1, DUB_ERROR_TIMEOUT);
    note(&retries, "b", 2, DUB_ERROR_ASR_FAILED);
    note(&retries, "c", 3, DUB_ERROR_NONE);
    g_assert_true(retries_match(&retries, "A", 1));
    g_assert_false(retries_match(&retries, "a", 2));
    g_assert_false(retries_match(&retries, "b", 2));
    g_assert_false(retries_match(&retries, "c", 3));
    retries_forget(&retries, "a");
    retries_forget(&retries, "a");
    g_assert_false(retries_match(&retries, "a", 1));
    retries_clear(&retries);
}

static void test_oldest_is_forgotten(void)
{
    struct retries retries = {0};
    for (int i = 0; i <= RETRIES_MAX; i++) {
        g_autofree char *id = g_strdup_printf("id-%d", i);
        note(&retries, id, i, DUB_ERROR_GPU_OOM);
    }
    g_assert_false(retries_match(&retries, "id-0", 0));
    g_assert_true(retries_match(&retries, "id-1", 1));
    retries_clear(&retries);
    g_assert_false(retries_match(&retries, "id-1", 1));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/retries/only-retryable-failures-count", test_only_retryable_failures_count);
    g_test_add_func("/retries/oldest-is-forgotten", test_oldest_is_forgotten);
    return g_test_run();
}
