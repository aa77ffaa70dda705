/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A publisher and its network, made of chance: what the tests of the timeline are fed with. Its packets come
 * in the order of their arrival; each says when it was captured, which no receiver of a real one knows. Calm
 * stretches and troubles take turns; what a trouble may do to a timeline is the test's to judge. */
#pragma once

#include "../time/timestamp_map.h"

#include <glib.h>

enum trouble {
    TROUBLE_GAP,          /* nothing is captured for a while, timestamps go on */
    TROUBLE_HOLE,         /* the same of one track */
    TROUBLE_CONGESTION,   /* the network holds everything up; it catches up faster than its time */
    TROUBLE_GLITCH,       /* one wrong timestamp */
    TROUBLE_STEP,         /* the timestamps of both tracks step */
    TROUBLE_STEP_OF_ONE,  /* of one track, by less than a second */
    TROUBLE_CLOCK_OF_ONE, /* by more than a second */
    TROUBLE_STANDSTILL,   /* nothing is captured for a while, timestamps stand still */
    TROUBLE_LONG_STALL,   /* congestion that D cannot absorb */
    TROUBLE_RECONNECT,    /* a new connection, of this publisher or of another */
    TROUBLE_COUNT
};
const char *trouble_name(enum trouble trouble);

struct publisher_packet {
    enum track track;
    bool key;
    bool begins; /* the first of a connection */
    bool wrong;  /* has a timestamp that is not its own */
    int64_t captured_ns, arrival_ns;
    int64_t dts_ns, pts_ns, duration_ns; /* the publisher's */
    uint64_t number;
};

/* What stays as it is for a publisher's life. */
struct publisher_traits {
    int64_t ppm; /* of its clock */
    int64_t transit_ns, jitter_ns;
    int64_t wrap_ns, ticks_per_s;          /* of its timestamps */
    int64_t frame_least_ns, frame_most_ns; /* between pictures */
    int64_t sound_ns;                      /* a packet of sound */
    int64_t gop_ns, cache_ns;              /* cache: of the router, which begins at a key frame */
    int b_frames;
    unsigned troubles; /* a bit for each that happens */
    int64_t calm_least_ns, calm_most_ns;
};

struct publisher {
    GRand *random;
    struct publisher_traits traits;
    int64_t base_ns, step_ns, stood_ns; /* of the timestamps */
    int64_t track_step_ns[TRACK_COUNT], glitch_ns[TRACK_COUNT];
    int64_t next_ns[TRACK_COUNT], last_key_ns; /* captured */
    int64_t last_arrival_ns, floor_ns;         /* nothing arrives before */
    int64_t stall_at_ns, stall_ns;
    double catch_up; /* at how many times its speed */
    bool begins;
    uint64_t n_packets;

    /* The last trouble: for the test. */
    unsigned n_troubles;
    enum trouble trouble;
    enum track trouble_track;
    int64_t trouble_size_ns;
    int64_t trouble_at_ns, trouble_over_ns; /* captured; over: all of it has arrived */
    int64_t next_trouble_ns;
};

/* Traits by chance, without any trouble yet: set traits.troubles. It starts at start_ns of the arrivals. */
void publisher_init(struct publisher *publisher, guint32 seed, int64_t start_ns);
void publisher_clear(struct publisher *publisher);
/* Anything in [from, to), and anything of any magnitude up to `most`, of either sign. */
int64_t publisher_between(struct publisher *publisher, int64_t from, int64_t to);
void publisher_next(struct publisher *publisher, struct publisher_packet *packet);
