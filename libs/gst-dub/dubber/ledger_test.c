/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ledger.h"

static void test_each_phrase_is_settled_once(void)
{
    struct dub_ledger ledger;
    dub_ledger_init(&ledger);
    struct dub_phrase *first = dub_ledger_open(&ledger, 0, 1000);
    struct dub_phrase *second = dub_ledger_open(&ledger, 2000, 3000);
    struct dub_phrase *third = dub_ledger_open(&ledger, 4000, 5000);
    g_assert_true(dub_ledger_find(&ledger, second->id) == second);
    g_assert_null(dub_ledger_take(&ledger));

    second->lag_ns = 70;
    dub_phrase_set_text(&second->transcript, "two");
    dub_ledger_settle(&ledger, second, DUB_PHRASE_DUBBED, "");
    dub_ledger_settle(&ledger, first, DUB_PHRASE_PASSTHROUGH, DUB_REASON_TIMEOUT);
    g_assert_null(dub_ledger_find(&ledger, first->id));
    dub_ledger_settle_all(&ledger, DUB_PHRASE_DROPPED, DUB_REASON_FLUSHED);
    g_assert_true(g_queue_is_empty(&ledger.open));

    struct dub_phrase *taken[] = {dub_ledger_take(&ledger), dub_ledger_take(&ledger),
                                  dub_ledger_take(&ledger)};
    g_assert_null(dub_ledger_take(&ledger));
    g_assert_true(taken[0] == second && taken[1] == first && taken[2] == third);
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpuint(taken[i]->seq, ==, i + 1);
    g_assert_cmpstr(taken[0]->transcript, ==, "two");
    g_assert_cmpstr(taken[0]->translated_text, ==, "");
    g_assert_cmpstr(taken[2]->reason, ==, DUB_REASON_FLUSHED);
    for (unsigned i = 0; i < 3; i++)
        dub_phrase_free(taken[i]);
    dub_ledger_clear(&ledger);
}

static void test_counts(void)
{
    struct dub_ledger ledger;
    dub_ledger_init(&ledger);
    for (int i = 0; i < 5; i++)
        dub_ledger_open(&ledger, i, i + 1);
    dub_ledger_settle(&ledger, dub_ledger_find(&ledger, 1), DUB_PHRASE_PASSTHROUGH, "TIMEOUT");
    dub_ledger_settle(&ledger, dub_ledger_find(&ledger, 2), DUB_PHRASE_PASSTHROUGH, "TIMEOUT");
    dub_ledger_find(&ledger, 3)->lag_ns = 900;
    dub_ledger_settle(&ledger, dub_ledger_find(&ledger, 3), DUB_PHRASE_DUBBED, "");
    dub_ledger_settle(&ledger, dub_ledger_find(&ledger, 4), DUB_PHRASE_DUBBED, "");
    g_assert_cmpuint(ledger.counts[DUB_PHRASE_PASSTHROUGH], ==, 2);
    g_assert_cmpuint(ledger.counts[DUB_PHRASE_DUBBED], ==, 2);
    g_assert_cmpuint(ledger.counts[DUB_PHRASE_DROPPED], ==, 0);
    g_assert_cmpuint(*(uint64_t *)g_hash_table_lookup(ledger.reasons, "TIMEOUT"), ==, 2);
    g_assert_cmpint(ledger.last_lag_ns, ==, 0);
    g_assert_cmpint(ledger.max_lag_ns, ==, 900);
    dub_ledger_clear(&ledger);
}

static void test_names(void)
{
    g_assert_cmpstr(dub_ledger_state_name(DUB_PHRASE_DUBBED), ==, "dubbed");
    g_assert_cmpstr(dub_ledger_state_name(DUB_PHRASE_PASSTHROUGH), ==, "passthrough");
    g_assert_cmpstr(dub_ledger_state_name(DUB_PHRASE_DROPPED), ==, "dropped");
    dub_phrase_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ledger/each-phrase-is-settled-once", test_each_phrase_is_settled_once);
    g_test_add_func("/ledger/counts", test_counts);
    g_test_add_func("/ledger/names", test_names);
    return g_test_run();
}
