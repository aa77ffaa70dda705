/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ledger.h"

static bool add(struct ledger *ledger, int64_t seq)
{
    struct dub_ledger_line line = {.seq = 1, .end_ms = 1, .state = DUB_PHRASE_DUBBED};
    return ledger_add(ledger, &line, seq) != NULL;
}

static int64_t seq_at(JsonArray *array, guint i)
{
    return json_object_get_int_member(json_array_get_object_element(array, i), "seq");
}

static void test_lines_are_sorted_and_count_once(void)
{
    static const int64_t seqs[] = {1, 3, 2, 3, 1, 5, 4};
    struct ledger ledger;
    ledger_init(&ledger);
    unsigned added = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(seqs); i++)
        added += add(&ledger, seqs[i]);
    g_assert_cmpuint(added, ==, 5);
    g_assert_cmpint(ledger.counts[DUB_PHRASE_DUBBED], ==, 5);
    g_assert_cmpint(ledger.last_seq, ==, 5);
    g_autoptr(JsonArray) array = ledger_to_json(&ledger, 2);
    g_assert_cmpuint(json_array_get_length(array), ==, 3);
    for (guint i = 0; i < 3; i++)
        g_assert_cmpint(seq_at(array, i), ==, i + 3);
    ledger_clear(&ledger);
}

static void test_memory_is_bounded(void)
{
    struct ledger ledger;
    ledger_init(&ledger);
    for (int64_t seq = 1; seq <= LEDGER_MAX_LINES + 10; seq++)
        g_assert_true(add(&ledger, seq));
    g_assert_cmpuint(ledger.lines->len, ==, LEDGER_MAX_LINES);
    g_assert_cmpint(ledger.counts[DUB_PHRASE_DUBBED], ==, LEDGER_MAX_LINES + 10);
    /* Too old to be kept, and counted already. */
    g_assert_false(add(&ledger, 3));
    g_autoptr(JsonArray) array = ledger_to_json(&ledger, 0);
    g_assert_cmpint(seq_at(array, 0), ==, 11);
    g_autoptr(JsonArray) none = ledger_to_json(&ledger, G_MAXINT64);
    g_assert_cmpuint(json_array_get_length(none), ==, 0);
    ledger_clear(&ledger);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ledger/lines-are-sorted-and-count-once", test_lines_are_sorted_and_count_once);
    g_test_add_func("/ledger/memory-is-bounded", test_memory_is_bounded);
    return g_test_run();
}
