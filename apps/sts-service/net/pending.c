/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pending.h"

#include "stopping.h"

#include <glib-unix.h>
#include <poll.h>

/* Requests at a time; more are told to come back. */
#define WORKING_MAX 64
/* For the last answers to be taken, at the end. */
#define LAST_ANSWERS_MS 1000

struct pending_requests {
    struct processor *processor;
    struct sts_metrics *metrics;
    const struct pending_events *events;
    void *user;
    GQueue all;         /* of struct pending */
    unsigned n_working; /* of these, whose answer is still being made */
    bool is_stopping;
};

/* One that was let in and whose answer has not yet left. */
struct pending {
    struct pending_requests *owner;
    SoupServerMessage *message;
    gulong finished_handler;
    guint hangup_watch; /* 0: none */
    GCancellable *cancellable;
    struct job *job; /* the processor's; we may clear `done`. NULL once answered */
};

static void pending_free(struct pending *pending)
{
    g_queue_remove(&pending->owner->all, pending);
    g_signal_handler_disconnect(pending->message, pending->finished_handler);
    g_clear_handle_id(&pending->hangup_watch, g_source_remove);
    g_object_unref(pending->message);
    g_object_unref(pending->cancellable);
    g_free(pending);
}

/* The answer has been made, or will not be: it is up to libsoup now. */
static void leave_work(struct pending *pending)
{
    pending->job = NULL;
    pending->owner->n_working--;
    g_clear_handle_id(&pending->hangup_watch, g_source_remove);
    dub_metric_inc(pending->owner->metrics->in_flight, -1, NULL);
    soup_server_message_unpause(pending->message);
}

static void cancel_job(struct pending *pending)
{
    struct processor *processor = pending->owner->processor;
    uint64_t owner = pending->job->owner;

    pending->job->done = NULL;
    g_cancellable_cancel(pending->cancellable);
    processor->ops->cancel(processor, owner);
    leave_work(pending);
}

/* Nobody waits for the answer any more. */
static void abandon(struct pending *pending)
{
    g_object_set_data(G_OBJECT(pending->message), HTTP_IS_LOGGED, pending->owner);
    soup_server_message_set_status(pending->message, SOUP_STATUS_SERVICE_UNAVAILABLE, NULL);
    cancel_job(pending);
    pending_free(pending);
}

/* The answer has left, or the client. */
static void on_message_finished(SoupServerMessage *message, gpointer user)
{
    struct pending *pending = user;
    if (pending->job)
        abandon(pending);
    else
        pending_free(pending);
}

static gboolean on_hangup(gint fd, GIOCondition condition, gpointer user)
{
    struct pending *pending = user;
    pending->hangup_watch = 0;
    abandon(pending);
    return G_SOURCE_REMOVE;
}

/* libsoup does not look at the connection of a paused message, so a client that goes away would go unnoticed.
 * One that closes only its sending side counts as gone, too: no client of ours does. */
static void watch_for_hangup(struct pending *pending)
{
    GSocket *socket = soup_server_message_get_socket(pending->message);
    if (socket)
        pending->hangup_watch = g_unix_fd_add(
            g_socket_get_fd(socket), (GIOCondition)(POLLRDHUP | POLLHUP | POLLERR), on_hangup, pending);
}

static void on_job_done(struct job *job, void *user)
{
    struct pending *pending = user;
    struct pending_requests *requests = pending->owner;
    requests->events->answer(pending->message, job, requests->user);
    leave_work(pending);
    job_free(job);
}

struct pending_requests *pending_requests_new(struct processor *processor, struct sts_metrics *metrics,
                                              const struct pending_events *events, void *user)
{
    struct pending_requests *requests = g_new0(struct pending_requests, 1);
    requests->processor = processor;
    requests->metrics = metrics;
    requests->events = events;
    requests->user = user;
    g_queue_init(&requests->all);
    return requests;
}

bool pending_requests_have_room(const struct pending_requests *requests, struct dub_error *error)
{
    if (requests->is_stopping) {
        stopping_error(error);
        return false;
    }
    if (requests->n_working >= WORKING_MAX)
        return dub_error_set(error, DUB_ERROR_QUEUE_FULL,
                             "%d requests are being processed; try again in a second", WORKING_MAX);
    return true;
}

bool pending_requests_submit(struct pending_requests *requests, SoupServerMessage *message, struct job *job,
                             struct dub_error *error)
{
    g_autoptr(GCancellable) cancellable = g_object_ref(job->cancellable);
    if (!requests->processor->ops->submit(requests->processor, job, error))
        return false;
    struct pending *pending = g_new0(struct pending, 1);
    pending->owner = requests;
    pending->message = g_object_ref(message);
    pending->cancellable = g_steal_pointer(&cancellable);
    pending->job = job;
    pending->finished_handler =
        g_signal_connect(message, "finished", G_CALLBACK(on_message_finished), pending);
    job->done = on_job_done;
    job->user = pending;
    g_queue_push_tail(&requests->all, pending);
    requests->n_working++;
    dub_metric_inc(requests->metrics->in_flight, 1, NULL);
    soup_server_message_pause(message);
    watch_for_hangup(pending);
    return true;
}

static bool has_work(const void *data)
{
    const struct pending_requests *requests = data;
    return requests->n_working > 0;
}

static bool has_answers(const void *data)
{
    const struct pending_requests *requests = data;
    return requests->all.length > 0;
}

static void refuse_work(struct pending_requests *requests)
{
    struct dub_error error;
    stopping_error(&error);
    for (GList *link = requests->all.head; link; link = link->next) {
        struct pending *pending = link->data;
        if (!pending->job)
            continue;
        requests->events->refuse(pending->message, pending->job, &error, requests->user);
        cancel_job(pending);
    }
}

void pending_requests_stop(struct pending_requests *requests, unsigned finish_ms)
{
    requests->is_stopping = true;
    stopping_wait_while(has_work, requests, finish_ms);
    refuse_work(requests);
    stopping_wait_while(has_answers, requests, LAST_ANSWERS_MS);
}

bool pending_requests_are_stopping(const struct pending_requests *requests)
{
    return requests->is_stopping;
}

void pending_requests_free(struct pending_requests *requests)
{
    if (!requests)
        return;
    struct pending *pending;
    while ((pending = g_queue_peek_head(&requests->all)))
        on_message_finished(pending->message, pending);
    g_free(requests);
}
