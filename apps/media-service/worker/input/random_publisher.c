/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "random_publisher.h"

#include <math.h>

#define MS INT64_C(1000000)
#define S (1000 * MS)

static const char *const trouble_names[TROUBLE_COUNT] = {
    [TROUBLE_GAP] = "gap",
    [TROUBLE_HOLE] = "hole",
    [TROUBLE_CONGESTION] = "congestion",
    [TROUBLE_GLITCH] = "glitch",
    [TROUBLE_STEP] = "step",
    [TROUBLE_STEP_OF_ONE] = "step of one track",
    [TROUBLE_CLOCK_OF_ONE] = "new clock of one track",
    [TROUBLE_STANDSTILL] = "standstill",
    [TROUBLE_LONG_STALL] = "long stall",
    [TROUBLE_RECONNECT] = "reconnect",
};

const char *trouble_name(enum trouble trouble)
{
    return trouble_names[trouble];
}

int64_t publisher_between(struct publisher *publisher, int64_t from, int64_t to)
{
    return from + (int64_t)(g_rand_double(publisher->random) * (double)(to - from));
}

static bool chance(struct publisher *publisher, double of_one)
{
    return g_rand_double(publisher->random) < of_one;
}

/* Of any magnitude between the two, of either sign. */
static int64_t any_step(struct publisher *publisher, int64_t least, int64_t most)
{
    double size = (double)least * pow((double)most / (double)least, g_rand_double(publisher->random));
    return (int64_t)(chance(publisher, 0.5) ? size : -size);
}

static int64_t any_base(struct publisher *publisher)
{
    int64_t wrap_ns = publisher->traits.wrap_ns;

    switch (g_rand_int_range(publisher->random, 0, 4)) {
    case 0:
        return 0;
    case 1:
        return publisher_between(publisher, 0, 10 * 3600 * S);
    case 2: /* soon it wraps */
        return wrap_ns - publisher_between(publisher, 0, 120 * S);
    default:
        return publisher_between(publisher, 0, wrap_ns);
    }
}

static void choose_traits(struct publisher *publisher)
{
    static const int64_t jitter_ms[] = {0, 2, 10, 30};
    static const int64_t sound_us[] = {21333, 23220, 42667};
    bool rtmp = chance(publisher, 0.6);
    int64_t frame_ns = publisher_between(publisher, 16, 66) * MS;

    if (chance(publisher, 0.1)) /* a slide show */
        frame_ns = publisher_between(publisher, 100, 400) * MS;
    publisher->traits = (struct publisher_traits){
        .ppm = chance(publisher, 0.2) ? 0 : publisher_between(publisher, -400, 401),
        .transit_ns = publisher_between(publisher, 1, 300) * MS,
        .jitter_ns = jitter_ms[g_rand_int_range(publisher->random, 0, G_N_ELEMENTS(jitter_ms))] * MS,
        .wrap_ns = rtmp ? TIMESTAMP_MAP_WRAP_NS : TIMESTAMP_MAP_WRAP_90KHZ_NS,
        .ticks_per_s = rtmp ? 1000 : 90000,
        .frame_least_ns = frame_ns,
        .frame_most_ns = chance(publisher, 0.3) ? 3 * frame_ns / 2 : frame_ns + 1,
        .sound_ns = sound_us[g_rand_int_range(publisher->random, 0, G_N_ELEMENTS(sound_us))] * 1000,
        .gop_ns = publisher_between(publisher, 500, 4000) * MS,
        .cache_ns = chance(publisher, 0.5) ? 0 : publisher_between(publisher, 100, 4000) * MS,
        .b_frames = g_rand_int_range(publisher->random, 0, 4),
        .calm_least_ns = 40 * S,
        .calm_most_ns = 80 * S,
    };
}

static void begin_connection(struct publisher *publisher, int64_t at_ns, int64_t cache_ns)
{
    publisher->begins = true;
    publisher->floor_ns = at_ns + publisher->traits.transit_ns;
    publisher->stall_ns = 0;
    publisher->last_key_ns = INT64_MIN;
    for (int i = 0; i < TRACK_COUNT; i++) {
        publisher->glitch_ns[i] = 0;
        publisher->next_ns[i] = at_ns - cache_ns + publisher_between(publisher, 0, 20) * MS;
    }
    /* One of the tracks may begin late. */
    if (chance(publisher, 0.2))
        publisher->next_ns[g_rand_int_range(publisher->random, 0, TRACK_COUNT)] +=
            publisher_between(publisher, 0, 4000) * MS;
}

static void plan_trouble(struct publisher *publisher, int64_t from_ns)
{
    publisher->next_trouble_ns = from_ns + publisher_between(publisher, publisher->traits.calm_least_ns,
                                                             publisher->traits.calm_most_ns);
}

void publisher_init(struct publisher *publisher, guint32 seed, int64_t start_ns)
{
    *publisher = (struct publisher){.random = g_rand_new_with_seed(seed)};
    choose_traits(publisher);
    publisher->base_ns = any_base(publisher) - start_ns;
    begin_connection(publisher, start_ns, publisher->traits.cache_ns);
    publisher->trouble_at_ns = publisher->trouble_over_ns = start_ns;
    plan_trouble(publisher, start_ns);
}

void publisher_clear(struct publisher *publisher)
{
    g_rand_free(publisher->random);
}

/* ---- troubles ---- */

static void stop_capturing(struct publisher *publisher, int64_t duration_ns)
{
    for (int i = 0; i < TRACK_COUNT; i++)
        publisher->next_ns[i] += duration_ns;
    publisher->trouble_over_ns += duration_ns;
}

static void stall(struct publisher *publisher, int64_t at_ns, int64_t duration_ns)
{
    publisher->stall_at_ns = at_ns;
    publisher->stall_ns = duration_ns;
    publisher->catch_up = 1.05 + 2 * g_rand_double(publisher->random) * g_rand_double(publisher->random);
    publisher->trouble_over_ns += (int64_t)((double)duration_ns / (1 - 1 / publisher->catch_up));
}

static void reconnect(struct publisher *publisher, int64_t at_ns)
{
    int64_t back_ns = at_ns + publisher_between(publisher, 1000, 20000) * MS;

    publisher->trouble_over_ns = back_ns;
    if (chance(publisher, 0.5)) { /* another publisher, or the same one begun anew */
        publisher->base_ns = any_base(publisher) - back_ns;
        publisher->step_ns = publisher->stood_ns = 0;
        for (int i = 0; i < TRACK_COUNT; i++)
            publisher->track_step_ns[i] = 0;
        begin_connection(publisher, back_ns, 0);
        return;
    }
    begin_connection(publisher, back_ns, publisher->traits.cache_ns);
}

static void begin_trouble(struct publisher *publisher, int64_t at_ns)
{
    enum trouble trouble;
    enum track track = chance(publisher, 0.5) ? TRACK_VIDEO : TRACK_AUDIO;
    int64_t size_ns = 0;

    do
        trouble = (enum trouble)g_rand_int_range(publisher->random, 0, TROUBLE_COUNT);
    while (!(publisher->traits.troubles & 1U << trouble));
    publisher->trouble_at_ns = publisher->trouble_over_ns = at_ns;
    switch (trouble) {
    case TROUBLE_GAP:
    case TROUBLE_STANDSTILL:
        size_ns = publisher_between(publisher, 10, 9000) * MS;
        stop_capturing(publisher, size_ns);
        publisher->stood_ns += trouble == TROUBLE_STANDSTILL ? size_ns : 0;
        break;
    case TROUBLE_HOLE:
        size_ns = publisher_between(publisher, 50, 20000) * MS;
        publisher->next_ns[track] += size_ns;
        publisher->trouble_over_ns += size_ns;
        break;
    case TROUBLE_CONGESTION:
        size_ns = publisher_between(publisher, 100, 2400) * MS;
        stall(publisher, at_ns, size_ns);
        break;
    case TROUBLE_LONG_STALL:
        size_ns = publisher_between(publisher, 2400, 9000) * MS;
        stall(publisher, at_ns, size_ns);
        break;
    case TROUBLE_GLITCH:
        size_ns = any_step(publisher, 10 * MS, 3600 * S);
        publisher->glitch_ns[track] = size_ns;
        break;
    case TROUBLE_STEP:
        size_ns = any_step(publisher, MS, 100000 * S);
        publisher->step_ns += size_ns;
        break;
    case TROUBLE_STEP_OF_ONE: /* against the other never more than that */
        track = publisher->track_step_ns[TRACK_VIDEO] != 0 ? TRACK_VIDEO : track;
        track = publisher->track_step_ns[TRACK_AUDIO] != 0 ? TRACK_AUDIO : track;
        size_ns = publisher->track_step_ns[track] != 0 ? -publisher->track_step_ns[track]
                                                       : any_step(publisher, MS, 900 * MS);
        publisher->track_step_ns[track] += size_ns;
        break;
    case TROUBLE_CLOCK_OF_ONE:
        size_ns = any_step(publisher, 1100 * MS, 100000 * S);
        publisher->track_step_ns[track] += size_ns;
        break;
    case TROUBLE_RECONNECT:
        reconnect(publisher, at_ns);
        break;
    case TROUBLE_COUNT:
        g_assert_not_reached();
    }
    publisher->trouble = trouble;
    publisher->trouble_track = track;
    publisher->trouble_size_ns = size_ns;
    publisher->n_troubles++;
    plan_trouble(publisher, publisher->trouble_over_ns);
}

/* ---- packets ---- */

static int64_t timestamp_of(struct publisher *publisher, enum track track, int64_t captured_ns)
{
    const struct publisher_traits *traits = &publisher->traits;
    int64_t clock_ns = captured_ns - publisher->stood_ns;
    int64_t timestamp_ns = publisher->base_ns + clock_ns + clock_ns / 1000 * traits->ppm / 1000 +
                           publisher->step_ns + publisher->track_step_ns[track] + publisher->glitch_ns[track];

    timestamp_ns = (timestamp_ns % traits->wrap_ns + traits->wrap_ns) % traits->wrap_ns;
    publisher->glitch_ns[track] = 0;
    int64_t ticks = timestamp_ns / 1000 * traits->ticks_per_s / 1000000;
    return ticks * 1000000 / traits->ticks_per_s * 1000;
}

static int64_t arrival_of(struct publisher *publisher, int64_t captured_ns)
{
    const struct publisher_traits *traits = &publisher->traits;
    int64_t arrival_ns =
        captured_ns + traits->transit_ns + publisher_between(publisher, 0, traits->jitter_ns + 1);

    if (publisher->stall_ns > 0) {
        double backlog_ns = (double)(captured_ns - publisher->stall_at_ns) / publisher->catch_up;
        int64_t held_ns =
            publisher->stall_at_ns + publisher->stall_ns + traits->transit_ns + (int64_t)backlog_ns;
        if (held_ns < arrival_ns && captured_ns > publisher->stall_at_ns + publisher->stall_ns)
            publisher->stall_ns = 0;
        arrival_ns = MAX(arrival_ns, held_ns);
    }
    arrival_ns = MAX(arrival_ns, MAX(publisher->floor_ns, publisher->last_arrival_ns));
    publisher->last_arrival_ns = arrival_ns;
    return arrival_ns;
}

static bool is_key(struct publisher *publisher, int64_t captured_ns)
{
    bool key = publisher->last_key_ns == INT64_MIN ||
               captured_ns - publisher->last_key_ns >= publisher->traits.gop_ns;
    if (key)
        publisher->last_key_ns = captured_ns;
    return key;
}

static enum track next_track(const struct publisher *publisher)
{
    return publisher->next_ns[TRACK_AUDIO] < publisher->next_ns[TRACK_VIDEO] ? TRACK_AUDIO : TRACK_VIDEO;
}

void publisher_next(struct publisher *publisher, struct publisher_packet *packet)
{
    const struct publisher_traits *traits = &publisher->traits;
    int64_t next_ns = publisher->next_ns[next_track(publisher)];

    if (traits->troubles && next_ns >= publisher->next_trouble_ns)
        begin_trouble(publisher, next_ns);
    enum track track = next_track(publisher);
    int64_t captured_ns = publisher->next_ns[track];
    bool wrong = publisher->glitch_ns[track] != 0;
    int64_t dts_ns = timestamp_of(publisher, track, captured_ns);
    bool is_video = track == TRACK_VIDEO;
    int64_t duration_ns = is_video
                              ? publisher_between(publisher, traits->frame_least_ns, traits->frame_most_ns)
                              : traits->sound_ns;
    *packet = (struct publisher_packet){
        .track = track,
        .key = !is_video || is_key(publisher, captured_ns),
        .begins = publisher->begins,
        .wrong = wrong,
        .captured_ns = captured_ns,
        .arrival_ns = arrival_of(publisher, captured_ns),
        .dts_ns = dts_ns,
        .pts_ns = is_video ? dts_ns + (int64_t)(publisher->n_packets % (unsigned)(traits->b_frames + 1)) *
                                          traits->frame_least_ns
                           : dts_ns,
        .duration_ns = duration_ns,
        .number = publisher->n_packets++,
    };
    publisher->begins = false;
    publisher->next_ns[track] += duration_ns;
}
