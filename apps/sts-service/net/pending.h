/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The requests over REST that were let in: from the job that is submitted to the answer that has left, or to
 * the client that went away. Main loop's thread. */
#pragma once

#include "../metrics.h"
#include "../pipeline/processor.h"

#include <libsoup/soup.h>

/* Set on messages whose refusal has been logged, or is none. */
#define HTTP_IS_LOGGED "sts-is-logged"

struct pending_requests;

/* Who makes the answers. */
struct pending_events {
    /* The processor has finished the job: reply to the message. */
    void (*answer)(SoupServerMessage *message, struct job *job, void *user);
    /* The job will not be finished: reply to the message with the error. */
    void (*refuse)(SoupServerMessage *message, const struct job *job, const struct dub_error *error,
                   void *user);
};

/* All parameters are borrowed and outlive it. */
struct pending_requests *pending_requests_new(struct processor *processor, struct sts_metrics *metrics,
                                              const struct pending_events *events, void *user);
/* Whether one more may come in: false with QUEUE_FULL. */
bool pending_requests_have_room(const struct pending_requests *requests, struct dub_error *error);
/* Hands the job, which has a cancellable, to the processor and pauses the message until it is answered. On
 * false (QUEUE_FULL) the job is still the caller's. */
bool pending_requests_submit(struct pending_requests *requests, SoupServerMessage *message, struct job *job,
                             struct dub_error *error);
/* Lets no more in, and iterates the default main context until all have their answer: for finish_ms while
 * they are being processed, then with stopping_error. */
void pending_requests_stop(struct pending_requests *requests, unsigned finish_ms);
bool pending_requests_are_stopping(const struct pending_requests *requests);
/* Cancels what is being processed. NULL is fine. */
void pending_requests_free(struct pending_requests *requests);
