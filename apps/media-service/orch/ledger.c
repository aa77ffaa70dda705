/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ledger.h"

#include <string.h>

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

/* What a line takes beside its texts, about. */
#define LINE_BYTES 1024

static gsize size_of(const struct dub_ledger_line *line)
{
    const char *const texts[] = {line->fragment_id, line->reason, line->transcript, line->translated_text};
    gsize size = LINE_BYTES;
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        size += texts[i] != NULL ? strlen(texts[i]) : 0;
    return size;
}

/* The line that was just added stays in any case: it is about to be told. */
static void forget_old_lines(struct ledger *ledger, const struct ledger_entry *added)
{
    while (ledger->lines->pdata[0] != added &&
           (ledger->lines->len > LEDGER_MAX_LINES || ledger->n_bytes > LEDGER_MAX_BYTES)) {
        const struct ledger_entry *oldest = ledger->lines->pdata[0];
        ledger->n_bytes -= oldest->n_bytes;
        ledger->kept_after = oldest->seq;
        g_ptr_array_remove_index(ledger->lines, 0);
    }
}

const struct ledger_entry *ledger_add(struct ledger *ledger, const struct dub_ledger_line *line, int64_t seq)
{
    if (seq <= ledger->kept_after)
        return NULL;
    guint at = first_above(ledger, seq);
    if (at > 0 && ((const struct ledger_entry *)ledger->lines->pdata[at - 1])->seq == seq)
        return NULL;
    if (at == 0 && ledger->lines->len == LEDGER_MAX_LINES)
        return NULL;
    struct dub_ledger_line renumbered = *line;
    renumbered.seq = seq;
    struct ledger_entry *entry = g_new(struct ledger_entry, 1);
    *entry = (struct ledger_entry){seq, size_of(line), dub_ledger_line_to_json(&renumbered)};
    g_ptr_array_insert(ledger->lines, (gint)at, entry);
    ledger->n_bytes += entry->n_bytes;
    ledger->counts[line->state]++;
    ledger->last_seq = MAX(ledger->last_seq, seq);
    forget_old_lines(ledger, entry);
    return entry;
}

GPtrArray *ledger_list(const struct ledger *ledger, int64_t after, guint limit)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func((GDestroyNotify)json_node_unref);
    guint first = first_above(ledger, after);
    guint n = MIN(limit, ledger->lines->len - first);
    for (guint i = first; i < first + n; i++)
        g_ptr_array_add(lines, json_node_ref(((const struct ledger_entry *)ledger->lines->pdata[i])->json));
    return lines;
}
