/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to bundle/: a thread that does one job after the other, from a bounded queue, and that can be left
 * behind where a disk never answers. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct job_thread;

/* run takes the job. What still waits when the thread is left behind stays in memory, as does the user data.
 */
struct job_thread *job_thread_new(const char *name, unsigned capacity, void (*run)(void *job, void *user),
                                  void *user);
/* Any thread. False when the queue is full (never with must) or has been ended: the job stays the caller's.
 */
bool job_thread_post(struct job_thread *thread, void *job, bool must);
/* No more jobs are taken; those that wait are still done. */
void job_thread_end(struct job_thread *thread);
/* On the thread itself: whether another job waits. */
bool job_thread_has_more(struct job_thread *thread);
/* On the thread itself: whether nobody waits for it, neither with a job nor for its end. */
bool job_thread_is_idle(struct job_thread *thread);
/* After job_thread_end: waits until all is done, at most until the time on the monotonic clock, and frees the
 * thread. False: it is still busy, and nothing is freed. */
bool job_thread_join(struct job_thread *thread, int64_t until_ns);
