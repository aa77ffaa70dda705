/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of stsdub feed it with, and what they look at: a tone, and somebody who talks from 1 s to 3
 * s, again from 4 s to 6 s, ...; between the channels a tone that tells the bed's gain, since a dub is the
 * same in both. */
#pragma once

#include "fake_exchange.h"
#include "stsdub_rig.h"

#define D_NS (3 * DUB_NS_PER_S)

void tone(int64_t position, int16_t *left, int16_t *right);
void talk(int64_t position, int16_t *left, int16_t *right);
/* Only the first of the sentences. */
void talk_once(int64_t position, int16_t *left, int16_t *right);
/* The talk's two parts: what is in both channels, and what is between them. */
double voice_at(int64_t position);
double side_at(int64_t position);

/* The next phrase message; fails when there is none. Owned by the caller. */
GstStructure *next_phrase(struct rig *rig);
void assert_phrase(struct rig *rig, const char *state, const char *reason);
gint64 number_in(const GstStructure *structure, const char *name);
guint64 stat_of(struct rig *rig, const char *name);
/* How much of the difference between the channels is left, dB. */
double bed_db(const struct rig *rig, int64_t from, int64_t to);
int64_t clock_ns(struct rig *rig);
/* Runs with talk_once until the first phrase has been sent. */
struct dub_exchange_fragment take_first_fragment(struct rig *rig);

struct talk_test {
    const char *name;
    void (*run)(void);
};
/* The main function of a test of the element. */
int talk_test_run(int argc, char **argv, const struct talk_test *tests, gsize n_tests);
