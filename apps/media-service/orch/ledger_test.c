/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ledger.h"

#include <dubbing_events.h>

static bool add(struct ledger *ledger, int64_t seq)
{
    struct dub_ledger_line line = {.seq = 1, .end_ms = 1, .state = DUB_PHRASE_DUBBED};
    return ledger_add(ledger, &line, seq) != NULL;
}

static int64_t seq_at(const GPtrArray *lines, guint i)
{
    return json_object_get_int_member(json_node_get_object(lines->pdata[i]), "seq");
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
    g_autoptr(GPtrArray) array = ledger_list(&ledger, 2, 100);
    g_assert_cmpuint(array->len, ==, 3);
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
    g_autoptr(GPtrArray) array = ledger_list(&ledger, 0, 100);
    g_assert_cmpint(seq_at(array, 0), ==, 11);
    g_autoptr(GPtrArray) none = ledger_list(&ledger, G_MAXINT64, 100);
    g_assert_cmpuint(none->len, ==, 0);
    ledger_clear(&ledger);
}

static void test_it_is_read_in_parts(void)
{
    struct ledger ledger;
    ledger_init(&ledger);
    for (int64_t seq = 1; seq <= 10; seq++)
        add(&ledger, seq);
    for (int64_t after = 0; after < 10; after += 3) {
        g_autoptr(GPtrArray) array = ledger_list(&ledger, after, 3);
        g_assert_cmpuint(array->len, ==, (guint)MIN(3, 10 - after));
        g_assert_cmpint(seq_at(array, 0), ==, after + 1);
    }
    g_autoptr(GPtrArray) all = ledger_list(&ledger, 0, G_MAXUINT);
    g_assert_cmpuint(all->len, ==, 10);
    ledger_clear(&ledger);
}

/* Phrases as long as a line of the control socket allows. */
static void test_long_texts_are_bounded(void)
{
    struct ledger ledger;
    ledger_init(&ledger);
    g_autofree char *text = g_strnfill(DUB_TEXT_BYTES_MAX, 'x');
    for (int64_t seq = 1; seq <= 300; seq++) {
        struct dub_ledger_line line = {.seq = 1, .end_ms = 1, .transcript = text, .translated_text = text};
        g_assert_nonnull(ledger_add(&ledger, &line, seq));
        g_assert_cmpuint(ledger.n_bytes, <=, LEDGER_MAX_BYTES);
    }
    g_assert_cmpuint(ledger.lines->len, <, 70);
    g_assert_cmpint(ledger.counts[DUB_PHRASE_DUBBED], ==, 300);
    /* Told again, it is not counted again. */
    g_assert_false(add(&ledger, 3));
    g_assert_false(add(&ledger, 300));
    ledger_clear(&ledger);
}

/* A late line that is larger than what there is room for before its successors. */
static void test_a_late_line_is_told(void)
{
    struct ledger ledger;
    ledger_init(&ledger);
    g_autofree char *text = g_strnfill(DUB_TEXT_BYTES_MAX, 'x');
    struct dub_ledger_line line = {.seq = 1, .end_ms = 1, .transcript = text};
    for (int64_t seq = 1; ledger.kept_after == 0; seq++)
        g_assert_nonnull(ledger_add(&ledger, &line, 2 * seq));
    int64_t oldest = ((const struct ledger_entry *)ledger.lines->pdata[0])->seq;
    const struct ledger_entry *entry = ledger_add(&ledger, &line, oldest - 1);
    g_assert_nonnull(entry);
    g_assert_cmpint(entry->seq, ==, oldest - 1);
    ledger_clear(&ledger);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ledger/lines-are-sorted-and-count-once", test_lines_are_sorted_and_count_once);
    g_test_add_func("/ledger/memory-is-bounded", test_memory_is_bounded);
    g_test_add_func("/ledger/it-is-read-in-parts", test_it_is_read_in_parts);
    g_test_add_func("/ledger/long-texts-are-bounded", test_long_texts_are_bounded);
    g_test_add_func("/ledger/a-late-line-is-told", test_a_late_line_is_told);
    return g_test_run();
}
