/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "deadlines.h"

struct deadline {
    const void *what;
    int64_t at_ns;
};

/* A source of its own, and not a timeout, because the clock is the caller's. */
struct deadlines {
    GSource source;
    const struct dub_clock *clock;
    void (*on_due)(int64_t now_ns, void *user);
    void *user;
    GQueue waiting; /* of struct deadline, the earliest first: a few dozen */
};

static bool is_due(struct deadlines *deadlines, int64_t now_ns)
{
    const struct deadline *first = g_queue_peek_head(&deadlines->waiting);
    return first && first->at_ns <= now_ns;
}

static gboolean prepare(GSource *source, gint *timeout_ms)
{
    struct deadlines *deadlines = (struct deadlines *)source;
    const struct deadline *first = g_queue_peek_head(&deadlines->waiting);
    *timeout_ms = -1;
    if (!first)
        return FALSE;
    int64_t left_ns = first->at_ns - dub_clock_now_ns(deadlines->clock);
    int64_t left_ms = left_ns > 0 ? (left_ns + DUB_NS_PER_MS - 1) / DUB_NS_PER_MS : 0;
    *timeout_ms = (gint)MIN(left_ms, G_MAXINT);
    return left_ns <= 0;
}

static gboolean check(GSource *source)
{
    struct deadlines *deadlines = (struct deadlines *)source;
    return is_due(deadlines, dub_clock_now_ns(deadlines->clock));
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct deadlines *deadlines = (struct deadlines *)source;
    int64_t now_ns = dub_clock_now_ns(deadlines->clock);
    while (is_due(deadlines, now_ns))
        g_free(g_queue_pop_head(&deadlines->waiting));
    deadlines->on_due(now_ns, deadlines->user);
    return G_SOURCE_CONTINUE;
}

static void finalize(GSource *source)
{
    g_queue_clear_full(&((struct deadlines *)source)->waiting, g_free);
}

struct deadlines *deadlines_new(const struct dub_clock *clock, void (*on_due)(int64_t now_ns, void *user),
                                void *user)
{
    static GSourceFuncs funcs = {
        .prepare = prepare, .check = check, .dispatch = dispatch, .finalize = finalize};
    struct deadlines *deadlines = (struct deadlines *)g_source_new(&funcs, sizeof(*deadlines));
    deadlines->clock = clock;
    deadlines->on_due = on_due;
    deadlines->user = user;
    g_queue_init(&deadlines->waiting);
    g_source_set_name(&deadlines->source, "deadlines");
    g_source_attach(&deadlines->source, NULL);
    return deadlines;
}

void deadlines_free(struct deadlines *deadlines)
{
    if (!deadlines)
        return;
    g_source_destroy(&deadlines->source);
    g_source_unref(&deadlines->source);
}

static gint compare(gconstpointer a, gconstpointer b, gpointer user)
{
    int64_t first = ((const struct deadline *)a)->at_ns, second = ((const struct deadline *)b)->at_ns;
    return first < second ? -1 : first > second;
}

void deadlines_add(struct deadlines *deadlines, const void *what, int64_t deadline_ns)
{
    struct deadline *deadline = g_new(struct deadline, 1);
    *deadline = (struct deadline){what, deadline_ns};
    g_queue_insert_sorted(&deadlines->waiting, deadline, compare, NULL);
    /* cppcheck-suppress memleak ; the queue has it */
}

void deadlines_remove(struct deadlines *deadlines, const void *what)
{
    for (GList *link = deadlines->waiting.head; link; link = link->next) {
        struct deadline *deadline = link->data;
        if (deadline->what != what)
            continue;
        g_queue_delete_link(&deadlines->waiting, link);
        g_free(deadline);
        return;
    }
}
