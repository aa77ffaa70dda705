/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ledger.h"

static void free_phrase(gpointer phrase)
{
    dub_phrase_free(phrase);
}

void dub_ledger_init(struct dub_ledger *ledger)
{
    *ledger = (struct dub_ledger){0};
    g_queue_init(&ledger->open);
    g_queue_init(&ledger->settled);
    ledger->reasons = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
}

void dub_ledger_clear(struct dub_ledger *ledger)
{
    g_queue_clear_full(&ledger->open, free_phrase);
    g_queue_clear_full(&ledger->settled, free_phrase);
    g_clear_pointer(&ledger->reasons, g_hash_table_unref);
}

struct dub_phrase *dub_ledger_open(struct dub_ledger *ledger, int64_t start_ns, int64_t end_ns)
{
    struct dub_phrase *phrase = g_new0(struct dub_phrase, 1);
    phrase->id = ++ledger->last_id;
    phrase->start_ns = start_ns;
    phrase->end_ns = end_ns;
    phrase->state = DUB_PHRASE_OPEN;
    phrase->reason = "";
    phrase->fragment_id = g_strdup("");
    phrase->transcript = g_strdup("");
    phrase->translated_text = g_strdup("");
    g_queue_push_tail(&ledger->open, phrase);
    return phrase;
}

struct dub_phrase *dub_ledger_find(struct dub_ledger *ledger, uint64_t id)
{
    for (GList *item = ledger->open.head; item != NULL; item = item->next) {
        struct dub_phrase *phrase = item->data;
        if (phrase->id == id)
            return phrase;
    }
    return NULL;
}

static void count_reason(struct dub_ledger *ledger, const char *reason)
{
    uint64_t *count = g_hash_table_lookup(ledger->reasons, reason);
    if (count == NULL) {
        count = g_new0(uint64_t, 1);
        g_hash_table_insert(ledger->reasons, (gpointer)reason, count);
    }
    (*count)++;
}

void dub_ledger_settle(struct dub_ledger *ledger, struct dub_phrase *phrase, enum dub_phrase_state state,
                       const char *reason)
{
    g_assert(phrase->state == DUB_PHRASE_OPEN && state != DUB_PHRASE_OPEN);
    phrase->state = state;
    phrase->reason = reason;
    phrase->seq = ++ledger->last_seq;
    ledger->counts[state]++;
    if (state == DUB_PHRASE_DUBBED) {
        ledger->last_lag_ns = phrase->lag_ns;
        ledger->max_lag_ns = MAX(ledger->max_lag_ns, phrase->lag_ns);
    } else {
        count_reason(ledger, reason);
    }
    g_queue_remove(&ledger->open, phrase);
    g_queue_push_tail(&ledger->settled, phrase);
}

void dub_ledger_settle_all(struct dub_ledger *ledger, enum dub_phrase_state state, const char *reason)
{
    while (!g_queue_is_empty(&ledger->open))
        dub_ledger_settle(ledger, g_queue_peek_head(&ledger->open), state, reason);
}

struct dub_phrase *dub_ledger_take(struct dub_ledger *ledger)
{
    return g_queue_pop_head(&ledger->settled);
}

const char *dub_ledger_state_name(enum dub_phrase_state state)
{
    static const char *const names[DUB_PHRASE_STATES] = {"open", "dubbed", "passthrough", "dropped"};
    return names[state];
}

void dub_phrase_set_text(char **text, const char *value)
{
    g_free(*text);
    *text = g_strdup(value != NULL ? value : "");
}

void dub_phrase_free(struct dub_phrase *phrase)
{
    if (phrase == NULL)
        return;
    g_free(phrase->fragment_id);
    g_free(phrase->transcript);
    g_free(phrase->translated_text);
    g_free(phrase);
}
