/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "piper_shelf.h"

#include <pthread.h>

struct slot {
    const struct piper_found *found;
    struct piper_session *session; /* NULL: being loaded */
    int users;                     /* who loads it is one */
    uint64_t used;                 /* when, on the shelf's clock */
};

struct piper_shelf {
    char *device;
    int threads;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    GPtrArray *slots; /* struct slot */
    uint64_t clock;
    bool on_gpu;
};

static void slot_free(void *data)
{
    struct slot *slot = data;
    piper_session_free(slot->session);
    g_free(slot);
}

struct piper_shelf *piper_shelf_new(const char *device, int threads)
{
    struct piper_shelf *shelf = g_new0(struct piper_shelf, 1);
    shelf->device = g_strdup(device);
    shelf->threads = threads;
    shelf->slots = g_ptr_array_new();
    pthread_mutex_init(&shelf->lock, NULL);
    pthread_cond_init(&shelf->changed, NULL);
    return shelf;
}

void piper_shelf_free(struct piper_shelf *shelf)
{
    if (!shelf)
        return;
    g_ptr_array_foreach(shelf->slots, (GFunc)(void (*)(void))slot_free, NULL);
    g_ptr_array_unref(shelf->slots);
    pthread_cond_destroy(&shelf->changed);
    pthread_mutex_destroy(&shelf->lock);
    g_free(shelf->device);
    g_free(shelf);
}

static struct slot *slot_of(const struct piper_shelf *shelf, const struct piper_found *found)
{
    for (guint i = 0; i < shelf->slots->len; i++) {
        struct slot *slot = shelf->slots->pdata[i];
        if (slot->found == found)
            return slot;
    }
    return NULL;
}

static struct slot *idle_longest(const struct piper_shelf *shelf)
{
    struct slot *idle = NULL;
    for (guint i = 0; i < shelf->slots->len; i++) {
        struct slot *slot = shelf->slots->pdata[i];
        if (slot->users == 0 && (!idle || slot->used < idle->used))
            idle = slot;
    }
    return idle;
}

/* With the lock held. What goes, for slot_free() without it; NULL: there is room for so many more, or all are
 * in use. */
static struct slot *make_room(struct piper_shelf *shelf, guint more)
{
    struct slot *idle = shelf->slots->len + more > PIPER_SHELF_MAX ? idle_longest(shelf) : NULL;
    if (idle)
        g_ptr_array_remove_fast(shelf->slots, idle);
    return idle;
}

static struct slot *add_slot(struct piper_shelf *shelf, const struct piper_found *found)
{
    struct slot *slot = g_new0(struct slot, 1);
    slot->found = found;
    g_ptr_array_add(shelf->slots, slot);
    return slot;
}

/* The slot is its loader's alone until it has a session; the lock is not held. */
static const struct piper_session *load(struct piper_shelf *shelf, struct slot *slot, struct dub_error *error)
{
    const struct piper_found *found = slot->found;
    struct piper_session_terms terms = {
        .device = shelf->device, .threads = shelf->threads, .speakers = found->voice->speakers > 1};
    struct piper_session *session = piper_session_load(found->path, &terms, error);
    pthread_mutex_lock(&shelf->lock);
    slot->session = session;
    if (session)
        shelf->on_gpu = piper_session_on_gpu(session);
    else
        g_ptr_array_remove_fast(shelf->slots, slot);
    pthread_cond_broadcast(&shelf->changed);
    pthread_mutex_unlock(&shelf->lock);
    if (!session)
        slot_free(slot);
    return session;
}

/* With the lock held: until nobody is at loading it. NULL: it is not loaded. */
static struct slot *wait_for_slot(struct piper_shelf *shelf, const struct piper_found *found)
{
    struct slot *slot = slot_of(shelf, found);
    while (slot && !slot->session) {
        pthread_cond_wait(&shelf->changed, &shelf->lock);
        slot = slot_of(shelf, found);
    }
    return slot;
}

const struct piper_session *piper_shelf_take(struct piper_shelf *shelf, const struct piper_found *found,
                                             struct dub_error *error)
{
    struct slot *gone = NULL;
    pthread_mutex_lock(&shelf->lock);
    struct slot *slot = wait_for_slot(shelf, found);
    if (!slot) {
        gone = make_room(shelf, 1);
        slot = add_slot(shelf, found);
    }
    slot->users++;
    slot->used = ++shelf->clock;
    const struct piper_session *session = slot->session;
    pthread_mutex_unlock(&shelf->lock);
    if (gone)
        slot_free(gone);
    return session ? session : load(shelf, slot, error);
}

void piper_shelf_give_back(struct piper_shelf *shelf, const struct piper_found *found)
{
    pthread_mutex_lock(&shelf->lock);
    struct slot *slot = slot_of(shelf, found);
    if (slot)
        slot->users--;
    struct slot *gone = make_room(shelf, 0);
    pthread_mutex_unlock(&shelf->lock);
    if (gone)
        slot_free(gone);
}

guint piper_shelf_loaded(struct piper_shelf *shelf)
{
    pthread_mutex_lock(&shelf->lock);
    guint count = shelf->slots->len;
    pthread_mutex_unlock(&shelf->lock);
    return count;
}

bool piper_shelf_on_gpu(struct piper_shelf *shelf)
{
    pthread_mutex_lock(&shelf->lock);
    bool on_gpu = shelf->on_gpu;
    pthread_mutex_unlock(&shelf->lock);
    return on_gpu;
}
