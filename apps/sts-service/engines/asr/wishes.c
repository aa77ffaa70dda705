/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wishes.h"

struct wish {
    struct hints *hints;
    guint32 settled; /* a bit per thread */
};

struct wishes {
    GQueue list; /* struct wish, the oldest first */
};

static void free_wish(void *data)
{
    struct wish *wish = data;
    hints_free(wish->hints);
    g_free(wish);
}

struct wishes *wishes_new(void)
{
    struct wishes *wishes = g_new0(struct wishes, 1);
    g_queue_init(&wishes->list);
    return wishes;
}

void wishes_free(struct wishes *wishes)
{
    if (!wishes)
        return;
    g_queue_clear_full(&wishes->list, free_wish);
    g_free(wishes);
}

static struct wish *find(const struct wishes *wishes, const struct hints *hints)
{
    for (GList *link = wishes->list.head; link; link = link->next) {
        struct wish *wish = link->data;
        if (g_str_equal(wish->hints->key, hints->key))
            return wish;
    }
    return NULL;
}

void wishes_add(struct wishes *wishes, struct hints *hints)
{
    if (find(wishes, hints))
        return;
    struct wish *wish = g_new0(struct wish, 1);
    wish->hints = hints_ref(hints);
    g_queue_push_tail(&wishes->list, wish);
    if (wishes->list.length > WISHES_MAX)
        free_wish(g_queue_pop_head(&wishes->list));
}

static bool is_open(const struct wish *wish, unsigned thread)
{
    return (wish->settled & (1u << thread)) == 0;
}

struct hints *wishes_next(const struct wishes *wishes, unsigned thread)
{
    for (GList *link = wishes->list.head; link; link = link->next) {
        const struct wish *wish = link->data;
        if (is_open(wish, thread))
            return hints_ref(wish->hints);
    }
    return NULL;
}

bool wishes_are_open(const struct wishes *wishes, const struct hints *hints, unsigned thread)
{
    const struct wish *wish = find(wishes, hints);
    return wish && is_open(wish, thread);
}

void wishes_settle(struct wishes *wishes, const struct hints *hints, unsigned thread)
{
    struct wish *wish = find(wishes, hints);
    if (wish)
        wish->settled |= 1u << thread;
}
