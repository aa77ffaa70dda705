/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must hold after any schedule. */
#include "dubber_schedules.h"

#include "dubber_private.h"
#include <math.h>

/* Of the fade at a hole's edge, which is the steepest of all ramps; the background may add what it takes away
 * there. */
#define STEEPEST (LEVEL / 120 + 20)

static void check_no_step(const struct world *world)
{
    int64_t steepest = world->kind->perfect ? STEEPEST : 2 * STEEPEST;
    unsigned epoch = 0;
    for (int64_t i = 1; i < world->n_output; i++) {
        bool begins = false;
        for (; epoch < world->n_epochs - 1 && world->epoch_ends[epoch] <= i; epoch++)
            begins = world->epoch_ends[epoch] == i;
        if (begins)
            continue;
        int step = ABS(world->output[i] - world->output[i - 1]);
        if (step > steepest)
            g_printerr("a step of %d at sample %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT ": %d, %d\n", step,
                       i, world->n_output, world->output[i - 1], world->output[i]);
        CHECK(step <= steepest);
    }
}

/* All of it: the level between the edges, unless the bed or a ramp of somebody's is over it. */
static void check_is_heard(const struct world *world, uint64_t id)
{
    const struct answer *answer = &world->answers[id];
    long level = lrintf(rig_clip_level(id) * 32768);
    int64_t first = answer->start + CLIP_FADE + DUB_MIXER_ATTACK_SAMPLES + 1;
    int64_t last = answer->start + answer->clip_samples - CLIP_FADE - 2;
    for (int64_t at = first; at <= last; at++)
        CHECK(ABS(world->output[at] - level) <= 1);
}

/* In order, apart, bounded, and really to be heard where the ledger says. */
static void check_clips(const struct world *world)
{
    int64_t bound_ns = world->kind->levels ? MAX_LAG_MS * MS : world->max_lag_ns;
    bound_ns = MAX(bound_ns, world->max_lag_ns);
    int64_t busy_until = 0;
    for (uint64_t id = 1; id <= world->found; id++) {
        const struct answer *answer = &world->answers[id];
        CHECK(answer->state != DUB_PHRASE_OPEN);
        if (answer->state != DUB_PHRASE_DUBBED)
            continue;
        CHECK(answer->dubbed && answer->given);
        CHECK(answer->lag_ns >= 0 && answer->lag_ns <= bound_ns + 21000);
        int64_t start = answer->start;
        CHECK(start >= busy_until - 1);
        busy_until = start + answer->clip_samples;
        if (busy_until > world->epoch_ends[answer->epoch] + 1) {
            /* A flush takes it away; the end of the stream never does. */
            CHECK(answer->epoch < world->n_epochs - 1);
            busy_until = world->epoch_ends[answer->epoch];
        } else if (!world->kind->levels)
            check_is_heard(world, id);
    }
    /* And then it is over, to the block in which that becomes known. */
    int64_t heard_until = MAX(busy_until, dub_ns_to_samples(world->input_ns));
    if (world->kind->perfect)
        CHECK(world->n_output <= heard_until + DUB_BLOCK_SAMPLES);
}

/* With nothing lost, everything away from clips is the original, sample by sample where it was. */
static void check_original(const struct world *world)
{
    bool *touched = g_new0(bool, (gsize)world->n_output + 1);
    for (uint64_t id = 1; id <= world->found; id++) {
        const struct answer *answer = &world->answers[id];
        if (answer->state != DUB_PHRASE_DUBBED)
            continue;
        int64_t start = answer->start - DUB_MIXER_HOLD_SAMPLES;
        int64_t end = answer->start + answer->clip_samples + DUB_MIXER_HOLD_SAMPLES;
        for (int64_t i = MAX(start, 0); i < MIN(end, world->n_output); i++)
            touched[i] = true;
    }
    for (int64_t i = 0; i < MIN(world->n_output, dub_ns_to_samples(world->input_ns)); i++)
        CHECK(touched[i] || (world->output[i] == LEVEL && world->right[i] == world->sent_right[i]));
    g_free(touched);
}

static void check_account(const struct world *world)
{
    const struct dub_ledger *ledger = dub_dubber_ledger(world->dubber);
    CHECK(world->settled == world->found && ledger->last_id == world->found);
    CHECK(g_queue_is_empty((GQueue *)&ledger->open));
    CHECK(ledger->counts[DUB_PHRASE_DUBBED] + ledger->counts[DUB_PHRASE_PASSTHROUGH] +
              ledger->counts[DUB_PHRASE_DROPPED] ==
          world->found);
}

void schedule_check(struct world *world)
{
    schedule_take_settled(world);
    check_account(world);
    if (world->first_ns >= 0)
        CHECK(world->n_output - world->base >=
              dub_ns_to_samples(world->stamped_ns - world->first_ns - 200 * MS));
    check_no_step(world);
    check_clips(world);
    if (world->kind->perfect)
        check_original(world);
}
