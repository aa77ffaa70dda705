/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admission.h"

#include <glib.h>

struct admission {
    unsigned bound;
    unsigned count;
    GHashTable *by_stream; /* uint64_t -> struct held, where there is something inside */
};

struct held {
    uint64_t stream;
    unsigned count;
};

struct admission *admission_new(unsigned bound)
{
    struct admission *admission = g_new0(struct admission, 1);
    admission->bound = bound;
    admission->by_stream = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    return admission;
}

void admission_free(struct admission *admission)
{
    if (!admission)
        return;
    g_hash_table_unref(admission->by_stream);
    g_free(admission);
}

static bool has_room(const struct admission *admission, const struct held *held)
{
    if (admission->count < admission->bound || !held)
        return true;
    return held->count < admission->bound / g_hash_table_size(admission->by_stream);
}

bool admission_enter(struct admission *admission, uint64_t stream)
{
    struct held *held = g_hash_table_lookup(admission->by_stream, &stream);
    if (!has_room(admission, held))
        return false;
    if (!held) {
        held = g_new0(struct held, 1);
        held->stream = stream;
        g_hash_table_insert(admission->by_stream, &held->stream, held);
    }
    held->count++;
    admission->count++;
    return true;
}

void admission_leave(struct admission *admission, uint64_t stream)
{
    struct held *held = g_hash_table_lookup(admission->by_stream, &stream);
    g_return_if_fail(held);
    admission->count--;
    if (--held->count == 0)
        g_hash_table_remove(admission->by_stream, &stream);
}

unsigned admission_count(const struct admission *admission)
{
    return admission->count;
}
