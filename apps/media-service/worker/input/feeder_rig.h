/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The feeder with a publisher made of chance and a clock that jumps from one arrival to the next. Whatever
 * comes out is judged by what is known of each packet but not told to the feeder, the moment of its capture:
 * - nothing is lost, doubled or put in another order, no track steps back;
 * - the timeline moves by the slew only, but for a trouble that leaves it no choice;
 * - it is where the publisher is, within what the trouble leaves over, which is slewed away;
 * - sound and picture stay related as the publisher relates them.
 * What is not so ends the program, with the seed. */
#pragma once

#include "feeder.h"
#include "random_publisher.h"

/* A machine that has run for ten years. */
#define FEEDER_RIG_START (INT64_C(10) * 365 * 86400 * DUB_NS_PER_S)
#define FEEDER_RIG_LATENCY (3 * DUB_NS_PER_S)
#define FEEDER_RIG_KEY_BYTES 60000
#define FEEDER_RIG_PICTURE_BYTES 20000
#define FEEDER_RIG_SOUND_BYTES 400
#define FEEDER_RIG_SENT 8192 /* a power of two; more than what is held for anchoring */

#define TROUBLE_BIT(trouble) (1U << (trouble))
/* None of these is a reason for a jump of the timeline. */
#define HARMLESS_TROUBLES                                                                                    \
    (TROUBLE_BIT(TROUBLE_GAP) | TROUBLE_BIT(TROUBLE_HOLE) | TROUBLE_BIT(TROUBLE_CONGESTION) |                \
     TROUBLE_BIT(TROUBLE_GLITCH))
#define ALL_TROUBLES (TROUBLE_BIT(TROUBLE_COUNT) - 1)

/* The last packet of a track that came out. */
struct seen {
    bool any;
    int64_t position_ns, arrival_ns;
    int64_t way_ns; /* position - captured */
};

/* What comes out is handed on after it has been judged; as in struct feeder_events. */
struct feeder_rig_events {
    void (*on_start)(int64_t base_ns, void *user);
    bool (*on_video)(struct packet *take_packet, void *user);
    bool (*on_audio)(GstBuffer *take_buffer, int64_t source_ns, void *user);
};

struct feeder_rig {
    guint32 seed;
    bool harmless;
    bool outruns_slew; /* the publisher's clock is further off than the slew can follow */
    struct publisher publisher;
    struct dub_fake_clock clock;
    struct feeder *feeder;
    const struct feeder_rig_events *events; /* may be NULL, as each of them */
    void *user;
    GstSegment segment;
    GstCaps *caps;
    struct publisher_packet sent[FEEDER_RIG_SENT];

    int64_t base_ns;
    struct seen seen[TRACK_COUNT];
    uint64_t next_number; /* of what has to come out */
    bool may_skip;        /* pictures: after a reconnect, until a key frame */
    unsigned n_troubles;  /* noted */
    int64_t troubled_ns;  /* until then it may be anywhere; arrivals */
    int64_t residue_ns;   /* off its place, at residue_at_ns */
    int64_t residue_at_ns;
    int64_t relation_ns;       /* sound - picture, in their ways */
    int64_t relation_slack_ns; /* how exactly it is known */
    unsigned n_judged;         /* places */
};

/* troubles: a bit for each that happens. Traits of the publisher may be changed before the first step. */
void feeder_rig_init(struct feeder_rig *rig, guint32 seed, unsigned troubles);
void feeder_rig_clear(struct feeder_rig *rig);
/* The next packet, in two parts: what comes next and when, and its arrival. */
void feeder_rig_plan(struct feeder_rig *rig, struct publisher_packet *packet);
void feeder_rig_arrive(struct feeder_rig *rig, const struct publisher_packet *packet);

int64_t feeder_rig_now(const struct feeder_rig *rig);
/* No trouble, nor what it made the timeline do at once, for a while. */
bool feeder_rig_is_settled(const struct feeder_rig *rig);
/* How far the timeline may be off now. */
int64_t feeder_rig_allowed(const struct feeder_rig *rig);

#define RIG_CHECK(rig, condition) feeder_rig_check(rig, condition, #condition, __FILE__, __LINE__)
void feeder_rig_check(const struct feeder_rig *rig, bool is_true, const char *condition, const char *file,
                      int line);
/* Whether a value is within +-limit. */
#define RIG_CHECK_WITHIN(rig, value_ns, limit_ns)                                                            \
    feeder_rig_check_within(rig, value_ns, limit_ns, #value_ns, __LINE__)
void feeder_rig_check_within(const struct feeder_rig *rig, int64_t value_ns, int64_t limit_ns,
                             const char *what, int line);
