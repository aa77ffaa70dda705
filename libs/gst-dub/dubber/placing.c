/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "placing.h"

struct placing_entry {
    uint64_t id;
    int64_t start, end;   /* of the source */
    int64_t clip_samples; /* 0: still missing */
    int64_t hold_until;   /* a shorter clip may come; 0: not */
};

static struct placing_entry *entry_at(const struct dub_placing *placing, guint i)
{
    return &g_array_index(placing->waiting, struct placing_entry, i);
}

void dub_placing_init(struct dub_placing *placing, int64_t max_lag, const struct dub_placing_events *events)
{
    *placing = (struct dub_placing){.max_lag = max_lag, .events = *events};
    placing->waiting = g_array_new(FALSE, FALSE, sizeof(struct placing_entry));
}

void dub_placing_clear(struct dub_placing *placing)
{
    g_clear_pointer(&placing->waiting, g_array_unref);
}

void dub_placing_reset(struct dub_placing *placing)
{
    g_array_set_size(placing->waiting, 0);
    placing->busy_until = 0;
}

void dub_placing_add(struct dub_placing *placing, uint64_t id, int64_t start, int64_t end)
{
    struct placing_entry entry = {.id = id, .start = start, .end = end};
    g_array_append_val(placing->waiting, entry);
}

static struct placing_entry *find(const struct dub_placing *placing, uint64_t id, guint *index)
{
    for (guint i = 0; i < placing->waiting->len; i++) {
        if (entry_at(placing, i)->id != id)
            continue;
        *index = i;
        return entry_at(placing, i);
    }
    return NULL;
}

bool dub_placing_clip(struct dub_placing *placing, uint64_t id, int64_t clip_samples)
{
    guint index;
    struct placing_entry *entry = find(placing, id, &index);
    if (entry == NULL)
        return false;
    entry->clip_samples = clip_samples;
    entry->hold_until = 0;
    return true;
}

bool dub_placing_hold(struct dub_placing *placing, uint64_t id, int64_t until)
{
    guint index;
    struct placing_entry *entry = find(placing, id, &index);
    if (entry == NULL)
        return false;
    entry->hold_until = until;
    return true;
}

bool dub_placing_cancel(struct dub_placing *placing, uint64_t id)
{
    guint index;
    if (find(placing, id, &index) == NULL)
        return false;
    g_array_remove_index(placing->waiting, index);
    return true;
}

static void settle(struct dub_placing *placing, guint index, enum dub_placing_outcome outcome, int64_t start)
{
    uint64_t id = entry_at(placing, index)->id;
    g_array_remove_index(placing->waiting, index);
    placing->events.on_outcome(id, outcome, start, placing->events.user);
}

static void place(struct dub_placing *placing, guint index, int64_t start)
{
    placing->busy_until = start + entry_at(placing, index)->clip_samples;
    settle(placing, index, DUB_PLACING_PLACED, start);
    for (guint earlier = 0; earlier < index; earlier++)
        settle(placing, 0, DUB_PLACING_OVERTAKEN, 0);
}

/* A clip that is waited for may begin at the next position that is looked at, which is not further than the
 * horizon: the phrase is not lost by waiting. */
static bool is_held(const struct placing_entry *entry, int64_t position, int64_t horizon, int64_t latest)
{
    return position < entry->hold_until && position + horizon <= latest;
}

void dub_placing_advance(struct dub_placing *placing, int64_t position, int64_t horizon)
{
    guint i = 0;
    while (i < placing->waiting->len) {
        const struct placing_entry *entry = entry_at(placing, i);
        int64_t latest = entry->start + placing->max_lag;
        if (entry->clip_samples == 0) {
            if (position > latest)
                settle(placing, i, DUB_PLACING_NOT_IN_TIME, 0);
            else
                i++;
            continue;
        }
        if (is_held(entry, position, horizon, latest))
            return;
        int64_t start = MAX(entry->start, MAX(placing->busy_until, position));
        if (start > latest) {
            settle(placing, i, DUB_PLACING_LAG_BOUND, 0);
            continue;
        }
        bool something_missing = i > 0;
        if (start > position + (something_missing ? 0 : horizon))
            return;
        place(placing, i, start);
        i = 0;
    }
}

void dub_placing_give_up_missing(struct dub_placing *placing)
{
    guint i = 0;
    while (i < placing->waiting->len) {
        if (entry_at(placing, i)->clip_samples == 0)
            settle(placing, i, DUB_PLACING_NOT_IN_TIME, 0);
        else
            i++;
    }
}

int64_t dub_placing_first_missing(const struct dub_placing *placing)
{
    for (guint i = 0; i < placing->waiting->len; i++) {
        const struct placing_entry *entry = entry_at(placing, i);
        if (entry->clip_samples == 0 || entry->hold_until > 0)
            return entry->start;
    }
    return INT64_MAX;
}

bool dub_placing_is_idle(const struct dub_placing *placing)
{
    return placing->waiting->len == 0;
}

/* Where the clips before `index` end, as far as that is known: those that are missing count as long as their
 * source. */
static int64_t busy_before(const struct dub_placing *placing, guint index)
{
    int64_t busy_until = placing->busy_until;
    for (guint i = 0; i < index; i++) {
        const struct placing_entry *entry = entry_at(placing, i);
        int64_t length = entry->clip_samples > 0 ? entry->clip_samples : entry->end - entry->start;
        busy_until = MAX(busy_until, entry->start) + length;
    }
    return busy_until;
}

int64_t dub_placing_room(const struct dub_placing *placing, uint64_t id, int64_t position, int64_t frontier)
{
    guint index;
    const struct placing_entry *entry = find(placing, id, &index);
    if (entry == NULL)
        return INT64_MAX;
    int64_t next = index + 1 < placing->waiting->len ? entry_at(placing, index + 1)->start : frontier;
    if (next == INT64_MAX)
        return INT64_MAX;
    int64_t start = MAX(entry->start, MAX(busy_before(placing, index), position));
    bool will_be_heard = start <= entry->start + placing->max_lag;
    return will_be_heard ? next + placing->max_lag - start : INT64_MAX;
}

int64_t dub_placing_slot(const struct dub_placing *placing, int64_t start, int64_t end, int64_t pause)
{
    int64_t lag = MAX(busy_before(placing, placing->waiting->len) - start, 0);
    return end - start + pause + MAX(placing->max_lag / 2 - lag, 0);
}
