/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A queue under a mutex and a GSource whose ready time is the wake-up. The source is woken at most once per
 * batch, and a dispatch handles only what was waiting when it began, so that a busy poster cannot starve
 * other sources. */
#include <dubbing_mailbox.h>

#include <pthread.h>

struct post {
    void *message;
    bool is_data;
};

struct dub_mailbox {
    pthread_mutex_t lock; /* guards posts, waiting_data, closed */
    GQueue posts;         /* struct post * */
    unsigned waiting_data;
    bool closed;
    unsigned capacity;
    dub_mailbox_handler handler;
    GDestroyNotify free_message;
    void *user;
    GSource *source;
};

/* The source holds one reference on the box, the creator the other. */
struct box_source {
    GSource base;
    struct dub_mailbox *box;
};

static void free_box(void *data)
{
    struct dub_mailbox *box = data;
    pthread_mutex_destroy(&box->lock);
}

static struct post *take_first(struct dub_mailbox *box, guint *waiting)
{
    pthread_mutex_lock(&box->lock);
    struct post *post = g_queue_pop_head(&box->posts);
    if (post != NULL && post->is_data)
        box->waiting_data--;
    *waiting = g_queue_get_length(&box->posts);
    pthread_mutex_unlock(&box->lock);
    return post;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct dub_mailbox *box = ((struct box_source *)source)->box;
    guint waiting = 0;
    g_source_set_ready_time(source, -1);
    struct post *post = take_first(box, &waiting);
    for (guint left = waiting + 1; post != NULL; post = take_first(box, &waiting)) {
        box->handler(post->message, box->user);
        g_free(post);
        if (--left == 0)
            break;
    }
    if (waiting > 0 && !g_source_is_destroyed(source))
        g_source_set_ready_time(source, 0);
    return G_SOURCE_CONTINUE;
}

static void finalize(GSource *source)
{
    g_atomic_rc_box_release_full(((struct box_source *)source)->box, free_box);
}

static GSourceFuncs source_funcs = {.dispatch = dispatch, .finalize = finalize};

struct dub_mailbox *dub_mailbox_new(GMainContext *context, unsigned capacity, dub_mailbox_handler handler,
                                    GDestroyNotify free_message, void *user)
{
    struct dub_mailbox *box = g_atomic_rc_box_new0(struct dub_mailbox);
    pthread_mutex_init(&box->lock, NULL);
    g_queue_init(&box->posts);
    box->capacity = capacity;
    box->handler = handler;
    box->free_message = free_message;
    box->user = user;
    box->source = g_source_new(&source_funcs, sizeof(struct box_source));
    ((struct box_source *)box->source)->box = g_atomic_rc_box_acquire(box);
    g_source_set_name(box->source, "dub_mailbox");
    g_source_attach(box->source, context);
    return box;
}

static bool post(struct dub_mailbox *box, void *message, bool is_data)
{
    pthread_mutex_lock(&box->lock);
    bool accepted = !box->closed && (!is_data || box->waiting_data < box->capacity);
    if (accepted) {
        struct post *item = g_new(struct post, 1);
        *item = (struct post){message, is_data};
        g_queue_push_tail(&box->posts, item);
        box->waiting_data += is_data;
        if (g_queue_get_length(&box->posts) == 1)
            g_source_set_ready_time(box->source, 0);
    }
    pthread_mutex_unlock(&box->lock);
    return accepted;
}

bool dub_mailbox_post(struct dub_mailbox *box, void *message)
{
    return post(box, message, true);
}

bool dub_mailbox_post_control(struct dub_mailbox *box, void *message)
{
    return post(box, message, false);
}

void dub_mailbox_close(struct dub_mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    box->closed = true;
    GQueue waiting = box->posts;
    g_queue_init(&box->posts);
    box->waiting_data = 0;
    pthread_mutex_unlock(&box->lock);
    /* Outside the lock: freeing a message may call anything. */
    for (struct post *item; (item = g_queue_pop_head(&waiting)) != NULL; g_free(item))
        if (box->free_message != NULL)
            box->free_message(item->message);
}

void dub_mailbox_free(struct dub_mailbox *box)
{
    if (box == NULL)
        return;
    dub_mailbox_close(box);
    g_source_destroy(box->source);
    g_source_unref(box->source);
    g_atomic_rc_box_release_full(box, free_box);
}
