/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ledger.h"

static void free_entry(void *data)
{
    struct ledger_entry *entry = data;
    json_node_unref(entry->json);
    g_free(entry);
}

void ledger_init(struct ledger *ledger)
{
    *ledger = (struct ledger){.lines = g_ptr_array_new_with_free_func(free_entry)};
}

void ledger_clear(struct ledger *ledger)
{
    g_clear_pointer(&ledger->lines, g_ptr_array_unref);
    *ledger = (struct ledger){0};
}

/* The index of the first line with a seq above after; lines come almost always in order, so from the end. */
static guint first_above(const struct ledger *ledger, int64_t after)
{
    guint i = ledger->lines->len;
    while (i > 0 && ((const struct ledger_entry *)ledger->lines->pdata[i - 1])->seq > after)
        i--;
    return i;
}

const struct ledger_entry *ledger_add(struct ledger *ledger, const struct dub_ledger_line *line, int64_t seq)
{
    guint at = first_above(ledger, seq);
    if (at > 0 && ((const struct ledger_entry *)ledger->lines->pdata[at - 1])->seq == seq)
        return NULL;
    if (at == 0 && ledger->lines->len == LEDGER_MAX_LINES)
        return NULL;
    struct dub_ledger_line renumbered = *line;
    renumbered.seq = seq;
    struct ledger_entry *entry = g_new(struct ledger_entry, 1);
    *entry = (struct ledger_entry){seq, dub_ledger_line_to_json(&renumbered)};
    g_ptr_array_insert(ledger->lines, (gint)at, entry);
    if (ledger->lines->len > LEDGER_MAX_LINES)
        g_ptr_array_remove_index(ledger->lines, 0);
    ledger->counts[line->state]++;
    ledger->last_seq = MAX(ledger->last_seq, seq);
    return entry;
}

JsonArray *ledger_to_json(const struct ledger *ledger, int64_t after)
{
    JsonArray *array = json_array_new();
    for (guint i = first_above(ledger, after); i < ledger->lines->len; i++)
        json_array_add_element(array,
                               json_node_copy(((const struct ledger_entry *)ledger->lines->pdata[i])->json));
    return array;
}
