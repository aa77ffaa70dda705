/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stsdub in a GstHarness on a test clock, for its tests. The test's thread owns it. */
#pragma once

#include <dubbing_clock.h>
#include <gst/check/gstharness.h>
#include <pthread.h>
#include <stdbool.h>

#define RIG_CHUNK_SAMPLES 960
#define RIG_CHUNK_NS (20 * DUB_NS_PER_MS)

struct rig {
    GstHarness *harness;
    GstElement *element;
    GstBus *bus;
    GByteArray *output; /* all samples that came out */
    GstClockTime first_pts;
    GstClockTime next_pts; /* of the next block; the output must have no gap */
    int64_t fed_ns;        /* input pushed so far */
    bool eos;
    pthread_mutex_t handover; /* between the pushing thread and the test, visible to ThreadSanitizer */
};

/* The input sound at a position. */
typedef void (*signal_fn)(int64_t position, int16_t *left, int16_t *right);

/* Properties as for g_object_set. Playing, at 0 of its clock. */
struct rig *rig_new(const char *first_property, ...) G_GNUC_NULL_TERMINATED;
void rig_free(struct rig *rig);
GstBuffer *rig_new_buffer(int64_t pts_ns, int64_t position, unsigned n_samples, signal_fn signal);
/* Pushes input up to this time stamp. */
void rig_feed(struct rig *rig, int64_t until_ns, signal_fn signal);
/* Checks that the block follows the one before, and keeps it. */
void rig_collect(struct rig *rig, GstBuffer *buffer);
GstTestClock *rig_clock(struct rig *rig);
/* Lets the clock run, block by block; the input arrives 20 ms behind it. signal NULL: no more input. */
void rig_run(struct rig *rig, int64_t until_ns, signal_fn signal);
/* Ends the input and collects what is left. */
void rig_drain(struct rig *rig);
/* The same after the end of the input. */
void rig_finish(struct rig *rig);
const int16_t *rig_output_at(const struct rig *rig, int64_t position);
void rig_assert_output_is(const struct rig *rig, int64_t from, int64_t to, signal_fn signal);
